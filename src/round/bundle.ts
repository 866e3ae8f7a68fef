/**
 * A trained model with everything needed to use it elsewhere: graph, values, features, scaler, threshold. It travels as one safetensors
 * file: any safetensors reader sees the tensors under PyTorch's names, Millwright also reads the description in the metadata.
 */
import { z } from "zod";
import { fail } from "../core/errors.js";
import { placed } from "../core/place.js";
import type { DataPlan, OutputSpec, Scaler } from "../data/pipeline.js";
import { matchTensors, readSafetensors, writeSafetensors } from "../model/safetensors.js";
import { inferModel } from "../model/shape.js";
import type { ModelSpec } from "../model/spec.js";

/** A trained model with everything needed to use it elsewhere; the rows it was trained on are not in it, sums of their columns are. */
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

/** Puts a bundle together; the sites' part of the plan stays behind. */
export function createBundle(parts: Omit<Bundle, "format" | "data"> & { readonly data: DataPlan }): Bundle {
  const { sites: _, split: __, ...data } = parts.data;
  return { ...parts, data, format: "millwright-model/1" };
}

/**
 * A bundle as one safetensors file: tensors under PyTorch's names, the description in the metadata. Errors: SHAPE_MISMATCH, NOT_FINITE.
 *
 * @example
 * ```ts
 * import { decodeBundle, encodeBundle, simulate } from "millwright";
 *
 * const trained = await simulate(plan, { compare: false, workers: 1 }).bundle;
 * decodeBundle(encodeBundle(trained)).federation; // => "small-fleet"
 * ```
 */
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

/**
 * The inverse of encodeBundle; `where` names the file in messages. Errors: FILE_UNREADABLE, MODEL_INVALID, SHAPE_MISMATCH, NOT_FINITE.
 *
 * @example
 * ```ts
 * import { readFileSync } from "node:fs";
 * import { decodeBundle } from "millwright";
 *
 * const model = (path: string) => decodeBundle(readFileSync(path), path);
 * console.log(typeof model); // model("out/fleet/model.safetensors") reads the model of a run
 * ```
 */
export function decodeBundle(bytes: Uint8Array, where = "model"): Bundle {
  const file = placed(where, () => readSafetensors(bytes));
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
  const values = placed(where, () => matchTensors(file, inferModel(description.model).tensors));
  return { ...description, values };
}
