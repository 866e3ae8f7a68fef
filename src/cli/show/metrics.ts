/** Metrics as people read them: names, order, direction and digits. The one place where the command and the report learn them. */
import type { Metrics, Spread } from "../../lab/result.js";

export interface MetricInfo {
  readonly label: string;
  readonly explanation: string;
  readonly better: "higher" | "lower";
  /** share: 0..1 with three digits; percent: shown as percent; size: in the units of the target. */
  readonly form: "share" | "percent" | "size";
}

const share = (label: string, explanation: string): MetricInfo => ({ label, explanation, better: "higher", form: "share" });
const size = (label: string, explanation: string): MetricInfo => ({ label, explanation, better: "lower", form: "size" });
const rate = (label: string, explanation: string): MetricInfo => ({ label, explanation, better: "lower", form: "percent" });

/** In the order in which they are shown. */
export const metricTable: Readonly<Record<string, MetricInfo>> = {
  f1: share("F1", "harmonic mean of precision and recall"),
  precision: share("precision", "share of the alarms that were right"),
  recall: share("recall", "share of the events that were announced"),
  prAuc: share("PR-AUC", "average precision over all thresholds"),
  rocAuc: share("ROC-AUC", "chance that a positive scores above a negative"),
  accuracy: share("accuracy", "share of the examples that were classed right"),
  macroF1: share("macro-F1", "F1 of every class, averaged without weights"),
  far: rate("FAR", "false alarm rate: normal samples that were flagged"),
  mar: rate("MAR", "missed alarm rate: anomalous samples that were not flagged"),
  rmse: size("RMSE", "root of the mean squared error"),
  mae: size("MAE", "mean absolute error"),
  nasaScore: size("NASA score", "sum of exponential penalties, late predictions weighing more"),
  rmseUncapped: size("RMSE uncapped", "against the true life, not capped"),
  maeUncapped: size("MAE uncapped", "against the true life, not capped"),
  nasaScoreUncapped: size("NASA uncapped", "against the true life, not capped"),
  r2: share("R\u00b2", "share of the variance explained"),
};

/** Metrics that are in at least one of the records and belong in a table, in the order of `metricTable`; the headline first. */
export function shownMetrics(records: readonly Metrics[], headline: string): string[] {
  const present = Object.keys(metricTable).filter((name) => records.some((r) => r[name] !== undefined));
  const known = present.includes(headline) || records.some((r) => r[headline] !== undefined);
  const rest = present.filter((name) => name !== headline);
  return known ? [headline, ...rest] : rest;
}

/** A metric without an entry still has a name. */
export function metricInfo(name: string): MetricInfo {
  return metricTable[name] ?? { label: name, explanation: name, better: "higher", form: "share" };
}

export function formatMetric(name: string, value: number): string {
  if (!Number.isFinite(value)) return "-";
  const form = metricInfo(name).form;
  if (form === "share") return value.toFixed(3);
  if (form === "percent") return `${(value <= 1 ? value * 100 : value).toFixed(1)} %`;
  return formatSize(value);
}

/** Mean and, where there are several values, the standard deviation, written with the digits of the mean. */
export function formatSpread(name: string, spread: Spread): string {
  const mean = formatMetric(name, spread.mean);
  if (spread.values.length < 2) return mean;
  if (metricInfo(name).form !== "size") return `${mean} \u00b1 ${formatMetric(name, spread.sd)}`;
  return `${mean} \u00b1 ${spread.sd.toFixed((mean.split(".")[1] ?? "").length)}`;
}

/** Three to four meaningful digits. */
export function formatSize(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 1000) return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  if (magnitude >= 100) return value.toFixed(1);
  if (magnitude >= 1) return value.toFixed(2);
  return value.toFixed(3);
}
