/**
 * For every kind of node: the shape of its output and its parameters and buffers. Names, layouts and order inside a
 * node are those of PyTorch's modules, except that batch norm's num_batches_tracked is not kept (nothing reads it).
 */
import { type ErrorCode, fail } from "../core/errors.js";
import { convWindows, pair, poolWindows, showShape, sizeOf, transposedLength, type Window } from "./geometry.js";
import type { Conv1d, Conv2d, ConvTranspose1d, Gru, Lstm, NodeSpec, Pool, Shape } from "./spec.js";

export interface NodeTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly role: "parameter" | "buffer";
}

/** Shape of a node's output from those of its inputs. Errors: MODEL_INVALID, SHAPE_MISMATCH, naming the layer. */
export function nodeShape(node: NodeSpec, inputs: readonly Shape[]): Shape {
  const [input] = inputs;
  const last = input[input.length - 1];
  switch (node.use) {
    case "dense":
      positive(node, "units", node.units);
      return [...input.slice(0, -1), node.units];
    case "conv1d":
    case "conv2d":
      return convShape(node, input);
    case "conv-transpose1d":
      return transposedShape(node, input);
    case "upsample1d":
      rank(node, input, 2, "[T, C]");
      positive(node, "factor", node.factor);
      return [input[0] * node.factor, last];
    case "batch-norm":
      momentumOf(node, node.momentum ?? 0.1);
      epsilon(node, node.eps);
      return input;
    case "group-norm":
      positive(node, "groups", node.groups);
      epsilon(node, node.eps);
      if (last % node.groups !== 0) mismatch(node, `channels divisible by ${node.groups} groups`, `${last} channels`);
      return input;
    case "layer-norm":
      epsilon(node, node.eps);
      return input;
    case "average-pool":
    case "max-pool":
      return poolShape(node, input);
    case "lstm":
    case "gru":
      return recurrentShape(node, input);
    case "repeat":
      rank(node, input, 1, "[C]");
      positive(node, "times", node.times);
      return [node.times, last];
    case "dropout":
      if (!(node.rate >= 0 && node.rate < 1)) invalid(node, "a rate in [0, 1)", String(node.rate));
      return input;
    case "flatten":
      if (node.order !== undefined && node.order !== "channels-first" && node.order !== "channels-last") {
        invalid(node, 'order "channels-first" or "channels-last"', JSON.stringify(node.order));
      }
      return [sizeOf(input)];
    case "reshape":
      return reshaped(node, node.shape, input);
    case "concat":
      return joined(node, inputs);
    case "add":
      for (const other of inputs) {
        if (!sameShape(other, input)) mismatch(node, `equal shapes (the first is ${showShape(input)})`, showShape(other));
      }
      return input;
    case "relu":
    case "sigmoid":
    case "tanh":
    case "gelu":
    case "softmax":
      return input;
    default:
      return invalid(node as NodeSpec, "a known kind of layer in `use`", JSON.stringify((node as NodeSpec).use));
  }
}

/** Parameters and buffers of a node whose shapes have been checked, in PyTorch's order. */
export function nodeTensors(node: NodeSpec, inputs: readonly Shape[]): readonly NodeTensor[] {
  const channels = inputs[0][inputs[0].length - 1];
  switch (node.use) {
    case "dense":
      return weighted([node.units, channels], node.units, node.bias);
    case "conv1d":
      return weighted([node.channels, channels, node.kernel], node.channels, node.bias);
    case "conv2d":
      return weighted([node.channels, channels, ...pair(node.kernel)], node.channels, node.bias);
    case "conv-transpose1d":
      return weighted([channels, node.channels, node.kernel], node.channels, node.bias);
    case "batch-norm":
      return [
        ...weighted([channels], channels, true),
        { name: "running_mean", shape: [channels], role: "buffer" },
        { name: "running_var", shape: [channels], role: "buffer" },
      ];
    case "group-norm":
    case "layer-norm":
      return weighted([channels], channels, true);
    case "lstm":
    case "gru": {
      const rows = (node.use === "lstm" ? 4 : 3) * node.units;
      return (node.bidirectional ? ["", "_reverse"] : [""]).flatMap((suffix) => [
        { name: `weight_ih_l0${suffix}`, shape: [rows, channels], role: "parameter" as const },
        { name: `weight_hh_l0${suffix}`, shape: [rows, node.units], role: "parameter" as const },
        { name: `bias_ih_l0${suffix}`, shape: [rows], role: "parameter" as const },
        { name: `bias_hh_l0${suffix}`, shape: [rows], role: "parameter" as const },
      ]);
    }
    default:
      return [];
  }
}

function weighted(shape: Shape, outputs: number, bias: boolean | undefined): NodeTensor[] {
  const weight: NodeTensor = { name: "weight", shape, role: "parameter" };
  return bias === false ? [weight] : [weight, { name: "bias", shape: [outputs], role: "parameter" }];
}

