/** Random graphs of every kind of layer: the engine predicts what the oracle does, and its gradients are central differences. */
import { describe, expect, test } from "vitest";
import { createEngine } from "../../src/model/engine-wasm.js";
import { inferModel } from "../../src/model/shape.js";
import { asData, distance, engineGradient, referenceGradient, sizeOf, someTargets } from "../support/engine-data.js";
import { randomBatch, randomModel } from "../support/random-model.js";
import { referenceForward } from "../support/reference-model.js";

describe("random graphs", () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))("seed %i", (seed) => {
    const { spec, values, inputs } = randomModel(1000 + seed);
    const engine = createEngine(spec);
    engine.load(values);
    const { output, nodes } = referenceForward(spec, values, inputs, randomBatch);
    // Values that meet a kink (ReLU, maximum) or a vanishing variance within rounding may differ: single precision shows there.
    const largest = Math.max(...[...nodes.values()].map(({ values: all }) => all.reduce((a, b) => Math.max(a, Math.abs(b)), 0)));
    expect(distance(engine.predict(asData(spec, inputs as Record<string, Float32Array>)), output)).toBeLessThan(
      1e-4 * Math.max(1, largest / 10),
    );
    if (seed % 6 !== 0 || spec.nodes.some((node) => node.use === "batch-norm" || node.use === "dropout") || engine.size === 0) return;
    const width = sizeOf(inferModel(spec).outputShape);
    const targets = someTargets({ use: "mse" }, width, randomBatch, seed);
    const expected = referenceGradient(
      spec,
      values,
      inputs as Record<string, Float32Array>,
      targets,
      { use: "mse" },
      randomBatch,
      "train",
      8,
    );
    const data = asData(spec, inputs as Record<string, Float32Array>, targets, width);
    expect(distance(engineGradient(engine, values, data, { use: "mse" }), expected)).toBeLessThan(1e-3);
  });
});
