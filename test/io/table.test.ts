/** A user's own table: roles, inferred schema, events, split, steps, and everything that is refused. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import type { MillwrightError } from "../../src/core/errors.js";
import type { Dataset } from "../../src/data/dataset.js";
import { categoryOf, columnOf, valuesOf } from "../../src/data/schema-table.js";
import { dataSpecSchema, type TableSource } from "../../src/data/source-spec.js";
import { loadDataset } from "../../src/io/source/load.js";
import { lookAtTable } from "../../src/io/source/table.js";
import { temporaryFolder } from "../support/folder.js";
import { write } from "../support/tiny/write.js";

const root = await temporaryFolder();
const loadFleet = (): never => {
  throw new Error("no fleet here");
};
const load = (spec: unknown): Promise<Dataset> => loadDataset(dataSpecSchema.parse(spec), { folder: root, dataRoot: root, loadFleet });
const refused = (spec: unknown): Promise<MillwrightError> =>
  load(spec).then(
    () => expect.unreachable(),
    (error) => error,
  );

const hours = 48;
const clock = (i: number) => new Date(Date.UTC(2024, 0, 1) + i * 3_600_000).toISOString().slice(0, 16).replace("T", " ");
/** Two pumps, written hour by hour and pump 10 before pump 2, with one empty cell. */
const lines = Array.from({ length: hours }, (_, i) =>
  ["pump10", "pump2"].map(
    (pump) => `${clock(i)},${pump},${i === 5 ? "" : (i / 4).toFixed(2)},${i % 3},A${i % 2},7,${i < 30 ? "train" : "test"}`,
  ),
).flat();
await write(root, "pumps.csv.gz", `when,pump,pressure [bar],starts,mode,rate,part\n${lines.join("\n")}\n`);
await write(
  root,
  "failures.csv",
  `at;unit;what\n${clock(40)};pump2;bearing\n${clock(20)};pump2;seal\n${clock(30)};pump77;seal\n${clock(44)};pump10;seal\n`,
);

const spec: TableSource = { use: "table", path: "pumps.csv.gz", machine: "pump", time: "when" };

