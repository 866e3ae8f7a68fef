/** Every loader on the real files, against the counts written down where the files came from. */
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.js";
import { categoryOf, columnOf, valuesOf } from "../../src/data/schema-table.js";
import { type DataSpec, setNames } from "../../src/data/source-spec.js";
import { loadDataset } from "../../src/io/source/load.js";
import { dataFolder } from "../support/data.js";

const root = dataFolder();
const loaded = new Map<string, Promise<Dataset>>();

/** Loads once per spec: the tests only read. */
function load(spec: DataSpec): Promise<Dataset> {
  const key = JSON.stringify(spec);
  const loadFleet = () => {
    throw new Error("no fleet here");
  };
  const held = loaded.get(key) ?? loadDataset(spec, { folder: ".", dataRoot: root, loadFleet });
  loaded.set(key, held);
  return held;
}

const title = (name: string) => `${name} (needs MILLWRIGHT_DATA: millwright data fetch ${name})`;
const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
const counts = (dataset: Dataset, name: string): Record<string, number> => {
  const { codes, labels } = categoryOf(dataset.readings, name);
  return Object.fromEntries(labels.map((label, i) => [label, codes.filter((code) => code === i).length]));
};

describe.skipIf(!dataFolder("cmapss"))(title("cmapss"), () => {
  it.each([
    ["FD001", 20631, 13096, 100, 100, 128, 362, 7, 145],
    ["FD002", 53759, 33991, 260, 259, 128, 378, 6, 194],
    ["FD003", 24720, 16596, 100, 100, 145, 525, 6, 145],
    ["FD004", 61249, 41214, 249, 248, 128, 543, 6, 195],
  ] as const)(
    "%s has the published rows, engines, lives",
    async (set, trainRows, testRows, train, test, shortest, longest, least, most) => {
      const dataset = await load({ use: "cmapss", set });
      expect(counts(dataset, "split")).toEqual({ train: trainRows, test: testRows });
      const machine = categoryOf(dataset.readings, "machine");
      expect(machine.labels.filter((label) => label.startsWith("train-")).length).toBe(train);
      expect(machine.labels.filter((label) => label.startsWith("test-")).length).toBe(test);
      const ends = valuesOf(dataset.events!, "time");
      const trainEnds = ends.slice(0, train);
      expect([Math.min(...trainEnds), Math.max(...trainEnds)]).toEqual([shortest, longest]);
      const last = new Float64Array(machine.labels.length);
      const cycle = valuesOf(dataset.readings, "cycle");
      for (let i = 0; i < cycle.length; i++) last[machine.codes[i]] = cycle[i];
      const lives = ends.map((end, i) => end - last[i]);
      expect(lives.slice(0, train).every((life) => life === 0)).toBe(true);
      expect([Math.min(...lives.slice(train)), Math.max(...lives.slice(train))]).toEqual([least, most]);
      const regimes = Object.values(counts(dataset, "regime")).filter((n) => n > 0).length;
      expect(regimes).toBe(set === "FD002" || set === "FD004" ? 6 : 1);
      expect(dataset.inputs).toHaveLength(14);
    },
  );

  it("FD001 begins with the published first row", async () => {
    const { readings } = await load({ use: "cmapss", set: "FD001" });
    const first = (name: string) => valuesOf(readings, name)[0];
    expect(["setting1", "setting2", "setting3", "sensor1", "sensor2", "sensor21"].map(first)).toEqual([
      -0.0007, -0.0004, 100, 518.67, 641.82, 23.419,
    ]);
  });
});

describe.skipIf(!dataFolder("azure-pdm"))(title("azure-pdm"), () => {
  it("has 20 machines x 2160 hours, 211 errors and 42 failures in that time", async () => {
    const dataset = await load({ use: "azure-pdm" });
    expect(dataset.readings.rows).toBe(43_200);
    expect(categoryOf(dataset.readings, "machine").labels).toHaveLength(20);
    expect([1, 2, 3, 4, 5].reduce((total, k) => total + sum(valuesOf(dataset.readings, `error${k}`)), 0)).toBe(211);
    const end = Date.UTC(2015, 3, 1, 5);
    expect(valuesOf(dataset.events!, "time").filter((time) => time <= end).length).toBe(42);
    expect(valuesOf(dataset.readings, "time")[0]).toBe(Date.UTC(2015, 0, 1, 6));
    expect(valuesOf(dataset.readings, "volt")[0]).toBe(176.217853015625);
    const labels = categoryOf(dataset.readings, "model").labels;
    expect(labels).toEqual(["model1", "model2", "model3", "model4"]);
    expect(sum(valuesOf(dataset.readings, "volt")) / 43_200).toBeCloseTo(171, 0);
  });

  it("gives the recipe's windows: 14,100, of which 280 have a failure in the next 24 h", async () => {
    const dataset = await load({ use: "azure-pdm" });
    const codes = categoryOf(dataset.events!, "machine").codes;
    const times = valuesOf(dataset.events!, "time");
    const start = Date.UTC(2015, 0, 1, 6);
    let windows = 0;
    let positive = 0;
    for (let machine = 0; machine < 20; machine++) {
      for (let t = 24; t <= 2136; t += 3) {
        windows++;
        const at = start + t * 3_600_000;
        if (times.some((time, i) => codes[i] === machine && time >= at && time < at + 86_400_000)) positive++;
      }
    }
    expect([windows, positive]).toEqual([14_100, 280]);
  });
});

