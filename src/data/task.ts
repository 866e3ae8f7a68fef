/**
 * What is predicted, as written in a federation file, and what it means in rows of a given data set.
 *
 * A window is a number of consecutive rows of one machine; `t` is the moment at which its last row ends (time of
 * that row plus the time between rows). Kinds:
 * - failure: the window covers [t - window, t); the answer is 1 if an event of the machine falls in [t, t + horizon).
 *   Events come from the data set's table of events, or are the rows at which the target column is positive. Without a
 *   horizon the answer is the target column of the last row (a tabular task when there is no window).
 * - rul: time from the last row to the machine's next event, in rows, at most `cap`, divided by `cap`.
 * - anomaly: the model reconstructs its window; the flag of the last row (and of every row) serves for scoring only.
 * - class: the label of the last row.
 * - value: the target column `horizon` rows after the last row (0: of the last row itself).
 */
import { z } from "zod";
import { durationInRows, parseDuration } from "../core/duration.js";
import { fail } from "../core/errors.js";
import type { Millis } from "../core/quantities.js";
import { findColumn } from "./columns.js";
import type { Dataset } from "./dataset.js";

export const durationSchema = z.union([
  z
    .string()
    .regex(/^\d+(\.\d+)?\s*(ms|s|min|h|d|w)$/, 'expected a duration with a unit, such as "24h" or "15min", or a whole number of rows'),
  z.int().nonnegative(),
]);

const rows = { window: durationSchema.optional(), stride: durationSchema.optional() };
const flag = {
  target: z.string().optional(),
  /** The value or label of the target that means failure or anomaly. Default 1. */
  positive: z.union([z.string(), z.number()]).optional(),
};

/** Schema (zod) of `task:` in a federation file. Durations carry a unit ("24h") or are whole numbers of rows. */
export const taskSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("failure"),
    ...rows,
    horizon: durationSchema.optional(),
    /** Kinds of events that count; all when absent. */
    events: z.array(z.string()).min(1).optional(),
    ...flag,
  }),
  z.strictObject({
    kind: z.literal("rul"),
    ...rows,
    cap: durationSchema.optional(),
    events: z.array(z.string()).min(1).optional(),
    ...flag,
    /** What the test measures: the last window of each machine (the convention of PHM08, default) or all windows. */
    evaluate: z.enum(["last", "all"]).optional(),
  }),
  z.strictObject({
    kind: z.literal("anomaly"),
    ...rows,
    ...flag,
  }),
  z.strictObject({
    kind: z.literal("class"),
    ...rows,
    target: z.string().optional(),
    /** How the headline averages over classes. */
    average: z.enum(["macro", "micro"]).optional(),
  }),
  z.strictObject({
    kind: z.literal("value"),
    ...rows,
    target: z.string().optional(),
    horizon: durationSchema.optional(),
    /** The model predicts the difference to the last known value of the target. */
    residual: z.boolean().optional(),
  }),
]);

/** `task:` of a federation file, as read. */
export type TaskSpec = z.infer<typeof taskSchema>;

/** A task in rows and clock units of one data set. */
export interface ResolvedTask {
  readonly spec: TaskSpec;
  /** No window: every row is an example, and rows go to the model as vectors. */
  readonly tabular: boolean;
  /** Rows of a window (1 for tabular tasks) and rows between two windows. */
  readonly window: number;
  readonly stride: number;
  /** Clock units between two rows: milliseconds, or 1 where time is a count or irregular. */
  readonly tick: number;
  /** failure: length of the label interval in clock units; undefined where the label is a column. */
  readonly horizon: number | undefined;
  /** value: rows from the last row of the window to the predicted row. */
  readonly ahead: number;
  /** rul: cap in rows. */
  readonly cap: number | undefined;
  readonly last: boolean;
  /** The answer comes from events (a table of them, or the rows where the target is positive). */
  readonly byEvents: boolean;
  readonly target: string | undefined;
}

