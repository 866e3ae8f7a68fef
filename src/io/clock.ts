/** The clock of this machine: for progress, for the seconds in a report, and for the alarms of long-lived programs. No result depends on it. */
import type { Clock } from "../core/ports.js";
import { type Millis, millis } from "../core/quantities.js";

/** Milliseconds since some moment in the past; only differences mean anything. */
export const stopwatch = (): Millis => millis(performance.now());

/** The moment as text, for the environment of a report. */
export const today = (): string => new Date().toISOString();

/** Longest delay that a timer of the system takes; a later alarm is set again when it has passed. */
const longestDelay = 2_000_000_000;

/**
 * Time of day, and alarms that ring after the delay that was meant when they were set: a jump of the time of day neither rings them early
 * nor keeps them from ringing.
 */
export const systemClock: Clock = {
  now: () => millis(Date.now()),
  uptime: stopwatch,
  at(moment, ring) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let rest = Math.max(0, moment - Date.now());
    const set = (): void => {
      const delay = Math.min(rest, longestDelay);
      rest -= delay;
      timer = setTimeout(() => (rest > 0 ? set() : ring()), delay);
    };
    set();
    return () => clearTimeout(timer);
  },
};
