/**
 * Aggregation rules. A rule says what it needs to see, and the plan checker derives from that what it can be combined with:
 * a Linear rule sees only sums (it streams, works in tiers and under masks), a Gram rule only inner products, a Coordinate rule
 * one coordinate of all updates at a time, a Whole rule everything.
 *
 * Write the functions of a rule as properties, not methods: only then does the compiler check their parameters strictly.
 */
import type { Weight } from "../core/quantities.js";

/** What one node hands upward: a site's own update, or the sum of a whole cohort with the number of members it stands for. */
export interface Contribution {
  /** The site, or the node that summed a cohort. */
  readonly from: string;
  readonly round: number;
  /** Sites that this contribution stands for. */
  readonly members: number;
  readonly weight: Weight;
  /** Fixed-point update of one site. */
  readonly update: Int32Array;
}

/** A sum on its way up: not normalised, so that sums of sums are sums. */
export interface Partial {
  /** Exact whole numbers: sum of weight * update. */
  readonly sums: Float64Array;
  readonly weight: number;
  readonly members: number;
}

interface Common {
  readonly name: string;
  /** Fewest contributions for which the rule's statement holds. */
  readonly minimum: number;
}

/** lift one contribution, add partial sums in any order, finish with the quotient (numerator / denominator per coordinate). */
export interface Linear extends Common {
  readonly kind: "linear";
  readonly lift: (one: Contribution) => Partial;
  readonly add: (a: Partial, b: Partial) => Partial;
  /** The same as add(sum, lift(one)), in the memory of `sum`, which is not used again. Left out, the two are called. */
  readonly accumulate?: (sum: Partial, one: Contribution) => Partial;
  readonly finish: (total: Partial) => { readonly sums: Float64Array; readonly divisor: number };
}

/** Weights from the matrix of inner products of the updates (row-major n x n); the result is the weighted mean. */
export interface Gram extends Common {
  readonly kind: "gram";
  readonly weights: (products: Float64Array, count: number) => Float64Array;
}

/** One coordinate of all updates at a time. */
export interface Coordinate extends Common {
  readonly kind: "coordinate";
  readonly combine: (values: Float64Array, weights: Float64Array) => number;
}

/** All updates at once, as floats, ordered by site. */
export interface Whole extends Common {
  readonly kind: "whole";
  readonly aggregate: (updates: readonly Float32Array[], weights: readonly number[]) => Float32Array;
}

/** Any rule. Its kind says what it sees of the updates, and so what it can be combined with. */
export type Rule = Linear | Gram | Coordinate | Whole;
