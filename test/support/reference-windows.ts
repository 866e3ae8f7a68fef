/** Convolutions and pools of the oracle: direct sums over every window, channels last, PyTorch's weight layouts. */
import type { NodeSpec, Shape } from "../../src/model/spec.js";

type Of<K extends NodeSpec["use"]> = Extract<NodeSpec, { use: K }>;
type Tensors = (name: string) => Float64Array | undefined;

const both = <T>(value: T | readonly [T, T]): readonly [T, T] =>
  Array.isArray(value) ? (value as unknown as readonly [T, T]) : [value as T, value as T];

export function conv1d(node: Of<"conv1d">, x: Float64Array, from: Shape, to: Shape, batch: number, tensor: Tensors): Float64Array {
  const padding = node.padding === "same" ? (node.kernel - 1) / 2 : (node.padding ?? 0);
  const flat = { ...node, use: "conv2d", kernel: [1, node.kernel], stride: [1, node.stride ?? 1], padding: [0, padding] } as const;
  return conv2d(flat, x, [1, ...from], [1, ...to], batch, tensor);
}

export function conv2d(node: Of<"conv2d">, x: Float64Array, from: Shape, to: Shape, batch: number, tensor: Tensors): Float64Array {
  const [height, width, inputs] = from;
  const [rows, columns, outputs] = to;
  const [kh, kw] = both(node.kernel);
  const [sh, sw] = both(node.stride ?? 1);
  const [ph, pw] = both<number | "same">(node.padding ?? 0).map((p, axis) => (p === "same" ? ([kh, kw][axis] - 1) / 2 : p));
  const weight = tensor("weight")!;
  const out = new Float64Array(batch * rows * columns * outputs);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        for (let o = 0; o < outputs; o++) {
          let sum = tensor("bias")?.[o] ?? 0;
          for (let i = 0; i < inputs; i++) {
            for (let y = 0; y < kh; y++) {
              for (let z = 0; z < kw; z++) {
                const h = r * sh + y - ph;
                const w = c * sw + z - pw;
                if (h < 0 || h >= height || w < 0 || w >= width) continue;
                sum += weight[((o * inputs + i) * kh + y) * kw + z] * x[((b * height + h) * width + w) * inputs + i];
              }
            }
          }
          out[at++] = sum;
        }
      }
    }
  }
  return out;
}

export function convTranspose1d(
  node: Of<"conv-transpose1d">,
  x: Float64Array,
  [steps, inputs]: Shape,
  [length, outputs]: Shape,
  batch: number,
  tensor: Tensors,
): Float64Array {
  const weight = tensor("weight")!;
  const out = new Float64Array(batch * length * outputs);
  for (let b = 0; b < batch; b++) {
    for (let at = 0; at < length; at++) {
      for (let o = 0; o < outputs; o++) out[(b * length + at) * outputs + o] = tensor("bias")?.[o] ?? 0;
    }
    for (let t = 0; t < steps; t++) {
      for (let k = 0; k < node.kernel; k++) {
        const at = t * (node.stride ?? 1) - (node.padding ?? 0) + k;
        if (at < 0 || at >= length) continue;
        for (let i = 0; i < inputs; i++) {
          for (let o = 0; o < outputs; o++) {
            out[(b * length + at) * outputs + o] += x[(b * steps + t) * inputs + i] * weight[(i * outputs + o) * node.kernel + k];
          }
        }
      }
    }
  }
  return out;
}

export function pool(node: Of<"average-pool" | "max-pool">, x: Float64Array, from: Shape, to: Shape, batch: number): Float64Array {
  const flat = from.length === 2;
  const [height, width, channels] = flat ? [1, ...from] : from;
  const [rows, columns] = flat ? [1, ...to] : to;
  const [kh, kw] = flat ? [1, node.kernel as number] : both(node.kernel);
  const [sh, sw] = flat ? [1, (node.stride ?? node.kernel) as number] : both(node.stride ?? node.kernel);
  const out = new Float64Array(batch * rows * columns * channels);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        for (let channel = 0; channel < channels; channel++) {
          const seen: number[] = [];
          for (let h = r * sh; h < Math.min(height, r * sh + kh); h++) {
            for (let w = c * sw; w < Math.min(width, c * sw + kw); w++) seen.push(x[((b * height + h) * width + w) * channels + channel]);
          }
          out[at++] = node.use === "max-pool" ? Math.max(...seen) : seen.reduce((sum, v) => sum + v, 0) / seen.length;
        }
      }
    }
  }
  return out;
}
