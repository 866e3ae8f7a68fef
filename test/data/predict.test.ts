import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import { type DataPlan, type FeatureSpec, featurePipeline } from "../../src/data/pipeline.js";
import type { Table } from "../../src/data/table.js";
import { hour, items, labels, numbers, plant, run, table, valuesOf } from "./support.js";

const plans: Record<string, DataPlan> = {
  "scale per regime, ewma, statistics": {
    task: { kind: "failure", window: 8, horizon: 6, stride: 2 },
    features: [{ use: "scale", columns: ["a", "b"], per: "regime", clip: 6 }, { use: "ewma", alpha: 0.2 }, { use: "statistics" }],
    split: { by: "time", test: 0.3 },
    sites: { use: "iid", count: 2 },
  },
  "lags, calendar, counts, products, log1p, one-hot": {
    task: { kind: "value", window: 5, horizon: 2, target: "b" },
    features: [
      { use: "log1p", columns: ["a"] },
      { use: "one-hot" },
      { use: "scale", columns: ["a", "b"] },
      { use: "lags", columns: ["b"], at: [2, 3, 20] },
      { use: "statistics", list: ["mean", "std"], columns: ["a"], rows: 12 },
      { use: "counts", columns: ["errors"] },
      { use: "products", left: ["*:count"], right: ["*:lag*"] },
      { use: "calendar", cycles: [1, 2], weekday: true },
    ],
    split: { by: "time", test: 0.3 },
    sites: { use: "iid", count: 2 },
  },
  "resampled, held gaps, own scale, other units": {
    task: { kind: "failure", window: "6h", horizon: "6h", stride: "2h" },
    units: { a: "kPa" },
    resample: { every: "2h" },
    gaps: { rule: "hold", limit: "6h" },
    features: [
      { use: "scale", own: { rows: 20 } },
      { use: "ewma", alpha: 0.5 },
    ],
    split: { by: "time", test: 0.3 },
    sites: { use: "iid", count: 2 },
  },
};

/** The plant with a category input and a few readings missing. */
function holed(): Dataset {
  const dataset = plant(4, 160, [
    [0, 60],
    [2, 100],
  ]);
  const keep = Array.from({ length: dataset.readings.rows }, (_, i) => i).filter((i) => i % 37 !== 5 && i % 41 !== 6);
  const columns = dataset.readings.columns.map((c) =>
    c.kind === "category"
      ? { ...c, codes: Int32Array.from(keep, (i) => c.codes[i]) }
      : c.kind === "tensor"
        ? c
        : { ...c, values: Float64Array.from(keep, (i) => c.values[i]) },
  );
  return { ...dataset, inputs: ["a", "b", "errors", "type"], readings: { rows: keep.length, columns } };
}

/** Raw rows of one machine, as they would come from its file. */
function machineTable(dataset: Dataset, code: number): Table {
  const machine = dataset.readings.columns[0];
  if (machine.kind !== "category") throw new Error("no machine");
  const rows = [...machine.codes.keys()].filter((i) => machine.codes[i] === code);
  return {
    rows: rows.length,
    columns: dataset.readings.columns.map((c) =>
      c.kind === "category"
        ? { ...c, codes: Int32Array.from(rows, (i) => c.codes[i]) }
        : c.kind === "tensor"
          ? c
          : { ...c, values: Float64Array.from(rows, (i) => c.values[i]) },
    ),
  };
}