describe.skipIf(!dataFolder("ai4i2020"))(title("ai4i2020"), () => {
  it("has 10,000 rows, 339 failures, and its labels follow the published rules", async () => {
    const { readings } = await load({ use: "ai4i2020" });
    expect(["Machine failure", "TWF", "HDF", "PWF", "OSF", "RNF"].map((name) => sum(valuesOf(readings, name)))).toEqual([
      339, 46, 115, 95, 98, 19,
    ]);
    const type = categoryOf(readings, "Type");
    const [air, process, speed, torque, wear, hdf, osf] = [
      "Air temperature [K]",
      "Process temperature [K]",
      "Rotational speed [rpm]",
      "Torque [Nm]",
      "Tool wear [min]",
      "HDF",
      "OSF",
    ].map((name) => valuesOf(readings, name));
    const strain = [11_000, 12_000, 13_000];
    let mistaken = 0;
    for (let i = 0; i < readings.rows; i++) {
      if ((process[i] - air[i] < 8.6 && speed[i] < 1380) !== (hdf[i] === 1)) mistaken++;
      if (torque[i] * wear[i] > strain[type.codes[i]] !== (osf[i] === 1)) mistaken++;
    }
    expect(mistaken).toBe(0);
  });
});

describe.skipIf(!dataFolder("skab"))(title("skab"), () => {
  it("has 34 labelled experiments, 37,401 rows, 34.9 % anomalous", async () => {
    const dataset = await load({ use: "skab" });
    expect(counts(dataset, "group")).toEqual({ valve1: 18_160, valve2: 4_312, other: 14_929, "anomaly-free": 0 });
    expect(categoryOf(dataset.readings, "machine").labels).toHaveLength(34);
    expect(sum(valuesOf(dataset.readings, "anomaly"))).toBe(6309 + 1517 + 5241);
    expect(sum(valuesOf(dataset.readings, "changepoint"))).toBe(63 + 16 + 50);
    expect(counts(dataset, "split").train).toBe(34 * 400);
    const free = await load({ use: "skab", groups: ["anomaly-free"] });
    expect(free.readings.rows).toBe(9405);
  });
});

describe.skipIf(!dataFolder("secom"))(title("secom"), () => {
  it("has 1,567 lots, 207 sensors, 15,490 empty cells, 104 fails", async () => {
    const dataset = await load({ use: "secom" });
    expect(dataset.inputs).toHaveLength(207);
    expect(counts(dataset, "result")).toEqual({ pass: 1463, fail: 104 });
    expect(counts(dataset, "split")).toEqual({ train: 1175, test: 392 });
    expect(dataset.inputs.reduce((n, name) => n + valuesOf(dataset.readings, name).filter(Number.isNaN).length, 0)).toBe(15_490);
    expect(valuesOf(dataset.readings, "timestamp")[0]).toBe(Date.UTC(2008, 6, 19, 11, 55));
  });
});

describe.skipIf(!dataFolder("steel-plates-faults"))(title("steel-plates-faults"), () => {
  it("has 1,941 faults of seven kinds and 27 inputs", async () => {
    const dataset = await load({ use: "steel-plates-faults" });
    expect(dataset.inputs).toHaveLength(27);
    expect(counts(dataset, "fault")).toEqual({
      Pastry: 158,
      Z_Scratch: 190,
      K_Scatch: 391,
      Stains: 72,
      Dirtiness: 55,
      Bumps: 402,
      Other: 673,
    });
  });
});

