import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../../src/core/random.js";
import type { Dataset } from "../../src/data/dataset.js";
import { drawShares } from "../../src/data/partition/deal.js";
import {
  type DataPlan,
  type PartitionSpec,
  partitionSchema,
  partitionSites,
  partitionSummary,
  poolExamples,
  siteStatistic,
} from "../../src/data/pipeline.js";
import { day, hour, items, plant, run, valuesOf } from "./support.js";

const failure = { kind: "failure", window: 6, horizon: 6 } as const;
const clocked = (sites: PartitionSpec): DataPlan => ({ task: failure, features: [], split: { by: "time", test: 0.3 }, sites });
const alone = (sites: PartitionSpec): DataPlan => ({ task: { kind: "class" }, split: { by: "rows", test: 0.2 }, sites });

const specs: PartitionSpec[] = [
  { use: "iid", count: 5 },
  { use: "iid", count: 5, stratify: true },
  { use: "dirichlet", count: 5, alpha: 0.5 },
  { use: "quantity", count: 5, alpha: 1 },
  { use: "shards", count: 5, perSite: 2 },
  { use: "sensors", count: 5, gain: 0.2, offset: 0.5, noise: 0.1 },
  { use: "by", column: "type" },
];

function summary(dataset: Dataset, plan: DataPlan, seed = 0) {
  const { parts, sites } = run(dataset, plan, seed);
  return partitionSummary(
    plan,
    dataset,
    parts.map((part, i) => ({ site: part.site, examples: sites[i], statistic: siteStatistic(part, plan) })),
  );
}

describe("every partitioner", () => {
  it.each(specs)("$use deals every row and every machine exactly once", (spec) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), (seed) => {
        for (const [dataset, plan] of [
          [items(150), alone(spec)],
          [plant(20, 30), clocked(spec)],
        ] as const) {
          const parts = partitionSites(dataset, plan, seed);
          const rows = parts.flatMap((part) => [...part.rows]).sort((a, b) => a - b);
          if (rows.length !== dataset.readings.rows || rows.some((row, i) => row !== i)) return false;
          if (dataset.machine === undefined) continue;
          const owner = new Map<number, number>();
          for (const [site, part] of parts.entries()) {
            for (const row of part.rows) {
              const machine = Math.floor(row / 30);
              if ((owner.get(machine) ?? site) !== site) return false;
              owner.set(machine, site);
            }
          }
        }
        return true;
      }),
      { numRuns: 10 },
    );
  });

  it.each(specs)("$use follows the seed and nothing else", (spec) => {
    const rows = (seed: number) => partitionSites(items(150), alone(spec), seed).map((part) => [part.site, part.rows, part.skew]);
    expect(rows(5)).toEqual(rows(5));
    if (spec.use !== "by") expect(rows(5)).not.toEqual(rows(6));
  });
});

describe("skew", () => {
  it("is near zero when dealt IID and stratified, and its numbers are known for extremes", () => {
    const even = summary(items(1000), alone({ use: "iid", count: 5, stratify: true })).skew;
    expect(even.quantity).toBeLessThan(0.01);
    expect(even.label).toBeLessThan(0.02);
    const { label, quantity } = summary(items(1000), alone({ use: "by", column: "quality" })).skew;
    expect(label).toBeGreaterThan(0.6);
    expect(quantity).toBeGreaterThan(0.3);
  });

  it("of labels grows as alpha falls; of quantity likewise; shards hold few classes", () => {
    const label = (alpha: number) => summary(items(1000), alone({ use: "dirichlet", count: 5, alpha })).skew.label;
    expect(label(0.1)).toBeGreaterThan(label(1));
    expect(label(1)).toBeGreaterThan(label(1000));
    const quantity = (alpha: number) => summary(items(1000), alone({ use: "quantity", count: 5, alpha })).skew.quantity;
    expect(quantity(0.3)).toBeGreaterThan(quantity(100));
    const { sites } = summary(items(1000), alone({ use: "shards", count: 6, perSite: 1 }));
    for (const site of sites) expect((site.classes ?? []).filter((n) => n > 0).length).toBeLessThanOrEqual(2);
  });

  it("of sensors changes what a site reads, not what it is asked", () => {
    const dataset = plant(10, 60, [
      [0, 30],
      [5, 30],
    ]);
    const plan = { ...clocked({ use: "sensors", count: 5, gain: 0.3, offset: 2, noise: 0.5 }), features: [{ use: "scale" } as const] };
    const plain = { ...plan, sites: { use: "iid", count: 5 } as const };
    const skewed = run(dataset, plan);
    const straight = run(dataset, plain);
    expect(skewed.sites.map((s) => s.train.count)).toEqual(straight.sites.map((s) => s.train.count));
    expect(skewed.sites.map((s) => [...s.train.targets])).toEqual(straight.sites.map((s) => [...s.train.targets]));
    expect(valuesOf(skewed.sites[0].train, "sequence", 0)).not.toEqual(valuesOf(straight.sites[0].train, "sequence", 0));
    expect(summary(dataset, plan).skew.feature).toBeGreaterThan(3 * (summary(dataset, plain).skew.feature ?? 0));
  });

  it("draws Dirichlet shares with the right mean and variance, also for tiny alpha", () => {
    for (const alpha of [0.05, 0.5, 3]) {
      const draws = drawShares(4000, 4, alpha, seeded("dirichlet", alpha)).map((share) => share[0]);
      const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
      const variance = draws.reduce((s, v) => s + (v - mean) ** 2, 0) / draws.length;
      expect(mean).toBeCloseTo(0.25, 1);
      // Var = (1/k)(1 - 1/k) / (k alpha + 1).
      expect(variance / (0.1875 / (4 * alpha + 1))).toBeGreaterThan(0.9);
      expect(variance / (0.1875 / (4 * alpha + 1))).toBeLessThan(1.1);
    }
  });
});

