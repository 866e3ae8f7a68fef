/**
 * Drives a node's protocol and keeps its record. Inputs are applied in order; those that changed the state are committed together before
 * any of their effects is carried out or anybody is told, so what was acknowledged survives a kill at any instruction. After a start the
 * state is the last snapshot plus the inputs logged since.
 *
 * The protocol's clock runs only while the node runs and enough members are there: a night in which everybody is away, or a coordinator
 * that was down for a day, takes no time from a round's deadline.
 */
import { fail, MillwrightError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import { type Millis, millis } from "../core/quantities.js";
import type { LoggedInput, RecordStore, RunRow } from "../core/record.js";
import { decodeMessage, encodeMessage, keyOf, type Message } from "../round/messages.js";
import type { ClosedStep, Node, NodeEffect, NodeInput, NodeState, Release, Waiting } from "../round/node.js";
import { float32Bytes } from "../wire/numbers.js";
import { openSnapshot, sealSnapshot } from "./snapshot.js";

/** The blobs a driver keeps: frames of logged inputs, snapshots, models. */
export interface DriverBlobs {
  readonly put: (bytes: Uint8Array) => Promise<{ readonly sha256: string }>;
  readonly get: (sha256: string) => Promise<Uint8Array | undefined>;
  readonly delete: (sha256: string) => Promise<void>;
}

export interface DriverEvents {
  /** A round is in the record. */
  readonly closed?: (round: ClosedStep, model: string | undefined) => Promise<void>;
  /** Idempotent: called again when the node was killed before it returned. */
  readonly released?: (release: Release) => Promise<void>;
  /** Relay only. Idempotent. */
  readonly reply?: (message: Message) => void;
  readonly failed?: (error: MillwrightError) => Promise<void>;
  /** The record could not be written, or the protocol broke a promise: nothing is accepted any more, the program has to end. */
  readonly halted: (error: unknown) => void;
  /** Somebody's task changed. */
  readonly tasks: () => void;
}

export interface DriverOptions {
  readonly node: Node;
  readonly run: RunRow;
  readonly record: Pick<RecordStore, "run" | "inputs" | "appendInputs" | "closeRound" | "setRunState">;
  readonly blobs: DriverBlobs;
  readonly clock: Clock;
  readonly events: DriverEvents;
  /** Bytes of updates up and models down since the run began, by this node's count. */
  readonly traffic: () => { readonly up: number; readonly down: number };
}

/** What a member has to do: the frame of a question or of a round's model. */
export interface Task {
  readonly key: string;
  readonly message: Message;
  readonly bytes: Uint8Array;
}

export interface Driver {
  /** Begins a run, or does nothing where it has begun. */
  readonly start: () => Promise<void>;
  readonly task: (member: string) => Task | undefined;
  /** True where the message changed something: it counts, and it is durable. False where it came late or again. */
  readonly submit: (member: string, frame: { readonly sha256: string; readonly message: Message }) => Promise<boolean>;
  /** Relay only: a question or a model from above. */
  readonly parent: (frame: { readonly sha256: string; readonly message: Message }) => Promise<void>;
  /** Stops or lets run the protocol's clock. */
  readonly hold: (held: boolean) => void;
  readonly waiting: () => Waiting;
  /** Whether the record still needs this blob: a logged input since the last snapshot. */
  readonly holds: (sha256: string) => boolean;
  /** Milliseconds until the open wait ends by itself, as its clock runs; undefined where none is open. */
  readonly remaining: () => number | undefined;
  readonly now: () => Millis;
  /** Bytes of the largest open task. */
  readonly largestTask: () => number;
  /** Waits for what was begun and stops. */
  readonly close: () => Promise<void>;
}

interface Queued {
  readonly input: NodeInput;
  readonly blob?: string;
  readonly resolve: (changed: boolean) => void;
  readonly reject: (error: unknown) => void;
}

/** Inputs that may wait; a coordinator that is this far behind tells its members to come back later. */
const mostQueued = 20_000;
/** Inputs that are committed together. */
const batch = 256;

/** Rebuilds the node from its record and takes up its work. Errors: RECORD_*, FILE_UNREADABLE, MESSAGE_INVALID for a record that is damaged. */
export async function openDriver(options: DriverOptions): Promise<Driver> {
  const { node, record, blobs, clock, events } = options;
  const row = (await record.run(options.run.id)) ?? options.run;
  const runId = row.id;
  let state = node.initial;
  let seq = 0;
  let elapsed = 0;
  let ended = row.state === "finished" || row.state === "failed";
  let snapshotBlob = row.snapshot?.blob;
  if (row.snapshot !== undefined) {
    const opened = openSnapshot(await needed(blobs, row.snapshot.blob, "snapshot"));
    state = node.restore(opened.state);
    elapsed = opened.at;
    seq = row.snapshot.seq;
  }
  const queue: Queued[] = [];
  /** Blobs of inputs logged since the last snapshot, with their numbers. */
  const held = new Map<string, number>();
  const tasks = new Map<string, { message: Message }>();
  const frames = new WeakMap<Message, Uint8Array>();
  let since: Millis | undefined;
  let cancelTimer: (() => void) | undefined;
  let wakesAt: number | undefined;
  let working: Promise<void> | undefined;
  let halted: unknown;
  let closed = false;
  let waited: { readonly state: NodeState; readonly waiting: Waiting } | undefined;
  let before = options.traffic();
  let lastSnapshot = row.snapshot?.blob;

  // A jump of the time of day is no time that passed.
  const uptime = clock.uptime ?? clock.now;
  const now = (): Millis => millis(Math.floor(elapsed + (since === undefined ? 0 : Math.max(0, uptime() - since))));

  /** The timer rings by the protocol's clock, so it is set anew whenever that clock starts or stops. */
  function setTimer(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    if (wakesAt === undefined || since === undefined || closed || ended) return;
    cancelTimer = clock.at(millis(clock.now() + Math.max(0, wakesAt - now())), () => {
      cancelTimer = undefined;
      enqueue({ type: "timer" }).catch(() => {});
    });
  }

  function enqueue(input: NodeInput, blob?: string): Promise<boolean> {
    if (halted !== undefined) return Promise.reject(halted);
    if (closed) return Promise.reject(stopping());
    if (queue.length >= mostQueued) {
      return Promise.reject(
        new MillwrightError("SERVER_BUSY", {
          where: "coordinator",
          expected: `at most ${mostQueued} waiting inputs`,
          got: "more",
          remedy: "try again later",
        }),
      );
    }
    return new Promise((resolve, reject) => {
      queue.push({ input, blob, resolve, reject });
      working ??= pump();
    });
  }

  async function pump(): Promise<void> {
    try {
      while (queue.length > 0) {
        const taken = queue.splice(0, batch);
        try {
          await apply(taken);
        } catch (error) {
          // The state in memory may be ahead of the record: only a rebuild is safe.
          halted = error;
          for (const one of [...taken, ...queue.splice(0)]) one.reject(error);
          cancelTimer?.();
          events.halted(error);
          return;
        }
      }
    } finally {
      // In the same turn in which the queue was found empty: what comes next has to start anew.
      working = undefined;
    }
  }

  async function apply(taken: readonly Queued[]): Promise<void> {
    const logged: LoggedInput[] = [];
    const effects: Step[] = [];
    const changed: boolean[] = [];
    for (const { input, blob } of taken) {
      const at = now();
      const result = ended ? undefined : node.step(state, input, at);
      const moved = result !== undefined && result[0] !== state;
      changed.push(moved);
      if (result === undefined || !moved) {
        // Nothing to write down, but a kept reply may have to be said again.
        effects.push({ at, seq, effects: result?.[1] ?? [], bytes: undefined });
        continue;
      }
      state = result[0];
      // What was answered waits for nobody any more.
      if (input.type === "message") tasks.delete(input.from);
      logged.push(logOf(++seq, at, input, blob));
      if (blob !== undefined) held.set(blob, seq);
      effects.push({ at, seq, effects: result[1], bytes: snapshotAfter(result[1], at) });
    }
    if (logged.length > 0) await record.appendInputs(runId, logged);
    for (const step of effects) await carryOut(step);
    taken.forEach((one, i) => {
      one.resolve(changed[i]);
    });
  }

  /** Only a closed round is snapshot, and at once: inputs of the same batch may already follow. */
  function snapshotAfter(effects: readonly NodeEffect[], at: Millis): Uint8Array | undefined {
    return effects.some((effect) => effect.type === "closed") ? sealSnapshot(at, node.snapshot(state)) : undefined;
  }

  async function carryOut(step: Step): Promise<void> {
    let retask = false;
    for (const effect of step.effects) {
      retask ||= effect.type !== "timer";
      if (effect.type === "send") continue;
      if (effect.type === "timer") {
        wakesAt = effect.at;
        setTimer();
      } else if (effect.type === "reply") events.reply?.(effect.message);
      else if (effect.type === "closed") await recordRound(effect.round, step);
      else if (effect.type === "released") {
        await events.released?.(effect.release);
        await record.setRunState(runId, "finished");
        ended = true;
      } else {
        await events.failed?.(effect.error);
        await record.setRunState(runId, "failed", effect.error.message.slice(0, 2000));
        ended = true;
      }
    }
    if (retask || ended) refreshTasks();
  }

  async function recordRound(round: ClosedStep, step: Step): Promise<void> {
    const model = round.model === undefined ? undefined : (await blobs.put(float32Bytes(round.model))).sha256;
    const snapshot = { seq: step.seq, blob: (await blobs.put(step.bytes as Uint8Array)).sha256 };
    const used = [...held].flatMap(([blob, at]) => (at <= step.seq ? [blob] : []));
    const { up, down } = options.traffic();
    await record.closeRound(
      runId,
      {
        run: runId,
        round: round.round,
        attempt: round.attempt,
        closedAt: clock.now(),
        model,
        loss: round.loss,
        members: round.included.reduce((sum, one) => sum + one.members, 0),
        weight: round.included.reduce((sum, one) => sum + one.weight, 0),
        included: round.included,
        excluded: round.excluded,
        bytesUp: up - before.up,
        bytesDown: down - before.down,
      },
      snapshot,
    );
    before = { up, down };
    const old = snapshotBlob;
    snapshotBlob = snapshot.blob;
    if (old !== undefined && old !== snapshot.blob) await blobs.delete(old);
    // The record names the new one now; a model's size for every round would fill any disk in a few years.
    if (lastSnapshot !== undefined && lastSnapshot !== snapshot.blob) await blobs.delete(lastSnapshot);
    lastSnapshot = snapshot.blob;
    // What was told in a round is kept no longer than the round: its sum is in the snapshot.
    for (const blob of used) {
      held.delete(blob);
      await blobs.delete(blob);
    }
    await events.closed?.(round, model);
  }

  function refreshTasks(): void {
    tasks.clear();
    if (!ended) for (const { to, message } of node.pending(state)) tasks.set(to, { message });
    events.tasks();
  }

  // The inputs since the snapshot, with their effects: each of them can be carried out twice.
  for await (const input of record.inputs(runId, seq)) {
    const nodeInput = await inputOf(input, blobs);
    const [next, effects] = node.step(state, nodeInput, input.at);
    state = next;
    seq = input.seq;
    if (input.blob !== undefined) held.set(input.blob, seq);
    elapsed = Math.max(elapsed, input.at);
    await carryOut({ at: input.at, seq, effects, bytes: snapshotAfter(effects, input.at) });
  }
  refreshTasks();
  // A snapshot knows when its wait ends, not when its timer was to ring.
  wakesAt ??= node.waiting(state).until;
  since = uptime();
  setTimer();

  /** Every poll asks what is waited for; it changes only with the state. */
  function waitingNow(): Waiting {
    if (waited?.state !== state) waited = { state, waiting: node.waiting(state) };
    return waited.waiting;
  }

  /** A task's frame, made once for everybody who gets the same message. */
  function frameOf(message: Message): Uint8Array {
    const bytes = frames.get(message) ?? encodeMessage(message);
    frames.set(message, bytes);
    return bytes;
  }

  return {
    async start() {
      if (seq === 0) await enqueue({ type: "start" });
    },
    task(member) {
      const found = tasks.get(member);
      if (found === undefined) return undefined;
      return { key: keyOf(found.message), message: found.message, bytes: frameOf(found.message) };
    },
    submit: (member, { sha256, message }) => enqueue({ type: "message", from: member, message }, sha256),
    async parent({ sha256, message }) {
      await enqueue({ type: "parent", message }, sha256);
    },
    hold(held) {
      if (held === (since === undefined)) return;
      if (held) {
        elapsed = now();
        since = undefined;
      } else since = uptime();
      setTimer();
    },
    waiting: waitingNow,
    holds: (sha256) => held.has(sha256),
    remaining() {
      const { until } = waitingNow();
      return until === undefined || ended ? undefined : Math.max(0, until - now());
    },
    now,
    largestTask: () =>
      [...new Set([...tasks.values()].map(({ message }) => message))].reduce((most, one) => Math.max(most, frameOf(one).length), 0),
    async close() {
      closed = true;
      cancelTimer?.();
      await working;
      for (const one of queue.splice(0)) one.reject(stopping());
    },
  };
}

interface Step {
  readonly at: Millis;
  readonly seq: number;
  readonly effects: readonly NodeEffect[];
  readonly bytes: Uint8Array | undefined;
}

const stopping = () =>
  new MillwrightError("ABORTED", {
    where: "coordinator",
    expected: "to be running",
    got: "stopping",
    remedy: "ask again after its restart",
  });

function logOf(seq: number, at: Millis, input: NodeInput, blob: string | undefined): LoggedInput {
  if (input.type === "message") return { seq, at, kind: "message", from: input.from, blob, key: keyOf(input.message) };
  if (input.type === "parent") return { seq, at, kind: "parent", blob, key: keyOf(input.message) };
  return { seq, at, kind: input.type };
}

async function inputOf(input: LoggedInput, blobs: DriverBlobs): Promise<NodeInput> {
  if (input.kind === "start" || input.kind === "timer") return { type: input.kind };
  const message = decodeMessage(await needed(blobs, input.blob, `input ${input.seq}`));
  return input.kind === "message" ? { type: "message", from: input.from ?? "", message } : { type: "parent", message };
}

async function needed(blobs: DriverBlobs, sha256: string | undefined, what: string): Promise<Uint8Array> {
  const bytes = sha256 === undefined ? undefined : await blobs.get(sha256);
  if (bytes !== undefined) return bytes;
  return fail("RECORD_DAMAGED", {
    where: what,
    expected: `blob ${sha256 ?? ""} of the record`,
    got: "none",
    remedy: "restore the data folder from a backup, blobs and record together",
  });
}
