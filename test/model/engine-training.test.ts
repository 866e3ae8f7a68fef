/** Losses, optimisers, clipping, augmentation, refusals: what a local pass does beyond its layers. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { seeded } from "../../src/core/random.js";
import type { ExampleData, TrainOptions } from "../../src/model/engine.js";
import { createEngine } from "../../src/model/engine-wasm.js";
import type { LossSpec, ModelSpec, OptimizerSpec } from "../../src/model/spec.js";
import {
  asData,
  distance,
  engineGradient,
  referenceGradient,
  referenceLoss,
  someInputs,
  someTargets,
  someValues,
} from "../support/engine-data.js";
import { layerCases } from "../support/layer-vectors.js";
import { referenceForward } from "../support/reference-model.js";

const mlp = (inputs: number, outputs: number): ModelSpec => ({
  inputs: { x: [inputs] },
  nodes: [
    { use: "dense", name: "a", units: 6 },
    { use: "tanh", name: "t" },
    { use: "dense", name: "b", units: outputs },
  ],
});

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

function hash(values: Float32Array): string {
  return createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex");
}

describe("layers against PyTorch in training", () => {
  test.each(layerCases.map((c) => [c.name, c] as const))("%s", (_, c) => {
    const engine = createEngine(c.spec);
    const values = new Float32Array(engine.size);
    for (const { name, offset } of engine.tensors) values.set(c.parameters[name].values, offset);
    const inputs = { [Object.keys(c.spec.inputs)[0]]: Float32Array.from(c.x) };
    engine.load(values);
    expect(distance(engine.predict(asData(c.spec, inputs)), c.evaluated)).toBeLessThan(1e-5);
    const data = asData(c.spec, inputs, Float32Array.from(c.target), c.target.length / c.batch);
    const found = engineGradient(engine, values, data, { use: "mse" });
    for (const { name, offset, size, role } of engine.tensors) {
      if (role === "buffer") continue;
      // The difference of two f32 weights carries 1e-7 of rounding.
      for (let i = 0; i < size; i++) {
        const expected = c.gradients[name][i];
        expect(Math.abs(found[offset + i] - expected), `${name}[${i}]`).toBeLessThan(2e-6 + 1e-4 * Math.abs(expected));
      }
    }
  });
});

describe("losses", () => {
  const losses: [LossSpec, number][] = [
    [{ use: "bce" }, 1],
    [{ use: "bce", positiveWeight: 3.5 }, 3],
    [{ use: "mse" }, 3],
    [{ use: "mae" }, 2],
    [{ use: "huber" }, 2],
    [{ use: "huber", delta: 0.3 }, 2],
    [{ use: "cross-entropy" }, 4],
    [{ use: "cross-entropy", labelSmoothing: 0.2 }, 3],
    [{ use: "cross-entropy", classWeights: [0.5, 2, 1.5], labelSmoothing: 0.1 }, 3],
  ];
  test.each(losses)("%j, %i outputs: value and gradient", (loss, width) => {
    const spec = mlp(5, width);
    const engine = createEngine(spec);
    const values = someValues(spec, 1);
    const inputs = someInputs(spec, 13, 2);
    const targets = someTargets(loss, width, 13, 3);
    const data = asData(spec, inputs, targets, loss.use === "cross-entropy" ? 1 : width);
    const expected = referenceLoss(loss, referenceForward(spec, values, inputs, 13).output, targets, 13);
    engine.load(values);
    expect(Math.abs(engine.evaluate(data, loss) / expected - 1)).toBeLessThan(1e-6);
    const { losses: trained } = engine.train(data, { ...sgd, loss, learningRate: 0, batch: 13 });
    expect(Math.abs(trained[0] / expected - 1)).toBeLessThan(1e-6);
    const gradient = referenceGradient(spec, values, inputs, targets, loss, 13, "train");
    expect(distance(engineGradient(engine, values, data, loss), gradient)).toBeLessThan(2e-5);
  });

  test("stay finite and exact for extreme logits", () => {
    const spec: ModelSpec = { inputs: { x: [1] }, nodes: [{ use: "dense", name: "d", units: 1 }] };
    const engine = createEngine(spec);
    engine.load(Float32Array.of(1, 0));
    const at = (x: number, y: number) => engine.evaluate(asData(spec, { x: Float32Array.of(x) }, Float32Array.of(y)), { use: "bce" });
    expect(at(500, 0)).toBeCloseTo(500, 10);
    expect(at(-1e30, 1)).toBeGreaterThan(9e29);
    expect(at(30, 1) / Math.exp(-30)).toBeCloseTo(1, 10);
    expect(at(-2e4, 0)).toBe(0);
  });
});

/** One tensor's trajectory in f64 after PyTorch's documentation. */
function referenceSteps(optimizer: OptimizerSpec, start: Float64Array, gradientAt: (w: Float64Array) => Float64Array, steps: number) {
  const w = start.slice();
  const m = new Float64Array(w.length);
  const v = new Float64Array(w.length);
  const lr = optimizer.learningRate;
  const decay = optimizer.weightDecay ?? (optimizer.use === "adamw" ? 0.01 : 0);
  for (let t = 1; t <= steps; t++) {
    const g = gradientAt(w);
    for (let i = 0; i < w.length; i++) {
      if (optimizer.use === "sgd") {
        m[i] = (optimizer.momentum ?? 0) * m[i] + g[i] + decay * w[i];
        w[i] -= lr * m[i];
        continue;
      }
      const [b1, b2] = optimizer.betas ?? [0.9, 0.999];
      const d = optimizer.use === "adam" ? g[i] + decay * w[i] : g[i];
      if (optimizer.use === "adamw") w[i] *= 1 - lr * decay;
      m[i] = b1 * m[i] + (1 - b1) * d;
      v[i] = b2 * v[i] + (1 - b2) * d * d;
      w[i] -= ((lr / (1 - b1 ** t)) * m[i]) / (Math.sqrt(v[i] / (1 - b2 ** t)) + (optimizer.eps ?? 1e-8));
    }
  }
  return w;
}

