/**
 * A worker process of an engine. It takes leases on nodes of the run (the root, its shards), drives those it holds, and publishes what the
 * queue lost. Any number of workers may run; each node has one at a time, and when that one dies another takes over within a lease's life.
 * A worker that was only slow finds its writes refused (fencing) and begins again.
 *
 * Leases go by the workers' clocks: keep them within a second or two. A clock that is wrong costs changes of hands, never a round.
 */
import type { BlobStore } from "../core/blobs.js";
import { fail, MillwrightError } from "../core/errors.js";
import type { Clock, SecretRandom } from "../core/ports.js";
import { millis } from "../core/quantities.js";
import type { Lease, RecordStore, RunRow } from "../core/record.js";
import type { ReferenceQueue } from "../io/engine/queue.js";
import type { Release } from "../round/node.js";
import { type EngineLog, type EngineNode, openEngineNode, pause } from "./engine-node.js";
import { createPost } from "./engine-post.js";
import { type EngineRole, type EngineShape, runOf } from "./engine-roles.js";

export interface AggregatorOptions {
  readonly shape: EngineShape;
  /** The federation's run; made where it is not there. */
  readonly run: Omit<RunRow, "state">;
  readonly record: RecordStore;
  readonly blobs: BlobStore;
  readonly queue: ReferenceQueue;
  readonly clock: Clock;
  readonly random: SecretRandom;
  readonly log: EngineLog;
  /** The run ended: puts the model into the registry. May be called again, by another worker. */
  readonly released: (release: Release) => Promise<void>;
  /** Millis that a lease lasts; renewed after a third. */
  readonly lease?: number;
  /** Millis after which a reference that is not done is published again. */
  readonly republish?: number;
  /** Most nodes that this process drives; default: as many as come. */
  readonly most?: number;
}

export interface Aggregator {
  /** Nodes that it drives now. */
  readonly holds: () => readonly string[];
  readonly close: () => Promise<void>;
}

interface Held {
  readonly lease: Lease;
  /** Absent while it is being rebuilt from the record. */
  node?: EngineNode;
}

/** Seen times are read again after this many millis. */
const seenAgain = 10_000;

/** Makes the run and its shards in the record. Errors: PLAN_REFUSED where it was begun with another number of shards; RECORD_*. */
export async function prepareRun({
  shape,
  run,
  record,
  clock,
  random,
}: Pick<AggregatorOptions, "shape" | "run" | "record" | "clock" | "random">): Promise<void> {
  const holder = nameOf(random);
  const setting = `engine of ${run.id}`;
  const shards = String(shape.shards.length);
  for (let tries = 0; ; tries++) {
    const known = await record.setting(setting);
    if (known === shards) break;
    if (known !== undefined) {
      fail("PLAN_REFUSED", {
        where: "engine.shards",
        expected: `${known}, with which the run began`,
        got: shards,
        remedy: "start every worker with the same number; another one takes effect with the next run",
      });
    }
    const lease = await record.lease("engine.setup", holder, millis(clock.now() + 10_000), clock.now());
    if (lease !== undefined) {
      await record.putSetting(setting, shards, { fence: { name: lease.name, token: lease.token } });
      await record.endLease(lease);
      break;
    }
    if (tries > 100) fail("RECORD_UNAVAILABLE", { where: "engine.setup", expected: "the lease within 20 s", got: "others hold it" });
    await pause(clock, 200);
  }
  // Shards first and a little older: the newest run of a record is the federation's.
  for (const role of [...shape.shards, shape.root]) {
    const { root } = shape;
    const startedAt = role === root ? run.startedAt : millis(Math.max(0, run.startedAt - 1));
    await record.createRun({ ...run, id: runOf(run.id, role), node: role === root ? run.node : role.name, startedAt, state: "running" });
  }
}