/** Reads a task against a data set. `step` is the time between rows after resampling. Errors: FILE_INVALID, DATA_MISSING. */
export function resolveTask(task: TaskSpec, dataset: Dataset, step: Millis | undefined = dataset.step): ResolvedTask {
  const tabular = task.window === undefined;
  const clocked = dataset.time !== undefined && findColumn(dataset.readings, dataset.time)?.kind === "time";
  const inRows = (duration: string | number, where: string): number => {
    if (clocked && step === undefined && typeof duration === "string") {
      const remedy = "set resample, or give a number of rows";
      fail("FILE_INVALID", {
        where,
        expected: "a regular clock for a duration with a unit",
        got: `${duration} on irregular readings`,
        remedy,
      });
    }
    return durationInRows(duration, step, where);
  };
  const window = task.window === undefined ? 1 : inRows(task.window, "task.window");
  const stride = task.stride === undefined ? 1 : inRows(task.stride, "task.stride");
  if (window < 1) fail("FILE_INVALID", { where: "task.window", expected: "at least one row", got: String(task.window) });
  if (stride < 1) fail("FILE_INVALID", { where: "task.stride", expected: "at least one row", got: String(task.stride) });
  if (tabular && (task.kind === "rul" || task.kind === "anomaly")) {
    fail("FILE_INVALID", { where: "task.window", expected: `a window (a ${task.kind} task looks at several rows)`, got: "no window" });
  }
  const tick = step ?? 1;
  const byEvents = task.kind === "rul" || (task.kind === "failure" && task.horizon !== undefined);
  // Without a table of events, the rows at which the target is positive are the events.
  const flagged = byEvents && dataset.events === undefined;
  if (byEvents && dataset.time === undefined) {
    fail("FILE_INVALID", { where: "task", expected: `data with a time column (${task.kind})`, got: "none" });
  }
  let ahead = 0;
  if (task.kind === "value" && task.horizon !== undefined) ahead = inRows(task.horizon, "task.horizon");
  if (ahead > 0 && dataset.time === undefined) {
    fail("FILE_INVALID", {
      where: "task.horizon",
      expected: "0 (this data has no time)",
      got: String(task.kind === "value" ? task.horizon : ""),
    });
  }
  if (task.kind === "value" && task.residual === true && ahead === 0) {
    fail("FILE_INVALID", { where: "task.residual", expected: "a horizon of at least one row", got: "horizon 0" });
  }
  return {
    spec: task,
    tabular,
    window,
    stride,
    tick,
    horizon: task.kind === "failure" && task.horizon !== undefined ? span(task.horizon, tick, dataset.step ?? step, clocked) : undefined,
    ahead,
    cap: task.kind === "rul" && task.cap !== undefined ? positiveRows(inRows(task.cap, "task.cap")) : undefined,
    last: task.kind === "rul" && task.evaluate !== "all",
    byEvents,
    target: byEvents && !flagged ? undefined : targetOf(task, dataset),
  };
}

function positiveRows(value: number): number {
  return value > 0 ? value : fail("FILE_INVALID", { where: "task.cap", expected: "at least one row", got: String(value) });
}

/** Length of the label interval in clock units. */
function span(horizon: string | number, tick: number, step: Millis | undefined, clocked: boolean): number {
  const value = typeof horizon === "string" ? parseDuration(horizon, "task.horizon") : horizon * tick;
  if (typeof horizon === "string" && !clocked) {
    fail("FILE_INVALID", { where: "task.horizon", expected: "a plain number of rows (this data has no clock)", got: horizon });
  }
  if (typeof horizon === "number" && clocked && step === undefined) {
    fail("FILE_INVALID", {
      where: "task.horizon",
      expected: "a duration with a unit (the clock of this data is irregular)",
      got: String(horizon),
    });
  }
  return value > 0 ? value : fail("FILE_INVALID", { where: "task.horizon", expected: "more than 0", got: String(horizon) });
}

