import { describe, expect, it } from "vitest";
import { seeded } from "../../src/core/random.js";
import { initialise } from "../../src/model/init.js";
import { learningRateAt } from "../../src/model/schedule.js";
import { inferModel } from "../../src/model/shape.js";
import type { ModelSpec } from "../../src/model/spec.js";
import { defaultLoss, trainingSchema } from "../../src/training/spec.js";

const spec: ModelSpec = {
  inputs: { x: [40, 30] },
  nodes: [
    { use: "conv1d", name: "conv", channels: 50, kernel: 3 },
    { use: "batch-norm", name: "norm" },
    { use: "conv-transpose1d", name: "up", channels: 20, kernel: 5 },
    { use: "gru", name: "gru", units: 25, bidirectional: true },
    { use: "dense", name: "dense", units: 40 },
  ],
};

describe("initial values", () => {
  const { tensors } = inferModel(spec);
  const values = initialise(spec, seeded(1));
  const tensor = (name: string) => {
    const { offset, size } = tensors.find((t) => t.name === name)!;
    return values.subarray(offset, offset + size);
  };
  // The bounds PyTorch 2 gives these modules: 1/sqrt(fan_in); its ConvTranspose1d counts the output channels.
  it.each([
    ["conv.weight", 1 / Math.sqrt(90)],
    ["conv.bias", 1 / Math.sqrt(90)],
    ["up.weight", 1 / Math.sqrt(100)],
    ["gru.weight_ih_l0", 1 / 5],
    ["gru.weight_hh_l0_reverse", 1 / 5],
    ["gru.bias_hh_l0", 1 / 5],
    ["dense.weight", 1 / Math.sqrt(50)],
    ["dense.bias", 1 / Math.sqrt(50)],
  ])("%s is uniform in its bounds", (name, bound) => {
    const part = [...tensor(name)];
    expect(Math.max(...part.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
    const n = part.length;
    const mean = part.reduce((a, b) => a + b, 0) / n;
    const variance = part.reduce((a, b) => a + b * b, 0) / n;
    // Five standard errors of the mean and of the second moment of a uniform variable.
    expect(Math.abs(mean)).toBeLessThan((5 * bound) / Math.sqrt(3 * n));
    expect(Math.abs(variance - (bound * bound) / 3)).toBeLessThan(5 * bound * bound * Math.sqrt(4 / 45 / n));
  });

  it("norms start as the identity", () => {
    expect([...tensor("norm.weight"), ...tensor("norm.running_var")].every((v) => v === 1)).toBe(true);
    expect([...tensor("norm.bias"), ...tensor("norm.running_mean")].every((v) => v === 0)).toBe(true);
  });

  it("depend on the seed alone, tensor by tensor", () => {
    expect(initialise(spec, seeded(1))).toEqual(values);
    expect(initialise(spec, seeded(2))).not.toEqual(values);
    const longer: ModelSpec = { ...spec, nodes: [...spec.nodes, { use: "dense", name: "more", units: 3 }] };
    expect(initialise(longer, seeded(1)).subarray(0, values.length)).toEqual(values);
  });
});

describe("schedules", () => {
  it("constant, step and cosine follow their formulas", () => {
    for (let r = 0; r < 30; r++) {
      expect(learningRateAt({ use: "constant" }, 0.1, r, 30)).toBe(0.1);
      expect(learningRateAt({ use: "step", every: 10, factor: 0.5 }, 0.1, r, 30)).toBeCloseTo(0.1 * 0.5 ** Math.floor(r / 10), 15);
      const cosine = 0.003 * (0.05 + 0.95 * 0.5 * (1 + Math.cos((Math.PI * r) / 30)));
      expect(learningRateAt({ use: "cosine", floor: 0.05 }, 0.003, r, 30)).toBeCloseTo(cosine, 15);
    }
    expect(() => learningRateAt({ use: "cosine" }, 1, 30, 30)).toThrow(/INTERNAL/);
  });
});

describe("the training part of a file", () => {
  const issues = (value: unknown) => trainingSchema.safeParse(value).error?.issues.map((i) => `${i.path.join(".")}: ${i.message}`) ?? [];

  it("fills in what is left out, and takes bare names", () => {
    expect(trainingSchema.parse({ optimizer: { use: "adam", learningRate: 0.003 }, schedule: "cosine", loss: "mae" })).toEqual({
      optimizer: { use: "adam", learningRate: 0.003 },
      epochs: 1,
      batch: 32,
      schedule: { use: "cosine" },
      loss: { use: "mae" },
    });
  });

  it("reports several faults at once, each with its place", () => {
    const found = issues({ optimizer: { use: "adm" }, loss: "hinge", batch: 0, clip: 1 });
    expect(found[0]).toMatch(/^optimizer.use: expected one of sgd, adam, adamw as optimizer, got "adm"$/);
    expect(found.some((f) => f.startsWith("loss.use: expected one of bce"))).toBe(true);
    expect(found.some((f) => f.startsWith("batch: "))).toBe(true);
    expect(found.some((f) => f.includes('"clip"'))).toBe(true);
    expect(issues({ optimizer: "adam" })[0]).toMatch(/^optimizer.learningRate/);
  });

  it("knows the loss of a task", () => {
    expect(["binary", "classes", "regression", "reconstruction"].map((task) => defaultLoss(task as "binary").use)).toEqual([
      "bce",
      "cross-entropy",
      "mse",
      "mse",
    ]);
  });
});
