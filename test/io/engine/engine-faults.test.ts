/** An engine whose parts die: workers by kill -9, the queue with everything it had acknowledged, the database, leases. The model is the same. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runOf } from "../../../src/coordinator/engine-roles.js";
import { millis } from "../../../src/core/quantities.js";
import { systemClock } from "../../../src/io/clock.js";
import { noQueue, type ReferenceQueue } from "../../../src/io/engine/queue.js";
import type { Release } from "../../../src/round/node.js";
import { childrenOfTier } from "../../../src/round/tiers.js";
import { prepareTree, runTree } from "../../round/tree-world.js";
import { temporaryFolder } from "../../support/folder.js";
import { compileSources } from "./compiled.js";
import { needed, ready, type Services, startServices } from "./services.js";
import { until } from "./until.js";
import { admit, bundleDigest, file, fileSpec, optionsOf, runId, runMembers, shapeOf, startFront, startWorker } from "./world.js";

const worker = fileURLToPath(new URL("./worker.mjs", import.meta.url));

describe.skipIf(!ready)(`an engine whose parts die${needed}`, () => {
  let services: Services;
  let expected: string;
  let sources: string;
  const folder = temporaryFolder();
  beforeAll(async () => {
    services = await startServices();
    expected = bundleDigest((await runTree(file, {}, "calm", { patient: true })).release as Release);
    sources = await folder;
    compileSources(sources);
  }, 60_000);
  afterAll(() => services?.stop());

  /** Every reference comes several times, some of them at once. */
  const repeating = (queue: ReferenceQueue): ReferenceQueue => ({
    ...queue,
    publish: async (topic, reference) => (await queue.publish(topic, reference)) && queue.publish(topic, reference),
    consume: (topic, handle) =>
      queue.consume(topic, async (reference) => {
        await Promise.all([handle(reference), handle(reference)]);
        await handle(reference);
      }),
  });

  it("counts nothing twice, and loses nothing with JetStream's store, the database's crash and stolen leases", {
    timeout: 240_000,
  }, async () => {
    const database = await services.postgres.database();
    const shape = await shapeOf(2);
    const [a, b, c, d] = await Promise.all([1, 2, 3, 4].map(() => services.parts(database, "faults")));
    await admit(a.record, shape);
    const releases: Release[] = [];
    const released = async (release: Release) => void releases.push(release);
    const workers = await Promise.all(
      [a, b].map((one) => startWorker(shape, { ...one, queue: repeating(one.queue) }, undefined, released)),
    );
    // This front dies after every row: it never publishes anything.
    const fronts = [await startFront(shape, c), await startFront(shape, { ...d, queue: { ...d.queue, publish: noQueue.publish } })];
    let replies = 0;
    let turn = 0;
    const members = runMembers(
      () => fronts[turn++ % 2],
      new AbortController().signal,
      () => replies++,
    );
    await until("the first round's replies", () => replies >= 16);
    await services.nats.kill();
    services.nats.wipe();
    await services.nats.start();
    const before = replies;
    await until("replies after the queue was lost", () => replies > before + 3);
    for (const role of shape.roles) {
      // A process whose clock is an hour ahead takes every lease, and does nothing with it.
      const soon = systemClock.now();
      expect(await c.record.lease(`engine ${runOf(runId, role)}`, "thief", millis(soon + 1), millis(soon + 3_600_000))).toBeDefined();
    }
    const then = replies;
    await until("replies after the leases were stolen", () => replies > then + 3);
    await services.postgres.crash();
    await members;
    await Promise.all([...workers, ...fronts].map((one) => one.close()));
    expect(new Set(releases.map(bundleDigest))).toEqual(new Set([expected]));
    const rounds = await a.record.rounds(runId);
    expect(rounds.map(({ round, members }) => [round, members])).toEqual(rounds.map((_row, i) => [i + 1, 6]));
    expect(await a.record.check()).toEqual([]);
  });

  it("goes on when any worker is killed, the holder of the root too", { timeout: 240_000 }, async () => {
    const database = await services.postgres.database();
    const shape = await shapeOf(2);
    const { tree } = await prepareTree(file);
    const parts = await services.parts(database, "killed");
    await admit(parts.record, shape);
    const { run } = optionsOf(shape, parts, async () => {});
    const given = JSON.stringify({
      ...{ sources, postgres: database, nats: services.nats.url, name: "killed", s3: { ...services.s3, prefix: "killed/" } },
      ...{ file: fileSpec, children: childrenOfTier(tree), shards: 2, run },
    });
    const alive = new Map<number, { readonly holds: Set<string>; readonly kill: () => Promise<void> }>();
    let started = 0;
    function start(): void {
      const child = spawn(process.execPath, [worker, given], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NODE_NO_WARNINGS: "1" },
      });
      const id = started++;
      const holds = new Set<string>();
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.stdout.on("data", (chunk) => {
        for (const [, event, node] of String(chunk).matchAll(/engine\.(holds|dropped) (\S+)/g))
          event === "holds" ? holds.add(node) : holds.delete(node);
      });
      alive.set(id, {
        holds,
        async kill() {
          alive.delete(id);
          child.kill("SIGKILL");
          await ended;
        },
      });
    }
    try {
      for (let i = 0; i < 2; i++) start();
      const front = await startFront(shape, parts);
      let replies = 0;
      const members = runMembers(
        () => front,
        new AbortController().signal,
        () => replies++,
      );
      for (const wanted of ["root", "shard-1", "root"]) {
        const seen = replies;
        const holder = () => [...alive.values()].find(({ holds }) => holds.has(wanted));
        await until(`somebody to hold ${wanted}`, () => holder() !== undefined, 30_000);
        await until("a reply", () => replies > seen, 30_000);
        await holder()?.kill();
        start();
      }
      await members;
      expect(await parts.record.setting("released bundle")).toBe(expected);
      expect((await parts.record.rounds(runId)).map(({ round }) => round)).toEqual([1, 2, 3, 4]);
      await front.close();
    } finally {
      for (const one of [...alive.values()]) await one.kill();
    }
  });
});
