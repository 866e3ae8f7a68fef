/**
 * Long polls: requests that wait for something to happen. Each waits under a key (a member's name, usually), with an end of its own on the
 * clock, and goes when the client goes. Bounded: one more than the limit is refused, and a key keeps few, so that a client that
 * repeats itself pushes out its own older poll and nobody else's.
 */
import { fail } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import { type Millis, millis } from "../../core/quantities.js";

/** "pushed": a newer poll of the same key took its place. */
export type Woken = "woken" | "time" | "gone" | "pushed";

export interface Waiters {
  /** Waits until the key is woken, the time has come, or the client goes. Errors: SERVER_BUSY. */
  readonly wait: (key: string, until: Millis, signal: AbortSignal) => Promise<Woken>;
  readonly wake: (key: string) => void;
  readonly wakeAll: () => void;
  /** Who waits since when, for status. */
  readonly waiting: () => readonly { readonly key: string; readonly since: Millis }[];
  readonly size: () => number;
}

export interface WaiterOptions {
  readonly clock: Clock;
  /** Polls in all. */
  readonly limit?: number;
  /** Polls per key. */
  readonly perKey?: number;
}

interface Waiter {
  readonly since: Millis;
  readonly end: (how: Woken) => void;
}

export function waiters({ clock, limit = 20_000, perKey = 2 }: WaiterOptions): Waiters {
  const byKey = new Map<string, Set<Waiter>>();
  let size = 0;
  const drop = (key: string, waiter: Waiter): boolean => {
    const queue = byKey.get(key);
    if (queue?.delete(waiter) !== true) return false;
    size--;
    if (queue.size === 0) byKey.delete(key);
    return true;
  };
  const wake = (key: string): void => {
    for (const waiter of [...(byKey.get(key) ?? [])]) waiter.end("woken");
  };
  return {
    wait: async (key, until, signal) => {
      if (signal.aborted) return "gone";
      if (clock.now() >= until) return "time";
      const oldest = byKey.get(key);
      if (oldest !== undefined && oldest.size >= perKey) [...oldest][0]?.end("pushed");
      if (size >= limit) {
        fail("SERVER_BUSY", { where: "long polls", expected: `at most ${limit} at once`, got: "one more", remedy: "ask again later" });
      }
      return await new Promise((resolve) => {
        const gone = (): void => waiter.end("gone");
        const waiter: Waiter = {
          since: clock.now(),
          end: (how) => {
            if (!drop(key, waiter)) return;
            cancel();
            signal.removeEventListener("abort", gone);
            resolve(how);
          },
        };
        byKey.set(key, (byKey.get(key) ?? new Set()).add(waiter));
        size++;
        const cancel = clock.at(until, () => waiter.end("time"));
        signal.addEventListener("abort", gone, { once: true });
      });
    },
    wake,
    wakeAll: () => {
      for (const key of [...byKey.keys()]) wake(key);
    },
    waiting: () => [...byKey].flatMap(([key, queue]) => [...queue].map(({ since }) => ({ key, since }))),
    size: () => size,
  };
}

/** The end of a poll that asked to wait so many milliseconds: within the server's bounds, and never without an end. */
export const pollUntil = (clock: Clock, asked: number, longest = 55_000): Millis =>
  millis(clock.now() + Math.min(longest, Number.isFinite(asked) && asked > 0 ? asked : 0));
