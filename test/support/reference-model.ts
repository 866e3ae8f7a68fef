/**
 * The oracle: a plain forward interpreter of every kind of node, in f64 and one value at a time, written from the
 * formulas in PyTorch's documentation. Slow and obvious on purpose; the engine and the ONNX writer are held against it.
 */
import { inferModel } from "../../src/model/shape.js";
import type { ModelSpec, NodeSpec, Shape } from "../../src/model/spec.js";
import { activate, softmaxRows } from "./reference-activations.js";
import { conv1d, conv2d, convTranspose1d, pool } from "./reference-windows.js";

export interface Activations {
  readonly shape: Shape;
  /** batch x shape, row-major. */
  readonly values: Float64Array;
}

export interface ReferenceResult {
  readonly output: Float64Array;
  readonly nodes: ReadonlyMap<string, Activations>;
  /** Running means and variances after the pass, by tensor name; changed in training mode only. */
  readonly buffers: ReadonlyMap<string, Float64Array>;
}

/**
 * One forward pass over a batch. `values` is the flat vector in the order of `inferModel(spec).tensors`; inputs are
 * batch x shape, row-major. In mode "train" batch norm uses and records the batch; dropout is the identity in both.
 */
export function referenceForward(
  spec: ModelSpec,
  values: ArrayLike<number>,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  batch: number,
  mode: "evaluate" | "train" = "evaluate",
): ReferenceResult {
  const model = inferModel(spec);
  const parameters = new Map<string, Float64Array>();
  const buffers = new Map<string, Float64Array>();
  for (const { name, offset, size, role } of model.tensors) {
    const part = Float64Array.from({ length: size }, (_, i) => values[offset + i]);
    parameters.set(name, part);
    if (role === "buffer") buffers.set(name, part.slice());
  }
  const nodes = new Map<string, Activations>();
  for (const [name, shape] of Object.entries(spec.inputs)) {
    const given = inputs[name];
    const size = batch * product(shape);
    if (given?.length !== size) throw new Error(`input ${name}: expected ${size} values, got ${given?.length}`);
    nodes.set(name, { shape, values: Float64Array.from(given) });
  }
  for (const node of spec.nodes) {
    const sources = model.sources.get(node.name)!.map((name) => nodes.get(name)!);
    const shape = model.shapes.get(node.name)!;
    const tensor = (name: string) => parameters.get(`${node.name}.${name}`);
    const result = run(node, sources, shape, batch, tensor, mode === "train" ? buffers : undefined);
    if (result.length !== batch * product(shape)) throw new Error(`${node.name}: expected ${batch * product(shape)} values`);
    nodes.set(node.name, { shape, values: result });
  }
  return { output: nodes.get(model.output)!.values, nodes, buffers };
}

type Tensors = (name: string) => Float64Array | undefined;

function run(
  node: NodeSpec,
  sources: readonly Activations[],
  shape: Shape,
  batch: number,
  tensor: Tensors,
  training: Map<string, Float64Array> | undefined,
): Float64Array {
  const [{ values: x, shape: from }] = sources;
  switch (node.use) {
    case "dense":
      return dense(x, from[from.length - 1], node.units, tensor);
    case "conv1d":
      return conv1d(node, x, from, shape, batch, tensor);
    case "conv2d":
      return conv2d(node, x, from, shape, batch, tensor);
    case "conv-transpose1d":
      return convTranspose1d(node, x, from, shape, batch, tensor);
    case "upsample1d":
      return fill(batch, shape, (b, [t, c]) => x[(b * from[0] + Math.floor(t / node.factor)) * from[1] + c]);
    case "batch-norm":
      return batchNorm(node.name, x, shape[shape.length - 1], node.eps ?? 1e-5, node.momentum ?? 0.1, tensor, training);
    case "group-norm":
      return groupNorm(x, shape, batch, node.groups, node.eps ?? 1e-5, tensor);
    case "layer-norm":
      return layerNorm(x, shape[shape.length - 1], node.eps ?? 1e-5, tensor);
    case "average-pool":
    case "max-pool":
      return pool(node, x, from, shape, batch);
    case "lstm":
    case "gru":
      return recurrent(node, x, from, shape, batch, tensor);
    case "repeat":
      return fill(batch, shape, (b, [, c]) => x[b * from[0] + c]);
    case "dropout":
    case "reshape":
      return x.slice();
    case "flatten":
      return flatten(x, from, node.order ?? "channels-first");
    case "concat":
      return concat(sources, batch * product(shape.slice(0, -1)));
    case "add":
      return x.map((_, i) => sources.reduce((sum, source) => sum + source.values[i], 0));
    case "softmax":
      return softmaxRows(x, shape[shape.length - 1]);
    default:
      return x.map((v) => activate(node.use, v));
  }
}

function dense(x: Float64Array, inputs: number, units: number, tensor: Tensors): Float64Array {
  const weight = tensor("weight")!;
  const bias = tensor("bias");
  const rows = x.length / inputs;
  const out = new Float64Array(rows * units);
  for (let r = 0; r < rows; r++) {
    for (let u = 0; u < units; u++) {
      let sum = bias?.[u] ?? 0;
      for (let i = 0; i < inputs; i++) sum += weight[u * inputs + i] * x[r * inputs + i];
      out[r * units + u] = sum;
    }
  }
  return out;
}