describe("optimisers", () => {
  const spec: ModelSpec = { inputs: { x: [7] }, nodes: [{ use: "dense", name: "d", units: 1 }] };
  const inputs = someInputs(spec, 20, 1);
  const targets = someTargets({ use: "mse" }, 1, 20, 2);
  // Least squares: the gradient of the batch is exact.
  const gradientAt = (w: Float64Array) => {
    const g = new Float64Array(8);
    for (let e = 0; e < 20; e++) {
      let error = w[7] - targets[e];
      for (let i = 0; i < 7; i++) error += w[i] * inputs.x[e * 7 + i];
      for (let i = 0; i < 8; i++) g[i] += (2 * error * (i < 7 ? inputs.x[e * 7 + i] : 1)) / 20;
    }
    return g;
  };
  const optimizers: OptimizerSpec[] = [
    { use: "sgd", learningRate: 0.05 },
    { use: "sgd", learningRate: 0.05, momentum: 0.9, weightDecay: 0.02 },
    { use: "adam", learningRate: 0.05 },
    { use: "adam", learningRate: 0.05, betas: [0.8, 0.95], eps: 1e-4, weightDecay: 0.1 },
    { use: "adamw", learningRate: 0.05 },
    { use: "adamw", learningRate: 0.05, weightDecay: 0.3 },
  ];
  test.each(optimizers)("%j: 20 steps as PyTorch", (optimizer) => {
    const engine = createEngine(spec);
    const values = someValues(spec, 3);
    engine.load(values);
    const options = { ...sgd, optimizer, learningRate: optimizer.learningRate, batch: 20, epochs: 20 };
    expect(engine.train(asData(spec, inputs, targets), options).steps).toBe(20);
    expect(distance(engine.values(), referenceSteps(optimizer, Float64Array.from(values), gradientAt, 20))).toBeLessThan(2e-5);
  });

  test("clipping scales the gradient of a batch to its norm", () => {
    const engine = createEngine(spec);
    const values = someValues(spec, 3);
    engine.load(values);
    engine.train(asData(spec, inputs, targets), { ...sgd, learningRate: 1, batch: 20, clipNorm: 0.25 });
    const step = engine.values().map((w, i) => values[i] - w);
    expect(Math.hypot(...step)).toBeCloseTo(0.25, 5);
    const g = gradientAt(Float64Array.from(values));
    const norm = Math.hypot(...g);
    expect(
      distance(
        step,
        g.map((x) => (x * 0.25) / norm),
      ),
    ).toBeLessThan(1e-4);
  });
});

