/** Data for the engine's tests, and gradients two ways: from the engine, and as central differences of the f64 oracle. */
import { seeded } from "../../src/core/random.js";
import type { Engine, ExampleData } from "../../src/model/engine.js";
import { inferModel } from "../../src/model/shape.js";
import type { LossSpec, ModelSpec, Shape } from "../../src/model/spec.js";
import { referenceForward } from "./reference-model.js";

export const sizeOf = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

/** Parameters well away from zero gradients; positive scales and variances. */
export function someValues(spec: ModelSpec, seed: number): Float32Array {
  const random = seeded("values", seed);
  const { tensors, size } = inferModel(spec);
  const values = new Float32Array(size);
  for (const { name, shape, offset, size: count } of tensors) {
    const positive = name.endsWith("running_var");
    const bound = shape.length > 1 ? 1.2 / Math.sqrt(count / shape[0]) : 0.5;
    for (let i = offset; i < offset + count; i++) values[i] = positive ? 0.5 + random.float() : bound * (2 * random.float() - 1);
  }
  return values;
}

export function someInputs(spec: ModelSpec, count: number, seed: number): Record<string, Float32Array> {
  const random = seeded("inputs", seed);
  return Object.fromEntries(
    Object.entries(spec.inputs).map(([name, shape]) => [name, Float32Array.from({ length: count * sizeOf(shape) }, () => random.normal())]),
  );
}

/** Each example's values one after the other. */
export function asData(spec: ModelSpec, inputs: Record<string, Float32Array>, targets?: Float32Array, targetWidth = 1): ExampleData {
  const entries = Object.entries(spec.inputs);
  const count = inputs[entries[0][0]].length / sizeOf(entries[0][1]);
  return {
    count,
    inputs: Object.fromEntries(
      entries.map(([name, shape]) => {
        const width = shape[shape.length - 1];
        const length = sizeOf(shape) / width;
        return [name, { rows: inputs[name], width, length, starts: Int32Array.from({ length: count }, (_, i) => i * length) }];
      }),
    ),
    ...(targets === undefined ? {} : { targets, targetWidth }),
  };
}

export function someTargets(loss: LossSpec, width: number, count: number, seed: number): Float32Array {
  const random = seeded("targets", seed);
  if (loss.use === "cross-entropy") return Float32Array.from({ length: count }, () => random.integer(width));
  return Float32Array.from({ length: count * width }, () => (loss.use === "bce" ? random.integer(2) : random.normal()));
}

/** Mean loss of outputs in f64, written from PyTorch's documentation. */
export function referenceLoss(loss: LossSpec, outputs: ArrayLike<number>, targets: ArrayLike<number>, count: number): number {
  const width = outputs.length / count;
  let total = 0;
  let weights = 0;
  for (let e = 0; e < count; e++) {
    if (loss.use === "cross-entropy") {
      const row = Array.from({ length: width }, (_, c) => outputs[e * width + c]);
      const log = Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0));
      const w = (c: number) => loss.classWeights?.[c] ?? 1;
      const smoothing = loss.labelSmoothing ?? 0;
      const t = targets[e];
      let smooth = 0;
      for (let c = 0; c < width; c++) smooth += w(c) * (log - row[c]);
      total += (1 - smoothing) * w(t) * (log - row[t]) + (smoothing / width) * smooth;
      weights += w(t);
      continue;
    }
    weights += width;
    for (let c = 0; c < width; c++) {
      const [y, t] = [outputs[e * width + c], targets[e * width + c]];
      const d = Math.abs(y - t);
      const delta = loss.use === "huber" ? (loss.delta ?? 1) : 1;
      if (loss.use === "mse") total += d * d;
      else if (loss.use === "mae") total += d;
      else if (loss.use === "huber") total += d <= delta ? 0.5 * d * d : delta * (d - 0.5 * delta);
      else total += (loss.positiveWeight ?? 1) * t * Math.log1p(Math.exp(-y)) + (1 - t) * Math.log1p(Math.exp(y));
    }
  }
  return total / weights;
}

/** Central differences of the oracle's loss; NaN where none was taken: at most `most` of each tensor are, evenly spread. */
export function referenceGradient(
  spec: ModelSpec,
  values: Float32Array,
  inputs: Record<string, Float32Array>,
  targets: Float32Array,
  loss: LossSpec,
  count: number,
  mode: "train" | "evaluate",
  most = Number.POSITIVE_INFINITY,
): Float64Array {
  const at = Float64Array.from(values);
  const value = () => referenceLoss(loss, referenceForward(spec, at, inputs, count, mode).output, targets, count);
  const gradient = new Float64Array(values.length).fill(Number.NaN);
  for (const { role, offset, size } of inferModel(spec).tensors) {
    if (role === "buffer") continue;
    const stride = Math.max(1, Math.ceil(size / most));
    for (let i = offset; i < offset + size; i += stride) {
      const kept = at[i];
      at[i] = kept + 1e-5;
      const up = value();
      at[i] = kept - 1e-5;
      gradient[i] = (up - value()) / 2e-5;
      at[i] = kept;
    }
  }
  return gradient;
}

/** The gradient of a batch of all examples, from the change one step of SGD with rate 1 makes. */
export function engineGradient(engine: Engine, values: Float32Array, data: ExampleData, loss: LossSpec): Float64Array {
  engine.load(values);
  engine.train(data, { loss, optimizer: { use: "sgd", learningRate: 1 }, learningRate: 1, batch: data.count, epochs: 1, seed: "one" });
  const after = engine.values();
  const gradient = new Float64Array(values.length);
  for (const { role, offset, size } of engine.tensors) {
    if (role === "parameter") for (let i = offset; i < offset + size; i++) gradient[i] = values[i] - after[i];
  }
  return gradient;
}

/** Largest difference, in units of the largest expected value (or of 1e-3, where all are smaller). Expected NaNs are left out. */
export function distance(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 1e-3;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(expected[i])) continue;
    most = Math.max(most, Math.abs(expected[i]));
    const d = Math.abs(got[i] - expected[i]);
    if (!(d <= difference)) difference = d;
  }
  return difference / most;
}
