/** Dense, convolution and transposed convolution. A dense layer is a convolution of one value over its positions. */
import { convWindows, pair } from "../geometry.js";
import type { Conv1d, Conv2d, ConvTranspose1d, Dense } from "../spec.js";
import type { Context, Emitted } from "./nodes.js";
import { panels } from "./parameters.js";
import { adjoint, biasGradient, product, type Windows, windowGradient } from "./windows.js";

export function emitConv(context: Context, node: Dense | Conv1d | Conv2d): Emitted {
  const [input] = context.inputs;
  const value = context.output();
  const { kernel, stride, padding } = windowOf(context, node);
  const windows: Windows = { wide: input.view, narrow: value.view, kernel, stride, padding };
  const c = input.view.c;
  const n = value.view.c;
  const area = kernel[0] * kernel[1];
  const first = context.tensors.get("weight")!;
  // PyTorch's [out][in][ky][kx] against [ky][kx][in] by out here.
  const canonical = (ky: number, kx: number, ic: number, oc: number) => first + ((oc * c + ic) * kernel[0] + ky) * kernel[1] + kx;
  const weight = context.parameters.block(`${node.name}.weight`, "parameter", () =>
    panels(area * c, n, (k, oc) => canonical(Math.floor(k / c / kernel[1]), Math.floor(k / c) % kernel[1], k % c, oc)),
  );
  const bias = biasOf(context, n);
  product(context, windows, weight, bias, bias === undefined ? 0 : 1);
  return {
    value,
    backward: () => {
      const delta = value.gradient!;
      windowGradient(context, { ...windows, narrow: delta }, weight);
      if (bias !== undefined) biasGradient(context, delta, bias);
      if (input.gradient === undefined) return;
      const start = context.adds(input.gradient) === 1 ? 2 : 0;
      const back: Windows = { ...windows, wide: input.gradient, narrow: delta };
      adjoint(context, back, `${node.name}.back`, (ky, kx, ic, oc) => weight.at(canonical(ky, kx, ic, oc)), undefined, start);
    },
  };
}

export function emitConvTranspose(context: Context, node: ConvTranspose1d): Emitted {
  const [input] = context.inputs;
  const value = context.output();
  // The ordinary convolution whose adjoint this is goes from our output (wide) to our input (narrow).
  const kernel = [node.kernel, 1] as const;
  const windows: Windows = {
    wide: value.view,
    narrow: input.view,
    kernel,
    stride: [node.stride ?? 1, 1],
    padding: [node.padding ?? 0, 0],
  };
  const n = value.view.c;
  const c = input.view.c;
  const first = context.tensors.get("weight")!;
  const canonical = (k: number, out: number, ic: number) => first + (ic * n + out) * node.kernel + k;
  const weight = context.parameters.block(`${node.name}.weight`, "parameter", () =>
    panels(node.kernel * n, c, (k, ic) => canonical(Math.floor(k / n), k % n, ic)),
  );
  const bias = biasOf(context, n);
  const element = (ky: number, _kx: number, out: number, ic: number) => weight.at(canonical(ky, out, ic));
  adjoint(context, windows, `${node.name}.forth`, element, bias, bias === undefined ? 0 : 1);
  return {
    value,
    backward: () => {
      const delta = value.gradient!;
      const back: Windows = { ...windows, wide: delta };
      windowGradient(context, back, weight);
      if (bias !== undefined) biasGradient(context, delta, bias);
      if (input.gradient === undefined) return;
      product(context, { ...back, narrow: input.gradient }, weight, undefined, context.adds(input.gradient) === 1 ? 2 : 0);
    },
  };
}

function biasOf(context: Context, n: number) {
  const first = context.tensors.get("bias");
  if (first === undefined) return undefined;
  return context.parameters.block(`${context.node.name}.bias`, "parameter", () => Array.from({ length: n }, (_, i) => first + i));
}

function windowOf(context: Context, node: Dense | Conv1d | Conv2d) {
  if (node.use === "dense") return { kernel: [1, 1] as const, stride: [1, 1] as const, padding: [0, 0] as const };
  const windows = convWindows(node, context.inputShapes[0]);
  const stride = pair(node.stride ?? 1);
  if (node.use === "conv1d") {
    return { kernel: [node.kernel, 1] as const, stride: [stride[0], 1] as const, padding: [windows[0].before, 0] as const };
  }
  return { kernel: pair(node.kernel), stride, padding: [windows[0].before, windows[1].before] as const };
}
