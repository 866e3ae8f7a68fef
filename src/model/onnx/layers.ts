/**
 * Every kind of node in ONNX operators. Values are kept as the operator before left them, channels first or last, and
 * turned only when the next one needs the other, so that a chain of convolutions has one transpose at each end.
 * Parameters keep PyTorch's names where the operator takes them as they are.
 */
import { convWindows, poolWindows, sizeOf } from "../geometry.js";
import type { NodeSpec, Shape } from "../spec.js";
import type { GraphBuilder } from "./graph.js";
import { recurrentNode } from "./recurrent.js";

/** A value in the graph, in one or both layouts. For vectors they are the same. */
export interface Value {
  readonly name: string;
  readonly shape: Shape;
  first?: string;
  last?: string;
}

/** Values of a parameter or buffer of the node; undefined where it has none of this name. */
export type Parameters = (name: string) => { readonly shape: Shape; readonly values: Float32Array } | undefined;

/** Emits `node` and returns its value. `sources` are the values it reads, `shape` is that of its output. */
export function emitNode(graph: GraphBuilder, node: NodeSpec, sources: readonly Value[], shape: Shape, parameters: Parameters): Value {
  const [source] = sources;
  const own = (suffix: string) => `${node.name}/${suffix}`;
  const constant = (name: string) => {
    const tensor = parameters(name);
    return tensor === undefined ? [] : [graph.floats(`${node.name}.${name}`, tensor.shape, tensor.values)];
  };
  const first = (name: string): Value => (shape.length === 1 ? both(name) : { name: node.name, shape, first: name });
  const last = (name: string): Value => (shape.length === 1 ? both(name) : { name: node.name, shape, last: name });
  const both = (name: string): Value => ({ name: node.name, shape, first: name, last: name });

  switch (node.use) {
    case "dense": {
      const { values } = parameters("weight")!;
      if (source.shape.length === 1) {
        return both(graph.emit("Gemm", [lastOf(graph, source), ...constant("weight"), ...constant("bias")], { transB: 1 }, own("out")));
      }
      // MatMul takes its weight as [in, out].
      const inputs = source.shape[source.shape.length - 1];
      const turned = Float32Array.from(values, (_, i) => values[(i % node.units) * inputs + Math.floor(i / node.units)]);
      const product = graph.emit(
        "MatMul",
        [lastOf(graph, source), graph.floats(`${node.name}.weight.transposed`, [inputs, node.units], turned)],
        {},
        own("product"),
      );
      const bias = constant("bias");
      return last(bias.length === 0 ? product : graph.emit("Add", [product, ...bias], {}, own("out")));
    }
    case "conv1d":
    case "conv2d": {
      const windows = convWindows(node, source.shape);
      const attributes = {
        kernel_shape: windows.map((w) => w.kernel),
        strides: windows.map((w) => w.stride),
        pads: [...windows.map((w) => w.before), ...windows.map((w) => w.after)],
      };
      return first(graph.emit("Conv", [firstOf(graph, source), ...constant("weight"), ...constant("bias")], attributes, own("first")));
    }
    case "conv-transpose1d": {
      const padding = node.padding ?? 0;
      const attributes = {
        kernel_shape: [node.kernel],
        strides: [node.stride ?? 1],
        pads: [padding, padding],
        output_padding: [node.outputPadding ?? 0],
      };
      return first(
        graph.emit("ConvTranspose", [firstOf(graph, source), ...constant("weight"), ...constant("bias")], attributes, own("first")),
      );
    }
    case "upsample1d": {
      const [steps, channels] = source.shape;
      const apart = graph.emit("Reshape", [lastOf(graph, source), graph.whole([0, steps, 1, channels])], {}, own("apart"));
      const tiled = graph.emit("Tile", [apart, graph.whole([1, 1, node.factor, 1])], {}, own("tiled"));
      return last(graph.emit("Reshape", [tiled, graph.whole([0, ...shape])], {}, own("last")));
    }
    case "batch-norm": {
      const tensors = ["weight", "bias", "running_mean", "running_var"].flatMap(constant);
      return first(
        graph.emit("BatchNormalization", [firstOf(graph, source), ...tensors], { epsilon: { float: node.eps ?? 1e-5 } }, own("first")),
      );
    }
    case "group-norm": {
      // Operator set 17 has no group norm that scales per channel: normalise groups as instances, then scale.
      const channels = shape[shape.length - 1];
      const ones = graph.floats(own("ones"), [node.groups], new Float32Array(node.groups).fill(1));
      const zeros = graph.floats(own("zeros"), [node.groups], new Float32Array(node.groups));
      const grouped = graph.emit(
        "Reshape",
        [firstOf(graph, source), graph.whole([0, node.groups, sizeOf(shape) / node.groups])],
        {},
        own("grouped"),
      );
      const normal = graph.emit("InstanceNormalization", [grouped, ones, zeros], { epsilon: { float: node.eps ?? 1e-5 } }, own("normal"));
      const spread = graph.emit("Reshape", [normal, graph.whole([0, channels, ...shape.slice(0, -1)])], {}, own("spread"));
      const perChannel = [channels, ...shape.slice(0, -1).map(() => 1)];
      const weight = graph.floats(`${node.name}.weight`, perChannel, parameters("weight")!.values);
      const bias = graph.floats(`${node.name}.bias`, perChannel, parameters("bias")!.values);
      return first(graph.emit("Add", [graph.emit("Mul", [spread, weight], {}, own("scaled")), bias], {}, own("first")));
    }
    case "layer-norm": {
      const attributes = { axis: shape.length, epsilon: { float: node.eps ?? 1e-5 } };
      return last(
        graph.emit("LayerNormalization", [lastOf(graph, source), ...constant("weight"), ...constant("bias")], attributes, own("last")),
      );
    }
    case "average-pool":
    case "max-pool": {
      // The overhang of ceil mode as padding: runtimes disagree about ceil_mode, not about padding that does not count.
      const windows = poolWindows(node, source.shape);
      const attributes = {
        kernel_shape: windows.map((w) => w.kernel),
        strides: windows.map((w) => w.stride),
        pads: [...windows.map((w) => w.before), ...windows.map((w) => w.after)],
      };
      return first(graph.emit(node.use === "max-pool" ? "MaxPool" : "AveragePool", [firstOf(graph, source)], attributes, own("first")));
    }
    case "lstm":
    case "gru":
      return last(recurrentNode(graph, node, lastOf(graph, source), source.shape, parameters));
    case "repeat": {
      const apart = graph.emit("Reshape", [lastOf(graph, source), graph.whole([0, 1, source.shape[0]])], {}, own("apart"));
      return last(graph.emit("Tile", [apart, graph.whole([1, node.times, 1])], {}, own("last")));
    }
    case "dropout":
      return { ...source, name: node.name };
    case "flatten": {
      if (source.shape.length === 1) return { ...source, name: node.name };
      const ordered = (node.order ?? "channels-first") === "channels-first" ? firstOf(graph, source) : lastOf(graph, source);
      return both(graph.emit("Reshape", [ordered, graph.whole([0, ...shape])], {}, own("out")));
    }
    case "reshape":
      return last(graph.emit("Reshape", [lastOf(graph, source), graph.whole([0, ...shape])], {}, own("last")));
    case "concat":
      return last(
        graph.emit(
          "Concat",
          sources.map((s) => lastOf(graph, s)),
          { axis: shape.length },
          own("last"),
        ),
      );
    case "add":
      if (source.last === undefined)
        return first(
          graph.emit(
            "Sum",
            sources.map((s) => firstOf(graph, s)),
            {},
            own("first"),
          ),
        );
      return last(
        graph.emit(
          "Sum",
          sources.map((s) => lastOf(graph, s)),
          {},
          own("last"),
        ),
      );
    case "softmax":
      return last(graph.emit("Softmax", [lastOf(graph, source)], { axis: shape.length }, own("last")));
    default: {
      const kept = source.last ?? source.first!;
      const result = node.use === "gelu" ? gelu(graph, node.name, kept) : graph.emit(pointwise[node.use], [kept], {}, own("out"));
      return source.last === undefined ? first(result) : last(result);
    }
  }
}