describe("use: table", () => {
  it("sorts by machine and time, finds the step, chooses inputs, keeps categories for sites", async () => {
    const dataset = await load(spec);
    expect(dataset.readings.rows).toBe(2 * hours);
    const pump = categoryOf(dataset.readings, "pump");
    expect(pump.labels).toEqual(["pump2", "pump10"]);
    expect([pump.codes[0], pump.codes[hours - 1], pump.codes[hours]]).toEqual([0, 0, 1]);
    expect(valuesOf(dataset.readings, "when")[1]).toBe(Date.UTC(2024, 0, 1, 1));
    expect(dataset.step).toBe(3_600_000);
    expect(dataset.inputs).toEqual(["pressure [bar]", "starts"]);
    expect(columnOf(dataset.readings, "pressure [bar]")).toMatchObject({ kind: "number", unit: "bar" });
    expect(valuesOf(dataset.readings, "pressure [bar]")[5]).toBeNaN();
    expect(columnOf(dataset.readings, "mode").kind).toBe("category");
  });

  it("joins flags into the class they tell, and refuses the row that breaks them", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => [i / 4, ...[0, 1, 2].map((k) => Number(i % 3 === k)), 5].join(","));
    await write(root, "flags.csv", `x,bent,cut,dirty,rate\n${rows.join("\n")}\n`);
    const flagged = { use: "table", path: "flags.csv", target: "fault", flags: ["cut", "dirty", "bent"] };
    const dataset = await load(flagged);
    expect(dataset.inputs).toEqual(["x"]);
    expect(dataset.target).toBe("fault");
    const fault = categoryOf(dataset.readings, "fault");
    expect(fault.labels).toEqual(["cut", "dirty", "bent"]);
    expect([...fault.codes.slice(0, 4)]).toEqual([2, 0, 1, 2]);
    expect(dataset.readings.columns.map(({ name }) => name)).toEqual(["x", "rate", "fault"]);
    await write(root, "flags-twice.csv", `x,bent,cut,dirty,rate\n${rows.join("\n")}\n1,1,0,1,5\n`);
    const twice = await refused({ ...flagged, path: "flags-twice.csv" });
    expect([twice.code, twice.detail.where, twice.detail.got]).toEqual(["DATA_INVALID", "flags-twice.csv, row 31", "1 in 2 of them"]);
    await write(root, "flags-none.csv", `x,bent,cut,dirty,rate\n${rows.join("\n")}\n1,0,0,0,5\n`);
    expect((await refused({ ...flagged, path: "flags-none.csv" })).detail.got).toBe("1 in 0 of them");
    await write(root, "flags-two.csv", `x,bent,cut,dirty,rate\n${rows.join("\n")}\n1,2,1,0,5\n`);
    expect((await refused({ ...flagged, path: "flags-two.csv" })).detail.got).toBe("2 in bent");
    const names = await refused({ ...flagged, target: "rate", flags: ["cut", "lost"] });
    expect([names.code, names.faults.map(({ where }) => where)]).toEqual(["DATA_MISSING", ["data.target", "data.flags[1]"]]);
    const issues = (value: object) => dataSpecSchema.safeParse({ ...flagged, ...value }).error?.issues.map(({ path }) => path.join("."));
    expect(issues({ target: undefined })).toEqual(["target"]);
    expect(issues({ inputs: ["x", "cut"] })).toEqual(["flags"]);
    expect(issues({ flags: ["cut"] })).toEqual(["flags"]);
  });

  it("refuses a column of numbers with a slip in it, unless the file says what it is", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => `${i},${i % 7}.5,${i === 33 ? "oops" : i}`);
    await write(root, "slip.csv", `t,x,y\n${rows.join("\n")}\n`);
    const slip = { use: "table", path: "slip.csv", time: "t" };
    const error = await refused(slip);
    expect(error.code).toBe("DATA_INVALID");
    expect(error.detail).toMatchObject({ where: 'slip.csv, column "y", row 34', got: '"oops"' });
    expect(error.detail.remedy).toContain("data.categories");
    expect((await load({ ...slip, drop: ["y"] })).inputs).toEqual(["x"]);
    expect(columnOf((await load({ ...slip, categories: ["y"] })).readings, "y").kind).toBe("category");
    expect((await refused({ ...slip, columns: { y: { kind: "number" } } })).message).toContain("oops");
  });

  it("reads event dates as the file says where their order is open", async () => {
    const rows = Array.from(
      { length: 60 },
      (_, i) => `a,2024-03-0${4 + Math.floor(i / 24)} ${String(i % 24).padStart(2, "0")}:00,${i % 7}.5`,
    );
    await write(root, "open.csv", `m,t,x\n${rows.join("\n")}\n`);
    await write(root, "open-events.csv", "m,t\na,03/04/2024 05:00\n");
    const events = { path: "open-events.csv", machine: "m", time: "t" };
    const open = { use: "table", path: "open.csv", machine: "m", time: "t" };
    expect((await refused({ ...open, events })).detail.remedy).toContain("under data.events");
    const read = await load({ ...open, events: { ...events, dates: "mdy" } });
    expect(valuesOf(read.events as NonNullable<Dataset["events"]>, "time")[0]).toBe(Date.UTC(2024, 2, 4, 5));
  });

  it("takes roles, kinds and units from the file; events of unknown machines stay out", async () => {
    const dataset = await load({
      ...spec,
      inputs: ["starts", "mode"],
      target: "rate",
      split: "part",
      categories: ["rate"],
      units: { starts: "1" },
      step: "1h",
      events: { path: "failures.csv", machine: "unit", time: "at", kind: "what", values: ["seal"] },
    });
    expect([dataset.target, dataset.split, dataset.step]).toEqual(["rate", "part", 3_600_000]);
    expect(columnOf(dataset.readings, "rate").kind).toBe("category");
    expect(columnOf(dataset.readings, "starts")).toMatchObject({ unit: "1" });
    const events = dataset.events!;
    expect(events.rows).toBe(2);
    expect(categoryOf(events, "machine").labels).toEqual(["pump2", "pump10"]);
    expect([...categoryOf(events, "machine").codes]).toEqual([0, 1]);
    expect([...valuesOf(events, "time")]).toEqual([Date.UTC(2024, 0, 1, 20), Date.UTC(2024, 0, 2, 20)]);
  });

  it("reads the same table from Parquet, and from a folder with the machine in the file's name", async () => {
    const columnData = [
      { name: "pump", data: Array.from({ length: 60 }, (_, i) => `pump${i % 2 === 0 ? 10 : 2}`), type: "STRING" as const },
      {
        name: "when",
        data: Array.from({ length: 60 }, (_, i) => new Date(Date.UTC(2024, 0, 1) + Math.floor(i / 2) * 3_600_000)),
        type: "TIMESTAMP" as const,
      },
      { name: "x", data: Array.from({ length: 60 }, (_, i) => i / 8), type: "DOUBLE" as const },
    ];
    await writeFile(join(root, "pumps.parquet"), new Uint8Array(parquetWriteBuffer({ columnData })));
    const parquet = await load({ use: "table", path: "pumps.parquet", machine: "pump", time: "when" });
    expect(parquet.step).toBe(3_600_000);
    expect(valuesOf(parquet.readings, "x")[0]).toBe(1 / 8);
    for (const name of ["m1", "m2"]) await write(root, `folder/${name}.csv`, "t,x\n1,0.5\n2,0.75\n3,1.5\n");
    const folder = await load({ use: "table", path: "folder", fileColumn: "machine", machine: "machine", time: "t", inputs: ["x"] });
    expect(categoryOf(folder.readings, "machine").labels).toEqual(["m1", "m2"]);
    expect([folder.step, folder.readings.rows]).toEqual([undefined, 6]);
  });

  it("a local time zone is taken off", async () => {
    const dataset = await load({ ...spec, timezone: "Europe/Berlin" });
    expect(valuesOf(dataset.readings, "when")[0]).toBe(Date.UTC(2023, 11, 31, 23));
  });

  it("names every role that no column has, with the columns that are there", async () => {
    const error = await refused({ ...spec, machine: "pomp", target: "nothing", inputs: ["starts", "speed"] });
    expect(error.code).toBe("DATA_MISSING");
    expect(error.faults.map((fault) => fault.where)).toEqual(["data.machine", "data.target", "data.inputs[1]"]);
    expect(error.message).toContain("pressure [bar]");
  });

  it("a value outside the schema after the sample is a fault with its row", async () => {
    const rows = Array.from({ length: 21_000 }, (_, i) => `${i},${i === 20_500 ? "broken" : i / 2}`);
    await write(root, "long.csv", `n,x\n${rows.join("\n")}\n`);
    const error = await refused({ use: "table", path: "long.csv" });
    expect(error.code).toBe("DATA_INVALID");
    expect(error.message).toContain('long.csv, row 20501, column "x": expected a number, got "broken"');
  });

  it.each([
    ["an unknown zone", { timezone: "Nowhere/At" }, "FILE_INVALID"],
    ["a split of other labels", { split: "mode" }, "DATA_INVALID"],
    ["a time column of texts", { time: "mode" }, "DATA_INVALID"],
    [
      "events without a machine role",
      { machine: undefined, events: { path: "failures.csv", machine: "unit", time: "at" } },
      "DATA_INVALID",
    ],
    [
      "events of no known kind",
      { events: { path: "failures.csv", machine: "unit", time: "at", kind: "what", values: ["fire"] } },
      "DATA_MISSING",
    ],
    ["events on another clock", { time: "starts", events: { path: "failures.csv", machine: "unit", time: "at" } }, "DATA_INVALID"],
    ["no such file", { path: "nothing.csv" }, "DATA_MISSING"],
    ["a category column declared a number", { columns: { mode: { kind: "number" } } }, "DATA_INVALID"],
  ])("%s is refused", async (_, more, code) => {
    expect((await refused({ ...spec, ...more })).code).toBe(code);
  });

  it("rows without a machine or a time are refused by name", async () => {
    await write(root, "holes.csv", "t,m,x\n1,a,0.5\n2,,0.5\n");
    expect((await refused({ use: "table", path: "holes.csv", machine: "m", time: "t" })).message).toContain('row 2, column "m"');
  });

  it("ambiguous dates are refused with both readings and settled by one line in the file", async () => {
    await write(root, "dates.csv", "day;x\n01/02/2024;1,5\n02/02/2024;2,5\n");
    const dates = { use: "table", path: "dates.csv", time: "day" };
    expect((await refused(dates)).message).toContain("2024-02-01 read day first and 2024-01-02 read month first");
    const settled = await load({ ...dates, columns: { day: { kind: "time", format: "dmy" } } });
    expect([...valuesOf(settled.readings, "day")]).toEqual([Date.UTC(2024, 1, 1), Date.UTC(2024, 1, 2)]);
    expect([...valuesOf(settled.readings, "x")]).toEqual([1.5, 2.5]);
  });

  it("lookAtTable shows what would be inferred", async () => {
    const schema = await lookAtTable(join(root, "pumps.csv.gz"));
    expect(schema.columns.map((column) => [column.name, column.kind, column.missing])).toEqual([
      ["when", "time", 0],
      ["pump", "category", 0],
      ["pressure [bar]", "number", 2],
      ["starts", "number", 0],
      ["mode", "category", 0],
      ["rate", "number", 0],
      ["part", "category", 0],
    ]);
    expect(schema.columns[5].constant).toBe(true);
  });
});

