/**
 * The ceiling of the fleet: the probability of a failure within the horizon, given everything in the window, for a predictor that
 * knows how the fleet is generated (Bayes' rule over the generator's own constants). No model that sees the window alone can be
 * expected to do better, whatever it was trained on.
 *
 * Per component the window is explained by: nothing; a failure at one of the mornings around it; a pattern without failure begun at
 * one of the hours around it; in the preset `hard` also a harmless double of a failure. It knows the machine's model and age, and that failures fall
 * at 06:00, but not the calendar of visits nor the wear of the parts, which a window does not hold. Left out, being rare: two
 * patterns of one component in one window, and the dependence of double failures. With the calendar, or with the generator's hidden
 * state, the ceiling is 1: every pattern is then known to be true or false, and no failure comes without one.
 */
import { exp } from "../../core/math.js";
import {
  announceHours,
  announcing,
  failuresPerMachineYear,
  falsePatternsPerYear,
  hardSpeed,
  patternHours,
  patternShift,
  randomErrorsPerYear,
  sensorMean,
  sensorSd,
  unannouncedShare,
} from "./constants.js";
import { failureSign, hazard } from "./history.js";
import type { Machine } from "./plant.js";
import type { FleetRows } from "./rule.js";
import type { FleetPreset } from "./spec.js";

/** A window of `window` rows that ends before row `end`, asked about [end, end + horizon). */
export interface FleetWindow {
  readonly machine: number;
  readonly end: number;
  readonly window: number;
  readonly horizon: number;
}

/** Weights of the explanations of one component's part of the window, against "nothing" = 1. */
interface Evidence {
  /** Explanations in which the component fails within the horizon. */
  readonly failing: number;
  readonly all: number;
}

/** Probability of a failure within the horizon for a predictor that knows at which site the machine stands. */
export function failurePosterior(rows: FleetRows, machine: Machine, at: FleetWindow, preset: FleetPreset): number {
  return chance(evidenceOf(rows, machine, at, preset, failureSign(preset, machine.site))).probability;
}

/**
 * The same for one predictor for all sites, which cannot know the direction in which this machine's sensors move before a failure;
 * `opposite` is the share of machines at sites where they move the other way. Equal to failurePosterior in the preset `standard`.
 */
export function sharedPosterior(rows: FleetRows, machine: Machine, at: FleetWindow, preset: FleetPreset, opposite: number): number {
  const usual = chance(evidenceOf(rows, machine, at, preset, 1));
  if (opposite === 0) return usual.probability;
  const other = chance(evidenceOf(rows, machine, at, preset, -1));
  const [a, b] = [(1 - opposite) * usual.weight, opposite * other.weight];
  return (a * usual.probability + b * other.probability) / (a + b);
}

function chance(evidence: readonly Evidence[]): { probability: number; weight: number } {
  let none = 1;
  let weight = 1;
  for (const e of evidence) {
    none *= (e.all - e.failing) / e.all;
    weight *= e.all;
  }
  return { probability: 1 - none, weight };
}

function evidenceOf(rows: FleetRows, machine: Machine, at: FleetWindow, preset: FleetPreset, sign: number): Evidence[] {
  return [0, 1, 2, 3].map((c) => componentEvidence(rows, machine, at, preset, c, sign));
}

function componentEvidence(rows: FleetRows, machine: Machine, at: FleetWindow, preset: FleetPreset, c: number, sign: number): Evidence {
  const { end, window, horizon } = at;
  const first = at.machine * rows.hours;
  const from = end - window;
  // sums[s][i]: log-likelihood ratio of "shifted" against "normal" over the first i rows of the window, in the usual and the other direction.
  const along = shiftSums(rows.sensors[c], first + from, window, c, 1);
  const against = shiftSums(rows.sensors[c], first + from, window, c, -1);
  const shifted = (a: number, b: number, direction: number): number => {
    const sums = direction > 0 ? along : against;
    const low = Math.min(Math.max(a - from, 0), window);
    const high = Math.min(Math.max(b + 1 - from, low), window);
    return exp(sums[high] - sums[low]);
  };
  const announced = (hour: number): number => {
    if (hour < from || hour >= end) return 1;
    let ratio = 1;
    for (const type of announcing[c]) ratio *= rows.errors[type][first + hour] / (randomErrorsPerYear[type] / 8760);
    return unannouncedShare + (1 - unannouncedShare) * ratio;
  };

  let failing = 0;
  let all = 1;
  const speed = preset === "hard" ? hardSpeed : 1;
  const perMorning = hazard(machine, c) === 0 ? 0 : (failuresPerMachineYear[c] * speed) / 365;
  if (perMorning > 0) {
    // Hour 0 of the log is 06:00, so mornings are multiples of 24. Later ones leave no trace in the window.
    const latest = end + Math.max(horizon - 1, patternHours);
    for (let f = Math.ceil(from / 24) * 24; f <= latest; f += 24) {
      const trace = perMorning * announced(f - announceHours);
      const weight = trace * shifted(f - patternHours, f, sign);
      all += weight;
      if (f >= end && f < end + horizon) failing += weight;
      if (preset === "hard") all += trace * shifted(f - patternHours, f, -sign);
    }
  }
  const perHour = falsePatternsPerYear[c] / 8760;
  // Patterns that cover the whole window weigh the same, whenever they began.
  const whole = Math.max(0, from - Math.max(from - patternHours, end - 1 - patternHours) + 1);
  if (whole > 0) all += whole * perHour * shifted(from, end - 1, 1);
  for (let a = from - patternHours; a < end; a++) {
    if (a > from || a + patternHours < end - 1) all += perHour * shifted(a, a + patternHours, 1);
  }
  return { failing, all };
}

function shiftSums(values: Float64Array, start: number, window: number, c: number, direction: number): Float64Array {
  const shift = (direction * patternShift[c]) / sensorSd[c];
  const sums = new Float64Array(window + 1);
  for (let i = 0; i < window; i++) {
    const z = (values[start + i] - sensorMean[c]) / sensorSd[c];
    sums[i + 1] = sums[i] + shift * z - (shift * shift) / 2;
  }
  return sums;
}
