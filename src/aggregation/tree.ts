/**
 * Aggregating a cohort yields a contribution: device, site, region and enterprise apply one function at every node of a tree.
 * For a Linear rule the result is the same bytes as the flat federation, because the sums are whole numbers.
 */
import type { Contribution, Linear, Partial } from "./rule.js";

/** A leaf is a site's contribution; an inner node is a cohort. */
export type Tree = Contribution | { readonly children: readonly Tree[] };

/**
 * The un-normalised sum of a tree, at most `depth` levels deep. The same bytes as over the flat federation, whatever the tree.
 * Errors: RangeError for a tree that is too deep, or for a cohort without children.
 *
 * @example
 * ```ts
 * import { mean, sumTree } from "millwright/aggregation";
 *
 * const tiered = sumTree(mean(), { children: [{ children: [north] }, south] });
 * tiered.weight; // => 400
 * tiered.members; // => 2
 * ```
 */
export function sumTree(rule: Linear, tree: Tree, depth = 16): Partial {
  if (!("children" in tree)) return rule.lift(tree);
  if (depth === 0 || tree.children.length === 0)
    throw new RangeError(`tree: expected 1 or more children and at most 16 levels, got ${tree.children.length} at depth ${16 - depth}`);
  return tree.children.map((child) => sumTree(rule, child, depth - 1)).reduce(rule.add);
}
