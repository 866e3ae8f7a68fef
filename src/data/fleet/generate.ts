/**
 * The built-in fleet: a SIMULATED plant, determined by its options alone. Hourly volt, rotate, pressure and vibration of each
 * machine, error records, and failures of four components, each preceded by two days in which its sensor is shifted and,
 * nearly always, by an error record one day before. The same shifts and errors also happen without a failure.
 *
 * It shows what the software does. It is no evidence for any real plant: real wear is gradual and real sensors drift.
 */
import { fail } from "../../core/errors.js";
import { type Millis, millis } from "../../core/quantities.js";
import { seeded } from "../../core/random.js";
import type { Dataset } from "../dataset.js";
import type { Table } from "../table.js";
import { components, errorTypes, models, patternShift, sensorMean, sensorSd, sensors } from "./constants.js";
import { type History, liveThrough } from "./history.js";
import { buildPlant, type Machine } from "./plant.js";
import { type FleetOptions, type FleetSpec, fleetSpec } from "./spec.js";

/** The fleet knows how it was made, so that its ceiling can be computed. */
export interface FleetDataset extends Dataset {
  readonly fleet: { readonly spec: FleetSpec; readonly machines: readonly Machine[] };
}

const hour: Millis = millis(3_600_000);
/** The first reading: 1 January 2024, 06:00 UTC, the hour of the visits. */
export const fleetStart: Millis = millis(1_704_088_800_000);
const rowLimit = 5_000_000;

/**
 * Generates the fleet. Readings are sorted by machine, then time, one row per hour, nothing missing.
 * Errors: LIMIT_EXCEEDED above five million rows; options outside their range are refused by the schema.
 */
export function generateFleet(options: FleetOptions = {}): FleetDataset {
  const spec = fleetSpec(options);
  const hours = spec.days * 24;
  const rows = spec.machines * hours;
  if (rows > rowLimit) {
    fail("LIMIT_EXCEEDED", { where: "data.fleet", expected: `at most ${rowLimit} rows`, got: `${rows}`, remedy: "fewer machines or days" });
  }
  if (spec.sites > spec.machines) {
    fail("FILE_INVALID", { where: "data.sites", expected: `at most one site per machine (${spec.machines})`, got: `${spec.sites}` });
  }
  if (spec.siteNames !== undefined && spec.siteNames.length !== spec.sites) {
    fail("FILE_INVALID", { where: "data.siteNames", expected: `a name for each of ${spec.sites} sites`, got: `${spec.siteNames.length}` });
  }
  const root = seeded(spec.seed, "fleet", spec.preset);
  const machines = buildPlant(spec.machines, spec.sites, root.fork("plant"));
  const readings = sensors.map(() => new Float64Array(rows));
  const errors = errorTypes.map(() => new Float64Array(rows));
  const maintenance = new Float64Array(rows);
  const time = new Float64Array(rows);
  const events: { machine: number; hour: number; component: number }[] = [];

  machines.forEach((machine, m) => {
    const first = m * hours;
    const history = liveThrough(machine, hours, spec.preset, root.fork("history", m));
    drawSensors(readings, first, hours, history, spec, m);
    for (let h = 0; h < hours; h++) time[first + h] = fleetStart + h * hour;
    for (const e of history.errors) if (inLog(e.hour)) errors[e.type][first + e.hour] += 1;
    for (const r of history.replaced) if (inLog(r.hour)) maintenance[first + r.hour] += 1;
    for (const f of history.failures) if (inLog(f.hour)) events.push({ machine: m, ...f });
  });
  function inLog(h: number): boolean {
    return h >= 0 && h < hours;
  }

  const machineLabels = machines.map((_, m) => `machine-${String(m + 1).padStart(3, "0")}`);
  const perRow = (value: (machine: Machine, index: number) => number): Int32Array => {
    const codes = new Int32Array(rows);
    machines.forEach((machine, m) => {
      codes.fill(value(machine, m), m * hours, (m + 1) * hours);
    });
    return codes;
  };
  const table: Table = {
    rows,
    columns: [
      { name: "machine", kind: "category", codes: perRow((_, m) => m), labels: machineLabels },
      { name: "time", kind: "time", values: time },
      ...sensors.map((name, s) => ({ name, kind: "number" as const, values: readings[s] })),
      ...errorTypes.map((name, e) => ({ name, kind: "number" as const, values: errors[e] })),
      { name: "maintenance", kind: "number", values: maintenance },
      { name: "model", kind: "category", codes: perRow((machine) => machine.model), labels: models },
      { name: "age", kind: "number", unit: "a", values: Float64Array.from(perRow((machine) => machine.age)) },
      { name: "site", kind: "category", codes: perRow((machine) => machine.site), labels: spec.siteNames ?? siteLabels(spec.sites) },
    ],
  };
  return {
    name: spec.preset === "standard" ? "fleet" : `fleet-${spec.preset}`,
    description: `SIMULATED plant: ${spec.machines} machines at ${spec.sites} sites, ${spec.days} days of hourly readings, preset ${spec.preset}, seed ${spec.seed}.`,
    readings: table,
    machine: "machine",
    time: "time",
    step: hour,
    inputs: [...sensors, ...errorTypes],
    events: {
      rows: events.length,
      columns: [
        { name: "machine", kind: "category", codes: Int32Array.from(events, (e) => e.machine), labels: machineLabels },
        { name: "time", kind: "time", values: Float64Array.from(events, (e) => fleetStart + e.hour * hour) },
        { name: "kind", kind: "category", codes: Int32Array.from(events, (e) => e.component), labels: components },
      ],
    },
    notes: [
      "Simulated. Its constants are statistics of the public Azure predictive maintenance data (src/data/fleet/constants.ts).",
      "A failure is preceded by 48 h in which its sensor is shifted and by an error record 24 h before; the same shifts also happen without failure.",
      ...(spec.preset === "hard"
        ? ["Preset hard: what means failure at one half of the sites is harmless at the other half, so one model for all cannot be right."]
        : []),
    ],
    fleet: { spec, machines },
  };
}

function siteLabels(sites: number): string[] {
  return Array.from({ length: sites }, (_, s) => `site-${String(s + 1).padStart(2, "0")}`);
}

/** Normal readings, plus the shift of every pattern that covers the hour (overlapping patterns add up, as in the data). */
function drawSensors(
  readings: readonly Float64Array[],
  first: number,
  hours: number,
  history: History,
  spec: FleetSpec,
  machine: number,
): void {
  for (let s = 0; s < 4; s++) {
    const values = readings[s];
    const random = seeded(spec.seed, "fleet", spec.preset, "readings", machine, sensors[s]);
    for (let h = 0; h < hours; h++) values[first + h] = sensorMean[s] + sensorSd[s] * random.normal();
    for (const p of history.patterns) {
      if (p.sensor !== s) continue;
      const end = Math.min(p.to, hours - 1);
      for (let h = Math.max(p.from, 0); h <= end; h++) values[first + h] += p.sign * patternShift[s];
    }
  }
}
