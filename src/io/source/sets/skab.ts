/**
 * SKAB v0.9, the Skoltech anomaly benchmark (GPL-3.0): a real water circulation testbed, eight sensors at about 1 Hz, one
 * file per experiment. Every experiment is a machine; its first 400 rows are training data by the benchmark's own protocol.
 */
import { readdir } from "node:fs/promises";
import { fail } from "../../../core/errors.js";
import type { Dataset } from "../../../data/dataset.js";
import { categoryColumn, numberColumn, sortByMachine, timeColumn, valuesOf } from "../../../data/schema-table.js";
import { naturalCompare } from "../../../data/schema-text.js";
import type { Table } from "../../../data/table.js";
import { setFile } from "../folder.js";
import { readCsvTable } from "../read.js";

export const skabGroups = ["valve1", "valve2", "other", "anomaly-free"] as const;
export type SkabGroup = (typeof skabGroups)[number];

const sensors = [
  { name: "Accelerometer1RMS", unit: "[g]" },
  { name: "Accelerometer2RMS", unit: "[g]" },
  { name: "Current", unit: "A" },
  { name: "Pressure", unit: "bar" },
  { name: "Temperature", unit: "Cel" },
  { name: "Thermocouple", unit: "Cel" },
  { name: "Voltage", unit: "V" },
  { name: "Volume Flow RateRMS", unit: "L/min" },
] as const;
const flags = ["anomaly", "changepoint"] as const;
const trainRows = 400;

/** Loads the groups asked for; by default the three that are labelled. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE. */
export async function loadSkab(root: string, groups: readonly SkabGroup[] = ["valve1", "valve2", "other"]): Promise<Dataset> {
  const parts: { readonly machine: string; readonly group: number; readonly table: Table }[] = [];
  for (const group of skabGroups.filter((name) => groups.includes(name))) {
    const folder = await setFile(root, "skab", group);
    const files = (await readdir(folder)).filter((file) => file.endsWith(".csv")).sort(naturalCompare);
    if (files.length === 0)
      fail("DATA_MISSING", { where: folder, expected: "CSV files", got: "none", remedy: "run: millwright data fetch skab" });
    for (const file of files) {
      const table = await readExperiment(`${folder}/${file}`, group !== "anomaly-free");
      parts.push({ machine: `${group}/${file.slice(0, -4)}`, group: skabGroups.indexOf(group), table });
    }
  }
  const rows = parts.reduce((sum, part) => sum + part.table.rows, 0);
  const machine = new Int32Array(rows);
  const group = new Int32Array(rows);
  const split = new Int32Array(rows).fill(1);
  const joined = ["datetime", ...sensors.map((s) => s.name), ...flags].map((name) => ({ name, values: new Float64Array(rows) }));
  let at = 0;
  parts.forEach((part, p) => {
    machine.fill(p, at, at + part.table.rows);
    group.fill(part.group, at, at + part.table.rows);
    split.fill(0, at, at + Math.min(trainRows, part.table.rows));
    for (const column of joined) {
      if (part.table.columns.some((c) => c.name === column.name)) column.values.set(valuesOf(part.table, column.name), at);
    }
    at += part.table.rows;
  });
  const values = (name: string) => joined.find((column) => column.name === name)?.values ?? new Float64Array(rows);
  return {
    name: "skab",
    description: "SKAB v0.9 (Skoltech): real water circulation testbed, 8 sensors at about 1 Hz, one experiment per machine",
    readings: {
      rows,
      columns: [
        categoryColumn(
          "machine",
          machine,
          parts.map((part) => part.machine),
        ),
        timeColumn("time", values("datetime")),
        ...sensors.map((sensor) => numberColumn(sensor.name, values(sensor.name), sensor.unit)),
        ...flags.map((flag) => numberColumn(flag, values(flag))),
        categoryColumn("group", group, skabGroups),
        categoryColumn("split", split, ["train", "test"]),
      ],
    },
    machine: "machine",
    time: "time",
    inputs: sensors.map((sensor) => sensor.name),
    target: "anomaly",
    split: "split",
    notes: [
      "Licence GPL-3.0: use as benchmark data, do not redistribute with a product.",
      "The clock is only nearly regular (1 s, sometimes 2 s and more): windows count rows, not seconds.",
      "The first 400 rows of each experiment are for training, as the benchmark says.",
      "34.9 % of the rows are anomalous, nearly always in the middle of an experiment: under the benchmark's scoring a rule that flags every row it can flag has F1 0.805 at 49.7 % false alarms. Judge F1 together with the false and missed alarm rates.",
    ],
  };
}

async function readExperiment(file: string, labelled: boolean): Promise<Table> {
  const columns = [...sensors.map((sensor) => sensor.name), ...(labelled ? flags : [])];
  const table = await readCsvTable(
    file,
    [{ name: "datetime", kind: "time" }, ...columns.map((name) => ({ name, kind: "number" as const }))],
    { delimiter: ";", decimal: "." },
  );
  return sortByMachine(table, undefined, "datetime");
}
