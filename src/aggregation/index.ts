/**
 * Public entry `millwright/aggregation`: rules, fixed-point sums, and their application.
 *
 * The examples start from two sites that hold 300 and 100 training examples:
 *
 * ```ts
 * import { type Contribution, defaultFixedPoint, encodeFixed, weight } from "millwright/aggregation";
 *
 * const from = (site: string, update: Float32Array, examples: number): Contribution => ({
 *   from: site,
 *   round: 1,
 *   members: 1,
 *   weight: weight(examples),
 *   update: encodeFixed(update, defaultFixedPoint),
 * });
 * const north = from("north", Float32Array.of(1, 0), 300);
 * const south = from("south", Float32Array.of(0, 2), 100);
 * ```
 */
export { type Weight, weight } from "../core/quantities.js";
export { aggregate } from "./aggregate.js";
export { checkCapacity, decodeFixed, defaultFixedPoint, encodeFixed, type FixedPoint } from "./fixed-point.js";
export { mean } from "./mean.js";
export { type RuleSpec, ruleSchema } from "./registry.js";
export type { Contribution, Coordinate, Gram, Linear, Partial, Rule, Whole } from "./rule.js";
export { sumTree, type Tree } from "./tree.js";
