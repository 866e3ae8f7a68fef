/**
 * Which examples train, validate and test. Never by shuffled window:
 * - time: a moment separates the parts; an example trains if its label interval ends by then, and tests if its label
 *   starts there or later and, by default, its window shares no row with any training window (`purge`).
 * - machine: whole machines, drawn by seed.
 * - column: the fixed split of the data set; all rows of a window must carry the same label.
 * - rows: stratified rows, only where every row stands alone (tabular tasks).
 * Validation, where asked for, is a share of what is left after the test.
 */
import { z } from "zod";
import { fail } from "../core/errors.js";
import { seeded } from "../core/random.js";
import { categoryColumn } from "./columns.js";
import type { Dataset } from "./dataset.js";
import { clockOf, machineRuns } from "./frame.js";
import { parseInstant } from "./instant.js";
import { bytes, countUp } from "./rows.js";
import type { ResolvedTask } from "./task.js";

const share = z.number().gt(0).lt(1);
/** A share of the rows in time, a date ("2015-03-01" or "2015-03-01T06:00"), or a value of the clock (a cycle number). */
const moment = z.union([z.number().gt(0), z.string()]);

/** Schema (zod) of `split:` in a federation file. Shares lie between 0 and 1; windows are never shuffled between parts. */
export const splitSchema = z.discriminatedUnion("by", [
  z.strictObject({
    by: z.literal("time"),
    test: moment,
    validation: moment.optional(),
    /** What must not reach across the border: the rows of windows (default), everything they read (lags, averages), or nothing. */
    purge: z.enum(["window", "history", "none"]).optional(),
  }),
  z.strictObject({ by: z.literal("machine"), test: share, validation: share.optional() }),
  z.strictObject({ by: z.literal("column"), column: z.string().optional(), validation: share.optional() }),
  z.strictObject({ by: z.literal("rows"), test: share, validation: share.optional(), stratify: z.boolean().optional() }),
]);
/** `split:` of a federation file, as read. */
export type SplitSpec = z.infer<typeof splitSchema>;

/** Labels of rows and examples. */
export const unused = 0;
export const train = 1;
export const validation = 2;
export const test = 3;

/** How a data set is split: where each row belongs, and for splits by time also the moments between the parts. */
export interface SplitPlan {
  readonly labels: Uint8Array;
  readonly time?: { readonly validation: number | undefined; readonly test: number; readonly purge: "window" | "history" | "none" };
}

/**
 * What holds where a file says nothing: the data set's own split, else the last fifth in time, else a stratified fifth of the rows.
 *
 * @example
 * ```ts
 * import { defaultSplit } from "millwright/data";
 *
 * defaultSplit(dataset); // => { by: "time", test: 0.2 }
 * ```
 */
export function defaultSplit(dataset: Dataset): SplitSpec {
  if (dataset.split !== undefined) return { by: "column" };
  return dataset.time === undefined ? { by: "rows", test: 0.2, stratify: true } : { by: "time", test: 0.2 };
}

/** Splits a prepared data set. `strata` gives the class of each row for stratified splits. Errors: FILE_INVALID, DATA_MISSING. */
export function planSplit(dataset: Dataset, spec: SplitSpec, task: ResolvedTask, seed: number, strata: () => Int32Array): SplitPlan {
  if (spec.by === "time") return byTime(dataset, spec);
  if (spec.by === "machine") return byMachine(dataset, spec, seed);
  if (spec.by === "column") return byColumn(dataset, spec, task, seed, strata);
  if (!task.tabular) {
    fail("FILE_INVALID", { where: "split.by", expected: "time, machine or column (windows of one machine overlap)", got: "rows" });
  }
  const classes = spec.stratify === false ? new Int32Array(dataset.readings.rows) : strata();
  const labels = new Uint8Array(dataset.readings.rows).fill(train);
  mark(labels, drawStratified(labels, classes, train, spec.test, seed, "test"), test);
  if (spec.validation !== undefined) mark(labels, drawStratified(labels, classes, train, spec.validation, seed, "validation"), validation);
  return { labels };
}

function byTime(dataset: Dataset, spec: Extract<SplitSpec, { by: "time" }>): SplitPlan {
  const { clock, values } = clockOf(dataset);
  if (values === undefined)
    fail("FILE_INVALID", { where: "split.by", expected: "machine, column or rows (this data has no time column)", got: "time" });
  const sorted = values.slice().sort();
  const at = (value: number | string, where: string, rows: number): number => {
    if (typeof value === "string") {
      if (clock !== "time") fail("FILE_INVALID", { where, expected: "a share or a value of the clock", got: JSON.stringify(value) });
      return parseInstant(value, where);
    }
    return value < 1 ? sorted[rows - Math.floor(rows * value)] : value;
  };
  const cut = at(spec.test, "split.test", sorted.length);
  let before = 0;
  while (before < sorted.length && sorted[before] < cut) before++;
  const middle = spec.validation === undefined ? undefined : at(spec.validation, "split.validation", before);
  if (before === 0 || before === sorted.length || (middle !== undefined && !(middle < cut && middle > sorted[0]))) {
    fail("FILE_INVALID", {
      where: "split",
      expected: `moments inside the data (${sorted[0]} .. ${sorted[sorted.length - 1]}), validation before test`,
      got: `test ${spec.test}${spec.validation === undefined ? "" : `, validation ${spec.validation}`}`,
    });
  }
  const labels = bytes(values.length, (i) => (values[i] >= cut ? test : middle !== undefined && values[i] >= middle ? validation : train));
  return { labels, time: { validation: middle, test: cut, purge: spec.purge ?? "window" } };
}

