/** What cells mean, what columns are inferred to be, and how a fixed schema refuses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { fixedSchema, inferSchema, isoDay } from "../../src/data/infer.js";
import { tableBuilder } from "../../src/data/schema-columns.js";
import { categoryOf, valuesOf } from "../../src/data/schema-table.js";
import { isMissing, naturalCompare, parseNumber, unitOfHeader } from "../../src/data/schema-text.js";
import { daysFromCivil, parseTime } from "../../src/data/schema-time.js";
import { zoneOffset } from "../../src/io/source/zone.js";

const caught = (work: () => unknown): MillwrightError => {
  try {
    work();
  } catch (error) {
    if (error instanceof MillwrightError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};
const column = (name: string, cells: readonly string[]) => inferSchema({ columns: [name], rows: cells.map((cell) => [cell]) }).columns[0];

describe("cells", () => {
  it("reads every finite number it writes, with point and with comma", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (drawn) => {
        const value = drawn + 0; // -0 is written "0"
        expect(parseNumber(String(value))).toBe(value);
        expect(parseNumber(String(value).replace(".", ","), ",")).toBe(value);
      }),
    );
  });

  it.each(["", "1,2", "1 2", "0x10", "Infinity", "-inf", "1e999", "12abc", ".", "1.2.3", "--1", "1_000"])("%j is no number", (text) => {
    expect(parseNumber(text)).toBeUndefined();
  });

  it.each(["", " ", "NA", "nan", "NaN", "null", "NULL", "?", "N/A", "None"])("%j is missing", (text) => {
    expect(isMissing(text)).toBe(true);
  });

  it.each([
    ["Torque [Nm]", "N.m"],
    ["Rotational speed [rpm]", "r/min"],
    ["Air temperature [K]", "K"],
    ["CO2(tCO2)", "tCO2"],
    ["Usage_kWh", "kW.h"],
    ["oil temperature (°C)", "Cel"],
    ["volt", undefined],
    ["sensor (2)", undefined],
    ["time_in", undefined],
  ])("%s has the unit %s", (header, unit) => {
    expect(unitOfHeader(header)).toBe(unit);
  });

  it("natural order is total and takes numbers as numbers", () => {
    expect(["m10", "m2", "m1", "a"].sort(naturalCompare)).toEqual(["a", "m1", "m2", "m10"]);
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(Math.sign(naturalCompare(a, b)) + Math.sign(naturalCompare(b, a))).toBe(0);
        expect(naturalCompare(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

describe("times", () => {
  const date = fc.date({ min: new Date("1800-01-01T00:00:00Z"), max: new Date("2299-12-31T23:59:59Z"), noInvalidDate: true });

  it("agree with the platform's calendar in every format", () => {
    fc.assert(
      fc.property(date, (moment) => {
        const iso = moment.toISOString();
        const second = Math.floor(moment.getTime() / 1000) * 1000;
        const [y, m, d] = iso.slice(0, 10).split("-");
        expect(daysFromCivil(Number(y), Number(m), Number(d))).toBe(Math.floor(moment.getTime() / 86_400_000));
        expect(isoDay(moment.getTime())).toBe(iso.slice(0, 10));
        expect(parseTime(iso, "iso")).toBe(moment.getTime());
        expect(parseTime(`${iso.slice(0, 10)} ${iso.slice(11, 19)}`, "iso")).toBe(second);
        expect(parseTime(`${d}/${m}/${y} ${iso.slice(11, 19)}`, "dmy")).toBe(second);
        expect(parseTime(`${m}/${d}/${y} ${iso.slice(11, 19)}`, "mdy")).toBe(second);
        expect(parseTime(`${d}.${m}.${y}`, "dmy")).toBe(Date.parse(iso.slice(0, 10)));
      }),
    );
  });

  it.each([
    ["2015-02-29", "iso"],
    ["2015-13-01", "iso"],
    ["2015-01-01 25:00", "iso"],
    ["2015-01-01 10:61", "iso"],
    ["31/02/2018", "dmy"],
    ["13/01/2018", "mdy"],
    ["01/02-2018", "dmy"],
    ["1.5", "iso"],
    ["-5", "epoch-s"],
  ] as const)("%s is no moment (%s)", (text, format) => {
    expect(parseTime(text, format)).toBeUndefined();
  });

  it("knows zones in the text, half days, and epochs", () => {
    expect(parseTime("2015-01-01T06:00:00+02:00", "iso")).toBe(Date.UTC(2015, 0, 1, 4));
    expect(parseTime("2015-01-01 06:00Z", "iso")).toBe(Date.UTC(2015, 0, 1, 6));
    expect(parseTime("1/2/2018 12:05 AM", "mdy")).toBe(Date.UTC(2018, 0, 2, 0, 5));
    expect(parseTime("1/2/2018 12:05 PM", "mdy")).toBe(Date.UTC(2018, 0, 2, 12, 5));
    expect(parseTime("1420092000", "epoch-s")).toBe(Date.UTC(2015, 0, 1, 6));
    expect(parseTime(1420092000000, "epoch-ms")).toBe(Date.UTC(2015, 0, 1, 6));
    expect(parseTime("2018-01-01 24:00", "iso")).toBe(Date.UTC(2018, 0, 2));
  });

  it("local times of a zone: summer, winter, the hour that is skipped, the hour that comes twice", () => {
    const berlin = zoneOffset("Europe/Berlin");
    expect(parseTime("2018-07-01 12:00", "iso", berlin)).toBe(Date.UTC(2018, 6, 1, 10));
    expect(parseTime("2018-01-01 12:00", "iso", berlin)).toBe(Date.UTC(2018, 0, 1, 11));
    expect(parseTime("2018-03-25 02:30", "iso", berlin)).toBeUndefined();
    expect(parseTime("2018-10-28 02:30", "iso", berlin)).toBe(Date.UTC(2018, 9, 28, 0, 30));
    expect(parseTime("2018-07-01 12:00", "iso", zoneOffset("-03:30"))).toBe(Date.UTC(2018, 6, 1, 15, 30));
    expect(caught(() => zoneOffset("Mars/Olympus")).code).toBe("FILE_INVALID");
  });
});

describe("inference", () => {
  it("tells numbers, truth values, categories, times, constants and identifiers apart", () => {
    const many = (of: (i: number) => string) => Array.from({ length: 30 }, (_, i) => of(i));
    expect(column("x [bar]", ["1", "2.5", "?", ""])).toMatchObject({
      kind: "number",
      unit: "bar",
      missing: 2,
      min: 1,
      max: 2.5,
      distinct: 2,
    });
    expect(column("ok", ["true", "False", "true"])).toMatchObject({ kind: "number", truth: "words" });
    expect(column("flag", ["0", "1"])).toMatchObject({ kind: "number", truth: "digits" });
    expect(column("line", ["A", "B", "A"])).toMatchObject({ kind: "category", distinct: 2, examples: ["A", "B"] });
    expect(column("zero", ["0", "0"])).toMatchObject({ kind: "number", constant: true });
    expect(
      column(
        "UDI",
        many((i) => String(i + 1)),
      ),
    ).toMatchObject({ identifier: true });
    expect(
      column(
        "Product ID",
        many((i) => `M${i}`),
      ),
    ).toMatchObject({ kind: "category", identifier: true });
    expect(
      column(
        "speed",
        many((i) => String(1000 + ((i * 7919) % 31))),
      ),
    ).toMatchObject({ identifier: false });
    expect(column("datetime", ["2015-01-01 06:00:00"])).toMatchObject({ kind: "time", format: "iso", min: Date.UTC(2015, 0, 1, 6) });
    expect(column("timestamp", ["1420092000"])).toMatchObject({ kind: "time", format: "epoch-s" });
    expect(column("timestamp", ["1420092000000"])).toMatchObject({ kind: "time", format: "epoch-ms" });
    expect(column("pressure", ["1420092000"])).toMatchObject({ kind: "number" });
    expect(column("empty", ["", "NA"])).toMatchObject({ kind: "number", missing: 2, distinct: 0, constant: true });
  });

  it("one day above 12 settles the order of day and month; dots are day first; otherwise both readings are shown and refused", () => {
    expect(column("d", ["01/02/2018", "13/02/2018"])).toMatchObject({ format: "dmy" });
    expect(column("d", ["01/02/2018", "02/13/2018"])).toMatchObject({ format: "mdy" });
    expect(column("d", ["01.02.2018", "03.04.2018"]).ambiguous).toBeUndefined();
    expect(column("d", ["05/05/2018"]).ambiguous).toBeUndefined();
    expect(column("d", ["13/02/2018", "02/13/2018"]).kind).toBe("category");
    const open = inferSchema({ columns: ["d"], rows: [["05/05/2018"], ["01/02/2018"]] });
    const error = caught(() => fixedSchema(open, ["d"]));
    expect(error.message).toContain('"01/02/2018", which is 2018-02-01 read day first and 2018-01-02 read month first');
    expect(fixedSchema(open, ["d"], { d: { format: "mdy" } })[0]).toEqual({ name: "d", kind: "time", format: "mdy" });
  });

  it("refuses an empty sample", () => {
    expect(caught(() => inferSchema({ columns: ["a"], rows: [] })).code).toBe("DATA_EMPTY");
  });
});

describe("reading with a fixed schema", () => {
  it("keeps NaN for missing cells and -1 for missing labels, sorts labels naturally", () => {
    const builder = tableBuilder([
      { name: "x", kind: "number" },
      { name: "m", kind: "category" },
    ]);
    for (const row of [
      ["1", "m10"],
      ["", "m2"],
      ["3", "NA"],
    ])
      builder.add(row, () => "row");
    const table = builder.finish();
    expect([...valuesOf(table, "x")]).toEqual([1, Number.NaN, 3]);
    const { codes, labels } = categoryOf(table, "m");
    expect(labels).toEqual(["m2", "m10"]);
    expect([...codes]).toEqual([1, 0, -1]);
  });

  it("names row, column, expected and got; several faults at once, but not without end", () => {
    const builder = tableBuilder(
      [
        { name: "x", kind: "number" },
        { name: "t", kind: "time" },
        { name: "c", kind: "category", labels: ["a"] },
      ],
      { maxFaults: 4 },
    );
    builder.add(["ERR", "2015-01-01", "a"], () => "my.csv, row 1");
    builder.add(["2", "yesterday", "b"], () => "my.csv, row 2");
    const error = caught(() => builder.finish());
    expect(error.code).toBe("DATA_INVALID");
    expect(error.faults.map((fault) => [fault.where, fault.expected, fault.got])).toEqual([
      ['my.csv, row 1, column "x"', "a number", '"ERR"'],
      ['my.csv, row 2, column "t"', "a time (iso)", '"yesterday"'],
      ['my.csv, row 2, column "c"', "one of a", '"b"'],
    ]);
    expect(caught(() => builder.add(["no", "", ""], () => "row 3")).faults).toHaveLength(4);
  });

  it("words for yes and no are numbers only in a column of such words", () => {
    const words = inferSchema({ columns: ["ok"], rows: [["yes"], ["No"]] });
    const builder = tableBuilder(fixedSchema(words, ["ok"]));
    for (const cell of ["yes", "NO", "1", ""]) builder.add([cell], () => "row");
    expect([...valuesOf(builder.finish(), "ok")]).toEqual([1, 0, 1, Number.NaN]);
    builder.add(["2"], () => "row 5");
    expect(caught(() => builder.finish()).message).toContain("expected true or false");
  });

  it("stops at its limits", () => {
    const limited = tableBuilder([{ name: "x", kind: "category" }], { maxRows: 3, maxLabels: 2 });
    limited.add(["a"], () => "1");
    limited.add(["b"], () => "2");
    limited.add(["c"], () => "3");
    expect(caught(() => limited.add(["a"], () => "4")).code).toBe("LIMIT_EXCEEDED");
    expect(caught(() => limited.finish()).message).toContain("a category of at most 2 labels");
  });

  it("grows past its first size without losing a value", () => {
    const builder = tableBuilder([
      { name: "x", kind: "number" },
      { name: "c", kind: "category" },
    ]);
    for (let i = 0; i < 5000; i++) builder.add([i, `c${i % 7}`], () => "row");
    const table = builder.finish();
    expect(valuesOf(table, "x").every((value, i) => value === i)).toBe(true);
    expect(categoryOf(table, "c").codes.every((code, i) => code === i % 7)).toBe(true);
  });
});
