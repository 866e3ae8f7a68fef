/** Examples as the engine takes them, in memory that worker threads share: data is laid out once and never copied per round. */
import { fail } from "../core/errors.js";
import type { Examples } from "../data/dataset.js";
import type { ExampleData, InputData } from "../model/engine.js";
import type { ModelSpec } from "../model/spec.js";

/** The inputs that `model` reads, and its targets; a reconstruction's target is its input. */
export function sharedExamples(examples: Examples, model: ModelSpec, reconstruct: boolean): ExampleData {
  const inputs: Record<string, InputData> = {};
  for (const name of Object.keys(model.inputs)) {
    const input = examples.inputs[name];
    if (input === undefined)
      fail("INTERNAL", { where: `input "${name}"`, expected: "examples that have it", got: Object.keys(examples.inputs).join(", ") });
    inputs[name] = { rows: sharedFloats(input.rows), width: input.width, starts: sharedIntegers(input.starts), length: input.length };
  }
  return {
    count: examples.count,
    inputs,
    targets: reconstruct ? "input" : sharedFloats(examples.targets),
    targetWidth: examples.targetWidth,
  };
}

function sharedFloats(values: Float32Array): Float32Array {
  const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

function sharedIntegers(values: Int32Array): Int32Array {
  const shared = new Int32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}
