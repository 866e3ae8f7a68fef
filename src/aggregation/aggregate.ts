/** Applies a rule of any kind to the contributions of a round, in plaintext. Contributions are ordered by site, so arrival order never shows. */
import { fail } from "../core/errors.js";
import { decodeFixed, type FixedPoint } from "./fixed-point.js";
import type { Contribution, Partial, Rule } from "./rule.js";

/**
 * The aggregated update of a round: one float per coordinate, as many as every contribution has.
 * Errors: ROUND_ABANDONED below the rule's minimum, SHAPE_MISMATCH, SUM_OVERFLOW, NOT_FINITE, PLUGIN_INVALID.
 *
 * @example
 * ```ts
 * import { aggregate, mean } from "millwright/aggregation";
 *
 * Array.from(aggregate(mean(), [south, north], defaultFixedPoint)); // => [0.75, 0.5]
 * ```
 */
export function aggregate(rule: Rule, contributions: readonly Contribution[], format: FixedPoint): Float32Array {
  if (contributions.length < rule.minimum) {
    fail("ROUND_ABANDONED", {
      where: `rule ${rule.name}`,
      expected: `at least ${rule.minimum} contributions`,
      got: String(contributions.length),
    });
  }
  const ordered = [...contributions].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const length = ordered[0].update.length;
  for (const one of ordered) {
    if (one.update.length !== length) {
      fail("SHAPE_MISMATCH", { where: `update of ${one.from}`, expected: `${length} values`, got: String(one.update.length) });
    }
  }
  const result = apply(rule, ordered, format);
  if (result.length !== length) {
    fail("PLUGIN_INVALID", { where: `rule ${rule.name}`, expected: `${length} values`, got: String(result.length) });
  }
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(result[i]))
      fail("NOT_FINITE", { where: `rule ${rule.name}, coordinate ${i}`, expected: "a finite number", got: String(result[i]) });
  }
  return result;
}

function apply(rule: Rule, ordered: readonly Contribution[], format: FixedPoint): Float32Array {
  switch (rule.kind) {
    case "linear":
      return finishLinear(rule, ordered.map(rule.lift).reduce(rule.add), format);
    case "coordinate": {
      const weights = Float64Array.from(ordered, (one) => one.weight);
      const column = new Float64Array(ordered.length);
      const combined = new Float64Array(ordered[0].update.length);
      for (let i = 0; i < combined.length; i++) {
        for (let j = 0; j < ordered.length; j++) column[j] = ordered[j].update[i];
        combined[i] = rule.combine(column, weights);
      }
      return decodeFixed(combined, format);
    }
    case "gram": {
      const weights = rule.weights(innerProducts(ordered), ordered.length);
      const combined = new Float64Array(ordered[0].update.length);
      let total = 0;
      for (let j = 0; j < ordered.length; j++) {
        total += weights[j];
        for (let i = 0; i < combined.length; i++) combined[i] += weights[j] * ordered[j].update[i];
      }
      return decodeFixed(combined, format, total);
    }
    case "whole":
      return rule.aggregate(
        ordered.map((one) => decodeFixed(one.update, format)),
        ordered.map((one) => one.weight),
      );
  }
}

/** The last step of a linear rule, wherever the partial sums came from: one server or the root of a tree. */
export function finishLinear(rule: Extract<Rule, { kind: "linear" }>, total: Partial, format: FixedPoint): Float32Array {
  const { sums, divisor } = rule.finish(total);
  for (let i = 0; i < sums.length; i++) {
    if (!Number.isSafeInteger(sums[i])) {
      fail("SUM_OVERFLOW", { where: `coordinate ${i}`, expected: "an exact whole number below 2^53", got: String(sums[i]) });
    }
  }
  return decodeFixed(sums, format, divisor);
}

function innerProducts(ordered: readonly Contribution[]): Float64Array {
  const n = ordered.length;
  const products = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = a; b < n; b++) {
      const x = ordered[a].update;
      const y = ordered[b].update;
      let sum = 0;
      for (let i = 0; i < x.length; i++) sum += x[i] * y[i];
      products[a * n + b] = sum;
      products[b * n + a] = sum;
    }
  }
  return products;
}
