/** Convolutions over time, pooling, and dense layers; `global` averages over time before them and so forgets the order. */
import { z } from "zod";
import { convWindow, poolWindow } from "../geometry.js";
import type { NodeSpec } from "../spec.js";
import {
  activation,
  answers,
  convNorm,
  dropoutRate,
  head,
  join,
  layerValue,
  needs,
  normNode,
  perLayer,
  preset,
  size,
  sizes,
} from "./preset.js";

const schema = z.strictObject({
  use: z.literal("cnn1d"),
  channels: sizes.min(1).default([32, 32]),
  /** Odd, so that time keeps its length before pooling. */
  kernel: perLayer(
    z
      .int()
      .min(1)
      .max(255)
      .refine((k) => k % 2 === 1, "expected an odd kernel"),
  ).default(3),
  /** Steps per pool; 1 for none. */
  pool: perLayer(size).default(2),
  pooling: z.enum(["average", "max"]).default("average"),
  norm: convNorm.default("none"),
  groups: size.default(4),
  activation: activation.default("relu"),
  /** Average over all that is left of time. */
  global: z.boolean().default(false),
  dropout: dropoutRate.default(0),
  hidden: sizes.default([32]),
  statistics: z.boolean().default(false),
});

export const cnn1d = preset(schema, (options, context) => {
  const where = "model cnn1d";
  answers(context, "cnn1d");
  const sequence = needs(context, "cnn1d", "sequence", 2);
  const inputs: Record<string, readonly number[]> = { sequence };
  const nodes: NodeSpec[] = [];
  const count = options.channels.length;
  let [length] = sequence;
  let from = "sequence";
  for (const [i, channels] of options.channels.entries()) {
    const kernel = layerValue(options.kernel, i, count, `${where}, kernel`);
    const pool = layerValue(options.pool, i, count, `${where}, pool`);
    nodes.push(
      { use: "conv1d", name: `conv.${i}`, from, channels, kernel, padding: "same" },
      ...normNode(options.norm, `norm.${i}`, options.groups),
      { use: options.activation, name: `${options.activation}.${i}` },
    );
    from = `${options.activation}.${i}`;
    length = convWindow(length, kernel, 1, "same").output;
    if (pool > 1) {
      from = `pool.${i}`;
      nodes.push({ use: options.pooling === "max" ? "max-pool" : "average-pool", name: from, kernel: pool });
      length = poolWindow(length, pool, pool, false).output;
    }
  }
  if (options.global) {
    nodes.push({ use: "average-pool", name: "global", from, kernel: Math.max(1, length) });
    from = "global";
  }
  nodes.push({ use: "flatten", name: "flat", from });
  from = "flat";
  if (options.dropout > 0) {
    nodes.push({ use: "dropout", name: "dropout", from, rate: options.dropout });
    from = "dropout";
  }
  const joined = [from];
  if (options.statistics) {
    inputs.statistics = needs(context, "cnn1d", "statistics", 1);
    joined.push("statistics");
  }
  from = join("joined", joined, nodes);
  nodes.push(...head(options.hidden, context.outputs, { from, where }));
  return { inputs, nodes };
});
