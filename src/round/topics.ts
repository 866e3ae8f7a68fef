/**
 * The questions of a run, and how the answers of several sites become one: a relay answers for its cohort exactly as one big site would.
 * Statistics, counts and sums add up without rounding, so the answer is the same over any tree.
 *
 *   statistics   what scaling needs: sums per column                        -> sums
 *   prepare      the fitted scaler; the site cuts its windows               -> how many examples there are, and their shapes
 *   histogram    scores of a model on training or validation examples       -> counts per bin
 *   threshold    candidates of a threshold                                  -> right and wrong answers at each
 *   evaluation   a model and its threshold, on test examples                -> counts and sums behind the figures
 *
 * No privacy is claimed: whoever adds the answers up sees them.
 */
import { z } from "zod";
import { fail, MillwrightError } from "../core/errors.js";
import { addStatistics, type OutputSpec } from "../data/pipeline.js";
import { packStatistic, unpackStatistic } from "../data/statistic-wire.js";
import { addHistograms, probabilityEdges, type ScoreHistogram } from "../evaluation/histogram.js";
import { addCandidateCounts, type CandidateCounts } from "../evaluation/threshold.js";
import { addTold, packScores, unpackScores } from "./topics-scores.js";

export const topics = ["statistics", "prepare", "histogram", "threshold", "evaluation"] as const;
export type Topic = (typeof topics)[number];

/** Which examples a threshold is chosen on. Never the test examples. */
export interface ChosenOn {
  readonly training: boolean;
  readonly validation: boolean;
}

/** What a site, or a cohort, says of its examples once they are cut. */
export interface Facts {
  /** Sites that it stands for. */
  readonly members: number;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  /** Training examples that say yes, where the task has a yes. */
  readonly positives?: number;
  /** Shapes of the model's inputs, and what it must put out: the same at every site. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: OutputSpec;
  /** Answer = output * scale + offset, for regressions. */
  readonly answers?: { readonly scale: number; readonly offset: number };
}

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const factsSchema = z.strictObject({
  members: z.int().min(1).max(10_000_000),
  train: count,
  validation: count,
  test: count,
  positives: count.optional(),
  inputs: z.record(z.string().max(256), z.array(z.int().min(1)).max(4)),
  outputs: z.strictObject({
    kind: z.enum(["binary", "classes", "number", "reconstruction"]),
    width: z.int().min(0).max(100_000),
    labels: z.array(z.string().max(1024)).max(100_000).optional(),
    unit: z.string().max(256).optional(),
  }),
  answers: z.strictObject({ scale: z.number(), offset: z.number() }).optional(),
});

/** Facts as another party told them. Errors: MESSAGE_INVALID. */
export function readFacts(body: unknown): Facts {
  return parsed(factsSchema, body, "prepare") as Facts;
}

/** Facts of several. Errors: MESSAGE_INVALID where they cut other inputs or answer another question. */
export function addFacts(a: Facts, b: Facts): Facts {
  for (const part of ["inputs", "outputs"] as const) {
    const [expected, got] = [JSON.stringify(a[part]), JSON.stringify(b[part])];
    if (expected !== got) fail("MESSAGE_INVALID", { where: `prepare.${part}`, expected: expected.slice(0, 200), got: got.slice(0, 200) });
  }
  const { positives: _p, ...rest } = a;
  const positives = a.positives === undefined || b.positives === undefined ? undefined : a.positives + b.positives;
  const answers = a.answers ?? b.answers;
  return {
    ...rest,
    members: a.members + b.members,
    train: a.train + b.train,
    validation: a.validation + b.validation,
    test: a.test + b.test,
    ...(positives === undefined ? {} : { positives }),
    ...(answers === undefined ? {} : { answers }),
  };
}

const counts = z.array(count).max(100_000);
const histogramSchema = z.strictObject({ positives: counts, negatives: counts });
const candidateSchema = z.strictObject({ tp: counts, fp: counts, fn: counts });

/** Histograms travel without their edges, which are the same for all. */
export const packHistogram = ({ positives, negatives }: ScoreHistogram): unknown => ({
  positives: Array.from(positives),
  negatives: Array.from(negatives),
});

