/** Durations in a federation file: `24h`, `15min`, `90s`, `250ms`, `7d`, or a plain number of rows. */
import { fail } from "./errors.js";
import { type Millis, millis } from "./quantities.js";

/** A duration as written in a file: text with a unit, or a whole number of rows. */
export type Duration = string | number;

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds of a duration with a unit. Errors: FILE_INVALID where the text is no duration. */
export function parseDuration(text: string, where = "duration"): Millis {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h|d|w)$/.exec(text.trim());
  if (match === null) {
    fail("FILE_INVALID", { where, expected: 'a duration with a unit, such as "24h", "15min" or "30s"', got: JSON.stringify(text) });
  }
  return millis(Number(match[1]) * units[match[2]]);
}

/**
 * Rows covered by a duration. `step` is the time between two rows in milliseconds; undefined where rows are
 * cycles or items without a clock, and then only plain numbers make sense.
 */
export function durationInRows(duration: Duration, step: Millis | undefined, where = "duration"): number {
  if (typeof duration === "number") {
    if (!Number.isInteger(duration) || duration < 0) {
      fail("FILE_INVALID", { where, expected: "a whole number of rows, or a duration with a unit", got: String(duration) });
    }
    return duration;
  }
  const span = parseDuration(duration, where);
  if (step === undefined) {
    fail("FILE_INVALID", { where, expected: "a plain number of rows (this data has no clock)", got: JSON.stringify(duration) });
  }
  const rows = span / step;
  if (!Number.isInteger(rows)) {
    fail("FILE_INVALID", {
      where,
      expected: `a multiple of the time between rows (${step} ms)`,
      got: JSON.stringify(duration),
      remedy: "choose another duration or resample",
    });
  }
  return rows;
}
