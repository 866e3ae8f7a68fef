/**
 * From a model's graph to a program: forward operations in an order that lets batch norm's barriers come first, the
 * loss, and the backward operations in reverse.
 */
import { fail } from "../../core/errors.js";
import type { KernelInstance } from "../../kernels/instance.js";
import { poolWindows, showShape } from "../geometry.js";
import type { InferredModel } from "../shape.js";
import type { LossSpec, ModelSpec, NodeSpec, Shape } from "../spec.js";
import { emitConv, emitConvTranspose } from "./dense-conv.js";
import { checkLoss, emitLoss } from "./losses.js";
import { type Context, type Emitted, extents, type Value } from "./nodes.js";
import { emitChannelNorm, emitLayerNorm } from "./norms.js";
import type { Parameters } from "./parameters.js";
import { type BatchFacts, type Build, createBuild, link, type Mode, type Program } from "./program.js";
import { emitRecurrent } from "./recurrent.js";
import { emitActivation, emitAdd, emitConcat, emitDropout, emitPool, emitReorder, emitRepeat } from "./simple.js";
import { address, pitchOf, type Storage, slotBytes, storage, type View } from "./storage.js";

export interface Graph {
  readonly spec: ModelSpec;
  readonly inferred: InferredModel;
  /** Nodes in the order they run: those that batch norm needs first. */
  readonly order: readonly NodeSpec[];
  /** Nodes whose only consumer is a ReLU that they perform themselves. */
  readonly fused: ReadonlySet<string>;
  /** Of those, the ones that also perform the average pooling by 2 x 2 behind the ReLU, with the pooling's name; and those poolings. */
  readonly pooled: ReadonlyMap<string, string>;
  readonly pools: ReadonlySet<string>;
  /** Dropout nodes, numbered. */
  readonly dropouts: ReadonlyMap<string, number>;
}

export function analyse(spec: ModelSpec, inferred: InferredModel): Graph {
  const { sources } = inferred;
  // A model's activations cross a barrier at each batch norm; what no batch norm depends on runs after the last one.
  const early = new Set<string>();
  for (const node of [...spec.nodes].reverse()) {
    if (node.use === "batch-norm" || early.has(node.name)) {
      early.add(node.name);
      for (const source of sources.get(node.name)!) early.add(source);
    }
  }
  const order = [...spec.nodes.filter((node) => early.has(node.name)), ...spec.nodes.filter((node) => !early.has(node.name))];
  const consumers = new Map<string, NodeSpec[]>();
  for (const node of spec.nodes) {
    for (const source of sources.get(node.name)!) consumers.set(source, [...(consumers.get(source) ?? []), node]);
  }
  const fused = new Set<string>();
  const pooled = new Map<string, string>();
  for (const node of spec.nodes) {
    if (node.use !== "batch-norm" && node.use !== "group-norm") continue;
    const next = consumers.get(node.name) ?? [];
    if (next.length !== 1 || next[0].use !== "relu" || node.name === inferred.output) continue;
    fused.add(node.name);
    const relu = next[0].name;
    const after = consumers.get(relu) ?? [];
    if (after.length !== 1 || relu === inferred.output || !halves(after[0], inferred)) continue;
    pooled.set(node.name, after[0].name);
  }
  const dropouts = new Map<string, number>();
  for (const node of spec.nodes) if (node.use === "dropout") dropouts.set(node.name, dropouts.size);
  return { spec, inferred, order, fused, pooled, pools: new Set(pooled.values()), dropouts };
}

/** Average pooling of an image by 2 x 2 that leaves out nothing. */
function halves(node: NodeSpec, { shapes, sources }: InferredModel): boolean {
  if (node.use !== "average-pool") return false;
  const [from, to] = [shapes.get(sources.get(node.name)![0])!, shapes.get(node.name)!];
  if (from.length !== 3 || to[0] !== Math.ceil(from[0] / 2) || to[1] !== Math.ceil(from[1] / 2)) return false;
  return poolWindows(node, from).every(({ kernel, stride }) => kernel === 2 && stride === 2);
}

export interface Purpose {
  readonly mode: Mode;
  readonly training: boolean;
  /** Absent: predictions are written out. */
  readonly loss?: LossSpec;
  /** The first input is the target. */
  readonly reconstruct?: boolean;
  readonly octets: number;
}

