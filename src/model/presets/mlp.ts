/** A multilayer perceptron, and its smallest case, a linear model: over the statistics, the flattened window, or both. */
import { z } from "zod";
import { sizeOf } from "../geometry.js";
import type { ModelSpec, NodeSpec, Shape } from "../spec.js";
import { activation, dropoutRate, head, join, type ModelContext, needs, perLayer, preset, sizes } from "./preset.js";

/** Which inputs to use. Without it: the statistics where there are any, else the window. */
const input = z.enum(["statistics", "sequence", "both"]).optional();

const mlpSchema = z.strictObject({
  use: z.literal("mlp"),
  hidden: sizes.min(1).default([64, 32]),
  activation: activation.default("relu"),
  /** After every hidden layer, or one rate for each. */
  dropout: perLayer(dropoutRate).default(0),
  input,
});

const linearSchema = z.strictObject({ use: z.literal("linear"), input });

export const mlp = preset(mlpSchema, (options, context) => dense("mlp", options.hidden, options, context));
export const linear = preset(linearSchema, (options, context) => dense("linear", [], options, context));

type DenseOptions = {
  readonly activation?: z.output<typeof activation>;
  readonly dropout?: number | readonly number[];
  readonly input?: z.output<typeof input>;
};

function dense(name: string, hidden: readonly number[], options: DenseOptions, context: ModelContext): ModelSpec {
  const which = options.input ?? (context.inputs.statistics === undefined ? "sequence" : "statistics");
  const inputs: Record<string, Shape> = {};
  const nodes: NodeSpec[] = [];
  const joined: string[] = [];
  if (which !== "statistics") {
    const rank = context.inputs.sequence?.length === 3 ? 3 : 2;
    inputs.sequence = needs(context, name, "sequence", rank);
    nodes.push({ use: "flatten", name: "flat", from: "sequence", order: "channels-last" });
    joined.push("flat");
  }
  if (which !== "sequence") {
    inputs.statistics = needs(context, name, "statistics", 1);
    joined.push("statistics");
  }
  const from = join("joined", joined, nodes);
  // A model of the input itself gives back its first input, in its shape.
  const [first] = Object.values(inputs);
  const outputs = context.task === "reconstruction" ? sizeOf(first) : context.outputs;
  nodes.push(...head(hidden, outputs, { from, activation: options.activation, dropout: options.dropout, where: `model ${name}` }));
  if (context.task === "reconstruction" && first.length > 1) nodes.push({ use: "reshape", name: "reconstruction", shape: first });
  return { inputs, nodes };
}
