/**
 * A trained model as one file that can be carried to where the rows are: safetensors, readable by PyTorch as it stands, whose metadata holds
 * everything `predict` needs beside the weights: model graph, features, what the federation measured for scaling, and the threshold.
 */
import { createHash } from "node:crypto";
import { fail } from "../core/errors.js";
import type { DataPlan } from "../data/plan.js";
import type { Scaler } from "../data/scaler.js";
import type { OutputSpec } from "../data/task.js";
import { matchTensors, readSafetensors, writeSafetensors } from "../model/safetensors.js";
import { inferModel } from "../model/shape.js";
import type { ModelSpec } from "../model/spec.js";

export interface TrainedModel {
  readonly federation: string;
  readonly plan: Omit<DataPlan, "sites">;
  readonly scaler: Scaler;
  readonly output: OutputSpec;
  readonly spec: ModelSpec;
  /** Parameters and buffers in the order of `inferModel(spec).tensors`. */
  readonly values: Float32Array;
  /** Probability (failure) or reconstruction error (anomaly) from which on the answer is yes. */
  readonly threshold?: number;
}

const format = "millwright-bundle/1";

export function writeBundle(model: TrainedModel): Uint8Array {
  const { federation, plan, scaler, output, spec, threshold } = model;
  const description = { federation, plan, scaler, output, spec, ...(threshold === undefined ? {} : { threshold }) };
  return writeSafetensors(inferModel(spec).tensors, model.values, { format, millwright: JSON.stringify(description) });
}

/** Reads a bundle. Errors: FILE_UNREADABLE, DATA_INVALID where the file is a safetensors file without the description, NOT_FINITE. */
export function readBundle(bytes: Uint8Array, where: string): TrainedModel {
  const file = readSafetensors(bytes);
  const text = file.metadata.millwright;
  if (file.metadata.format !== format || text === undefined) {
    fail("DATA_INVALID", {
      where,
      expected: `a model with format "${format}"`,
      got: file.metadata.format === undefined ? "safetensors without a description" : `format ${JSON.stringify(file.metadata.format)}`,
      remedy: "give the model.safetensors that `millwright simulate` wrote",
    });
  }
  let description: Omit<TrainedModel, "values">;
  try {
    description = JSON.parse(text) as Omit<TrainedModel, "values">;
  } catch (cause) {
    fail("FILE_UNREADABLE", { where, expected: "a description in JSON", got: String(cause), cause });
  }
  for (const key of ["plan", "scaler", "output", "spec"] as const) {
    if (typeof description[key] !== "object" || description[key] === null) {
      fail("DATA_INVALID", { where, expected: `a description with ${key}`, got: "one without" });
    }
  }
  const { tensors } = inferModel(description.spec);
  return { ...description, values: matchTensors(file, tensors) };
}

/** SHA-256 of the values as little-endian float32, as results and records state it. */
export function modelHash(values: Float32Array): string {
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  for (let i = 0; i < values.length; i++) bytes.setFloat32(4 * i, values[i], true);
  return createHash("sha256").update(new Uint8Array(bytes.buffer)).digest("hex");
}
