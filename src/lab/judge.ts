/** From the outputs of a model on a site's examples to the answers they stand for, and from those to the figures of a report. */
import { sigmoid } from "../core/math.js";
import type { Examples } from "../data/dataset.js";
import type { OutputSpec, ResolvedTask } from "../data/pipeline.js";
import { evaluateBinary } from "../evaluation/binary.js";
import { classCounts, classFigures, confusionRows, mostLikely } from "../evaluation/classes.js";
import { lifeMetrics, regressionMetrics, residualPoints } from "../evaluation/regression.js";
import type { Curves, Metrics } from "./result.js";

export interface Judgement {
  readonly metrics: Metrics;
  readonly curves: Curves;
}

/** A site's examples with the outputs of one model on them. */
export interface Scored {
  readonly examples: Examples;
  readonly outputs: Float32Array;
}

/** Probabilities of the positive class. */
export function probabilities(outputs: Float32Array): Float64Array {
  return Float64Array.from(outputs, sigmoid);
}

/** Predictions of a regression in the unit of the answer. Remaining life is kept between 0 and the cap, which the model knows. */
export function predictions(
  { examples, outputs }: Pick<Scored, "outputs"> & { examples: Pick<Examples, "answers"> },
  task: ResolvedTask,
): Float64Array {
  const { scale, offset, bases } = examples.answers as NonNullable<Examples["answers"]>;
  const life = task.spec.kind === "rul";
  return Float64Array.from(outputs, (output, i) => {
    const value = output * scale + offset + (bases?.[i] ?? 0);
    return life ? Math.min(Math.max(value, 0), scale) : value;
  });
}

/** Figures of the pooled examples of one or more sites; no examples, no figures. Anomaly tasks are judged by src/lab/detect.ts. */
export function judge(scored: readonly Scored[], outputs: OutputSpec, task: ResolvedTask, threshold: number | undefined): Judgement {
  const some = scored.filter(({ examples }) => examples.count > 0);
  if (some.length === 0) return { metrics: {}, curves: {} };
  if (outputs.kind === "binary") return judgeBinary(some, outputs, threshold ?? 0.5);
  if (outputs.kind === "classes") return judgeClasses(some, outputs);
  return judgeNumbers(some, task);
}

function judgeBinary(scored: readonly Scored[], { labels }: OutputSpec, threshold: number): Judgement {
  const scores = joined(scored.map((one) => probabilities(one.outputs)));
  const truth = joined(scored.map((one) => one.examples.targets));
  const { metrics, confusion, curve } = evaluateBinary(scores, truth, threshold);
  const counts = [
    [confusion.tn, confusion.fp],
    [confusion.fn, confusion.tp],
  ];
  return { metrics, curves: { precisionRecall: curve, confusion: { labels: labels ?? ["no", "yes"], counts } } };
}

function judgeClasses(scored: readonly Scored[], { width, labels }: OutputSpec): Judgement {
  const chosen = joined(scored.map((one) => mostLikely(one.outputs, width)));
  const truth = joined(scored.map((one) => one.examples.targets));
  const counts = classCounts(chosen, truth, width);
  return {
    metrics: classFigures(counts),
    curves: { confusion: { labels: labels ?? Array.from({ length: width }, (_, i) => String(i)), counts: confusionRows(counts) } },
  };
}

function judgeNumbers(scored: readonly Scored[], task: ResolvedTask): Judgement {
  const predicted = joined(scored.map((one) => predictions(one, task)));
  const truth = joined(scored.map((one) => (one.examples.answers as NonNullable<Examples["answers"]>).values));
  const life = task.spec.kind === "rul";
  const metrics =
    life && task.cap !== undefined ? lifeMetrics(predicted, truth, task.cap) : regressionMetrics(predicted, truth, { nasa: life });
  return { metrics, curves: { residuals: residualPoints(predicted, truth) } };
}

function joined(parts: readonly ArrayLike<number>[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The figure by which scenarios of a task are compared. */
export function headlineOf(outputs: OutputSpec, task: ResolvedTask): { readonly metric: string; readonly better: "higher" | "lower" } {
  if (outputs.kind === "binary" || outputs.kind === "reconstruction") return { metric: "f1", better: "higher" };
  if (outputs.kind === "classes")
    return { metric: task.spec.kind === "class" && task.spec.average === "macro" ? "macroF1" : "accuracy", better: "higher" };
  return { metric: "rmse", better: "lower" };
}
