/**
 * Walks a model's graph once: checks it, finds the shape of every node and lists its parameters and buffers under
 * PyTorch's names, layouts and order. Nothing is allocated, so an impossible or oversized model costs nothing.
 */
import { fail } from "../core/errors.js";
import { sizeOf } from "./geometry.js";
import { nodeShape, nodeTensors } from "./shape-nodes.js";
import type { ModelSpec, NodeSpec, Shape, TensorInfo } from "./spec.js";

/** How large a model may be before it is refused, in numbers of values. */
export interface ModelLimits {
  /** Trainable values. */
  readonly parameters: number;
  /** Values of all nodes together, for one example. */
  readonly activations: number;
  readonly nodes: number;
}

export const defaultLimits: ModelLimits = { parameters: 20_000_000, activations: 16_000_000, nodes: 10_000 };

/** What is known of a model without running it. */
export interface InferredModel {
  /** Shape of every input and node, per example, channels last. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Names of the inputs and nodes each node reads, with `from` filled in. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
  /** Parameters and buffers in the order of the nodes and, inside a node, of PyTorch's state_dict. */
  readonly tensors: readonly TensorInfo[];
  /** Length of the flat vector: parameters and buffers. */
  readonly size: number;
  /** Trainable values: `size` without buffers. */
  readonly parameters: number;
  /** Values of all nodes together, for one example. */
  readonly activations: number;
  readonly output: string;
  readonly outputShape: Shape;
}

/**
 * Shapes and tensors of a model. Errors: MODEL_INVALID (not a graph that can run), SHAPE_MISMATCH (a node's input has
 * another shape than it needs), MODEL_TOO_LARGE (a limit is passed); each names the layer, what was expected and found.
 *
 * @example
 * ```ts
 * import { inferModel } from "millwright/model";
 *
 * inferModel({ inputs: { x: [3] }, nodes: [{ use: "dense", name: "out", units: 2 }] }).parameters; // => 8
 * ```
 */
export function inferModel(spec: ModelSpec, limits: Partial<ModelLimits> = {}): InferredModel {
  const { parameters: mostParameters, activations: mostActivations, nodes: mostNodes } = { ...defaultLimits, ...limits };
  const shapes = new Map<string, Shape>();
  const sources = new Map<string, readonly string[]>();
  const tensors: TensorInfo[] = [];
  let offset = 0;
  let parameters = 0;
  let activations = 0;

  for (const [name, shape] of Object.entries(spec.inputs)) {
    checkName(name, `input "${name}"`, shapes);
    checkInputShape(name, shape);
    shapes.set(name, shape);
    activations += sizeOf(shape);
  }
  if (shapes.size === 0) fail("MODEL_INVALID", { where: "inputs", expected: "at least one input", got: "none" });
  if (spec.nodes.length === 0) fail("MODEL_INVALID", { where: "nodes", expected: "at least one node", got: "none" });
  if (spec.nodes.length > mostNodes) tooLarge("nodes", mostNodes, spec.nodes.length, "nodes");

  let previous = shapes.keys().next().value as string;
  for (const node of spec.nodes) {
    const where = `layer "${node.name}"`;
    checkName(node.name, where, shapes);
    const from = sourcesOf(node, previous, shapes);
    const inputs = from.map((name) => shapes.get(name)!);
    const shape = nodeShape(node, inputs);
    shapes.set(node.name, shape);
    sources.set(node.name, from);
    activations += sizeOf(shape);
    if (activations > mostActivations) tooLarge(where, mostActivations, activations, "activations per example");
    for (const tensor of nodeTensors(node, inputs)) {
      const size = sizeOf(tensor.shape);
      tensors.push({ name: `${node.name}.${tensor.name}`, shape: tensor.shape, offset, size, role: tensor.role });
      offset += size;
      if (tensor.role === "parameter") parameters += size;
    }
    if (parameters > mostParameters) tooLarge(where, mostParameters, parameters, "parameters");
    previous = node.name;
  }
  checkTensorNames(tensors);

  const output = spec.output ?? previous;
  if (!sources.has(output)) {
    fail("MODEL_INVALID", { where: "output", expected: `the name of a node (${listed(sources.keys())})`, got: JSON.stringify(output) });
  }
  checkUsed(output, shapes, sources);
  return { shapes, sources, tensors, size: offset, parameters, activations, output, outputShape: shapes.get(output)! };
}

