/** The site file: what it refuses, and that a plant's own table becomes exactly the part that a simulation deals to it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MillwrightError } from "../../src/core/errors.js";
import { partitionSites } from "../../src/data/partition/partition.js";
import { addStatistics, fitScaler, siteExamples, siteStatistic } from "../../src/data/pipeline.js";
import { parseSiteFile, readSiteFile } from "../../src/edge/site-file.js";
import { siteData, sitePart } from "../../src/edge/site-file-data.js";
import { parseSize } from "../../src/edge/site-file-values.js";
import { loadDataset } from "../../src/io/source/load.js";
import { dataPlanOf } from "../../src/round/node-plan.js";
import { temporaryFolder } from "../support/folder.js";
import { csv, federation, plantRows, writeFederation } from "./plants.js";

const folder = await temporaryFolder();

const faultsOf = (work: () => unknown): readonly { where?: string; expected: string; got: string }[] => {
  try {
    work();
  } catch (error) {
    return (error as MillwrightError).faults;
  }
  return expect.fail("nothing was refused");
};

describe("the file", () => {
  it("fills in what is not said", () => {
    const file = readSiteFile("site: plant-3\ndata: federation\n");
    expect(file).toMatchObject({
      site: "plant-3",
      data: { use: "federation" },
      columns: {},
      workers: 1,
      keep: { outbox: "365d", models: 3 },
    });
  });
  it("refuses several faults at once, each with its path", () => {
    const faults = faultsOf(() =>
      parseSiteFile({
        site: "Plant 3",
        coordinator: "http://x",
        data: { use: "table", file: "x.csv" },
        columns: { pressure: { unit: "bar" } },
        policy: { policy: "p", permission: [{ action: "fly" }] },
        proxy: "ftp://x",
        bandwidth: "fast",
        workers: 0,
        keep: { outbox: 90 },
        colour: "red",
      }),
    );
    expect(faults.map(({ where }) => where).sort()).toEqual(
      [
        "bandwidth",
        "columns.pressure.from",
        "coordinator",
        "data",
        "data.path",
        "keep.outbox",
        "policy.permission[0].action",
        "proxy",
        "site",
        "site.yaml",
        "workers",
      ].sort(),
    );
    expect(faults.find(({ where }) => where === "site.yaml")?.got).toBe('"colour"');
  });
  it("refuses a second data source beside the federation's, and broken YAML", () => {
    expect(faultsOf(() => parseSiteFile({ site: "a", data: { use: "federation", path: "x" } }))[0].where).toBe("data.path");
    expect(faultsOf(() => readSiteFile("site: [a\ndata: b"))[0].where).toMatch(/^site.yaml, line/);
    expect(faultsOf(() => readSiteFile("site: *a"))[0].expected).toContain("YAML");
  });
  it("reads bandwidths and sizes", () => {
    expect(parseSiteFile({ site: "a", data: "federation", bandwidth: "2Mbit/s" }).bandwidth).toBe("2Mbit/s");
    expect(faultsOf(() => parseSiteFile({ site: "a", data: "federation", bandwidth: "0Mbit/s" }))[0].expected).toContain("2Mbit/s");
    expect(parseSize("1.5 kB", "keep.size")).toBe(1500);
    expect(() => parseSize("20 MiB", "keep.size")).toThrow(MillwrightError);
  });
});

/** The rows of plant 2 as that plant keeps them: German names, other units, other labels, a column nobody asked for. */
function writeOwn(folder: string): void {
  const { rows, failures } = plantRows(2);
  const own = rows.map((row) => ({
    ...row,
    pressure: row.pressure * 1000,
    mode: row.mode === "slow" ? "langsam" : "schnell",
    note: `row ${row.time}`,
  }));
  writeFileSync(
    join(folder, "werk.csv"),
    csv(own.toReversed(), ["Maschine", "Zeitpunkt", "Druck [kPa]", "Temperatur", "Betriebsart", "Bemerkung"]),
  );
  writeFileSync(
    join(folder, "ausfaelle.csv"),
    csv(
      failures.map((f) => ({ ...f, kind: f.kind === "pump" ? "Pumpe" : "Ventil" })),
      ["Maschine", "Zeitpunkt", "Art"],
    ),
  );
}

const own = {
  site: "plant-2",
  data: {
    use: "table",
    path: "werk.csv",
    machine: "Maschine",
    time: "Zeitpunkt",
    events: { path: "ausfaelle.csv", machine: "Maschine", time: "Zeitpunkt", kind: "Art" },
  },
  columns: {
    pressure: "Druck [kPa]",
    temperature: { from: "Temperatur", unit: "K" },
    mode: { from: "Betriebsart", labels: { langsam: "slow", schnell: "fast" } },
  },
  events: { kinds: { Pumpe: "pump", Ventil: "valve" } },
};

