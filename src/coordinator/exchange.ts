/**
 * What a member and its coordinator say to each other, whatever carries it: "what is there for me to do", and "here is what I did".
 * Both can be said again without harm. A reply is durable, and known to count or not, before it is answered.
 */
import type { BlobStore } from "../core/blobs.js";
import { fail, MillwrightError } from "../core/errors.js";
import type { Clock } from "../core/ports.js";
import { millis } from "../core/quantities.js";
import type { Waiters } from "../io/transport/waiters.js";
import { decodeMessage, keyOf, type Message } from "../round/messages.js";
import type { Waiting } from "../round/node.js";
import type { Driver } from "./driver.js";
import type { Presence } from "./presence.js";

/** A frame that a member has to fetch and to work on. */
export interface TaskNotice {
  readonly key: string;
  readonly kind: "ask" | "train";
  readonly sha256: string;
  readonly size: number;
  /** Until the round closes without it, as the coordinator's clock runs now. */
  readonly remainingMs?: number;
}

export interface NextAnswer {
  /** Absent: nothing to do yet, or what the member already has in hand. */
  readonly task?: TaskNotice;
  readonly state: "running" | "paused" | "finished" | "failed";
  /** SHA-256 of the signed plan: another one means another run, to be read and decided on first. */
  readonly plan: string;
  /** What everybody waits for, for the plant's own status. */
  readonly waiting: string;
  readonly retryAfterMs: number;
}

export interface ReplyAnswer {
  /** False where it came late, or again after it counted. */
  readonly counts: boolean;
  readonly retryAfterMs: number;
}

export interface Exchange {
  readonly next: (
    member: string,
    asked: { readonly have?: string; readonly doing?: string; readonly waitMs: number },
    signal: AbortSignal,
  ) => Promise<NextAnswer>;
  /** `frame` is the bytes of a message; or the digest of a blob that was uploaded before. */
  readonly reply: (member: string, key: string, frame: Uint8Array | { readonly sha256: string }) => Promise<ReplyAnswer>;
  /** The frame of this member's open task, where it has this digest. */
  readonly taskBytes: (member: string, sha256: string) => Uint8Array | undefined;
  /** What this member has to do now. */
  readonly taskKey: (member: string) => string | undefined;
  /** The frame of anybody's open task. */
  readonly frame: (sha256: string) => Uint8Array | undefined;
}

export interface ExchangeParts {
  readonly driver: Driver;
  readonly blobs: BlobStore;
  readonly presence: Presence;
  readonly waiters: Waiters;
  readonly clock: Clock;
  readonly digest: (bytes: Uint8Array) => string;
  readonly state: () => NextAnswer["state"];
  readonly plan: () => string;
  /** Largest frame of a reply, from the size of the model. */
  readonly frameLimit: () => number;
  /** Bytes of frames that went each way, for the record. */
  readonly count: (member: string, up: number, down: number) => void;
}

/** A poll may wait this long: shorter than what proxies cut. */
export const longestWait = 50_000;
/** Frames of tasks that are kept by digest. */
const openFrames = 4;
/**
 * Replies that are written down and decoded at the same time; more wait their turn, so memory is bounded by this and not by the number of
 * members. Many small ones share the disk's syncs and one commit.
 */
const atOnce = { replies: 64, bytes: 32 << 20 };
/** Replies whose frames are on the disk and that are told to the record together: one commit for all of them. */
const perCommit = 32;

