/**
 * Ready-made models by name. A new one is a file in presets/, a line here, and a line in the test that counts its
 * parameters; the federation file's schema, the help and the documentation follow from this table.
 */
import type { z } from "zod";
import { fail } from "../core/errors.js";
import { oneOf } from "./choice.js";
import { showShape, sizeOf } from "./geometry.js";
import { autoencoder } from "./presets/autoencoder.js";
import { cnnLstm } from "./presets/cnn-lstm.js";
import { cnn1d } from "./presets/cnn1d.js";
import { cnn2d } from "./presets/cnn2d.js";
import { graph } from "./presets/graph.js";
import { linear, mlp } from "./presets/mlp.js";
import type { ModelContext } from "./presets/preset.js";
import { gru, hybrid, lstm } from "./presets/recurrent.js";
import { inferModel } from "./shape.js";
import type { ModelSpec } from "./spec.js";

export type { ModelContext } from "./presets/preset.js";

const presets = { "cnn-lstm": cnnLstm, mlp, linear, cnn1d, lstm, gru, hybrid, autoencoder, cnn2d, graph } as const;

/** Name of a ready-made model. */
export type PresetName = keyof typeof presets;
/** Names of the ready-made models, and "graph" for a model of one's own. */
export const presetNames = Object.keys(presets) as readonly PresetName[];

/** Schema (zod) of `model:` in a federation file: a preset's name, or its options under `use`. Sizes are whole numbers up to 4096. */
export const modelSchema = oneOf("model", [
  cnnLstm.schema,
  mlp.schema,
  linear.schema,
  cnn1d.schema,
  lstm.schema,
  gru.schema,
  hybrid.schema,
  autoencoder.schema,
  cnn2d.schema,
  graph.schema,
]);

/** `model:` of a federation file, as read. */
export type ModelChoice = z.output<typeof modelSchema>;

/**
 * The graph a choice stands for, given what the data and the task offer. Only inputs the model reads are listed in it.
 * Errors: PLAN_REFUSED (an input is missing, or the output does not suit the task), SHAPE_MISMATCH, MODEL_INVALID, MODEL_TOO_LARGE.
 *
 * @example
 * ```ts
 * import { buildModel, inferModel, modelSchema } from "millwright/model";
 *
 * const lstm = buildModel(modelSchema.parse("lstm"), { inputs: { sequence: [24, 9] }, outputs: 1, task: "binary" });
 * inferModel(lstm).outputShape; // => [1]
 * ```
 */
export function buildModel(choice: ModelChoice, context: ModelContext): ModelSpec {
  const { build } = presets[choice.use] as { readonly build: (options: ModelChoice, context: ModelContext) => ModelSpec };
  return checkOutput(build(choice, context), choice.use, context);
}

/** A model whose output suits the task. Errors: PLAN_REFUSED, and those of inferModel. */
export function checkOutput(spec: ModelSpec, use: string, context: ModelContext): ModelSpec {
  const { output, outputShape } = inferModel(spec);
  const expected = context.task === "reconstruction" ? sizeOf(Object.values(spec.inputs)[0]) : context.outputs;
  if (sizeOf(outputShape) !== expected) {
    fail("PLAN_REFUSED", {
      where: `model ${use}, layer "${output}"`,
      expected: `${expected} outputs for a ${context.task} task`,
      got: showShape(outputShape),
      remedy: use in presets && use !== "graph" ? undefined : "end with a dense layer of `units: outputs`",
    });
  }
  return spec;
}
