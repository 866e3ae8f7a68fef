import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aggregate, finishLinear } from "../../src/aggregation/aggregate.js";
import { checkCapacity, decodeFixed, defaultFixedPoint, encodeFixed } from "../../src/aggregation/fixed-point.js";
import { mean } from "../../src/aggregation/mean.js";
import type { Contribution } from "../../src/aggregation/rule.js";
import { sumTree, type Tree } from "../../src/aggregation/tree.js";
import { weight } from "../../src/core/quantities.js";
import { seeded } from "../../src/core/random.js";

function contribution(from: string, values: readonly number[], count: number): Contribution {
  return { from, round: 1, members: 1, weight: weight(count), update: encodeFixed(Float32Array.from(values), defaultFixedPoint) };
}

const cohorts = fc
  .record({ sites: fc.integer({ min: 1, max: 12 }), length: fc.integer({ min: 1, max: 40 }), seed: fc.nat() })
  .map(({ sites, length, seed }) => {
    const random = seeded("cohort", seed);
    return Array.from({ length: sites }, (_, i) =>
      contribution(
        `site-${i}`,
        Array.from({ length }, () => random.normal()),
        1 + random.integer(50_000),
      ),
    );
  });

describe("federated averaging", () => {
  const cases = JSON.parse(readFileSync(new URL("../vectors/federated/fedavg.json", import.meta.url), "utf8")).fedavg as {
    replies: { value: number | number[]; n: number }[];
    result: number | number[];
  }[];
  it.each(cases.map((one, i) => [i, one] as const))("agrees with other frameworks, case %i", (_, one) => {
    const contributions = one.replies.map((reply, i) => contribution(`s${i}`, [reply.value].flat(), reply.n));
    const result = aggregate(mean(), contributions, defaultFixedPoint);
    for (const [i, expected] of [one.result].flat().entries()) expect(result[i]).toBeCloseTo(expected, 6);
  });

  it("counts every site once when unweighted", () => {
    const result = aggregate(mean({ weighted: false }), [contribution("a", [1], 1), contribution("b", [3], 99)], defaultFixedPoint);
    expect(result[0]).toBe(2);
  });

  it("gives the same bytes in any order of arrival", () => {
    fc.assert(
      fc.property(cohorts, fc.nat(), (cohort, seed) => {
        const shuffled = seeded(seed).shuffle([...cohort]);
        expect(aggregate(mean(), shuffled, defaultFixedPoint)).toEqual(aggregate(mean(), cohort, defaultFixedPoint));
      }),
    );
  });

  it("gives the same bytes flat and over any tree", () => {
    fc.assert(
      fc.property(cohorts, fc.nat(), (cohort, seed) => {
        const rule = mean();
        const tree = randomTree(cohort, seeded("tree", seed));
        const viaTree = finishLinear(rule, sumTree(rule, tree), defaultFixedPoint);
        expect(viaTree).toEqual(aggregate(rule, cohort, defaultFixedPoint));
        expect(sumTree(rule, tree).members).toBe(cohort.length);
      }),
    );
  });
});

function randomTree(leaves: readonly Contribution[], random: ReturnType<typeof seeded>): Tree {
  let nodes: Tree[] = random.shuffle([...leaves]);
  while (nodes.length > 1) {
    const next: Tree[] = [];
    for (let i = 0; i < nodes.length; ) {
      const take = Math.min(nodes.length - i, 2 + random.integer(3));
      next.push({ children: nodes.slice(i, i + take) });
      i += take;
    }
    nodes = next;
  }
  return nodes[0];
}

describe("fixed point", () => {
  it("keeps every value within half a unit", () => {
    fc.assert(
      fc.property(fc.array(fc.float({ min: -32, max: 32, noNaN: true }), { minLength: 1 }), (values) => {
        const decoded = decodeFixed(encodeFixed(Float32Array.from(values), defaultFixedPoint), defaultFixedPoint);
        for (const [i, value] of values.entries())
          expect(Math.abs(decoded[i] - value)).toBeLessThanOrEqual(2 ** -25 + Math.abs(value) * 2 ** -24);
      }),
    );
  });

  it("refuses NaN and values out of range, and names the coordinate", () => {
    expect(() => encodeFixed(Float32Array.of(0, Number.NaN), defaultFixedPoint)).toThrow(/NOT_FINITE.*coordinate 1/);
    expect(() => encodeFixed(Float32Array.of(33), defaultFixedPoint)).toThrow(/UPDATE_OUT_OF_RANGE.*coordinate 0/);
  });

  it("refuses before round 1 what could overflow", () => {
    checkCapacity(defaultFixedPoint, 16_000_000);
    expect(() => checkCapacity(defaultFixedPoint, 2 ** 24)).toThrow(/SUM_OVERFLOW/);
    expect(() => checkCapacity({ fractionBits: 30, range: 2 }, 10)).toThrow(/PLAN_REFUSED/);
  });

  it("is exact at the edge of what the check allows", () => {
    const most = 16_777_215;
    const one = contribution("a", [32], most);
    expect(aggregate(mean(), [one], defaultFixedPoint)[0]).toBe(32);
  });
});
