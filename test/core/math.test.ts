/** Our functions against mpmath, in units in the last place, and their special values against JavaScript's. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as math from "../../src/core/math.js";

const vectors = JSON.parse(readFileSync(new URL("../vectors/math/functions.json", import.meta.url), "utf8")) as {
  source: string;
  functions: Record<string, number[][]>;
};

/** Doubles between two numbers: 0 where equal, 1 for neighbours. */
function distance(a: number, b: number): number {
  if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
  return Number(order(a) - order(b) < 0n ? order(b) - order(a) : order(a) - order(b));
}

function order(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigInt64(0);
  return bits < 0n ? -(bits & 0x7fffffffffffffffn) : bits;
}

type Unary = (x: number) => number;
const unary: Record<string, Unary> = {
  exp: math.exp,
  expm1: math.expm1,
  tanh: math.tanh,
  sigmoid: math.sigmoid,
  log: math.log,
  log1p: math.log1p,
  log2: math.log2,
  log10: math.log10,
  sin: math.sin,
  cos: math.cos,
  tan: math.tan,
  erf: math.erf,
  erfc: math.erfc,
  lgamma: math.lgamma,
  normalCdf: math.normalCdf,
  normalQuantile: math.normalQuantile,
};

/** Largest error allowed, in units in the last place. */
const allowed: Record<string, number> = { tanh: 2, sigmoid: 2, erfc: 3, tan: 1 };

describe("agreement with mpmath", () => {
  for (const [name, f] of Object.entries(unary)) {
    if (name === "lgamma" || name.startsWith("normal")) continue;
    it(name, () => {
      const worst = vectors.functions[name].map(([x, y]) => ({ x, y, got: f(x), ulp: distance(f(x), y) })).sort((a, b) => b.ulp - a.ulp)[0];
      expect(worst.ulp, `${name}(${worst.x}) = ${worst.y}, got ${worst.got}`).toBeLessThanOrEqual(allowed[name] ?? 1);
    });
  }

  it("pow", () => {
    const worst = vectors.functions.pow
      .map(([x, y, z]) => ({ x, y, z, ulp: distance(math.pow(x, y), z) }))
      .sort((a, b) => b.ulp - a.ulp)[0];
    expect(worst.ulp, `pow(${worst.x}, ${worst.y}) = ${worst.z}`).toBeLessThanOrEqual(1);
  });

  it("lgamma", () => {
    for (const [x, y] of vectors.functions.lgamma) {
      const got = math.lgamma(x);
      if (x > 0) expect(distance(got, y), `lgamma(${x}) = ${y}, got ${got}`).toBeLessThanOrEqual(6);
      // Reflection subtracts two logarithms: only the absolute error is small.
      else expect(Math.abs(got - y)).toBeLessThanOrEqual(1e-14 * (1 + Math.abs(x) * 4));
    }
  });

  it("normalCdf", () => {
    // x / sqrt(2) is rounded, which the steep tail multiplies by x^2.
    for (const [x, y] of vectors.functions.normalCdf) expect(Math.abs(math.normalCdf(x) - y) / y).toBeLessThan(2.3e-16 * (3 + x * x));
  });

  it("normalQuantile", () => {
    for (const [p, x] of vectors.functions.normalQuantile) {
      expect(Math.abs(math.normalQuantile(p) - x), `quantile ${p}`).toBeLessThanOrEqual(1.5e-15 * Math.max(Math.abs(x), 0.02));
    }
  });
});