describe("a plant's own table", () => {
  mkdirSync(join(folder, "plants"));
  const file = writeFederation(join(folder, "plants"));
  writeOwn(folder);
  const plan = dataPlanOf(file);

  it("becomes the part that a simulation deals, under other names and units", async () => {
    const dealt = partitionSites(await loadDataset(file.data, { folder, loadFleet: () => expect.fail("no fleet") }), plan, 7);
    const mine = await sitePart(parseSiteFile(own), file, { folder });
    const theirs = dealt[1];
    expect(mine.dataset.readings.columns.map(({ name }) => name)).toEqual(["machine", "time", "pressure", "temperature", "mode"]);
    expect(siteStatistic(mine, plan).moments).toEqual(siteStatistic(theirs, plan).moments);
    const scaler = fitScaler(dealt.map((part) => siteStatistic(part, plan)).reduce(addStatistics));
    const [a, b] = [siteExamples(mine, scaler, plan), siteExamples(theirs, scaler, plan)];
    for (const part of ["train", "validation", "test"] as const) {
      expect(a[part].count).toBeGreaterThan(0);
      expect(a[part].targets).toEqual(b[part].targets);
      expect(a[part].inputs.sequence).toEqual(b[part].inputs.sequence);
    }
    expect(a.train.targets.includes(1)).toBe(true);
  });

  it("adds its statistics to those of another plant of its own", async () => {
    const other = parseSiteFile({
      site: "plant-1",
      data: {
        use: "table",
        path: "plants/plant-1.csv",
        machine: "machine",
        time: "time",
        events: { path: "failures.csv", machine: "machine", time: "time", kind: "kind" },
      },
    });
    const parts = [await sitePart(parseSiteFile(own), file, { folder }), await sitePart(other, file, { folder })];
    const sum = parts.map((part) => siteStatistic(part, plan)).reduce(addStatistics);
    expect(sum.schema.units).toEqual({ pressure: "MPa", temperature: "K" });
    expect(sum.moments["scale/pressure"].count).toBe(2 * 2 * 48);
  });

  it("a plant where nothing has failed takes part", async () => {
    writeFileSync(join(folder, "none.csv"), "Maschine,Zeitpunkt,Art\nanother,2026-01-01T00:00:00Z,Pumpe\n");
    const site = parseSiteFile({ ...own, data: { ...own.data, events: { ...own.data.events, path: "none.csv" } } });
    const { warnings } = await siteData(site, file, { folder });
    expect(warnings.map(({ where }) => where)).toContain("data.events");
    const part = await sitePart(site, file, { folder });
    expect(siteExamples(part, fitScaler(siteStatistic(part, plan)), plan).train.targets.includes(1)).toBe(false);
  });

  it("tells every fault of the mapping at once", async () => {
    const wrong = parseSiteFile({
      ...own,
      columns: { pressure: { from: "Druck [kPa]", unit: "furlong" }, temprature: "Temperatur", mode: "Betriebsart" },
    });
    const { faults } = await siteData(wrong, file, { folder });
    const byPlace = Object.fromEntries(faults.map((fault) => [fault.where, fault]));
    expect(Object.keys(byPlace).sort()).toEqual(["columns.mode", "columns.pressure.unit", "columns.temperature", "columns.temprature"]);
    expect(byPlace["columns.pressure.unit"].remedy).toContain("furlong is not known");
    expect(byPlace["columns.temperature"].got).toContain("Bemerkung");
    expect(byPlace["columns.mode"].got).toContain("langsam");
    await expect(sitePart(wrong, file, { folder })).rejects.toMatchObject({ code: "DATA_INVALID" });
  });

  it("refuses a unit of another kind, and a unit the federation never declared", async () => {
    const kind = parseSiteFile({ ...own, columns: { ...own.columns, pressure: { from: "Druck [kPa]", unit: "degC" } } });
    expect((await siteData(kind, file, { folder })).faults.map(({ got }) => got)).toEqual(["degC to MPa"]);
    const bare = federation({ data: { ...(federation().data as object), units: {} } });
    const said = parseSiteFile({ ...own, columns: { ...own.columns, pressure: { from: "Druck [kPa]", unit: "kPa" } } });
    const found = await siteData(said, bare, { folder });
    expect(found.faults.map(({ where }) => where)).toEqual(["columns.pressure.unit", "columns.temperature.unit"]);
  });

  it("refuses a federation file that does not say its inputs", async () => {
    const { inputs: _, ...data } = federation().data as Record<string, unknown>;
    await expect(siteData(parseSiteFile(own), federation({ data }), { folder })).rejects.toThrow(/data.inputs/);
  });

  it("takes the part of the federation's own data", async () => {
    const part = await sitePart(parseSiteFile({ site: "plant-3", data: "federation" }), file, { folder });
    expect(part.site).toBe("plant-3");
    expect(part.rows.length).toBe(192);
    await expect(sitePart(parseSiteFile({ site: "plant-9", data: "federation" }), file, { folder })).rejects.toThrow(
      /plant-1, plant-2, plant-3/,
    );
  });

  it("holds another fleet against the fleet's columns", async () => {
    const fleet = federation({
      data: { use: "fleet", machines: 6, days: 20, sites: 3 },
      sites: { use: "by", column: "site" },
      split: { by: "time", test: 0.4 },
    });
    const site = parseSiteFile({ site: "plant-1", data: { use: "fleet", machines: 3, days: 20, sites: 1, seed: 5 } });
    const part = await sitePart(site, fleet, { folder });
    expect(part.dataset.inputs.length).toBe(9);
    expect(siteStatistic(part, dataPlanOf(fleet)).schema.categories).toEqual({});
  });
});
