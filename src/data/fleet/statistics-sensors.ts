/**
 * Sensor statistics of a plant: level and spread with and without patterns, how far the sensor moves before a failure of its
 * component, how long, and how often it moves likewise without one.
 */
import { components, sensors } from "./constants.js";
import type { PlantLog } from "./statistics.js";

/** values[sensor][machine * hours + hour] */
export interface SensorLog {
  readonly machines: number;
  readonly hours: number;
  readonly values: readonly Float64Array[];
}

const span = 24;
/** Hours before a failure that are looked at, and hours after it that are left out of the normal state. */
const before = 48;
const after = 24;

export function countPatterns(log: PlantLog): Record<string, number> {
  const out: Record<string, number> = {};
  const { machines, hours, values } = log.sensors;
  const years = (machines * hours) / 8760;
  for (let s = 0; s < 4; s++) {
    const failures = log.failures.filter((f) => f.component === s && f.machine < machines && f.hour <= hours + before);
    const { mean, sd } = normalState(values[s], machines, hours);
    const shift = failureShift(values[s], hours, failures, mean);
    out[`sensor.${sensors[s]}.mean`] = average(values[s]);
    out[`sensor.${sensors[s]}.sd`] = spread(values[s]);
    out[`sensor.${sensors[s]}.normalMean`] = mean;
    out[`sensor.${sensors[s]}.normalSd`] = sd;
    out[`sensor.${sensors[s]}.autocorrelation`] = lagOne(values[s], machines, hours);
    out[`pattern.${components[s]}.shift`] = shift.during;
    out[`pattern.${components[s]}.early`] = shift.earlier;
    out[`pattern.${components[s]}.after`] = shift.later;
    out[`pattern.${sensors[s]}.false`] = falsePatterns(values[s], machines, hours, failures, mean, shift.during) / years;
  }
  return out;
}

/** Mean and sd of the days (24 h blocks) whose mean is near the median of all days: patterns move a day's mean by more than a noise sd. */
function normalState(values: Float64Array, machines: number, hours: number): { mean: number; sd: number } {
  const days: { mean: number; start: number }[] = [];
  for (let m = 0; m < machines; m++) {
    for (let h = 0; h + span <= hours; h += span) {
      const start = m * hours + h;
      days.push({ mean: average(values.subarray(start, start + span)), start });
    }
  }
  const sorted = days.map((d) => d.mean).sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  // Four fifths of days are normal, so half of the distances from the median are below 0.85 of the normal days' sd; 3 sd keep nearly all of them.
  const distances = days.map((d) => Math.abs(d.mean - median)).sort((a, b) => a - b);
  const limit = (3 * distances[Math.floor(distances.length / 2)]) / 0.85;
  let sum = 0;
  let square = 0;
  let count = 0;
  for (const day of days) {
    if (Math.abs(day.mean - median) > limit) continue;
    for (let i = day.start; i < day.start + span; i++) {
      sum += values[i] - median;
      square += (values[i] - median) * (values[i] - median);
      count++;
    }
  }
  const offset = sum / count;
  return { mean: median + offset, sd: Math.sqrt(square / count - offset * offset) };
}

/** Mean distance from normal in the 48 h before a failure, in the 24 h before those, and in the 24 h after the failure's own hour. */
function failureShift(
  values: Float64Array,
  hours: number,
  failures: readonly { machine: number; hour: number }[],
  mean: number,
): { during: number; earlier: number; later: number } {
  const sums = [0, 0, 0];
  const counts = [0, 0, 0];
  const ranges = [
    [-before, 1],
    [-before - 24, -before],
    [1, 1 + after],
  ];
  for (const f of failures) {
    if (f.hour < before + 24 || f.hour + after >= hours) continue;
    ranges.forEach(([from, to], r) => {
      for (let h = f.hour + from; h < f.hour + to; h++) {
        sums[r] += values[f.machine * hours + h] - mean;
        counts[r]++;
      }
    });
  }
  return { during: sums[0] / counts[0], earlier: sums[1] / counts[1], later: sums[2] / counts[2] };
}

/** Stretches in which the mean over 24 h stays beyond half the shift for at least 20 h, no failure of the component in or near them. */
function falsePatterns(
  values: Float64Array,
  machines: number,
  hours: number,
  failures: readonly { machine: number; hour: number }[],
  mean: number,
  shift: number,
): number {
  let count = 0;
  for (let m = 0; m < machines; m++) {
    let sum = 0;
    let began = -1;
    for (let h = 0; h < hours; h++) {
      sum += values[m * hours + h] - mean;
      if (h >= span) sum -= values[m * hours + h - span] - mean;
      const hot = h >= span - 1 && (sum / span) * Math.sign(shift) > Math.abs(shift) / 2;
      if (hot && began < 0) began = h;
      if (hot && h + 1 < hours) continue;
      if (began >= 0 && h - began >= 20) {
        const [from, to] = [began - span, h + span];
        if (!failures.some((f) => f.machine === m && f.hour >= from && f.hour <= to)) count++;
      }
      began = -1;
    }
  }
  return count;
}

function average(values: Float64Array): number {
  let sum = 0;
  for (const v of values) sum += v;
  return sum / values.length;
}

function spread(values: Float64Array): number {
  const mean = average(values);
  let sum = 0;
  for (const v of values) sum += (v - mean) * (v - mean);
  return Math.sqrt(sum / values.length);
}

function lagOne(values: Float64Array, machines: number, hours: number): number {
  const mean = average(values);
  let product = 0;
  let square = 0;
  for (let m = 0; m < machines; m++) {
    for (let h = 1; h < hours; h++) {
      const now = values[m * hours + h] - mean;
      product += now * (values[m * hours + h - 1] - mean);
      square += now * now;
    }
  }
  return product / square;
}
