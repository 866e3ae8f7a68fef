import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import { parseInstant } from "../../src/data/instant.js";
import { type DataPlan, gapsSchema, knownUnit, prepareDataset, resampleSchema, unitConversion } from "../../src/data/pipeline.js";
import { hour, labels, numbers, plant, run, table, times, valuesOf } from "./support.js";

/** One machine with readings at the given hours. */
function readings(hours: readonly number[], x: readonly number[], step = hour): Dataset {
  return {
    name: "readings",
    description: "made for a test",
    readings: table([
      labels(
        "m",
        hours.map(() => "m"),
      ),
      times(
        "time",
        hours.map((h) => h * hour),
      ),
      numbers("x", x, "bar"),
      numbers(
        "flag",
        hours.map((_, i) => (i === 2 ? 1 : 0)),
      ),
      labels(
        "mode",
        hours.map((_, i) => (i % 2 === 0 ? "a" : "b")),
      ),
    ]),
    machine: "m",
    time: "time",
    step: step as NonNullable<Dataset["step"]>,
    inputs: ["x"],
    target: "flag",
  };
}

const values = (dataset: Dataset, name: string): number[] => {
  const column = dataset.readings.columns.find((c) => c.name === name);
  if (column === undefined || column.kind === "category" || column.kind === "tensor") throw new Error(name);
  return [...column.values];
};
const nan = Number.NaN;

describe("resampling", () => {
  const half = readings([0, 0.5, 1, 1.5, 3], [1, 3, 5, 7, 9], hour / 2);

  it("puts the readings of [k*every, (k+1)*every) into bin k", () => {
    const out = prepareDataset(half, { resample: { every: "1h" } });
    expect(values(out, "time")).toEqual([0, hour, 3 * hour]);
    expect(values(out, "x")).toEqual([2, 6, 9]);
    expect(values(out, "flag")).toEqual([0, 0, 0]);
    expect(out.step).toBe(hour);
    const by = prepareDataset(half, { resample: { every: "1h", how: { x: "max", flag: "max" } } });
    expect(values(by, "x")).toEqual([3, 7, 9]);
    expect(values(by, "flag")).toEqual([0, 1, 0]);
  });

  it("ignores missing values and refuses a finer clock, no clock, unknown columns", () => {
    expect(values(prepareDataset(readings([0, 0.5, 1], [nan, 4, nan], hour / 2), { resample: { every: "1h" } }), "x")).toEqual([4, nan]);
    expect(() => prepareDataset(half, { resample: { every: "10min" } })).toThrow(/resample.every/);
    expect(() => prepareDataset(half, { resample: { every: "1h", how: { z: "max" } } })).toThrow(/DATA_MISSING/);
    expect(resampleSchema.safeParse({ every: 3 }).success).toBe(false);
  });
});

