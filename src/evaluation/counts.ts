/**
 * Decisions counted against the truth, and the figures that follow from the counts. Counts are whole numbers, so the
 * counts of many sites add up in any order to what one site with all the data would have counted.
 *
 * A figure whose denominator is zero is left out: precision where nothing was flagged, recall where nothing was there.
 */
import { fail } from "../core/errors.js";

/** Figures by name; absent ones are left out, never zero or NaN. */
export type Figures = Readonly<Record<string, number>>;

export interface Confusion {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

export const noConfusion: Confusion = { tp: 0, fp: 0, fn: 0, tn: 0 };

/** Sum of two sites' counts. */
export function addConfusion(a: Confusion, b: Confusion): Confusion {
  return { tp: a.tp + b.tp, fp: a.fp + b.fp, fn: a.fn + b.fn, tn: a.tn + b.tn };
}

/**
 * Counts where a score at or above the threshold is called positive. Labels are 0 or 1.
 * Errors: SHAPE_MISMATCH, DATA_INVALID (another label), NOT_FINITE (score or threshold).
 */
export function confusionAt(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): Confusion {
  requireBinary(scores, labels);
  if (!Number.isFinite(threshold)) fail("NOT_FINITE", { where: "threshold", expected: "a finite number", got: String(threshold) });
  let tp = 0;
  let fp = 0;
  let positives = 0;
  for (let i = 0; i < scores.length; i++) {
    positives += labels[i];
    if (scores[i] < threshold) continue;
    if (labels[i] === 1) tp++;
    else fp++;
  }
  return { tp, fp, fn: positives - tp, tn: scores.length - positives - fp };
}

/** Refuses scores and labels that no figure could be computed from. */
export function requireBinary(scores: ArrayLike<number>, labels: ArrayLike<number>): void {
  requireEqualLengths(scores, labels, "labels");
  for (let i = 0; i < scores.length; i++) {
    if (!Number.isFinite(scores[i])) fail("NOT_FINITE", { where: `score ${i}`, expected: "a finite number", got: String(scores[i]) });
    if (labels[i] !== 0 && labels[i] !== 1) fail("DATA_INVALID", { where: `label ${i}`, expected: "0 or 1", got: String(labels[i]) });
  }
}

export function requireEqualLengths(values: ArrayLike<number>, truth: ArrayLike<number>, name: string): void {
  if (values.length !== truth.length)
    fail("SHAPE_MISMATCH", { where: name, expected: `${values.length} values`, got: String(truth.length) });
}

/** f1, precision, recall, accuracy, and the alarm rates of anomaly detection: far = fp/(fp+tn), mar = fn/(fn+tp), all in [0, 1]. */
export function confusionFigures(c: Confusion): Figures {
  const figures: Record<string, number> = {};
  const put = (name: string, top: number, bottom: number) => {
    if (bottom > 0) figures[name] = top / bottom;
  };
  put("f1", 2 * c.tp, 2 * c.tp + c.fp + c.fn);
  put("precision", c.tp, c.tp + c.fp);
  put("recall", c.tp, c.tp + c.fn);
  put("accuracy", c.tp + c.tn, c.tp + c.tn + c.fp + c.fn);
  put("far", c.fp, c.fp + c.tn);
  put("mar", c.fn, c.fn + c.tp);
  return figures;
}