/** Emits and links the program for a purpose. Parameters must be frozen unless only registration is wanted (`dry`). */
export function compile(
  graph: Graph,
  purpose: Purpose,
  parts: { instance: KernelInstance; parameters: Parameters; facts: BatchFacts },
  start: number,
  dry = false,
): Program | undefined {
  const { mode, training, loss, octets } = purpose;
  const { inferred, spec } = graph;
  const { build, operations, last } = createBuild({ mode, training, kernels: parts.instance.kernels, ...parts });
  const values = new Map<string, Value>();
  const written = new Set<Storage>();
  for (const [i, [name, shape]] of Object.entries(spec.inputs).entries()) {
    const view = viewOf(name, shape);
    values.set(name, { view, gradient: undefined });
    emitGather(build, i, view.on, shape);
  }
  const backwards: (() => void)[] = [];
  for (const node of graph.order) {
    const inputs = inferred.sources.get(node.name)!.map((name) => values.get(name)!);
    const shape = inferred.shapes.get(graph.pooled.get(node.name) ?? node.name)!;
    const prefix = `${node.name}.`;
    const tensors = new Map<string, number>();
    for (const tensor of inferred.tensors) {
      const rest = tensor.name.slice(prefix.length);
      if (tensor.name.startsWith(prefix) && !rest.includes(".")) tensors.set(rest, tensor.offset);
    }
    const learns = mode !== "predict" && (tensors.size > 0 || inputs.some((input) => input.gradient !== undefined));
    const context: Context = {
      ...build,
      node,
      inputs,
      shape,
      inputShapes: inferred.sources.get(node.name)!.map((name) => inferred.shapes.get(name)!),
      relu: graph.fused.has(node.name),
      pooled: graph.pooled.has(node.name),
      tensors,
      output: () => ({ view: viewOf(node.name, shape), gradient: learns ? viewOf(`${node.name} gradient`, shape) : undefined }),
      adds: (gradient) => {
        if (written.has(gradient.on)) return 1;
        written.add(gradient.on);
        return 0;
      },
    };
    const emitted = emit(context, node, graph);
    values.set(node.name, emitted.value);
    if (learns && emitted.backward !== undefined) backwards.push(emitted.backward);
  }
  const output = values.get(inferred.output)!;
  if (loss !== undefined) {
    checkLoss(loss, output.view);
    if (purpose.reconstruct === true) checkReconstruction(inferred, output.view, Object.values(spec.inputs)[0]);
    const target = purpose.reconstruct === true ? values.get(Object.keys(spec.inputs)[0])!.view.on : emitTargets(build, loss, output.view);
    const delta = mode === "predict" ? undefined : output.gradient;
    if (delta !== undefined) written.add(delta.on);
    emitLoss(build, loss, output.view, target, delta?.on);
  } else emitScatter(build, output.view);
  if (mode !== "predict") for (const backward of backwards.reverse()) backward();
  if (dry) return undefined;
  return link([...operations, ...last], parts.instance, start, octets, "model");
}

function emit(context: Context, node: NodeSpec, graph: Graph): Emitted {
  const [input] = context.inputs;
  switch (node.use) {
    case "dense":
    case "conv1d":
    case "conv2d":
      return emitConv(context, node);
    case "conv-transpose1d":
      return emitConvTranspose(context, node);
    case "batch-norm":
    case "group-norm":
      return emitChannelNorm(context, node);
    case "layer-norm":
      return emitLayerNorm(context, node);
    case "average-pool":
      if (graph.pools.has(node.name)) return { value: input };
      return emitPool(context, node);
    case "max-pool":
      return emitPool(context, node);
    case "lstm":
    case "gru":
      return emitRecurrent(context, node);
    case "repeat":
    case "upsample1d":
      return emitRepeat(context, node);
    case "dropout":
      if (!context.training || node.rate === 0) return { value: input };
      return emitDropout(context, node, graph.dropouts.get(node.name)!);
    case "flatten":
    case "reshape": {
      const [h, w, c] = extents(context.shape);
      const { on, h: ih, w: iw, c: ic } = input.view;
      const keepsOrder = node.use === "reshape" || node.order === "channels-last" || ic === 1 || ih * iw === 1;
      if (!keepsOrder || on.rows !== h || on.run !== w * c) return emitReorder(context, keepsOrder ? { use: "reshape" } : node);
      const seen = (view: View): View => ({ on: view.on, h, w, c });
      return { value: { view: seen(input.view), gradient: input.gradient && seen(input.gradient) } };
    }
    case "concat":
      return emitConcat(context, node);
    case "add":
      return emitAdd(context);
    case "relu":
      if (graph.fused.has(graph.inferred.sources.get(node.name)![0])) return { value: input };
      return emitActivation(context, node);
    case "sigmoid":
    case "tanh":
    case "gelu":
    case "softmax":
      return emitActivation(context, node);
  }
}

function checkReconstruction(inferred: InferredModel, output: View, input: Shape): void {
  const [h, w, c] = extents(input);
  if (output.on.rows === h && output.on.run === w * c) return;
  fail("SHAPE_MISMATCH", {
    where: `output "${inferred.output}"`,
    expected: `the shape of the first input, ${showShape(input)}, to reconstruct it`,
    got: showShape(inferred.outputShape),
  });
}

function viewOf(what: string, shape: Shape): View {
  const [h, w, c] = extents(shape);
  return { on: storage(what, h, w * c), h, w, c };
}

function emitGather(build: Build, input: number, to: Storage, shape: Shape): void {
  const { kernels, facts } = build;
  const [h, w, c] = extents(shape);
  build.each([to], () => {
    const pitch = pitchOf(to);
    const [rows, run] = pitch === to.run * slotBytes ? [1, to.rows * to.run] : [to.rows, to.run];
    return (octet) => {
      const { rows: from, starts, width } = facts.sources[input];
      const y = address(to, octet);
      kernels.gather(from, starts, width, facts.order + octet * 32, y, rows, run, pitch);
      if (facts.flipped && shape.length === 3) kernels.flip(y, facts.flags + octet * 8, h, w, c, pitch);
    };
  });
}

/** Gathers the targets, one vector per example. */
function emitTargets(build: Build, loss: LossSpec, output: View): Storage {
  const { kernels, facts } = build;
  const target = loss.use === "cross-entropy" ? storage("targets", 1, 1) : storage("targets", output.on.rows, output.on.run);
  build.each([target], () => (octet) => {
    const { rows, starts, width } = facts.sources[facts.sources.length - 1];
    kernels.gather(rows, starts, width, facts.order + octet * 32, address(target, octet), 1, target.rows * target.run, 0);
  });
  return target;
}

function emitScatter(build: Build, output: View): void {
  const { kernels, facts } = build;
  const { on } = output;
  build.each([on], () => {
    const pitch = pitchOf(on);
    const bytes = on.rows * on.run * 4;
    return (octet) => {
      const lanes = Math.min(8, facts.count - octet * 8);
      kernels.scatter(address(on, octet), facts.out + octet * 8 * bytes, lanes, on.rows, on.run, pitch);
    };
  });
}
