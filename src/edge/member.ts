/**
 * The side of a member that talks: it asks its coordinator for work, hands it over, and sends replies until they are acknowledged. A
 * plant and a relay are the same here. It never gives up: an unreachable coordinator is asked again, with growing pauses and jitter, for
 * as long as the program runs. Every wait has a name.
 */
import { MillwrightError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import { type Millis, millis } from "../core/quantities.js";
import { decodeMessage, keyOf, type Message } from "../round/messages.js";
import type { Link } from "./link.js";

/** What works on tasks: a site (site-node.ts) or a relay's driver. */
export interface Worker {
  /** Takes a task up, or says its reply again. Returns when it is taken up, not when it is done. */
  readonly receive: (frame: { readonly sha256: string; readonly bytes: Uint8Array; readonly message: Message }) => Promise<void>;
  /** What it is working on, as one line; undefined when idle. */
  readonly doing: () => string | undefined;
}

export interface Outgoing {
  readonly key: string;
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

export type MemberEvent =
  | { readonly kind: "connected" }
  | { readonly kind: "unreachable"; readonly reason: string; readonly retryMs: number }
  | { readonly kind: "task"; readonly key: string; readonly size: number }
  | { readonly kind: "sent"; readonly key: string; readonly size: number; readonly counts: boolean }
  | { readonly kind: "refused"; readonly code: string; readonly text: string }
  | { readonly kind: "ended"; readonly state: "finished" | "failed"; readonly waiting: string };

export interface MemberOptions {
  readonly link: Link;
  readonly clock: Clock;
  /** Even in [0, 1): for jitter only. */
  readonly random: () => number;
  readonly worker: Worker;
  /** Digest of the plan this member has read and decided on. */
  readonly plan: string;
  readonly log: (event: MemberEvent) => void;
  /** What the coordinator says of the run; called when it changes. */
  readonly stateIs?: (state: "running" | "paused" | "finished" | "failed") => Promise<void>;
  /** Called once for each reply that is acknowledged, before anything else is sent. */
  readonly acknowledged?: (key: string, counts: boolean) => Promise<void>;
  /** Return when the run is over instead of waiting for the next one. */
  readonly once: boolean;
  readonly signal: AbortSignal;
}

export interface Member {
  /** Runs until the run is over (`once`), the plan changed, or the signal is aborted. */
  readonly run: () => Promise<"finished" | "failed" | "stopped" | "new plan">;
  /** Sends until it is acknowledged; an update of an older round gives way to that of a newer one. */
  readonly send: (reply: Outgoing) => void;
  /** What it waits for, and since when. */
  readonly waiting: () => { readonly what: string; readonly since: Millis };
}

/** A poll waits this long: below the idle limits of usual proxies (60 s). */
export const pollMs = 25_000;
const firstPause = 500;
const longestPause = 60_000;

export function createMember(options: MemberOptions): Member {
  const { link, clock, random, worker, log, signal } = options;
  let waiting = { what: "the coordinator's answer", since: clock.now() };
  /** Replies on their way, by key, oldest first. */
  const outgoing = new Map<string, Outgoing>();
  let sending = false;
  /** The task in hand: being worked on, or its reply on the way. */
  let have: string | undefined;
  /** The task whose reply was acknowledged last. */
  let done: string | undefined;
  let reachable: boolean | undefined;
  let known: "running" | "paused" | "finished" | "failed" | undefined;

  function setWaiting(what: string): void {
    if (waiting.what !== what) waiting = { what, since: clock.now() };
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.at(millis(clock.now() + ms), end);
      signal.addEventListener("abort", end);
    });
  }

  /** Half of the pause is certain, half is drawn, so that those who lost a coordinator together do not come back together. */
  const jittered = (ms: number): number => Math.ceil(ms / 2 + (ms / 2) * random());

  function failed(error: unknown, tries: number): number {
    const retryMs = jittered(Math.min(longestPause, firstPause * (1 << Math.min(tries, 12))));
    const reason = error instanceof Error ? error.message : String(error);
    if (isRefusal(error)) log({ kind: "refused", code: error.code, text: error.message });
    else if (reachable !== false) log({ kind: "unreachable", reason, retryMs });
    reachable = false;
    setWaiting(`the coordinator: ${reason.slice(0, 200)}`);
    return retryMs;
  }

  function answered(): void {
    if (reachable !== true) log({ kind: "connected" });
    reachable = true;
  }

  async function deliver(): Promise<void> {
    for (let tries = 0; outgoing.size > 0 && !signal.aborted; ) {
      const [reply] = outgoing.values();
      try {
        const { counts } = await link.reply(reply.key, reply, signal);
        answered();
        tries = 0;
        // A journal that cannot be written ends the program (see `halted` of whoever keeps it); it is no reason to send again.
        const known = await (options.acknowledged?.(reply.key, counts) ?? Promise.resolve()).then(
          () => true,
          () => false,
        );
        if (known) log({ kind: "sent", key: reply.key, size: reply.bytes.length, counts });
        over(reply);
      } catch (error) {
        if (signal.aborted) return;
        // What the coordinator will never take is not sent again; the next task asks for something new.
        if (isFinal(error)) {
          log({ kind: "refused", code: error.code, text: error.message });
          over(reply);
          continue;
        }
        await pause(failed(error, tries++));
      }
    }
  }

  /** A reply that nobody needs to send any more: answered, or given up. */
  function over(reply: Outgoing): void {
    if (outgoing.get(reply.key) === reply) outgoing.delete(reply.key);
    done = reply.key;
    if (have === reply.key) have = undefined;
  }

  function send(reply: Outgoing): void {
    // A newer round makes an older one's update worthless; answers to different questions are all still asked for.
    for (const key of outgoing.keys()) if (isRound(key) && isRound(reply.key)) outgoing.delete(key);
    outgoing.set(reply.key, reply);
    for (const key of [...outgoing.keys()].slice(0, -mostOutgoing)) {
      outgoing.delete(key);
      if (have === key) have = undefined;
    }
    if (sending) return;
    sending = true;
    deliver().finally(() => {
      sending = false;
      const [next] = outgoing.values();
      if (next !== undefined && !signal.aborted) send(next);
    });
  }

  async function take(task: { readonly key: string; readonly sha256: string; readonly size: number }): Promise<void> {
    log({ kind: "task", key: task.key, size: task.size });
    setWaiting(`${task.key}: fetching ${task.size} bytes`);
    const bytes = await link.fetch(task.sha256, task.size, signal);
    const message = decodeMessage(bytes);
    if (keyOf(message) !== task.key) {
      throw new MillwrightError("MESSAGE_INVALID", { where: "task", expected: task.key, got: keyOf(message) });
    }
    have = task.key;
    try {
      await worker.receive({ sha256: task.sha256, bytes, message });
    } catch (error) {
      // What was not taken up is not in hand: the next poll has to offer it again.
      if (have === task.key) have = undefined;
      throw error;
    }
  }

  return {
    send,
    waiting: () => waiting,
    async run() {
      for (let tries = 0; !signal.aborted; ) {
        try {
          const doing = worker.doing();
          const answer = await link.next({ have, doing, waitMs: pollMs }, signal);
          answered();
          if (answer.plan !== options.plan) return "new plan";
          if (answer.state !== known) {
            known = answer.state;
            await options.stateIs?.(known);
          }
          setWaiting(worker.doing() ?? answer.waiting);
          if (answer.task !== undefined) {
            // It asks for what was acknowledged: it lost that, or crossed it on the way. A moment, then say it again.
            if (answer.task.key === done) await pause(jittered(1000));
            await take(answer.task);
          } else if (answer.state === "finished" || answer.state === "failed") {
            if (options.once) {
              log({ kind: "ended", state: answer.state, waiting: answer.waiting });
              return answer.state;
            }
          }
          // Not before the task is in hand: one that cannot be taken is fetched less and less often.
          tries = 0;
          if (answer.retryAfterMs > 0) await pause(jittered(answer.retryAfterMs));
        } catch (error) {
          if (signal.aborted) break;
          await pause(failed(error, tries++));
        }
      }
      return "stopped";
    },
  };
}

/** Replies that wait to be sent; a coordinator asks one thing at a time, and a relay may have grown since. */
const mostOutgoing = 8;
const isRound = (key: string): boolean => key.startsWith("round ");

const isRefusal = (error: unknown): error is MillwrightError => error instanceof MillwrightError && error.code.startsWith("AUTH_");

/** Refusals of a reply that the same bytes will meet again. */
const finalCodes: readonly string[] = ["MESSAGE_INVALID", "NOT_FINITE", "LIMIT_EXCEEDED", "BLOB_MISMATCH", "AUTH_FORBIDDEN"];
const isFinal = (error: unknown): error is MillwrightError => error instanceof MillwrightError && finalCodes.includes(error.code);
