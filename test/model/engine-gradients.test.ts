/** Every kind of layer against the f64 oracle: values, and all gradients against central differences. */
import { describe, expect, test } from "vitest";
import { createEngine } from "../../src/model/engine-wasm.js";
import { inferModel } from "../../src/model/shape.js";
import type { LossSpec, ModelSpec, NodeSpec, Shape } from "../../src/model/spec.js";
import {
  asData,
  distance,
  engineGradient,
  referenceGradient,
  referenceLoss,
  sizeOf,
  someInputs,
  someTargets,
  someValues,
} from "../support/engine-data.js";
import { referenceForward } from "../support/reference-model.js";

type Loose = Omit<NodeSpec, "name"> & { name?: string } & Record<string, unknown>;

/** Names what is not named, and puts a learning layer before the first so that every layer passes a gradient on. */
function model(inputs: Record<string, Shape>, nodes: readonly Loose[], lead = true): ModelSpec {
  const named = nodes.map((node, i) => ({ name: `n${i}`, ...node })) as unknown as NodeSpec[];
  const width = Object.values(inputs)[0].at(-1)!;
  const first = { use: "dense", name: "lead", units: width } as const;
  return { inputs, nodes: lead ? [first, ...named] : named };
}

const cases: Record<string, ModelSpec> = {
  "dense 7 to 1": model({ x: [7] }, [{ use: "dense", units: 1 }]),
  "dense 5, 2, 3, 6, 9 wide": model(
    { x: [5] },
    [2, 3, 6, 9, 5].map((units) => ({ use: "dense", units })),
  ),
  "dense without bias over a sequence": model({ x: [9, 3] }, [{ use: "dense", units: 5, bias: false }]),
  "dense over an image": model({ x: [3, 4, 2] }, [{ use: "dense", units: 3 }]),
  "conv1d same": model({ x: [11, 3] }, [{ use: "conv1d", channels: 4, kernel: 5, padding: "same" }]),
  "conv1d stride 2": model({ x: [12, 2] }, [{ use: "conv1d", channels: 5, kernel: 3, stride: 2, padding: 1 }]),
  "conv1d stride beyond kernel": model({ x: [13, 3] }, [{ use: "conv1d", channels: 2, kernel: 2, stride: 3 }]),
  "conv1d stride 3, padding 4, no bias": model({ x: [9, 2] }, [
    { use: "conv1d", channels: 7, kernel: 5, stride: 3, padding: 4, bias: false },
  ]),
  "conv1d twice": model({ x: [10, 3] }, [
    { use: "conv1d", channels: 6, kernel: 3, padding: 2 },
    { use: "conv1d", channels: 1, kernel: 4, padding: 1 },
  ]),
  "conv2d 3x3 same, twice": model({ x: [6, 5, 1] }, [
    { use: "conv2d", channels: 2, kernel: 3, padding: "same" },
    { use: "conv2d", channels: 4, kernel: 3, padding: "same" },
  ]),
  "conv2d 3x2 stride [2, 1]": model({ x: [7, 6, 2] }, [{ use: "conv2d", channels: 3, kernel: [3, 2], stride: [2, 1], padding: [1, 0] }]),
  "conv2d stride 2 and stride 3": model({ x: [9, 8, 2] }, [
    { use: "conv2d", channels: 6, kernel: 3, stride: 2, padding: 1 },
    { use: "conv2d", channels: 2, kernel: 2, stride: 3, padding: 1 },
  ]),
  "conv2d to width one": model({ x: [8, 3, 2] }, [
    { use: "conv2d", channels: 3, kernel: [1, 3] },
    { use: "conv2d", channels: 2, kernel: [3, 1], padding: [1, 0] },
  ]),
  "conv2d, two of different padding on one input": model({ x: [5, 5, 2] }, [
    { use: "conv2d", name: "a", channels: 2, kernel: 3, padding: 1, from: "lead" },
    { use: "conv2d", name: "b", channels: 2, kernel: 5, padding: 2, from: "lead" },
    { use: "add", name: "sum", from: ["a", "b", "lead"] },
    { use: "relu" },
  ]),
  "transposed conv stride 2": model({ x: [6, 3] }, [
    { use: "conv-transpose1d", channels: 4, kernel: 4, stride: 2, padding: 1 },
    { use: "conv-transpose1d", channels: 2, kernel: 3, stride: 2, padding: 1, outputPadding: 1 },
  ]),
  "transposed conv stride 1, padding 2": model({ x: [7, 2] }, [{ use: "conv-transpose1d", channels: 5, kernel: 5, padding: 2 }]),
  "transposed conv stride beyond kernel": model({ x: [4, 3] }, [
    { use: "conv-transpose1d", channels: 3, kernel: 2, stride: 4, outputPadding: 2 },
  ]),
  upsample: model({ x: [4, 3] }, [
    { use: "upsample1d", factor: 3 },
    { use: "conv1d", channels: 2, kernel: 3, padding: 1 },
  ]),
  "batch norm of an image": model({ x: [5, 4, 2] }, [
    { use: "conv2d", channels: 3, kernel: 3, padding: 1 },
    { use: "batch-norm" },
    { use: "relu" },
    { use: "average-pool", kernel: 2, ceil: true },
    { use: "conv2d", channels: 2, kernel: 3, padding: 1 },
    { use: "batch-norm" },
  ]),
  "batch norm of a vector": model({ x: [6] }, [
    { use: "dense", units: 5 },
    { use: "batch-norm" },
    { use: "relu" },
    { use: "dense", units: 2 },
  ]),
  "batch norm used twice": model({ x: [7, 2] }, [
    { use: "batch-norm", name: "norm" },
    { use: "relu", name: "r", from: "norm" },
    { use: "add", from: ["norm", "r"] },
  ]),
  "group norm": model({ x: [5, 4, 2] }, [
    { use: "conv2d", channels: 6, kernel: 3, padding: 1 },
    { use: "group-norm", groups: 3 },
    { use: "relu" },
    { use: "conv2d", channels: 2, kernel: 3, padding: 1 },
    { use: "group-norm", groups: 1 },
  ]),
  "group norm of a vector": model({ x: [6] }, [{ use: "group-norm", groups: 2 }]),
  "layer norm": model({ x: [4, 5] }, [{ use: "layer-norm" }, { use: "dense", units: 3 }]),
  "layer norm of an image": model({ x: [3, 3, 4] }, [
    { use: "conv2d", channels: 5, kernel: 3, padding: 1 },
    { use: "layer-norm" },
    { use: "conv2d", channels: 2, kernel: 3, padding: 1 },
  ]),
  "average pool, overlapping": model({ x: [9, 3] }, [{ use: "average-pool", kernel: 3, stride: 2 }]),
  "average pool with ceil": model({ x: [7, 5, 2] }, [{ use: "average-pool", kernel: [3, 2], ceil: true }]),
  "max pool": model({ x: [9, 3] }, [{ use: "max-pool", kernel: 3, stride: 2, ceil: true }]),
  "max pool of an image, floor": model({ x: [7, 7, 3] }, [
    { use: "max-pool", kernel: 2 },
    { use: "conv2d", channels: 2, kernel: 3, padding: 1 },
  ]),
  "lstm last": model({ x: [6, 3] }, [{ use: "lstm", units: 5 }]),
  "lstm all, stacked, both directions": model({ x: [5, 2] }, [
    { use: "lstm", units: 3, bidirectional: true, output: "all" },
    { use: "lstm", units: 4, output: "all" },
    { use: "lstm", units: 2, bidirectional: true },
  ]),
  "lstm of one step": model({ x: [1, 4] }, [{ use: "lstm", units: 3, output: "all" }]),
  "gru last": model({ x: [6, 3] }, [{ use: "gru", units: 5 }]),
  "gru all, stacked, both directions": model({ x: [5, 2] }, [
    { use: "gru", units: 3, bidirectional: true, output: "all" },
    { use: "gru", units: 4, output: "all" },
    { use: "gru", units: 2, bidirectional: true },
  ]),
  "recurrent layers on the raw input": model(
    { x: [6, 5] },
    [
      { use: "lstm", name: "a", units: 3, from: "x" },
      { use: "gru", name: "b", units: 2, bidirectional: true, from: "x" },
      { use: "concat", name: "c", from: ["a", "b"] },
    ],
    false,
  ),
  "a convolution and an LSTM on the same input": model(
    { x: [6, 5] },
    [
      { use: "reshape", name: "image", shape: [6, 5, 1] },
      { use: "conv2d", name: "conv", channels: 2, kernel: 3, padding: 1 },
      { use: "batch-norm", name: "norm" },
      { use: "flatten", name: "flat" },
      { use: "lstm", name: "l", units: 3, from: "x" },
      { use: "concat", name: "c", from: ["flat", "l"] },
      { use: "dense", name: "d", units: 2 },
    ],
    false,
  ),
  "lstm autoencoder": model(
    { x: [5, 3] },
    [
      { use: "lstm", units: 4 },
      { use: "repeat", times: 5 },
      { use: "lstm", units: 4, output: "all" },
      { use: "dense", units: 3 },
    ],
    false,
  ),
  "flatten, channels first": model({ x: [3, 4, 2] }, [{ use: "flatten" }, { use: "dense", units: 3 }]),
  "flatten, channels last": model({ x: [3, 4, 2] }, [
    { use: "flatten", order: "channels-last" },
    { use: "dense", units: 3 },
  ]),
  "reshape between convolutions": model({ x: [4, 6, 2] }, [
    { use: "conv2d", channels: 3, kernel: 3, padding: 1 },
    { use: "reshape", shape: [9, 4, 2] },
    { use: "conv2d", channels: 2, kernel: 3, padding: 1 },
  ]),
  "concat of images": model({ x: [4, 3, 2] }, [
    { use: "conv2d", name: "a", channels: 3, kernel: 3, padding: 1, from: "lead" },
    { use: "concat", name: "b", from: ["lead", "a", "lead"] },
    { use: "conv2d", name: "c", channels: 2, kernel: 3, padding: 1 },
  ]),
  "two inputs": model(
    { sequence: [6, 2], statistics: [5] },
    [
      { use: "conv1d", name: "a", channels: 3, kernel: 3, from: "sequence" },
      { use: "flatten", name: "b" },
      { use: "dense", name: "c", units: 4, from: "statistics" },
      { use: "concat", name: "d", from: ["b", "c"] },
      { use: "dense", name: "e", units: 2 },
    ],
    false,
  ),
  "adding a value to itself": model({ x: [4] }, [{ use: "add", name: "twice", from: ["lead", "lead"] }, { use: "tanh" }]),
  ...Object.fromEntries(
    (["relu", "sigmoid", "tanh", "gelu", "softmax"] as const).map((use) => [
      `${use} on an image with a border`,
      model({ x: [4, 3, 3] }, [{ use }, { use: "conv2d", channels: 2, kernel: 3, padding: 1 }]),
    ]),
  ),
};

