/** Convolutions over images: [convolution, norm, ReLU, max pool] layers, an average pool to a small grid, dense layers. */
import { z } from "zod";
import { convWindow, poolWindow } from "../geometry.js";
import type { NodeSpec } from "../spec.js";
import { answers, convNorm, dropoutRate, head, layerValue, needs, normNode, perLayer, preset, size, sizes } from "./preset.js";

const schema = z.strictObject({
  use: z.literal("cnn2d"),
  channels: sizes.min(1).default([16, 32, 48]),
  kernel: perLayer(
    z
      .int()
      .min(1)
      .max(63)
      .refine((k) => k % 2 === 1, "expected an odd kernel"),
  ).optional(),
  stride: perLayer(z.int().min(1).max(16)).optional(),
  /** Size of the max pool after each layer; 1 for none. */
  pool: perLayer(z.int().min(1).max(64)).optional(),
  norm: convNorm.default("batch"),
  groups: size.default(4),
  /** The feature maps are averaged down to grid x grid. */
  grid: z.int().min(1).max(64).default(2),
  dropout: dropoutRate.default(0.3),
  hidden: sizes.default([]),
});

export const cnn2d = preset(schema, (options, context) => {
  const where = "model cnn2d";
  answers(context, "cnn2d");
  const sequence = needs(context, "cnn2d", "sequence", 3);
  const nodes: NodeSpec[] = [];
  const count = options.channels.length;
  // The first layer sees 5x5 and halves the image; the later ones see 3x3 and are followed by a pool.
  const kernels = options.kernel ?? options.channels.map((_, i) => (i === 0 ? 5 : 3));
  const strides = options.stride ?? options.channels.map((_, i) => (i === 0 ? 2 : 1));
  const pools = options.pool ?? options.channels.map((_, i) => (i === 0 ? 1 : 2));
  let extents: readonly number[] = sequence.slice(0, 2);
  let from = "sequence";
  for (const [i, channels] of options.channels.entries()) {
    const kernel = layerValue(kernels, i, count, `${where}, kernel`);
    const stride = layerValue(strides, i, count, `${where}, stride`);
    const pool = layerValue(pools, i, count, `${where}, pool`);
    const padding = (kernel - 1) / 2;
    nodes.push(
      { use: "conv2d", name: `conv.${i}`, from, channels, kernel, stride, padding },
      ...normNode(options.norm, `norm.${i}`, options.groups),
      { use: "relu", name: `relu.${i}` },
    );
    from = `relu.${i}`;
    extents = extents.map((extent) => convWindow(extent, kernel, stride, padding).output);
    if (pool > 1) {
      from = `pool.${i}`;
      nodes.push({ use: "max-pool", name: from, kernel: pool });
      extents = extents.map((extent) => poolWindow(extent, pool, pool, false).output);
    }
  }
  if (extents.some((extent) => extent > options.grid)) {
    const stride = extents.map((extent) => Math.max(1, Math.floor(extent / options.grid)));
    const kernel = extents.map((extent, axis) => Math.max(1, extent - (options.grid - 1) * stride[axis]));
    nodes.push({ use: "average-pool", name: "grid", from, kernel: [kernel[0], kernel[1]], stride: [stride[0], stride[1]] });
    from = "grid";
  }
  nodes.push({ use: "flatten", name: "flat", from });
  from = "flat";
  if (options.dropout > 0) {
    from = "dropout";
    nodes.push({ use: "dropout", name: from, rate: options.dropout });
  }
  nodes.push(...head(options.hidden, context.outputs, { from, where }));
  return { inputs: { sequence }, nodes };
});