describe("data", () => {
  test("windows may overlap, and reconstruction needs no targets of its own", () => {
    const spec: ModelSpec = {
      inputs: { x: [5, 3] },
      nodes: [
        { use: "conv1d", name: "c", channels: 4, kernel: 3, padding: 1 },
        { use: "tanh", name: "t" },
        { use: "conv1d", name: "d", channels: 3, kernel: 3, padding: 1 },
      ],
    };
    const engine = createEngine(spec);
    engine.load(someValues(spec, 1));
    const random = seeded("rows");
    const rows = Float32Array.from({ length: 60 }, () => random.normal());
    const starts = Int32Array.from({ length: 15 }, (_, i) => i);
    const overlapping: ExampleData = { count: 15, inputs: { x: { rows, width: 3, starts, length: 5 } }, targets: "input" };
    const unrolled = Float32Array.from({ length: 15 * 15 }, (_, i) => rows[Math.floor(i / 15) * 3 + (i % 15)]);
    const loss: LossSpec = { use: "mse" };
    expect(engine.evaluate(overlapping, loss)).toBe(engine.evaluate(asData(spec, { x: unrolled }, unrolled, 15), loss));
    const first = engine.evaluate(overlapping, loss);
    engine.train(overlapping, { ...sgd, optimizer: { use: "adam", learningRate: 0.02 }, learningRate: 0.02, epochs: 60 });
    expect(engine.evaluate(overlapping, loss)).toBeLessThan(0.2 * first);
  });

  test("images are flipped about half of the time, along the declared axes only", () => {
    const spec: ModelSpec = {
      inputs: { x: [2, 3, 2] },
      nodes: [
        { use: "flatten", name: "f", order: "channels-last" },
        { use: "dense", name: "d", units: 1 },
      ],
    };
    const engine = createEngine(spec);
    const image = Float32Array.from({ length: 12 }, (_, i) => i + 1);
    const flipped = (h: boolean, v: boolean) =>
      [0, 1].flatMap((r) => [0, 1, 2].flatMap((c) => [0, 1].map((k) => image[((v ? 1 - r : r) * 3 + (h ? 2 - c : c)) * 2 + k])));
    const seen = new Map<string, number>();
    for (let i = 0; i < 64; i++) {
      engine.load(new Float32Array(13));
      const data = asData(spec, { x: image }, Float32Array.of(0.5));
      engine.train(data, { ...sgd, learningRate: 1, seed: `${i}`, flip: { horizontal: true } });
      const key = [...engine.values().subarray(0, 12)].join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual([flipped(false, false).join(), flipped(true, false).join()].sort());
    for (const n of seen.values()) expect(n).toBeGreaterThan(16);
    engine.load(new Float32Array(13));
    const vertical = asData(spec, { x: image }, Float32Array.of(0.5));
    const outcomes = new Set<string>();
    for (let i = 0; i < 32; i++) {
      engine.load(new Float32Array(13));
      engine.train(vertical, { ...sgd, learningRate: 1, seed: `${i}`, flip: { vertical: true } });
      outcomes.add([...engine.values().subarray(0, 12)].join());
    }
    expect([...outcomes].sort()).toEqual([flipped(false, false).join(), flipped(false, true).join()].sort());
  });
});

describe("the same bits", () => {
  const spec: ModelSpec = {
    inputs: { x: [12, 4] },
    nodes: [
      { use: "conv1d", name: "c", channels: 6, kernel: 3, padding: 1 },
      { use: "batch-norm", name: "n" },
      { use: "relu", name: "r" },
      { use: "gru", name: "g", units: 7, bidirectional: true },
      { use: "dropout", name: "p", rate: 0.2 },
      { use: "gelu", name: "e" },
      { use: "dense", name: "d", units: 1 },
    ],
  };
  const data = asData(spec, someInputs(spec, 50, 1), someTargets({ use: "bce" }, 1, 50, 2));
  const options: TrainOptions = {
    ...sgd,
    loss: { use: "bce" },
    optimizer: { use: "adam", learningRate: 0.01 },
    learningRate: 0.01,
    batch: 16,
    epochs: 5,
    seed: "bits",
  };
  const run = (engine = createEngine(spec)) => {
    engine.load(someValues(spec, 3));
    engine.train(data, options);
    return hash(engine.values());
  };

  test("from a fresh engine, and from one that did other things before", () => {
    const first = run();
    const used = createEngine(spec);
    used.load(someValues(spec, 9));
    used.train(data, { ...options, batch: 7, seed: "other" });
    used.predict(data);
    used.evaluate(data, { use: "bce" });
    expect(run(used)).toBe(first);
    expect(run(used)).toBe(first);
  });

  test("are those that were committed, on every version of Node and every processor", () => {
    expect(run()).toMatchInlineSnapshot(`"ec409527b3b2d8d5b46395dbeab47faee004d8973c6dbe485f49da1efc5b7a68"`);
  });

  test("but another seed gives others", () => {
    const engine = createEngine(spec);
    engine.load(someValues(spec, 3));
    engine.train(data, { ...options, seed: "bats" });
    expect(hash(engine.values())).not.toBe(run());
  });
});

describe("refusals", () => {
  const spec = mlp(4, 1);
  const engine = createEngine(spec);
  const values = someValues(spec, 1);
  engine.load(values);
  const inputs = someInputs(spec, 10, 1);
  const good = asData(spec, inputs, someTargets({ use: "mse" }, 1, 10, 1));
  const with_ = (change: Partial<ExampleData>) => code(() => engine.train({ ...good, ...change }, sgd));
  const x = good.inputs.x;

  test("values of the wrong length, or not finite", () => {
    expect(code(() => engine.load(new Float32Array(3)))).toBe("SHAPE_MISMATCH");
    expect(code(() => engine.load(values.map((v, i) => (i === 5 ? Number.NaN : v))))).toBe("NOT_FINITE");
  });

  test("data that does not fit the model", () => {
    expect(with_({ inputs: {} })).toBe("DATA_MISSING");
    expect(with_({ inputs: { x: { ...x, width: 2 } } })).toBe("SHAPE_MISMATCH");
    expect(with_({ inputs: { x: { ...x, starts: x.starts.subarray(1) } } })).toBe("DATA_INVALID");
    expect(with_({ inputs: { x: { ...x, starts: x.starts.map((s) => s + 1) } } })).toBe("DATA_INVALID");
    expect(with_({ inputs: { x: { ...x, starts: x.starts.map((s) => s - 1) } } })).toBe("DATA_INVALID");
    expect(with_({ count: 0 })).toBe("DATA_EMPTY");
    expect(with_({ targets: "input" })).toBe("SHAPE_MISMATCH");
    expect(with_({ targetWidth: 2 })).toBe("SHAPE_MISMATCH");
    expect(code(() => engine.train({ count: 10, inputs: good.inputs }, sgd))).toBe("DATA_MISSING");
  });

  test("NaN in a row that an example reads, named; not in a gap", () => {
    const rows = inputs.x.slice();
    rows[4 * 7 + 2] = Number.NaN;
    expect(() => engine.train({ ...good, inputs: { x: { ...x, rows } } }, sgd)).toThrow(/input "x", row 7, column 2/);
    const starts = x.starts.map((s) => (s === 7 ? 6 : s));
    expect(with_({ inputs: { x: { ...x, rows, starts } } })).toBe("none");
    engine.load(values);
    const targets = Float32Array.from(good.targets as Float32Array);
    targets[3] = Number.POSITIVE_INFINITY;
    expect(with_({ targets })).toBe("DATA_INVALID");
  });

  test("targets that the loss cannot mean", () => {
    const run = (loss: LossSpec, targets: number[], outputs = 1) => {
      const other = mlp(4, outputs);
      return code(() => createEngine(other).evaluate(asData(other, { x: inputs.x.slice(0, 8) }, Float32Array.from(targets)), loss));
    };
    expect(run({ use: "bce" }, [0, 2])).toBe("DATA_INVALID");
    expect(run({ use: "cross-entropy" }, [0, 3], 3)).toBe("DATA_INVALID");
    expect(run({ use: "cross-entropy" }, [0.5, 1], 3)).toBe("DATA_INVALID");
    expect(run({ use: "cross-entropy" }, [0, 0], 1)).toBe("MODEL_INVALID");
    expect(run({ use: "cross-entropy", classWeights: [1, 2] }, [0, 1], 3)).toBe("MODEL_INVALID");
  });

  test("a diverging loss, naming where", () => {
    const options = { ...sgd, learningRate: 1e6, epochs: 50 };
    engine.load(values);
    expect(() => engine.train(good, options)).toThrow(/TRAINING_DIVERGED: epoch \d+/);
    engine.load(values);
  });

  test("limits", () => {
    expect(code(() => engine.train(good, { ...sgd, batch: 0 }))).toBe("LIMIT_EXCEEDED");
    expect(code(() => engine.train(good, { ...sgd, batch: 1e6 }))).toBe("LIMIT_EXCEEDED");
    expect(code(() => engine.train(good, { ...sgd, epochs: 1.5 }))).toBe("LIMIT_EXCEEDED");
    expect(code(() => engine.train(good, { ...sgd, learningRate: Number.NaN }))).toBe("FILE_INVALID");
    expect(code(() => engine.train(good, { ...sgd, flip: { horizontal: true } }))).toBe("PLAN_REFUSED");
    const wide: ModelSpec = { inputs: { x: [1000] }, nodes: [{ use: "dense", name: "d", units: 1000 }] };
    expect(code(() => createEngine(wide, { memoryLimit: 4 * 1024 * 1024 }))).toBe("MODEL_TOO_LARGE");
  });
});