function convShape(node: Conv1d | Conv2d, input: Shape): Shape {
  const oneAxis = node.use === "conv1d";
  rank(node, input, oneAxis ? 2 : 3, oneAxis ? "[T, C]" : "[H, W, C]");
  positive(node, "channels", node.channels);
  axes(node, "kernel", node.kernel, positive);
  axes(node, "stride", node.stride ?? 1, positive);
  const kernel = pair(node.kernel);
  const stride = pair(node.stride ?? 1);
  for (const [axis, padding] of pair<number | "same">(node.padding ?? 0).entries()) {
    if (padding !== "same") {
      whole(node, "padding", padding);
    } else if (kernel[axis] % 2 === 0 || stride[axis] !== 1) {
      const got = kernel[axis] % 2 === 0 ? `kernel ${kernel[axis]}` : `stride ${stride[axis]}`;
      invalid(node, 'an odd kernel and stride 1 with padding "same"', got);
    }
  }
  return [...outputs(node, convWindows(node, input), input), node.channels];
}

function transposedShape(node: ConvTranspose1d, input: Shape): Shape {
  rank(node, input, 2, "[T, C]");
  positive(node, "channels", node.channels);
  positive(node, "kernel", node.kernel);
  positive(node, "stride", node.stride ?? 1);
  whole(node, "padding", node.padding ?? 0);
  whole(node, "outputPadding", node.outputPadding ?? 0);
  if ((node.outputPadding ?? 0) >= (node.stride ?? 1)) {
    invalid(node, `outputPadding below the stride ${node.stride ?? 1}`, String(node.outputPadding));
  }
  const length = transposedLength(input[0], node);
  if (length < 1) mismatch(node, "an output of at least one step", `${length} steps from ${showShape(input)}`);
  return [length, node.channels];
}

function poolShape(node: Pool, input: Shape): Shape {
  if (input.length !== 2 && input.length !== 3) mismatch(node, "input [T, C] or [H, W, C]", showShape(input));
  if (input.length === 2 && (Array.isArray(node.kernel) || Array.isArray(node.stride))) {
    invalid(node, "one number for kernel and stride over [T, C]", JSON.stringify(node.kernel));
  }
  axes(node, "kernel", node.kernel, positive);
  axes(node, "stride", node.stride ?? node.kernel, positive);
  return [...outputs(node, poolWindows(node, input), input), input[input.length - 1]];
}

function recurrentShape(node: Lstm | Gru, input: Shape): Shape {
  rank(node, input, 2, "[T, C]");
  positive(node, "units", node.units);
  const output = node.output ?? "last";
  if (output !== "last" && output !== "all") invalid(node, 'output "last" or "all"', JSON.stringify(output));
  const width = node.units * (node.bidirectional ? 2 : 1);
  return output === "last" ? [width] : [input[0], width];
}

function reshaped(node: NodeSpec, shape: Shape, input: Shape): Shape {
  if (!Array.isArray(shape) || shape.length < 1 || shape.length > 3) invalid(node, "a shape of 1 to 3 sizes", JSON.stringify(shape));
  for (const extent of shape) positive(node, "shape", extent);
  if (sizeOf(shape) !== sizeOf(input)) {
    mismatch(node, `${sizeOf(shape)} values for shape ${showShape(shape)}`, `${sizeOf(input)} values ${showShape(input)}`);
  }
  return shape;
}

function joined(node: NodeSpec, inputs: readonly Shape[]): Shape {
  const [first] = inputs;
  let width = 0;
  for (const shape of inputs) {
    if (!sameShape(shape.slice(0, -1), first.slice(0, -1))) {
      mismatch(node, `shapes that differ in the last axis only (the first is ${showShape(first)})`, showShape(shape));
    }
    width += shape[shape.length - 1];
  }
  return [...first.slice(0, -1), width];
}

function outputs(node: NodeSpec, windows: readonly Window[], input: Shape): readonly number[] {
  return windows.map((window, axis) => {
    if (window.output < 1) mismatch(node, `at least ${window.kernel} values (padding included) along axis ${axis}`, showShape(input));
    return window.output;
  });
}

function axes(node: NodeSpec, field: string, value: unknown, check: (node: NodeSpec, field: string, value: unknown) => void): void {
  if (Array.isArray(value) && (node.use === "conv1d" || value.length !== 2)) {
    invalid(node, `${field} as one number${node.use === "conv1d" ? "" : " or [height, width]"}`, JSON.stringify(value));
  }
  for (const one of Array.isArray(value) ? value : [value]) check(node, field, one);
}

function positive(node: NodeSpec, field: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    invalid(node, `${field} as a whole number from 1`, JSON.stringify(value) ?? "nothing");
}

function whole(node: NodeSpec, field: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    invalid(node, `${field} as a whole number from 0`, JSON.stringify(value) ?? "nothing");
}

function epsilon(node: NodeSpec, eps: number | undefined): void {
  if (eps !== undefined && !(eps > 0 && eps < 1)) invalid(node, "eps between 0 and 1", String(eps));
}

function momentumOf(node: NodeSpec, momentum: number): void {
  if (!(momentum >= 0 && momentum <= 1)) invalid(node, "momentum in [0, 1]", String(momentum));
}

function rank(node: NodeSpec, input: Shape, expected: number, shown: string): void {
  if (input.length !== expected) mismatch(node, `input ${shown}`, showShape(input));
}

function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

function invalid(node: NodeSpec, expected: string, got: string): never {
  return refuse("MODEL_INVALID", node, expected, got);
}

function mismatch(node: NodeSpec, expected: string, got: string): never {
  return refuse("SHAPE_MISMATCH", node, expected, got);
}

function refuse(code: ErrorCode, node: NodeSpec, expected: string, got: string): never {
  return fail(code, { where: `layer "${node.name}" (${node.use})`, expected, got });
}
