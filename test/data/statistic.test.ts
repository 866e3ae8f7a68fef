import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addStatistics,
  type FeatureSpec,
  fitScaler,
  partitionSites,
  type Statistic,
  siteStatistic,
  statisticText,
} from "../../src/data/pipeline.js";
import { MomentCollector } from "../../src/data/statistic.js";
import { items, plant, run } from "./support.js";

const finite = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
  fc.double({ noNaN: true, min: -1, max: 1 }),
  fc.integer(),
);

describe("sums of a statistic", () => {
  const total = (values: readonly number[]): bigint => {
    const collector = new MomentCollector();
    for (const value of values) collector.add("x", value);
    return collector.moments().x?.sum ?? 0n;
  };

  it("do not depend on order or grouping", () => {
    fc.assert(
      fc.property(fc.array(finite, { maxLength: 50 }), fc.integer({ min: 0, max: 50 }), (values, cut) => {
        const reversed = [...values].reverse();
        return total(values) === total(reversed) && total(values) === total(values.slice(0, cut)) + total(values.slice(cut));
      }),
    );
  });

  it("round each value to a multiple of 2^-64 once", () => {
    expect(total([1])).toBe(1n << 64n);
    expect(total([-0.5])).toBe(-(1n << 63n));
    expect(total([5e9])).toBe(5_000_000_000n << 64n);
    expect(total([2 ** -64])).toBe(1n);
    expect(total([-(2 ** -64)])).toBe(-1n);
    expect(total([-(2 ** -30)])).toBe(-(1n << 34n));
    expect(total([2 ** -66])).toBe(0n);
    expect(total([0.1, 0.2])).toBe(total([0.1]) + total([0.2]));
    // 0.1 as an f64 is 3602879701896397 / 2^55.
    expect(total([0.1])).toBe(3602879701896397n << 9n);
  });

  it("refuse what is not a number or too large", () => {
    expect(() => total([Number.POSITIVE_INFINITY])).toThrow(/NOT_FINITE/);
    expect(() => total([1e61])).toThrow(/LIMIT_EXCEEDED/);
    expect(() => total([-1e31])).toThrow(/LIMIT_EXCEEDED/);
  });
});

describe("federated scaling", () => {
  const features: FeatureSpec[] = [{ use: "scale", columns: ["a", "b"], per: "regime" }];
  const plan = {
    task: { kind: "failure", window: 6, horizon: 6 } as const,
    features,
    split: { by: "time", test: 0.3 } as const,
    sites: { use: "iid", count: 8 } as const,
  };
  const dataset = plant(16, 60);
  const statistics = partitionSites(dataset, plan, 1).map((part) => siteStatistic(part, plan));

  it("adds up to the same bytes in any order and any tree", () => {
    const want = statisticText(statistics.reduce(addStatistics));
    fc.assert(
      fc.property(fc.shuffledSubarray([...statistics.keys()], { minLength: 8 }), fc.infiniteStream(fc.nat()), (order, choices) => {
        const nodes: Statistic[] = order.map((i) => statistics[i]);
        while (nodes.length > 1) {
          const i = (choices.next().value as number) % (nodes.length - 1);
          nodes.splice(i, 2, addStatistics(nodes[i], nodes[i + 1]));
        }
        return statisticText(nodes[0]) === want;
      }),
      { numRuns: 50 },
    );
  });

  it("is the same for any partition of the same rows, and equal to the pooled mean and sd", () => {
    const one = { ...plan, sites: { use: "iid", count: 1 } as const };
    const pooled = run(dataset, one).scaler;
    expect(run(dataset, plan).scaler).toEqual(pooled);
    const { readings } = dataset;
    const regime = readings.columns.find((c) => c.name === "regime");
    const a = readings.columns.find((c) => c.name === "a");
    if (regime?.kind !== "category" || a?.kind !== "number") throw new Error("no columns");
    const rows = [...a.values].filter((_, i) => i % 60 < 42 && regime.labels[regime.codes[i]] === "slow");
    const mean = rows.reduce((s, v) => s + v, 0) / rows.length;
    const sd = Math.sqrt(rows.reduce((s, v) => s + (v - mean) ** 2, 0) / rows.length);
    expect(pooled.columns["scale/a/slow"]).toMatchObject({ count: rows.length, min: Math.min(...rows), max: Math.max(...rows) });
    expect(pooled.columns["scale/a/slow"].mean).toBeCloseTo(mean, 11);
    expect(pooled.columns["scale/a/slow"].sd).toBeCloseTo(sd, 11);
  });

  it("sees training rows only, and no rows leave in the statistic", () => {
    const columns = dataset.readings.columns.map((c) =>
      c.kind === "number" ? { ...c, values: c.values.map((v, i) => (i % 60 >= 42 ? 1e9 : v)) } : c,
    );
    const changed = { ...dataset, readings: { ...dataset.readings, columns } };
    expect(run(changed, plan).scaler).toEqual(run(dataset, plan).scaler);
    expect(statisticText(statistics[0]).length).toBeLessThan(2000);
  });

  it("is plain JSON and refuses sites with other columns", () => {
    const { scaler } = run(dataset, plan);
    expect(JSON.parse(JSON.stringify(scaler))).toEqual(scaler);
    const other = { ...statistics[1], schema: { ...statistics[1].schema, inputs: ["a"] } };
    expect(() => addStatistics(statistics[0], other)).toThrow(/MESSAGE_INVALID/);
  });

  it("refuses a regime that training never saw, and scales a constant column to 0", () => {
    const rows = items(60);
    const columns = rows.readings.columns.map((c) => (c.name === "y" && c.kind === "number" ? { ...c, values: c.values.map(() => 7) } : c));
    const flat = { ...rows, readings: { ...rows.readings, columns } };
    const { train } = run(flat, { task: { kind: "class" }, split: { by: "rows", test: 0.2 }, sites: { use: "iid", count: 1 } }).sites[0];
    for (let i = 0; i < train.count; i++) expect(train.inputs.statistics.rows[i * 5 + 1]).toBe(0);
    const { scaler, parts } = run(dataset, plan);
    expect(scaler.columns["scale/a/slow"].sd).toBeGreaterThan(0);
    expect(fitScaler(siteStatistic(parts[0], plan)).format).toBe("millwright-scaler/1");
  });
});
