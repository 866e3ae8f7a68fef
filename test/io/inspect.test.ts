/** What `data inspect` says of tables whose faults are known. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { millis } from "../../src/core/quantities.js";
import { seeded } from "../../src/core/random.js";
import type { Dataset } from "../../src/data/dataset.js";
import { inspectDataset, sitesOfRows } from "../../src/data/inspect.js";
import { columnFacts } from "../../src/data/inspect-columns.js";
import { siteDrift } from "../../src/data/inspect-drift.js";
import { categoryColumn, numberColumn, timeColumn } from "../../src/data/schema-table.js";

const hour = 3_600_000;
/** Two machines of six hourly readings; the second lacks hours 2 and 3 and has hour 5 twice. */
const hours = [0, 1, 2, 3, 4, 5, 0, 1, 4, 5, 5, 6];
const dataset: Dataset = {
  name: "known",
  description: "made in a test",
  readings: {
    rows: 12,
    columns: [
      categoryColumn("machine", Int32Array.of(0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1), ["a", "b", "never"]),
      timeColumn(
        "time",
        Float64Array.from(hours, (h) => h * hour),
      ),
      numberColumn("x", Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, Number.NaN, 21), "bar"),
      numberColumn("flat", new Float64Array(12).fill(3)),
      numberColumn("flag", Float64Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, Number.NaN)),
      categoryColumn("split", Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, -1), ["train", "test"]),
    ],
  },
  machine: "machine",
  time: "time",
  step: millis(hour),
  inputs: ["x", "flat"],
  target: "flag",
  split: "split",
  events: {
    rows: 2,
    columns: [
      categoryColumn("machine", Int32Array.of(1, 1), ["a", "b", "never"]),
      timeColumn("time", Float64Array.of(hour, 2 * hour)),
      categoryColumn("kind", Int32Array.of(1, 1), ["wear", "break"]),
    ],
  },
  notes: ["a note"],
};

describe("inspectDataset", () => {
  const facts = inspectDataset(dataset);
  const column = (name: string) => facts.columns.find((c) => c.name === name);

  it("gives every column its role, range, moments, histogram", () => {
    expect(facts.columns.map((c) => [c.name, c.role])).toEqual([
      ["machine", "machine"],
      ["time", "time"],
      ["x", "input"],
      ["flat", "input"],
      ["flag", "target"],
      ["split", "split"],
    ]);
    const x = column("x");
    expect(x).toMatchObject({ unit: "bar", missing: 1, distinct: 11, constant: false, min: 1, max: 21 });
    expect(x?.mean).toBeCloseTo(76 / 11, 12);
    const values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 21];
    expect(x?.sd).toBeCloseTo(Math.sqrt(values.reduce((s, v) => s + (v - 76 / 11) ** 2, 0) / 10), 12);
    expect(x?.histogram).toEqual({ low: 1, high: 21, counts: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] });
    expect(column("flat")).toMatchObject({ constant: true, sd: 0 });
    expect(column("split")).toMatchObject({ missing: 1, distinct: 2 });
  });

  it("finds gaps, duplicates, rows per machine", () => {
    expect(facts.clock).toEqual({
      column: "time",
      kind: "time",
      first: 0,
      last: 6 * hour,
      step: hour,
      gaps: 1,
      longestGap: 3 * hour,
      examples: [{ machine: "b", from: hour, to: 4 * hour }],
    });
    expect(facts.duplicates).toBe(1);
    expect(facts.machines).toEqual({ count: 2, fewestRows: 6, medianRows: 6, mostRows: 6 });
  });

  it("counts answers, events, splits; keeps the notes", () => {
    expect(facts.labels).toEqual({
      column: "flag",
      counts: [
        { label: "0", rows: 9 },
        { label: "1", rows: 2 },
      ],
      missing: 1,
    });
    expect(facts.events).toEqual({ count: 2, kinds: [{ label: "break", rows: 2 }], machinesWithout: 2 });
    expect(facts.split).toEqual([
      { label: "train", rows: 8 },
      { label: "test", rows: 3 },
    ]);
    expect([facts.notes, facts.drift]).toEqual([["a note"], undefined]);
  });

  it("counts equal rows where there is no clock; 0 and -0 are equal, missing equals missing", () => {
    const table: Dataset = {
      name: "rows",
      description: "",
      readings: {
        rows: 5,
        columns: [
          numberColumn("a", Float64Array.of(0, -0, 1, Number.NaN, Number.NaN)),
          categoryColumn("b", Int32Array.of(0, 0, 0, -1, -1), ["k"]),
        ],
      },
      inputs: ["a"],
    };
    expect(inspectDataset(table).duplicates).toBe(2);
  });

  it("no two different rows count as equal (property)", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.integer(), fc.integer()), { selector: (row) => row.join(), maxLength: 200 }), (rows) => {
        const columns = [0, 1].map((c) =>
          numberColumn(
            `c${c}`,
            Float64Array.from(rows, (row) => row[c]),
          ),
        );
        const facts = inspectDataset({ name: "", description: "", inputs: [], readings: { rows: rows.length, columns } });
        expect(facts.duplicates).toBe(0);
      }),
    );
  });

  it("a histogram holds every value that is there (property)", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6 }), { minLength: 1 }), (values) => {
        const facts = columnFacts(numberColumn("v", Float64Array.from(values)), values.length);
        const held = (facts.histogram?.counts ?? []).reduce((a, b) => a + b, 0);
        expect(held + facts.missing).toBe(values.length);
      }),
    );
  });
});

