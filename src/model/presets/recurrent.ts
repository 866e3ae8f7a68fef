/**
 * Recurrent models: `lstm` and `gru`, optionally behind a convolution that shortens time, and `hybrid`, which sets the
 * last state beside the statistics of the window before the dense layers. The defaults of `gru` and `hybrid` are those
 * that served best on C-MAPSS (docs/results.md).
 */
import { z } from "zod";
import type { ModelSpec, NodeSpec, Shape } from "../spec.js";
import { answers, dropoutRate, head, join, type ModelContext, needs, perLayer, preset, size, sizes } from "./preset.js";

const oddKernel = z
  .int()
  .min(1)
  .max(255)
  .refine((k) => k % 2 === 1, "expected an odd kernel");

/** A convolution and an average pool in front; `channels: 0` for none. */
const front = (channels: number, pool: number) => ({
  channels: z.int().min(0).max(4096).default(channels),
  kernel: oddKernel.default(5),
  pool: size.default(pool),
});

const lstmSchema = z.strictObject({
  use: z.literal("lstm"),
  ...front(0, 1),
  units: size.default(64),
  layers: z.int().min(1).max(8).default(1),
  bidirectional: z.boolean().default(false),
  /** After the last state. */
  dropout: dropoutRate.default(0.2),
  hidden: sizes.default([16]),
  statistics: z.boolean().default(false),
});

const gruSchema = z.strictObject({
  ...lstmSchema.shape,
  use: z.literal("gru"),
  ...front(32, 3),
  units: size.default(32),
});

const hybridSchema = z.strictObject({
  use: z.literal("hybrid"),
  ...front(24, 3),
  cell: z.enum(["lstm", "gru"]).default("lstm"),
  units: size.default(24),
  layers: z.int().min(1).max(8).default(1),
  bidirectional: z.boolean().default(false),
  dropout: dropoutRate.default(0.2),
  hidden: sizes.default([64, 32]),
  /** After the dense layers: one rate for all, or one for each. */
  headDropout: perLayer(dropoutRate).optional(),
});

export const lstm = preset(lstmSchema, (options, context) => build("lstm", "lstm", options, context));
export const gru = preset(gruSchema, (options, context) => build("gru", "gru", options, context));
export const hybrid = preset(hybridSchema, (options, context) => {
  // As in the recipe, the first dense layer drops out like the state does and the rest do not.
  const headDropout = options.headDropout ?? options.hidden.map((_, i) => (i === 0 ? options.dropout : 0));
  return build("hybrid", options.cell, { ...options, headDropout, statistics: true }, context);
});

interface Options {
  readonly channels: number;
  readonly kernel: number;
  readonly pool: number;
  readonly units: number;
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly dropout: number;
  readonly hidden: readonly number[];
  readonly headDropout?: number | readonly number[];
  readonly statistics: boolean;
}

function build(name: string, cell: "lstm" | "gru", options: Options, context: ModelContext): ModelSpec {
  answers(context, name);
  const sequence = needs(context, name, "sequence", 2);
  const inputs: Record<string, Shape> = { sequence };
  const nodes: NodeSpec[] = [];
  let from = "sequence";
  if (options.channels > 0) {
    nodes.push(
      { use: "conv1d", name: "conv", from, channels: options.channels, kernel: options.kernel, padding: "same" },
      { use: "relu", name: "relu" },
    );
    from = "relu";
  }
  if (options.pool > 1) {
    nodes.push({ use: "average-pool", name: "pool", from, kernel: options.pool });
    from = "pool";
  }
  for (let i = 0; i < options.layers; i++) {
    const layer = options.layers === 1 ? cell : `${cell}.${i}`;
    const output = i === options.layers - 1 ? "last" : "all";
    nodes.push({ use: cell, name: layer, from, units: options.units, bidirectional: options.bidirectional, output });
    from = layer;
  }
  if (options.dropout > 0) {
    nodes.push({ use: "dropout", name: "dropout", from, rate: options.dropout });
    from = "dropout";
  }
  const joined = [from];
  if (options.statistics) {
    inputs.statistics = needs(context, name, "statistics", 1);
    joined.push("statistics");
  }
  from = join("joined", joined, nodes);
  nodes.push(...head(options.hidden, context.outputs, { from, dropout: options.headDropout, where: `model ${name}` }));
  return { inputs, nodes };
}