const pointwise = { relu: "Relu", sigmoid: "Sigmoid", tanh: "Tanh" } as const;

/** x/2 * (1 + erf(x/sqrt(2))): the operator Gelu came with set 20 only. */
function gelu(graph: GraphBuilder, name: string, x: string): string {
  const scalar = (suffix: string, value: number) => graph.floats(`${name}/${suffix}`, [], [value]);
  const scaled = graph.emit("Mul", [x, scalar("root", Math.SQRT1_2)], {}, `${name}/scaled`);
  const error = graph.emit("Erf", [scaled], {}, `${name}/erf`);
  const raised = graph.emit("Add", [error, scalar("one", 1)], {}, `${name}/raised`);
  const half = graph.emit("Mul", [x, scalar("half", 0.5)], {}, `${name}/half_x`);
  return graph.emit("Mul", [half, raised], {}, `${name}/out`);
}

/** The value with channels last; turned once, where it is not. */
export function lastOf(graph: GraphBuilder, value: Value): string {
  if (value.last === undefined) {
    const perm = value.shape.length === 2 ? [0, 2, 1] : [0, 2, 3, 1];
    value.last = graph.emit("Transpose", [value.first!], { perm }, `${value.name}/to_last`);
  }
  return value.last;
}

function firstOf(graph: GraphBuilder, value: Value): string {
  if (value.first === undefined) {
    const perm = value.shape.length === 2 ? [0, 2, 1] : [0, 3, 1, 2];
    value.first = graph.emit("Transpose", [value.last!], { perm }, `${value.name}/to_first`);
  }
  return value.first;
}
