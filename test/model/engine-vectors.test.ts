/** The CNN-LSTM of paper 0 against PyTorch in f64 (test/vectors/model/cnn-lstm-h24-f9.json says which and how). */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { ExampleData } from "../../src/model/engine.js";
import { createEngine } from "../../src/model/engine-wasm.js";
import type { LossSpec, ModelSpec, NodeSpec, OptimizerSpec } from "../../src/model/spec.js";

interface Tensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

const vector = JSON.parse(readFileSync(new URL("../vectors/model/cnn-lstm-h24-f9.json", import.meta.url), "utf8")) as {
  readonly shape: { readonly batch: number; readonly window: number; readonly features: number };
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly parameters: Readonly<Record<string, Tensor>>;
  readonly gradients: Readonly<Record<string, Tensor>>;
  readonly buffers_after_one_forward: Readonly<Record<string, Tensor>>;
  readonly logits_eval: readonly number[];
  readonly logits_train: readonly number[];
  readonly loss_bce_mean: number;
  readonly per_example_gradient_norms_eval: readonly number[];
  readonly "losses_sgd_lr0.05_momentum0.9_5_steps": readonly number[];
  readonly "losses_adam_lr0.01_5_steps": readonly number[];
};

function cnnLstm(norm: "batch-norm" | "frozen"): ModelSpec {
  const { window, features } = vector.shape;
  const nodes: NodeSpec[] = [{ use: "reshape", name: "image", shape: [window, features, 1], from: "sequence" }];
  for (let i = 0; i < 4; i++) {
    nodes.push({ use: "conv2d", name: `conv.${i}`, channels: 2 * (i + 1), kernel: 3, padding: "same" });
    if (norm === "batch-norm") nodes.push({ use: "batch-norm", name: `norm.${i}` });
    nodes.push({ use: "relu", name: `relu.${i}` }, { use: "average-pool", name: `pool.${i}`, kernel: 2, ceil: true });
  }
  nodes.push({ use: "reshape", name: "features", shape: [2, 8] });
  nodes.push({ use: "lstm", name: "lstm", units: 20, from: "sequence" });
  nodes.push({ use: "lstm", name: "bilstm", units: 16, bidirectional: true, from: "features" });
  nodes.push({ use: "flatten", name: "flat", from: "features", order: "channels-last" });
  nodes.push({ use: "concat", name: "joined", from: ["lstm", "bilstm", "flat"] });
  nodes.push({ use: "dense", name: "dense.0", units: 16 }, { use: "relu", name: "relu.4" });
  nodes.push({ use: "dense", name: "dense.1", units: 4 }, { use: "relu", name: "relu.5" }, { use: "dense", name: "dense.2", units: 1 });
  return { inputs: { sequence: [window, features] }, nodes };
}

const { batch, window, features } = vector.shape;
const data: ExampleData = {
  count: batch,
  inputs: {
    sequence: {
      rows: Float32Array.from(vector.x),
      width: features,
      length: window,
      starts: Int32Array.from({ length: batch }, (_, i) => i * window),
    },
  },
  targets: Float32Array.from(vector.y),
  targetWidth: 1,
};
const loss: LossSpec = { use: "bce" };
const spec = cnnLstm("batch-norm");
const engine = createEngine(spec);

const start = new Float32Array(engine.size);
for (const { name, offset, size } of engine.tensors) {
  if (vector.parameters[name]) start.set(vector.parameters[name].values, offset);
  else start.fill(name.endsWith("running_var") ? 1 : 0, offset, offset + size);
}

/** All within 1e-4 of the largest expected value. */
function agrees(got: ArrayLike<number>, expected: ArrayLike<number>, what: string, tolerance = 1e-4): void {
  expect(got.length, what).toBe(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs));
  for (let i = 0; i < expected.length; i++) expect(Math.abs(got[i] - expected[i]), `${what}[${i}]`).toBeLessThanOrEqual(tolerance * scale);
}

function train(optimizer: OptimizerSpec, epochs: number) {
  engine.load(start);
  return engine.train(data, { loss, optimizer, learningRate: optimizer.learningRate, batch, epochs, seed: "vector" });
}

