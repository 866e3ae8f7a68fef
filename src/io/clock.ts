/** The clock of this machine, for progress and for the seconds in a report; no result depends on it. */
import { type Millis, millis } from "../core/quantities.js";

/** Milliseconds since some moment in the past; only differences mean anything. */
export const stopwatch = (): Millis => millis(performance.now());

/** The moment as text, for the environment of a report. */
export const today = (): string => new Date().toISOString();
