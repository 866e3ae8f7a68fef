/** Answers of a carried model for the rows of a table, by the same features that training used. */
import { fail } from "../core/errors.js";
import { sigmoid } from "../core/math.js";
import type { ExampleInput } from "../data/dataset.js";
import { featurePipeline, type PipelineOptions, type Unlabelled } from "../data/predict.js";
import type { ColumnSchema } from "../data/schema-columns.js";
import { categoryOf, valuesOf } from "../data/schema-table.js";
import type { Table } from "../data/table.js";
import { reconstructionScores } from "../evaluation/anomaly.js";
import type { Engine, InputData } from "../model/engine.js";
import type { Bundle } from "../round/bundle.js";

export interface Prediction {
  readonly machine?: string;
  /** Of the last row the answer rests on: ISO 8601 where the clock is one, else the count. */
  readonly time?: string | number;
  readonly [answer: string]: string | number | boolean | undefined;
}

/** The columns a table must have, read as they were in training. */
export function neededColumns(bundle: Bundle): ColumnSchema[] {
  const { schema } = bundle.scaler;
  const residual = bundle.data.task.kind === "value" && bundle.data.task.residual === true;
  const target = residual ? ((bundle.data.task.kind === "value" ? bundle.data.task.target : undefined) ?? schema.target) : undefined;
  const names = new Set([schema.machine, schema.time, ...schema.inputs, target].filter((n): n is string => n !== undefined));
  return [...names].map((name): ColumnSchema => {
    if (name === schema.time && schema.clock === "time") return { name, kind: "time" };
    if (name === schema.machine) return { name, kind: "category" };
    if (schema.categories[name] !== undefined) return { name, kind: "category", labels: schema.categories[name] };
    return { name, kind: "number", ...(schema.units[name] === undefined ? {} : { unit: schema.units[name] }) };
  });
}

/** One answer per example: a probability and yes or no, a class, a number, or a reconstruction error. */
export function predictTable(bundle: Bundle, table: Table, engine: Engine, options: PipelineOptions): Prediction[] {
  const examples = featurePipeline(bundle.data, bundle.scaler, options).examples(table);
  engine.load(bundle.values);
  const inputs: Record<string, InputData> = {};
  for (const name of Object.keys(bundle.model.inputs)) {
    const input = examples.inputs[name];
    if (input === undefined) {
      fail("DATA_INVALID", { where: `input "${name}"`, expected: "features that make it", got: Object.keys(examples.inputs).join(", ") });
    }
    inputs[name] = input;
  }
  const outputs = engine.predict({ count: examples.count, inputs });
  const answer = answerOf(bundle, examples, outputs, table);
  const { schema } = bundle.scaler;
  const machines = schema.machine === undefined ? undefined : categoryOf(table, schema.machine).labels;
  return Array.from({ length: examples.count }, (_, i) => ({
    ...(machines === undefined ? {} : { machine: machines[examples.machines[i]] }),
    ...(schema.time === undefined ? {} : { time: moment(examples.times[i], schema.clock === "time") }),
    ...answer(i),
  }));
}

const moment = (value: number, clock: boolean): string | number =>
  clock && Number.isFinite(value) ? new Date(value).toISOString() : value;

type Answer = (i: number) => Record<string, string | number | boolean>;

function answerOf(bundle: Bundle, examples: Unlabelled, outputs: Float32Array, table: Table): Answer {
  const { task } = bundle.data;
  const { threshold, outputs: output } = bundle;
  const judged = (score: number, word: string): Record<string, boolean> => (threshold === undefined ? {} : { [word]: score >= threshold });
  if (task.kind === "failure") {
    return (i) => {
      const probability = sigmoid(outputs[i]);
      return { probability, ...judged(probability, "failure") };
    };
  }
  if (task.kind === "class") {
    const classes = output.width;
    return (i) => {
      let best = 0;
      for (let c = 1; c < classes; c++) if (outputs[i * classes + c] > outputs[i * classes + best]) best = c;
      return { class: output.labels?.[best] ?? String(best) };
    };
  }
  if (task.kind === "anomaly") {
    const first: ExampleInput = examples.inputs[Object.keys(bundle.model.inputs)[0]];
    const scores = reconstructionScores(first, outputs);
    return (i) => ({ error: scores[i], ...judged(scores[i], "anomaly") });
  }
  const { scale, offset } = bundle.answers ?? { scale: 1, offset: 0 };
  const bases = task.kind === "value" && task.residual === true ? lastKnown(bundle, examples, table) : undefined;
  if (task.kind === "rul") return (i) => ({ remainingLife: Math.min(Math.max(outputs[i] * scale + offset, 0), scale) });
  return (i) => ({ value: outputs[i] * scale + offset + (bases?.[i] ?? 0) });
}

/** The last known value of the target at each example, for models that predict the difference to it. */
function lastKnown(bundle: Bundle, examples: Unlabelled, table: Table): number[] {
  const { schema } = bundle.scaler;
  const target = (bundle.data.task.kind === "value" ? bundle.data.task.target : undefined) ?? schema.target;
  if (target === undefined || schema.time === undefined)
    fail("DATA_INVALID", { where: "model", expected: "a target and a clock", got: "none" });
  const values = valuesOf(table, target);
  const times = valuesOf(table, schema.time);
  const codes = schema.machine === undefined ? undefined : categoryOf(table, schema.machine).codes;
  const key = (machine: number, time: number): string => `${machine}/${time}`;
  const known = new Map(Array.from(times, (time, row) => [key(codes?.[row] ?? 0, time), values[row]]));
  const bases: number[] = [];
  for (let i = 0; i < examples.count; i++) {
    const value = known.get(key(codes === undefined ? 0 : examples.machines[i], examples.times[i]));
    if (value === undefined || !Number.isFinite(value)) {
      fail("DATA_INVALID", { where: `column ${target}`, expected: "the last known value to predict the difference to", got: "none" });
    }
    bases.push(value);
  }
  return bases;
}
