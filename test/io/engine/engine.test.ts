/** An engine of several processes' worth of parts against a single process: the same record of rounds and the same model bytes. */
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/io/clock.js";
import { systemRandom } from "../../../src/io/crypto/system-random.js";
import { natsQueue } from "../../../src/io/engine/nats.js";
import { noQueue, type ReferenceQueue } from "../../../src/io/engine/queue.js";
import { openRecord } from "../../../src/io/record/open.js";
import { s3Blobs } from "../../../src/io/store/blobs-s3.js";
import type { Release } from "../../../src/round/node.js";
import { hasS3, needsS3, startS3 } from "../../contract/s3-server.js";
import { runTree } from "../../round/tree-world.js";
import { needsPostgres, postgresPrograms, startPostgres } from "../record/postgres-server.js";
import { hasNats, needsNats, startNats } from "./nats-server.js";
import { admit, bundleDigest, file, type Parts, runId, runMembers, shapeOf, startFront, startWorker } from "./world.js";

const ready = hasS3 && hasNats && postgresPrograms() !== undefined;
const name = `an engine${ready ? "" : ` ${needsPostgres} ${needsNats} ${needsS3}`}`;

describe.skipIf(!ready)(name, async () => {
  const [postgres, nats, s3] = ready ? await Promise.all([startPostgres(), startNats(), startS3()]) : [];
  const closing: (() => Promise<unknown>)[] = [];
  let made = 0;
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
    await Promise.all([postgres?.stop(), nats?.stop(), s3?.stop()]);
  });
  const queue = async (label: string): Promise<ReferenceQueue> => {
    const one = await natsQueue({ servers: [nats?.url ?? ""], name: label, clock: systemClock, limits: { ackWait: 2000 } });
    closing.push(one.close);
    return one;
  };
  /** Parts for one more process of the engine `label`. */
  const parts = async (url: string, label: string, how?: ReferenceQueue): Promise<Parts> => {
    const record = await openRecord({ url });
    closing.push(record.close);
    const blobs = await s3Blobs({ ...(s3 as NonNullable<typeof s3>).options, prefix: `${label}/`, random: systemRandom });
    return { record, blobs, queue: how ?? (await queue(label)) };
  };
  const single = await (ready ? runTree(file, {}, "calm", { patient: true }) : undefined);
  const expected = () => bundleDigest(single?.release as Release);

  async function runWith(shards: number, how?: ReferenceQueue) {
    const url = (await postgres?.database()) as string;
    const label = `run${made++}`;
    const shape = await shapeOf(shards);
    const all = await Promise.all([1, 2, 3, 4].map(() => parts(url, label, how)));
    await admit(all[0].record, shape);
    const releases: Release[] = [];
    const workers = await Promise.all(
      all.slice(0, 2).map((one) => startWorker(shape, one, undefined, async (release) => void releases.push(release))),
    );
    const fronts = await Promise.all(all.slice(2).map((one) => startFront(shape, one)));
    let turn = 0;
    const stop = new AbortController();
    await runMembers(() => fronts[turn++ % 2], stop.signal);
    await Promise.all([...workers, ...fronts].map((one) => one.close()));
    return { releases, record: all[0].record, blobs: all[0].blobs, shape };
  }

  it.each([
    ["with three shards, references in JetStream", 3, undefined],
    ["with one node, references in JetStream", 0, undefined],
    ["with two shards and PostgreSQL alone", 2, noQueue],
  ] as const)("%s, two workers and two fronts makes the bytes of a single process", { timeout: 60_000 }, async (_name, shards, how) => {
    const { releases, record, blobs } = await runWith(shards, how);
    expect(new Set(releases.map(bundleDigest))).toEqual(new Set([expected()]));
    const rounds = await record.rounds(runId);
    expect(rounds.map(({ round, included, excluded, loss }) => ({ round, included, excluded, loss }))).toEqual(
      single?.rounds.map(({ round, included, excluded, loss }) => ({ round, included, excluded, loss })),
    );
    expect((await record.run(runId))?.state).toBe("finished");
    // What members told is gone with its round: nothing stays but models, snapshots and the last boards.
    expect((await record.outbox(systemClock.now())).length).toBe(0);
    const kept = await blobs.list();
    expect(kept.length).toBeLessThanOrEqual(rounds.length + 4 * (shards + 1));
  });
});
