import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataset, Examples } from "../../src/data/dataset.js";
import { type FeatureSpec, type SplitSpec, splitSchema, type TaskSpec } from "../../src/data/pipeline.js";
import { hour, items, plant, run } from "./support.js";

const one = { use: "iid", count: 1 } as const;
const parts = ["train", "validation", "test"] as const;

/** Rows (as machine and clock) that the windows of a part read. */
function rowsRead(examples: Examples, window: number): Set<string> {
  const rows = new Set<string>();
  for (let i = 0; i < examples.count; i++) {
    for (let k = 0; k < window; k++) rows.add(`${examples.machines[i]}@${examples.times[i] - k * hour}`);
  }
  return rows;
}

describe("no window overlaps two parts of the split", () => {
  const share = fc.double({ min: 0.1, max: 0.4, noNaN: true });
  const timeSplit: fc.Arbitrary<SplitSpec> = fc.record({ by: fc.constant("time" as const), test: share, validation: share });
  const machineSplit: fc.Arbitrary<SplitSpec> = fc.record({ by: fc.constant("machine" as const), test: share, validation: share });
  const task = (window: number, horizon: number, stride: number): fc.Arbitrary<TaskSpec> =>
    fc.constantFrom<TaskSpec>(
      { kind: "failure", window, horizon, stride },
      { kind: "rul", window, stride, cap: horizon, evaluate: "all" },
      { kind: "value", window, stride, horizon, target: "b" },
      { kind: "class", window, stride, target: "regime" },
    );

  it("for any task, window, horizon and split by time or machine", () => {
    let judged = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 4 }),
        fc.oneof(timeSplit, machineSplit),
        fc.integer({ min: 0, max: 1000 }),
        (window, horizon, stride, split, seed) => {
          const dataset = plant(
            6,
            150,
            [
              [0, 60],
              [1, 120],
              [2, 140],
              [3, 30],
              [4, 149],
              [5, 149],
            ],
            seed,
          );
          const tasks = fc.sample(task(window, horizon, stride), { seed, numRuns: 1 });
          const { sites } = run(dataset, { task: tasks[0], split, sites: one, features: [] }, seed);
          const read = parts.map((part) => rowsRead(sites[0][part], window));
          for (const [a, b] of [
            [0, 1],
            [0, 2],
            [1, 2],
          ])
            for (const row of read[a]) if (read[b].has(row)) return false;
          if (read.every((rows) => rows.size > 0)) judged++;
          return true;
        },
      ),
      { numRuns: 60 },
    );
    expect(judged).toBeGreaterThan(20);
  });

  it("and no training label is made from test time", () => {
    const dataset = plant(4, 200, [
      [0, 100],
      [1, 150],
      [2, 190],
      [3, 199],
    ]);
    const cut = 160 * hour;
    for (const task of [
      { kind: "failure", window: 10, horizon: 15 },
      { kind: "value", window: 10, horizon: 15, target: "b" },
    ] satisfies TaskSpec[]) {
      const { train, test } = run(dataset, { task, split: { by: "time", test: cut }, sites: one }).sites[0];
      expect(Math.max(...train.times) + hour + 15 * hour).toBe(cut);
      expect(Math.min(...test.times)).toBeGreaterThan(cut - 15 * hour);
    }
    // The label of a life that ends after the cut is known only up to its cap.
    const { train } = run(dataset, { task: { kind: "rul", window: 10, cap: 20 }, split: { by: "time", test: cut }, sites: one }).sites[0];
    for (let i = 0; i < train.count; i++)
      expect(train.times[i] + Math.min(train.answers?.values[i] ?? 0, 20) * hour).toBeLessThanOrEqual(cut);
  });

  it("with purge: history nothing read is shared, lags and smoothing included; without purge windows may overlap", () => {
    const dataset = plant(1, 400);
    const features: FeatureSpec[] = [{ use: "lags", columns: ["a"], at: [1, 30] }];
    const task: TaskSpec = { kind: "value", window: 4, horizon: 1, target: "b" };
    const first = (purge: "window" | "history" | "none"): number =>
      Math.min(...run(dataset, { task, features, split: { by: "time", test: 300 * hour, purge }, sites: one }).sites[0].test.times) / hour;
    expect(first("none")).toBe(299);
    expect(first("window")).toBe(302);
    expect(first("history")).toBe(299 + 29);
  });
});

