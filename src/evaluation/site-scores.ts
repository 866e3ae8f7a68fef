/**
 * What a site tells of its test: sums and counts that add up, in any order and over any tree of sites, to the figures of all
 * the examples together. No score and no label travels alone; a histogram bin with one example still tells about that example,
 * so this is not a privacy mechanism by itself.
 */
import { fail } from "../core/errors.js";
import { addClassCounts, type ClassCounts, classCounts, classFigures } from "./classes.js";
import { addConfusion, type Confusion, confusionAt, confusionFigures, type Figures } from "./counts.js";
import {
  addHistograms,
  histogramAveragePrecision,
  histogramRocAuc,
  probabilityEdges,
  type ScoreHistogram,
  scoreHistogram,
} from "./histogram.js";
import { addRegressionSums, type RegressionSums, regressionFigures, regressionSums } from "./regression.js";

export type SiteScores =
  | { readonly kind: "binary"; readonly threshold: number; readonly confusion: Confusion; readonly histogram: ScoreHistogram }
  | { readonly kind: "classes"; readonly counts: ClassCounts }
  | { readonly kind: "value"; readonly sums: RegressionSums }
  /** Remaining useful life: against the capped and the uncapped truth. */
  | { readonly kind: "life"; readonly capped: RegressionSums; readonly uncapped: RegressionSums };

/** Probabilities against labels 0/1. Errors: SHAPE_MISMATCH, NOT_FINITE, DATA_INVALID. */
export function binarySiteScores(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): SiteScores {
  return {
    kind: "binary",
    threshold,
    confusion: confusionAt(scores, labels, threshold),
    histogram: scoreHistogram(scores, labels, probabilityEdges()),
  };
}

export function classSiteScores(predicted: ArrayLike<number>, truth: ArrayLike<number>, classes: number): SiteScores {
  return { kind: "classes", counts: classCounts(predicted, truth, classes) };
}

export function valueSiteScores(predicted: ArrayLike<number>, truth: ArrayLike<number>): SiteScores {
  return { kind: "value", sums: regressionSums(predicted, truth) };
}

export function lifeSiteScores(predicted: ArrayLike<number>, life: ArrayLike<number>, cap: number): SiteScores {
  const capped = Float64Array.from(life, (cycles) => Math.min(cycles, cap));
  return {
    kind: "life",
    capped: regressionSums(predicted, capped, { nasa: true }),
    uncapped: regressionSums(predicted, life, { nasa: true }),
  };
}

/** The scores of both. Errors: SHAPE_MISMATCH where the sites judged different things. */
export function addSiteScores(a: SiteScores, b: SiteScores): SiteScores {
  if (a.kind === "binary" && b.kind === "binary" && a.threshold === b.threshold) {
    return { ...a, confusion: addConfusion(a.confusion, b.confusion), histogram: addHistograms(a.histogram, b.histogram) };
  }
  if (a.kind === "classes" && b.kind === "classes") return { kind: "classes", counts: addClassCounts(a.counts, b.counts) };
  if (a.kind === "value" && b.kind === "value") return { kind: "value", sums: addRegressionSums(a.sums, b.sums) };
  if (a.kind === "life" && b.kind === "life") {
    return { kind: "life", capped: addRegressionSums(a.capped, b.capped), uncapped: addRegressionSums(a.uncapped, b.uncapped) };
  }
  const describe = (s: SiteScores) => (s.kind === "binary" ? `binary scores at threshold ${s.threshold}` : `${s.kind} scores`);
  fail("SHAPE_MISMATCH", { where: "scores of two sites", expected: describe(a), got: describe(b) });
}

export interface FederatedFigures {
  readonly metrics: Figures;
  /** For the areas under the curves, which come from histograms: half the width of the interval that holds the exact value. */
  readonly resolution: Readonly<Record<string, number>>;
}

/** The figures of a sum of sites. Exact but for rocAuc and prAuc of binary scores, whose resolution is stated. */
export function siteFigures(scores: SiteScores): FederatedFigures {
  switch (scores.kind) {
    case "classes":
      return { metrics: classFigures(scores.counts), resolution: {} };
    case "value":
      return { metrics: regressionFigures(scores.sums), resolution: {} };
    case "life": {
      const metrics: Record<string, number> = { ...regressionFigures(scores.capped) };
      for (const [name, value] of Object.entries(regressionFigures(scores.uncapped))) {
        if (name !== "r2") metrics[`${name}Uncapped`] = value;
      }
      return { metrics, resolution: {} };
    }
    case "binary": {
      const { far: _far, mar: _mar, ...decided } = confusionFigures(scores.confusion);
      const metrics: Record<string, number> = { ...decided };
      const resolution: Record<string, number> = {};
      for (const [name, area] of [
        ["rocAuc", histogramRocAuc(scores.histogram)],
        ["prAuc", histogramAveragePrecision(scores.histogram)],
      ] as const) {
        if (area === undefined) continue;
        metrics[name] = area.value;
        resolution[name] = Math.max(area.high - area.value, area.value - area.low);
      }
      metrics.threshold = scores.threshold;
      return { metrics, resolution };
    }
  }
}