describe("special values", () => {
  const odd = [
    0,
    -0,
    1,
    -1,
    0.5,
    -0.5,
    5e-324,
    -5e-324,
    1e-310,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    Infinity,
    -Infinity,
    Number.NaN,
  ];
  const builtin: Record<string, Unary> = {
    exp: Math.exp,
    expm1: Math.expm1,
    tanh: Math.tanh,
    log: Math.log,
    log1p: Math.log1p,
    log2: Math.log2,
    log10: Math.log10,
    sin: Math.sin,
    cos: Math.cos,
    tan: Math.tan,
  };

  it.each(Object.entries(builtin))("%s agrees with JavaScript's", (name, theirs) => {
    for (const x of odd) {
      const got = unary[name](x);
      const expected = theirs(x);
      expect(distance(got, expected), `${name}(${x}) = ${expected}, got ${got}`).toBeLessThanOrEqual(1);
      if (expected === 0) expect(Object.is(got, expected), `sign of ${name}(${x})`).toBe(true);
    }
  });

  it("pow agrees with JavaScript's for every pair", () => {
    const values = [...odd, 2, -2, 3, -3, 1.5, -1.5, 1e300, 4294967296, -4294967297, 9007199254740991, 1 - 1.1e-16, 1 + 2.3e-16];
    for (const x of values) {
      for (const y of values) {
        const got = math.pow(x, y);
        const expected = x ** y;
        expect(distance(got, expected), `pow(${x}, ${y}) = ${expected}, got ${got}`).toBeLessThanOrEqual(1);
        if (expected === 0) expect(Object.is(got, expected), `sign of pow(${x}, ${y})`).toBe(true);
      }
    }
  });

  it("erf, erfc, lgamma, normal, sigmoid", () => {
    expect([0, -0, Infinity, -Infinity, Number.NaN, 30, -30].map(math.erf)).toEqual([0, -0, 1, -1, Number.NaN, 1, -1]);
    expect([0, Infinity, -Infinity, Number.NaN, 28, -7].map(math.erfc)).toEqual([1, 0, 2, Number.NaN, 0, 2]);
    expect([1, 2, 0, -3, Infinity, -Infinity, Number.NaN].map(math.lgamma)).toEqual([
      0,
      0,
      Infinity,
      Infinity,
      Infinity,
      Infinity,
      Number.NaN,
    ]);
    expect([0, 1, 0.5, -0.1, 1.1, Number.NaN].map(math.normalQuantile)).toEqual([
      -Infinity,
      Infinity,
      0,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
    expect([-Infinity, 0, Infinity, Number.NaN].map(math.normalCdf)).toEqual([0, 0.5, 1, Number.NaN]);
    expect([-Infinity, 0, Infinity, -800, 800, Number.NaN].map(math.sigmoid)).toEqual([0, 0.5, 1, 0, 1, Number.NaN]);
  });
});

/** A counter-example is reported as it was found: two doubles that must stay close have no end of smaller ones to try. */
const asFound = { numRuns: 500, endOnFailure: true } as const;

describe("laws", () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

  it("exp and log undo one another", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -700, max: 700, noNaN: true }),
        (x) => Math.abs(math.log(math.exp(x)) - x) <= 1e-15 * Math.max(1, Math.abs(x)),
      ),
      asFound,
    );
  });

  it("whole powers are exact", () => {
    fc.assert(
      fc.property(fc.integer({ min: -40, max: 40 }), fc.integer({ min: 0, max: 9 }), (base, power) => {
        expect(math.pow(base, power)).toBe(Number(BigInt(base) ** BigInt(power)) + 0 * base);
      }),
      asFound,
    );
  });

  it("sine and cosine lie on the circle, for every size of angle", () => {
    fc.assert(
      fc.property(finite, (x) => Math.abs(math.sin(x) * math.sin(x) + math.cos(x) * math.cos(x) - 1) < 5e-16),
      asFound,
    );
  });

  it("odd functions are odd to the bit, and nothing leaves its range", () => {
    fc.assert(
      fc.property(finite, (x) => {
        for (const f of [math.tanh, math.sin, math.tan, math.erf]) expect(Object.is(f(-x), -f(x))).toBe(true);
        for (const f of [math.tanh, math.sin, math.cos, math.erf]) expect(Math.abs(f(x))).toBeLessThanOrEqual(1);
        for (const f of [math.sigmoid, math.normalCdf]) expect(f(x) >= 0 && f(x) <= 1).toBe(true);
      }),
      asFound,
    );
  });

  it("functions that rise do not fall by more than their error", () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        const low = Math.min(a, b);
        const high = Math.max(a, b);
        for (const f of [math.exp, math.tanh, math.sigmoid, math.erf, math.normalCdf]) {
          expect(f(low)).toBeLessThanOrEqual(f(high) + 1e-15 * Math.abs(f(high)));
        }
      }),
      asFound,
    );
  });
});
