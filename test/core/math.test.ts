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
