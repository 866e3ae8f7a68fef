/** Plain arrays as the engine's example data: one row per example, nothing shared. */
import type { ExampleData } from "../../src/model/engine.js";
import { createEngine } from "../../src/model/engine-wasm.js";
import type { ModelSpec } from "../../src/model/spec.js";

export function exampleData(inputs: Readonly<Record<string, ArrayLike<number>>>, count: number, targets?: ArrayLike<number>): ExampleData {
  const starts = Int32Array.from({ length: count }, (_, i) => i);
  const data = Object.fromEntries(
    Object.entries(inputs).map(([name, values]) => [
      name,
      { rows: Float32Array.from(values), width: values.length / count, starts, length: 1 },
    ]),
  );
  return targets === undefined
    ? { count, inputs: data }
    : { count, inputs: data, targets: Float32Array.from(targets), targetWidth: targets.length / count };
}

/** What the engine predicts for these examples. */
export function enginePredicts(
  spec: ModelSpec,
  values: Float32Array,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  count: number,
): Float32Array {
  const engine = createEngine(spec);
  engine.load(values);
  return engine.predict(exampleData(inputs, count));
}