function byMachine(dataset: Dataset, spec: Extract<SplitSpec, { by: "machine" }>, seed: number): SplitPlan {
  if (dataset.machine === undefined) fail("FILE_INVALID", { where: "split.by", expected: "data with a machine column", got: "none" });
  const runs = machineRuns(dataset, allRows(dataset));
  const order = seeded(seed, "split", "machines").permutation(runs.length);
  const tested = Math.max(1, Math.round(runs.length * spec.test));
  const validated = spec.validation === undefined ? 0 : Math.max(1, Math.round((runs.length - tested) * spec.validation));
  if (tested + validated >= runs.length) {
    fail("FILE_INVALID", { where: "split", expected: "at least one machine to train on", got: `${runs.length} machines in all` });
  }
  const labels = new Uint8Array(dataset.readings.rows);
  order.forEach((machine, rank) => {
    labels.fill(rank < tested ? test : rank < tested + validated ? validation : train, runs[machine].from, runs[machine].to);
  });
  return { labels };
}

function byColumn(
  dataset: Dataset,
  spec: Extract<SplitSpec, { by: "column" }>,
  task: ResolvedTask,
  seed: number,
  strata: () => Int32Array,
): SplitPlan {
  const name = spec.column ?? dataset.split;
  if (name === undefined)
    fail("FILE_INVALID", { where: "split.column", expected: "a column, or a data set with its own split", got: "neither" });
  const column = categoryColumn(dataset.readings, name, "split.column");
  const meaning = column.labels.map((label) =>
    label === "train" ? train : label === "validation" ? validation : label === "test" ? test : unused,
  );
  const labels = bytes(column.codes.length, (i) => (column.codes[i] < 0 ? unused : meaning[column.codes[i]]));
  for (const [what, label] of [
    ["train", train],
    ["test", test],
  ] as const) {
    if (!labels.includes(label)) fail("DATA_INVALID", { where: `column ${name}`, expected: `rows labelled "${what}"`, got: "none" });
  }
  if (spec.validation === undefined) return { labels };
  if (labels.includes(validation))
    fail("FILE_INVALID", {
      where: "split.validation",
      expected: "nothing (the column names validation rows)",
      got: String(spec.validation),
    });
  const runs = machineRuns(dataset, allRows(dataset));
  const whole = runs.filter((run) => labels.subarray(run.from, run.to).every((label) => label === train));
  if (dataset.machine !== undefined && whole.length > 1) {
    // Engines that only train: validate on some of them.
    const order = seeded(seed, "split", "validation").permutation(whole.length);
    const count = Math.max(1, Math.round(whole.length * spec.validation));
    for (const i of order.subarray(0, count)) labels.fill(validation, whole[i].from, whole[i].to);
  } else if (task.tabular) {
    mark(labels, drawStratified(labels, strata(), train, spec.validation, seed, "validation"), validation);
  } else {
    // The last training rows of every machine.
    for (const run of runs) {
      const rows: number[] = [];
      for (let i = run.from; i < run.to; i++) if (labels[i] === train) rows.push(i);
      for (const row of rows.slice(rows.length - Math.floor(rows.length * spec.validation))) labels[row] = validation;
    }
  }
  return { labels };
}

const allRows = (dataset: Dataset): Int32Array => countUp(dataset.readings.rows);

function mark(labels: Uint8Array, rows: readonly number[], label: number): void {
  for (const row of rows) labels[row] = label;
}

/** Draws a share of the rows with a label, the same share of every class (rounded). */
function drawStratified(labels: Uint8Array, classes: Int32Array, among: number, part: number, seed: number, name: string): number[] {
  const byClass = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== among) continue;
    const rows = byClass.get(classes[i]);
    if (rows === undefined) byClass.set(classes[i], [i]);
    else rows.push(i);
  }
  const drawn: number[] = [];
  for (const c of [...byClass.keys()].sort((a, b) => a - b)) {
    const rows = byClass.get(c) as number[];
    seeded(seed, "split", name, c).shuffle(rows);
    drawn.push(...rows.slice(0, Math.round(rows.length * part)));
  }
  return drawn;
}
