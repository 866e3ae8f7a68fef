/** Tables of three plants as CSV: the same process under the federation's names and under a plant's own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { seeded } from "../../src/core/random.js";
import { type FederationFile, parseFederation } from "../../src/round/file.js";

const hour = 3_600_000;
const start = Date.parse("2026-01-01T00:00Z");

export interface PlantRow {
  readonly machine: string;
  readonly time: string;
  readonly pressure: number;
  readonly temperature: number;
  readonly mode: string;
}

/** Two machines, hourly; sixteenths, so that 1000 times a value is exact. */
export function plantRows(
  plant: number,
  hours = 96,
): { readonly rows: PlantRow[]; readonly failures: { machine: string; time: string; kind: string }[] } {
  const random = seeded(plant, "plant");
  const rows: PlantRow[] = [];
  const failures: { machine: string; time: string; kind: string }[] = [];
  for (let m = 1; m <= 2; m++) {
    for (let h = 0; h < hours; h++) {
      const pressure = Math.round((6 + random.normal()) * 16) / 16;
      const temperature = Math.round((340 + 5 * random.normal()) * 16) / 16;
      rows.push({ machine: `m${plant}-${m}`, time: iso(h), pressure, temperature, mode: random.float() < 0.5 ? "slow" : "fast" });
    }
    for (const at of [30, 60, 85]) failures.push({ machine: `m${plant}-${m}`, time: iso(at + m), kind: m === 1 ? "pump" : "valve" });
  }
  return { rows, failures };
}

const iso = (h: number): string => new Date(start + h * hour).toISOString();

export const csv = (rows: readonly object[], names?: readonly string[]): string => {
  const keys = Object.keys(rows[0]);
  return [(names ?? keys).join(","), ...rows.map((row) => keys.map((key) => (row as Record<string, unknown>)[key]).join(","))].join("\n");
};

/** Writes DATA/plant-N.csv and failures.csv as the federation names them; returns the federation file. */
export function writeFederation(folder: string, more: object = {}): FederationFile {
  const failures = [];
  for (let plant = 1; plant <= 3; plant++) {
    const made = plantRows(plant);
    writeFileSync(join(folder, `plant-${plant}.csv`), csv(made.rows));
    failures.push(...made.failures);
  }
  writeFileSync(join(folder, "..", "failures.csv"), csv(failures));
  return federation(more);
}

export const federation = (more: object = {}): FederationFile =>
  parseFederation({
    federation: "line-7",
    task: { kind: "failure", window: "6h", horizon: "12h", stride: "2h" },
    data: {
      use: "table",
      path: "plants",
      fileColumn: "plant",
      machine: "machine",
      time: "time",
      step: "1h",
      inputs: ["pressure", "temperature", "mode"],
      units: { pressure: "MPa", temperature: "K" },
      columns: { mode: { kind: "category", labels: ["fast", "slow"] } },
      events: { path: "failures.csv", machine: "machine", time: "time", kind: "kind" },
    },
    split: { by: "time", validation: "2026-01-03T00:00", test: "2026-01-04T00:00" },
    sites: { use: "by", column: "plant" },
    model: { use: "mlp", hidden: [4] },
    training: { optimizer: { use: "sgd", learningRate: 0.05 }, batch: 8 },
    rounds: 2,
    ...more,
  });
