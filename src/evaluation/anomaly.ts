/**
 * Anomaly detection by reconstruction, judged sample by sample as the SKAB benchmark does (its notebooks at commit b2c0d46):
 * flags of every sample of every recording are counted against the labels and pooled.
 *
 * SKAB's own rule looks ahead (a sample is flagged by windows that end up to 58 samples later), so it is no rule for a running
 * machine: the online rule is. Under SKAB's scoring trivial detectors do well, which is why they are computed here too.
 */
import { fail } from "../core/errors.js";
import { addConfusion, type Confusion, confusionFigures, type Figures, noConfusion, requireEqualLengths } from "./counts.js";

export interface FlagRule {
  /** "all-windows": SKAB's. "online": the window that ends at the sample. */
  readonly use: "all-windows" | "online";
  /** Rows per window; windows have stride 1. */
  readonly window: number;
}

/**
 * Score of each window: the sum over its columns of the mean over its rows of |value - reconstruction|.
 * `outputs` holds the reconstructions one window after another, row-major. Errors: SHAPE_MISMATCH, NOT_FINITE.
 */
export function reconstructionScores(
  data: { readonly rows: Float32Array; readonly width: number; readonly starts: Int32Array; readonly length: number },
  outputs: Float32Array,
): Float64Array {
  const { rows, width, starts, length } = data;
  const size = width * length;
  if (outputs.length !== starts.length * size) {
    fail("SHAPE_MISMATCH", {
      where: "reconstruction",
      expected: `${starts.length} windows of ${size} values`,
      got: `${outputs.length} values`,
    });
  }
  const scores = new Float64Array(starts.length);
  for (let window = 0; window < starts.length; window++) {
    const from = starts[window] * width;
    const at = window * size;
    let sum = 0;
    for (let i = 0; i < size; i++) sum += Math.abs(rows[from + i] - outputs[at + i]);
    scores[window] = sum / length;
    if (!Number.isFinite(scores[window])) {
      fail("NOT_FINITE", { where: `score of window ${window}`, expected: "a finite number", got: String(scores[window]) });
    }
  }
  return scores;
}

/**
 * Flags (0/1) of `rows` samples from the scores of their rows - window + 1 windows.
 * all-windows: sample i is flagged where every window starting at i-window+1 .. i-1 exceeds the limit, for i from window-1 to
 * rows - 2*window + 1 (so the first window-1 and the last 2*window-2 samples never are). online: where the window ending at i does.
 * Errors: SHAPE_MISMATCH, NOT_FINITE.
 */
export function sampleFlags(windowScores: ArrayLike<number>, limit: number, rule: FlagRule, rows: number): Uint8Array {
  const { window } = rule;
  if (!Number.isInteger(window) || window < 1 || windowScores.length !== Math.max(rows - window + 1, 0)) {
    fail("SHAPE_MISMATCH", {
      where: "window scores",
      expected: `${Math.max(rows - window + 1, 0)} (one per window of ${window} rows in ${rows})`,
      got: String(windowScores.length),
    });
  }
  if (!Number.isFinite(limit)) fail("NOT_FINITE", { where: "anomaly limit", expected: "a finite number", got: String(limit) });
  const flags = new Uint8Array(rows);
  if (rule.use === "online") {
    for (let j = 0; j < windowScores.length; j++) flags[j + window - 1] = windowScores[j] > limit ? 1 : 0;
    return flags;
  }
  // `run` windows before window i exceed the limit without a gap.
  let run = 0;
  const last = windowScores.length - window;
  for (let i = 0; i <= last; i++) {
    if (i >= window - 1 && run >= window - 1) flags[i] = 1;
    run = windowScores[i] > limit ? run + 1 : 0;
  }
  return flags;
}

/** Flags against labels (0/1 per sample). Counts of several recordings are added with addConfusion. */
export function flagConfusion(flags: ArrayLike<number>, labels: ArrayLike<number>): Confusion {
  requireEqualLengths(flags, labels, "labels");
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (let i = 0; i < flags.length; i++) {
    if (labels[i] !== 0 && labels[i] !== 1) fail("DATA_INVALID", { where: `label ${i}`, expected: "0 or 1", got: String(labels[i]) });
    if (flags[i] === 1) counts[labels[i] === 1 ? "tp" : "fp"]++;
    else counts[labels[i] === 1 ? "fn" : "tn"]++;
  }
  return counts;
}

export interface TrivialDetector {
  readonly name: string;
  readonly explanation: string;
  readonly metrics: Figures;
}

/** What detectors that look at nothing reach on these recordings (labels per sample) under a rule. */
export function trivialDetectors(recordings: readonly ArrayLike<number>[], rule: FlagRule): TrivialDetector[] {
  let everything = noConfusion;
  let reachable = noConfusion;
  for (const labels of recordings) {
    everything = addConfusion(everything, flagConfusion(new Uint8Array(labels.length).fill(1), labels));
    const windows = new Float64Array(Math.max(labels.length - rule.window + 1, 0)).fill(1);
    reachable = addConfusion(reachable, flagConfusion(sampleFlags(windows, 0, rule, labels.length), labels));
  }
  return [
    { name: "flags everything", explanation: "calls every sample anomalous", metrics: confusionFigures(everything) },
    {
      name: "flags all it can",
      explanation: "calls every sample anomalous that the rule is able to flag, without looking at the data",
      metrics: confusionFigures(reachable),
    },
  ];
}

/**
 * The limit of a machine from the scores of its own normal windows: a quantile (linear between order statistics, as numpy) times a
 * factor. Errors: DATA_EMPTY, NOT_FINITE.
 */
export function limitFromNormal(scores: ArrayLike<number>, options: { readonly quantile: number; readonly factor: number }): number {
  return quantile(scores, options.quantile) * options.factor;
}

/** Linear between order statistics (numpy's default). Errors: DATA_EMPTY, NOT_FINITE. */
export function quantile(values: ArrayLike<number>, level: number): number {
  if (values.length === 0) fail("DATA_EMPTY", { where: "quantile", expected: "at least one value", got: "none" });
  const sorted = Float64Array.from(values).sort();
  // NaN sorts last.
  if (!Number.isFinite(sorted[sorted.length - 1]) || !Number.isFinite(sorted[0]) || !(level >= 0 && level <= 1)) {
    fail("NOT_FINITE", {
      where: "quantile",
      expected: "finite values and a level in [0, 1]",
      got: `${sorted[sorted.length - 1]} at level ${level}`,
    });
  }
  const place = level * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}
