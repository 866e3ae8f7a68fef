/** What happens to a federation in its life, in one run of real processes: late, away, restarted, upgraded, shut out, and no room left. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Network } from "../support/network.js";
import { recordOf } from "../support/network-checks.js";
import { endsWell, networkSuite } from "../support/network-suite.js";

const suite = networkSuite();

interface Told {
  readonly version: string;
  readonly waiting: { readonly text: string; readonly forMs: number };
  readonly members: readonly { readonly name: string; readonly state: string; readonly here: boolean }[];
}

async function statusOf(network: Network, node: string): Promise<Told> {
  const { code, out, err } = await network.run("status", "--as", network.admin(node), "--json");
  expect(code, err).toBe(0);
  return JSON.parse(out) as Told;
}

/** So that a round takes a second, and things can happen in its middle. */
const slow = { latencyMs: 120 };

describe("a run of real processes", () => {
  it("goes on while plants are late, away and shut out, and nodes are restarted and upgraded", { timeout: 300_000 }, async () => {
    const network = await suite.open({
      facilities: { "facility-a": ["plant-1", "plant-2", "plant-3"] },
      rounds: 40,
      deadline: "4s",
      minimum: 0.5,
    });
    const plants = ["plant-1", "plant-2", "plant-3"].map((name) => network.node(name));
    const [, second, third] = plants;
    for (const { link } of plants) link?.set(slow);

    // Late: the first question waits for everybody, and says for whom.
    network.startAll(["plant-3"]);
    await network.until("plant-1 and plant-2 to have told their statistics", () =>
      plants.slice(0, 2).every((plant) => plant.events("plant.sent").length > 0),
    );
    const early = await statusOf(network, "facility-a");
    expect(early.waiting.text).toMatch(/^statistics from plant-3$/);
    expect(early.waiting.forMs).toBeGreaterThan(0);
    expect(early.members.find(({ name }) => name === "plant-3")).toMatchObject({ state: "invited", here: false });
    expect(network.rounds()).toBe(0);
    third.start();
    await network.until("the second round", () => network.rounds() >= 2);

    // Away for a whole round: it closes without the plant by its rule, and later ones count it again.
    await second.kill();
    const gone = network.rounds("facility-a");
    await network.until("rounds without plant-2", () => network.rounds("facility-a") >= gone + 2);
    second.start();
    const back = network.rounds("facility-a");
    await network.until(
      "rounds with plant-2 again",
      () => second.events("plant.sent").filter(({ counts, key }) => counts === true && roundOf(key) > back).length > 1,
    );

    // The region stops in the middle of a round and comes back.
    const region = network.node("region");
    const before = network.rounds();
    await region.stop();
    region.start();
    await network.until("rounds after the region's restart", () => network.rounds() >= before + 2);

    // Every node in turn is replaced by a newer version.
    const next = suite.version("9.9.9");
    for (const name of ["region", "facility-a", "plant-1"]) {
      network.use(name, next);
      await network.node(name).stop();
      network.node(name).start();
      await network.until(`${name} after its upgrade`, () => network.node(name).ready());
    }
    const upgraded = network.rounds();
    await network.until("rounds after the upgrade", () => network.rounds() >= upgraded + 2);

    // Shut out: the open connection is cut, and the rounds go on without it.
    const shut = await network.run("revoke", "plant-3", "--reason", "a test", "--as", network.admin("facility-a"));
    expect(shut.code, shut.err).toBe(0);
    const at = network.rounds("facility-a");
    await network.until("the plant to hear of it", () => third.events("plant.refused").some(({ code }) => code === "AUTH_REVOKED"));
    expect(network.node("facility-a").events("member.revoked")[0]?.connections).toBeGreaterThan(0);
    await network.until("rounds without plant-3", () => network.rounds("facility-a") >= at + 2);
    expect((await statusOf(network, "facility-a")).version).toBe("9.9.9");
    for (const { link } of plants) link?.set({});
    const { rounds } = await endsWell(network);
    expect(rounds).toBe(40);

    const record = await recordOf(network, "facility-a");
    const names = record.rounds.map(({ included }) => included.map(({ site }) => site).sort());
    expect(names[0]).toEqual(["plant-1", "plant-2", "plant-3"]);
    expect(names.filter((all) => !all.includes("plant-2")).length).toBeGreaterThan(0);
    // The round that was open when the plant was shut out may still count what it had sent.
    expect(names.slice(at + 1).filter((all) => all.includes("plant-3"))).toEqual([]);
  });
});

function roundOf(key: unknown): number {
  return Number(/^round (\d+)/.exec(String(key))?.[1] ?? 0);
}

describe("a disk without room (needs root, to mount a small one)", () => {
  it.for(["facility-a", "plant-1"])(
    "is named by %s, nothing counts that was not written, and the run goes on once there is room again",
    {
      timeout: 240_000,
    },
    async (full, context) => {
      const folder = mkdtempSync(join(tmpdir(), "millwright-network-"));
      const small = join(folder, full);
      mkdirSync(small);
      if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", small]).status !== 0) {
        rmSync(folder, { recursive: true });
        context.skip("needs root, to mount a small disk (mount -t tmpfs)");
      }
      try {
        const network = await suite.open({ facilities: { "facility-a": ["plant-1", "plant-2"] }, rounds: 40, deadline: "4s" }, { folder });
        const node = network.node(full);
        for (const name of ["plant-1", "plant-2"]) network.node(name).link?.set(slow);
        network.startAll();
        await network.until("the second round", () => network.rounds() >= 2);
        fill(join(small, "other-files"));
        // The round that is open cannot be written down, so it stays open, and the log says why.
        await network.until(`${full} to say why`, () => /FILE_UNWRITABLE|RECORD_UNAVAILABLE/.test(node.log()));
        const stood = network.rounds();
        await network.until("a deadline to pass", () => pause(5000));
        // The rounds go on without a plant by their rule, and never without the only facility.
        if (full === "facility-a") expect(network.rounds()).toBeLessThanOrEqual(stood + 1);
        expect(network.over()).toBeUndefined();
        rmSync(join(small, "other-files"));
        for (const name of ["plant-1", "plant-2"]) network.node(name).link?.set({});
        await endsWell(network);
      } finally {
        spawnSync("umount", ["-l", small]);
      }
    },
  );
});

async function pause(ms: number): Promise<true> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return true;
}

/** Takes what is left of a disk. */
function fill(path: string): void {
  for (let size = 1 << 20; size >= 512; ) {
    try {
      writeFileSync(path, new Uint8Array(size), { flag: "a" });
    } catch {
      size /= 2;
    }
  }
}