/** The target column by name: the task's, else the data set's. Optional for anomaly tasks. */
function targetOf(task: TaskSpec, dataset: Dataset): string | undefined {
  const name = ("target" in task ? task.target : undefined) ?? dataset.target;
  if (name === undefined) {
    if (task.kind === "anomaly") return undefined;
    const waiting = task.kind === "failure" && task.horizon === undefined && dataset.events !== undefined;
    const remedy = waiting ? "give a horizon to predict the events of this data" : "name a target column";
    const expected =
      task.kind === "rul" || task.kind === "failure" ? "a table of events, or a column that marks them" : "a column with the answer";
    fail("FILE_INVALID", { where: "task.target", expected, got: "none", remedy });
  }
  const column = findColumn(dataset.readings, name);
  if (column === undefined) fail("DATA_MISSING", { where: "task.target", expected: "a column of the data", got: JSON.stringify(name) });
  if (
    dataset.inputs.includes(name) &&
    (task.kind === "class" || (task.kind !== "anomaly" && ("horizon" in task ? (task.horizon ?? 0) : 0) === 0))
  ) {
    fail("FILE_INVALID", {
      where: "data.inputs",
      expected: "inputs without the answer",
      got: `the target ${JSON.stringify(name)} among them`,
    });
  }
  return name;
}

/** What a model for the task must put out. */
export interface OutputSpec {
  readonly kind: "binary" | "classes" | "number" | "reconstruction";
  /** Values per example: 1, the number of classes, or 0 for a reconstruction (as many as the input). */
  readonly width: number;
  readonly labels?: readonly string[];
  /** Unit of the answer where known. */
  readonly unit?: string;
}

/**
 * What a model for the task must put out on a data set. Errors: FILE_INVALID, DATA_MISSING, DATA_INVALID.
 *
 * @example
 * ```ts
 * import { outputsOf } from "millwright/data";
 *
 * outputsOf(plan.task, dataset); // => { kind: "number", width: 1, unit: "kW" }
 * ```
 */
export function outputsOf(task: TaskSpec, dataset: Dataset): OutputSpec {
  if (task.kind === "failure") return { kind: "binary", width: 1, labels: ["no failure", "failure"] };
  if (task.kind === "anomaly") return { kind: "reconstruction", width: 0, labels: ["normal", "anomaly"] };
  if (task.kind === "rul") return { kind: "number", width: 1, unit: dataset.step === undefined ? "rows" : `steps of ${dataset.step} ms` };
  const name = targetOf(task, dataset) as string;
  const column = findColumn(dataset.readings, name);
  if (task.kind === "class") {
    const labels = classLabels(dataset, name);
    return { kind: "classes", width: labels.length, labels };
  }
  if (column?.kind !== "number")
    fail("DATA_INVALID", { where: "task.target", expected: "a number column", got: `${column?.kind} column ${JSON.stringify(name)}` });
  return { kind: "number", width: 1, ...(column.unit === undefined ? {} : { unit: column.unit }) };
}

const classLimit = 1000;

/** Labels of a class target: those of a category column, or the distinct numbers in ascending order. Errors: DATA_INVALID, LIMIT_EXCEEDED. */
export function classLabels(dataset: Dataset, name: string): readonly string[] {
  const column = findColumn(dataset.readings, name);
  if (column?.kind === "category") return column.labels;
  if (column?.kind !== "number")
    fail("DATA_INVALID", { where: "task.target", expected: "a category or number column", got: `${column?.kind}` });
  const distinct = new Set<number>();
  for (const value of column.values) {
    if (Number.isNaN(value)) continue;
    distinct.add(value);
    if (distinct.size > classLimit)
      fail("LIMIT_EXCEEDED", { where: "task.target", expected: `at most ${classLimit} classes`, got: "more" });
  }
  return [...distinct].sort((a, b) => a - b).map(String);
}
