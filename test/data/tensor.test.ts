import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import { type DataPlan, exampleShapes, type FeatureSpec } from "../../src/data/pipeline.js";
import { items, plant, run, valuesOf } from "./support.js";

/** 40 items with a 2 x 3 x 2 tensor: channel 0 around 100, channel 1 around 0. */
function tensors(): Dataset {
  const dataset = items(40);
  const values = Float32Array.from({ length: 40 * 12 }, (_, i) => (i % 2 === 0 ? 100 + (i % 7) : (i % 5) - 2));
  return {
    ...dataset,
    readings: { rows: 40, columns: [...dataset.readings.columns, { name: "picture", kind: "tensor", shape: [2, 3, 2], values }] },
    inputs: ["picture"],
  };
}

const plan = (features?: FeatureSpec[]): DataPlan => ({
  task: { kind: "class" },
  split: { by: "rows", test: 0.25 },
  sites: { use: "iid", count: 2 },
  ...(features === undefined ? {} : { features }),
});

const all = (features?: FeatureSpec[]): number[] => {
  const { sites } = run(tensors(), plan(features));
  return sites.flatMap(({ train }) => Array.from({ length: train.count }, (_, i) => [...valuesOf(train, "sequence", i)]).flat());
};
const moments = (values: readonly number[]): [number, number] => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return [mean, Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length)];
};

describe("tensor inputs", () => {
  it("keep their shape and are normalised by one federated mean and sd", () => {
    expect(exampleShapes(plan(), tensors())).toEqual({ sequence: [2, 3, 2] });
    const [mean, sd] = moments(all());
    expect(mean).toBeCloseTo(0, 5);
    expect(sd).toBeCloseTo(1, 5);
  });

  it("or channel by channel, or not at all", () => {
    const each = all([{ use: "image", per: "channel" }]);
    for (const c of [0, 1]) {
      const [mean, sd] = moments(each.filter((_, i) => i % 2 === c));
      expect(mean).toBeCloseTo(0, 5);
      expect(sd).toBeCloseTo(1, 5);
    }
    expect(Math.max(...all([]))).toBe(106);
  });

  it("stand beside the numbers of their row", () => {
    const both = { ...tensors(), inputs: ["x", "picture"] };
    expect(exampleShapes(plan(), both)).toEqual({ sequence: [2, 3, 2], statistics: [1] });
    const { train } = run(both, plan()).sites[0];
    expect(valuesOf(train, "statistics", 0)).toHaveLength(1);
  });

  it("are refused with windows, twice, with values that are not finite, or where there are none", () => {
    const windowed = { ...plant(2, 40), inputs: ["picture"] };
    const values = new Float32Array(80 * 4);
    const columns = [...windowed.readings.columns, { name: "picture", kind: "tensor" as const, shape: [2, 2, 1], values }];
    const dataset = { ...windowed, readings: { rows: 80, columns } };
    expect(() => run(dataset, { task: { kind: "class", window: 3, target: "type" }, sites: { use: "iid", count: 1 } })).toThrow(
      /no window/,
    );
    const broken = tensors();
    const picture = broken.readings.columns.find((c) => c.name === "picture");
    if (picture?.kind === "tensor") picture.values[3] = Number.NaN;
    expect(() => run(broken, plan())).toThrow(/NOT_FINITE/);
    expect(() => run(items(), plan([{ use: "image" }]))).toThrow(/a tensor input/);
  });
});

describe("limits", () => {
  it("refuse results that would not fit, with the number, before taking memory", () => {
    const big = plant(1, 40_000, [[0, 39_999]]);
    const lags: FeatureSpec = { use: "lags", columns: ["a", "b"], at: Array.from({ length: 2000 }, (_, i) => i) };
    const wide: DataPlan = {
      task: { kind: "class", window: 1, target: "regime" },
      features: [lags],
      split: { by: "time", test: 0.2 },
      sites: { use: "iid", count: 1 },
    };
    expect(() => run(big, wide)).toThrow(
      /LIMIT_EXCEEDED: statistics of site site-1: expected at most 134217728 values, got 38001 x 4000 = 152004000/,
    );
  });
});