describe("use: ./module.mjs", () => {
  const source = `export default async ({ options, folder }) => ({
    name: "mine", description: "made in a test from " + typeof folder,
    readings: { rows: 2, columns: [{ name: "x", kind: "number", values: Float64Array.of(options.first, 2) }] }, inputs: ["x"] });`;

  it("gets the other fields as options and gives a data set", async () => {
    await write(root, "mine.mjs", source);
    const dataset = await load({ use: "./mine.mjs", first: 5 });
    expect([...valuesOf(dataset.readings, "x")]).toEqual([5, 2]);
  });

  it.each([
    ["no default export", "export const x = 1;"],
    ["a module that throws", "throw new Error('no');"],
    ["no data set", "export default async () => 3;"],
    ["inputs that are not there", source.replace('inputs: ["x"]', 'inputs: ["y"]')],
    ["columns of another length", source.replace("rows: 2", "rows: 3")],
  ])("%s is refused as PLUGIN_INVALID", async (name, text) => {
    const file = `bad-${name.replaceAll(" ", "-")}.mjs`;
    await write(root, file, text);
    expect((await refused({ use: `./${file}` })).code).toBe("PLUGIN_INVALID");
  });

  it("a module that is not there is DATA_MISSING", async () => {
    expect((await refused({ use: "./gone.mjs" })).code).toBe("DATA_MISSING");
  });
});

