/** An engine of several workers and fronts beside a single process: the same record of rounds and the same model bytes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/io/clock.js";
import { noQueue } from "../../../src/io/engine/queue.js";
import type { Release } from "../../../src/round/node.js";
import { type Outcome, runTree } from "../../round/tree-world.js";
import { needed, ready, type Services, startServices } from "./services.js";
import { admit, bundleDigest, file, runId, runMembers, shapeOf, startFront, startWorker } from "./world.js";

describe.skipIf(!ready)(`an engine${needed}`, () => {
  let services: Services;
  let single: Outcome;
  let made = 0;
  beforeAll(async () => {
    services = await startServices();
    single = await runTree(file, {}, "calm", { patient: true });
  }, 60_000);
  afterAll(() => services?.stop());

  it.each([
    ["three shards, references in JetStream", 3, undefined],
    ["one node, references in JetStream", 0, undefined],
    ["two shards, PostgreSQL alone", 2, noQueue],
  ] as const)(
    "with %s, two workers and two fronts makes the bytes of a single process",
    { timeout: 240_000 },
    async (_name, shards, how) => {
      const database = await services.postgres.database();
      const shape = await shapeOf(shards);
      const label = `calm${made++}`;
      const all = await Promise.all([1, 2, 3, 4].map(() => services.parts(database, label, how)));
      const [{ record, blobs }] = all;
      await admit(record, shape);
      const releases: Release[] = [];
      const released = async (release: Release) => void releases.push(release);
      const workers = await Promise.all(all.slice(0, 2).map((one) => startWorker(shape, one, undefined, released)));
      const fronts = await Promise.all(all.slice(2).map((one) => startFront(shape, one)));
      let turn = 0;
      await runMembers(() => fronts[turn++ % 2], new AbortController().signal);
      await Promise.all([...workers, ...fronts].map((one) => one.close()));

      expect(new Set(releases.map(bundleDigest))).toEqual(new Set([bundleDigest(single.release as Release)]));
      const told = ({ round, included, excluded, loss }: Omit<Outcome["rounds"][number], "attempt">) => ({
        round,
        included,
        excluded,
        loss,
      });
      expect((await record.rounds(runId)).map((row) => told(row as never))).toEqual(single.rounds.map(told));
      expect((await record.run(runId))?.state).toBe("finished");
      // What members told is gone with its round: what no row names is a board and its frame for each node.
      expect(await record.outbox(systemClock.now())).toEqual([]);
      const named = new Set<string>();
      for await (const blob of record.blobs()) named.add(blob);
      const unnamed = (await blobs.list()).filter((blob) => !named.has(blob));
      expect(unnamed.length).toBeLessThanOrEqual(2 * (shards + 1));
    },
  );
});
