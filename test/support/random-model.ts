/** Random model graphs of every kind of layer, from a seed: for properties, for the engine and for the exporter. */
import { type SeededRandom, seeded } from "../../src/core/random.js";
import { initialise } from "../../src/model/init.js";
import { inferModel } from "../../src/model/shape.js";
import type { ModelSpec, NodeSpec, Shape } from "../../src/model/spec.js";

export interface RandomModel {
  readonly spec: ModelSpec;
  /** Parameters and buffers; norms have other values than their first ones, so that swapping them shows. */
  readonly values: Float32Array;
  /** Two examples per input, row-major. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
}

export const randomBatch = 2;

/** A graph of up to `layers` layers that holds together, with parameters and two examples. */
export function randomModel(seed: number, layers = 8): RandomModel {
  const random = seeded("random-model", seed);
  const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)];
  const input = pick<Shape>([
    [1 + random.integer(9)],
    [1 + random.integer(12), 1 + random.integer(5)],
    [1 + random.integer(9), 1 + random.integer(9), 1 + random.integer(3)],
  ]);
  const inputs: Record<string, Shape> = { sequence: input };
  const nodes: NodeSpec[] = [];
  let shape = input;
  let from = "sequence";
  const count = 1 + random.integer(layers);
  for (let i = 0; i < count; i++) {
    const name = pick([`layer.${i}`, `l${i}`, `block.${i}.part`]);
    const node = randomLayer(name, from, shape, random);
    let next: Shape;
    try {
      next = inferModel({
        inputs: { x: shape },
        nodes: [{ ...node, from: node.use === "add" || node.use === "concat" ? ["x", "x"] : "x" } as NodeSpec],
      }).outputShape;
    } catch {
      continue; // A kernel that does not fit: another layer will.
    }
    nodes.push(node);
    shape = next;
    from = name;
    // Now and then a branch that comes back, or the second input.
    if (random.integer(6) === 0) {
      const side = `${name}_side`;
      nodes.push({ use: "layer-norm", name: side, from }, { use: "add", name: `${name}_sum`, from: [from, side] });
      from = `${name}_sum`;
    }
    if (shape.length === 1 && inputs.statistics === undefined && random.integer(4) === 0) {
      inputs.statistics = [1 + random.integer(4)];
      nodes.push({ use: "concat", name: `${name}_wide`, from: [from, "statistics"] });
      shape = [shape[0] + inputs.statistics[0]];
      from = `${name}_wide`;
    }
  }
  if (nodes.length === 0) nodes.push({ use: "dense", name: "only", units: 2 });
  const spec = { inputs, nodes };
  return { spec, values: unusual(spec, random), inputs: examples(inputs, random) };
}

function randomLayer(name: string, from: string, shape: Shape, random: SeededRandom): NodeSpec {
  const n = (most: number) => 1 + random.integer(most);
  const flip = () => random.integer(2) === 0;
  const base = { name, from };
  const any: (() => NodeSpec)[] = [
    () => ({ ...base, use: "dense", units: n(6), bias: flip() }),
    () => ({ ...base, use: "batch-norm" }),
    () => ({ ...base, use: "layer-norm" }),
    () => ({ ...base, use: "group-norm", groups: shape[shape.length - 1] % 2 === 0 && flip() ? 2 : 1 }),
    () => ({ ...base, use: "dropout", rate: 0.25 }),
    () => ({ ...base, use: (["relu", "sigmoid", "tanh", "gelu", "softmax"] as const)[random.integer(5)] }),
    () => ({ ...base, use: "flatten", order: flip() ? "channels-first" : "channels-last" }),
    () => ({ ...base, use: "reshape", shape: [...shape].reverse() }),
    () => ({ name, use: "concat", from: [from, from] }),
  ];
  const vector: (() => NodeSpec)[] = [() => ({ ...base, use: "repeat", times: n(4) })];
  const sequence: (() => NodeSpec)[] = [
    () => ({ ...base, use: "conv1d", channels: n(5), kernel: n(4), stride: n(2), padding: random.integer(3), bias: flip() }),
    () => ({ ...base, use: "conv1d", channels: n(5), kernel: 3, padding: "same" }),
    () => {
      const stride = n(3);
      return {
        ...base,
        use: "conv-transpose1d",
        channels: n(4),
        kernel: n(4),
        stride,
        padding: random.integer(2),
        outputPadding: random.integer(stride),
        bias: flip(),
      };
    },
    () => ({ ...base, use: "upsample1d", factor: n(3) }),
    () => ({ ...base, use: flip() ? "average-pool" : "max-pool", kernel: n(3), stride: n(3), ceil: flip() }),
    () => ({ ...base, use: flip() ? "lstm" : "gru", units: n(4), bidirectional: flip(), output: flip() ? "last" : "all" }),
    () => ({ ...base, use: flip() ? "lstm" : "gru", units: n(4), bidirectional: flip() }),
  ];
  const image: (() => NodeSpec)[] = [
    () => ({
      ...base,
      use: "conv2d",
      channels: n(4),
      kernel: [n(3), n(4)],
      stride: [n(2), n(2)],
      padding: [random.integer(2), random.integer(3)],
      bias: flip(),
    }),
    () => ({ ...base, use: "conv2d", channels: n(4), kernel: 3, padding: "same" }),
    () => ({
      ...base,
      use: flip() ? "average-pool" : "max-pool",
      kernel: [n(3), n(3)],
      stride: flip() ? undefined : [n(2), n(3)],
      ceil: flip(),
    }),
    () => ({ ...base, use: "reshape", shape: [shape[0], shape[1] * (shape[2] ?? 1)] }),
  ];
  const own = shape.length === 1 ? vector : shape.length === 2 ? sequence : image;
  // Half the time a layer for this rank: otherwise pointwise layers would crowd them out.
  const choices = flip() ? own : any;
  return choices[random.integer(choices.length)]();
}

function unusual(spec: ModelSpec, random: SeededRandom): Float32Array {
  const values = initialise(spec, random);
  for (const { name, offset, size, shape } of inferModel(spec).tensors) {
    if (shape.length > 1 || name.includes("_l0")) continue;
    for (let i = offset; i < offset + size; i++)
      values[i] = name.endsWith("running_var") ? 0.5 + random.float() : values[i] + random.float() - 0.5;
  }
  return values;
}

function examples(inputs: Readonly<Record<string, Shape>>, random: SeededRandom): Record<string, Float32Array> {
  const out: Record<string, Float32Array> = {};
  for (const [name, shape] of Object.entries(inputs)) {
    out[name] = Float32Array.from({ length: randomBatch * shape.reduce((a, b) => a * b, 1) }, () => random.normal());
  }
  return out;
}
