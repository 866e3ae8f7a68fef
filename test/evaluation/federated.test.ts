/** Scores of sites add up to the scores of all: in any grouping and order, bit for bit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binaryMetrics } from "../../src/evaluation/binary.js";
import { edgesUpTo, probabilityEdges } from "../../src/evaluation/histogram.js";
import { lifeMetrics, regressionMetrics } from "../../src/evaluation/regression.js";
import {
  addSiteScores,
  binarySiteScores,
  classSiteScores,
  lifeSiteScores,
  type SiteScores,
  siteFigures,
  valueSiteScores,
} from "../../src/evaluation/site-scores.js";

const example = fc.record({ score: fc.double({ min: 0, max: 1, noNaN: true }), label: fc.constantFrom(0, 1), site: fc.nat(4) });
const moderate = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const pair = fc.record({ predicted: moderate, truth: moderate, site: fc.nat(4) });

/** Adds parts in the order of a random tree. */
function addUp(parts: SiteScores[], picks: number[]): SiteScores {
  const left = [...parts];
  for (let i = 0; left.length > 1; i++) {
    const a = left.splice(picks[i % picks.length] % left.length, 1)[0];
    const b = left.splice(picks[(i + 1) % picks.length] % left.length, 1)[0];
    left.push(addSiteScores(a, b));
  }
  return left[0];
}

describe("sums of sites", () => {
  it("give the counts of all examples, and areas within the stated resolution of the exact ones", () => {
    fc.assert(
      fc.property(fc.array(example, { minLength: 1, maxLength: 60 }), fc.array(fc.nat(9), { minLength: 3 }), (examples, picks) => {
        const parts = [0, 1, 2, 3, 4].map((site) => examples.filter((e) => e.site === site));
        const sums = parts.map((p) => binarySiteScores(p.map((e) => e.score), p.map((e) => e.label), 0.5)); // biome-ignore format: one thought
        const { metrics, resolution } = siteFigures(addUp(sums, picks));
        const exact = binaryMetrics(examples.map((e) => e.score), examples.map((e) => e.label), 0.5); // biome-ignore format: one thought
        expect(Object.keys(metrics).sort()).toEqual(Object.keys(exact).sort());
        for (const name of ["f1", "precision", "recall", "accuracy"]) expect(metrics[name]).toBe(exact[name]);
        for (const [name, width] of Object.entries(resolution)) {
          expect(Math.abs(metrics[name] - exact[name]), name).toBeLessThanOrEqual(width + 1e-12);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("hold for scores that all share a bin", () => {
    const scores = [0.5, 0.5, 0.5001, 0.5002, 0.5002, 0.5003];
    for (let mask = 1; mask < 64; mask++) {
      const labels = scores.map((_, i) => (mask >> i) & 1);
      const { metrics, resolution } = siteFigures(binarySiteScores(scores, labels, 0.5));
      const exact = binaryMetrics(scores, labels, 0.5);
      for (const [name, width] of Object.entries(resolution))
        expect(Math.abs(metrics[name] - exact[name])).toBeLessThanOrEqual(width + 1e-12);
    }
  });

  it("resolve areas of many examples to a thousandth", () => {
    const scores = Float64Array.from({ length: 4000 }, (_, i) => ((i * 2654435761) % 4294967296) / 4294967296);
    const labels = Float64Array.from(scores, (s, i) => (s + ((i * 40503) % 65536) / 65536 > 1.4 ? 1 : 0));
    const { metrics, resolution } = siteFigures(binarySiteScores(scores, labels, 0.5));
    const exact = binaryMetrics(scores, labels, 0.5);
    expect(resolution.rocAuc).toBeLessThan(1e-3);
    expect(resolution.prAuc).toBeLessThan(2e-3);
    expect(Math.abs(metrics.rocAuc - exact.rocAuc)).toBeLessThanOrEqual(resolution.rocAuc);
    expect(Math.abs(metrics.prAuc - exact.prAuc)).toBeLessThanOrEqual(resolution.prAuc);
  });

  it("give the same regression figures to the bit however examples are spread", () => {
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 40 }), fc.array(fc.nat(9), { minLength: 3 }), (pairs, picks) => {
        const all = regressionMetrics(pairs.map((p) => p.predicted), pairs.map((p) => p.truth)); // biome-ignore format: one thought
        const parts = [0, 1, 2, 3, 4].map((site) => pairs.filter((p) => p.site === site));
        const sums = parts.map((p) => valueSiteScores(p.map((e) => e.predicted), p.map((e) => e.truth))); // biome-ignore format: one thought
        expect(siteFigures(addUp(sums, picks)).metrics).toEqual(all);
        // Through text, as they travel.
        expect(siteFigures(JSON.parse(JSON.stringify(addUp(sums, picks))) as SiteScores).metrics).toEqual(all);
      }),
      { numRuns: 150 },
    );
  });

  it("give the same figures for remaining useful life and for classes", () => {
    const predicted = [100, 20.5, 64, 3, 90];
    const life = [140, 22, 60, 1, 130];
    const parts = [lifeSiteScores(predicted.slice(0, 2), life.slice(0, 2), 125), lifeSiteScores(predicted.slice(2), life.slice(2), 125)];
    expect(siteFigures(addSiteScores(parts[1], parts[0])).metrics).toEqual(lifeMetrics(predicted, life, 125));
    const a = classSiteScores([0, 1, 2], [0, 2, 2], 3);
    expect(siteFigures(addSiteScores(a, a)).metrics).toEqual(siteFigures(a).metrics);
    expect(() => addSiteScores(a, parts[0])).toThrow(/SHAPE_MISMATCH.*classes scores.*life scores/);
    expect(() => addSiteScores(binarySiteScores([0.5], [1], 0.5), binarySiteScores([0.5], [1], 0.6))).toThrow(/threshold 0.6/);
  });
});

describe("bins", () => {
  it("ascend, and a score equal to an edge lies above it", () => {
    const edges = probabilityEdges();
    for (let i = 1; i < edges.length; i++) expect(edges[i]).toBeGreaterThan(edges[i - 1]);
    expect(edgesUpTo(edges, edges[100])).toBe(101);
    expect(edgesUpTo(edges, 0)).toBe(0);
    expect(edgesUpTo(edges, 1)).toBe(edges.length);
    expect(edges[2047]).toBe(0.5);
  });
});
