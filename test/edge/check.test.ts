/** `join --check`: what is found in good rows, and every kind of fault in bad ones, several at once. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fitScaler, siteStatistic } from "../../src/data/pipeline.js";
import { checkSite, type SiteCheck } from "../../src/edge/check.js";
import { checkText, columnRows } from "../../src/edge/check-text.js";
import { parseSiteFile } from "../../src/edge/site-file.js";
import { sitePart } from "../../src/edge/site-file-data.js";
import { dataPlanOf } from "../../src/round/node-plan.js";
import { temporaryFolder } from "../support/folder.js";
import { csv, federation, type PlantRow, plantRows, writeFederation } from "./plants.js";

const folder = await temporaryFolder();
mkdirSync(join(folder, "plants"));
const file = writeFederation(join(folder, "plants"));
const { rows, failures } = plantRows(2);
writeFileSync(join(folder, "events.csv"), csv(failures));

const site = (path: string, more: object = {}) =>
  parseSiteFile({
    site: "plant-2",
    data: {
      use: "table",
      path,
      machine: "machine",
      time: "time",
      events: { path: "events.csv", machine: "machine", time: "time", kind: "kind" },
    },
    ...more,
  });
/** A check of the rows of plant 2 after a change. */
function check(name: string, change: (row: PlantRow, i: number) => object | undefined, more: object = {}, plan = file): Promise<SiteCheck> {
  writeFileSync(join(folder, name), csv(rows.flatMap((row, i) => change(row, i) ?? [])));
  return checkSite(site(name, more), plan, { folder });
}
const places = (list: SiteCheck["faults"]) => list.map(({ where }) => where);

describe("good rows", () => {
  it("are counted as a run will cut them", async () => {
    const found = await check("good.csv", (row) => row);
    expect(found.faults).toEqual([]);
    expect(found.ok).toBe(true);
    expect(found.facts).toMatchObject({ rows: 192, machines: 2, clock: "time", step: 3_600_000, events: 6, gaps: 0 });
    const { windows, answers } = found.facts;
    if (windows === undefined || answers === undefined) expect.fail("no windows");
    for (const part of ["train", "validation", "test"] as const) {
      expect(windows[part]).toBeGreaterThan(0);
      expect(answers.failure[part] + answers["no failure"][part]).toBe(windows[part]);
    }
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    const text = checkText(found);
    expect(text).toContain("these rows will do");
    expect(text).toContain(`windows: ${windows.train} train, ${windows.validation} validation, ${windows.test} test`);
    expect(columnRows(found.facts).map(([name]) => name)).toEqual(["federation", "machine", "time", "pressure", "temperature", "mode"]);
  });
  it("of the federation's own data are the plant's alone", async () => {
    const found = await checkSite(parseSiteFile({ site: "plant-2", data: "federation" }), file, { folder });
    expect(found).toMatchObject({ ok: true, facts: { rows: 192, machines: 2, events: 6 } });
  });
});

describe("bad rows", () => {
  it("columns, labels and units are faults together", async () => {
    const found = await check(
      "names.csv",
      ({ pressure, mode, ...row }) => ({ ...row, Pressure: pressure, mode: mode === "slow" ? "slow" : "crawl" }),
      { columns: { temperature: { from: "temperature", unit: "bar" }, speed: "v" } },
    );
    expect(found.ok).toBe(false);
    expect(places(found.faults).sort()).toEqual(["columns.mode", "columns.pressure", "columns.speed", "columns.temperature.unit"]);
    expect(found.faults.find(({ where }) => where === "columns.pressure")?.remedy).toContain("columns: { pressure: Pressure }");
    expect(checkText(found)).toContain("4 fault(s)");
  });
  it("a cell that is no number is told with its row", async () => {
    const found = await check("text.csv", (row, i) => (i === 7 ? { ...row, temperature: "hot" } : row), {}, numbers);
    expect(found.faults).toEqual([expect.objectContaining({ where: 'text.csv, row 8, column "temperature"', got: '"hot"' })]);
  });
  it("no reading may lie twice at one moment", async () => {
    const found = await check("twice.csv", (row, i) => [row, ...(i === 3 ? [row] : [])] as object);
    expect(found.faults[0]).toMatchObject({ expected: expect.stringContaining("ascending time, one per moment") });
  });
  it("missing readings that no rule fills are refused, and the columns say how many", async () => {
    const found = await check("missing.csv", (row, i) => (i % 5 === 0 ? { ...row, pressure: "" } : row));
    expect(found.facts.columns.find(({ name }) => name === "pressure")?.missing).toBeGreaterThan(30);
    expect(found.faults[0]).toMatchObject({ where: 'column "pressure", machine "m2-1", row 0', remedy: expect.stringContaining("gaps") });
    const empty = await check("empty.csv", (row) => ({ ...row, pressure: "" }));
    expect(empty.ok).toBe(false);
    expect(JSON.stringify(empty.faults)).toContain("pressure");
  });
  it("another clock than the federation's", async () => {
    const found = await check("clock.csv", (row, i) => (i % 2 === 0 ? row : undefined));
    expect(found.faults).toEqual([expect.objectContaining({ where: "data.step", got: "7200000 ms" })]);
  });
  it("too few rows to train on, none to test on", async () => {
    const found = await check(
      "few.csv",
      (row, i) => (i % 96 < 5 ? row : undefined),
      {},
      federation({ split: { by: "machine", test: 0.5 } }),
    );
    expect(found.faults[0]).toMatchObject({ where: "data", expected: "at least one window to train on" });
  });
  it("a moment of the split that lies outside the plant's rows", async () => {
    const found = await check("early.csv", (row, i) => (i % 96 < 40 ? row : undefined));
    expect(found.faults[0]).toMatchObject({ where: "split" });
  });
});