export function createExchange(parts: ExchangeParts): Exchange {
  const { driver, blobs, presence, waiters } = parts;
  const digests = new WeakMap<Uint8Array, string>();
  /** The newest frames by digest: everybody has the same one, or two while somebody catches up. */
  const open = new Map<string, Uint8Array>();
  const turn = turns(atOnce);
  const group = meeting(perCommit);

  function noticeFor(member: string): TaskNotice | undefined {
    const task = driver.task(member);
    if (task === undefined) return undefined;
    const sha256 = digests.get(task.bytes) ?? parts.digest(task.bytes);
    digests.set(task.bytes, sha256);
    if (!open.has(sha256)) {
      open.set(sha256, task.bytes);
      for (const old of [...open.keys()].slice(0, -openFrames)) open.delete(old);
    }
    const kind = task.message.type === "train" ? "train" : "ask";
    return { key: task.key, kind, sha256, size: task.bytes.length, remainingMs: driver.remaining() };
  }

  /** The message of a reply whose frame is durable. */
  async function received(member: string, key: string, frame: Uint8Array | { readonly sha256: string }, limit: number) {
    const bytes = frame instanceof Uint8Array ? frame : await blobs.get(frame.sha256, limit);
    if (bytes === undefined) {
      return fail("BLOB_MISSING", {
        where: `reply to ${key}`,
        expected: "the frame to be uploaded first",
        got: "no such blob",
        remedy: "upload it again",
      });
    }
    if (bytes.length > limit)
      fail("LIMIT_EXCEEDED", { where: `reply to ${key}`, expected: `at most ${limit} bytes`, got: String(bytes.length) });
    const message = decodeMessage(bytes);
    checkReply(member, key, message);
    // Before anything else it must be where a restart finds it.
    const { sha256 } = frame instanceof Uint8Array ? await blobs.put(frame) : frame;
    return { message, bytes, sha256 };
  }

  return {
    async next(member, { have, doing, waitMs }, signal) {
      const left = presence.polling(member, doing);
      try {
        // A run that is paused has no news of a task either: who asks then waits like everybody.
        const news = (): TaskNotice | undefined => {
          const task = parts.state() === "running" ? noticeFor(member) : undefined;
          return task?.key === have ? undefined : task;
        };
        let task = news();
        let pause = 0;
        if (task === undefined) {
          const until = millis(parts.clock.now() + Math.min(Math.max(0, waitMs), longestWait));
          try {
            await waiters.wait(member, until, signal);
          } catch (error) {
            if (!(error instanceof MillwrightError && error.code === "SERVER_BUSY")) throw error;
            // No room for one more waiting poll: those who come are spread, about 200 a second.
            pause = 1000 + (nameNumber(member) % Math.max(1, waiters.size() * 5));
          }
          task = news();
        }
        const state = parts.state();
        if (task === undefined && (state === "finished" || state === "failed")) pause = Math.max(pause, 30_000);
        return { task, state, plan: parts.plan(), waiting: waitingText(driver.waiting()), retryAfterMs: pause };
      } finally {
        left();
      }
    },
    async reply(member, key, frame) {
      const limit = parts.frameLimit();
      const size = frame instanceof Uint8Array ? frame.length : ((await blobs.stat(frame.sha256))?.size ?? 0);
      return turn(size, async () => {
        const { message, bytes, sha256 } = await group(() => received(member, key, frame, limit));
        const counts = await driver.submit(member, { sha256, message });
        if (counts) parts.count(member, bytes.length, 0);
        else if (!driver.holds(sha256)) await blobs.delete(sha256);
        return { counts, retryAfterMs: 0 };
      });
    },
    taskBytes(member, sha256) {
      const notice = noticeFor(member);
      if (notice?.sha256 !== sha256) return undefined;
      return driver.task(member)?.bytes;
    },
    frame: (sha256) => open.get(sha256),
    taskKey: (member) => driver.task(member)?.key,
  };
}

function checkReply(member: string, key: string, message: Message): void {
  if (message.type === "ask" || message.type === "train" || message.type === "order") {
    fail("MESSAGE_INVALID", { where: "reply", expected: "an answer, an update, a partial sum or a refusal", got: message.type });
  }
  if (message.from !== member) {
    throw new MillwrightError("AUTH_FORBIDDEN", { where: "reply", expected: `a message from ${member}`, got: `one from ${message.from}` });
  }
  if (keyOf(message) !== key) {
    fail("MESSAGE_INVALID", { where: "reply", expected: `an answer to ${key}`, got: `one to ${keyOf(message)}` });
  }
}

/** What a node waits for as one line. */
export function waitingText({ what, missing }: Waiting): string {
  if (missing.length === 0) return what;
  const names = missing.slice(0, 5).join(", ");
  return `${what} from ${names}${missing.length > 5 ? ` and ${missing.length - 5} more` : ""}`;
}

/** A number from a name (FNV-1a), so that members come back at different moments and each always at its own. */
function nameNumber(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** First come, first served; what is larger than the whole budget goes alone. */
function turns(most: { readonly replies: number; readonly bytes: number }): <T>(size: number, work: () => Promise<T>) => Promise<T> {
  let replies = 0;
  let bytes = 0;
  const queue: { readonly size: number; readonly go: () => void }[] = [];
  const fits = (size: number): boolean => replies === 0 || (replies < most.replies && bytes + size <= most.bytes);
  const enter = (size: number): void => {
    replies++;
    bytes += size;
  };
  return async (size, work) => {
    if (queue.length === 0 && fits(size)) enter(size);
    else await new Promise<void>((go) => queue.push({ size, go }));
    try {
      return await work();
    } finally {
      replies--;
      bytes -= size;
      while (queue.length > 0 && fits(queue[0].size)) {
        const next = queue.shift() as (typeof queue)[number];
        enter(next.size);
        next.go();
      }
    }
  };
}

/** Whoever is done waits for those who are about to be, up to `most` of them: nobody waits where nobody else is on the way. */
function meeting(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let coming = 0;
  const ready: (() => void)[] = [];
  const settle = (): void => {
    if (coming > 0 && ready.length < most) return;
    for (const go of ready.splice(0)) go();
  };
  return async (work) => {
    coming++;
    try {
      return await work();
    } finally {
      coming--;
      const met = new Promise<void>((go) => ready.push(go));
      settle();
      await met;
    }
  };
}
