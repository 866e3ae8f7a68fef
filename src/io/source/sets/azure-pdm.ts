/**
 * Microsoft Azure predictive maintenance sample (simulated by Microsoft, 2015): hourly telemetry of machines, error
 * records, component failures, machine attributes.
 *
 * Readings are the four sensors and, for each of five error kinds, how many errors were recorded in that hour. Events are
 * the component failures. Machines without telemetry are left out: in the copy that can be had whole, 80 of 100.
 */
import { fail } from "../../../core/errors.js";
import { millis } from "../../../core/quantities.js";
import type { Dataset } from "../../../data/dataset.js";
import { categoryColumn, categoryOf, numberColumn, rowsOf, sortByMachine, timeColumn, valuesOf } from "../../../data/schema-table.js";
import type { Table } from "../../../data/table.js";
import { setFile, setFileEither } from "../folder.js";
import { readCsvTable } from "../read.js";

const name = "azure-pdm";
const hour = 3_600_000;
const sensors = ["volt", "rotate", "pressure", "vibration"] as const;
const errorKinds = ["error1", "error2", "error3", "error4", "error5"] as const;
const componentKinds = ["comp1", "comp2", "comp3", "comp4"] as const;

/** Loads the set. Errors: DATA_MISSING, DATA_INVALID, FILE_UNREADABLE. */
export async function loadAzurePdm(root: string): Promise<Dataset> {
  const telemetryFile = await setFileEither(root, name, ["PdM_telemetry_m001-020_h2160.csv", "PdM_telemetry.csv"]);
  const telemetry = sortByMachine(
    await readCsvTable(telemetryFile, [
      { name: "datetime", kind: "time" },
      { name: "machineID", kind: "category" },
      ...sensors.map((sensor) => ({ name: sensor, kind: "number" as const })),
    ]),
    "machineID",
    "datetime",
  );
  const machine = categoryOf(telemetry, "machineID");
  const place = new Map(machine.labels.map((label, i) => [label, i]));
  const times = valuesOf(telemetry, "datetime");
  const rowAt = rowIndex(machine.codes, times, machine.labels.length);

  const errors = await readRecords(root, "PdM_errors.csv", "errorID", errorKinds);
  const counts = errorKinds.map(() => new Float64Array(telemetry.rows));
  const errorMachine = categoryOf(errors, "machineID");
  const errorKind = categoryOf(errors, "errorID").codes;
  const errorTime = valuesOf(errors, "datetime");
  for (let i = 0; i < errors.rows; i++) {
    const code = place.get(errorMachine.labels[errorMachine.codes[i]]);
    // An error between two full hours counts to the reading after it: a reading never knows of the future.
    const row = code === undefined ? undefined : rowAt(code, Math.ceil(errorTime[i] / hour) * hour);
    if (row !== undefined) counts[errorKind[i]][row]++;
  }

  return {
    name,
    description: "Microsoft Azure predictive maintenance sample (2015, simulated): hourly telemetry, errors and component failures",
    readings: {
      rows: telemetry.rows,
      columns: [
        { ...machine, name: "machine" },
        timeColumn("time", times),
        ...sensors.map((sensor) => numberColumn(sensor, valuesOf(telemetry, sensor))),
        ...errorKinds.map((kind, k) => numberColumn(kind, counts[k])),
        ...(await attributes(root, machine.codes, machine.labels)),
      ],
    },
    machine: "machine",
    time: "time",
    step: millis(hour),
    inputs: [...sensors, ...errorKinds],
    events: await failures(root, place, machine.labels),
    notes: [
      "The data are simulated by Microsoft; no licence is stated in any copy seen.",
      `Telemetry here: ${machine.labels.length} machines, ${telemetry.rows} hourly rows; the published set has 100 machines and 876,100 rows.`,
      "Error records nearly give the failures away: at 24 h before most failures an error appears and the matching sensor is shifted. A hand rule reaches F1 near 1, so a model must be judged against it, not against the majority rate.",
    ],
  };
}

function readRecords(root: string, file: string, kind: string, labels: readonly string[]): Promise<Table> {
  return setFile(root, name, file).then((path) =>
    readCsvTable(path, [
      { name: "datetime", kind: "time" },
      { name: "machineID", kind: "category" },
      { name: kind, kind: "category", labels },
    ]),
  );
}

/** Finds the row of a machine at a time: rows of a machine are hourly without gaps, which is checked here. */
function rowIndex(codes: Int32Array, times: Float64Array, machines: number): (code: number, time: number) => number | undefined {
  const first = new Int32Array(machines);
  const counts = new Int32Array(machines);
  for (let i = 0; i < codes.length; i++) {
    if (counts[codes[i]]++ === 0) first[codes[i]] = i;
    else if (times[i] - times[i - 1] !== hour) {
      fail("DATA_INVALID", {
        where: `azure-pdm telemetry, row ${i + 1}`,
        expected: "one row per hour",
        got: `${times[i] - times[i - 1]} ms`,
      });
    }
  }
  return (code, time) => {
    const steps = (time - times[first[code]]) / hour;
    return steps >= 0 && steps < counts[code] ? first[code] + steps : undefined;
  };
}

async function attributes(root: string, codes: Int32Array, labels: readonly string[]) {
  const table = await readCsvTable(await setFile(root, name, "PdM_machines.csv"), [
    { name: "machineID", kind: "category" },
    { name: "model", kind: "category" },
    { name: "age", kind: "number" },
  ]);
  const ids = categoryOf(table, "machineID");
  const model = categoryOf(table, "model");
  const age = valuesOf(table, "age");
  const rowOf = new Map(Array.from({ length: table.rows }, (_, i) => [ids.labels[ids.codes[i]], i]));
  const rows = labels.map((label) => {
    const row = rowOf.get(label);
    if (row === undefined) fail("DATA_INVALID", { where: "PdM_machines.csv", expected: `a row for machine ${label}`, got: "none" });
    return row;
  });
  return [
    categoryColumn(
      "model",
      Int32Array.from(codes, (code) => model.codes[rows[code]]),
      model.labels,
    ),
    numberColumn(
      "age",
      Float64Array.from(codes, (code) => age[rows[code]]),
      "a",
    ),
  ];
}

async function failures(root: string, place: ReadonlyMap<string, number>, labels: readonly string[]): Promise<Table> {
  const table = await readRecords(root, "PdM_failures.csv", "failure", componentKinds);
  const ids = categoryOf(table, "machineID");
  const codes = Int32Array.from(ids.codes, (code) => place.get(ids.labels[code]) ?? -1);
  const known = rowsOf(
    {
      rows: table.rows,
      columns: [
        categoryColumn("machine", codes, labels),
        timeColumn("time", valuesOf(table, "datetime")),
        { ...categoryOf(table, "failure"), name: "kind" },
      ],
    },
    Int32Array.from({ length: table.rows }, (_, i) => i).filter((i) => codes[i] >= 0),
  );
  return sortByMachine(known, "machine", "time");
}
