/** Outputs of a model on a site's examples, computed by the executor's workers. */
import type { Examples } from "../data/dataset.js";
import type { ExampleData } from "../model/engine.js";
import type { ModelSpec } from "../model/spec.js";
import type { Laboratory } from "./scenarios.js";
import { sharedExamples } from "./shared.js";

/** Laid out once for all rounds, as long as the examples live. */
const laidOut = new WeakMap<Examples, ExampleData>();

/** Logits, values or reconstructions, one row per example; no examples, no outputs. */
export async function predict({ setup, hooks }: Laboratory, examples: Examples, values: Float32Array): Promise<Float32Array> {
  if (examples.count === 0) return new Float32Array(0);
  const { model } = setup;
  const data = laidOut.get(examples) ?? inputsOf(examples, model);
  laidOut.set(examples, data);
  return (await hooks.executor.run({ kind: "predict", model, values, data })).values;
}

function inputsOf(examples: Examples, model: ModelSpec): ExampleData {
  const { targets: _, ...data } = sharedExamples(examples, model, true);
  return data;
}
