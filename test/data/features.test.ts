import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import { ewmaMemory } from "../../src/data/features/ewma.js";
import { exampleInputs, exampleShapes, type FeatureSpec, features, featuresSchema, type TaskSpec } from "../../src/data/pipeline.js";
import { day, hour, items, labels, numbers, plant, run, table, times, valuesOf } from "./support.js";

const one = { use: "iid", count: 1 } as const;
const vectors = JSON.parse(readFileSync(new URL("../vectors/features/features.json", import.meta.url), "utf8"));

/** One machine with one hourly input; the last fifth in time tests. */
function series(values: readonly number[], start = 0, step = hour): Dataset {
  return {
    name: "series",
    description: "made for a test",
    readings: table([
      labels(
        "m",
        values.map(() => "m"),
      ),
      times(
        "time",
        values.map((_, i) => start + i * step),
      ),
      numbers("x", values),
      numbers("y", values),
    ]),
    machine: "m",
    time: "time",
    step: step as NonNullable<Dataset["step"]>,
    inputs: ["x"],
    target: "y",
  };
}

/** Window of one row over all but the last rows: the sequence rows are the channel itself. */
function channel(values: readonly number[], list: readonly FeatureSpec[], name: string, dataset = series(values)): number[] {
  const ran = run(dataset, {
    task: { kind: "value", window: 1, horizon: 1 },
    features: list,
    split: { by: "time", test: 0.2 },
    sites: one,
  });
  const { inputs } = ran.sites[0].train;
  const all = [inputs.sequence, inputs.statistics].find((input) => input?.names.includes(name));
  if (all === undefined) throw new Error(`no ${name}`);
  const at = all.names.indexOf(name);
  return Array.from(all.starts, (start) => all.rows[start * all.width + at]);
}

const close = (got: readonly number[], want: readonly number[]): void => {
  expect(got.length).toBeGreaterThan(20);
  got.forEach((value, i) => {
    expect(Math.abs(value - want[i])).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(want[i])));
  });
};

describe(`features agree with ${vectors.source}`, () => {
  it.each(Object.keys(vectors.ewma))("ewma alpha %s", (alpha) => {
    close(channel(vectors.x, [{ use: "ewma", alpha: Number(alpha) }], "x"), vectors.ewma[alpha]);
  });

  it.each(Object.keys(vectors.statistics))("statistics %s", (name) => {
    const list: FeatureSpec[] = [{ use: "statistics", rows: 7, list: ["mean", "tail", "slope", "std", "min", "max", "last"] }];
    close(channel(vectors.x, list, `x:${name}@7`), vectors.statistics[name]);
    const plan = {
      task: { kind: "value", window: 7, horizon: 1 } as const,
      features: [{ use: "statistics", list: ["mean", "tail", "slope", "std", "min", "max", "last"] } as FeatureSpec],
      split: { by: "time", test: 0.2 } as const,
      sites: one,
    };
    const { statistics } = run(series(vectors.x), plan).sites[0].train.inputs;
    const at = statistics.names.indexOf(`x:${name}`);
    close(
      Array.from(statistics.starts, (s) => statistics.rows[s * statistics.width + at]),
      vectors.statistics[name],
    );
  });

  it("scale by the training rows (population sd)", () => {
    // 37 rows, of which a test share puts exactly the first 30 into training.
    const values = vectors.x.slice(0, 37);
    const ran = run(series(values), {
      task: { kind: "value", window: 1, horizon: 1 },
      features: [{ use: "scale" }],
      split: { by: "time", test: 30 * hour },
      sites: one,
    });
    const { rows } = ran.sites[0].train.inputs.sequence;
    close(Array.from(rows.subarray(0, 29)), vectors.scale.values);
  });

  it("own scale by the first rows of each machine", () => {
    close(channel(vectors.x, [{ use: "scale", own: { rows: 30 } }], "x"), vectors.scale.values);
  });

  it("log1p where the federation's extremes ask for it", () => {
    const wide = vectors.x.map((v: number) => Math.abs(v) * 100);
    close(channel(wide, [{ use: "log1p" }], "x"), vectors.log1p);
    close(channel(wide, [{ use: "log1p", above: 1e6 }], "x"), wide);
    const signed = vectors.x.map((v: number) => v * 100 - 50);
    close(channel(signed, [{ use: "log1p" }], "x"), signed);
  });

  it("calendar of the predicted moment", () => {
    const { calendar: want } = vectors;
    const start = Date.UTC(2018, 0, 1, 0, 15);
    const step = want.everyMinutes * 60_000;
    const dataset = series(want.weekday, start, step);
    const list: FeatureSpec[] = [{ use: "calendar", cycles: [2], week: true, weekday: true, slots: 4 }];
    const ahead = (name: string): number[] => channel(want.weekday, list, `calendar:${name}`, dataset);
    close(ahead("day-sin2"), want.sin2.slice(1));
    close(ahead("day-cos2"), want.cos2.slice(1));
    close(ahead("week-sin"), want.weekSin.slice(1));
    for (let d = 0; d < 7; d++)
      expect(ahead(`weekday${d}`)).toEqual(want.weekday.slice(1, ahead(`weekday${d}`).length + 1).map((w: number) => (w === d ? 1 : 0)));
    for (let s = 0; s < 4; s++)
      expect(ahead(`slot${s}`)).toEqual(want.slot.slice(1, ahead(`slot${s}`).length + 1).map((w: number) => (w === s ? 1 : 0)));
  });
});

