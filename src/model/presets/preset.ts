/** What presets have in common: the schema of their options, the inputs they ask for, and the layers every head is made of. */
import { z } from "zod";
import { fail } from "../../core/errors.js";
import type { Activation, ModelSpec, NodeSpec, Shape } from "../spec.js";

/** What the data and the task offer a model. */
export interface ModelContext {
  /** "sequence": windows [T, C] or images [H, W, C]; "statistics": vectors [N]. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Width of the output: 1 for binary, the number of classes, the number of values. Not used for reconstruction. */
  readonly outputs: number;
  readonly task: "binary" | "classes" | "regression" | "reconstruction";
}

type Fields = { use: z.ZodLiteral<string> } & z.ZodRawShape;

/** One line of the registry: the options in the file, and the graph made of them. */
export interface Preset<F extends Fields> {
  readonly schema: z.ZodObject<F, z.core.$strict>;
  readonly build: (options: z.output<z.ZodObject<F, z.core.$strict>>, context: ModelContext) => ModelSpec;
}

/** Ties the options' type to the builder's. */
export function preset<F extends Fields>(
  schema: z.ZodObject<F, z.core.$strict>,
  build: (options: z.output<z.ZodObject<F, z.core.$strict>>, context: ModelContext) => ModelSpec,
): Preset<F> {
  return { schema, build };
}

export const size = z.int().min(1).max(4096);
export const sizes = z.array(size).max(64);
export const dropoutRate = z.number().min(0).max(0.95);
/** One value for every layer, or one for each. */
export const perLayer = <T extends z.ZodType>(one: T) => z.union([one, z.array(one).max(64)]);
export const convNorm = z.enum(["batch", "group", "layer", "none"]);
export const activation = z.enum(["relu", "tanh", "gelu", "sigmoid"]);

/** Errors: PLAN_REFUSED where the data does not give the preset what it needs. */
export function needs(context: ModelContext, name: string, input: "sequence" | "statistics", rank: number): Shape {
  const shape = context.inputs[input];
  const wanted = input === "statistics" ? "a vector [N]" : rank === 3 ? "images [H, W, C]" : "windows [T, C]";
  if (shape === undefined) {
    const remedy =
      input === "statistics" ? "add a `statistics` feature or use another model" : "give the task a window or use mlp or linear";
    fail("PLAN_REFUSED", { where: `model ${name}`, expected: `${wanted} as input "${input}"`, got: `inputs ${offered(context)}`, remedy });
  }
  if (shape.length !== rank) {
    fail("PLAN_REFUSED", { where: `model ${name}`, expected: `${wanted} as input "${input}"`, got: `shape [${shape.join(", ")}]` });
  }
  return shape;
}

/** Errors: PLAN_REFUSED for a preset that does not reconstruct its input. */
export function answers(context: ModelContext, name: string): void {
  if (context.task !== "reconstruction") return;
  const remedy = "use autoencoder (windows) or mlp (vectors)";
  fail("PLAN_REFUSED", { where: `model ${name}`, expected: "a task with an answer to learn", got: "reconstruction of the input", remedy });
}

/** The value for layer `i` of `count`. Errors: PLAN_REFUSED where a list has another length. */
export function layerValue<T>(value: T | readonly T[], i: number, count: number, where: string): T {
  if (!Array.isArray(value)) return value as T;
  if (value.length !== count) {
    fail("PLAN_REFUSED", { where, expected: `one value, or a list of ${count}`, got: `a list of ${value.length}` });
  }
  return value[i] as T;
}

/** Normalisation after a convolution. "layer" is over all channels and positions of an example, hence one group. */
export function normNode(norm: z.output<typeof convNorm>, name: string, groups: number): NodeSpec[] {
  if (norm === "none") return [];
  if (norm === "batch") return [{ use: "batch-norm", name }];
  return [{ use: "group-norm", name, groups: norm === "layer" ? 1 : groups }];
}

/** Dense layers `dense.0`, `dense.1`, ... with activation and dropout between them; the last one gives the outputs as they are. */
export function head(
  hidden: readonly number[],
  outputs: number,
  options: {
    readonly from: string;
    readonly activation?: Activation["use"];
    readonly dropout?: number | readonly number[];
    readonly where: string;
  },
): NodeSpec[] {
  const nodes: NodeSpec[] = [];
  const use = options.activation ?? "relu";
  let from = options.from;
  for (const [i, units] of hidden.entries()) {
    nodes.push({ use: "dense", name: `dense.${i}`, from, units });
    from = `dense_${use}.${i}`;
    nodes.push({ use, name: from });
    const rate = layerValue(options.dropout ?? 0, i, hidden.length, `${options.where}, dropout`);
    if (rate > 0) {
      from = `dense_dropout.${i}`;
      nodes.push({ use: "dropout", name: from, rate });
    }
  }
  nodes.push({ use: "dense", name: `dense.${hidden.length}`, from, units: outputs });
  return nodes;
}

/** Joins several vectors; one alone is left as it is. */
export function join(name: string, from: readonly string[], nodes: NodeSpec[]): string {
  if (from.length === 1) return from[0];
  nodes.push({ use: "concat", name, from });
  return name;
}

function offered(context: ModelContext): string {
  const all = Object.entries(context.inputs).map(([name, shape]) => `${name} [${shape.join(", ")}]`);
  return all.length === 0 ? "none" : all.join(", ");
}
