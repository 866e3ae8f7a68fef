import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataset, Examples } from "../../src/data/dataset.js";
import {
  addStatistics,
  type DataPlan,
  type FeatureSpec,
  fitScaler,
  partitionSites,
  siteExamples,
  siteStatistic,
  type TaskSpec,
} from "../../src/data/pipeline.js";
import { day, hour, items, plant, run, valuesOf } from "./support.js";

const units = (examples: Examples, i: number): number[] => [
  ...examples.unitIds.subarray(examples.unitOffsets[i], examples.unitOffsets[i + 1]),
];

/** Everything an example says: inputs, target and true answer. */
function said(examples: Examples, i: number): string {
  const inputs = Object.keys(examples.inputs).map((input) => [...valuesOf(examples, input, i)].join());
  return `${inputs.join(";")}|${examples.targets[i]}|${examples.answers?.values[i]}|${examples.answers?.bases?.[i]}`;
}

/** The data set with the readings of one machine-day changed (its clock untouched). */
function disturbed(dataset: Dataset, machine: number, date: number): Dataset {
  const [names, clock] = dataset.readings.columns;
  if (names.kind !== "category" || clock.kind !== "time") throw new Error("no clock");
  const hit = (i: number): boolean => names.codes[i] === machine && Math.floor(clock.values[i] / day) === date;
  const columns = dataset.readings.columns.map((c) =>
    c.kind === "number" ? { ...c, values: c.values.map((v, i) => (hit(i) ? v * 2 + 11 : v)) } : c,
  );
  return { ...dataset, readings: { ...dataset.readings, columns } };
}

describe("machine-days", () => {
  const lists: FeatureSpec[][] = [
    [{ use: "scale" }],
    [{ use: "scale" }, { use: "ewma", alpha: 0.3 }, { use: "statistics" }],
    [{ use: "lags", columns: ["a"], at: [5, 40] }],
    [
      { use: "ewma", alpha: 0.5 },
      { use: "lags", columns: ["b"], at: [30] },
    ],
    [{ use: "scale", own: { rows: 30 } }],
    [{ use: "statistics", rows: 50, list: ["max"] }],
  ];
  const tasks: TaskSpec[] = [
    { kind: "failure", window: 10, horizon: 20 },
    { kind: "value", window: 6, horizon: 5, target: "b" },
    { kind: "value", window: 6, horizon: 3, target: "a", residual: true },
  ];

  it("an example changes only if a machine-day it lists changes", () => {
    let changed = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...lists),
        fc.constantFrom(...tasks),
        fc.constantFrom<DataPlan["gaps"]>(undefined, { rule: "hold", limit: "8h" }, { rule: "interpolate", limit: "8h" }),
        fc.integer({ min: 0, max: 2 }),
        fc.integer({ min: 0, max: 7 }),
        (features, task, gaps, machine, date) => {
          const dataset = withHoles(
            plant(3, 8 * 24, [
              [0, 70],
              [1, 100],
              [2, 150],
            ]),
          );
          const plan: DataPlan = {
            task,
            features,
            split: { by: "time", test: 0.3 },
            sites: { use: "iid", count: 1 },
            ...(gaps === undefined ? {} : { gaps }),
          };
          const [part] = partitionSites(dataset, plan, 0);
          const scaler = fitScaler([siteStatistic(part, plan)].reduce(addStatistics));
          const [otherPart] = partitionSites(disturbed(dataset, machine, date), plan, 0);
          const before = siteExamples(part, scaler, plan);
          const after = siteExamples(otherPart, scaler, plan);
          for (const split of ["train", "test"] as const) {
            expect(after[split].count).toBe(before[split].count);
            for (let i = 0; i < before[split].count; i++) {
              if (said(before[split], i) === said(after[split], i)) continue;
              changed++;
              if (before[split].machines[i] !== machine) return false;
              // The id of this machine-day is the id of the day of an example's own last row, moved by whole days.
              const own = units(before[split], i);
              const base = own[own.length - 1] - Math.floor(lastMoment(before[split], i, task) / day);
              if (!own.includes(base + date)) return false;
            }
          }
          return true;
        },
      ),
      { numRuns: 60 },
    );
    expect(changed).toBeGreaterThan(100);
  });

  it("cover window, history and the label's horizon", () => {
    const plan: DataPlan = {
      task: { kind: "failure", window: 24, horizon: 24, stride: 24 },
      features: [],
      split: { by: "time", test: 0.3 },
      sites: { use: "iid", count: 1 },
    };
    const { train } = run(plant(2, 240), plan).sites[0];
    // A window of one whole day and the day after it.
    expect(units(train, 0)).toHaveLength(2);
    const smooth = run(plant(2, 240), { ...plan, features: [{ use: "ewma", alpha: 0.2 }] }).sites[0].train;
    expect(units(smooth, 4)).toHaveLength(6);
    expect(new Set(units(smooth, 4)).size).toBe(6);
  });

  it("are the same ids at every site", () => {
    const plan: DataPlan = {
      task: { kind: "failure", window: 24, horizon: 24 },
      features: [],
      split: { by: "time", test: 0.3 },
      sites: { use: "iid", count: 3 },
    };
    const pooled = run(plant(6, 240), { ...plan, sites: { use: "iid", count: 1 } }).sites[0].train;
    const key = (part: Examples, i: number) => `${part.machines[i]}@${part.times[i]}`;
    const ids = new Map(Array.from({ length: pooled.count }, (_, i) => [key(pooled, i), units(pooled, i)]));
    for (const { train } of run(plant(6, 240), plan).sites)
      for (let i = 0; i < train.count; i++) expect(units(train, i)).toEqual(ids.get(key(train, i)));
  });
});

describe("without days", () => {
  it("the unit is the machine where time is a count, and the row where rows stand alone", () => {
    const { time: _, step: __, events: ___, ...rest } = plant(3, 40);
    const { train } = run(
      { ...rest, target: "regime" },
      { task: { kind: "class", window: 4 }, split: { by: "machine", test: 0.3 }, sites: { use: "iid", count: 1 } },
    ).sites[0];
    for (let i = 0; i < train.count; i++) expect(units(train, i)).toEqual([train.machines[i]]);
    const rows = run(items(50), { task: { kind: "class" }, sites: { use: "iid", count: 1 } }).sites[0];
    const all = [rows.train, rows.test].flatMap((part) => Array.from({ length: part.count }, (_, i) => units(part, i)));
    expect(all.every((ids) => ids.length === 1)).toBe(true);
    expect(new Set(all.flat()).size).toBe(50);
  });
});

/** Moment of the last clock tick an example's units cover. */
function lastMoment(examples: Examples, i: number, task: TaskSpec): number {
  const ahead = task.kind === "failure" || task.kind === "value" ? Number(task.horizon) : 0;
  return examples.times[i] + hour + ahead * hour - 1;
}

function withHoles(dataset: Dataset): Dataset {
  const keep = Array.from({ length: dataset.readings.rows }, (_, i) => i).filter((i) => i % 83 !== 7 && i % 83 !== 8);
  const columns = dataset.readings.columns.map((c) =>
    c.kind === "category"
      ? { ...c, codes: Int32Array.from(keep, (i) => c.codes[i]) }
      : c.kind === "tensor"
        ? c
        : { ...c, values: Float64Array.from(keep, (i) => c.values[i]) },
  );
  return { ...dataset, readings: { rows: keep.length, columns } };
}