describe.skipIf(!dataFolder("neu-surface-defects"))(title("neu-surface-defects"), () => {
  it("has 300 images of each of six classes, values in 0..1", async () => {
    const dataset = await load({ use: "neu-surface-defects" });
    expect(new Set(Object.values(counts(dataset, "class")))).toEqual(new Set([300]));
    const image = columnOf(dataset.readings, "image");
    if (image.kind !== "tensor") throw new Error("no tensor");
    expect(image.shape).toEqual([64, 64, 1]);
    let low = 1;
    let high = 0;
    for (const value of image.values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(1);
    expect(high).toBeGreaterThan(0.9);
  });
});

describe.skipIf(!dataFolder("hydraulic-systems"))(title("hydraulic-systems"), () => {
  it("has 2,205 cycles with the published conditions", async () => {
    const dataset = await load({ use: "hydraulic-systems" });
    expect(dataset.inputs).toHaveLength(85);
    expect(dataset.target).toBe("cooler");
    expect(counts(dataset, "cooler")).toEqual({ "3": 732, "20": 732, "100": 741 });
    expect(counts(dataset, "valve")).toEqual({ "100": 1125, "90": 360, "80": 360, "73": 360 });
    expect(counts(dataset, "pump")).toEqual({ "0": 1221, "1": 492, "2": 492 });
    expect(counts(dataset, "accumulator")).toEqual({ "130": 599, "115": 399, "100": 399, "90": 808 });
    expect(counts(dataset, "stable")).toEqual({ "0": 1449, "1": 756 });
    const mean = valuesOf(dataset.readings, "TS1 mean")[0];
    expect(mean).toBeGreaterThan(35);
    expect(mean).toBeLessThan(36.2);
    expect(valuesOf(dataset.readings, "TS1 slope")[0]).toBeGreaterThan(0);
  });

  it("keeps the cycle itself in sequence mode", async () => {
    const dataset = await load({ use: "hydraulic-systems", mode: "sequence" });
    const cycle = columnOf(dataset.readings, "cycle");
    if (cycle.kind !== "tensor") throw new Error("no tensor");
    expect(cycle.shape).toEqual([60, 17]);
    expect([cycle.values[0], cycle.values[17], cycle.values[9]]).toEqual([176.8996, 184.642, 35.57].map(Math.fround));
  });
});

describe.skipIf(!dataFolder("ccpp"))(title("ccpp"), () => {
  it("has 9,568 hours in the published ranges", async () => {
    const { readings } = await load({ use: "ccpp" });
    expect(readings.rows).toBe(9568);
    const energy = valuesOf(readings, "energy");
    expect([Math.min(...energy), Math.max(...energy)]).toEqual([420.26, 495.76]);
  });
});

describe.skipIf(!dataFolder("steel-industry-energy"))(title("steel-industry-energy"), () => {
  it("has 35,040 regular quarter hours; persistence reaches the published RMSE", async () => {
    const dataset = await load({ use: "steel-industry-energy" });
    const usage = valuesOf(dataset.readings, "Usage_kWh");
    const times = valuesOf(dataset.readings, "time");
    expect([times[0], times[35_039]]).toEqual([Date.UTC(2018, 0, 1, 0, 15), Date.UTC(2019, 0, 1)]);
    expect(sum(usage) / usage.length).toBeCloseTo(27.387, 3);
    expect(counts(dataset, "Load_Type")).toEqual({ Light_Load: 18_072, Medium_Load: 9_696, Maximum_Load: 7_272 });
    const from = Math.floor(usage.length * 0.8);
    let squares = 0;
    for (let i = from; i < usage.length; i++) squares += (usage[i] - usage[i - 1]) ** 2;
    expect(Math.sqrt(squares / (usage.length - from))).toBeCloseTo(12.32, 2);
  });
});

describe.skipIf(root === undefined)("named sets (need MILLWRIGHT_DATA: millwright data fetch NAME)", () => {
  it.each(setNames)("%s: roles name columns, rows are in order", async (name) => {
    const spec = name === "cmapss" ? ({ use: "cmapss", set: "FD001" } as const) : ({ use: name } as DataSpec);
    const dataset = await load(spec);
    const names = dataset.readings.columns.map((column) => column.name);
    for (const role of [...dataset.inputs, dataset.machine, dataset.time, dataset.target, dataset.split])
      if (role !== undefined) expect(names).toContain(role);
    expect(dataset.notes!.length).toBeGreaterThan(0);
    if (dataset.machine !== undefined && dataset.time !== undefined) {
      const codes = categoryOf(dataset.readings, dataset.machine).codes;
      const times = valuesOf(dataset.readings, dataset.time);
      let disordered = 0;
      for (let i = 1; i < codes.length; i++)
        if (codes[i] < codes[i - 1] || (codes[i] === codes[i - 1] && times[i] < times[i - 1])) disordered++;
      expect(disordered).toBe(0);
    }
  });
});
