/**
 * A trained model with everything needed to use it elsewhere: graph, values, features, scaler, threshold. It travels as one safetensors
 * file: any safetensors reader sees the tensors under PyTorch's names, Millwright also reads the description in the metadata.
 */
import { z } from "zod";
import { fail } from "../core/errors.js";
import { sigmoid } from "../core/math.js";
import { type DataPlan, featurePipeline, type OutputSpec, type PipelineOptions, type Scaler, type Unlabelled } from "../data/pipeline.js";
import type { Table } from "../data/table.js";
import { mostLikely } from "../evaluation/classes.js";
import type { Engine, ExampleData } from "../model/engine.js";
import { matchTensors, readSafetensors, writeSafetensors } from "../model/safetensors.js";
import { inferModel } from "../model/shape.js";
import type { ModelSpec } from "../model/spec.js";

export interface Bundle {
  readonly format: "millwright-model/1";
  readonly federation: string;
  readonly model: ModelSpec;
  readonly values: Float32Array;
  readonly data: Omit<DataPlan, "sites">;
  readonly scaler: Scaler;
  readonly outputs: OutputSpec;
  /** Probability from which a failure is called. */
  readonly threshold?: number;
  /** Answer = output * scale + offset, for regressions. */
  readonly answers?: { readonly scale: number; readonly offset: number };
}

/** What a bundle says of one window. */
export interface Prediction {
  readonly machine: string | undefined;
  readonly time: number;
  /** Probability of failure, value in its unit, probability of the class; undefined for reconstructions, which have an error instead. */
  readonly value: number;
  readonly label?: string;
}

/** Puts a bundle together; the sites' part of the plan stays behind. */
export function createBundle(parts: Omit<Bundle, "format" | "data"> & { readonly data: DataPlan }): Bundle {
  const { sites: _, split: __, ...data } = parts.data;
  return { ...parts, data, format: "millwright-model/1" };
}

/** One safetensors file. */
export function encodeBundle({ values, ...description }: Bundle): Uint8Array {
  return writeSafetensors(inferModel(description.model).tensors, values, { format: "pt", millwright: JSON.stringify(description) });
}

const descriptionSchema = z.looseObject({
  format: z.literal("millwright-model/1"),
  federation: z.string().max(64),
  model: z.looseObject({
    inputs: z.record(z.string(), z.array(z.number())),
    nodes: z.array(z.looseObject({ use: z.string(), name: z.string() })),
  }),
  data: z.looseObject({ task: z.looseObject({ kind: z.string() }) }),
  scaler: z.looseObject({}),
  outputs: z.looseObject({ kind: z.enum(["binary", "classes", "number", "reconstruction"]), width: z.number() }),
});

/** The inverse of encodeBundle. Errors: FILE_UNREADABLE, MODEL_INVALID, SHAPE_MISMATCH, NOT_FINITE. */
export function decodeBundle(bytes: Uint8Array, where = "model"): Bundle {
  const file = readSafetensors(bytes);
  const text = file.metadata.millwright;
  if (text === undefined) {
    fail("FILE_UNREADABLE", {
      where,
      expected: "a model written by millwright (with its description)",
      got: "a plain safetensors file",
      remedy: "use the model.safetensors of a run folder",
    });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    fail("FILE_UNREADABLE", { where, expected: "a description in JSON", got: "something else", cause });
  }
  const checked = descriptionSchema.safeParse(parsed);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    fail("FILE_UNREADABLE", { where: `${where}, ${issue.path.join(".")}`, expected: issue.message, got: "something else" });
  }
  const description = checked.data as unknown as Omit<Bundle, "values">;
  const values = matchTensors(file, inferModel(description.model).tensors);
  return { ...description, values };
}

/** Predictions for every window of a table of raw rows. The engine must be built for the bundle's model. Errors: those of the features and the engine. */
export function predictTable(bundle: Bundle, engine: Engine, table: Table, options: PipelineOptions = {}): Prediction[] {
  const examples = featurePipeline(bundle.data, bundle.scaler, options).examples(table);
  if (bundle.outputs.kind === "reconstruction") {
    fail("PLAN_REFUSED", {
      where: "predict",
      expected: "a model that answers with a number or a class",
      got: "an autoencoder",
      remedy: "score reconstructions with simulate",
    });
  }
  if (bundle.data.task.kind === "value" && bundle.data.task.residual === true) {
    fail("PLAN_REFUSED", {
      where: "predict",
      expected: "a model that predicts values",
      got: "one that predicts differences",
      remedy: "train without task.residual to predict from new tables",
    });
  }
  engine.load(bundle.values);
  const outputs = engine.predict(examplesFor(bundle, examples));
  const names = bundle.scaler.schema.machine === undefined ? undefined : machineNames(bundle, table);
  return Array.from({ length: examples.count }, (_, i) => ({
    machine: names?.[examples.machines[i]],
    time: examples.times[i],
    ...answer(bundle, outputs, i),
  }));
}

function examplesFor(bundle: Bundle, examples: Unlabelled): ExampleData {
  const wanted = Object.keys(bundle.model.inputs).map((name) => [name, examples.inputs[name]] as const);
  return { count: examples.count, inputs: Object.fromEntries(wanted) };
}

function machineNames(bundle: Bundle, table: Table): readonly string[] | undefined {
  const column = table.columns.find((one) => one.name === bundle.scaler.schema.machine);
  return column?.kind === "category" ? column.labels : undefined;
}

function answer(bundle: Bundle, outputs: Float32Array, i: number): { value: number; label?: string } {
  const { outputs: spec, threshold, answers } = bundle;
  if (spec.kind === "binary") {
    const value = sigmoid(outputs[i]);
    return { value, label: spec.labels?.[value >= (threshold ?? 0.5) ? 1 : 0] };
  }
  if (spec.kind === "classes") {
    const [best] = mostLikely(outputs.subarray(i * spec.width, (i + 1) * spec.width), spec.width);
    return { value: best, label: spec.labels?.[best] };
  }
  const { scale, offset } = answers ?? { scale: 1, offset: 0 };
  const value = outputs[i] * scale + offset;
  return { value: bundle.data.task.kind === "rul" ? Math.min(Math.max(value, 0), scale) : value };
}
