/** What the inputs of a model will look like, known from the file and the columns alone, and whether they will fit. */
import { fail } from "../core/errors.js";
import { assemble, columnLimit, valueLimit } from "./assemble.js";
import type { Dataset } from "./dataset.js";
import { applyFeatures } from "./features/registry.js";
import { buildFrame, type Frame } from "./frame.js";
import { type DataPlan, type ResolvedPlan, resolvePlan } from "./plan.js";
import type { Table } from "./table.js";
import { tensorOf, tensorSize } from "./tensor.js";

/**
 * Names and shapes of a model's inputs per example, channels last, before any value is read. Errors: FILE_INVALID, DATA_MISSING.
 *
 * @example
 * ```ts
 * import { exampleShapes } from "millwright/data";
 *
 * exampleShapes(plan, dataset); // => { sequence: [8, 1] }
 * ```
 */
export function exampleShapes(plan: DataPlan, dataset: Dataset): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(exampleInputs(plan, dataset)).map(([name, { shape }]) => [name, shape]));
}

/**
 * Names and shapes of the inputs and the name of every value in them. Errors: FILE_INVALID, DATA_MISSING.
 *
 * @example
 * ```ts
 * import { exampleInputs } from "millwright/data";
 *
 * exampleInputs(plan, dataset).sequence.names; // => ["heat"]
 * ```
 */
export function exampleInputs(
  plan: DataPlan,
  dataset: Dataset,
): Record<string, { readonly shape: readonly number[]; readonly names: readonly string[] }> {
  const resolved = resolvePlan(plan, dataset);
  const frame = emptyFrame(dataset, resolved);
  const tensor = tensorOf(dataset, resolved.task, resolved.features, undefined);
  const inputs = assemble([frame], tensor).take(new Int32Array(0));
  if (Object.keys(inputs).length === 0) {
    fail("FILE_INVALID", { where: "features", expected: "at least one input for the model", got: "none left" });
  }
  return Object.fromEntries(Object.entries(inputs).map(([name, { shape, names }]) => [name, { shape, names }]));
}

/** Refuses a site's windows before memory is taken for them. Errors: LIMIT_EXCEEDED. */
export function checkVolume(site: string, dataset: Dataset, resolved: ResolvedPlan, frames: readonly Frame[]): void {
  const empty = emptyFrame(dataset, resolved);
  const windows = frames.reduce((sum, frame) => sum + frame.lasts.length, 0);
  const rows = frames.reduce((sum, frame) => sum + frame.rows, 0);
  const tensor = tensorOf(dataset, resolved.task, resolved.features, undefined);
  const columns = empty.columns.length + (resolved.task.tabular ? empty.channels.length : 0);
  if (columns > columnLimit) {
    fail("LIMIT_EXCEEDED", { where: "features", expected: `at most ${columnLimit} statistics`, got: String(columns) });
  }
  refuse(site, "statistics", windows, columns);
  if (!resolved.task.tabular) refuse(site, "sequence rows", rows, empty.channels.length);
  if (tensor !== undefined) refuse(site, tensor.column.name, windows, tensorSize(tensor.column));
}

function refuse(site: string, what: string, rows: number, width: number): void {
  if (rows * width <= valueLimit) return;
  fail("LIMIT_EXCEEDED", {
    where: `${what} of site ${site}`,
    expected: `at most ${valueLimit} values`,
    got: `${rows} x ${width} = ${rows * width}`,
    remedy: "use fewer columns, a longer stride or more sites",
  });
}

/** A frame without rows, after all features: it knows the name of every input. */
export function emptyFrame(dataset: Dataset, { task, features }: ResolvedPlan): Frame {
  const empty: Dataset = { ...dataset, readings: emptied(dataset.readings) };
  const frame = buildFrame(empty, new Int32Array(0), { machine: 0, name: "", from: 0, to: 0 }, task);
  applyFeatures(frame, features, { scaler: undefined });
  return frame;
}

/** The same columns without rows. */
function emptied(table: Table): Table {
  return {
    rows: 0,
    columns: table.columns.map((column) => {
      if (column.kind === "category") return { ...column, codes: new Int32Array(0) };
      if (column.kind === "tensor") return { ...column, values: new Float32Array(0) };
      return { ...column, values: new Float64Array(0) };
    }),
  };
}
