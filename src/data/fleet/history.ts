/**
 * What happens to one machine: visits, failures, replaced parts, sensor patterns and error records, before any reading is drawn.
 * Hours count from the first reading (06:00). All probabilities are in constants.ts.
 */
import { log } from "../../core/math.js";
import type { SeededRandom } from "../../core/random.js";
import {
  announceHours,
  announcing,
  comp3Models,
  comp4Age,
  failureProbability,
  failuresPerVisit,
  falsePatternsPerYear,
  hardSpeed,
  patternHours,
  randomErrorsPerYear,
  replacedHabit,
  replacedShares,
  secondFailureKept,
  unannouncedShare,
  visitDays,
  wearDays,
  wornReplacedWeight,
} from "./constants.js";
import type { Machine } from "./plant.js";
import type { FleetPreset } from "./spec.js";

/** Hours `from`..`to` inclusive in which the sensor is shifted; `sign` is 1 for the direction of the data, -1 for the opposite. */
export interface Pattern {
  readonly sensor: number;
  readonly from: number;
  readonly to: number;
  readonly sign: number;
}

export interface History {
  readonly failures: readonly { readonly hour: number; readonly component: number }[];
  /** Parts replaced, failed or not. */
  readonly replaced: readonly { readonly hour: number; readonly component: number }[];
  readonly patterns: readonly Pattern[];
  readonly errors: readonly { readonly hour: number; readonly type: number }[];
}

const hoursPerYear = 8760;

/** In the preset `hard`, sites with an odd number move the other way before a failure. */
export function failureSign(preset: FleetPreset, site: number): number {
  return preset === "hard" && site % 2 === 1 ? -1 : 1;
}

/** Days between visits, and days of wear before each component can fail. */
export function pace(preset: FleetPreset): { readonly visit: number; readonly wear: readonly number[] } {
  const speed = preset === "hard" ? hardSpeed : 1;
  return { visit: visitDays / speed, wear: wearDays.map((days) => days / speed) };
}

/** Probability that this component of this machine fails at a visit once it is worn. */
export function hazard(machine: Machine, component: number): number {
  if (component === 2 && !comp3Models.includes(machine.model)) return 0;
  if (component === 3 && machine.age < comp4Age) return 0;
  return failureProbability[component];
}

/**
 * The events of one machine from the first reading to two days after the last, whose signs the last readings already show. A longer
 * life begins like a shorter one.
 */
export function liveThrough(machine: Machine, hours: number, preset: FleetPreset, source: SeededRandom): History {
  const failures: { hour: number; component: number }[] = [];
  const replaced: { hour: number; component: number }[] = [];
  const patterns: Pattern[] = [];
  const errors: { hour: number; type: number }[] = [];
  const random = source.fork("visits");
  const sign = failureSign(preset, machine.site);

  const show = (component: number, hour: number, direction: number): void => {
    patterns.push({ sensor: component, from: hour - patternHours, to: hour, sign: direction });
    if (random.float() < unannouncedShare) return;
    for (const type of announcing[component]) errors.push({ hour: hour - announceHours, type });
  };

  const { visit, wear } = pace(preset);
  // As in the data, whose log begins after months with few replacements: parts are worn, and the first weeks see more failures.
  const worn = Int32Array.from(wear);
  const habit = wear.map(() => replacedHabit[0] + (replacedHabit[1] - replacedHabit[0]) * random.float());
  const firstVisit = random.integer(visit);
  // A failure up to two days after the last reading already shows in the readings.
  const lastDay = Math.floor((hours + patternHours) / 24);
  for (let day = firstVisit; day <= lastDay; day += visit) {
    for (let c = 0; c < 4; c++) worn[c] += visit;
    const { failed, changed } = visitMachine(machine, worn, wear, habit, random);
    const hour = day * 24;
    for (const c of failed) {
      show(c, hour, sign);
      failures.push({ hour, component: c });
    }
    if (preset === "hard") {
      // The movement that means failure at other sites, as often as failures happen here. It ends three days after the failure, before
      // the same component can show anything again.
      for (const c of failed) show(c, hour + 72, -sign);
    }
    for (const c of [...failed, ...changed]) {
      worn[c] = 0;
      replaced.push({ hour, component: c });
    }
  }
  for (let s = 0; s < 4; s++) {
    const start = -patternHours;
    for (const hour of poisson(falsePatternsPerYear[s] / hoursPerYear, start, hours, source.fork("false", s))) {
      patterns.push({ sensor: s, from: hour, to: hour + patternHours, sign: 1 });
    }
  }
  for (let type = 0; type < 5; type++) {
    const rate = randomErrorsPerYear[type] / hoursPerYear;
    for (const hour of poisson(rate, 0, hours, source.fork("errors", type))) errors.push({ hour, type });
  }
  return { failures, replaced, patterns, errors };
}

function visitMachine(
  machine: Machine,
  worn: Int32Array,
  wear: readonly number[],
  habit: readonly number[],
  random: SeededRandom,
): { failed: number[]; changed: number[] } {
  const failed: number[] = [];
  const order = random.permutation(4);
  for (const c of order) {
    if (random.float() >= hazard(machine, c) || worn[c] < wear[c] || failed.length === failuresPerVisit) continue;
    if (failed.length === 0 || random.float() < secondFailureKept) failed.push(c);
  }
  if (failed.length > 1) return { failed, changed: [] };
  const shares = replacedShares[failed.length];
  const draw = random.float();
  const count = draw < shares[0] ? 0 : draw < shares[0] + shares[1] ? 1 : 2;
  const changed: number[] = [];
  while (changed.length < count) changed.push(drawPart([...failed, ...changed], worn, wear, habit, random));
  return { failed, changed };
}

/** A part that is not among `taken`; fresh parts are preferred, as in the data. */
function drawPart(
  taken: readonly number[],
  worn: Int32Array,
  wear: readonly number[],
  habit: readonly number[],
  random: SeededRandom,
): number {
  const weights = wear.map((days, c) => (taken.includes(c) ? 0 : habit[c] * (worn[c] >= days ? wornReplacedWeight : 1)));
  let left = random.float() * weights.reduce((a, b) => a + b, 0);
  for (let c = 0; c < 4; c++) {
    left -= weights[c];
    if (left < 0) return c;
  }
  // Only rounding can lead here: the last part that is not taken.
  return [3, 2, 1, 0].find((c) => !taken.includes(c)) ?? 0;
}

/** Whole hours in [from, to) of a Poisson process with `rate` events per hour. */
function poisson(rate: number, from: number, to: number, random: SeededRandom): number[] {
  const hours: number[] = [];
  let at = from;
  for (;;) {
    at -= log(1 - random.float()) / rate;
    if (at >= to) return hours;
    hours.push(Math.floor(at));
  }
}
