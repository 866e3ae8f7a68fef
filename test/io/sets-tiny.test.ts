/** Every loader on tiny files of the same format; the real files have a test of their own. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import { categoryOf, columnOf, valuesOf } from "../../src/data/schema-table.js";
import { type DataSpec, dataSpecSchema, setNames } from "../../src/data/source-spec.js";
import { loadDataset } from "../../src/io/source/load.js";
import { temporaryFolder } from "../support/folder.js";
import { tinyAi4i, tinyAzure, tinyCmapss, tinyNeu, tinySets, tinySteelEnergy, tinySteelPlates } from "../support/tiny/sets.js";
import { write } from "../support/tiny/write.js";

const root = await temporaryFolder();
const loadFleet = (): never => {
  throw new Error("no fleet here");
};
const load = (spec: DataSpec, dataRoot = root): Promise<Dataset> => loadDataset(spec, { folder: root, dataRoot, loadFleet });
const refused = (spec: DataSpec, dataRoot = root) =>
  load(spec, dataRoot).then(
    () => expect.unreachable(),
    (error) => error,
  );

beforeAll(() => tinySets(root));

describe("named data sets", () => {
  it.each(setNames)("%s: roles name columns; without its folder it names the command that fetches it", async (name) => {
    const spec = dataSpecSchema.parse(name === "cmapss" ? { use: name, set: "FD002" } : name);
    const dataset = await load(spec);
    const names = dataset.readings.columns.map((column) => column.name);
    for (const role of [...dataset.inputs, dataset.machine, dataset.time, dataset.target, dataset.split])
      if (role !== undefined) expect(names).toContain(role);
    const error = await refused(spec, join(root, "nowhere"));
    expect(error.code).toBe("DATA_MISSING");
    expect(error.message).toContain(`millwright data fetch ${name}`);
    expect(error.message).toContain("MILLWRIGHT_DATA");
  });

  it("cmapss: a failure ends each engine's life, RUL file included; the regime follows setting1", async () => {
    const dataset = await load({ use: "cmapss", set: "FD002" });
    const machine = categoryOf(dataset.readings, "machine");
    expect(machine.labels.slice(0, 5)).toEqual(["train-1", "train-2", "train-3", "train-4", "test-1"]);
    const cycle = valuesOf(dataset.readings, "cycle");
    const ends = valuesOf(dataset.events!, "time");
    const last = new Float64Array(8);
    machine.codes.forEach((code, i) => {
      last[code] = cycle[i];
    });
    expect([...ends.map((end, i) => end - last[i])]).toEqual([0, 0, 0, 0, 10, 17, 24, 31]);
    const regime = categoryOf(dataset.readings, "regime");
    const altitude = valuesOf(dataset.readings, "setting1");
    regime.codes.forEach((code, i) => {
      expect(Math.abs(altitude[i] - Number(regime.labels[code]))).toBeLessThan(1);
    });
  });

  it("cmapss: refuses a file whose engines do not count 1, 2, 3, and a RUL file that is too short", async () => {
    const other = join(root, "broken");
    await tinyCmapss(other);
    await write(other, "cmapss/RUL_FD001.txt", "1 \n2 \n");
    expect((await refused({ use: "cmapss", set: "FD001" }, other)).code).toBe("DATA_INVALID");
    const line = (unit: number, cycle: number) => `${unit} ${cycle} ${Array(24).fill("1.0").join(" ")}\n`;
    await write(other, "cmapss/train_FD001.txt.gz", line(1, 1) + line(1, 3));
    expect((await refused({ use: "cmapss", set: "FD001" }, other)).message).toContain('column "cycle": expected 2, got 3');
  });

  it("azure-pdm: errors fall into their hour, unknown machines stay out, machine 10 comes after 2", async () => {
    const dataset = await load({ use: "azure-pdm" });
    expect(categoryOf(dataset.readings, "machine").labels).toEqual(["1", "2", "10"]);
    expect(valuesOf(dataset.readings, "error2")[240 + 48]).toBe(1);
    const total = [1, 2, 3, 4, 5].flatMap((k) => [...valuesOf(dataset.readings, `error${k}`)]).reduce((a, b) => a + b, 0);
    expect(total).toBe(3);
    expect(dataset.events!.rows).toBe(3);
    const model = categoryOf(dataset.readings, "model");
    expect(model.labels[model.codes[0]]).toBe("model3");
    expect(valuesOf(dataset.readings, "age")[240]).toBe(7);
  });

  it("azure-pdm: refuses a missing hour", async () => {
    const other = join(root, "gap");
    await tinyAzure(other, 80);
    const rows = [0, 1, 3].map((h) => `2015-01-01 0${6 + h}:00:00,1,1,1,1,1\n`).join("");
    await write(other, "azure-pdm/PdM_telemetry_m001-020_h2160.csv", `datetime,machineID,volt,rotate,pressure,vibration\n${rows}`);
    expect((await refused({ use: "azure-pdm" }, other)).message).toContain("expected one row per hour");
  });

  it("skab: experiments in natural order, first 400 rows train, the unlabelled group on request", async () => {
    const dataset = await load({ use: "skab" });
    expect(categoryOf(dataset.readings, "machine").labels).toEqual(["valve1/0", "valve1/2", "valve1/10", "valve2/0", "other/1"]);
    const split = categoryOf(dataset.readings, "split").codes;
    expect([split[399], split[400], split[500]]).toEqual([0, 1, 0]);
    const free = await load({ use: "skab", groups: ["anomaly-free"] });
    expect(valuesOf(free.readings, "anomaly").every((value) => value === 0)).toBe(true);
  });

  it("hydraulic-systems: statistics of a straight line are known", async () => {
    const dataset = await load({ use: "hydraulic-systems", target: "pump" });
    const at = (name: string) => valuesOf(dataset.readings, name)[7];
    expect(dataset.target).toBe("pump");
    expect(at("PS3 mean")).toBeCloseTo(7 + 0.5 * 29.5, 12);
    expect(at("PS3 slope")).toBeCloseTo(0.5, 12);
    expect([at("PS3 min"), at("PS3 max")]).toEqual([7, 36.5]);
    expect(at("PS3 sd")).toBeCloseTo(0.5 * Math.sqrt(305), 10);
    const block = categoryOf(dataset.readings, "block");
    expect([block.codes[0], block.codes[5], block.codes[6]]).toEqual([0, 0, 1]);
  });

  it("neu-surface-defects: bytes become 0..1; a file that is too short is refused", async () => {
    const dataset = await load({ use: "neu-surface-defects" });
    const image = columnOf(dataset.readings, "image");
    if (image.kind !== "tensor") throw new Error("no tensor");
    expect(image.values.length).toBe(12 * 64 * 64);
    expect(image.values.every((value) => value >= 0 && value <= 1)).toBe(true);
    const other = join(root, "short");
    await tinyNeu(other);
    await write(other, "neu-surface-defects/neu_64x64_gray_b.bin.gz", new Uint8Array(10));
    expect((await refused({ use: "neu-surface-defects" }, other)).code).toBe("DATA_INVALID");
    await write(other, "neu-surface-defects/neu_64x64_gray_b.bin.gz", new Uint8Array(64 * 64 * 12));
    expect((await refused({ use: "neu-surface-defects" }, other)).code).toBe("DATA_INVALID");
  });

  it("steel-plates-faults: one-hot columns become a class; two flags on a row are refused", async () => {
    const dataset = await load({ use: "steel-plates-faults" });
    expect([...categoryOf(dataset.readings, "fault").codes.slice(0, 8)]).toEqual([0, 1, 2, 3, 4, 5, 6, 0]);
    expect(dataset.inputs).toEqual(["Pixels_Areas", "TypeOfSteel_A300", "TypeOfSteel_A400"]);
    const other = join(root, "twice");
    await tinySteelPlates(other);
    const header = "A,TypeOfSteel_A300,Pastry_Fault,Z_Scratch_Fault,K_Scatch_Fault,Stains_Fault,Dirtiness_Fault,Bumps_Fault,Other_Faults";
    await write(other, "steel-plates-faults/steel_plates_faults.csv", `${header}\n1,1,1,1,0,0,0,0,0\n`);
    expect((await refused({ use: "steel-plates-faults" }, other)).message).toContain("expected exactly one fault flag, got 2");
  });

  it("steel-industry-energy: 00:00 ends its day; a hole in the clock is refused", async () => {
    const dataset = await load({ use: "steel-industry-energy" });
    const times = valuesOf(dataset.readings, "time");
    expect([times[0], times[95], times[96]]).toEqual([Date.UTC(2018, 0, 1, 0, 15), Date.UTC(2018, 0, 2), Date.UTC(2018, 0, 2, 0, 15)]);
    const other = join(root, "hole");
    await tinySteelEnergy(other);
    await write(
      other,
      "steel-industry-energy/Steel_industry_data.csv",
      "date,Usage_kWh,Lagging_Current_Reactive_Power_kVarh,Leading_Current_Reactive_Power_kVarh,CO2(tCO2),Lagging_Current_Power_Factor,Leading_Current_Power_Factor,NSM,WeekStatus,Day_of_week,Load_Type\n01/01/2018 00:15,1,1,1,1,1,1,1,Weekday,Monday,Light_Load\n01/01/2018 00:45,1,1,1,1,1,1,1,Weekday,Monday,Light_Load\n",
    );
    expect((await refused({ use: "steel-industry-energy" }, other)).message).toContain("15 minutes after");
  });

  it("ai4i2020: the target may be spelt with an underscore in the file; its name is the same", async () => {
    const other = join(root, "underscore");
    await tinyAi4i(other);
    const file = join(other, "ai4i2020/ai4i2020.csv");
    await writeFile(file, (await readFile(file, "utf8")).replace("Machine failure", "Machine_failure"));
    expect((await load({ use: "ai4i2020" }, other)).readings).toEqual((await load({ use: "ai4i2020" })).readings);
  });

  it("secom: empty cells are NaN, not zero; -1 is pass", async () => {
    const dataset = await load({ use: "secom" });
    expect(dataset.inputs).toEqual(["f0", "f2", "f589"]);
    expect(dataset.inputs.some((name) => valuesOf(dataset.readings, name).some(Number.isNaN))).toBe(true);
    const result = categoryOf(dataset.readings, "result");
    expect([result.labels[result.codes[0]], result.labels[result.codes[1]]]).toEqual(["fail", "pass"]);
  });

  it("a truncated gzip file is named, not half read", async () => {
    const other = join(root, "cut");
    await tinyCmapss(other);
    const file = join(other, "cmapss/train_FD001.txt.gz");
    await writeFile(file, (await readFile(file)).subarray(0, 400));
    const error = await refused({ use: "cmapss", set: "FD001" }, other);
    expect(error.code).toBe("FILE_UNREADABLE");
    expect(error.message).toContain("train_FD001.txt.gz");
    await rm(other, { recursive: true });
  });
});
