/**
 * Figures of a model that predicts a number: rmse, mae, r2, and NASA's score for remaining useful life. The sums behind them
 * are exact, so sites add theirs up in any order and get what one site with all the data would have got.
 */
import { fail } from "../core/errors.js";
import { type ExactValue, exactSum, exactValue, ratio, unitsOf } from "../core/exact-sum.js";
import { expm1 } from "../core/math.js";
import { type Figures, requireEqualLengths } from "./counts.js";
import { thin } from "./ranking.js";

/** Closed under addition: the sums of two sites are the sums of both. */
export interface RegressionSums {
  readonly count: number;
  /** Sums of |error|, error^2, truth, truth^2. */
  readonly absolute: ExactValue;
  readonly squared: ExactValue;
  readonly truth: ExactValue;
  readonly truthSquared: ExactValue;
  /** Sum of NASA's score; absent where it was not asked for or a term overflowed. */
  readonly nasa?: ExactValue;
}

/**
 * Sums over examples of predictions and truths in the same unit. With `nasa` they are cycles of remaining useful life.
 * Errors: SHAPE_MISMATCH, NOT_FINITE, LIMIT_EXCEEDED (a value of 1e100 or more, whose square could not be held).
 */
export function regressionSums(predicted: ArrayLike<number>, truth: ArrayLike<number>, options: { nasa?: boolean } = {}): RegressionSums {
  requireEqualLengths(predicted, truth, "truth");
  const absolute = exactSum();
  const squared = exactSum();
  const plain = exactSum();
  const plainSquared = exactSum();
  const nasa = exactSum();
  let nasaFits = options.nasa === true;
  for (let i = 0; i < truth.length; i++) {
    requireModerate(predicted[i], `prediction ${i}`);
    requireModerate(truth[i], `truth ${i}`);
    const error = predicted[i] - truth[i];
    absolute.add(Math.abs(error));
    squared.addProduct(error, error);
    plain.add(truth[i]);
    plainSquared.addProduct(truth[i], truth[i]);
    if (!nasaFits) continue;
    const term = nasaTerm(error);
    if (term < 1e300) nasa.add(term);
    else nasaFits = false;
  }
  return {
    count: truth.length,
    absolute: exactValue(absolute.units()),
    squared: exactValue(squared.units()),
    truth: exactValue(plain.units()),
    truthSquared: exactValue(plainSquared.units()),
    ...(nasaFits ? { nasa: exactValue(nasa.units()) } : {}),
  };
}

function requireModerate(value: number, where: string): void {
  if (!Number.isFinite(value)) fail("NOT_FINITE", { where, expected: "a finite number", got: String(value) });
  if (Math.abs(value) >= 1e100) fail("LIMIT_EXCEEDED", { where, expected: "a size below 1e100", got: String(value) });
}

/**
 * Score of one engine (Saxena, Goebel, Simon, Eklund, "Damage propagation modeling", PHM 2008): exp(-d/13) - 1 for an early
 * prediction, exp(d/10) - 1 for a late one, d = predicted - true.
 */
export function nasaTerm(error: number): number {
  return error < 0 ? expm1(-error / 13) : expm1(error / 10);
}

export function addRegressionSums(a: RegressionSums, b: RegressionSums): RegressionSums {
  const add = (x: ExactValue, y: ExactValue) => exactValue(unitsOf(x) + unitsOf(y));
  // An empty site has nothing to say about whether the score fits.
  const keep = (s: RegressionSums) => s.nasa ?? (s.count === 0 ? exactValue(0n) : undefined);
  const left = keep(a);
  const right = keep(b);
  return {
    count: a.count + b.count,
    absolute: add(a.absolute, b.absolute),
    squared: add(a.squared, b.squared),
    truth: add(a.truth, b.truth),
    truthSquared: add(a.truthSquared, b.truthSquared),
    ...(left !== undefined && right !== undefined ? { nasa: add(left, right) } : {}),
  };
}

const one = 1n << 1074n;

/** rmse, mae, r2 (left out where the truth is constant) and nasaScore (a sum over examples; left out where it overflowed). */
export function regressionFigures(sums: RegressionSums): Figures {
  if (sums.count === 0) return {};
  const count = BigInt(sums.count);
  const squared = unitsOf(sums.squared);
  const truth = unitsOf(sums.truth);
  const figures: Record<string, number> = {
    rmse: Math.sqrt(ratio(squared, count * one)),
    mae: ratio(unitsOf(sums.absolute), count * one),
  };
  // Total sum of squares times count, without cancellation.
  const spread = count * unitsOf(sums.truthSquared) * one - truth * truth;
  if (spread > 0n) figures.r2 = ratio(spread - count * squared * one, spread);
  if (sums.nasa !== undefined) figures.nasaScore = ratio(unitsOf(sums.nasa), one);
  return figures;
}

/** The figures of one set of examples. */
export function regressionMetrics(predicted: ArrayLike<number>, truth: ArrayLike<number>, options: { nasa?: boolean } = {}): Figures {
  return regressionFigures(regressionSums(predicted, truth, options));
}

/**
 * Remaining useful life judged twice: against the truth capped at `cap`, as most papers do (rmse, mae, r2, nasaScore), and
 * against the truth as it is (rmseUncapped, maeUncapped, nasaScoreUncapped). The prediction is the same in both.
 */
export function lifeMetrics(predicted: ArrayLike<number>, life: ArrayLike<number>, cap: number): Figures {
  const capped = regressionMetrics(
    predicted,
    Float64Array.from(life, (cycles) => Math.min(cycles, cap)),
    { nasa: true },
  );
  const metrics: Record<string, number> = { ...capped };
  for (const [name, value] of Object.entries(regressionMetrics(predicted, life, { nasa: true }))) {
    if (name !== "r2") metrics[`${name}Uncapped`] = value;
  }
  return metrics;
}

/** Truth against prediction for drawing, at most `limit` points, evenly over the order of truth. */
export function residualPoints(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
  limit = 1000,
): { truth: number; predicted: number }[] {
  requireEqualLengths(predicted, truth, "truth");
  const order = Array.from({ length: truth.length }, (_, i) => i).sort(
    (a, b) => truth[a] - truth[b] || predicted[a] - predicted[b] || a - b,
  );
  return thin(order, limit).map((i) => ({ truth: truth[i], predicted: predicted[i] }));
}
