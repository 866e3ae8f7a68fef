/**
 * Judging an anomaly detector that reconstructs its input, machine by machine: the limit comes from the machine's own normal windows,
 * samples are flagged by a declared rule, and the counts of all machines add up to the figures.
 */
import type { Examples } from "../data/dataset.js";
import { type FlagRule, flagConfusion, sampleFlags, trivialDetectors } from "../evaluation/anomaly.js";
import { addConfusion, type Confusion, confusionFigures, noConfusion } from "../evaluation/counts.js";
import { averagePrecision, rankCounts, rocAuc } from "../evaluation/ranking.js";
import { type Detection, type Reconstructed, recordings, testRuns } from "../round/site-work-detect.js";
import type { Judgement } from "./judge.js";
import type { Reference } from "./result.js";

export type { Reconstructed } from "../round/site-work-detect.js";

/** Figures of the pooled machines of one or more sites. Errors: DATA_INVALID where test windows do not follow each other row by row. */
export function judgeDetection(sites: readonly Reconstructed[], detection: Detection, window: number): Judgement {
  const rule: FlagRule = { use: detection.rule, window };
  let total: Confusion = noConfusion;
  const margins: number[] = [];
  const truths: number[] = [];
  for (const site of sites) {
    for (const { scores, labels, limit, rows } of recordings(site, detection, window)) {
      total = addConfusion(total, flagConfusion(sampleFlags(scores, limit, rule, rows), labels));
      // Windows of different machines are comparable as multiples of the machine's own limit.
      for (let i = 0; i < scores.length; i++) {
        margins.push(scores[i] / limit);
        truths.push(labels[i + window - 1]);
      }
    }
  }
  if (margins.length === 0) return { metrics: {}, curves: {} };
  const counts = rankCounts(margins, truths);
  const metrics: Record<string, number> = { ...confusionFigures(total) };
  for (const [name, value] of [
    ["rocAuc", rocAuc(counts)],
    ["prAuc", averagePrecision(counts)],
  ] as const) {
    if (value !== undefined) metrics[name] = value;
  }
  const confusion = {
    labels: ["normal", "anomaly"],
    counts: [
      [total.tn, total.fp],
      [total.fn, total.tp],
    ],
  };
  return { metrics, curves: { confusion } };
}

/** What detectors that look at nothing reach on the same recordings. */
export function trivialReferences(tests: readonly Examples[], detection: Detection, window: number): Reference[] {
  const labels = tests.flatMap((examples) => testRuns(examples, window).map((run) => run.labels));
  return trivialDetectors(labels, { use: detection.rule, window });
}
