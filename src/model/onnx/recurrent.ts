/**
 * LSTM and GRU as ONNX operators. ONNX keeps the gates in another order (i, o, f, c and z, r, h against PyTorch's
 * i, f, g, o and r, z, n), puts both biases into one constant, stacks directions, and runs time first.
 */
import type { Gru, Lstm, Shape } from "../spec.js";
import type { GraphBuilder } from "./graph.js";
import type { Parameters } from "./layers.js";

const gateOrder = { lstm: [0, 3, 1, 2], gru: [1, 0, 2] } as const;

/** Emits the layer over `input` (channels last, [batch, T, C]) and returns the name of its output, channels last. */
export function recurrentNode(
  graph: GraphBuilder,
  node: Lstm | Gru,
  input: string,
  [steps, channels]: Shape,
  parameters: Parameters,
): string {
  const { units } = node;
  const gates = gateOrder[node.use];
  const directions = node.bidirectional ? ["", "_reverse"] : [""];
  const rows = gates.length * units;

  const stacked = (tensor: string, width: number) => {
    const out = new Float32Array(directions.length * rows * width);
    for (const [d, suffix] of directions.entries()) {
      const { values } = parameters(`${tensor}_l0${suffix}`)!;
      for (const [to, from] of gates.entries()) {
        out.set(values.subarray(from * units * width, (from + 1) * units * width), (d * rows + to * units) * width);
      }
    }
    return out;
  };
  const biases = new Float32Array(directions.length * 2 * rows);
  const [inputBias, hiddenBias] = [stacked("bias_ih", 1), stacked("bias_hh", 1)];
  for (let d = 0; d < directions.length; d++) {
    biases.set(inputBias.subarray(d * rows, (d + 1) * rows), 2 * d * rows);
    biases.set(hiddenBias.subarray(d * rows, (d + 1) * rows), (2 * d + 1) * rows);
  }

  const own = (suffix: string) => `${node.name}/${suffix}`;
  const inputs = [
    graph.emit("Transpose", [input], { perm: [1, 0, 2] }, own("time_first")),
    graph.floats(own("W"), [directions.length, rows, channels], stacked("weight_ih", channels)),
    graph.floats(own("R"), [directions.length, rows, units], stacked("weight_hh", units)),
    graph.floats(own("B"), [directions.length, 2 * rows], biases),
  ];
  const attributes = {
    hidden_size: units,
    direction: node.bidirectional ? "bidirectional" : "forward",
    ...(node.use === "gru" ? { linear_before_reset: 1 } : {}),
  };
  const op = node.use === "lstm" ? "LSTM" : "GRU";
  const width = directions.length * units;
  if (node.output === "all") {
    // [T, directions, batch, units] to [batch, T, directions * units].
    graph.emit(op, inputs, attributes, own("states"), [own("states")]);
    const turned = graph.emit("Transpose", [own("states")], { perm: [2, 0, 1, 3] }, own("batch_first"));
    return graph.emit("Reshape", [turned, graph.whole([0, steps, width])], {}, own("last"));
  }
  // [directions, batch, units] to [batch, directions * units].
  graph.emit(op, inputs, attributes, own("state"), ["", own("state")]);
  const turned = graph.emit("Transpose", [own("state")], { perm: [1, 0, 2] }, own("batch_first"));
  return graph.emit("Reshape", [turned, graph.whole([0, width])], {}, own("out"));
}
