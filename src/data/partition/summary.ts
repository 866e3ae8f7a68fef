/**
 * How a partition falls, in numbers: rows and answers per site, and three measures of skew. quantity: coefficient of
 * variation of the training examples; label: mean Jensen-Shannon distance (base 2, in [0, 1]) of the sites' answers to
 * the whole, values in tenths of the pooled ranks; feature: mean over sites and columns of |mean of the site - mean of
 * all| in sds, where scaling is federated.
 */
import { log2 } from "../../core/math.js";
import type { Dataset, Examples } from "../dataset.js";
import type { SiteExamples } from "../examples.js";
import { type DataPlan, resolvePlan } from "../plan.js";
import { fitScaler } from "../scaler.js";
import { addStatistics, type Statistic } from "../statistic.js";
import { outputsOf } from "../task.js";

/** What the summary needs of a site. Only a simulation holds this of all sites. */
export interface SiteFacts {
  readonly site: string;
  readonly examples: SiteExamples;
  readonly statistic: Statistic;
}

/** Same form as the partition of a result (src/lab/result.ts). */
export interface PartitionNumbers {
  readonly sites: readonly {
    readonly site: string;
    /** Machines with examples; 0 where no column tells machines apart. */
    readonly machines: number;
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly positives?: number;
    readonly classes?: readonly number[];
    readonly targetMean?: number;
    readonly targetSd?: number;
  }[];
  readonly classLabels?: readonly string[];
  readonly skew: Readonly<Record<string, number>>;
}

const bins = 10;

/**
 * How a partition falls: rows and answers per site, and skew as numbers (quantity, label, feature; see the head of this file).
 *
 * @example
 * ```ts
 * import { addStatistics, fitScaler, partitionSites, partitionSummary, siteExamples, siteStatistic } from "millwright/data";
 *
 * const parts = partitionSites(dataset, plan, 7);
 * const told = parts.map((part) => siteStatistic(part, plan));
 * const scaler = fitScaler(told.reduce(addStatistics));
 * const facts = parts.map((part, i) => ({ site: part.site, statistic: told[i], examples: siteExamples(part, scaler, plan) }));
 * partitionSummary(plan, dataset, facts).skew.quantity; // => 0
 * ```
 */
export function partitionSummary(plan: DataPlan, dataset: Dataset, sites: readonly SiteFacts[]): PartitionNumbers {
  const { task } = resolvePlan(plan, dataset);
  const output = outputsOf(plan.task, dataset);
  const cap = task.cap ?? Number.POSITIVE_INFINITY;
  const classes = output.kind === "classes" ? (output.labels as readonly string[]).length : output.kind === "number" ? bins : 2;
  const borders = output.kind === "number" ? decileBorders(sites.flatMap(({ examples }) => answersOf(examples.train, cap))) : [];
  const classOf = (answer: number): number => (output.kind === "number" ? borders.filter((border) => answer >= border).length : answer);
  const counts = sites.map(({ examples }) => {
    const row = new Array<number>(classes).fill(0);
    for (const answer of answersOf(examples.train, cap)) row[classOf(answer)]++;
    return row;
  });
  return {
    sites: sites.map(({ site, examples }, i) => ({
      site,
      machines: dataset.machine === undefined ? 0 : machinesOf(examples),
      train: examples.train.count,
      validation: examples.validation.count,
      test: examples.test.count,
      ...(output.kind === "binary" || output.kind === "reconstruction" ? { positives: counts[i][1] } : {}),
      ...(output.kind === "classes" ? { classes: counts[i] } : {}),
      ...(output.kind === "number" && examples.train.count > 0 ? moments(answersOf(examples.train, cap)) : {}),
    })),
    ...(output.kind === "classes" && output.labels !== undefined ? { classLabels: output.labels } : {}),
    skew: { quantity: variation(sites.map(({ examples }) => examples.train.count)), label: labelSkew(counts), ...featureSkew(sites) },
  };
}

function machinesOf({ train, validation, test }: SiteExamples): number {
  return new Set([...train.machines, ...validation.machines, ...test.machines]).size;
}

/** Answers in their own units, RUL capped; class numbers and flags as they are. */
function answersOf(examples: Examples, cap: number): number[] {
  return examples.answers === undefined
    ? Array.from(examples.targets)
    : Array.from(examples.answers.values, (value) => Math.min(value, cap));
}

function decileBorders(values: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? [] : Array.from({ length: bins - 1 }, (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / bins)]);
}

function moments(values: readonly number[]): { targetMean: number; targetSd: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const squares = values.reduce((sum, v) => sum + (v - mean) * (v - mean), 0);
  return { targetMean: mean, targetSd: Math.sqrt(squares / values.length) };
}

function variation(values: readonly number[]): number {
  const { targetMean, targetSd } = moments(values);
  return targetMean === 0 ? 0 : targetSd / targetMean;
}

function labelSkew(counts: readonly (readonly number[])[]): number {
  const whole = shares(counts.reduce((sum, row) => row.map((n, c) => n + sum[c]), new Array<number>(counts[0].length).fill(0)));
  const filled = counts.filter((row) => row.some((n) => n > 0));
  if (filled.length === 0) return 0;
  return filled.reduce((sum, row) => sum + jensenShannon(shares(row), whole), 0) / filled.length;
}

const shares = (counts: readonly number[]): number[] => {
  const total = counts.reduce((sum, n) => sum + n, 0);
  return counts.map((n) => (total === 0 ? 0 : n / total));
};

function jensenShannon(p: readonly number[], q: readonly number[]): number {
  let divergence = 0;
  p.forEach((a, i) => {
    const middle = (a + q[i]) / 2;
    if (a > 0) divergence += (a * log2(a / middle)) / 2;
    if (q[i] > 0) divergence += (q[i] * log2(q[i] / middle)) / 2;
  });
  return Math.sqrt(Math.max(0, Math.min(1, divergence)));
}

function featureSkew(sites: readonly SiteFacts[]): { feature?: number } {
  const total = fitScaler(sites.map((site) => site.statistic).reduce(addStatistics));
  let sum = 0;
  let count = 0;
  for (const { statistic } of sites) {
    const own = fitScaler(statistic);
    for (const [key, measured] of Object.entries(own.columns)) {
      const whole = total.columns[key];
      if (!key.startsWith("scale/") || whole.sd === 0) continue;
      sum += Math.abs(measured.mean - whole.mean) / whole.sd;
      count++;
    }
  }
  return count === 0 ? {} : { feature: sum / count };
}
