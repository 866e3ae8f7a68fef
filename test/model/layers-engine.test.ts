import { describe, expect, it } from "vitest";
import { createEngine } from "../../src/model/engine-wasm.js";
import { inferModel } from "../../src/model/shape.js";
import type { ModelSpec } from "../../src/model/spec.js";
import { exampleData } from "../support/example-data.js";
import { type LayerCase, layerCases } from "../support/layer-vectors.js";

/** The model of a case behind a dense layer that changes nothing, whose gradient shows the gradient at the case's input. */
function behindIdentity({ spec, x, parameters, inputGradient }: LayerCase) {
  const shape = spec.inputs.x;
  const width = shape[shape.length - 1];
  const nodes = spec.nodes.map((node, i) => ({
    ...node,
    from: [node.from ?? (i === 0 ? "x" : spec.nodes[i - 1].name)].flat().map((name) => (name === "x" ? "front" : name)),
  }));
  const stacked: ModelSpec = { inputs: { x: shape }, nodes: [{ use: "dense", name: "front", units: width }, ...nodes] };
  const weight = new Array<number>(width * width).fill(0);
  const weightGradient = new Array<number>(width * width).fill(0);
  const biasGradient = new Array<number>(width).fill(0);
  for (let i = 0; i < width; i++) weight[i * width + i] = 1;
  for (let row = 0; row < x.length; row += width) {
    for (let o = 0; o < width; o++) {
      biasGradient[o] += inputGradient[row + o];
      for (let i = 0; i < width; i++) weightGradient[o * width + i] += inputGradient[row + o] * x[row + i];
    }
  }
  const all = new Map(Object.entries(parameters).map(([name, tensor]) => [name, tensor.values]));
  all.set("front.weight", weight).set("front.bias", new Array<number>(width).fill(0));
  const { tensors, size } = inferModel(stacked);
  const values = new Float32Array(size);
  for (const { name, offset } of tensors) values.set(all.get(name)!, offset);
  return { stacked, tensors, values, front: { "front.weight": weightGradient, "front.bias": biasGradient } };
}

function near(got: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  expect(got.length, what).toBe(expected.length);
  // Relative to the largest value: single precision cannot know more of a small one beside it.
  const scale = Math.max(1e-3, ...Array.from(expected, Math.abs));
  for (let i = 0; i < expected.length; i++) expect(Math.abs(got[i] - expected[i]), `${what} ${i}`).toBeLessThanOrEqual(tolerance * scale);
}

describe("the engine against PyTorch, layer by layer", () => {
  it.each(layerCases.map((c) => [c.name, c] as const))("%s", (_, layer) => {
    const { stacked, tensors, values, front } = behindIdentity(layer);
    const engine = createEngine(stacked);
    engine.load(values);
    const data = exampleData({ x: layer.x }, layer.batch, layer.target);
    near(engine.predict(data), layer.evaluated, 1e-5, "output");

    // One step of plain SGD over the whole batch: what the parameters moved by is the gradient.
    const options = {
      loss: { use: "mse" },
      optimizer: { use: "sgd", learningRate: 1 },
      batch: layer.batch,
      epochs: 1,
      learningRate: 1,
      seed: "s",
    } as const;
    const { losses } = engine.train(data, options);
    expect(losses[0]).toBeCloseTo(layer.mse, 5);
    const moved = engine.values();
    const expected: Record<string, readonly number[]> = { ...layer.gradients, ...front };
    for (const { name, offset, size, role } of tensors) {
      const after = moved.subarray(offset, offset + size);
      if (role === "buffer") near(after, layer.buffersAfter[name], 1e-5, name);
      else
        near(
          after.map((v, i) => values[offset + i] - v),
          expected[name],
          1e-4,
          name,
        );
    }

    // The same gradient as a sum over examples, where examples do not see each other.
    if (stacked.nodes.some((node) => node.use === "batch-norm")) return;
    engine.load(values);
    const { sum } = engine.unitGradients(data, { loss: { use: "mse" }, units: Int32Array.from({ length: layer.batch }, (_, i) => i) });
    for (const { name, offset, size } of tensors) {
      near(
        sum.subarray(offset, offset + size).map((v) => v / layer.batch),
        expected[name],
        1e-4,
        `unit gradient of ${name}`,
      );
    }
  });
});
