/** The kernels on their own: the functions, the tiles against plain loops, the bytes against their committed hash. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { seeded } from "../../src/core/random.js";
import { kernelSha256, kernelSize, kernelsBase64 } from "../../src/kernels/binary.js";
import { instantiate, kernelVersion } from "../../src/kernels/instance.js";
import { eachInPanels, tiling } from "../../src/model/run/parameters.js";

const instance = instantiate();
const { kernels, start } = instance;
instance.reserve(start + 4 * 1024 * 1024, "test");
const f32 = () => instance.floats();
const put = (at: number, values: ArrayLike<number>) => f32().set(values, at >> 2);
const get = (at: number, count: number) => f32().slice(at >> 2, (at >> 2) + count);
const noise = (label: string, count: number) => {
  const random = seeded(label);
  return Float32Array.from({ length: count }, () => random.normal());
};

describe("the compiled bytes", () => {
  test("are those that were committed, and small", () => {
    const bytes = Buffer.from(kernelsBase64, "base64");
    const committed = readFileSync(new URL("../../kernels/kernels.sha256", import.meta.url), "utf8").trim();
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(committed);
    expect(kernelSha256).toBe(committed);
    expect(kernelVersion).toBe(committed);
    expect(bytes.length).toBe(kernelSize);
    expect(bytes.length).toBeLessThan(32 * 1024);
  });

  test("memory grows on demand up to its limit, and then says so", () => {
    const small = instantiate(1024 * 1024);
    small.reserve(900 * 1024, "x");
    expect(small.size()).toBeGreaterThanOrEqual(900 * 1024);
    expect(small.size()).toBeLessThanOrEqual(1024 * 1024);
    expect(() => small.reserve(1025 * 1024, "a thing")).toThrow(MillwrightError);
    expect(() => small.reserve(1025 * 1024, "a thing")).toThrow(/MODEL_TOO_LARGE: a thing/);
  });
});

describe("functions against double precision", () => {
  const points = Float32Array.from({ length: 4096 }, (_, i) => (i - 2048) / 170);
  const run = (kind: number, x: Float32Array) => {
    put(start, x);
    kernels.activate(kind, start, start + 65536, 1, x.length * 4, 0, 0);
    return get(start + 65536, x.length);
  };
  test("sigmoid, also in relative terms", () => {
    const found = run(1, points);
    for (let i = 0; i < points.length; i++) {
      const expected = 1 / (1 + Math.exp(-points[i]));
      expect(Math.abs(found[i] / expected - 1)).toBeLessThan(3e-7);
    }
  });
  test("tanh", () => {
    const found = run(2, points);
    for (let i = 0; i < points.length; i++) expect(Math.abs(found[i] - Math.tanh(points[i]))).toBeLessThan(4e-7);
  });
  test("gelu", () => {
    const found = run(3, points.slice(1024, 3072));
    // gelu(x) - gelu(-x) = x for any odd erf; the values are held against PyTorch's in the layer vectors.
    for (let i = 1; i < 1024; i++) {
      const x = points[2048 + i];
      expect(Math.abs(found[1024 + i] - found[1024 - i] - x)).toBeLessThan(1e-6 * x + 1e-7);
      expect(found[1024 + i]).toBeGreaterThan(x / 2);
      expect(found[1024 + i]).toBeLessThanOrEqual(x * (1 + 1e-6));
    }
  });
  test("nothing hides a NaN", () => {
    for (const kind of [0, 1, 2, 3]) {
      const x = new Float32Array(16);
      x[5] = Number.NaN;
      const y = run(kind, x);
      expect(Number.isNaN(y[5]), `kind ${kind}`).toBe(true);
      expect(y.filter((v) => Number.isNaN(v)).length).toBe(1);
    }
    put(
      start,
      Float32Array.from({ length: 32 }, (_, i) => (i === 8 ? Number.NaN : i)),
    );
    kernels.pool(1, start, start + 4096, 4, 1, 32, 1, 1, 32, 1, 4, 1, 4, 1);
    const pooled = get(start + 4096, 8);
    expect(Number.isNaN(pooled[0])).toBe(true);
    expect(pooled[1]).toBe(25);
  });
  test("extremes stay in range", () => {
    const x = Float32Array.of(-1e30, -200, 200, 1e30);
    expect([...run(1, x)].every((v) => v >= 0 && v <= 1)).toBe(true);
    expect(run(2, x)[3]).toBeCloseTo(1, 6);
    expect(run(0, x)).toEqual(Float32Array.of(0, 0, 200, Math.fround(1e30)));
  });
});

describe("tiles", () => {
  test("every width is cut into panels that cover each output once", () => {
    for (let n = 1; n < 200; n++) {
      const { fours, threes, rest } = tiling(n);
      expect(fours * 4 + threes * 3 + rest).toBe(n);
      const seen = new Set<number>();
      eachInPanels(3, n, (k, j) => seen.add(k * n + j));
      expect(seen.size).toBe(3 * n);
    }
  });

  /** Panels of a matrix w[k][n]. */
  const panelled = (w: Float32Array, depth: number, n: number) => {
    const list: number[] = [];
    eachInPanels(depth, n, (k, j) => list.push(w[k * n + j]));
    return list;
  };

  test("the microkernel is a matrix product, for any shape, start and window", () => {
    const [x, w, b, y] = [start, start + 1048576, start + 1572864, start + 2097152];
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 2 }),
        (n, k, segments, rows, cols, mode) => {
          const pitch = cols + k + 2;
          const depth = k * segments;
          const input = noise(`x${n}${k}${cols}`, (rows + segments) * pitch * 8);
          const weights = noise(`w${depth}`, depth * n);
          const bias = noise("b", n);
          const before = noise("y", rows * cols * n * 8);
          put(x, input);
          put(w, panelled(weights, depth, n));
          put(b, bias);
          put(y, before);
          const { fours, threes, rest } = tiling(n);
          const row = n * cols * 32;
          kernels.affine(x, w, b, y, segments, pitch * 32, k, fours, threes, rest, rows, pitch * 32, row, cols, 32, n * 32, mode);
          const found = get(y, before.length);
          for (let i = 0; i < before.length; i++) {
            const lane = i % 8;
            const j = Math.floor(i / 8) % n;
            const c = Math.floor(i / 8 / n) % cols;
            const r = Math.floor(i / 8 / n / cols);
            let expected = mode === 0 ? 0 : mode === 1 ? bias[j] : before[i];
            for (let s = 0; s < segments; s++) {
              for (let q = 0; q < k; q++) expected += weights[(s * k + q) * n + j] * input[((r + s) * pitch + c + q) * 8 + lane];
            }
            expect(Math.abs(found[i] - expected)).toBeLessThan(2e-5);
          }
        },
      ),
      { numRuns: 150, seed: 3 },
    );
  });

  test("the weight gradient is a sum of outer products per lane, together or apart", () => {
    const [x, z, g] = [start, start + 1048576, start + 2097152];
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 11 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (n, k, rows, cols, apart) => {
          const lanes = apart ? k * n * 16 : 0;
          const input = noise(`x${k}`, rows * cols * k * 8);
          const delta = noise(`z${n}`, rows * cols * n * 8);
          put(x, input);
          put(z, delta);
          kernels.fill(g, k * n * 32);
          const { fours, threes, rest } = tiling(n);
          const [kb, nb] = [k * 32, n * 32];
          kernels.weightGradient(x, z, g, lanes, 1, 0, k, 0, k, fours, threes, rest, 0, rows, cols * kb, cols * nb, cols, kb, nb);
          const found = get(g, k * n * 8);
          let at = 0;
          eachInPanels(k, n, (q, j) => {
            const sums = new Float64Array(8);
            for (let p = 0; p < rows * cols; p++) {
              for (let lane = 0; lane < 8; lane++) sums[lane] += input[(p * k + q) * 8 + lane] * delta[(p * n + j) * 8 + lane];
            }
            for (let lane = 0; lane < 4; lane++) {
              const expected = apart ? sums[lane] : sums[lane] + sums[lane + 4];
              expect(Math.abs(found[at * 4 + lane] - expected)).toBeLessThan(2e-5);
              if (apart) expect(Math.abs(found[(k * n + at) * 4 + lane] - sums[lane + 4])).toBeLessThan(2e-5);
            }
            at++;
          });
        },
      ),
      { numRuns: 150, seed: 4 },
    );
  });
});

