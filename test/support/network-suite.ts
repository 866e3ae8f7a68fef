/** Networks for a test file: one build and one copy of the program, folders kept where a test failed, everything ended afterwards. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, onTestFailed } from "vitest";
import { type Network, openNetwork, type Shape } from "./network.js";
import { faultsOf, replays } from "./network-checks.js";
import { copyProgram, type Program } from "./network-program.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Suite {
  readonly open: (shape: Shape, options?: { readonly folder?: string }) => Promise<Network>;
  /** Another version of the same program. */
  readonly version: (version: string) => Program;
}

export function networkSuite(): Suite {
  const networks: Network[] = [];
  const programs: Program[] = [];
  const failed = new Set<Network>();

  beforeAll(() => {
    const built = spawnSync(process.execPath, [join(root, "scripts/build.mjs"), "--quick"], { encoding: "utf8" });
    expect(built.status, built.stderr).toBe(0);
    programs.push(copyProgram(root));
  });
  afterAll(async () => {
    await Promise.all(networks.map((one) => one.stop()));
    for (const one of networks) if (!failed.has(one)) one.remove();
    for (const one of programs) one.remove();
  });

  return {
    async open(shape, options) {
      const network = await openNetwork(programs[0], shape, options);
      networks.push(network);
      onTestFailed(() => {
        failed.add(network);
        console.error(`data folders and logs: ${network.folder}`);
      });
      return network;
    },
    version(version) {
      const made = copyProgram(root, version);
      programs.push(made);
      return made;
    },
  };
}

/** Waits for the end of the run and holds what has to be true then. */
export async function endsWell(network: Network): Promise<{ readonly rounds: number; readonly model: string }> {
  await network.until("the end of the run", () => network.over() !== undefined, 170_000);
  expect(network.over(), network.node("region").log().slice(-3000)).toBe("finished");
  await network.stop();
  const { same, said, ...rest } = await replays(network);
  expect(same, said).toBe(true);
  expect(await faultsOf(network)).toEqual([]);
  return rest;
}
