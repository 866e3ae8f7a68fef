/** Privacy units clipped in the kernels, and dropout: what a local pass does with the examples of a batch one by one. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import type { TrainOptions } from "../../src/model/engine.js";
import { createEngine } from "../../src/model/engine-wasm.js";
import type { LossSpec, ModelSpec } from "../../src/model/spec.js";
import { asData, distance, referenceGradient, someInputs, someTargets, someValues } from "../support/engine-data.js";
import { referenceForward } from "../support/reference-model.js";

const sgd: TrainOptions = {
  loss: { use: "mse" },
  optimizer: { use: "sgd", learningRate: 0.1 },
  learningRate: 0.1,
  batch: 8,
  epochs: 1,
  seed: "s",
};

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof MillwrightError) return error.code;
    throw error;
  }
  return "none";
}

describe("privacy units", () => {
  const spec: ModelSpec = {
    inputs: { x: [6, 3] },
    nodes: [
      { use: "conv1d", name: "c", channels: 5, kernel: 3, padding: 1 },
      { use: "group-norm", name: "g", groups: 1 },
      { use: "relu", name: "r" },
      { use: "lstm", name: "l", units: 4 },
      { use: "dense", name: "d", units: 1 },
    ],
  };
  const loss: LossSpec = { use: "bce", positiveWeight: 2 };
  const count = 29;
  const values = someValues(spec, 5);
  const inputs = someInputs(spec, count, 6);
  const targets = someTargets(loss, 1, count, 7);
  const data = asData(spec, inputs, targets);
  const engine = createEngine(spec);
  const alone = Array.from({ length: count }, (_, i) => {
    const one = { x: inputs.x.slice(i * 18, (i + 1) * 18) };
    return referenceGradient(spec, values, one, targets.slice(i, i + 1), loss, 1, "evaluate");
  });

  test("any grouping: each unit's examples are summed, measured and clipped as one", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -3, max: 4 }), { minLength: count, maxLength: count }),
        fc.option(fc.double({ min: 0.05, max: 5, noNaN: true })),
        (groups, clip) => {
          engine.load(values);
          const units = Int32Array.from(groups);
          const { norms, sum } = engine.unitGradients(data, { loss, units, ...(clip === null ? {} : { clip }) });
          const sums = new Map<number, Float64Array>();
          for (const [i, unit] of groups.entries()) {
            const g = sums.get(unit) ?? new Float64Array(engine.size);
            sums.set(
              unit,
              g.map((v, j) => v + alone[i][j]),
            );
          }
          const expected = new Float64Array(engine.size);
          const lengths = [...sums.values()].map((g) => {
            const norm = Math.hypot(...g);
            const factor = clip === null ? 1 : Math.min(1, clip / norm);
            for (let j = 0; j < g.length; j++) expected[j] += factor * g[j];
            return norm;
          });
          expect(norms.length).toBe(lengths.length);
          // In the order of each unit's first example.
          for (const [i, norm] of lengths.entries()) expect(Math.abs(norms[i] / norm - 1)).toBeLessThan(2e-5);
          expect(distance(sum, expected)).toBeLessThan(3e-5);
        },
      ),
      { numRuns: 25, seed: 1 },
    );
  });

  test("a clipped unit is not longer than the bound, but for rounding of its elements", () => {
    engine.load(values);
    const { sum, norms } = engine.unitGradients(data, { loss, units: new Int32Array(count), clip: 0.01 });
    expect(norms[0]).toBeGreaterThan(0.01);
    const length = Math.hypot(...sum);
    expect(length).toBeLessThanOrEqual(0.01 * (1 + 1e-6));
    expect(length).toBeGreaterThan(0.01 * (1 - 1e-6));
  });

  test("does not change the model", () => {
    engine.load(values);
    engine.unitGradients(data, { loss, units: new Int32Array(count), mode: "train" });
    expect(engine.values()).toEqual(values);
  });

  test("is refused for batch norm", () => {
    const normed = createEngine({ inputs: { x: [6, 3] }, nodes: [{ use: "batch-norm", name: "n" }, ...spec.nodes] });
    expect(code(() => normed.unitGradients(data, { loss, units: new Int32Array(count) }))).toBe("MODEL_INVALID");
  });
});

describe("dropout", () => {
  const spec: ModelSpec = {
    inputs: { x: [1000] },
    nodes: [
      { use: "dropout", name: "drop", rate: 0.3 },
      { use: "dense", name: "d", units: 1 },
    ],
  };
  const engine = createEngine(spec);
  const zero = new Float64Array(1001);
  const options: TrainOptions = { ...sgd, learningRate: 1, batch: 2 };
  /** With weights 0 and targets -1/2 the gradient of weight i is the kept and scaled input i. */
  const kept = (seed: string) => {
    engine.load(Float32Array.from(zero));
    const inputs = { x: new Float32Array(1000).fill(1) };
    engine.train(asData(spec, inputs, Float32Array.of(0.5)), { ...options, seed });
    return engine.values().subarray(0, 1000);
  };

  test("keeps the declared share, scaled up, and depends on the seed alone", () => {
    const a = kept("a");
    for (const v of a) expect([0, Math.fround(1 / 0.7)]).toContain(v);
    const share = a.filter((v) => v > 0).length / 1000;
    expect(Math.abs(share - 0.7)).toBeLessThan(0.05);
    expect(kept("a")).toEqual(a);
    const b = kept("b");
    // Independent seeds agree on 0.7^2 + 0.3^2 of the places.
    expect(Math.abs(a.filter((v, i) => v === b[i]).length / 1000 - 0.58)).toBeLessThan(0.06);
  });

  test("is off in evaluation", () => {
    const values = someValues(spec, 1);
    const inputs = someInputs(spec, 3, 2);
    engine.load(values);
    expect(distance(engine.predict(asData(spec, inputs)), referenceForward(spec, values, inputs, 3).output)).toBeLessThan(1e-5);
  });

  test("passes gradients where it passed values", () => {
    const deep: ModelSpec = {
      inputs: { x: [8] },
      nodes: [
        { use: "dense", name: "a", units: 64, bias: false },
        { use: "dropout", name: "drop", rate: 0.5 },
        { use: "dense", name: "b", units: 1, bias: false },
      ],
    };
    const deepEngine = createEngine(deep);
    const values = someValues(deep, 1);
    deepEngine.load(values);
    const inputs = someInputs(deep, 1, 2);
    deepEngine.train(asData(deep, inputs, Float32Array.of(3)), { ...options, learningRate: 1e-3 });
    const after = deepEngine.values();
    let dropped = 0;
    for (let u = 0; u < 64; u++) {
      const row = after.subarray(u * 8, u * 8 + 8);
      const moved = row.some((w, i) => w !== values[u * 8 + i]);
      expect(moved).toBe(after[512 + u] !== values[512 + u]);
      if (!moved) dropped++;
    }
    expect(dropped).toBeGreaterThan(16);
    expect(dropped).toBeLessThan(48);
  });
});