const numbers = federation({
  data: {
    ...(federation().data as object),
    columns: { temperature: { kind: "number" }, mode: { kind: "category", labels: ["fast", "slow"] } },
  },
});

describe("doubtful rows", () => {
  it("values that betray their unit", async () => {
    const found = await check("celsius.csv", (row) => ({ ...row, temperature: row.temperature - 273.15 }));
    expect(found.warnings.map(({ got }) => got).join()).toContain("look like degrees Celsius");
    const converted = await check("celsius.csv", (row) => ({ ...row, temperature: row.temperature - 273.15 }), {
      columns: { temperature: { from: "temperature", unit: "degC" } },
    });
    expect(converted.warnings.map(({ got }) => got).join()).not.toContain("Celsius");
    expect(converted.facts.columns.find(({ name }) => name === "temperature")).toMatchObject({
      fromUnit: "degC",
      unit: "K",
      converted: true,
    });
    expect(checkText(converted)).toContain("degC -> K");
    const impossible = await check("kelvin.csv", (row) => ({ ...row, temperature: row.temperature - 400 }));
    expect(places(impossible.faults)).toEqual(["columns.temperature"]);
  });
  it("means far from the federation's, with the factor that explains it", async () => {
    const scaler = fitScaler(siteStatistic(await sitePart(site("good.csv"), file, { folder }), dataPlanOf(file)));
    writeFileSync(join(folder, "bar.csv"), csv(rows.map((row) => ({ ...row, pressure: row.pressure * 10 }))));
    const found = await checkSite(site("bar.csv"), file, { folder, scaler });
    expect(found.warnings.find(({ where }) => where === "columns.pressure")?.got).toContain("a factor of 10 (bar and MPa)?");
    expect(
      (await checkSite(site("good.csv"), file, { folder, scaler })).warnings.filter(({ where }) => where === "columns.pressure"),
    ).toEqual([]);
  });
  it("constants, one column twice, values out of range, units nobody said", async () => {
    const found = await check("doubt.csv", (row) => ({ ...row, pressure: 5 }), {
      columns: { pressure: { from: "pressure", range: [6, 8] }, temperature: { from: "temperature", unit: "K" } },
    });
    const got = found.warnings.map((warning) => `${warning.where}: ${warning.got}`);
    expect(got).toContain("columns.pressure: 5 in every row");
    expect(got).toContain("columns.pressure.range: 192 of 192 rows outside");
    expect(got).toContain("columns.pressure.unit: none: taken as MPa");
    const twice = await check("doubt.csv", (row) => row, { columns: { pressure: "temperature" } });
    expect(twice.warnings.map(({ got }) => got).join()).toContain("which is pressure too");
  });
  it("answers that never occur, and gaps", async () => {
    const one = await check(
      "one.csv",
      (row, i) => (i % 96 > 70 && i % 96 < 75 ? undefined : row),
      {},
      federation({ task: { ...federation().task, events: ["valve"] }, split: { by: "time", test: 0.1 } }),
    );
    expect(one.warnings.map(({ where }) => where)).toContain("data.time");
    const none = await checkSite(
      site("good.csv", { events: { kinds: { pump: "other", valve: "other" } } }),
      federation({ task: { ...federation().task, events: ["bearing"] } }),
      { folder },
    );
    expect(none.warnings.map(({ expected }) => expected).join()).toContain('whose answer is "failure"');
    expect(none.ok).toBe(true);
  });
});
