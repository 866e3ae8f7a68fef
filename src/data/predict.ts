/**
 * The same features outside training: `predict`, the edge and an exported bundle turn raw rows of machines into
 * examples without answers, with the code that training used, equal bit for bit. Rows must reach back far enough:
 * `history` rows before the last one, and the first rows of the machine where `own` scaling is used.
 */
import { fail } from "../core/errors.js";
import { lastKnown } from "./answers.js";
import { assemble } from "./assemble.js";
import { columnNamed, findColumn } from "./columns.js";
import type { Dataset, Examples } from "./dataset.js";
import { applyFeatures } from "./features/registry.js";
import { buildFrame, machineRuns } from "./frame.js";
import { type DataPlan, resolvePlan } from "./plan.js";
import { prepareDataset } from "./prepare.js";
import type { Scaler } from "./scaler.js";
import type { Schema } from "./statistic.js";
import type { Column, Table } from "./table.js";
import { tensorOf } from "./tensor.js";
import { unitConversion } from "./units.js";
import { placeWindows } from "./windows.js";

/** Examples without answers. */
export interface Unlabelled extends Pick<Examples, "count" | "inputs" | "machines" | "times"> {
  /** For models that predict the difference to the last known value of the target: that value. */
  readonly bases?: Float64Array;
}

/** Turns raw rows into examples as training did. */
export interface FeaturePipeline {
  /** Examples of a table of raw rows (one machine, or several with a machine column, each in ascending time). */
  readonly examples: (table: Table) => Unlabelled;
  /** Rows before and including the last one that an example depends on (own scaling apart). */
  readonly history: number;
}

/** Which rows are answered for. */
export interface PipelineOptions {
  /** Which rows end an example: every row with enough history (default), every stride-th as in training, or the last of each machine. */
  readonly at?: "row" | "stride" | "last";
}

/**
 * Builds the pipeline from a plan and what was fitted with it: the code of training, equal bit for bit.
 * Errors: FILE_INVALID; from `examples` also DATA_INVALID, DATA_MISSING, DATA_EMPTY.
 *
 * @example
 * ```ts
 * import { addStatistics, featurePipeline, fitScaler, partitionSites, siteStatistic } from "millwright/data";
 *
 * const told = partitionSites(dataset, plan, 7).map((site) => siteStatistic(site, plan));
 * const pipeline = featurePipeline(plan, fitScaler(told.reduce(addStatistics)), { at: "last" });
 * pipeline.history; // => 8
 * pipeline.examples(dataset.readings).count; // => 3
 * ```
 */
export function featurePipeline(plan: Omit<DataPlan, "sites">, scaler: Scaler, options: PipelineOptions = {}): FeaturePipeline {
  const at = options.at ?? "row";
  const examples = (table: Table): Unlabelled => {
    const dataset = readAs(table, scaler.schema, plan);
    const { task, features, history } = resolvePlan(plan, dataset);
    const prepared = prepareDataset(dataset, plan);
    const rows = Int32Array.from({ length: prepared.readings.rows }, (_, i) => i);
    const frames = machineRuns(prepared, rows).map((run) => {
      const frame = buildFrame(prepared, rows, run, task);
      const windows = placeWindows(frame, at === "stride" ? task.stride : 1, history.needed, at === "last" || task.spec.kind === "rul");
      frame.lasts = at === "last" ? windows.lasts.subarray(-1) : windows.lasts;
      applyFeatures(frame, features, { scaler });
      return frame;
    });
    const tensor = tensorOf(prepared, task, features, scaler);
    const count = frames.reduce((sum, frame) => sum + frame.lasts.length, 0);
    if (count === 0)
      fail("DATA_EMPTY", {
        where: "rows to predict",
        expected: `at least ${history.needed} consecutive rows of a machine`,
        got: `${table.rows} rows`,
      });
    const base = lastKnown(prepared, task);
    return {
      count,
      ...(base === undefined
        ? {}
        : { bases: Float64Array.from(frames.flatMap((frame) => Array.from(frame.lasts, (last) => base(frame, last)))) }),
      inputs: assemble(frames, tensor).take(Int32Array.from({ length: count }, (_, i) => i)),
      machines: Int32Array.from(frames.flatMap((frame) => Array.from(frame.lasts, () => frame.machine))),
      times: Float64Array.from(frames.flatMap((frame) => Array.from(frame.lasts, (last) => frame.time[last]))),
    };
  };
  return { examples, history: historyRows(plan, scaler.schema) };
}

