/** The generator against another implementation, and against what uniform and normal numbers must look like. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normalCdf } from "../../src/core/math.js";
import { seeded } from "../../src/core/random.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/math/random.json", import.meta.url), "utf8")) as {
  cases: { labels: (string | number)[]; uint32: number[] }[];
};

describe("seeded", () => {
  it.each(vectors.cases)("known answers for $labels", ({ labels, uint32 }) => {
    const random = seeded(...labels);
    expect(uint32.map(() => random.uint32())).toEqual(uint32);
  });

  it("tells labels apart that read alike", () => {
    const first = (...labels: (string | number)[]) => seeded(...labels).uint32();
    const all = [
      first(1),
      first("1"),
      first("a", "b"),
      first("ab"),
      first("a/b"),
      first("a", 1),
      first("a1"),
      first("a/s1:b"),
      first(12),
      first(1, 2),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it("forks without advancing, and forks by name alone", () => {
    const random = seeded(7, "site");
    const untouched = seeded(7, "site").uint32();
    const fork = random.fork("x").uint32();
    expect(random.uint32()).toBe(untouched);
    expect(random.fork("x").uint32()).toBe(fork);
    expect(random.fork("y").uint32()).not.toBe(fork);
  });

  it("forks are uncorrelated with their parent and with each other", () => {
    const parent = seeded(3);
    const streams = [parent, parent.fork("a"), parent.fork("b"), seeded(4)];
    const values = streams.map((s) => Float64Array.from({ length: 20_000 }, () => s.float() - 0.5));
    for (let i = 0; i < streams.length; i++) {
      for (let j = 0; j < i; j++) {
        let sum = 0;
        for (let k = 0; k < 20_000; k++) sum += values[i][k] * values[j][k];
        // Standard error of the correlation is 1/sqrt(20,000) = 0.0071.
        expect(Math.abs((sum / 20_000) * 12)).toBeLessThan(0.03);
      }
    }
  });
});

describe("distributions", () => {
  it("uniform integers: chi-squared over 100 cells, and every value of a small range", () => {
    const random = seeded("uniform");
    const cells = new Float64Array(100);
    for (let i = 0; i < 100_000; i++) cells[random.integer(100)]++;
    const chi = cells.reduce((sum, n) => sum + ((n - 1000) * (n - 1000)) / 1000, 0);
    // 99 degrees of freedom: between the 0.01 % and 99.99 % points.
    expect(chi).toBeGreaterThan(52);
    expect(chi).toBeLessThan(161);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4294967296 }), fc.nat(), (below, seed) => {
        const drawn = seeded(seed).integer(below);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < below).toBe(true);
      }),
    );
  });

  it("normal numbers: moments and Kolmogorov-Smirnov distance", () => {
    const random = seeded("normal");
    const n = 50_000;
    const x = Float64Array.from({ length: n }, () => random.normal()).sort();
    const moment = (k: number) => x.reduce((sum, v) => sum + v ** k, 0) / n;
    expect(Math.abs(moment(1))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    const distance = x.reduce((worst, v, i) => Math.max(worst, Math.abs(normalCdf(v) - (i + 0.5) / n)), 0);
    expect(distance).toBeLessThan(2 / Math.sqrt(n));
  });

  it("shuffles keep every item, and every order of three comes up alike", () => {
    const random = seeded("shuffle");
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = [...random.permutation(3)].join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const n of counts.values()) expect(Math.abs(n - 1000)).toBeLessThan(150);
    fc.assert(
      fc.property(fc.array(fc.integer()), (items) => {
        expect([...seeded(1).shuffle([...items])].sort()).toEqual([...items].sort());
      }),
    );
  });
});
