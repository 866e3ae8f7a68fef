/** Counts and sums that a site tells of a model's answers on its own examples. Scores and labels stay with the site. */
import { z } from "zod";
import { sigmoid } from "../core/math.js";
import type { Examples } from "../data/dataset.js";
import { type DataPlan, inUnits, type OutputSpec, resolvePlan, type SiteExamples, type SitePart } from "../data/pipeline.js";
import { mostLikely } from "../evaluation/classes.js";
import { addHistograms, probabilityEdges, scoreHistogram } from "../evaluation/histogram.js";
import { regressionSums } from "../evaluation/regression.js";
import { binarySiteScores, classSiteScores, lifeSiteScores, type SiteScores } from "../evaluation/site-scores.js";
import { addCandidateCounts, type CandidateCounts, countCandidates, thresholdCandidates } from "../evaluation/threshold.js";
import { defaultThreshold } from "../evaluation/threshold-spec.js";
import { detectionDefaults, type FederationFile } from "./file.js";
import { type Detection, detectionCounts } from "./site-work-detect.js";
import { type ChosenOn, packCounts, packHistogram, parsed } from "./topics.js";
import { packScores } from "./topics-scores.js";

/** A model applied to a site's examples. */
export interface Scorer {
  readonly site: string;
  readonly part: SitePart;
  readonly plan: DataPlan;
  readonly examples: SiteExamples;
  readonly outputs: OutputSpec;
  readonly predict: (some: Examples) => Promise<Float32Array>;
}

const on = z.strictObject({ training: z.boolean(), validation: z.boolean() });
const histogramQuestion = z.strictObject({ on });
const countsQuestion = z.strictObject({ on, candidates: z.array(z.number()).min(1).max(100_000).nullable() });
const evaluationQuestion = z.strictObject({ threshold: z.number().nullable() });

const probabilities = (outputs: Float32Array): Float64Array => Float64Array.from(outputs, sigmoid);

/** Scores per bin, positives and negatives apart. Errors: MESSAGE_INVALID, those of the engine. */
export async function histogramOf(scorer: Scorer, body: unknown): Promise<unknown> {
  const asked = parsed(histogramQuestion, body, "histogram");
  const edges = probabilityEdges();
  let sum = scoreHistogram([], [], edges);
  for (const { scores, labels } of await scored(scorer, asked.on)) sum = addHistograms(sum, scoreHistogram(scores, labels, edges));
  return packHistogram(sum);
}

/** Right and wrong at every candidate of a threshold. Errors: MESSAGE_INVALID, those of the engine. */
export async function countsOf(scorer: Scorer, file: FederationFile, body: unknown): Promise<unknown> {
  const asked = parsed(countsQuestion, body, "threshold");
  const candidates =
    asked.candidates === null ? thresholdCandidates(file.threshold ?? defaultThreshold) : Float64Array.from(asked.candidates);
  let sum: CandidateCounts = countCandidates([], [], candidates);
  for (const { scores, labels } of await scored(scorer, asked.on))
    sum = addCandidateCounts(sum, countCandidates(scores, labels, candidates));
  return packCounts(sum);
}

async function scored({ examples, predict }: Scorer, { training, validation }: ChosenOn) {
  const chosen = [...(training ? [examples.train] : []), ...(validation ? [examples.validation] : [])];
  return Promise.all(chosen.map(async (some) => ({ scores: probabilities(await predict(some)), labels: some.targets })));
}

/** What is behind the figures on the test examples; null where a task has none that add up. Errors: MESSAGE_INVALID, those of the engine. */
export async function scoresOf(scorer: Scorer, file: FederationFile, body: unknown): Promise<unknown> {
  const { threshold } = parsed(evaluationQuestion, body, "evaluation");
  const { outputs, examples } = scorer;
  if (outputs.kind === "reconstruction") return detected(scorer, file.detection ?? detectionDefaults);
  const produced = await scorer.predict(examples.test);
  return packScores(siteScores(scorer, produced, threshold ?? 0.5));
}

/** Flagged samples against their labels. A plant without labels has nothing to tell. */
async function detected({ examples, plan, part, predict }: Scorer, detection: Detection): Promise<unknown> {
  const { train, test } = examples;
  if (test.flags === undefined) return null;
  const { task } = resolvePlan(plan, part.dataset);
  const normal = { examples: train, outputs: await predict(train) };
  const confusion = detectionCounts({ normal, test: { examples: test, outputs: await predict(test) } }, detection, task.window);
  return confusion === undefined ? null : packScores({ kind: "detection", confusion });
}

function siteScores({ outputs, examples: { test }, plan, part }: Scorer, produced: Float32Array, threshold: number): SiteScores {
  if (outputs.kind === "binary") return binarySiteScores(probabilities(produced), test.targets, threshold);
  if (outputs.kind === "classes") return classSiteScores(mostLikely(produced, outputs.width), test.targets, outputs.width);
  const { task } = resolvePlan(plan, part.dataset);
  const predicted = inUnits(test, produced);
  const truth = test.answers?.values ?? new Float64Array(0);
  if (task.spec.kind !== "rul") return { kind: "value", sums: regressionSums(predicted, truth) };
  const cap = test.answers?.scale ?? 0;
  const within = predicted.map((value) => Math.min(Math.max(value, 0), cap));
  if (task.cap !== undefined) return lifeSiteScores(within, truth, task.cap);
  return { kind: "value", sums: regressionSums(within, truth, { nasa: true }) };
}