describe("gathering", () => {
  test("is undone by scattering, for any number of values and with a border", () => {
    const [rows, starts, order, slots, out] = [start, start + 65536, start + 66560, start + 131072, start + 524288];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 13 }), fc.integer({ min: 0, max: 3 }), (count, run, extra) => {
        const values = noise(`${count}/${run}`, 40 * run);
        put(rows, values);
        const random = seeded("starts", count, run);
        const first = Int32Array.from({ length: 20 }, () => random.integer(40 - count + 1));
        const chosen = Int32Array.from({ length: 8 }, () => random.integer(20));
        instance.integers().set(first, starts >> 2);
        instance.integers().set(chosen, order >> 2);
        const pitch = (run + extra) * 32;
        kernels.gather(rows, starts, run, order, slots, count, run, pitch);
        kernels.scatter(slots, out, 8, count, run, pitch);
        const found = get(out, 8 * count * run);
        for (let e = 0; e < 8; e++) {
          const from = first[chosen[e]] * run;
          expect(found.slice(e * count * run, (e + 1) * count * run)).toEqual(values.slice(from, from + count * run));
        }
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  test("the first value that is not finite is found wherever it stands", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (let at = 0; at < 11; at++) {
        const values = Float32Array.from({ length: 11 }, (_, i) => (i % 2 ? -i : 3e38));
        put(start, values);
        expect(kernels.firstNotFinite(start, 11)).toBe(-1);
        values[at] = bad;
        put(start, values);
        expect(kernels.firstNotFinite(start, 11)).toBe(at);
      }
    }
  });
});