describe("gaps", () => {
  const gappy = readings([0, 1, 4, 5, 10], [0, 1, 4, 5, 10]);

  it("break history where no rule is given", () => {
    const out = prepareDataset(gappy, {});
    expect([...(out.restarts ?? [])]).toEqual([0, 0, 1, 0, 1]);
  });

  it("hold fills up to the limit and breaks beyond", () => {
    const out = prepareDataset(gappy, { gaps: { rule: "hold", limit: "2h" } });
    expect(values(out, "time").map((t) => t / hour)).toEqual([0, 1, 2, 3, 4, 5, 10]);
    expect(values(out, "x")).toEqual([0, 1, 1, 1, 4, 5, 10]);
    expect([...(out.restarts ?? [])]).toEqual([0, 0, 0, 0, 0, 0, 1]);
  });

  it("interpolate draws the line, and no window ends on it or asks it for the answer", () => {
    const out = prepareDataset(gappy, { gaps: { rule: "interpolate", limit: "2h" } });
    expect(values(out, "x")).toEqual([0, 1, 2, 3, 4, 5, 10]);
    const hours = [...Array(40).keys()].filter((h) => h % 7 !== 3);
    const plan: DataPlan = {
      task: { kind: "value", window: 3, horizon: 1, target: "x" },
      gaps: { rule: "interpolate", limit: "2h" },
      features: [],
      split: { by: "time", test: 0.2 },
      sites: { use: "iid", count: 1 },
    };
    const { train } = run(readings(hours, hours), plan).sites[0];
    const ends = [...train.times].map((t) => t / hour);
    expect(ends.length).toBeGreaterThan(10);
    expect(ends.every((h) => h % 7 !== 3 && (h + 1) % 7 !== 3)).toBe(true);
    for (let i = 0; i < train.count; i++) expect([...valuesOf(train, "sequence", i)]).toEqual([ends[i] - 2, ends[i] - 1, ends[i]]);
  });

  it("drop closes the gap; with a limit longer gaps still break", () => {
    expect(prepareDataset(gappy, { gaps: { rule: "drop" } }).restarts).toBeUndefined();
    expect([...(prepareDataset(gappy, { gaps: { rule: "drop", limit: "3h" } }).restarts ?? [])]).toEqual([0, 0, 0, 0, 1]);
    expect(values(prepareDataset(readings([0, 1, 2], [1, nan, 3]), { gaps: { rule: "drop" } }), "x")).toEqual([1, 3]);
  });

  it("missing values are filled like missing readings, and rows left open stand apart", () => {
    const holes = readings([0, 1, 2, 3, 4, 5, 6, 7], [0, nan, 2, nan, nan, nan, 6, 7]);
    const held = prepareDataset(holes, { gaps: { rule: "hold", limit: "2h" } });
    expect(values(held, "x")).toEqual([0, 0, 2, 2, 2, nan, 6, 7]);
    expect([...(held.restarts ?? [])]).toEqual([0, 0, 0, 0, 0, 1, 1, 0]);
    const line = prepareDataset(holes, { gaps: { rule: "interpolate", limit: "2h" } });
    expect(values(line, "x")).toEqual([0, 1, 2, nan, nan, nan, 6, 7]);
    const { sites } = run(holes, {
      task: { kind: "value", window: 2, horizon: 1 },
      gaps: { rule: "hold", limit: "2h" },
      features: [],
      split: { by: "time", test: 0.2 },
      sites: { use: "iid", count: 1 },
    });
    expect([...sites[0].train.times].map((t) => t / hour)).toEqual([1, 2, 3]);
  });

  it("what was filled in is never an answer, and never the end of a window if it looked ahead", () => {
    const x = [...Array(40).keys()].map((h) => (h % 7 === 3 ? nan : h));
    const ends = (rule: "hold" | "interpolate", task: DataPlan["task"]): number[] => {
      const plan: DataPlan = {
        task,
        gaps: { rule, limit: "2h" },
        features: [],
        split: { by: "time", test: 0.2 },
        sites: { use: "iid", count: 1 },
      };
      return [...run(readings([...x.keys()], x), plan).sites[0].train.times].map((t) => t / hour);
    };
    const next: DataPlan["task"] = { kind: "value", window: 2, horizon: 1, target: "x" };
    const same: DataPlan["task"] = { kind: "class", window: 2, target: "mode" };
    const all = [...Array(31).keys()].slice(1);
    expect(ends("hold", next)).toEqual(all.filter((h) => (h + 1) % 7 !== 3));
    expect(ends("interpolate", next)).toEqual(all.filter((h) => h % 7 !== 3 && (h + 1) % 7 !== 3));
    expect(ends("hold", same)).toEqual([...all, 31]);
    expect(ends("interpolate", same)).toEqual([...all, 31].filter((h) => h % 7 !== 3));
    // Rows that were never read carry no label of their own.
    const gone = [...Array(40).keys()].filter((h) => h % 7 !== 3);
    const plan: DataPlan = {
      task: same,
      gaps: { rule: "hold", limit: "2h" },
      features: [],
      split: { by: "time", test: 0.2 },
      sites: { use: "iid", count: 1 },
    };
    expect([...run(readings(gone, gone), plan).sites[0].train.times].some((t) => (t / hour) % 7 === 3)).toBe(false);
  });

  it("no window spans a break", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 20 }), fc.integer({ min: 1, max: 5 }), (hours, window) => {
        const sorted = [...hours].sort((a, b) => a - b);
        const dataset = readings(sorted, sorted);
        const plan: DataPlan = {
          task: { kind: "class", window, target: "mode" },
          features: [],
          split: { by: "time", test: 0.3, purge: "none" },
          sites: { use: "iid", count: 1 },
        };
        const { train, test } = run(dataset, plan).sites[0];
        for (const part of [train, test]) {
          for (let i = 0; i < part.count; i++) {
            const rows = [...valuesOf(part, "sequence", i)];
            if (rows.some((v, k) => v !== part.times[i] / hour - (window - 1 - k))) return false;
          }
        }
        return true;
      }),
      { numRuns: 40 },
    );
  });

  it("are refused without a limit, without a regular clock, off the grid", () => {
    expect(gapsSchema.safeParse({ rule: "hold" }).success).toBe(false);
    expect(gapsSchema.safeParse({ rule: "break", limit: "2h" }).success).toBe(false);
    const { step: _, ...irregular } = gappy;
    expect(() => prepareDataset(irregular, { gaps: { rule: "hold", limit: "2h" } })).toThrow(/resample first/);
    expect(() => prepareDataset(readings([0, 1, 2.5], [0, 1, 2]), { gaps: { rule: "hold", limit: "3h" } })).toThrow(/3600000 ms apart/);
  });
});

