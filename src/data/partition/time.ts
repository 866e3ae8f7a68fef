/** Temporal skew: sites that see the same machines in different stretches of time, or on different days. */
import { fail } from "../../core/errors.js";
import { clockOf, machineRuns } from "../frame.js";
import type { PreparedDataset } from "../prepare.js";
import { countUp } from "../rows.js";
import type { SplitPlan } from "../split.js";
import type { SitePart } from "./partition.js";
import type { PartitionSpec } from "./schema.js";

type TimeSpec = Extract<PartitionSpec, { use: "time" }>;
const day = 86_400_000;

/**
 * Blocks: the rows of each part of the split are cut into equal stretches of time, one per site. Days: site = day modulo
 * count. A site holds its rows and `history` rows before them (with days: everything up to its last row), but examples
 * end (or are predicted) only on its own rows.
 */
export function dealByTime(dataset: PreparedDataset, spec: TimeSpec, split: SplitPlan, history: number, ahead: number): SitePart[] {
  const { clock, values } = clockOf(dataset);
  if (values === undefined) fail("FILE_INVALID", { where: "sites.use", expected: "data with a time column", got: "none" });
  const days = spec.how === "days";
  if (days && clock !== "time") fail("FILE_INVALID", { where: "sites.how", expected: "blocks (this data has no days)", got: "days" });
  const siteOfRow = days
    ? Int32Array.from(values, (t) => modulo(Math.floor(t / day), spec.count))
    : blocks(values, split.labels, spec.count);
  const all = countUp(dataset.readings.rows);
  const runs = machineRuns(dataset, all);
  return Array.from({ length: spec.count }, (_, site) => {
    const anchors = new Uint8Array(all.length);
    const held = new Uint8Array(all.length);
    for (const run of runs) {
      for (let row = run.from; row < run.to; row++) {
        if (siteOfRow[row] !== site) continue;
        // The row is predicted: the example ends `ahead` rows earlier, and reads back from there.
        const last = row - ahead;
        if (last < run.from) continue;
        anchors[last] = 1;
        held.fill(1, days ? run.from : Math.max(run.from, last - history), row + 1);
      }
    }
    const rows = all.filter((row) => held[row] === 1);
    const name = `site-${String(site + 1).padStart(String(spec.count).length, "0")}`;
    if (rows.length === 0)
      fail("DATA_EMPTY", { where: `site ${name}`, expected: "at least one row", got: "none", remedy: "use fewer sites" });
    return { site: name, dataset, rows, anchors, split };
  });
}

function blocks(values: Float64Array, labels: Uint8Array, count: number): Int32Array {
  const sites = new Int32Array(values.length);
  for (const label of new Set(labels)) {
    const sorted = values.filter((_, i) => labels[i] === label).sort();
    // Rows of the same moment belong to the same block.
    const borders = Array.from({ length: count - 1 }, (_, k) => sorted[Math.floor(((k + 1) * sorted.length) / count)]);
    for (let i = 0; i < values.length; i++) {
      if (labels[i] === label) sites[i] = borders.reduce((block, border) => (values[i] >= border ? block + 1 : block), 0);
    }
  }
  return sites;
}

function modulo(a: number, b: number): number {
  return a - b * Math.floor(a / b);
}