export async function startAggregator(options: AggregatorOptions): Promise<Aggregator> {
  const { shape, record, blobs, queue, clock, log } = options;
  const lease = options.lease ?? 15_000;
  const republish = options.republish ?? 10_000;
  const run = options.run.id;
  const holder = nameOf(options.random);
  const held = new Map<string, Held>();
  const post = createPost({ run, record, queue, clock, republish });
  let stopped = false;
  await prepareRun(options);

  let seenAt = Number.NEGATIVE_INFINITY;
  let seenRows: Promise<ReadonlyMap<string, number>> | undefined;
  const seen = (): Promise<ReadonlyMap<string, number>> => {
    if (seenRows === undefined || clock.now() - seenAt >= seenAgain) {
      seenAt = clock.now();
      seenRows = record.members().then((rows) => new Map(rows.map((row) => [row.name, row.lastSeen ?? 0])));
      seenRows.catch(() => {
        seenRows = undefined;
      });
    }
    return seenRows;
  };

  /** Closing waits for what is under way; whoever takes over need not. */
  function drop(role: EngineRole, why: string): void {
    const one = held.get(role.slug);
    if (one === undefined) return;
    held.delete(role.slug);
    log("warn", "engine.dropped", { node: role.slug, why });
    if (one.node !== undefined) closing.add(closed(one.node));
  }

  const closing = new Set<Promise<void>>();
  function closed(node: EngineNode): Promise<void> {
    const done: Promise<void> = node.close().finally(() => closing.delete(done));
    return done;
  }

  const leased = (role: EngineRole): Promise<Lease | undefined> =>
    record.lease(leaseOf(run, role), holder, millis(clock.now() + lease), clock.now());

  /** Prolongs what it holds; nothing slow is done in between, or a busy worker would lose its nodes for being busy. */
  async function renew(): Promise<void> {
    await Promise.all(
      shape.roles.map(async (role) => {
        const mine = held.get(role.slug);
        if (mine === undefined) return;
        const now = await leased(role);
        if (held.get(role.slug) !== mine || now?.token === mine.lease.token) return;
        drop(role, now === undefined ? "the lease has passed on" : "the lease had run out");
      }),
    );
  }

  async function take(role: EngineRole): Promise<boolean> {
    const lease = await leased(role);
    if (lease === undefined) return false;
    const mine: Held = { lease };
    held.set(role.slug, mine);
    const fence = { name: lease.name, token: lease.token };
    try {
      const node = await openEngineNode({
        ...{ role, shape, run, record, blobs, queue, post, clock, fence, log, seen, released: options.released },
        halted(error) {
          log("error", "engine.halted", { node: role.slug, error: String(error) });
          // The lease is left to run out or to be taken again: what was written last is read first.
          if (held.get(role.slug) === mine) drop(role, "it could not go on");
        },
      });
      if (held.get(role.slug) === mine) mine.node = node;
      else closing.add(closed(node));
      log("info", "engine.holds", { node: role.slug, token: lease.token });
      return true;
    } catch (error) {
      if (held.get(role.slug) === mine) held.delete(role.slug);
      throw error;
    }
  }

  const over = async (): Promise<boolean> => {
    const state = (await record.run(run))?.state;
    return state === "finished" || state === "failed";
  };

  /** Takes one more node where somebody is needed: who starts at the same time shares. */
  async function work(): Promise<void> {
    if (!(await over())) {
      const most = options.most ?? shape.roles.length;
      const start = options.random.bytes(1)[0];
      for (let i = 0; i < shape.roles.length && held.size < most; i++) {
        const role = shape.roles[(start + i) % shape.roles.length];
        if (!held.has(role.slug) && (await take(role))) break;
      }
    }
    for (const { node } of [...held.values()]) await node?.tick();
  }

  async function sweep(): Promise<void> {
    await post.sweep((node, reference) => held.get(node)?.node?.take(reference));
  }

  const loop = (every: number, what: string, work: () => Promise<void>): Promise<void> =>
    (async () => {
      while (!stopped) {
        await work().catch((error) => {
          if (!(error instanceof MillwrightError)) log("error", what, { error: String(error) });
          else log("warn", what, { code: error.code, error: error.message });
        });
        await napping(every);
      }
    })();
  const naps = new Set<() => void>();
  const napping = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (stopped) return resolve();
      const end = (): void => {
        naps.delete(end);
        cancel();
        resolve();
      };
      const cancel = clock.at(millis(clock.now() + ms), end);
      naps.add(end);
    });

  const loops = [
    loop(lease / 3, "engine.leases", renew),
    loop(lease / 3, "engine.nodes", work),
    loop(queue.kind === "none" ? Math.min(200, republish) : Math.min(1000, republish), "engine.sweep", sweep),
  ];
  return {
    holds: () => [...held.keys()],
    async close() {
      stopped = true;
      for (const end of [...naps]) end();
      await Promise.all(loops);
      for (const [slug, { lease: mine, node }] of held) {
        held.delete(slug);
        await node?.close();
        await record.endLease(mine).catch(() => undefined);
      }
      await Promise.all(closing);
    },
  };
}

const leaseOf = (run: string, role: EngineRole): string => `engine ${runOf(run, role)}`;

/** A process is another holder after every start. */
const nameOf = (random: SecretRandom): string => Array.from(random.bytes(12), (byte) => byte.toString(16).padStart(2, "0")).join("");
