/** A clock that moves when a test says so. */
import type { Clock } from "../../src/core/ports.js";
import { millis } from "../../src/core/quantities.js";

export interface VirtualClock extends Clock {
  /** Moves on, ringing what becomes due, in order; lets everything that was set off run. */
  readonly advance: (ms: number) => Promise<void>;
  /** Alarms that are set. */
  readonly alarms: () => number;
}

/** Lets what is under way come to rest: promises that wait for nothing but each other. */
export const settle = async (turns = 20): Promise<void> => {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
};

export function virtualClock(start = 1_700_000_000_000): VirtualClock {
  let now = start;
  let order = 0;
  const set = new Map<number, { readonly at: number; readonly ring: () => void }>();
  return {
    now: () => millis(now),
    at(moment, ring) {
      const id = order++;
      set.set(id, { at: moment, ring });
      return () => void set.delete(id);
    },
    alarms: () => set.size,
    async advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = [...set].filter(([, one]) => one.at <= end).sort(([a, one], [b, two]) => one.at - two.at || a - b)[0];
        if (due === undefined) break;
        set.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].ring();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}
