/** Thresholds chosen from the sites' counts are those that one place with all the scores would have chosen. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { confusionAt, confusionFigures } from "../../src/evaluation/counts.js";
import {
  addCandidateCounts,
  agreeOnThreshold,
  chooseThreshold,
  countCandidates,
  thresholdCandidates,
} from "../../src/evaluation/threshold.js";
import { type ThresholdSpec, thresholdSchema } from "../../src/evaluation/threshold-spec.js";

const example = fc.record({ score: fc.double({ min: 0, max: 1, noNaN: true }), label: fc.constantFrom(0, 1), site: fc.nat(2) });

describe("counts per candidate", () => {
  it("are those of each threshold alone, and add up over sites", () => {
    fc.assert(
      fc.property(fc.array(example, { maxLength: 40 }), (examples) => {
        const candidates = Float64Array.of(0.1, 0.25, 0.5, 0.9);
        const sites = [0, 1, 2].map((s) => examples.filter((e) => e.site === s));
        const sum = sites
          .map((s) => countCandidates(s.map((e) => e.score), s.map((e) => e.label), candidates)) // biome-ignore format: one thought
          .reduce(addCandidateCounts);
        candidates.forEach((candidate, i) => {
          const c = confusionAt(examples.map((e) => e.score), examples.map((e) => e.label), candidate); // biome-ignore format: one thought
          expect([sum.tp[i], sum.fp[i], sum.fn[i]]).toEqual([c.tp, c.fp, c.fn]);
        });
      }),
    );
  });
});

describe("strategies", () => {
  const parse = (value: unknown): ThresholdSpec => thresholdSchema.parse(value);
  const scores = [0.02, 0.1, 0.2, 0.3, 0.35, 0.7, 0.75, 0.8, 0.9];
  const labels = [0, 0, 0, 0, 0, 1, 1, 0, 1];
  const sites = [
    { scores: scores.slice(0, 4), labels: labels.slice(0, 4) },
    { scores: scores.slice(4), labels: labels.slice(4) },
  ];

  it("max-f1 finds the best F1 there is, and the middle of the gap", () => {
    const chosen = agreeOnThreshold(parse("max-f1"), sites);
    expect(chosen.f1).toBeCloseTo(6 / 7, 12);
    // Between 0.35 and 0.7, half way in log-odds.
    expect(chosen.threshold).toBeGreaterThan(0.5);
    expect(chosen.threshold).toBeLessThan(0.56);
  });

  it("max-f1 is never worse than any grid", () => {
    fc.assert(
      fc.property(fc.array(example, { minLength: 1, maxLength: 40 }), (examples) => {
        const s = examples.map((e) => Math.fround(0.001 + 0.998 * e.score));
        const l = examples.map((e) => e.label);
        const best = agreeOnThreshold(parse("max-f1"), [{ scores: s, labels: l }]);
        const grid = agreeOnThreshold(parse("plateau"), [{ scores: s, labels: l }]);
        if (!l.includes(1)) return;
        // Bins are 0.0078 wide in log-odds: scores closer than that may fall together.
        const sorted = [...s].sort((a, b) => a - b);
        const resolved = sorted.every((x, i) => i === 0 || x === sorted[i - 1] || x - sorted[i - 1] > 0.003);
        if (resolved) expect(best.f1 as number).toBeGreaterThanOrEqual(grid.f1 as number);
        const c = confusionAt(s, l, best.threshold);
        expect(confusionFigures(c).f1).toBe(best.f1);
      }),
    );
  });

  it("plateau takes the middle of the widest run of the grid", () => {
    const chosen = agreeOnThreshold(parse({ use: "plateau" }), sites);
    // Best for 0.36 .. 0.70.
    expect(chosen.threshold).toBeCloseTo(0.53, 10);
    expect(thresholdCandidates(parse("plateau")).length).toBe(91);
    expect(thresholdCandidates(parse("plateau"))[90]).toBeCloseTo(0.95, 12);
  });

  it("quantiles follow the ranks of all sites together", () => {
    const many = Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 1000);
    const rare = many.map((s) => (s > 0.985 ? 1 : 0));
    const halves = [0, 1].map((half) => ({ scores: many.filter((_, i) => i % 2 === half), labels: rare.filter((_, i) => i % 2 === half) }));
    const chosen = agreeOnThreshold(parse("quantiles"), halves);
    expect(chosen.threshold).toBeGreaterThan(0.98);
    expect(chosen.threshold).toBeLessThan(0.99);
    expect(chosen.f1 as number).toBeGreaterThan(0.9);
  });

  it("fixed stays fixed, and without positives 0.5 is taken and said", () => {
    expect(agreeOnThreshold(parse(0.3), sites).threshold).toBe(0.3);
    for (const use of ["max-f1", "plateau", "quantiles"]) {
      const chosen = agreeOnThreshold(parse(use), [{ scores: [0.1, 0.9], labels: [0, 0] }]);
      expect(chosen).toEqual({ threshold: 0.5, reason: "no positive example to choose by: 0.5" });
    }
    expect(agreeOnThreshold(parse("quantiles"), []).threshold).toBe(0.5);
  });

  it("refuses counts of other candidates", () => {
    const counts = countCandidates([0.5], [1], Float64Array.of(0.5));
    expect(() => chooseThreshold(parse("plateau"), Float64Array.of(0.1, 0.2), counts)).toThrow(/SHAPE_MISMATCH/);
  });
});

describe("the file", () => {
  it("names what it does not know", () => {
    expect(() => thresholdSchema.parse("best")).toThrow(/max-f1, plateau, quantiles, fixed/);
    expect(() => thresholdSchema.parse({ use: "plateau", from: 0.9, to: 0.1 })).toThrow(/more than from/);
    expect(() => thresholdSchema.parse({ use: "quantiles", smooth: 4 })).toThrow(/odd/);
    expect(() => thresholdSchema.parse({ use: "max-f1", on: "test" })).toThrow();
    expect(thresholdSchema.parse("quantiles")).toEqual({ use: "quantiles", count: 300, from: 0.85, to: 0.9999, smooth: 5 });
  });
});
