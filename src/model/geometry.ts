/**
 * Sizes along one axis: how windows, strides and padding turn a length into another. The formulas are PyTorch's;
 * the engine, the shape rules and the ONNX writer all ask here, so that they cannot disagree.
 */
import type { Conv1d, Conv2d, ConvTranspose1d, Pool, Shape } from "./spec.js";

/** A window sliding along one axis. `after` is the padding behind the last value; it differs from `before` only in ceil mode. */
export interface Window {
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
  readonly output: number;
}

/** The window of a convolution along an axis of `length` values. `output` is below 1 where the kernel does not fit. */
export function convWindow(length: number, kernel: number, stride: number, padding: number | "same"): Window {
  const pad = padding === "same" ? (kernel - 1) / 2 : padding;
  return { kernel, stride, before: pad, after: pad, output: Math.floor((length + 2 * pad - kernel) / stride) + 1 };
}

/** The window of a pool. With `ceil`, a last window that starts inside the axis is kept; `after` is how far it hangs over. */
export function poolWindow(length: number, kernel: number, stride: number, ceil: boolean): Window {
  let output = (ceil ? Math.ceil((length - kernel) / stride) : Math.floor((length - kernel) / stride)) + 1;
  if (ceil && (output - 1) * stride >= length) output -= 1;
  const after = Math.max(0, (output - 1) * stride + kernel - length);
  return { kernel, stride, before: 0, after, output };
}

/** Length after a transposed convolution. */
export function transposedLength(length: number, node: ConvTranspose1d): number {
  return (length - 1) * (node.stride ?? 1) - 2 * (node.padding ?? 0) + node.kernel + (node.outputPadding ?? 0);
}

/** One value for both axes, or one for each: [height, width]. */
export function pair<T>(value: T | readonly [T, T]): readonly [T, T] {
  return Array.isArray(value) ? (value as unknown as readonly [T, T]) : [value as T, value as T];
}

/** Windows of a convolution over the spatial axes of `input`: one for [T, C], two for [H, W, C]. */
export function convWindows(node: Conv1d | Conv2d, input: Shape): readonly Window[] {
  if (node.use === "conv1d") return [convWindow(input[0], node.kernel, node.stride ?? 1, node.padding ?? 0)];
  const kernel = pair(node.kernel);
  const stride = pair(node.stride ?? 1);
  const padding = pair<number | "same">(node.padding ?? 0);
  return [0, 1].map((axis) => convWindow(input[axis], kernel[axis], stride[axis], padding[axis]));
}

/** Windows of a pool over the spatial axes of `input`. The stride defaults to the kernel. */
export function poolWindows(node: Pool, input: Shape): readonly Window[] {
  const kernel = pair(node.kernel);
  const stride = pair(node.stride ?? node.kernel);
  const axes = input.length === 2 ? [0] : [0, 1];
  return axes.map((axis) => poolWindow(input[axis], kernel[axis], stride[axis], node.ceil ?? false));
}

/** Number of values of a shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** A shape as people read it: [24, 9]. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
