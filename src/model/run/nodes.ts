/** What an emitter of a node gets and gives. */
import type { NodeSpec, Shape } from "../spec.js";
import type { Build, Mode } from "./program.js";
import { type Storage, storage, type View } from "./storage.js";

/** A value of the graph: its view, and the view of its gradient where something before it can learn. */
export interface Value {
  readonly view: View;
  readonly gradient: View | undefined;
}

/** Gradients are written by the first consumer on the way back and added to by the others. */
export interface Context extends Build {
  readonly node: NodeSpec;
  readonly inputs: readonly Value[];
  /** Whether the consumer's only use of this node is the ReLU after it (so norms can do it in their pass). */
  readonly relu: boolean;
  /** The node performs the average pooling by 2 x 2 behind that ReLU too; its output has the shape of the pooling's. */
  readonly pooled: boolean;
  /** Flat offsets of the node's tensors, by PyTorch name inside the node. */
  readonly tensors: ReadonlyMap<string, number>;
  /** A new value of this shape; it has a gradient if an input has one or the node has parameters. */
  output(): Value;
  /** 1 if the gradient's storage holds something to add to, else 0; from now on it does. */
  adds(gradient: View): number;
  readonly shape: Shape;
  readonly inputShapes: readonly Shape[];
  readonly mode: Mode;
}

/** An emitter adds forward operations and returns the value and what adds the backward operations. */
export interface Emitted {
  readonly value: Value;
  readonly backward?: () => void;
}

/** Height, width and channels of a shape. */
export function extents(shape: Shape): readonly [number, number, number] {
  if (shape.length === 1) return [1, 1, shape[0]];
  if (shape.length === 2) return [shape[0], 1, shape[1]];
  return [shape[0], shape[1], shape[2]];
}

export function work(what: string, slots: number): Storage {
  return storage(what, 1, slots);
}

/** Where gradients of parameters go: into one sum, or (units) apart per half of an octet. Addresses, after the layout. */
export function gradientPlace(build: Build): { base: number; lanes: number } {
  const { parameters, mode } = build;
  return mode === "units" ? { base: parameters.unitLanes, lanes: parameters.laneBytes } : { base: parameters.lanes, lanes: 0 };
}