describe("the data key", () => {
  const paths = (value: unknown) =>
    dataSpecSchema.safeParse(value).error?.issues.map((issue) => [issue.path.join("."), issue.message]) ?? [];

  it("takes the short form and every named set", () => {
    expect(dataSpecSchema.parse("ccpp")).toEqual({ use: "ccpp" });
    expect(dataSpecSchema.parse({ use: "cmapss", set: "FD003" })).toEqual({ use: "cmapss", set: "FD003" });
    expect(dataSpecSchema.parse("fleet")).toMatchObject({ use: "fleet" });
  });

  it("reports unknown names, unknown fields and wrong values with their path, several at once", () => {
    expect(paths("cmaps")[0][0]).toBe("use");
    expect(paths("cmaps")[0][1]).toContain("cmapss");
    expect(paths({ use: "table", path: "a.csv", inputs: ["x", "x"] })).toEqual([["inputs", expect.stringContaining("once")]]);
    expect(paths({ use: "cmapss", set: "FD005" })[0][0]).toBe("set");
    expect(paths({ use: "table", path: "a.csv", colour: "red" })[0][1]).toContain("colour");
    expect(paths({ use: "table", step: "soon", events: { path: "x" } }).map(([path]) => path)).toEqual([
      "path",
      "step",
      "events.machine",
      "events.time",
    ]);
    expect(paths(undefined)[0][0]).toBe("use");
    expect(paths(7)[0][0]).toBe("use");
    expect(paths({ use: "toString" })[0][0]).toBe("use");
  });
});
