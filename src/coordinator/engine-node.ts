/**
 * One node of an engine, driven by whoever holds its lease: it takes references from its inbox, logs and applies what they name, and shows
 * what it wants on its board. A reference is acknowledged after what it names is committed and its row is done, so one that comes again
 * changes nothing, and one that is lost comes from the outbox. When the lease has passed on, the first write is refused and this one ends.
 */
import type { BlobStore } from "../core/blobs.js";
import { MillwrightError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import { millis } from "../core/quantities.js";
import type { Fence, RecordStore, RoundRow, RunRow, RunState } from "../core/record.js";
import type { Reference, ReferenceQueue } from "../io/engine/queue.js";
import { decodeMessage, encodeMessage, keyOf, type Message } from "../round/messages.js";
import { operator, type Release } from "../round/node.js";
import { type Driver, openDriver } from "./driver.js";
import { type BoardWriter, boardTopic, boardWriter, readBoard } from "./engine-board.js";
import { type Post, readPosted } from "./engine-post.js";
import { fencedRecord, nodeBlobs, ownFrame, watched } from "./engine-record.js";
import { type EngineRole, type EngineShape, flatRound, runOf } from "./engine-roles.js";

export type EngineLog = (level: "info" | "warn" | "error", event: string, detail: Readonly<Record<string, unknown>>) => void;

export interface EngineNodeOptions {
  readonly role: EngineRole;
  readonly shape: EngineShape;
  /** The federation's run. */
  readonly run: string;
  readonly record: RecordStore;
  readonly blobs: BlobStore;
  readonly queue: ReferenceQueue;
  readonly post: Post;
  readonly clock: Clock;
  readonly fence: Fence;
  readonly log: EngineLog;
  /** When each member was seen last. */
  readonly seen: () => Promise<ReadonlyMap<string, number>>;
  /** Root only. Idempotent. */
  readonly released: (release: Release) => Promise<void>;
  /** It cannot go on: the lease has passed on, or the record does not answer. */
  readonly halted: (error: unknown) => void;
}

export interface EngineNode {
  readonly driver: Driver;
  /** Looks at the record: whether the run is paused or over, who is here, and (a shard) what the parent wants. */
  readonly tick: () => Promise<void>;
  /** A reference that the queue did not take. */
  readonly take: (reference: Reference) => void;
  readonly close: () => Promise<void>;
}

/** A member that was not seen for this long is away. Fronts write seen times every ten seconds. */
const grace = 90_000;
/** Millis in which answers are gathered before the board is written again. */
const gather = 40;

export async function openEngineNode(options: EngineNodeOptions): Promise<EngineNode> {
  const { role, shape, record, blobs, queue, post, clock, fence, log } = options;
  const run = (await record.run(runOf(options.run, role))) as RunRow;
  const watch = watched(role.node);
  const kept = nodeBlobs(blobs);
  let state: RunState = run.state;
  let lacking: { here: number; needed: number } | undefined;
  let stopped = false;
  let dirty = false;
  let showing: Promise<void> | undefined;
  let board: BoardWriter | undefined;
  /** What was said to the parent last, until it is in the outbox. */
  let unsent: Message | undefined;
  let sending: Promise<void> | undefined;

  function halt(error: unknown): void {
    if (stopped) return;
    stopped = true;
    options.halted(error);
  }

  const driver = await openDriver({
    node: watch.node,
    run,
    record: fencedRecord({ record, blobs, fence, watch, closing }),
    blobs: kept,
    clock,
    traffic: () => ({ up: 0, down: 0 }),
    events: {
      tasks: show,
      reply(message) {
        unsent = message;
        say();
      },
      halted: halt,
      async closed(round) {
        log("info", "round.closed", { node: role.slug, round: round.round, included: round.included.length, loss: round.loss });
      },
      released: options.released,
      async failed(error) {
        log("error", "run.failed", { node: role.slug, code: error.code, error: error.message });
      },
    },
  });
  watch.rebuilt();
  board = await boardWriter({ record, blobs, queue, clock, run: options.run, node: role.slug, fence });

  /** Members instead of shards, in the root's record. */
  async function closing(row: RoundRow): Promise<RoundRow> {
    if (role.parent !== undefined) return row;
    const below = new Map<string, RoundRow["excluded"]>();
    for (const shard of shape.shards) {
      // A shard closes a round at most once, so the round is not behind its own number.
      const rows = await record.rounds(runOf(options.run, shard), { after: Math.max(0, row.round - 1000), limit: 1000 });
      const one = rows.findLast((found) => found.round === row.round);
      if (one !== undefined) below.set(shard.name, one.excluded);
    }
    return flatRound(row, shape, below);
  }

  function show(): void {
    dirty = true;
    if (stopped || board === undefined) return;
    showing ??= pause(clock, gather)
      .then(write)
      .catch(halt)
      .finally(() => {
        showing = undefined;
        if (dirty) show();
      });
  }

  async function write(): Promise<void> {
    if (stopped) return;
    dirty = false;
    state = (await record.run(options.run))?.state ?? state;
    const committed = watch.committed();
    await board?.write({
      state,
      pending: state === "finished" || state === "failed" ? [] : role.node.pending(committed),
      waiting: role.node.waiting(committed),
      remainingMs: state === "running" && lacking === undefined ? driver.remaining() : undefined,
      ...(lacking === undefined ? {} : { lacking }),
      now: driver.now(),
    });
  }

  function say(): void {
    if (role.parent === undefined || stopped) return;
    const parent = role.parent.slug;
    sending ??= (async () => {
      while (unsent !== undefined && !stopped) {
        const message = unsent;
        try {
          const { sha256: blob } = await blobs.put(encodeMessage(message));
          await post.send(parent, { from: role.name, key: keyOf(message), blob });
          if (unsent === message) unsent = undefined;
        } catch (error) {
          log("warn", "engine.unsent", { node: role.slug, error: String(error) });
          await pause(clock, 1000);
        }
      }
    })().finally(() => {
      sending = undefined;
    });
  }

  /** What a member sent. Rejected, it comes again. */
  async function receive({ id, ref }: Reference): Promise<void> {
    if (stopped) throw new MillwrightError("ABORTED", { where: role.slug, expected: "to hold the lease", got: "it has passed on" });
    const posted = readPosted(ref);
    const bytes = posted === undefined ? undefined : await kept.get(posted.blob);
    // No blob: it counted in a round that is closed, or came too late for it.
    if (posted !== undefined && bytes !== undefined) {
      const message = readMessage(bytes);
      const fits = message !== undefined && (posted.from === operator) === (message.type === "order");
      const counts = fits && (await driver.submit(posted.from, { sha256: posted.blob, message }));
      if (counts) show();
      else if (!driver.holds(posted.blob)) await blobs.delete(posted.blob);
    }
    await post.done(id);
  }

  /** Shards: what the parent wants, taken up once per frame. */
  let fromParent: string | undefined;
  async function follow(): Promise<void> {
    if (role.parent === undefined || stopped) return;
    const found = await readBoard({ record, blobs }, options.run, role.parent.slug);
    if (typeof found !== "object") return;
    const place = found.board.tasks[role.name];
    const frame = place === undefined ? undefined : found.board.frames[place];
    // Asked again after an answer did not do: the same frame is news then.
    if (frame === undefined) fromParent = undefined;
    if (frame === undefined || frame.sha256 === fromParent) return;
    const bytes = await kept.get(frame.sha256);
    // Gone: there is a newer board.
    if (bytes === undefined) return;
    const own = await blobs.put(ownFrame(role.name, bytes));
    await driver.parent({ sha256: own.sha256, message: decodeMessage(bytes) });
    if (!driver.holds(own.sha256)) await blobs.delete(own.sha256);
    fromParent = frame.sha256;
    show();
  }

  async function tick(): Promise<void> {
    const now = (await record.run(options.run))?.state ?? state;
    const here = await lackingNow();
    const changed = now !== state || JSON.stringify(here) !== JSON.stringify(lacking);
    state = now;
    lacking = here;
    driver.hold(state !== "running" || lacking !== undefined);
    if (changed) show();
    await follow();
  }

  /** Seen times of all members of the role, with those of its shards. */
  async function lackingNow(): Promise<typeof lacking> {
    const children =
      role.parent === undefined
        ? shape.roles.flatMap((one) => (one === role && shape.shards.length > 0 ? [] : one.children))
        : role.children;
    const names = new Set(children.map(({ site }) => site));
    const since = clock.now() - grace;
    const seen = await options.seen();
    const here = [...names].filter((name) => (seen.get(name) ?? 0) >= since).length;
    const needed = Math.max(1, Math.ceil(role.minimum * names.size));
    return here < needed ? { here, needed } : undefined;
  }

  const quiet = (work: () => Promise<void>) => () =>
    void work().catch((error) => log("warn", "engine.tick", { node: role.slug, error: String(error) }));
  const unlisten = role.parent === undefined ? () => {} : queue.onWake(boardTopic(role.parent.slug), quiet(follow));
  await tick();
  if (role.parent === undefined && state === "running") await driver.start();
  const unconsume = queue.consume(role.slug, receive);
  show();
  return {
    driver,
    tick,
    take: (reference) => void receive(reference).catch(() => undefined),
    async close() {
      stopped = true;
      unlisten();
      const consumed = unconsume();
      await driver.close();
      await Promise.all([consumed, showing, sending]);
    },
  };
}

function readMessage(bytes: Uint8Array): Message | undefined {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    if (error instanceof MillwrightError) return undefined;
    throw error;
  }
}

export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.at(millis(clock.now() + ms), resolve));