describe("by time", () => {
  it("blocks follow each other, days take turns, and each example belongs to one site", () => {
    const dataset = plant(2, 240);
    const pooled = run(dataset, clocked({ use: "iid", count: 1 })).sites[0];
    const blocks = run(dataset, clocked({ use: "time", count: 4 }));
    const times = blocks.sites.map((s) => [...s.train.times]);
    for (let i = 1; i < 4; i++) expect(Math.min(...times[i])).toBeGreaterThan(Math.max(...times[i - 1]));
    expect(blocks.sites.reduce((sum, s) => sum + s.train.count, 0)).toBe(pooled.train.count);
    expect(blocks.sites.reduce((sum, s) => sum + s.test.count, 0)).toBe(pooled.test.count);
    const days = run(dataset, clocked({ use: "time", count: 3, how: "days" }));
    days.sites.forEach((site, i) => {
      for (const t of site.train.times) expect(Math.floor(t / day) % 3).toBe(i);
    });
    expect(days.sites.reduce((sum, s) => sum + s.train.count, 0)).toBe(pooled.train.count);
  });

  it("a block holds its stretch and the history its windows read, no more", () => {
    const [first, second] = partitionSites(
      plant(1, 200),
      { ...clocked({ use: "time", count: 2 }), split: { by: "time", test: 100 * hour } },
      0,
    );
    expect(first.rows.length).toBeLessThan(200);
    expect(second.rows[0]).toBe(50 - 5);
  });
});

describe("pooled examples", () => {
  it("hold what the sites hold, in order", () => {
    const dataset = { ...plant(6, 100, [[1, 30]]), target: "b" };
    for (const task of [failure, { kind: "value", window: 3, horizon: 1, residual: true } as const]) {
      const { sites } = run(dataset, { ...clocked({ use: "iid", count: 3 }), task, features: [{ use: "statistics" }] });
      const pooled = poolExamples(sites.map((site) => site.train));
      let k = 0;
      for (const { train } of sites) {
        for (let i = 0; i < train.count; i++, k++) {
          for (const input of ["sequence", "statistics"]) expect(valuesOf(pooled, input, k)).toEqual(valuesOf(train, input, i));
          expect([pooled.targets[k], pooled.machines[k], pooled.times[k]]).toEqual([train.targets[i], train.machines[i], train.times[i]]);
          expect(pooled.answers?.bases?.[k]).toBe(train.answers?.bases?.[i]);
          expect([...pooled.unitIds.subarray(pooled.unitOffsets[k], pooled.unitOffsets[k + 1])]).toEqual([
            ...train.unitIds.subarray(train.unitOffsets[i], train.unitOffsets[i + 1]),
          ]);
        }
      }
      expect(pooled.count).toBe(k);
    }
  });
});

describe("refused", () => {
  it("more sites than machines, a column that is not there, one machine dealt singly", () => {
    expect(() => partitionSites(plant(3, 30), clocked({ use: "iid", count: 4 }), 0)).toThrow(/DATA_EMPTY.*use fewer sites/);
    expect(() => partitionSites(plant(3, 30), clocked({ use: "by", column: "colour" }), 0)).toThrow(/DATA_MISSING.*colour/);
    expect(() => partitionSites(plant(3, 30), clocked({ use: "by", column: "a" }), 0)).toThrow(/a category column/);
    const { machine: _, ...single } = plant(1, 60);
    expect(() =>
      partitionSites(
        { ...single, events: undefined } as never,
        { ...clocked({ use: "iid", count: 2 }), task: { kind: "value", window: 3, horizon: 1, target: "b" } },
        0,
      ),
    ).toThrow(/sites.use/);
    expect(() => partitionSites(items(20), alone({ use: "dirichlet", count: 10, alpha: 0.01, minimum: 5 }), 0)).toThrow(/raise alpha/);
    expect(partitionSchema.safeParse({ use: "iid", count: 0 }).success).toBe(false);
  });
});
