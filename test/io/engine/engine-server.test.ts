/** Two processes' worth of an engine behind HTTPS, each a front and a worker, and plants that enrol, join and train as they do anywhere. */
import { writeFileSync } from "node:fs";
import { join as path } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EngineProcess, startEngine } from "../../../src/coordinator/engine-server.js";
import type { Home } from "../../../src/coordinator/home.js";
import type { Membership } from "../../../src/coordinator/membership.js";
import { membersOf } from "../../../src/coordinator/plan-members.js";
import { millis } from "../../../src/core/quantities.js";
import type { join as joinOf } from "../../../src/edge/join.js";
import { systemClock } from "../../../src/io/clock.js";
import { type SignedPlan, signPlan } from "../../../src/io/crypto/plan-envelope.js";
import { systemRandom } from "../../../src/io/crypto/system-random.js";
import { folderDisk } from "../../../src/io/disk/folder.js";
import { kernelVersion } from "../../../src/kernels/instance.js";
import type { Release } from "../../../src/round/node.js";
import { prepareTree, runTree } from "../../round/tree-world.js";
import { temporaryFolder } from "../../support/folder.js";
import { compileSources } from "./compiled.js";
import { needed, ready, type Services, startServices } from "./services.js";
import { bundleDigest, digest, file, fileSpec } from "./world.js";

describe.skipIf(!ready)(`an engine behind HTTPS${needed}`, () => {
  let services: Services;
  const folder = temporaryFolder();
  const engines: EngineProcess[] = [];
  beforeAll(async () => {
    services = await startServices();
  }, 60_000);
  afterAll(async () => {
    for (const engine of engines) await engine.close();
    await services?.stop();
  });

  it("trains real plants at either front to the model of a single process", { timeout: 180_000 }, async () => {
    const root = await folder;
    // A plant trains in worker threads, which need JavaScript.
    const sources = path(root, "sources");
    compileSources(sources);
    const { join } = (await import(pathToFileURL(path(sources, "edge/join.js")).href)) as { join: typeof joinOf };
    const database = await services.postgres.database();
    const { tree } = await prepareTree(file);
    const sites = tree.sites;
    const content: SignedPlan = {
      ...{ format: "millwright-plan/1", federation: "engine", file: JSON.parse(JSON.stringify(file)), kernels: kernelVersion, plugins: {} },
      ...{ members: membersOf(file, { org: "acme", sites }), sequence: 1, notBefore: millis(systemClock.now() - 300_000) },
    };
    // The first process signs; the others find what it signed.
    let text: string | undefined;
    const plan = async ({ planKey }: Home) => {
      text ??= signPlan(content, [planKey]);
      return { text, sha256: digest(new TextEncoder().encode(text)), plan: content };
    };
    const start = async () => {
      const engine = await startEngine({
        ...(await services.parts(database, "https")),
        ...{ disk: folderDisk(path(root, "home")), clock: systemClock, random: systemRandom, federation: "engine", plan, modules: root },
        ...{ shards: 2, serve: { host: "127.0.0.1", port: 0 }, names: [], addresses: ["127.0.0.1"], work: true, automaticRelease: true },
        ...{ memory: () => 0, processorSeconds: () => 0, log: () => {} },
      });
      engines.push(engine);
      return engine;
    };
    const both = await Promise.all([start(), start()]);
    const plants = await Promise.all(
      sites.map(async (site, i) => {
        const front = both[i % 2];
        const url = front.url as string;
        const { token } = await (front.membership as Membership).createToken({
          org: "acme",
          name: site,
          role: "site",
          urls: [url],
          by: "local",
        });
        writeFileSync(path(root, `${site}.yaml`), `site: "${site}"\ndata: federation\n`);
        return join({
          ...{ siteFile: path(root, `${site}.yaml`), data: path(root, `data-${site}`), token, url, once: true },
          ...{ signal: new AbortController().signal, env: {}, log: () => {} },
          halted: (error) => {
            throw error;
          },
        });
      }),
    );
    await Promise.all(plants.map(({ plant }) => plant.run()));
    for (const { close } of plants) await close();
    const single = await runTree(file, {}, "calm", { patient: true });
    const parts = await services.parts(database, "https");
    const [release] = await parts.record.releases("engine");
    expect(release).toMatchObject({ version: 1, state: "released", members: [...sites].sort() });
    expect(release?.bundle).toBe(bundleDigest(single.release as Release));
    expect((await parts.record.rounds("engine-1")).map(({ members }) => members)).toEqual(Array(fileSpec.rounds).fill(sites.length));
    expect((await both[0].status?.())?.state).toBe("finished");
  });
});