/** Errors: MESSAGE_INVALID. */
export function readHistogram(body: unknown): ScoreHistogram {
  const { positives, negatives } = parsed(histogramSchema, body, "histogram");
  const edges = probabilityEdges();
  if (positives.length !== edges.length + 1 || negatives.length !== edges.length + 1)
    fail("MESSAGE_INVALID", {
      where: "histogram",
      expected: `${edges.length + 1} bins`,
      got: `${positives.length} and ${negatives.length}`,
    });
  return { edges, positives: Float64Array.from(positives), negatives: Float64Array.from(negatives) };
}

export const packCounts = ({ tp, fp, fn }: CandidateCounts): unknown => ({ tp: Array.from(tp), fp: Array.from(fp), fn: Array.from(fn) });

/** Errors: MESSAGE_INVALID. */
export function readCounts(body: unknown): CandidateCounts {
  const { tp, fp, fn } = parsed(candidateSchema, body, "threshold");
  if (tp.length !== fp.length || tp.length !== fn.length)
    fail("MESSAGE_INVALID", {
      where: "threshold",
      expected: "as many counts of each kind",
      got: `${tp.length}, ${fp.length}, ${fn.length}`,
    });
  return { tp: Float64Array.from(tp), fp: Float64Array.from(fp), fn: Float64Array.from(fn) };
}

/** How two answers become one. Errors: MESSAGE_INVALID, SHAPE_MISMATCH where they do not belong together. */
const adding: Readonly<Record<Topic, (a: unknown, b: unknown) => unknown>> = {
  statistics: (a, b) => packStatistic(addStatistics(unpackStatistic(a), unpackStatistic(b))),
  prepare: (a, b) => addFacts(readFacts(a), readFacts(b)),
  histogram: (a, b) => packHistogram(addHistograms(readHistogram(a), readHistogram(b))),
  threshold: (a, b) => packCounts(addCandidateCounts(readCounts(a), readCounts(b))),
  evaluation: (a, b) => combineEvaluations(a, b),
};

/** A task without figures that add up has none to tell. */
function combineEvaluations(a: unknown, b: unknown): unknown {
  if (a === null || b === null) return null;
  return packScores(addTold(unpackScores(a), unpackScores(b)));
}

/** One answer for all of them. Errors: MESSAGE_INVALID, naming who does not fit. */
export function combineAnswers(topic: string, answers: ReadonlyMap<string, unknown>): unknown {
  const add = adding[topicOf(topic)];
  const [first, ...others] = [...answers];
  if (first === undefined) fail("INTERNAL", { where: topic, expected: "at least one answer", got: "none" });
  // Alone, an answer is read too: a relay passes nothing on that it could not add.
  if (others.length === 0) return checkAnswer(topicOf(topic), first[1]);
  return others.reduce((sum, [, body]) => add(sum, body), first[1]);
}

/**
 * Why an answer cannot be used, or undefined where it can: it is not of the topic's form, or does not go together with an earlier one.
 * Questions that this version does not know are whoever asked's own business.
 */
export function answerFault(topic: string, body: unknown, earlier: unknown): string | undefined {
  const known = topics.find((one) => one === topic);
  if (known === undefined) return undefined;
  try {
    checkAnswer(known, body);
    if (earlier !== undefined) adding[known](earlier, body);
    return undefined;
  } catch (error) {
    if (error instanceof MillwrightError) return error.message;
    throw error;
  }
}

/** An answer as it would be after adding: checked, and with nothing in it that does not belong there. */
function checkAnswer(topic: Topic, body: unknown): unknown {
  switch (topic) {
    case "statistics":
      return packStatistic(unpackStatistic(body));
    case "prepare":
      return readFacts(body);
    case "histogram":
      return packHistogram(readHistogram(body));
    case "threshold":
      return packCounts(readCounts(body));
    case "evaluation":
      return body === null ? null : packScores(unpackScores(body));
  }
}

/** Errors: MESSAGE_INVALID. */
export function topicOf(topic: string): Topic {
  const known = topics.find((one) => one === topic);
  return known ?? fail("MESSAGE_INVALID", { where: "topic", expected: topics.join(", "), got: topic.slice(0, 80) });
}

export function parsed<T>(schema: z.ZodType<T>, body: unknown, where: string): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return fail("MESSAGE_INVALID", { where: `${where}.${issue.path.join(".")}`, expected: issue.message, got: "something else" });
}
