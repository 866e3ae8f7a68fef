/**
 * Choosing a threshold together: no site shows its scores. Where candidates depend on the scores, sites first send histograms,
 * whose sum gives the candidates; then each site counts true positives, false positives and false negatives at every candidate,
 * the counts add up, and the best candidate of the sum is chosen. Never on test examples: the caller passes training or
 * validation scores.
 *
 * Scores are probabilities; for others pass edges of their range to `scoreHistogram` yourself.
 */
import { fail } from "../core/errors.js";
import { requireBinary } from "./counts.js";
import { addHistograms, edgesUpTo, probabilityEdges, type ScoreHistogram, scoreHistogram } from "./histogram.js";
import type { ThresholdSpec } from "./threshold-spec.js";

/** Whole-number counts per candidate; sums of sites' counts are counts again. */
export interface CandidateCounts {
  readonly tp: Float64Array;
  readonly fp: Float64Array;
  readonly fn: Float64Array;
}

export interface ChosenThreshold {
  readonly threshold: number;
  /** F1 of the sum of all sites at the threshold on the examples it was chosen on; absent where there was nothing to choose by. */
  readonly f1?: number;
  /** How it came about, for the report. */
  readonly reason: string;
}

/** Whether sites must send a histogram before candidates are known. */
export function needsHistogram(spec: ThresholdSpec): boolean {
  return spec.use === "quantiles";
}

/**
 * Candidates, ascending. `histogram`: the sum over all sites, needed for quantiles (whose candidates are edges of its bins).
 * Errors: INTERNAL without it, DATA_EMPTY where it is empty.
 */
export function thresholdCandidates(spec: ThresholdSpec, histogram?: ScoreHistogram): Float64Array {
  switch (spec.use) {
    case "fixed":
      return Float64Array.of(spec.value);
    case "max-f1":
      return probabilityEdges();
    case "plateau": {
      // Counted from the start and rounded to nine decimals, so that 0.05 + 65 * 0.01 is 0.7.
      const count = Math.floor((spec.to - spec.from) / spec.step + 0.5) + 1;
      return Float64Array.from({ length: count }, (_, i) => Math.round(Math.min(spec.from + i * spec.step, spec.to) * 1e9) / 1e9);
    }
    case "quantiles":
      return quantileCandidates(histogram, spec);
  }
}

function quantileCandidates(histogram: ScoreHistogram | undefined, spec: { count: number; from: number; to: number }): Float64Array {
  if (histogram === undefined) fail("INTERNAL", { where: "threshold", expected: "the sum of the sites' histograms", got: "none" });
  const { edges, positives, negatives } = histogram;
  let total = 0;
  for (let i = 0; i < positives.length; i++) total += positives[i] + negatives[i];
  if (total === 0) fail("DATA_EMPTY", { where: "threshold", expected: "at least one score", got: "none" });
  const found = new Set<number>();
  let bin = 0;
  let below = positives[0] + negatives[0];
  for (let k = 0; k < spec.count; k++) {
    const level = spec.from + ((spec.to - spec.from) * k) / (spec.count - 1);
    // The upper edge of the bin that holds the score of this rank.
    const rank = level * (total - 1);
    while (below <= rank && bin < edges.length) {
      bin++;
      below += positives[bin] + negatives[bin];
    }
    found.add(edges[Math.min(bin, edges.length - 1)]);
  }
  return Float64Array.from(found).sort();
}

/** One site's counts at each candidate (ascending); a score at or above a candidate is called positive. Errors: as confusionAt. */
export function countCandidates(scores: ArrayLike<number>, labels: ArrayLike<number>, candidates: Float64Array): CandidateCounts {
  requireBinary(scores, labels);
  const tp = new Float64Array(candidates.length + 1);
  const fp = new Float64Array(candidates.length + 1);
  let positives = 0;
  for (let i = 0; i < scores.length; i++) {
    positives += labels[i];
    (labels[i] === 1 ? tp : fp)[edgesUpTo(candidates, scores[i])]++;
  }
  // Position k now counts scores with exactly k candidates at or below them; sum from the top.
  for (let k = candidates.length - 1; k >= 0; k--) {
    tp[k] += tp[k + 1];
    fp[k] += fp[k + 1];
  }
  return { tp: tp.slice(1), fp: fp.slice(1), fn: tp.slice(1).map((n) => positives - n) };
}