describe("drift between sites", () => {
  const rows = 4000;
  const random = seeded("drift");
  const half = Int32Array.from({ length: rows }, (_, i) => i).filter((i) => i % 2 === 0);
  const rest = Int32Array.from({ length: rows }, (_, i) => i).filter((i) => i % 2 === 1);
  const sites = sitesOfRows(rows, [
    { site: "north", rows: half },
    { site: "south", rows: rest },
  ]);
  const table = {
    rows,
    columns: [
      numberColumn(
        "same",
        Float64Array.from({ length: rows }, () => random.normal()),
      ),
      numberColumn(
        "moved",
        Float64Array.from({ length: rows }, (_, i) => random.normal() + (i % 2 === 0 ? 0 : 2)),
      ),
      categoryColumn(
        "grade",
        Int32Array.from({ length: rows }, (_, i) => (i % 2 === 0 ? 0 : random.integer(2))),
        ["A", "B"],
      ),
      numberColumn("constant", new Float64Array(rows).fill(1)),
    ],
  };
  const drift = siteDrift(table, ["same", "moved", "grade", "constant"], sites);
  const of = (name: string) => drift.find((column) => column.name === name);

  it("ranks what moved above what did not, by index and by shift of the mean", () => {
    expect(drift.map((column) => column.name)).toEqual(["grade", "moved", "same", "constant"]);
    expect(of("same")?.worst.psi).toBeLessThan(0.1);
    expect(of("moved")?.worst.psi).toBeGreaterThan(0.25);
    const [north, south] = of("moved")?.shift ?? [];
    // Means differ by 2, and the whole has variance 1 + 1.
    expect((south ?? 0) - (north ?? 0)).toBeCloseTo(2 / Math.sqrt(2), 1);
    expect(of("constant")?.worst.psi).toBeCloseTo(0, 5);
    expect(of("constant")?.shift).toBeUndefined();
  });

  it("agrees with the index worked out by hand for two categories", () => {
    const two = { rows: 4, columns: [categoryColumn("c", Int32Array.of(0, 0, 0, 1), ["A", "B"])] };
    const parts = sitesOfRows(4, [
      { site: "s", rows: Int32Array.of(0, 1) },
      { site: "t", rows: Int32Array.of(2, 3) },
    ]);
    const term = (actual: number, expected: number) => (actual - expected) * Math.log(actual / expected);
    const psi = (a: number, b: number) => term(a / 3, 3.5 / 5) + term(b / 3, 1.5 / 5);
    expect(siteDrift(two, ["c"], parts)[0].psi.map((value) => value ?? 0)).toEqual([
      expect.closeTo(psi(2.5, 0.5), 12),
      expect.closeTo(psi(1.5, 1.5), 12),
    ]);
  });

  it("a site without rows has no figures; rows of no site do not count", () => {
    const parts = sitesOfRows(rows, [
      { site: "north", rows: half },
      { site: "empty", rows: new Int32Array(0) },
    ]);
    const moved = siteDrift(table, ["moved"], parts)[0];
    expect(moved.psi[1]).toBeUndefined();
    expect(moved.shift?.[1]).toBeUndefined();
    expect(moved.psi[0]).toBeLessThan(0.01);
  });
});
