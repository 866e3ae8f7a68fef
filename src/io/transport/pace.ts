/** Waiting by the clock: what paces bulk bytes over a link by its bucket, and a pause that can be broken off. */
import { type Bucket, type BucketSpec, type BucketState, bucket, type Traffic } from "../../core/bucket.js";
import { MillwrightError } from "../../core/errors.js";
import type { Clock } from "../../core/ports.js";
import { type Millis, millis } from "../../core/quantities.js";

/** For durations: the clock that never jumps, where there is one. */
export const steady = (clock: Clock): Millis => clock.uptime?.() ?? clock.now();

/** Rings once after so many milliseconds; returns what cancels it. */
export const after = (clock: Clock, time: number, ring: () => void): (() => void) => clock.at(millis(clock.now() + time), ring);

/** Resolves when the time has passed. Errors: ABORTED, at once when the signal says so. */
export function pause(clock: Clock, time: Millis, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted());
    const stop = (): void => {
      cancel();
      reject(aborted());
    };
    const cancel = after(clock, time, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
  });
}

const aborted = (): Error => new MillwrightError("ABORTED", { expected: "to finish", got: "a request to stop" });

/** One link: everybody who sends over it shares its bucket. */
export interface Link {
  /** Resolves when so many bytes may leave. */
  readonly take: (bytes: number, traffic: Traffic, signal?: AbortSignal) => Promise<void>;
}

export function link(spec: BucketSpec, clock: Clock): Link {
  const pace: Bucket = bucket(spec);
  let state: BucketState = pace.start(steady(clock));
  return {
    take: async (bytes, traffic, signal) => {
      const [next, wait] = pace.take(state, steady(clock), bytes, traffic);
      state = next;
      if (wait > 0) await pause(clock, wait, signal);
    },
  };
}

/** Largest piece that leaves between two looks at the bucket. */
export const paceBytes = 65_536;

/** The same bytes in pieces of at most 64 kB, each when the link has room for it. */
export async function* paced(
  to: Link,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += paceBytes) {
      const piece = chunk.subarray(from, from + paceBytes);
      await to.take(piece.length, "bulk", signal);
      yield piece;
    }
  }
}