function checkName(name: string, where: string, taken: ReadonlyMap<string, Shape>): void {
  if (typeof name !== "string" || !/^[A-Za-z0-9_.]{1,128}$/.test(name)) {
    fail("MODEL_INVALID", { where, expected: "a name of 1 to 128 letters, digits, dots and underscores", got: JSON.stringify(name) });
  }
  if (taken.has(name)) fail("MODEL_INVALID", { where, expected: "a name of its own", got: `a second "${name}"` });
}

function checkInputShape(name: string, shape: Shape): void {
  const where = `input "${name}"`;
  if (!Array.isArray(shape) || shape.length < 1 || shape.length > 3) {
    fail("MODEL_INVALID", { where, expected: "a shape [C], [T, C] or [H, W, C]", got: JSON.stringify(shape) });
  }
  for (const extent of shape) {
    if (!Number.isSafeInteger(extent) || extent < 1) {
      fail("MODEL_INVALID", { where, expected: "whole numbers from 1 in its shape", got: JSON.stringify(shape) });
    }
  }
}

function sourcesOf(node: NodeSpec, previous: string, shapes: ReadonlyMap<string, Shape>): readonly string[] {
  const where = `layer "${node.name}"`;
  const from = node.from === undefined ? [previous] : typeof node.from === "string" ? [node.from] : node.from;
  const joins = node.use === "concat" || node.use === "add";
  if (!Array.isArray(from) || (joins ? from.length < 2 : from.length !== 1)) {
    const expected = joins ? "two or more names in `from`" : "one name in `from`";
    fail("MODEL_INVALID", { where, expected, got: JSON.stringify(from) });
  }
  for (const name of from) {
    if (!shapes.has(name)) {
      fail("MODEL_INVALID", {
        where,
        expected: `the name of an earlier node or input (${listed(shapes.keys())})`,
        got: JSON.stringify(name),
      });
    }
  }
  return from;
}

/** `a` with a tensor "b.weight" and a node `a.b` with "weight" would share a name. */
function checkTensorNames(tensors: readonly TensorInfo[]): void {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name))
      fail("MODEL_INVALID", { where: `tensor "${name}"`, expected: "a name of its own", got: "two tensors of this name" });
    seen.add(name);
  }
}

/** A node that does not reach the output would carry parameters that are sent around and never trained. */
function checkUsed(output: string, shapes: ReadonlyMap<string, Shape>, sources: ReadonlyMap<string, readonly string[]>): void {
  const used = new Set<string>([output]);
  for (const name of [...sources.keys()].reverse()) {
    if (used.has(name)) for (const source of sources.get(name)!) used.add(source);
  }
  for (const name of shapes.keys()) {
    if (used.has(name)) continue;
    const [where, remedy] = sources.has(name) ? [`layer "${name}"`, "remove it or join it"] : [`input "${name}"`, "remove it"];
    fail("MODEL_INVALID", { where, expected: `a path to the output "${output}"`, got: "none", remedy });
  }
}

function tooLarge(where: string, limit: number, got: number, what: string): never {
  fail("MODEL_TOO_LARGE", {
    where,
    expected: `at most ${limit} ${what}`,
    got: `${got} or more`,
    remedy: "make the model smaller or raise the limit",
  });
}

function listed(names: Iterable<string>): string {
  const all = [...names];
  return all.length > 12 ? `${all.slice(0, 12).join(", ")}, ...` : all.join(", ");
}
