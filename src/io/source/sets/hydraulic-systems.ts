/**
 * Condition monitoring of hydraulic systems (Helwig, Pignanelli, Schuetze, ZeMA, UCI id 447): 2,205 load cycles of 60 s,
 * 17 sensors at 1 Hz, and the condition of four components per cycle.
 *
 * `statistics` gives five numbers per sensor and cycle (mean, sd with n-1, min, max, least-squares slope per second);
 * `sequence` gives the cycle itself as [60, 17].
 */
import { fail } from "../../../core/errors.js";
import type { Dataset } from "../../../data/dataset.js";
import { categoryColumn, categoryOf, numberColumn } from "../../../data/schema-table.js";
import type { Column, NumberColumn, Table } from "../../../data/table.js";
import { setFileEither } from "../folder.js";
import { readCsvTable } from "../read.js";

const name = "hydraulic-systems";
const seconds = 60;

const sensors: readonly { readonly name: string; readonly unit: string }[] = [
  ...["PS1", "PS2", "PS3", "PS4", "PS5", "PS6"].map((sensor) => ({ name: sensor, unit: "bar" })),
  { name: "EPS1", unit: "W" },
  { name: "FS1", unit: "L/min" },
  { name: "FS2", unit: "L/min" },
  ...["TS1", "TS2", "TS3", "TS4"].map((sensor) => ({ name: sensor, unit: "Cel" })),
  { name: "VS1", unit: "mm/s" },
  { name: "CE", unit: "%" },
  { name: "CP", unit: "kW" },
  { name: "SE", unit: "%" },
];

/** Conditions in the order of profile.txt; labels from sound to worst. stable 1: the cycle may not have settled yet. */
const conditions = {
  cooler: ["100", "20", "3"],
  valve: ["100", "90", "80", "73"],
  pump: ["0", "1", "2"],
  accumulator: ["130", "115", "100", "90"],
  stable: ["0", "1"],
} as const;
export type HydraulicTarget = keyof typeof conditions;
const targets = Object.keys(conditions) as HydraulicTarget[];

/** Loads the set with one condition as target. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE. */
export async function loadHydraulic(
  root: string,
  target: HydraulicTarget = "cooler",
  mode: "statistics" | "sequence" = "statistics",
): Promise<Dataset> {
  const profile = await readCsvTable(
    await setFileEither(root, name, ["profile.txt"]),
    targets.map((condition) => ({ name: condition, kind: "category", labels: conditions[condition] })),
    { delimiter: " ", header: false, names: targets },
  );
  const cycles = profile.rows;
  const readings: Column[] = [];
  const tensor = new Float32Array(mode === "sequence" ? cycles * seconds * sensors.length : 0);
  for (const [s, sensor] of sensors.entries()) {
    const table = await readSensor(root, sensor.name);
    if (table.rows !== cycles)
      fail("DATA_INVALID", { where: `${name}, ${sensor.name}`, expected: `${cycles} cycles`, got: String(table.rows) });
    const samples = table.columns.map((column) => (column as NumberColumn).values);
    if (mode === "statistics") readings.push(...statistics(sensor.name, sensor.unit, samples, cycles));
    else for (let i = 0; i < cycles; i++) for (let t = 0; t < seconds; t++) tensor[(i * seconds + t) * sensors.length + s] = samples[t][i];
  }
  if (mode === "sequence") readings.push({ name: "cycle", kind: "tensor", shape: [seconds, sensors.length], values: tensor });
  return {
    name,
    description: "Hydraulic test rig (ZeMA, UCI 447): real, one row per 60 s load cycle, condition of four components",
    readings: { rows: cycles, columns: [...readings, ...profile.columns, blocks(profile)] },
    inputs: readings.map((column) => column.name),
    target,
    notes: [
      "Cycles are ordered by condition and neighbours are nearly equal: a random split of rows leaks. Split by the column block (runs of equal condition).",
      "Pressures, power and flows are averages per second of the original 100 Hz and 10 Hz signals, made by the repository the files come from.",
      "cooler, valve (percent), pump (leakage 0 to 2), accumulator (bar) and stable can each be the target.",
    ],
  };
}

async function readSensor(root: string, sensor: string): Promise<Table> {
  const names = Array.from({ length: seconds }, (_, t) => `s${t}`);
  const file = await setFileEither(root, name, [`${sensor}_1hz.txt.gz`, `${sensor}_1hz.txt`]);
  return readCsvTable(
    file,
    names.map((column) => ({ name: column, kind: "number" })),
    { delimiter: " ", header: false, names },
  );
}

function statistics(sensor: string, unit: string, samples: readonly Float64Array[], cycles: number): NumberColumn[] {
  const [mean, sd, min, max, slope] = Array.from({ length: 5 }, () => new Float64Array(cycles));
  const middle = (seconds - 1) / 2;
  const spread = (seconds * (seconds * seconds - 1)) / 12;
  for (let i = 0; i < cycles; i++) {
    let sum = 0;
    let low = samples[0][i];
    let high = low;
    for (let t = 0; t < seconds; t++) {
      const x = samples[t][i];
      sum += x;
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
    mean[i] = sum / seconds;
    let squares = 0;
    let moment = 0;
    for (let t = 0; t < seconds; t++) {
      const distance = samples[t][i] - mean[i];
      squares += distance * distance;
      moment += distance * (t - middle);
    }
    sd[i] = Math.sqrt(squares / (seconds - 1));
    min[i] = low;
    max[i] = high;
    slope[i] = moment / spread;
  }
  return [
    numberColumn(`${sensor} mean`, mean, unit),
    numberColumn(`${sensor} sd`, sd, unit),
    numberColumn(`${sensor} min`, min, unit),
    numberColumn(`${sensor} max`, max, unit),
    numberColumn(`${sensor} slope`, slope, `${unit}/s`),
  ];
}

/** Runs of cycles with equal condition of the four components. */
function blocks(profile: Table): Column {
  const columns = targets.filter((condition) => condition !== "stable").map((condition) => categoryOf(profile, condition).codes);
  const codes = new Int32Array(profile.rows);
  const labels: string[] = [];
  for (let i = 0; i < profile.rows; i++) {
    if (i === 0 || columns.some((column) => column[i] !== column[i - 1])) labels.push(`block-${labels.length + 1}`);
    codes[i] = labels.length - 1;
  }
  return categoryColumn("block", codes, labels);
}
