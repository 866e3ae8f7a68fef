/** Metrics against scikit-learn: ties, one class missing, constant scores, classes never seen. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { evaluateBinary } from "../../src/evaluation/binary.js";
import { classCounts, classFigures, confusionRows, mostLikely } from "../../src/evaluation/classes.js";
import { lifeMetrics, regressionMetrics, residualPoints } from "../../src/evaluation/regression.js";

interface Vectors {
  source: string;
  binary: {
    name: string;
    scores: number[];
    labels: number[];
    threshold: number;
    metrics: Record<string, number>;
    confusion: Record<string, number>;
  }[];
  classes: {
    name: string;
    truth: number[];
    predicted: number[];
    classes: number;
    metrics: Record<string, number>;
    confusion: number[][];
  }[];
  regression: { name: string; truth: number[]; predicted: number[]; metrics: Record<string, number>; nasa: number }[];
}

const vectors = JSON.parse(readFileSync(new URL("../vectors/metrics/sklearn.json", import.meta.url), "utf8")) as Vectors;

function close(got: Readonly<Record<string, number>>, expected: Record<string, number>): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected))
    expect(Math.abs(got[name] - value), name).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(value)));
}

describe(`two classes, against ${vectors.source.split(" (")[0]}`, () => {
  it.each(vectors.binary)("$name", ({ scores, labels, threshold, metrics, confusion }) => {
    const got = evaluateBinary(scores, labels, threshold);
    close(got.metrics, { ...metrics, threshold });
    expect(got.confusion).toEqual(confusion);
    expect(evaluateBinary(scores.toReversed(), labels.toReversed(), threshold)).toEqual(got);
  });

  it("draws the whole precision-recall curve within 400 points", () => {
    const scores = Float64Array.from({ length: 5000 }, (_, i) => ((i * 7919) % 5000) / 5000);
    const labels = scores.map((s, i) => (s > 0.3 && i % 3 === 0 ? 1 : 0));
    const { curve } = evaluateBinary(scores, labels, 0.5);
    expect(curve.length).toBeLessThanOrEqual(400);
    expect(curve.length).toBeGreaterThan(300);
    expect(curve[0].threshold).toBe(Math.max(...scores));
    expect(curve[curve.length - 1].recall).toBe(1);
    for (let i = 1; i < curve.length; i++) expect(curve[i].recall).toBeGreaterThanOrEqual(curve[i - 1].recall);
  });

  it("refuses what no figure can be computed from", () => {
    expect(() => evaluateBinary([0.5, Number.NaN], [0, 1], 0.5)).toThrow(/NOT_FINITE.*score 1/);
    expect(() => evaluateBinary([0.5, 0.5], [0, 2], 0.5)).toThrow(/DATA_INVALID.*label 1/);
    expect(() => evaluateBinary([0.5], [0, 1], 0.5)).toThrow(/SHAPE_MISMATCH/);
    expect(() => evaluateBinary([0.5], [0], Number.NaN)).toThrow(/threshold/);
    expect(evaluateBinary([], [], 0.5).metrics).toEqual({ threshold: 0.5 });
  });
});

describe("several classes", () => {
  it.each(vectors.classes)("$name", ({ truth, predicted, classes, metrics, confusion }) => {
    const counts = classCounts(predicted, truth, classes);
    close(classFigures(counts), metrics);
    expect(confusionRows(counts)).toEqual(confusion);
  });

  it("takes the largest output, and the first of equal ones", () => {
    expect([...mostLikely([0, 1, 2, 5, 5, -1, -3, -2, -2], 3)]).toEqual([2, 0, 1]);
    expect(() => mostLikely([1, 2, 3], 2)).toThrow(/SHAPE_MISMATCH/);
    expect(() => mostLikely([1, Number.NaN], 2)).toThrow(/NOT_FINITE/);
    expect(() => classCounts([0], [3], 3)).toThrow(/class in 0..2/);
    expect(classFigures(classCounts([], [], 2))).toEqual({});
  });
});

describe("numbers", () => {
  it.each(vectors.regression)("$name", ({ truth, predicted, metrics, nasa }) => {
    close(regressionMetrics(predicted, truth), metrics);
    close(regressionMetrics(predicted, truth, { nasa: true }), nasa < 1e300 ? { ...metrics, nasaScore: nasa } : metrics);
  });

  it("judges remaining useful life against the capped and the uncapped truth", () => {
    const got = lifeMetrics([120, 30], [145, 20], 125);
    expect(got.rmse).toBeCloseTo(Math.sqrt((25 + 100) / 2), 12);
    expect(got.rmseUncapped).toBeCloseTo(Math.sqrt((625 + 100) / 2), 12);
    expect(got.maeUncapped).toBe(17.5);
    expect(got.nasaScoreUncapped).toBeCloseTo(Math.exp(25 / 13) - 1 + Math.E - 1, 12);
    expect(got.r2Uncapped).toBeUndefined();
  });

  it("leaves NASA's score out where it is too large for a double, and refuses NaN", () => {
    const got = regressionMetrics([1e6, 0], [0, 1], { nasa: true });
    expect(got.nasaScore).toBeUndefined();
    expect(got.rmse).toBeGreaterThan(7e5);
    expect(() => regressionMetrics([Number.NaN], [1])).toThrow(/NOT_FINITE.*prediction 0/);
    expect(() => regressionMetrics([1e101], [1])).toThrow(/LIMIT_EXCEEDED/);
    expect(regressionMetrics([], [])).toEqual({});
  });

  it("thins residuals evenly over the truth", () => {
    const truth = Float64Array.from({ length: 3000 }, (_, i) => (i * 7) % 3000);
    const points = residualPoints(truth, truth, 1000);
    expect(points.length).toBe(1000);
    expect(points[0].truth).toBe(0);
    expect(points[999].truth).toBe(2999);
  });
});