describe("CNN-LSTM of paper 0 against PyTorch", () => {
  test("has the parameters of the vector, under the same names and shapes", () => {
    const own = engine.tensors.filter((t) => t.role === "parameter").map((t) => [t.name, t.shape]);
    expect(new Map(own as [string, number[]][])).toEqual(new Map(Object.entries(vector.parameters).map(([name, t]) => [name, t.shape])));
  });

  test("logits in evaluation mode", () => {
    engine.load(start);
    agrees(engine.predict(data), vector.logits_eval, "logits", 1e-6);
  });

  test("loss and all gradients in training mode", () => {
    expect(train({ use: "sgd", learningRate: 1 }, 1).losses[0]).toBeCloseTo(vector.loss_bce_mean, 6);
    const after = engine.values();
    for (const { name, offset, size, role } of engine.tensors) {
      if (role === "buffer") continue;
      const found = Array.from({ length: size }, (_, i) => start[offset + i] - after[offset + i]);
      // A bias before batch norm has no influence: its gradient is zero but for rounding.
      if (/^conv\.\d\.bias$/.test(name)) for (const g of found) expect(Math.abs(g), name).toBeLessThan(1e-6);
      // The difference of two f32 carries rounding of the weight itself, 6e-8.
      else {
        const expected = vector.gradients[name].values;
        const scale = Math.max(...expected.map(Math.abs));
        for (let i = 0; i < size; i++) expect(Math.abs(found[i] - expected[i]), `${name}[${i}]`).toBeLessThan(1e-4 * scale + 1.2e-7);
      }
    }
  });

  test("running statistics after one step", () => {
    train({ use: "sgd", learningRate: 0 }, 1);
    const after = engine.values();
    for (const { name, offset, size } of engine.tensors) {
      const expected = vector.buffers_after_one_forward[name];
      if (expected) agrees(after.subarray(offset, offset + size), expected.values, name, 1e-5);
    }
  });

  test("five steps of SGD with momentum, and of Adam", () => {
    agrees(
      train({ use: "sgd", learningRate: 0.05, momentum: 0.9 }, 5).losses,
      vector["losses_sgd_lr0.05_momentum0.9_5_steps"],
      "sgd",
      1e-6,
    );
    agrees(train({ use: "adam", learningRate: 0.01 }, 5).losses, vector["losses_adam_lr0.01_5_steps"], "adam", 1e-5);
  });

  test("norms of the gradients of single examples, norm layers in evaluation mode", () => {
    // With the initial statistics (mean 0, variance 1) and scale 1 batch norm only divides by sqrt(1 + 1e-5): fold that
    // into the convolutions, and their gradients into that of the norm's own scale and shift.
    const frozen = cnnLstm("frozen");
    const plain = createEngine(frozen);
    const values = new Float32Array(plain.size);
    const shrink = 1 / Math.sqrt(1 + 1e-5);
    for (const { name, offset, size } of plain.tensors) {
      const from = vector.parameters[name].values;
      for (let i = 0; i < size; i++) values[offset + i] = from[i] * (name.startsWith("conv") ? shrink : 1);
    }
    plain.load(values);
    for (let e = 0; e < batch; e++) {
      const one: ExampleData = {
        ...data,
        count: 1,
        inputs: { sequence: { ...data.inputs.sequence, starts: Int32Array.of(e * window) } },
        targets: Float32Array.of(vector.y[e]),
      };
      const { sum, norms } = plain.unitGradients(one, { loss, units: Int32Array.of(0) });
      let squares = 0;
      for (const { name, offset, size, shape } of plain.tensors) {
        const part = sum.subarray(offset, offset + size);
        const factor = name.startsWith("conv") ? shrink : 1;
        for (const g of part) squares += (g * factor) ** 2;
        if (!name.startsWith("conv")) continue;
        // d/dgamma = sum over the channel of dL/dy * xhat = (w . dL/dw + b * dL/db) in folded terms; d/dbeta = dL/db.
        const channels = shape[0];
        const per = size / channels;
        if (name.endsWith("bias")) for (const g of part) squares += g * g;
        if (!name.endsWith("weight")) continue;
        const bias = plain.tensors.find((t) => t.name === name.replace("weight", "bias"))!;
        for (let c = 0; c < channels; c++) {
          let gamma = sum[bias.offset + c] * values[bias.offset + c];
          for (let i = 0; i < per; i++) gamma += part[c * per + i] * values[offset + c * per + i];
          squares += gamma * gamma;
        }
      }
      expect(norms.length).toBe(1);
      expect(Math.abs(Math.sqrt(squares) / vector.per_example_gradient_norms_eval[e] - 1)).toBeLessThan(1e-4);
    }
  });
});
