/**
 * A trained model as an ONNX file, for runtimes everywhere. Inputs and output lie as they do here (channels last), the
 * number of examples is open, and the model is in evaluation mode: dropout is gone, batch norm uses its running values.
 * Agreement with the engine is to rounding, not bit for bit: runtimes add in their own order.
 */
import { fail } from "../../core/errors.js";
import { inferModel } from "../shape.js";
import type { ModelSpec, Shape } from "../spec.js";
import { graphBuilder, irVersion, opset } from "./graph.js";
import { emitNode, lastOf, type Value } from "./layers.js";
import { bytes, integer, message, text } from "./protobuf.js";

/** What goes into an ONNX file besides the model. */
export interface OnnxOptions {
  /** Name of the graph. */
  readonly name?: string;
  readonly version?: string;
  /** A second output "probability" beside "output": sigmoid for one logit, softmax for one per class. */
  readonly probability?: "sigmoid" | "softmax";
  /** Text kept in the file, by key. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The ONNX file of `spec` with `values` in the order of `inferModel(spec).tensors`. Outputs: "output" (logits where the
 * loss takes logits), and "probability" where asked for. Errors: SHAPE_MISMATCH, NOT_FINITE, and those of inferModel.
 *
 * @example
 * ```ts
 * import { initialise, seeded, writeOnnx } from "millwright/model";
 *
 * const file = writeOnnx(spec, initialise(spec, seeded(7)), { probability: "sigmoid" });
 * file.length > 100; // => true
 * ```
 */
export function writeOnnx(spec: ModelSpec, values: Float32Array, options: OnnxOptions = {}): Uint8Array {
  const model = inferModel(spec);
  if (values.length !== model.size) {
    fail("SHAPE_MISMATCH", { where: "ONNX export", expected: `${model.size} values`, got: String(values.length) });
  }
  const tensors = new Map(model.tensors.map((tensor) => [tensor.name, tensor]));
  for (const { name, offset, size } of model.tensors) {
    for (let i = 0; i < size; i++) {
      if (!Number.isFinite(values[offset + i])) {
        fail("NOT_FINITE", { where: `tensor "${name}", value ${i}`, expected: "a finite number", got: String(values[offset + i]) });
      }
    }
  }

  const graph = graphBuilder();
  const nodes = new Map<string, Value>();
  const inputs = new Map<string, Shape>(Object.entries(spec.inputs));
  for (const [name, shape] of inputs) {
    graph.reserve(name);
    nodes.set(name, shape.length === 1 ? { name, shape, first: name, last: name } : { name, shape, last: name });
  }
  for (const node of spec.nodes) {
    const sources = model.sources.get(node.name)!.map((name) => nodes.get(name)!);
    const value = emitNode(graph, node, sources, model.shapes.get(node.name)!, (name) => {
      const tensor = tensors.get(`${node.name}.${name}`);
      if (tensor === undefined) return undefined;
      return { shape: tensor.shape, values: values.subarray(tensor.offset, tensor.offset + tensor.size) };
    });
    nodes.set(node.name, value);
  }

  const last = lastOf(graph, nodes.get(model.output)!);
  const outputs = new Map<string, Shape>([["output", model.outputShape]]);
  graph.emit("Identity", [last], {}, "output");
  if (options.probability !== undefined) {
    outputs.set("probability", model.outputShape);
    if (options.probability === "sigmoid") graph.emit("Sigmoid", [last], {}, "probability");
    else graph.emit("Softmax", [last], { axis: model.outputShape.length }, "probability");
  }
  return message(
    integer(1, irVersion),
    text(2, "millwright"),
    ...(options.version === undefined ? [] : [text(3, options.version)]),
    bytes(7, graph.finish(options.name ?? "model", inputs, outputs)),
    bytes(8, message(text(1, ""), integer(2, opset))),
    ...Object.entries(options.metadata ?? {}).map(([key, value]) => bytes(14, message(text(1, key), text(2, value)))),
  );
}
