/** The example counts of published and measured protocols, on the real data sets. */
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import { type DataPlan, dataPlanSchema, exampleShapes, type SiteExamples } from "../../src/data/pipeline.js";
import { type LoadContext, loadDataset } from "../../src/io/source/load.js";
import { dataFolder } from "../support/data.js";
import { run } from "./support.js";

const loaded = new Map<string, Promise<Dataset>>();
/** Each data set is read once. */
function load(spec: Parameters<typeof loadDataset>[0]): Promise<Dataset> {
  const key = JSON.stringify(spec);
  const context = {
    folder: ".",
    dataRoot: dataFolder() as string,
    loadFleet: () => Promise.reject(new Error("not asked for")),
  } as LoadContext;
  const found = loaded.get(key) ?? loadDataset(spec, context);
  loaded.set(key, found);
  return found;
}

const total = (sites: readonly SiteExamples[], part: keyof SiteExamples): number => sites.reduce((sum, site) => sum + site[part].count, 0);
const positives = (sites: readonly SiteExamples[], part: keyof SiteExamples): number =>
  sites.reduce((sum, site) => sum + site[part].targets.reduce((a, b) => a + b, 0), 0);
const plan = (value: unknown): DataPlan => dataPlanSchema.parse(value) as DataPlan;
const needs = (name: string): string => (dataFolder(name) === undefined ? ` (needs MILLWRIGHT_DATA: millwright data fetch ${name})` : "");

describe.skipIf(dataFolder("azure-pdm") === undefined)(`azure-pdm${needs("azure-pdm")}`, () => {
  const sensors = ["volt", "rotate", "pressure", "vibration"];
  const azure = plan({
    task: { kind: "failure", window: "24h", horizon: "24h", stride: "3h" },
    features: [
      { use: "scale", columns: sensors },
      { use: "statistics", columns: sensors, list: ["mean"] },
      { use: "counts", columns: ["error*"] },
      { use: "products", left: ["*:count"], right: ["*:mean"], cap: 1 },
    ],
    split: { by: "time", test: "2015-03-01" },
    sites: { use: "by", column: "model" },
  });

  it("9,100 windows with 192 positive train, 4,860 with 88 test, 29 statistics", async () => {
    const dataset = await load({ use: "azure-pdm" });
    expect(exampleShapes(azure, dataset)).toEqual({ sequence: [24, 9], statistics: [29] });
    const { sites } = run(dataset, azure);
    expect([sites.length, total(sites, "train"), positives(sites, "train")]).toEqual([4, 9100, 192]);
    expect([total(sites, "test"), positives(sites, "test")]).toEqual([4860, 88]);
  });

  it("14,100 windows with 280 positive in all", async () => {
    const dataset = await load({ use: "azure-pdm" });
    const { sites } = run(dataset, { ...azure, features: [], split: { by: "machine", test: 0.2 } });
    expect(total(sites, "train") + total(sites, "test")).toBe(14100);
    expect(positives(sites, "train") + positives(sites, "test")).toBe(280);
  });
});

describe.skipIf(dataFolder("cmapss") === undefined)(`cmapss${needs("cmapss")}`, () => {
  it("FD001: every row of 20,631 that ends a window of 30, one test window per engine", async () => {
    const dataset = await load({ use: "cmapss", set: "FD001" });
    const fd001 = plan({
      task: { kind: "rul", window: 30, cap: 125 },
      features: [{ use: "scale", clip: 6 }, { use: "ewma", alpha: 0.2 }, "statistics"],
      sites: { use: "iid", count: 10 },
    });
    expect(exampleShapes(fd001, dataset)).toEqual({ sequence: [30, 14], statistics: [56] });
    const { sites, scaler } = run(dataset, fd001);
    expect([total(sites, "train"), total(sites, "test")]).toEqual([20631 - 100 * 29, 100]);
    expect(scaler.columns["scale/sensor2"].count).toBe(20631);
    expect(sites.map((site) => new Set(site.train.machines).size)).toEqual(Array(10).fill(10));
    const lives = sites.flatMap((site) => [...(site.test.answers?.values ?? [])]);
    expect([Math.min(...lives), Math.max(...lives)]).toEqual([7, 145]);
  });

  it("FD001, all test windows of 50: 8,255", async () => {
    const dataset = await load({ use: "cmapss", set: "FD001" });
    const { sites } = run(
      dataset,
      plan({ task: { kind: "rul", window: 50, cap: 125, evaluate: "all" }, features: [], sites: { use: "iid", count: 10 } }),
    );
    expect(total(sites, "test")).toBe(8255);
  });

  it("FD002: six regimes, 259 test windows, short engines padded", async () => {
    const dataset = await load({ use: "cmapss", set: "FD002" });
    const fd002 = plan({
      task: { kind: "rul", window: 30, cap: 125, stride: 2 },
      features: [{ use: "scale", per: "regime", clip: 6 }],
      sites: { use: "iid", count: 10 },
    });
    const { sites, scaler } = run(dataset, fd002);
    expect(total(sites, "test")).toBe(259);
    const regimes = Object.entries(scaler.columns).filter(([key]) => key.startsWith("scale/sensor2/"));
    expect([regimes.length, regimes.reduce((sum, [, { count }]) => sum + count, 0)]).toEqual([6, 53759]);
  });
});

