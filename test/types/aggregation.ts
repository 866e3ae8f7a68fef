/** Rules: the kind decides what a rule must have, and a contribution's numbers mean what they say. */
import type { Contribution, Linear, Partial, Rule } from "../../src/aggregation/rule.js";
import { l2Norm, millis, weight } from "../../src/core/quantities.js";

export const one: Contribution = { from: "a", round: 1, members: 1, weight: weight(32), update: new Int32Array(4) };

// @ts-expect-error a weight is a Weight
export const bare: Contribution = { ...one, weight: 32 };
// @ts-expect-error a norm is no weight
export const norm: Contribution = { ...one, weight: l2Norm(1) };
// @ts-expect-error updates are fixed point: floats would make the sum depend on the order
export const floats: Contribution = { ...one, update: new Float32Array(4) };
// @ts-expect-error a time is no weight
export const time: Contribution = { ...one, weight: millis(1) };

declare const linear: Linear;
// @ts-expect-error a rule says how few contributions it can work with
export const boundless: Rule = { kind: "linear", name: "x", lift: linear.lift, add: linear.add, finish: linear.finish };
// @ts-expect-error a linear rule adds
export const addless: Linear = { kind: "linear", name: "x", minimum: 1, lift: linear.lift, finish: linear.finish };
// @ts-expect-error a Gram rule never sees an update
export const peeking: Rule = { kind: "gram", name: "x", minimum: 1, aggregate: (all: Float32Array[]) => all[0] as Float32Array };
// @ts-expect-error lift is a property, so its parameter is checked both ways: it may not ask for more than a contribution
export const greedy: Linear = { ...linear, lift: (site: Contribution & { secret: string }): Partial => linear.lift(site) };
