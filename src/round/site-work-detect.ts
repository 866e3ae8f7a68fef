/**
 * An anomaly detector's windows as recordings, machine by machine: the limit comes from the machine's own normal windows, samples are
 * flagged by a declared rule, and the counts of all machines add up. Limits and scores stay with the site.
 */
import { fail, MillwrightError } from "../core/errors.js";
import type { ExampleInput, Examples } from "../data/dataset.js";
import { flagConfusion, limitFromNormal, reconstructionScores, sampleFlags } from "../evaluation/anomaly.js";
import { addConfusion, type Confusion, noConfusion } from "../evaluation/counts.js";
import type { FederationFile } from "./file.js";

/** A site's examples with the outputs of one model on them. */
interface Scored {
  readonly examples: Examples;
  readonly outputs: Float32Array;
}

export type Detection = NonNullable<FederationFile["detection"]>;

/** A site's normal (training) and test windows with the reconstructions of one model. */
export interface Reconstructed {
  readonly normal: Scored;
  readonly test: Scored;
}

export interface Recording {
  readonly scores: Float64Array;
  readonly labels: Uint8Array;
  readonly limit: number;
  readonly rows: number;
}

/**
 * Samples flagged right and wrong over all machines of a site; undefined where a site cannot say: flags are missing, or a machine has no
 * normal windows.
 */
export function detectionCounts(site: Reconstructed, detection: Detection, window: number): Confusion | undefined {
  try {
    return recordings(site, detection, window)
      .map(({ scores, labels, limit, rows }) => flagConfusion(sampleFlags(scores, limit, { use: detection.rule, window }, rows), labels))
      .reduce(addConfusion, noConfusion);
  } catch (error) {
    if (error instanceof MillwrightError && (error.code === "DATA_INVALID" || error.code === "DATA_EMPTY")) return undefined;
    throw error;
  }
}

/** Errors: DATA_INVALID where test windows do not follow each other row by row, DATA_EMPTY where a machine has no normal windows. */
export function recordings({ normal, test }: Reconstructed, detection: Detection, window: number): Recording[] {
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
export function testRuns(examples: Examples, window: number): { machine: number; from: number; count: number; labels: Uint8Array }[] {
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
