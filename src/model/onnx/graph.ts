/**
 * An ONNX graph under construction: nodes, constants and unique names, encoded as they come (onnx.proto, IR version 8,
 * operator set 17, which runtimes have read since 2022).
 */
import { fail } from "../../core/errors.js";
import type { Shape } from "../spec.js";
import { bytes, float, integer, integers, message, text } from "./protobuf.js";

export const irVersion = 8;
export const opset = 17;

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface GraphBuilder {
  /** Adds a node and returns the name of its output (or names, when `outputs` are given; "" leaves one out). */
  emit(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    output: string,
    outputs?: readonly string[],
  ): string;
  /** A constant of floats under its own name. */
  floats(name: string, shape: Shape, values: ArrayLike<number>): string;
  /** A constant of whole numbers (a shape, or repeats); equal ones are kept once. */
  whole(values: readonly number[]): string;
  /** Takes a name for an input or output of the graph. */
  reserve(name: string): string;
  finish(name: string, inputs: ReadonlyMap<string, Shape>, outputs: ReadonlyMap<string, Shape>): Uint8Array;
}

const FLOAT = 1;
const INT64 = 7;

export function graphBuilder(): GraphBuilder {
  const nodes: Uint8Array[] = [];
  const constants: Uint8Array[] = [];
  const names = new Set<string>();

  function reserve(name: string): string {
    if (names.has(name))
      fail("MODEL_INVALID", {
        where: `ONNX name "${name}"`,
        expected: "a name of its own",
        got: "two of them",
        remedy: "rename the layer or input",
      });
    names.add(name);
    return name;
  }

  function emit(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    output: string,
    outputs = [output],
  ): string {
    for (const name of outputs) if (name !== "") reserve(name);
    const fields = [...inputs.map((name) => text(1, name)), ...outputs.map((name) => text(2, name)), text(3, output), text(4, op)];
    for (const [name, value] of Object.entries(attributes)) fields.push(bytes(5, attribute(name, value)));
    nodes.push(bytes(1, message(...fields)));
    return output;
  }

  function floats(name: string, shape: Shape, values: ArrayLike<number>): string {
    const raw = new Uint8Array(4 * values.length);
    const view = new DataView(raw.buffer);
    for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
    constants.push(bytes(5, message(integers(1, shape), integer(2, FLOAT), text(8, reserve(name)), bytes(9, raw))));
    return name;
  }

  function whole(values: readonly number[]): string {
    const name = `whole/${values.join("x")}`;
    if (names.has(name)) return name;
    const raw = new Uint8Array(8 * values.length);
    const view = new DataView(raw.buffer);
    for (const [i, value] of values.entries()) view.setUint32(8 * i, value, true);
    constants.push(bytes(5, message(integers(1, [values.length]), integer(2, INT64), text(8, reserve(name)), bytes(9, raw))));
    return name;
  }

  function finish(name: string, inputs: ReadonlyMap<string, Shape>, outputs: ReadonlyMap<string, Shape>): Uint8Array {
    return message(
      ...nodes,
      text(2, name),
      ...constants,
      ...[...inputs].map(([input, shape]) => bytes(11, valueInfo(input, shape))),
      ...[...outputs].map(([output, shape]) => bytes(12, valueInfo(output, shape))),
    );
  }

  return { emit, floats, whole, reserve, finish };
}

function attribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === "number") return message(text(1, name), integer(3, value), integer(20, 2));
  if (typeof value === "string") return message(text(1, name), text(4, value), integer(20, 3));
  if ("float" in value) return message(text(1, name), float(2, value.float), integer(20, 1));
  return message(text(1, name), integers(8, value), integer(20, 7));
}

/** Name and type of an input or output: floats, the number of examples open. */
function valueInfo(name: string, shape: Shape): Uint8Array {
  const dimensions = [bytes(1, text(2, "batch")), ...shape.map((extent) => bytes(1, integer(1, extent)))];
  return message(text(1, name), bytes(2, bytes(1, message(integer(1, FLOAT), bytes(2, message(...dimensions))))));
}
