/**
 * Failed enrolments per address: a few in a minute, then RATE_LIMITED until the minute is over. The secrets cannot be guessed; this keeps
 * somebody who tries from costing more than a table of fixed size. When the table is full its oldest entry gives way.
 */
import { fail } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";

const window = 60_000;

export interface Attempts {
  /** Errors: RATE_LIMITED. */
  readonly check: (address: string, now: Millis) => void;
  readonly failed: (address: string, now: Millis) => void;
}

export function createAttempts(limits: { readonly perMinute: number; readonly addresses: number }): Attempts {
  const failures = new Map<string, { since: number; count: number }>();
  const current = (address: string, now: Millis) => {
    const entry = failures.get(address);
    // A clock that was set back starts a new minute too.
    return entry !== undefined && now >= entry.since && now < entry.since + window ? entry : undefined;
  };
  return {
    check: (address, now) => {
      const entry = current(address, now);
      if (entry !== undefined && entry.count >= limits.perMinute) {
        fail("RATE_LIMITED", {
          where: "enrolment",
          expected: `at most ${limits.perMinute} failed attempts a minute`,
          got: `${entry.count}`,
          remedy: "wait a minute; check that the whole token was copied",
        });
      }
    },
    failed: (address, now) => {
      const entry = current(address, now) ?? { since: now, count: 0 };
      failures.delete(address);
      failures.set(address, { ...entry, count: entry.count + 1 });
      if (failures.size > limits.addresses) failures.delete(failures.keys().next().value as string);
    },
  };
}
