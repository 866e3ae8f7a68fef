/**
 * Judging an anomaly detector that reconstructs its input, machine by machine: the limit comes from the machine's own normal windows,
 * samples are flagged by a declared rule, and the counts of all machines add up to the figures.
 */
import { fail } from "../core/errors.js";
import type { ExampleInput, Examples } from "../data/dataset.js";
import {
  type FlagRule,
  flagConfusion,
  limitFromNormal,
  reconstructionScores,
  sampleFlags,
  trivialDetectors,
} from "../evaluation/anomaly.js";
import { addConfusion, type Confusion, confusionFigures, noConfusion } from "../evaluation/counts.js";
import { averagePrecision, rankCounts, rocAuc } from "../evaluation/ranking.js";
import type { FederationFile } from "../round/file.js";
import type { Judgement, Scored } from "./judge.js";
import type { Reference } from "./result.js";

export type Detection = NonNullable<FederationFile["detection"]>;

/** A site's normal (training) and test windows with the reconstructions of one model. */
export interface Reconstructed {
  readonly normal: Scored;
  readonly test: Scored;
}

interface Recording {
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
  readonly limit: number;
  readonly rows: number;
}

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

function recordings({ normal, test }: Reconstructed, detection: Detection, window: number): Recording[] {
  const normalScores = byMachine(normal);
  const scores = scoresOf(test);
  return testRuns(test.examples, window).map(({ machine, from, count, labels }) => {
    const own = normalScores.get(machine);
    if (own === undefined) {
      fail("DATA_EMPTY", { where: `machine ${machine}`, expected: "normal windows to set a limit by", got: "none" });
    }
    const limit = limitFromNormal(own, { quantile: detection.quantile, factor: detection.factor });
    return { scores: scores.subarray(from, from + count), labels, limit, rows: labels.length };
  });
}

function scoresOf({ examples, outputs }: Scored): Float64Array {
  return reconstructionScores(sequenceOf(examples), outputs);
}

function sequenceOf(examples: Examples): ExampleInput {
  const input = examples.inputs.sequence;
  if (input === undefined)
    fail("PLAN_REFUSED", { where: "task", expected: "windows of rows to reconstruct", got: Object.keys(examples.inputs).join(", ") });
  return input;
}

function byMachine(scored: Scored): Map<number, number[]> {
  const scores = scoresOf(scored);
  const found = new Map<number, number[]>();
  scored.examples.machines.forEach((machine, i) => {
    const list = found.get(machine);
    if (list === undefined) found.set(machine, [scores[i]]);
    else list.push(scores[i]);
  });
  return found;
}

/** Test windows of each machine as one recording; they must start row after row, because samples are flagged by the windows over them. */
function testRuns(examples: Examples, window: number): { machine: number; from: number; count: number; labels: Uint8Array }[] {
  const { starts } = sequenceOf(examples);
  const flags = examples.flags as Uint8Array;
  const runs: { machine: number; from: number; count: number; labels: Uint8Array }[] = [];
  for (let from = 0; from < examples.count; ) {
    const machine = examples.machines[from];
    let count = 1;
    while (from + count < examples.count && examples.machines[from + count] === machine) {
      if (starts[from + count] !== starts[from + count - 1] + 1) {
        fail("DATA_INVALID", {
          where: `machine ${machine}`,
          expected: "test windows that start at every row",
          got: "a gap",
          remedy: "use stride 1 and a split without holes",
        });
      }
      count++;
    }
    const labels = flags.slice(starts[from], starts[from] + count + window - 1);
    if (labels.includes(255))
      fail("DATA_INVALID", { where: `machine ${machine}`, expected: "a flag for every test row", got: "rows without one" });
    runs.push({ machine, from, count, labels });
    from += count;
  }
  return runs;
}