export function addCandidateCounts(a: CandidateCounts, b: CandidateCounts): CandidateCounts {
  if (a.tp.length !== b.tp.length) {
    fail("SHAPE_MISMATCH", { where: "candidate counts", expected: `${a.tp.length} candidates`, got: String(b.tp.length) });
  }
  const add = (x: Float64Array, y: Float64Array) => x.map((n, i) => n + y[i]);
  return { tp: add(a.tp, b.tp), fp: add(a.fp, b.fp), fn: add(a.fn, b.fn) };
}

/** The best candidate of the summed counts. Without a positive example there is nothing to choose by, and 0.5 is taken and said so. */
export function chooseThreshold(spec: ThresholdSpec, candidates: Float64Array, counts: CandidateCounts): ChosenThreshold {
  if (counts.tp.length !== candidates.length || candidates.length === 0) {
    fail("SHAPE_MISMATCH", { where: "candidate counts", expected: `${candidates.length} candidates`, got: String(counts.tp.length) });
  }
  const positives = counts.tp[0] + counts.fn[0];
  if (spec.use === "fixed") return { threshold: spec.value, ...f1At(counts, 0), reason: "fixed in the file" };
  if (positives === 0) return { threshold: 0.5, reason: "no positive example to choose by: 0.5" };
  const f1 = Float64Array.from(candidates, (_, i) => f1At(counts, i).f1 ?? 0);
  const judged = spec.use === "quantiles" ? smoothed(f1, spec.smooth) : f1;
  const best = middleOfBest(judged);
  return {
    threshold: candidates[best],
    ...f1At(counts, best),
    reason: `${spec.use} over ${candidates.length} candidates and ${positives} positives`,
  };
}

function f1At({ tp, fp, fn }: CandidateCounts, i: number): { f1?: number } {
  const bottom = 2 * tp[i] + fp[i] + fn[i];
  return bottom === 0 ? {} : { f1: (2 * tp[i]) / bottom };
}

/** Mean of each value and its neighbours within (width - 1) / 2; fewer at the ends. */
function smoothed(values: Float64Array, width: number): Float64Array {
  const reach = (width - 1) / 2;
  return values.map((_, i) => {
    let total = 0;
    const from = Math.max(i - reach, 0);
    const to = Math.min(i + reach, values.length - 1);
    for (let j = from; j <= to; j++) total += values[j];
    return total / (to - from + 1);
  });
}

/** Index in the middle of the longest run of the largest value; of equally long runs the first. */
function middleOfBest(values: Float64Array): number {
  let best = -Infinity;
  for (const value of values) best = Math.max(best, value);
  let start = 0;
  let length = 0;
  for (let i = 0; i < values.length; ) {
    let end = i;
    while (end < values.length && values[end] === best) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    i = Math.max(end, i + 1);
  }
  return start + ((length - 1) >> 1);
}

/** Scores of one site, for `agreeOnThreshold`. */
export interface SiteScoresForThreshold {
  readonly scores: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
}

/** The whole exchange in one call, for a simulation: the steps and messages are those of a real federation. */
export function agreeOnThreshold(spec: ThresholdSpec, sites: readonly SiteScoresForThreshold[]): ChosenThreshold {
  let histogram: ScoreHistogram | undefined;
  if (needsHistogram(spec)) {
    const edges = probabilityEdges();
    histogram = sites.map((site) => scoreHistogram(site.scores, site.labels, edges)).reduce(addHistograms, scoreHistogram([], [], edges));
    if (sites.every((site) => site.scores.length === 0)) return { threshold: 0.5, reason: "no example to choose by: 0.5" };
  }
  const candidates = thresholdCandidates(spec, histogram);
  const counts = sites
    .map((site) => countCandidates(site.scores, site.labels, candidates))
    .reduce(addCandidateCounts, countCandidates([], [], candidates));
  return chooseThreshold(spec, candidates, counts);
}