describe("units", () => {
  it("convert within a kind and refuse across kinds", () => {
    expect(unitConversion("bar", "kPa", "x")(2.5)).toBeCloseTo(250, 10);
    expect(unitConversion("Cel", "K", "x")(20)).toBe(293.15);
    expect(unitConversion("[degF]", "Cel", "x")(212)).toBeCloseTo(100, 9);
    expect(unitConversion("rpm", "Hz", "x")(3000)).toBeCloseTo(50, 9);
    expect(unitConversion("°C", "Cel", "x")(7)).toBe(7);
    expect(() => unitConversion("bar", "Cel", "units.x")).toThrow(/FILE_INVALID: units.x: expected a unit of pressure/);
    expect(() => unitConversion("furlong", "m", "units.x")).toThrow(/known unit/);
    expect([knownUnit("kPa"), knownUnit("furlong")]).toEqual([true, false]);
  });

  it("are applied to the readings, and asked for where unknown", () => {
    const out = prepareDataset(readings([0, 1], [1, 2]), { units: { x: "kPa" } });
    expect(values(out, "x")).toEqual([100, 200]);
    expect(out.readings.columns.find((c) => c.name === "x")).toMatchObject({ unit: "kPa" });
    expect(() => prepareDataset(readings([0, 1], [1, 2]), { units: { flag: "kPa" } })).toThrow(/whose unit is known/);
  });
});

describe("readings out of order", () => {
  it("are refused with the row", () => {
    expect(() => prepareDataset(readings([0, 2, 1], [0, 1, 2]), {})).toThrow(/row 2.*ascending time/);
    expect(() => prepareDataset(readings([0, 1, 1], [0, 1, 2]), {})).toThrow(/second reading/);
    expect(() => prepareDataset(readings([0, nan, 1], [0, 1, 2]), {})).toThrow(/row 1, column time/);
    const mixed = plant(2, 4);
    const machine = mixed.readings.columns[0];
    if (machine.kind !== "category") throw new Error("no machine");
    const columns = [{ ...machine, codes: Int32Array.from([0, 0, 1, 1, 0, 0, 1, 1]) }, ...mixed.readings.columns.slice(1)];
    expect(() => prepareDataset({ ...mixed, readings: { rows: 8, columns } }, {})).toThrow(/the rows of a machine together/);
  });
});

describe("moments in a file", () => {
  it("are days and clocks without a time zone", () => {
    for (const text of ["2015-03-01", "2016-02-29T23:59", "1969-12-31 01:02:03", "2000-01-01T00:00:00.250Z"]) {
      const utc = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) || text.endsWith("Z") ? text : `${text.replace(" ", "T")}Z`);
      expect(parseInstant(text, "x")).toBe(utc);
    }
    for (const text of ["2015-02-29", "2015-13-01", "01/03/2015", "2015-03-01T25:00"])
      expect(() => parseInstant(text, "x")).toThrow(/FILE_INVALID/);
  });
});
