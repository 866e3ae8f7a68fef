/** Resampling to a regular clock: bin k of a machine holds the readings of [k*every, (k+1)*every) and is named by its start. */
import { fail } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import { numericColumn } from "./columns.js";
import type { Dataset } from "./dataset.js";
import { machineRuns } from "./frame.js";
import type { ResampleSpec } from "./prepare.js";
import type { Column } from "./table.js";

type How = "mean" | "last" | "first" | "min" | "max" | "sum";

/** One row per machine and bin that holds a reading. Missing values do not count; an empty bin of a column is missing. */
export function resample(dataset: Dataset, spec: ResampleSpec, every: Millis): Dataset {
  if (dataset.time === undefined) fail("FILE_INVALID", { where: "resample", expected: "data with a time column", got: "none" });
  const column = numericColumn(dataset.readings, dataset.time, "data.time");
  if (column.kind !== "time")
    fail("FILE_INVALID", { where: "resample", expected: "data with a clock", got: `the ${column.kind} column ${column.name}` });
  if (dataset.step !== undefined && every < dataset.step) {
    fail("FILE_INVALID", { where: "resample.every", expected: `at least the step of the data (${dataset.step} ms)`, got: spec.every });
  }
  if (typeof spec.how === "object") for (const name of Object.keys(spec.how)) numericColumn(dataset.readings, name, "resample.how");
  const { starts, bins } = binned(dataset, column.values, every);
  const end = dataset.readings.rows;
  const columns = dataset.readings.columns.map((one): Column => {
    if (one.name === dataset.time) return { name: one.name, kind: "time", values: Float64Array.from(bins, (bin) => bin * every) };
    if (one.kind === "tensor")
      fail("FILE_INVALID", { where: "resample", expected: "number and category columns", got: `tensor ${one.name}` });
    if (one.kind === "category") {
      const codes = Int32Array.from(starts, (_, i) => one.codes[(i + 1 < starts.length ? starts[i + 1] : end) - 1]);
      return { ...one, codes };
    }
    const fallback: How = one.kind === "number" && dataset.inputs.includes(one.name) ? "mean" : "last";
    const how: How = one.kind === "time" ? "last" : typeof spec.how === "string" ? spec.how : (spec.how?.[one.name] ?? fallback);
    const values = Float64Array.from(starts, (from, i) => reduce(one.values, from, i + 1 < starts.length ? starts[i + 1] : end, how));
    return { ...one, values };
  });
  return { ...dataset, step: every, readings: { rows: starts.length, columns } };
}

/** First row and number of each bin, in the order of the rows. */
function binned(dataset: Dataset, time: Float64Array, every: number): { starts: number[]; bins: number[] } {
  const starts: number[] = [];
  const bins: number[] = [];
  const all = Int32Array.from({ length: dataset.readings.rows }, (_, i) => i);
  for (const { from, to } of machineRuns(dataset, all)) {
    for (let i = from; i < to; i++) {
      const bin = Math.floor(time[i] / every);
      if (i > from && bin === bins[bins.length - 1]) continue;
      starts.push(i);
      bins.push(bin);
    }
  }
  return { starts, bins };
}

function reduce(values: Float64Array, from: number, to: number, how: How): number {
  let count = 0;
  let result = Number.NaN;
  for (let i = from; i < to; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    count++;
    if (count === 1 || how === "last") result = value;
    else if (how === "mean" || how === "sum") result += value;
    else if (how === "min") result = Math.min(result, value);
    else if (how === "max") result = Math.max(result, value);
  }
  return how === "mean" ? result / count : result;
}
