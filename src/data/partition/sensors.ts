/** Feature skew: the sensors of each site read with a gain, an offset and noise of their own. */
import { seeded } from "../../core/random.js";
import { findColumn } from "../columns.js";
import type { Dataset } from "../dataset.js";
import type { SensorSkew } from "../frame.js";
import type { PartitionSpec } from "./schema.js";

type SensorsSpec = Extract<PartitionSpec, { use: "sensors" }>;

/** Distortions per site. Offsets and noise are in sds of the column over the whole data set. */
export function sensorSkews(dataset: Dataset, spec: SensorsSpec, count: number, seed: number): SensorSkew[] {
  const sds = new Map<string, number>();
  for (const name of dataset.inputs) {
    const column = findColumn(dataset.readings, name);
    if (column?.kind === "number") sds.set(name, spread(column.values));
  }
  return Array.from({ length: count }, (_, site) => {
    const columns: Record<string, { gain: number; offset: number; noise: number }> = {};
    for (const [name, sd] of sds) {
      const random = seeded(seed, "sensors", site, name);
      columns[name] = {
        gain: 1 + (spec.gain ?? 0.1) * random.normal(),
        offset: (spec.offset ?? 0) * sd * random.normal(),
        noise: (spec.noise ?? 0) * sd,
      };
    }
    return { seed: `${seed}/site/${site}`, columns };
  });
}

function spread(values: Float64Array): number {
  let count = 0;
  let sum = 0;
  for (const v of values) {
    if (Number.isNaN(v)) continue;
    count++;
    sum += v;
  }
  const mean = sum / count;
  let squares = 0;
  for (const v of values) if (!Number.isNaN(v)) squares += (v - mean) * (v - mean);
  return count === 0 ? 0 : Math.sqrt(squares / count);
}
