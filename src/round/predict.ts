/**
 * What a trained model says of new rows: the features, the scaler, the units and the threshold are those it was trained with, so that
 * the answer for a row of the training data is the answer the report judged, bit for bit.
 *
 * Not guaranteed: rows must reach back far enough (`featurePipeline(...).history`), and rows that a plan fills or resamples in training
 * are filled and resampled here too. Limits of anomaly detection belong to machines, not to the model: reconstructions get a score only.
 */
import { fail } from "../core/errors.js";
import { sigmoid } from "../core/math.js";
import type { ExampleInput } from "../data/dataset.js";
import { featurePipeline, type PipelineOptions, type Unlabelled } from "../data/pipeline.js";
import type { ColumnSchema } from "../data/schema-columns.js";
import { categoryOf } from "../data/schema-table.js";
import type { Table } from "../data/table.js";
import { reconstructionScores } from "../evaluation/anomaly.js";
import { mostLikely } from "../evaluation/classes.js";
import type { Engine, InputData } from "../model/engine.js";
import type { Bundle } from "./bundle.js";

/** One answer. Which of the fields after `time` are there follows from the task. */
export interface Prediction {
  readonly machine?: string;
  /** Clock of the last row the answer rests on: ISO 8601 where it is a time, else the count. */
  readonly time?: string | number;
  /** Failure: its probability, and whether the threshold calls it. */
  readonly probability?: number;
  readonly failure?: boolean;
  /** Class: the likeliest label. */
  readonly class?: string;
  /** Anomaly: error of the reconstruction of the window, mean over its rows and sum over its columns, in scaled units. */
  readonly score?: number;
  /** Remaining useful life in rows, between 0 and the cap of the task. */
  readonly remainingLife?: number;
  /** Value: in the unit of the target. */
  readonly value?: number;
}

/** The columns that rows to predict must have, read as they were in training. */
export function neededColumns(bundle: Bundle): ColumnSchema[] {
  const { schema } = bundle.scaler;
  const { task } = bundle.data;
  const target = task.kind === "value" && task.residual === true ? (task.target ?? schema.target) : undefined;
  const names = new Set([schema.machine, schema.time, ...schema.inputs, target].filter((n): n is string => n !== undefined));
  return [...names].map((name): ColumnSchema => {
    if (name === schema.time && schema.clock === "time") return { name, kind: "time" };
    if (name === schema.machine) return { name, kind: "category" };
    if (schema.categories[name] !== undefined) return { name, kind: "category", labels: schema.categories[name] };
    return { name, kind: "number", ...(schema.units[name] === undefined ? {} : { unit: schema.units[name] }) };
  });
}

/**
 * One answer per example of a table of raw rows (sorted by machine, then time). The engine must be built for the bundle's model.
 * Errors: DATA_INVALID, DATA_MISSING, DATA_EMPTY, and those of the engine.
 *
 * @example
 * ```ts
 * import { predictTable, simulate } from "millwright";
 * import type { Column, Table } from "millwright/data";
 * import { createEngine } from "millwright/model";
 *
 * const bundle = await simulate(plan, { compare: false, workers: 1 }).bundle;
 * const { machine = "", time = "", inputs, categories } = bundle.scaler.schema;
 * const hours = 24;
 * const columns: Column[] = [
 *   { name: machine, kind: "category", codes: new Int32Array(hours), labels: ["press-1"] },
 *   { name: time, kind: "time", values: Float64Array.from({ length: hours }, (_, hour) => hour * 3_600_000) },
 * ];
 * for (const name of inputs) {
 *   const labels = categories[name];
 *   if (labels !== undefined) columns.push({ name, kind: "category", codes: new Int32Array(hours), labels });
 *   else columns.push({ name, kind: "number", values: new Float64Array(hours).fill(100) });
 * }
 * const table: Table = { rows: hours, columns };
 * const answers = predictTable(bundle, createEngine(bundle.model), table, { at: "last" });
 * answers.map((answer) => answer.machine); // => ["press-1"]
 * ```
 */
export function predictTable(bundle: Bundle, engine: Engine, table: Table, options: PipelineOptions = {}): Prediction[] {
  const examples = featurePipeline(bundle.data, bundle.scaler, options).examples(table);
  engine.load(bundle.values);
  const outputs = engine.predict({ count: examples.count, inputs: inputsOf(bundle, examples) });
  const answer = answerOf(bundle, examples, outputs);
  const { schema } = bundle.scaler;
  const named = schema.machine !== undefined && table.columns.some((column) => column.name === schema.machine);
  const machines = named ? categoryOf(table, schema.machine as string).labels : undefined;
  return Array.from({ length: examples.count }, (_, i) => ({
    ...(machines === undefined ? {} : { machine: machines[examples.machines[i]] }),
    ...(schema.time === undefined ? {} : { time: moment(examples.times[i], schema.clock === "time") }),
    ...answer(i),
  }));
}

function inputsOf(bundle: Bundle, examples: Unlabelled): Record<string, InputData> {
  const inputs: Record<string, InputData> = {};
  for (const name of Object.keys(bundle.model.inputs)) {
    const input = examples.inputs[name];
    if (input === undefined) {
      const got = Object.keys(examples.inputs).join(", ");
      fail("DATA_INVALID", { where: `input "${name}"`, expected: "features that make it", got });
    }
    inputs[name] = input;
  }
  return inputs;
}

const moment = (value: number, clock: boolean): string | number =>
  clock && Number.isFinite(value) ? new Date(value).toISOString() : value;

function answerOf(bundle: Bundle, examples: Unlabelled, outputs: Float32Array): (i: number) => Prediction {
  const { threshold, outputs: output, answers } = bundle;
  const { task } = bundle.data;
  if (output.kind === "binary") {
    return (i) => {
      const probability = sigmoid(outputs[i]);
      return { probability, ...(threshold === undefined ? {} : { failure: probability >= threshold }) };
    };
  }
  if (output.kind === "classes") {
    const chosen = mostLikely(outputs, output.width);
    return (i) => ({ class: output.labels?.[chosen[i]] ?? String(chosen[i]) });
  }
  if (output.kind === "reconstruction") {
    const first: ExampleInput = examples.inputs[Object.keys(bundle.model.inputs)[0]];
    const scores = reconstructionScores(first, outputs);
    return (i) => ({ score: scores[i] });
  }
  const { scale, offset } = answers ?? { scale: 1, offset: 0 };
  if (task.kind === "rul") return (i) => ({ remainingLife: Math.min(Math.max(outputs[i] * scale + offset, 0), scale) });
  return (i) => ({ value: outputs[i] * scale + offset + (examples.bases?.[i] ?? 0) });
}
