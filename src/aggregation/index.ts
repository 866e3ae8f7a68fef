/** Public entry `millwright/aggregation`: rules, fixed-point sums, and their application. */
export { aggregate } from "./aggregate.js";
export { checkCapacity, decodeFixed, defaultFixedPoint, encodeFixed, type FixedPoint } from "./fixed-point.js";
export { mean } from "./mean.js";
export { type RuleSpec, ruleSchema } from "./registry.js";
export type { Contribution, Coordinate, Gram, Linear, Partial, Rule, Whole } from "./rule.js";
export { sumTree, type Tree } from "./tree.js";
