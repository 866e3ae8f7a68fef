/** Figures of a model with several classes, from the matrix of counts truth x prediction, which sites can add up. */
import { fail } from "../core/errors.js";
import type { Figures } from "./counts.js";

/** counts[truth * classes + predicted]. */
export interface ClassCounts {
  readonly classes: number;
  readonly counts: Float64Array;
}

/** The class with the largest output per example; of equal outputs the first. Errors: SHAPE_MISMATCH, NOT_FINITE. */
export function mostLikely(outputs: ArrayLike<number>, classes: number): Int32Array {
  if (!Number.isInteger(classes) || classes < 1 || outputs.length % classes !== 0) {
    fail("SHAPE_MISMATCH", { where: "outputs", expected: `a multiple of ${classes} classes`, got: `${outputs.length} values` });
  }
  const chosen = new Int32Array(outputs.length / classes);
  for (let i = 0; i < chosen.length; i++) {
    let best = 0;
    for (let c = 0; c < classes; c++) {
      const value = outputs[i * classes + c];
      if (!Number.isFinite(value))
        fail("NOT_FINITE", { where: `output ${c} of example ${i}`, expected: "a finite number", got: String(value) });
      if (value > outputs[i * classes + best]) best = c;
    }
    chosen[i] = best;
  }
  return chosen;
}

/** Errors: SHAPE_MISMATCH, DATA_INVALID (a class outside 0..classes-1). */
export function classCounts(predicted: ArrayLike<number>, truth: ArrayLike<number>, classes: number): ClassCounts {
  if (predicted.length !== truth.length) {
    fail("SHAPE_MISMATCH", { where: "truth", expected: `${predicted.length} values`, got: String(truth.length) });
  }
  const counts = new Float64Array(classes * classes);
  for (let i = 0; i < truth.length; i++) {
    requireClass(truth[i], classes, `truth ${i}`);
    requireClass(predicted[i], classes, `prediction ${i}`);
    counts[truth[i] * classes + predicted[i]]++;
  }
  return { classes, counts };
}

function requireClass(value: number, classes: number, where: string): void {
  if (!Number.isInteger(value) || value < 0 || value >= classes) {
    fail("DATA_INVALID", { where, expected: `a class in 0..${classes - 1}`, got: String(value) });
  }
}

export function addClassCounts(a: ClassCounts, b: ClassCounts): ClassCounts {
  if (a.classes !== b.classes) fail("SHAPE_MISMATCH", { where: "class counts", expected: `${a.classes} classes`, got: String(b.classes) });
  return { classes: a.classes, counts: a.counts.map((n, i) => n + b.counts[i]) };
}

/**
 * accuracy, and macroF1: the plain mean of the F1 of every class that occurs in the truth or among the predictions (as
 * scikit-learn's f1_score with average="macro"; a class never predicted right counts 0). Left out where there is no example.
 */
export function classFigures({ classes, counts }: ClassCounts): Figures {
  let total = 0;
  let right = 0;
  let f1 = 0;
  let seen = 0;
  for (let c = 0; c < classes; c++) {
    let truths = 0;
    let predictions = 0;
    for (let other = 0; other < classes; other++) {
      truths += counts[c * classes + other];
      predictions += counts[other * classes + c];
    }
    total += truths;
    right += counts[c * classes + c];
    if (truths + predictions === 0) continue;
    seen++;
    f1 += (2 * counts[c * classes + c]) / (truths + predictions);
  }
  return total === 0 ? {} : { accuracy: right / total, macroF1: f1 / seen };
}

/** The matrix as rows of truth, for the result file. */
export function confusionRows({ classes, counts }: ClassCounts): number[][] {
  return Array.from({ length: classes }, (_, c) => Array.from(counts.subarray(c * classes, (c + 1) * classes)));
}