function historyRows(plan: Omit<DataPlan, "sites">, schema: Schema): number {
  return resolvePlan(plan, readAs(emptyTable(schema), schema, plan)).history.read + 1;
}

/** The table seen as the data set it was trained on: known columns only, labels in their trained order, units as trained. */
function readAs(table: Table, schema: Schema, plan: Omit<DataPlan, "sites">): Dataset {
  const wanted = new Set([...schema.inputs, ...(schema.time === undefined ? [] : [schema.time]), ...Object.keys(schema.categories)]);
  const target = ("target" in plan.task ? plan.task.target : undefined) ?? schema.target;
  const columns: Column[] = [];
  for (const column of table.columns) {
    if (column.name === schema.machine) columns.push(column);
    else if (column.kind === "category" && schema.categories[column.name] !== undefined)
      columns.push(relabelled(column, schema.categories[column.name]));
    else if (column.kind === "number" && (wanted.has(column.name) || column.name === target)) columns.push(inUnit(column, schema));
    else if (wanted.has(column.name)) columns.push(column);
  }
  const readings: Table = { rows: table.rows, columns: withAnswer(columns, table.rows, target, schema) };
  for (const name of [...schema.inputs, ...(schema.time === undefined ? [] : [schema.time])])
    columnNamed(readings, name, "rows to predict");
  const machine = schema.machine !== undefined && findColumn(readings, schema.machine) !== undefined ? schema.machine : undefined;
  return {
    name: "rows to predict",
    description: "rows to predict",
    readings,
    ...(machine === undefined ? {} : { machine }),
    ...(schema.time === undefined ? {} : { time: schema.time }),
    ...(schema.step === undefined ? {} : { step: schema.step }),
    inputs: schema.inputs,
    ...(target === undefined ? {} : { target }),
    events: noEvents,
  };
}

/** A task is read against a data set with its answer and events; rows to predict have neither, so empty ones stand in. */
const noEvents: Table = {
  rows: 0,
  columns: [
    { name: "machine", kind: "category", codes: new Int32Array(0), labels: [] },
    { name: "time", kind: "number", values: new Float64Array(0) },
    { name: "kind", kind: "category", codes: new Int32Array(0), labels: [] },
  ],
};

function withAnswer(columns: readonly Column[], rows: number, target: string | undefined, schema: Schema): readonly Column[] {
  if (target === undefined || columns.some((column) => column.name === target)) return columns;
  const labels = schema.categories[target];
  if (labels !== undefined) return [...columns, { name: target, kind: "category", codes: new Int32Array(rows).fill(-1), labels }];
  return [...columns, { name: target, kind: "number", values: new Float64Array(rows).fill(Number.NaN) }];
}

function relabelled(column: Extract<Column, { kind: "category" }>, labels: readonly string[]): Column {
  const codes = new Map(labels.map((label, code) => [label, code]));
  return {
    ...column,
    labels,
    codes: Int32Array.from(column.codes, (code, row) => {
      if (code < 0) return -1;
      const known = codes.get(column.labels[code]);
      if (known !== undefined) return known;
      fail("DATA_INVALID", {
        where: `column ${column.name}, row ${row}`,
        expected: `a label seen in training (${labels.slice(0, 20).join(", ")})`,
        got: JSON.stringify(column.labels[code]),
      });
    }),
  };
}

function inUnit(column: Extract<Column, { kind: "number" }>, schema: Schema): Column {
  const unit = schema.units[column.name];
  if (unit === undefined) return column;
  if (column.unit === undefined || column.unit === unit) return { ...column, unit };
  return { ...column, unit, values: column.values.map(unitConversion(column.unit, unit, `column ${column.name}`)) };
}

function emptyTable(schema: Schema): Table {
  const columns: Column[] = schema.inputs.flatMap((name): Column[] => {
    if (schema.categories[name] !== undefined)
      return [{ name, kind: "category", codes: new Int32Array(0), labels: schema.categories[name] }];
    if (schema.tensor?.name === name) return [{ name, kind: "tensor", shape: schema.tensor.shape, values: new Float32Array(0) }];
    return [{ name, kind: "number", values: new Float64Array(0) }];
  });
  if (schema.time !== undefined) columns.push({ name: schema.time, kind: schema.clock ?? "number", values: new Float64Array(0) });
  return { rows: 0, columns };
}
