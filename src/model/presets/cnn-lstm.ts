/**
 * The CNN-LSTM of Bataineh et al., Algorithm 2: four times [convolution 3x3, norm, ReLU, average pool 2x2] over the
 * window seen as an image of one channel, an LSTM over the window itself, a bidirectional LSTM over the feature maps,
 * and dense layers over everything joined. Where the sensors' axis does not shrink to one, its values become channels
 * of the second LSTM. The paper does not say how odd sizes are pooled: here the last window hangs over, and the maps
 * are flattened step by step, as the reference values have it.
 */
import { z } from "zod";
import { convWindow, poolWindow, sizeOf } from "../geometry.js";
import type { NodeSpec } from "../spec.js";
import { answers, convNorm, head, join, needs, normNode, preset, size, sizes } from "./preset.js";

const schema = z.strictObject({
  use: z.literal("cnn-lstm"),
  norm: convNorm.default("batch"),
  /** Groups of norm "group". */
  groups: size.default(2),
  channels: sizes.min(1).default([2, 4, 6, 8]),
  /** Units of the LSTM over the window. */
  units: size.default(20),
  /** Units, per direction, of the LSTM over the feature maps. */
  featureUnits: size.default(16),
  hidden: sizes.default([16, 4]),
  /** Join the window statistics before the dense layers. */
  statistics: z.boolean().default(false),
});

export const cnnLstm = preset(schema, (options, context) => {
  const where = "model cnn-lstm";
  answers(context, "cnn-lstm");
  const sequence = needs(context, "cnn-lstm", "sequence", 2);
  let [height, width] = sequence;
  const nodes: NodeSpec[] = [{ use: "reshape", name: "image", from: "sequence", shape: [height, width, 1] }];
  for (const [i, channels] of options.channels.entries()) {
    nodes.push(
      { use: "conv2d", name: `conv.${i}`, channels, kernel: 3, padding: "same" },
      ...normNode(options.norm, `norm.${i}`, options.groups),
      { use: "relu", name: `relu.${i}` },
      { use: "average-pool", name: `pool.${i}`, kernel: 2, ceil: true },
    );
    height = poolWindow(convWindow(height, 3, 1, "same").output, 2, 2, true).output;
    width = poolWindow(convWindow(width, 3, 1, "same").output, 2, 2, true).output;
  }
  const pooled = `pool.${options.channels.length - 1}`;
  const features = [height, width * options.channels[options.channels.length - 1]];
  nodes.push(
    { use: "reshape", name: "features", from: pooled, shape: features },
    { use: "lstm", name: "lstm", from: "sequence", units: options.units },
    { use: "lstm", name: "bilstm", from: "features", units: options.featureUnits, bidirectional: true },
    { use: "flatten", name: "flat", from: "features", order: "channels-last" },
  );
  const joined = ["lstm", "bilstm", "flat"];
  const inputs: Record<string, readonly number[]> = { sequence };
  if (options.statistics) {
    inputs.statistics = [sizeOf(needs(context, "cnn-lstm", "statistics", 1))];
    joined.push("statistics");
  }
  const from = join("joined", joined, nodes);
  nodes.push(...head(options.hidden, context.outputs, { from, where }));
  return { inputs, nodes };
});
