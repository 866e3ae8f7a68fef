/**
 * Measures on the public Azure predictive maintenance files the statistics the fleet's constants come from.
 *
 *   npm run build && node scripts/measure-azure.mjs FOLDER [--update]
 *
 * FOLDER holds PdM_*.csv. With --update the figures are written to test/vectors/azure/statistics.json.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const hour = 3_600_000;
const start = Date.UTC(2015, 0, 1, 6);

/** Reads the files into a PlantLog (src/data/fleet/statistics.ts). Machines are numbered from 0, hours from 2015-01-01 06:00. */
export function readAzure(folder) {
  const rows = (name) =>
    readFileSync(join(folder, name), "utf8")
      .trim()
      .split(/\r?\n/)
      .slice(1)
      .map((line) => line.split(",").map((cell) => cell.replaceAll('"', "")));
  const at = (text) => Math.round((Date.parse(`${text.replace(" ", "T")}Z`) - start) / hour);
  const number = (text) => Number(/(\d+)$/.exec(text)[1]) - 1;
  const events = (name) =>
    rows(name).map(([time, machine, kind]) => ({ machine: Number(machine) - 1, hour: at(time), kind: number(kind) }));
  const telemetry = rows(readdirSync(folder).find((name) => name.startsWith("PdM_telemetry")));
  const machines = new Set(telemetry.map((r) => r[1])).size;
  const hours = telemetry.length / machines;
  const values = [0, 1, 2, 3].map(() => new Float64Array(telemetry.length));
  for (const [time, machine, ...readings] of telemetry) {
    const index = (Number(machine) - 1) * hours + at(time);
    for (let s = 0; s < 4; s++) values[s][index] = Number(readings[s]);
  }
  return {
    firstHour: 6,
    hours: 8761,
    machines: rows("PdM_machines.csv").map(([, model, age]) => ({ model, age: Number(age) })),
    errors: events("PdM_errors.csv").map(({ kind, ...e }) => ({ ...e, type: kind })),
    failures: events("PdM_failures.csv").map(({ kind, ...f }) => ({ ...f, component: kind })),
    replaced: events("PdM_maint.csv")
      .filter((r) => r.hour >= 0)
      .map(({ machine, hour: h }) => ({ machine, hour: h })),
    sensors: { machines, hours, values },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { plantStatistics } = await import("../dist/data/fleet/statistics.js");
  const figures = plantStatistics(readAzure(process.argv[2]));
  const text = `${JSON.stringify(
    {
      source:
        "Microsoft Azure predictive maintenance sample data, 2015: errors, failures, machines and maintenance complete; telemetry of machines 1-20, 2160 h. Statistics only; measured by scripts/measure-azure.mjs",
      rates: "per machine and year of 8760 h; counts where no rate makes sense (failures.comp4.younger, failures.comp3.model34)",
      statistics: figures,
    },
    undefined,
    2,
  )}\n`;
  if (process.argv.includes("--update")) writeFileSync(new URL("../test/vectors/azure/statistics.json", import.meta.url), text);
  else process.stdout.write(text);
}