describe("features by hand", () => {
  const ramp = Array.from({ length: 60 }, (_, i) => i);

  it("lags count back from the predicted row", () => {
    const ran = run(series(ramp), {
      task: { kind: "value", window: 2, horizon: 3 },
      features: [{ use: "lags", columns: ["x"], at: [3, 5, 10] }],
      split: { by: "time", test: 0.2 },
      sites: one,
    });
    const { train } = ran.sites[0];
    expect(train.inputs.statistics.names).toEqual(["x:lag3", "x:lag5", "x:lag10"]);
    for (let i = 0; i < train.count; i++) {
      const target = train.times[i] / hour + 3;
      expect([...valuesOf(train, "statistics", i)]).toEqual([target - 3, target - 5, target - 10]);
    }
    expect(Math.min(...train.times) / hour + 3).toBe(10);
    expect(() => channel(ramp, [{ use: "lags", columns: ["x"], at: [0] }], "x")).toThrow(/lags of at least the horizon/);
  });

  it("counts, products and drop compose", () => {
    const dataset = plant(2, 100);
    const list: FeatureSpec[] = [
      { use: "statistics", columns: ["a", "b"], list: ["mean"] },
      { use: "counts", columns: ["err*"] },
      { use: "products", left: ["*:count"], right: ["*:mean"], cap: 1 },
      { use: "drop", columns: ["b", "b:mean"] },
    ];
    const { train } = run(dataset, {
      task: { kind: "failure", window: 8, horizon: 8 },
      features: list,
      split: { by: "time", test: 0.2 },
      sites: one,
    }).sites[0];
    expect(train.inputs.sequence.names).toEqual(["a", "errors"]);
    expect(train.inputs.statistics.names).toEqual(["a:mean", "errors:count", "errors:count*a:mean", "errors:count*b:mean"]);
    for (let i = 0; i < train.count; i++) {
      const window = valuesOf(train, "sequence", i);
      const errors = window.filter((_, k) => k % 2 === 1).reduce((a, b) => a + b, 0);
      const [mean, count, product] = valuesOf(train, "statistics", i);
      expect(count).toBe(errors);
      expect(product).toBeCloseTo(Math.min(errors, 1) * mean, 3);
    }
  });

  it("one-hot gives one channel per label and refuses a missing one", () => {
    const { train } = run(items(), { task: { kind: "class" }, split: { by: "rows", test: 0.2 }, sites: one }).sites[0];
    expect(train.inputs.statistics.names).toEqual(["x", "y", "type=L", "type=M", "type=H"]);
    for (let i = 0; i < train.count; i++)
      expect(
        valuesOf(train, "statistics", i)
          .slice(2)
          .reduce((a, b) => a + b, 0),
      ).toBe(1);
    const broken = items();
    const columns = broken.readings.columns.map((c) =>
      c.name === "type" && c.kind === "category" ? { ...c, codes: c.codes.map((code, i) => (i === 5 ? -1 : code)) } : c,
    );
    const holed = { ...broken, readings: { ...broken.readings, columns } };
    expect(() => run(holed, { task: { kind: "class" }, sites: one })).toThrow(/DATA_INVALID.*a missing value/);
    expect(() =>
      run(holed, {
        task: { kind: "class" },
        features: ["scale", { use: "one-hot", missing: "zeros" }].map((f) => featuresSchema.parse([f])[0]),
        sites: one,
      }),
    ).not.toThrow();
  });

  it("a category left alone is refused, a missing number too, and impute fills it", () => {
    expect(() => run(items(), { task: { kind: "class" }, features: [{ use: "scale" }], sites: one })).toThrow(/one-hot/);
    const holed = items();
    (holed.readings.columns[0] as { values: Float64Array }).values[17] = Number.NaN;
    expect(() => run(holed, { task: { kind: "class" }, sites: one })).toThrow(/column "x".*row 17.*impute/);
    const list: FeatureSpec[] = [{ use: "scale" }, { use: "impute", columns: ["x"], indicator: true }, { use: "one-hot" }];
    const { train, test } = run(holed, { task: { kind: "class" }, features: list, sites: one }).sites[0];
    const rows = [train, test].flatMap((part) => Array.from({ length: part.count }, (_, i) => [...valuesOf(part, "statistics", i)]));
    expect(rows.filter((row) => row[2] === 1)).toHaveLength(1);
    expect(rows.find((row) => row[2] === 1)?.[0]).toBe(0);
  });

  it("each regime has its own mean and sd", () => {
    const dataset = plant(3, 300);
    const regime = dataset.readings.columns.find((c) => c.name === "regime");
    const a = dataset.readings.columns.find((c) => c.name === "a") as { values: Float64Array };
    if (regime?.kind !== "category") throw new Error("no regime");
    regime.codes.forEach((code, i) => {
      if (code === 1) a.values[i] = a.values[i] * 5 + 1000;
    });
    const ran = run(dataset, {
      task: { kind: "value", window: 1, horizon: 1, target: "b" },
      features: [{ use: "scale", columns: ["a"], per: "regime" }],
      split: { by: "time", test: 0.2 },
      sites: one,
    });
    const { rows, width } = ran.sites[0].train.inputs.sequence;
    const scaled = Array.from({ length: rows.length / width }, (_, i) => rows[i * width]);
    expect(Math.max(...scaled.map(Math.abs))).toBeLessThan(6);
    expect(Object.keys(ran.scaler.columns)).toEqual(["scale/a/fast", "scale/a/slow", "target"].sort());
  });

  it("window columns before scale are scaled by their own moments", () => {
    const list: FeatureSpec[] = [{ use: "statistics", list: ["mean"] }, { use: "scale" }];
    const { train } = run(plant(2, 200), {
      task: { kind: "failure", window: 12, horizon: 12 },
      features: list,
      split: { by: "time", test: 0.2 },
      sites: one,
    }).sites[0];
    const means = Array.from({ length: train.count }, (_, i) => valuesOf(train, "statistics", i)[0]);
    const mean = means.reduce((x, y) => x + y, 0) / means.length;
    expect(mean).toBeCloseTo(0, 5);
    expect(means.reduce((s, v) => s + (v - mean) ** 2, 0) / means.length).toBeCloseTo(1, 4);
  });
});

