/**
 * The hand rule of someone who knows the fleet's data: a failure is due when the announcing error records of a component are in
 * the window and the mean of its sensor over the window has moved by at least half the usual shift.
 */
import { announcing, patternShift, sensorMean } from "./constants.js";

/** Readings as the window rules read them: [row] by sensor and by error type, machines one after the other, `hours` rows each. */
export interface FleetRows {
  readonly hours: number;
  readonly sensors: readonly Float64Array[];
  readonly errors: readonly Float64Array[];
}

/** At or above this score the rule says "failure". */
export const ruleThreshold = 0.5;

/**
 * Score of the window of `window` rows that ends before row `end` of a machine: over the components whose errors are all present, the
 * largest shift relative to the usual one, between 0 and 1; 0 where no component's errors are present.
 */
export function ruleScore(rows: FleetRows, machine: number, end: number, window: number): number {
  const last = machine * rows.hours + end;
  let best = 0;
  for (let c = 0; c < 4; c++) {
    const present = announcing[c].every((type) => sumOf(rows.errors[type], last - window, last) > 0);
    if (!present) continue;
    const mean = sumOf(rows.sensors[c], last - window, last) / window;
    best = Math.max(best, Math.min(1, (mean - sensorMean[c]) / patternShift[c]));
  }
  return best;
}

function sumOf(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i];
  return sum;
}
