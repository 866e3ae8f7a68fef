/**
 * Federated averaging (McMahan et al. 2017, Algorithm 1): the mean of the updates, weighted by the number of training examples,
 * or unweighted as Bataineh et al. write it in their equations 1 and 2. Not robust: one member can move it anywhere.
 */
import type { Contribution, Linear, Partial } from "./rule.js";

/**
 * Federated averaging as a Linear rule over exact integers: weighted by training examples (McMahan et al. 2017, Algorithm 1), or with
 * `weighted: false` every site once. Not robust: one member can move the mean anywhere.
 *
 * @example
 * ```ts
 * import { aggregate, mean } from "millwright/aggregation";
 *
 * Array.from(aggregate(mean({ weighted: false }), [north, south], defaultFixedPoint)); // => [0.5, 1]
 * ```
 */
export function mean(options: { readonly weighted?: boolean } = {}): Linear {
  const weighted = options.weighted ?? true;
  const factor = (one: Contribution) => (weighted ? one.weight : 1);
  return {
    kind: "linear",
    name: "mean",
    minimum: 1,
    lift: (one) => lift(one, factor(one)),
    add,
    accumulate: (sum, one) => accumulate(sum, one, factor(one)),
    finish,
  };
}

function lift(one: Contribution, factor: number): Partial {
  const sums = new Float64Array(one.update.length);
  for (let i = 0; i < sums.length; i++) sums[i] = one.update[i] * factor;
  return { sums, weight: factor, members: one.members };
}

function add(a: Partial, b: Partial): Partial {
  const sums = new Float64Array(a.sums.length);
  for (let i = 0; i < sums.length; i++) sums[i] = a.sums[i] + b.sums[i];
  return { sums, weight: a.weight + b.weight, members: a.members + b.members };
}

function accumulate({ sums, weight, members }: Partial, one: Contribution, factor: number): Partial {
  const { update } = one;
  for (let i = 0; i < sums.length; i++) sums[i] += update[i] * factor;
  return { sums, weight: weight + factor, members: members + one.members };
}

function finish(total: Partial): { sums: Float64Array; divisor: number } {
  return { sums: total.sums, divisor: total.weight };
}