describe("splits", () => {
  it("by machine keep machines whole and follow the seed", () => {
    const split = { by: "machine", test: 0.25, validation: 0.2 } as const;
    const plan = { task: { kind: "failure", window: 5, horizon: 5 } as const, split, sites: one, features: [] };
    const machines = (seed: number) =>
      parts.map((part) => [...new Set(run(plant(12, 40), plan, seed).sites[0][part].machines)].sort((a, b) => a - b));
    const [train, validation, test] = machines(3);
    expect([train.length, validation.length, test.length]).toEqual([7, 2, 3]);
    expect(new Set([...train, ...validation, ...test]).size).toBe(12);
    expect(machines(3)).toEqual(machines(3));
    expect(machines(3)).not.toEqual(machines(4));
  });

  it("by rows are stratified", () => {
    const { train, validation, test } = run(
      { ...items(1000), target: "failed" },
      { task: { kind: "failure" }, split: { by: "rows", test: 0.2, validation: 0.15 }, sites: one },
    ).sites[0];
    expect(train.count + validation.count + test.count).toBe(1000);
    const rate = (part: Examples) => part.targets.reduce((a, b) => a + b, 0) / part.count;
    expect(rate(test)).toBeCloseTo(rate(train), 2);
    expect(rate(validation)).toBeCloseTo(rate(train), 2);
  });

  it("by column follow the data set, with validation from its training machines", () => {
    const dataset: Dataset = { ...plant(10, 30), split: "type" };
    const column = dataset.readings.columns.find((c) => c.name === "type");
    if (column?.kind !== "category") throw new Error("no type");
    const named = { ...column, labels: ["train", "test"] };
    const fixed = {
      ...dataset,
      readings: { ...dataset.readings, columns: dataset.readings.columns.map((c) => (c.name === "type" ? named : c)) },
    };
    const task: TaskSpec = { kind: "value", window: 5, horizon: 1, target: "b" };
    const { train, validation, test } = run(fixed, { task, split: { by: "column", validation: 0.2 }, sites: one }).sites[0];
    expect(new Set(train.machines).size).toBe(4);
    expect(new Set(validation.machines).size).toBe(1);
    expect(new Set(test.machines)).toEqual(new Set([1, 3, 5, 7, 9]));
  });

  it("are refused where they make no sense", () => {
    const windows = { task: { kind: "failure", window: 5, horizon: 5 } as const, sites: one };
    expect(() => run(plant(), { ...windows, split: { by: "rows", test: 0.2 } })).toThrow(/windows of one machine overlap/);
    expect(() => run(plant(), { ...windows, split: { by: "column" } })).toThrow(/split.column/);
    expect(() => run(plant(), { ...windows, split: { by: "time", test: "2031-01-01" } })).toThrow(/moments inside the data/);
    expect(() => run(plant(), { ...windows, split: { by: "time", test: "yesterday" } })).toThrow(/expected a date/);
    expect(() => run(items(), { task: { kind: "class" }, sites: one, split: { by: "time", test: 0.2 } })).toThrow(/no time column/);
    expect(splitSchema.safeParse({ by: "time", test: 0.2, shuffle: true }).success).toBe(false);
  });

  it("read dates as the data's own clock", () => {
    const { train, test } = run(plant(1, 100), {
      task: { kind: "value", window: 1, horizon: 1, target: "b" },
      split: { by: "time", test: "1970-01-03T12:00" },
      sites: one,
    }).sites[0];
    expect(Math.max(...train.times)).toBe(58 * hour);
    expect(Math.min(...test.times)).toBe(59 * hour);
  });
});
