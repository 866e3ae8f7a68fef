/** A model spec names layers that exist, with the fields they have. */
import type { LossSpec, ModelSpec, NodeSpec, OptimizerSpec, ScheduleSpec } from "../../src/model/spec.js";

export const dense: NodeSpec = { use: "dense", name: "out", units: 1 };
export const join: NodeSpec = { use: "concat", name: "join", from: ["a", "b"] };

// @ts-expect-error no such layer
export const unknown: NodeSpec = { use: "attention", name: "a" };
// @ts-expect-error every node has a name
export const nameless: NodeSpec = { use: "dense", units: 1 };
// @ts-expect-error a dense layer says how many units it has
export const unitless: NodeSpec = { use: "dense", name: "out" };
// @ts-expect-error a concat says what it joins
export const lonely: NodeSpec = { use: "concat", name: "join" };
// @ts-expect-error a joined input is a list, not one name
export const single: NodeSpec = { use: "concat", name: "join", from: "a" };
// @ts-expect-error only the last state or all of them
export const output: NodeSpec = { use: "lstm", name: "l", units: 4, output: "first" };
// @ts-expect-error a group norm says how many groups
export const groups: NodeSpec = { use: "group-norm", name: "g" };

export const adam: OptimizerSpec = { use: "adam", learningRate: 0.001, betas: [0.9, 0.999] };
// @ts-expect-error momentum belongs to sgd
export const momentum: OptimizerSpec = { use: "adam", learningRate: 0.001, momentum: 0.9 };
// @ts-expect-error a learning rate has no default
export const rateless: OptimizerSpec = { use: "sgd" };
// @ts-expect-error a step schedule says when and by how much
export const step: ScheduleSpec = { use: "step", every: 5 };
// @ts-expect-error delta belongs to huber
export const loss: LossSpec = { use: "mse", delta: 1 };
export function edit(spec: ModelSpec): void {
  // @ts-expect-error a spec is data that nobody edits in place
  spec.nodes = [];
}
