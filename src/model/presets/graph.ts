/** A model of the user's own: the nodes as they stand in the file. `units: outputs` gives a dense layer the width of the task. */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import { oneOf } from "../choice.js";
import type { ModelSpec, NodeSpec, Shape } from "../spec.js";
import { preset } from "./preset.js";

const base = { name: z.string().min(1).max(128), from: z.union([z.string(), z.array(z.string()).max(64)]).optional() };
const positive = z.int().min(1).max(1_000_000);
const whole = z.int().min(0).max(1_000_000);
const two = <T extends z.ZodType>(one: T) => z.union([one, z.tuple([one, one])]);
const padding = z.union([whole, z.literal("same")]);
const bias = z.boolean().optional();
const eps = z.number().positive().max(1).optional();
const recurrent = { units: positive, bidirectional: z.boolean().optional(), output: z.enum(["last", "all"]).optional() };
const pool = { kernel: two(positive), stride: two(positive).optional(), ceil: z.boolean().optional() };
const joined = { name: base.name, from: z.array(z.string()).min(2).max(64) };
const node = <U extends string, F extends z.ZodRawShape>(use: U, fields: F) => z.strictObject({ use: z.literal(use), ...fields });

export const nodeSchema = oneOf("layer", [
  node("dense", { ...base, units: z.union([positive, z.literal("outputs")]), bias }),
  node("conv1d", { ...base, channels: positive, kernel: positive, stride: positive.optional(), padding: padding.optional(), bias }),
  node("conv2d", {
    ...base,
    channels: positive,
    kernel: two(positive),
    stride: two(positive).optional(),
    padding: z.union([padding, z.tuple([whole, whole])]).optional(),
    bias,
  }),
  node("conv-transpose1d", {
    ...base,
    channels: positive,
    kernel: positive,
    stride: positive.optional(),
    padding: whole.optional(),
    outputPadding: whole.optional(),
    bias,
  }),
  node("upsample1d", { ...base, factor: positive }),
  node("batch-norm", { ...base, eps, momentum: z.number().min(0).max(1).optional() }),
  node("group-norm", { ...base, groups: positive, eps }),
  node("layer-norm", { ...base, eps }),
  node("average-pool", { ...base, ...pool }),
  node("max-pool", { ...base, ...pool }),
  node("lstm", { ...base, ...recurrent }),
  node("gru", { ...base, ...recurrent }),
  node("repeat", { ...base, times: positive }),
  node("dropout", { ...base, rate: z.number().min(0).lt(1) }),
  node("flatten", { ...base, order: z.enum(["channels-first", "channels-last"]).optional() }),
  node("reshape", { ...base, shape: z.array(positive).min(1).max(3) }),
  node("concat", joined),
  node("add", joined),
  node("relu", base),
  node("sigmoid", base),
  node("tanh", base),
  node("gelu", base),
  node("softmax", base),
]);

const schema = z.strictObject({
  use: z.literal("graph"),
  nodes: z.array(nodeSchema).min(1).max(1000),
  output: z.string().optional(),
});

export const graph = preset(schema, (options, context): ModelSpec => {
  const nodes = options.nodes.map(
    (n): NodeSpec => (n.use === "dense" && n.units === "outputs" ? { ...n, units: context.outputs } : (n as NodeSpec)),
  );
  const named = new Set(nodes.flatMap((n) => n.from ?? []));
  const inputs: Record<string, Shape> = {};
  const [first] = Object.keys(context.inputs);
  if (first === undefined) fail("PLAN_REFUSED", { where: "model graph", expected: "an input", got: "none" });
  for (const [name, shape] of Object.entries(context.inputs)) {
    // The first node without `from` reads the first input.
    if (named.has(name) || (name === first && nodes[0].from === undefined)) inputs[name] = shape;
  }
  return options.output === undefined ? { inputs, nodes } : { inputs, nodes, output: options.output };
});