describe.skipIf(dataFolder("ai4i2020") === undefined)(`ai4i2020${needs("ai4i2020")}`, () => {
  it("stratified 80/20 with 15 % validation: 68 of 2,000 test rows fail", async () => {
    const dataset = await load({ use: "ai4i2020" });
    const ai4i = plan({
      task: { kind: "failure" },
      split: { by: "rows", test: 0.2, validation: 0.15 },
      sites: { use: "by", column: "Type" },
    });
    expect(exampleShapes(ai4i, dataset)).toEqual({ statistics: [8] });
    const { sites } = run(dataset, ai4i);
    expect([total(sites, "train"), total(sites, "validation"), total(sites, "test")]).toEqual([6800, 1200, 2000]);
    expect([sites.length, positives(sites, "test")]).toEqual([3, 68]);
  });
});

describe.skipIf(dataFolder("skab") === undefined)(`skab${needs("skab")}`, () => {
  it("341 training windows of 60 in each of 34 files, flags kept", async () => {
    const dataset = await load({ use: "skab" });
    const { sites } = run(
      dataset,
      plan({
        task: { kind: "anomaly", window: 60 },
        features: [{ use: "scale", own: { rows: 400 }, clip: 10 }],
        sites: { use: "by", column: "group" },
      }),
    );
    expect([sites.length, total(sites, "train")]).toEqual([3, 34 * 341]);
    expect(sites.every((site) => site.test.flags !== undefined)).toBe(true);
  });
});

describe.skipIf(dataFolder("steel-industry-energy") === undefined)(`steel-industry-energy${needs("steel-industry-energy")}`, () => {
  it("43 inputs known before the quarter of an hour they predict", async () => {
    const dataset = await load({ use: "steel-industry-energy" });
    const usage = "Usage_kWh";
    const energy = plan({
      task: { kind: "value", horizon: 1, residual: true },
      features: [
        "scale",
        { use: "lags", columns: [usage], at: [1, 2, 3, 4, 5, 6, 7, 8, 94, 95, 96, 97, 670, 671, 672, 673] },
        { use: "lags", columns: ["*Reactive*", "*Factor"], at: [1, 2] },
        { use: "statistics", columns: [usage], rows: 96, list: ["mean"] },
        { use: "calendar", cycles: [1, 2, 4], weekday: true, slots: 4 },
        { use: "select", columns: ["*:*"] },
      ],
      split: { by: "time", test: 0.2 },
      sites: { use: "time", count: 10 },
    });
    // The recipe lists usage at t-672 twice; once is enough.
    expect(exampleShapes(energy, dataset)).toEqual({ statistics: [42] });
    const { sites } = run(dataset, energy);
    expect(total(sites, "test")).toBe(7008);
    // Persistence predicts no difference: its error is known for this test split.
    const test = sites.flatMap(({ test: { answers } }) =>
      Array.from(answers?.values ?? [], (value, i) => value - (answers?.bases?.[i] ?? 0)),
    );
    expect(Math.sqrt(test.reduce((sum, d) => sum + d * d, 0) / test.length)).toBeCloseTo(12.32, 1);
  });
});

describe.skipIf(dataFolder("neu-surface-defects") === undefined)(`neu-surface-defects${needs("neu-surface-defects")}`, () => {
  it("ten sites of 144 images, one federated mean and sd", async () => {
    const dataset = await load({ use: "neu-surface-defects" });
    const neu = plan({ task: { kind: "class" }, split: { by: "rows", test: 0.2 }, sites: { use: "iid", count: 10, stratify: true } });
    expect(exampleShapes(neu, dataset)).toEqual({ sequence: [64, 64, 1] });
    const { sites, scaler } = run(dataset, neu);
    expect(sites.map((site) => site.train.count)).toEqual(Array(10).fill(144));
    expect(total(sites, "test")).toBe(360);
    expect(scaler.columns.image.count).toBe(1440 * 4096);
    const { rows } = sites[0].train.inputs.sequence;
    expect(Math.abs(rows.reduce((a, b) => a + b, 0) / rows.length)).toBeLessThan(0.2);
  });
});