describe("every feature", () => {
  const task: TaskSpec = { kind: "failure", window: 6, horizon: 6 };
  const lists: Record<keyof typeof features, FeatureSpec[]> = {
    scale: [{ use: "scale", clip: 3 }],
    ewma: [{ use: "ewma", alpha: 0.3 }],
    statistics: [{ use: "statistics" }],
    lags: [{ use: "lags", columns: ["a"], at: [0, 9] }],
    calendar: [{ use: "calendar", rows: true, weekday: true }, { use: "calendar" }],
    "one-hot": [{ use: "one-hot" }],
    log1p: [{ use: "log1p" }],
    clip: [{ use: "clip", min: 0, max: 99 }],
    impute: [{ use: "impute" }],
    products: [
      { use: "counts", columns: ["errors"] },
      { use: "products", left: ["errors:count"], right: ["errors:count"] },
    ],
    counts: [{ use: "counts", columns: ["errors"] }],
    drop: [{ use: "drop", columns: ["b"] }],
    select: [{ use: "select", columns: ["a"] }],
    image: [],
  };
  const dataset = plant(2, 120, [
    [0, 90],
    [1, 40],
  ]);
  const withType = { ...dataset, inputs: [...dataset.inputs, "type"] };
  const bases = (name: string): Dataset => (name === "one-hot" ? withType : dataset);

  it.each(Object.keys(lists).filter((name) => name !== "image"))("%s knows its names and shapes before it sees a value", (name) => {
    const plan = { task, features: lists[name as keyof typeof lists], split: { by: "time", test: 0.2 } as const, sites: one };
    const { train } = run(bases(name), plan).sites[0];
    const shapes = Object.fromEntries(Object.entries(train.inputs).map(([input, { shape }]) => [input, shape]));
    expect(exampleShapes(plan, bases(name))).toEqual(shapes);
    for (const [input, { names }] of Object.entries(exampleInputs(plan, bases(name)))) expect(names).toEqual(train.inputs[input].names);
  });

  it.each(Object.keys(lists).filter((name) => name !== "image"))("%s never looks ahead", (name) => {
    const plan = { task, features: lists[name as keyof typeof lists], split: { by: "time", test: 0.5 } as const, sites: one };
    // Training ends at hour 60, so nothing that happens from hour 61 on may change an example that ends before.
    const changed = bases(name);
    const columns = changed.readings.columns.map((c) =>
      c.kind === "number" ? { ...c, values: c.values.map((v, i) => (i % 120 >= 61 ? v * 3 + 1 : v)) } : c,
    );
    const before = run(changed, plan).sites[0].train;
    const after = run({ ...changed, readings: { ...changed.readings, columns } }, plan).sites[0].train;
    expect(after.count).toBe(before.count);
    for (const input of Object.keys(before.inputs))
      for (let i = 0; i < before.count; i++) expect(valuesOf(after, input, i)).toEqual(valuesOf(before, input, i));
  });

  it("is one line in the registry with its own name", () => {
    for (const [name, one] of Object.entries(features)) expect(one.name).toBe(name);
  });

  it("is refused with its place where unknown or wrong", () => {
    expect(featuresSchema.safeParse(["scale", { use: "ewma", alpha: 2 }]).error?.issues[0].path).toEqual([1, "alpha"]);
    expect(featuresSchema.safeParse([{ use: "fourier" }]).success).toBe(false);
    expect(featuresSchema.safeParse([{ use: "scale", clipp: 3 }]).success).toBe(false);
    expect(() => run(dataset, { task, features: [{ use: "scale" }, { use: "scale" }], sites: one })).toThrow(/one federated scale/);
    expect(() => run(dataset, { task, features: [{ use: "drop", columns: ["nothing"] }], sites: one })).toThrow(
      /features\[0\] \(drop\).columns: expected one of a, b, errors/,
    );
  });
});

describe("smoothing has a finite memory", () => {
  it("beyond which the past has no influence at all", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.05, max: 1, noNaN: true }), fc.integer({ min: 0, max: 30 }), (alpha, extra) => {
        const memory = ewmaMemory(alpha);
        const values = Array.from({ length: memory + extra + 40 }, (_, i) => Math.sin(i) * 10);
        const list: FeatureSpec[] = [{ use: "ewma", alpha }];
        const changed = values.map((v, i) => (i <= extra ? v + 1e6 : v));
        const x = channel(values, list, "x");
        const y = channel(changed, list, "x");
        for (let t = extra + memory; t < x.length; t++) if (x[t] !== y[t]) return false;
        return true;
      }),
      { numRuns: 20 },
    );
    expect(ewmaMemory(0.2)).toBe(75);
    expect(day).toBe(24 * hour);
  });
});