describe("features outside training", () => {
  it.each(Object.keys(plans))("%s: equal bit for bit to what was trained and tested on", (name) => {
    const plan = plans[name];
    const dataset = name.startsWith("lags") ? holed() : { ...holed(), inputs: ["a", "b", "errors"] };
    const { sites, scaler } = run(dataset, plan);
    const stored = JSON.parse(JSON.stringify(scaler));
    let compared = 0;
    for (const code of [0, 1, 2, 3]) {
      const got = featurePipeline(plan, stored).examples(machineTable(dataset, code));
      const index = new Map([...got.times].map((time, i) => [time, i]));
      for (const site of sites) {
        for (const part of [site.train, site.test]) {
          for (let i = 0; i < part.count; i++) {
            if (part.machines[i] !== code) continue;
            const j = index.get(part.times[i]) as number;
            expect(j).toBeDefined();
            for (const input of Object.keys(part.inputs)) {
              expect(Buffer.from(valuesOf(got as typeof part, input, j).buffer)).toEqual(Buffer.from(valuesOf(part, input, i).buffer));
            }
            compared++;
          }
        }
      }
    }
    expect(compared).toBeGreaterThan(50);
  });

  it("needs only its declared history", () => {
    const plan = plans["scale per regime, ewma, statistics"];
    const dataset = plant(2, 200, [[0, 60]]);
    const { scaler } = run(dataset, plan);
    const pipeline = featurePipeline(plan, scaler, { at: "last" });
    const whole = machineTable(dataset, 0);
    const tail: Table = {
      rows: pipeline.history,
      columns: whole.columns.map((c) =>
        c.kind === "category"
          ? { ...c, codes: c.codes.slice(-pipeline.history) }
          : c.kind === "tensor"
            ? c
            : { ...c, values: c.values.slice(-pipeline.history) },
      ),
    };
    const a = pipeline.examples(whole);
    const b = pipeline.examples(tail);
    expect([a.count, b.count]).toEqual([1, 1]);
    expect(b.times[0]).toBe(199 * hour);
    for (const input of Object.keys(a.inputs)) expect(valuesOf(b as never, input, 0)).toEqual(valuesOf(a as never, input, 0));
  });

  it("reads labels in another order, other units, and no machine column; refuses unknown labels", () => {
    const features: FeatureSpec[] = [{ use: "scale" }, { use: "one-hot" }];
    const plan: DataPlan = { task: { kind: "class" }, features, split: { by: "rows", test: 0.2 }, sites: { use: "iid", count: 1 } };
    const { scaler } = run(items(), plan);
    const rows = table([labels("type", ["H", "L"]), numbers("x", [0, 1]), numbers("y", [500, 500])]);
    const { inputs } = featurePipeline(plan, scaler).examples(rows);
    expect(inputs.statistics.names.slice(2)).toEqual(["type=L", "type=M", "type=H"]);
    expect([...inputs.statistics.rows.slice(2, 5)]).toEqual([0, 0, 1]);
    expect(() => featurePipeline(plan, scaler).examples(table([labels("type", ["X"]), numbers("x", [0]), numbers("y", [1])]))).toThrow(
      /a label seen in training \(L, M, H\)/,
    );
    expect(() => featurePipeline(plan, scaler).examples(table([labels("type", ["H"]), numbers("x", [0])]))).toThrow(/DATA_MISSING/);

    const dataset = plant(2, 100);
    const clocked: DataPlan = {
      task: { kind: "failure", window: 4, horizon: 4 },
      features: [{ use: "scale" }],
      split: { by: "time", test: 0.3 },
      sites: { use: "iid", count: 1 },
    };
    const fitted = run(dataset, clocked).scaler;
    const bar = machineTable(dataset, 0);
    const kilopascal: Table = {
      rows: bar.rows,
      columns: bar.columns
        .slice(1)
        .map((c) => (c.name === "a" && c.kind === "number" ? { ...c, unit: "kPa", values: c.values.map((v) => v * 100) } : c)),
    };
    const want = featurePipeline(clocked, fitted).examples(bar).inputs.sequence.rows;
    featurePipeline(clocked, fitted)
      .examples(kilopascal)
      .inputs.sequence.rows.forEach((v, i) => {
        expect(v).toBeCloseTo(want[i], 5);
      });
    expect(() => featurePipeline(clocked, fitted).examples({ ...bar, rows: 0, columns: machineTable(dataset, 9).columns })).toThrow(
      /DATA_EMPTY/,
    );
  });
});