function batchNorm(
  name: string,
  x: Float64Array,
  channels: number,
  eps: number,
  momentum: number,
  tensor: Tensors,
  training: Map<string, Float64Array> | undefined,
): Float64Array {
  const out = new Float64Array(x.length);
  const count = x.length / channels;
  for (let c = 0; c < channels; c++) {
    let mean = tensor("running_mean")![c];
    let variance = tensor("running_var")![c];
    if (training !== undefined) {
      mean = 0;
      for (let i = c; i < x.length; i += channels) mean += x[i] / count;
      variance = 0;
      for (let i = c; i < x.length; i += channels) variance += (x[i] - mean) ** 2 / count;
      const [runningMean, runningVariance] = [training.get(`${name}.running_mean`)!, training.get(`${name}.running_var`)!];
      runningMean[c] += momentum * (mean - runningMean[c]);
      runningVariance[c] += momentum * ((variance * count) / (count - 1) - runningVariance[c]);
    }
    const scale = tensor("weight")![c] / Math.sqrt(variance + eps);
    for (let i = c; i < x.length; i += channels) out[i] = (x[i] - mean) * scale + tensor("bias")![c];
  }
  return out;
}

function groupNorm(x: Float64Array, shape: Shape, batch: number, groups: number, eps: number, tensor: Tensors): Float64Array {
  const channels = shape[shape.length - 1];
  const width = channels / groups;
  const size = product(shape);
  const out = new Float64Array(x.length);
  for (let b = 0; b < batch; b++) {
    for (let g = 0; g < groups; g++) {
      const places: number[] = [];
      for (let i = 0; i < size; i++) if (Math.floor((i % channels) / width) === g) places.push(b * size + i);
      const { mean, variance } = moments(places.map((place) => x[place]));
      for (const place of places) {
        const c = place % channels;
        out[place] = ((x[place] - mean) / Math.sqrt(variance + eps)) * tensor("weight")![c] + tensor("bias")![c];
      }
    }
  }
  return out;
}

function layerNorm(x: Float64Array, channels: number, eps: number, tensor: Tensors): Float64Array {
  const out = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += channels) {
    const { mean, variance } = moments([...x.subarray(row, row + channels)]);
    for (let c = 0; c < channels; c++) {
      out[row + c] = ((x[row + c] - mean) / Math.sqrt(variance + eps)) * tensor("weight")![c] + tensor("bias")![c];
    }
  }
  return out;
}

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length };
}

function recurrent(
  node: Extract<NodeSpec, { use: "lstm" | "gru" }>,
  x: Float64Array,
  [steps, inputs]: Shape,
  shape: Shape,
  batch: number,
  tensor: Tensors,
): Float64Array {
  const { units } = node;
  const width = shape[shape.length - 1];
  const out = new Float64Array(batch * product(shape));
  const all = node.output === "all";
  for (let b = 0; b < batch; b++) {
    for (const [direction, suffix] of (node.bidirectional ? ["", "_reverse"] : [""]).entries()) {
      const product2 = (kind: string, row: number, of: ArrayLike<number>, at: number, n: number) => {
        const weight = tensor(`weight_${kind}_l0${suffix}`)!;
        let sum = tensor(`bias_${kind}_l0${suffix}`)![row];
        for (let i = 0; i < n; i++) sum += weight[row * n + i] * of[at + i];
        return sum;
      };
      let h = new Float64Array(units);
      const c = new Float64Array(units);
      for (let s = 0; s < steps; s++) {
        const t = direction === 0 ? s : steps - 1 - s;
        const before = h;
        const input = (row: number) => product2("ih", row, x, (b * steps + t) * inputs, inputs);
        const hidden = (row: number) => product2("hh", row, before, 0, units);
        h = before.map((old, u) => {
          const sigmoid = (gate: number) => activate("sigmoid", input(gate * units + u) + hidden(gate * units + u));
          if (node.use === "gru") {
            const candidate = Math.tanh(input(2 * units + u) + sigmoid(0) * hidden(2 * units + u));
            const update = sigmoid(1);
            return (1 - update) * candidate + update * old;
          }
          const candidate = Math.tanh(input(2 * units + u) + hidden(2 * units + u));
          c[u] = sigmoid(1) * c[u] + sigmoid(0) * candidate;
          return sigmoid(3) * Math.tanh(c[u]);
        });
        if (all) out.set(h, (b * steps + t) * width + direction * units);
      }
      if (!all) out.set(h, b * width + direction * units);
    }
  }
  return out;
}

function flatten(x: Float64Array, from: Shape, order: "channels-first" | "channels-last"): Float64Array {
  if (order === "channels-last") return x.slice();
  const channels = from[from.length - 1];
  const size = product(from);
  const places = size / channels;
  return x.map((_, i) => {
    const at = i % size;
    return x[i - at + (at % places) * channels + Math.floor(at / places)];
  });
}

function concat(sources: readonly Activations[], rows: number): Float64Array {
  const out: number[] = [];
  for (let r = 0; r < rows; r++) {
    for (const { values, shape } of sources) {
      const width = shape[shape.length - 1];
      for (let i = 0; i < width; i++) out.push(values[r * width + i]);
    }
  }
  return Float64Array.from(out);
}

function fill(batch: number, [times, channels]: Shape, value: (b: number, at: readonly [number, number]) => number): Float64Array {
  return Float64Array.from({ length: batch * times * channels }, (_, i) => {
    const at = i % (times * channels);
    return value((i - at) / (times * channels), [Math.floor(at / channels), at % channels]);
  });
}

function product(shape: Shape): number {
  return shape.reduce((size, extent) => size * extent, 1);
}
