/**
 * How well scores rank positives above negatives: areas under the ROC and precision-recall curves, exact with ties.
 *
 * Both walk the distinct scores from high to low with whole-number counts; equal scores are one step, so the order in which
 * examples are given changes nothing. The area under the ROC curve is Mann and Whitney's statistic (a tie counts one half);
 * prAuc is average precision as scikit-learn defines it: sum of (R_n - R_(n-1)) P_n, without interpolation.
 */
import { requireBinary } from "./counts.js";

/** Cumulative counts at each distinct score, from the highest score down: calling everything at or above `thresholds[i]` positive. */
export interface RankCounts {
  readonly thresholds: Float64Array;
  readonly tp: Float64Array;
  readonly fp: Float64Array;
  readonly positives: number;
  readonly negatives: number;
}

/** Errors: SHAPE_MISMATCH, NOT_FINITE, DATA_INVALID. */
export function rankCounts(scores: ArrayLike<number>, labels: ArrayLike<number>): RankCounts {
  requireBinary(scores, labels);
  // Sorting two plain arrays of numbers is faster than sorting indices, and ties need no order.
  let positives = 0;
  for (let i = 0; i < labels.length; i++) positives += labels[i];
  const high = new Float64Array(positives);
  const low = new Float64Array(scores.length - positives);
  let p = 0;
  let n = 0;
  for (let i = 0; i < scores.length; i++) {
    if (labels[i] === 1) high[p++] = scores[i] + 0;
    else low[n++] = scores[i] + 0;
  }
  high.sort();
  low.sort();
  const thresholds: number[] = [];
  const tp: number[] = [];
  const fp: number[] = [];
  while (p > 0 || n > 0) {
    const next = p === 0 ? low[n - 1] : n === 0 ? high[p - 1] : Math.max(high[p - 1], low[n - 1]);
    while (p > 0 && high[p - 1] === next) p--;
    while (n > 0 && low[n - 1] === next) n--;
    thresholds.push(next);
    tp.push(positives - p);
    fp.push(low.length - n);
  }
  return {
    thresholds: Float64Array.from(thresholds),
    tp: Float64Array.from(tp),
    fp: Float64Array.from(fp),
    positives,
    negatives: low.length,
  };
}

/** Area under the ROC curve; undefined where one class is missing. */
export function rocAuc(counts: RankCounts): number | undefined {
  const { tp, fp, positives, negatives } = counts;
  if (positives === 0 || negatives === 0) return undefined;
  // Twice the area in whole numbers: exact while positives * negatives < 2^52.
  let doubled = 0;
  for (let i = 0; i < tp.length; i++) {
    const before = i === 0 ? 0 : tp[i - 1];
    doubled += (fp[i] - (i === 0 ? 0 : fp[i - 1])) * (tp[i] + before);
  }
  return doubled / (2 * positives * negatives);
}

/** Average precision; undefined where there is no positive. */
export function averagePrecision(counts: RankCounts): number | undefined {
  const { tp, fp, positives } = counts;
  if (positives === 0) return undefined;
  let sum = 0;
  for (let i = 0; i < tp.length; i++) {
    const gained = tp[i] - (i === 0 ? 0 : tp[i - 1]);
    if (gained > 0) sum += gained * (tp[i] / (tp[i] + fp[i]));
  }
  return sum / positives;
}

export interface CurvePoint {
  readonly recall: number;
  readonly precision: number;
  readonly threshold: number;
}

/**
 * The precision-recall curve for drawing, by rising recall, thinned to at most `limit` points: the corners first (where recall
 * changes), then evenly. The last point (everything called positive) is always kept.
 */
export function precisionRecallCurve(counts: RankCounts, limit = 400): CurvePoint[] {
  const { thresholds, tp, fp, positives } = counts;
  if (positives === 0) return [];
  const corners: number[] = [];
  for (let i = 0; i < tp.length; i++) {
    if (i === tp.length - 1 || tp[i + 1] > tp[i] || (i > 0 && tp[i] > tp[i - 1]) || i === 0) corners.push(i);
  }
  return thin(corners, limit).map((i) => ({
    recall: tp[i] / positives,
    precision: tp[i] / (tp[i] + fp[i]),
    threshold: thresholds[i],
  }));
}

/** At most `limit` of the items, evenly, with the first and the last. */
export function thin<T>(items: readonly T[], limit: number): T[] {
  if (items.length <= limit || limit < 2) return items.slice(0, Math.max(limit, 0));
  return Array.from({ length: limit }, (_, i) => items[Math.floor((i * (items.length - 1)) / (limit - 1))]);
}
