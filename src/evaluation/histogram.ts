/**
 * Scores as whole-number counts per bin, positives and negatives apart: what a site says about its scores without sending them.
 * Histograms add up in any order, and areas under the curves follow from them with an error that is stated.
 *
 * The default bins are even in log-odds, because the scores of rare events crowd near zero.
 */
import { fail } from "../core/errors.js";
import { sigmoid } from "../core/math.js";
import { requireBinary } from "./counts.js";

export interface ScoreHistogram {
  /** Ascending. Bin 0 holds scores below edges[0], bin i those in [edges[i-1], edges[i]), the last those at or above the last edge. */
  readonly edges: Float64Array;
  /** Counts per bin: edges.length + 1. */
  readonly positives: Float64Array;
  readonly negatives: Float64Array;
}

/** 4,095 edges from log-odds -16 to 16: probabilities from 1.1e-7 to 1 - 1.1e-7 in steps of 0.0078 in log-odds. */
export function probabilityEdges(): Float64Array {
  return Float64Array.from({ length: 4095 }, (_, i) => sigmoid(-16 + (i + 1) / 128));
}

/** Errors: SHAPE_MISMATCH, NOT_FINITE, DATA_INVALID. */
export function scoreHistogram(scores: ArrayLike<number>, labels: ArrayLike<number>, edges: Float64Array): ScoreHistogram {
  requireBinary(scores, labels);
  requireAscending(edges);
  const positives = new Float64Array(edges.length + 1);
  const negatives = new Float64Array(edges.length + 1);
  for (let i = 0; i < scores.length; i++) {
    const bin = edgesUpTo(edges, scores[i]);
    if (labels[i] === 1) positives[bin]++;
    else negatives[bin]++;
  }
  return { edges, positives, negatives };
}

function requireAscending(edges: Float64Array): void {
  for (let i = 0; i < edges.length; i++) {
    if (!Number.isFinite(edges[i]) || (i > 0 && !(edges[i] > edges[i - 1]))) {
      fail("DATA_INVALID", { where: `edge ${i} of a histogram`, expected: "finite, ascending edges", got: String(edges[i]) });
    }
  }
}

/** How many edges are at or below the value. */
export function edgesUpTo(edges: Float64Array, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Errors: SHAPE_MISMATCH where the bins differ. */
export function addHistograms(a: ScoreHistogram, b: ScoreHistogram): ScoreHistogram {
  if (a.edges.length !== b.edges.length || a.edges.some((e, i) => e !== b.edges[i])) {
    fail("SHAPE_MISMATCH", {
      where: "score histograms",
      expected: "the same edges at every site",
      got: `${a.edges.length} and ${b.edges.length} edges`,
    });
  }
  return {
    edges: a.edges,
    positives: a.positives.map((n, i) => n + b.positives[i]),
    negatives: a.negatives.map((n, i) => n + b.negatives[i]),
  };
}

/** An area known within bounds: the value lies in [low, high]; `value` treats the scores of a bin as equal. */
export interface BoundedArea {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Area under the ROC curve; undefined where one class is missing. Bounds: all, or none, of the pairs within a bin in the right order. */
export function histogramRocAuc({ positives, negatives }: ScoreHistogram): BoundedArea | undefined {
  const total = sum(positives) * sum(negatives);
  if (total === 0) return undefined;
  let below = 0;
  let certain = 0;
  let open = 0;
  for (let i = 0; i < positives.length; i++) {
    certain += positives[i] * below;
    open += positives[i] * negatives[i];
    below += negatives[i];
  }
  return { value: (2 * certain + open) / (2 * total), low: certain / total, high: (certain + open) / total };
}

/**
 * Average precision; undefined where there is no positive. Bounds: the positives of a bin after its negatives one by one, or before
 * them all at once (equal scores are judged together, at the end of their group).
 */
export function histogramAveragePrecision({ positives, negatives }: ScoreHistogram): BoundedArea | undefined {
  const total = sum(positives);
  if (total === 0) return undefined;
  let tp = 0;
  let fp = 0;
  let value = 0;
  let low = 0;
  let high = 0;
  for (let i = positives.length - 1; i >= 0; i--) {
    const p = positives[i];
    const n = negatives[i];
    if (p > 0) {
      value += p * ((tp + p) / (tp + p + fp + n));
      high += p * ((tp + p) / (tp + p + fp));
      for (let k = 1; k <= p; k++) low += (tp + k) / (tp + k + fp + n);
    }
    tp += p;
    fp += n;
  }
  return { value: value / total, low: low / total, high: high / total };
}

function sum(counts: Float64Array): number {
  let total = 0;
  for (const n of counts) total += n;
  return total;
}
