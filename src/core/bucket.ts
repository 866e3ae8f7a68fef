/**
 * A token bucket (RFC 2697's committed rate and burst, in bytes; also used with requests in place of bytes). Pure: the simulation's links
 * and the real transport pace themselves with this code. Whoever takes is served at once and told how long to wait before sending, so
 * takers queue in the order in which they took. Control traffic never waits; what it uses, bulk traffic pays for.
 *
 * Promise, for bulk traffic alone: what left by time t after the start is at most burst + rate * t. Control traffic comes on top.
 */
import { fail } from "./errors.js";
import { type Millis, millis } from "./quantities.js";

export interface BucketSpec {
  /** Bytes per second. */
  readonly rate: number;
  /** Bytes that may leave at once after a rest. */
  readonly burst: number;
}

export interface BucketState {
  /** Below zero: promised to takers who still wait. */
  readonly tokens: number;
  readonly at: Millis;
}

export type Traffic = "control" | "bulk";

export interface Bucket {
  readonly start: (now: Millis) => BucketState;
  /** Takes; the second value is how many milliseconds to wait before the bytes leave. */
  readonly take: (state: BucketState, now: Millis, bytes: number, traffic?: Traffic) => readonly [BucketState, Millis];
}

/**
 * @example
 * ```ts
 * const link = bucket({ rate: 1000, burst: 500 });
 * const [after, wait] = link.take(link.start(millis(0)), millis(0), 1500);
 * wait + 0; // => 1000
 * ```
 */
export function bucket(spec: BucketSpec): Bucket {
  if (!(spec.rate > 0 && spec.burst > 0 && Number.isFinite(spec.rate) && Number.isFinite(spec.burst))) {
    fail("PLAN_REFUSED", { where: "bandwidth", expected: "a rate and a burst above zero", got: `${spec.rate} and ${spec.burst}` });
  }
  return {
    start: (now) => ({ tokens: spec.burst, at: now }),
    take: (state, now, bytes, traffic = "bulk") => {
      // A clock that was set back gives nothing and takes nothing; one that was set forward gives at most a full bucket.
      const elapsed = Math.max(0, now - state.at);
      const tokens = Math.min(spec.burst, state.tokens + (elapsed * spec.rate) / 1000) - bytes;
      const wait = traffic === "control" || tokens >= 0 ? 0 : Math.ceil((-tokens * 1000) / spec.rate);
      return [{ tokens, at: now }, millis(wait)];
    },
  };
}

const units: Readonly<Record<string, number>> = {
  "bit/s": 1 / 8,
  "kbit/s": 125,
  "Mbit/s": 125_000,
  "Gbit/s": 125_000_000,
  "B/s": 1,
  "kB/s": 1000,
  "MB/s": 1_000_000,
};

/** Reads "2Mbit/s" or "500 kB/s" as bytes per second; undefined where it is neither. */
export function parseBandwidth(text: string): number | undefined {
  const parts = /^(\d{1,9}(?:\.\d{1,6})?) ?((?:k|M|G)?bit\/s|(?:k|M)?B\/s)$/.exec(text);
  const unit = parts === null ? undefined : units[parts[2] as string];
  const rate = parts === null || unit === undefined ? 0 : Number(parts[1]) * unit;
  return rate > 0 ? rate : undefined;
}

/** The bucket of a link of so many bytes per second: a burst of a quarter of a second, at least 64 kB. */
export const linkBucket = (rate: number): BucketSpec => ({ rate, burst: Math.max(65_536, Math.ceil(rate / 4)) });
