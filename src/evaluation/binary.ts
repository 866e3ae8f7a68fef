/** Figures of a two-class model from its scores: decisions at a threshold, and ranking. */
import { type Confusion, confusionAt, confusionFigures, type Figures } from "./counts.js";
import { averagePrecision, type CurvePoint, precisionRecallCurve, rankCounts, rocAuc } from "./ranking.js";

export interface BinaryEvaluation {
  /** f1, precision, recall, accuracy, rocAuc, prAuc, threshold; those that do not exist for this data are left out. */
  readonly metrics: Figures;
  readonly confusion: Confusion;
  readonly curve: readonly CurvePoint[];
}

/**
 * Evaluates scores (probabilities or any number that rises with them) against labels 0/1; scores at or above the threshold are
 * called positive. Errors: SHAPE_MISMATCH, NOT_FINITE, DATA_INVALID.
 */
export function evaluateBinary(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): BinaryEvaluation {
  const confusion = confusionAt(scores, labels, threshold);
  const counts = rankCounts(scores, labels);
  const { far: _far, mar: _mar, ...decided } = confusionFigures(confusion);
  const metrics: Record<string, number> = { ...decided };
  const area = rocAuc(counts);
  const precision = averagePrecision(counts);
  if (area !== undefined) metrics.rocAuc = area;
  if (precision !== undefined) metrics.prAuc = precision;
  metrics.threshold = threshold;
  return { metrics, confusion, curve: precisionRecallCurve(counts) };
}

/** The metrics alone. */
export function binaryMetrics(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): Figures {
  return evaluateBinary(scores, labels, threshold).metrics;
}
