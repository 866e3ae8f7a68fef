/** How often somebody may ask: a token bucket per name, for a bounded number of names; the one that was silent longest is forgotten first. */
import { type Bucket, type BucketState, bucket } from "../../core/bucket.js";
import type { Millis } from "../../core/quantities.js";

export interface Rates {
  /** 0 where the request may go on, otherwise how many milliseconds to stay away. */
  readonly ask: (name: string, now: Millis) => number;
}

export function rates(perSecond: number, burst: number, remembered: number): Rates {
  const pace: Bucket = bucket({ rate: perSecond, burst });
  const states = new Map<string, BucketState>();
  return {
    ask: (name, now) => {
      const state = states.get(name) ?? pace.start(now);
      const [next, wait] = pace.take(state, now, 1);
      // A refused request costs nothing: whoever keeps asking is let in as often as its rate says, not never again.
      states.delete(name);
      states.set(name, wait > 0 ? state : next);
      if (states.size > remembered) states.delete(states.keys().next().value as string);
      return wait;
    },
  };
}
