/** What the federation measured, in plain JSON: means and sds that every site, the edge and an exported bundle scale by. */
import { fail } from "../core/errors.js";
import { ratio } from "../core/exact-sum.js";
import { fractionBits, type Moments, type Schema, type Statistic } from "./statistic.js";

export interface ColumnScale {
  readonly count: number;
  readonly mean: number;
  /** Population standard deviation. */
  readonly sd: number;
  readonly min: number;
  readonly max: number;
}

/** Means and sds of all sites together, in plain JSON; kept in the model's bundle. */
export interface Scaler {
  readonly format: "millwright-scaler/1";
  readonly schema: Schema;
  readonly columns: Readonly<Record<string, ColumnScale>>;
}

/**
 * Means and (population) sds of the summed statistic of all sites, in the units of the columns. Errors: DATA_EMPTY.
 *
 * @example
 * ```ts
 * import { addStatistics, fitScaler, partitionSites, siteStatistic } from "millwright/data";
 *
 * const told = partitionSites(dataset, plan, 7).map((site) => siteStatistic(site, plan));
 * const { mean, sd } = fitScaler(told.reduce(addStatistics)).columns["scale/heat"];
 * mean > 60 && mean < 70 && sd > 0; // => true
 * ```
 */
export function fitScaler(total: Statistic): Scaler {
  const columns: Record<string, ColumnScale> = {};
  for (const [key, moments] of Object.entries(total.moments)) columns[key] = spread(key, moments);
  return { format: "millwright-scaler/1", schema: total.schema, columns };
}

function spread(key: string, { count, sum, squares, min, max }: Moments): ColumnScale {
  if (count === 0) fail("DATA_EMPTY", { where: key, expected: "at least one value to scale by", got: "none" });
  const n = BigInt(count);
  const one = 1n << fractionBits;
  // n * sum(x^2) - (sum x)^2, exact up to the rounding of each square; below zero only by that rounding.
  const scatter = n * squares * one - sum * sum;
  const variance = scatter <= 0n || min === max ? 0 : ratio(scatter, n * n * one * one);
  return { count, mean: ratio(sum, n * one), sd: Math.sqrt(variance), min, max };
}