const loss: LossSpec = { use: "mse" };

describe.each(Object.entries(cases))("%s", (_name, spec) => {
  const engine = createEngine(spec);
  const width = sizeOf(inferModel(spec).outputShape);
  const values = someValues(spec, 1);

  test("predicts what the oracle does", () => {
    const inputs = someInputs(spec, 11, 2);
    engine.load(values);
    const expected = referenceForward(spec, values, inputs, 11).output;
    expect(distance(engine.predict(asData(spec, inputs)), expected)).toBeLessThan(5e-6);
    const targets = someTargets(loss, width, 11, 3);
    const mean = referenceLoss(loss, expected, targets, 11);
    expect(Math.abs(engine.evaluate(asData(spec, inputs, targets, width), loss) - mean)).toBeLessThan(1e-5 * mean);
  });

  test("gradients are central differences", () => {
    // Two octets, the second with empty lanes.
    const count = 11;
    const inputs = someInputs(spec, count, 4);
    const targets = someTargets(loss, width, count, 5);
    const expected = referenceGradient(spec, values, inputs, targets, loss, count, "train", 24);
    const data = asData(spec, inputs, targets, width);
    const found = engineGradient(engine, values, data, loss);
    for (const { name, offset, size, role } of engine.tensors) {
      if (role === "buffer") continue;
      const part = (of: Float64Array) => of.subarray(offset, offset + size);
      expect(distance(part(found), part(expected)), name).toBeLessThan(1e-3);
    }
    expect(distance(found, expected)).toBeLessThan(2e-5);
    if (spec.nodes.some((node) => node.use === "batch-norm")) {
      const { buffers } = referenceForward(spec, values, inputs, count, "train");
      const after = engine.values();
      for (const { name, offset, size } of engine.tensors.filter((t) => t.role === "buffer")) {
        expect(distance(after.subarray(offset, offset + size), buffers.get(name)!), name).toBeLessThan(1e-5);
      }
      return;
    }
    engine.load(values);
    const units = Int32Array.from({ length: count }, (_, i) => i);
    const { sum, norms } = engine.unitGradients(data, { loss, units });
    expect(
      distance(
        Float64Array.from(sum, (v) => v / count),
        expected,
      ),
    ).toBeLessThan(2e-5);
    expect(norms.every((n) => n > 0)).toBe(true);
  });
});
