import { describe, expect, it } from "vitest";
import { inferModel } from "../../src/model/shape.js";
import { layerCases } from "../support/layer-vectors.js";
import { referenceForward } from "../support/reference-model.js";

function near(got: ArrayLike<number>, expected: readonly number[]): void {
  expect(got.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(Math.abs(got[i] - value)).toBeLessThan(1e-10 * Math.max(1, Math.abs(value)));
}

describe("the oracle and the shape rules against PyTorch, layer by layer", () => {
  it.each(layerCases.map((c) => [c.name, c] as const))(
    "%s",
    (_, { spec, batch, x, parameters, outputShape, evaluated, trained, buffersAfter }) => {
      const { tensors, size, outputShape: inferred } = inferModel(spec);
      expect(inferred).toEqual(outputShape);
      expect(Object.fromEntries(tensors.map((t) => [t.name, t.shape]))).toEqual(
        Object.fromEntries(Object.entries(parameters).map(([name, t]) => [name, t.shape])),
      );
      // The order is that of PyTorch's state_dict.
      expect(tensors.map((t) => t.name)).toEqual(Object.keys(parameters));
      const values = new Float64Array(size);
      for (const { name, offset } of tensors) values.set(parameters[name].values, offset);
      near(referenceForward(spec, values, { x }, batch).output, evaluated);
      const training = referenceForward(spec, values, { x }, batch, "train");
      near(training.output, trained);
      for (const [name, after] of Object.entries(buffersAfter)) near(training.buffers.get(name)!, after);
    },
  );
});
