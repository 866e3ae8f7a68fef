/**
 * Simulated sites: which rows of one data set each of them holds. Machines go whole; rows are dealt only where they
 * stand alone. Training and test machines (or rows) are dealt separately, so that every site can be judged on data
 * of its own kind. Dealt by time, a site may read rows before its stretch (a plant knows its past).
 */
import { fail } from "../../core/errors.js";
import { type SeededRandom, seeded } from "../../core/random.js";
import { categoryColumn, findColumn } from "../columns.js";
import type { Dataset } from "../dataset.js";
import { machineRuns, type SensorSkew } from "../frame.js";
import { type DataPlan, type ResolvedPlan, resolvePlan } from "../plan.js";
import { type PreparedDataset, prepareDataset } from "../prepare.js";
import { countUp } from "../rows.js";
import { defaultSplit, planSplit, type SplitPlan } from "../split.js";
import { dealByShares, dealEqually, dealShards, sharesWithMinimum } from "./deal.js";
import type { PartitionSpec } from "./schema.js";
import { sensorSkews } from "./sensors.js";
import { machineStrata, rowStrata } from "./strata.js";
import { dealByTime } from "./time.js";

/** One site's share of a data set. Holds row numbers, not rows. */
export interface SitePart {
  readonly site: string;
  /** The whole prepared data set; the part may only look at its own rows of it. */
  readonly dataset: PreparedDataset;
  /** Rows the site holds, ascending. */
  readonly rows: Int32Array;
  /** 1 for rows that may end an example at this site; all rows when absent. One entry per row of the data set. */
  readonly anchors?: Uint8Array;
  readonly split: SplitPlan;
  readonly skew?: SensorSkew;
}

/**
 * Prepares a data set and deals it to sites: the same sites for the same plan and seed. Machines go whole where rows have a machine.
 * Errors: FILE_INVALID, DATA_INVALID, DATA_MISSING, DATA_EMPTY, LIMIT_EXCEEDED.
 *
 * @example
 * ```ts
 * import { partitionSites } from "millwright/data";
 *
 * partitionSites(dataset, plan, 7).map(({ site, rows }) => [site, rows.length]); // => [["a", 40], ["b", 40], ["c", 40]]
 * ```
 */
export function partitionSites(dataset: Dataset, plan: DataPlan, seed: number): SitePart[] {
  const resolved = resolvePlan(plan, dataset);
  const prepared = prepareDataset(dataset, plan);
  const split = planSplit(prepared, plan.split ?? defaultSplit(dataset), resolved.task, seed, () => rowStrata(prepared, resolved.task));
  const { sites } = plan;
  if (sites.use === "time") return dealByTime(prepared, sites, split, resolved.history.read, resolved.task.ahead);
  const dealt = dealItems(prepared, sites, split, resolved, seeded(seed, "sites"));
  const parts = gather(prepared, dealt.names, dealt.siteOfRow, split);
  if (sites.use !== "sensors") return parts;
  const skews = sensorSkews(prepared, sites, parts.length, seed);
  return parts.map((part, i) => ({ ...part, skew: skews[i] }));
}

interface Dealt {
  readonly names: readonly string[];
  readonly siteOfRow: Int32Array;
}

function dealItems(dataset: PreparedDataset, spec: PartitionSpec, split: SplitPlan, plan: ResolvedPlan, random: SeededRandom): Dealt {
  if (spec.use === "by") return dealByColumn(dataset, spec.column);
  const { count } = spec as Extract<PartitionSpec, { count: number }>;
  const names = Array.from({ length: count }, (_, i) => `site-${String(i + 1).padStart(String(count).length, "0")}`);
  const alone = dataset.machine === undefined;
  if (alone && dataset.time !== undefined && !plan.task.tabular) {
    fail("FILE_INVALID", { where: "sites.use", expected: "time or by (one machine's rows cannot be dealt singly)", got: spec.use });
  }
  const all = countUp(dataset.readings.rows);
  const runs = alone ? [] : machineRuns(dataset, all);
  const items = alone ? all.length : runs.length;
  const classes = alone ? rowStrata(dataset, plan.task) : machineStrata(dataset, plan.task, runs);
  // Items are dealt within groups that carry the same labels of the split, so that each site gets its share of each.
  const groupOf = Int32Array.from({ length: items }, (_, i) =>
    alone ? groupLabel(split, i, i + 1) : groupLabel(split, runs[i].from, runs[i].to),
  );
  const siteOfItem = new Int32Array(items);
  const shares = sharesFor(spec, classes, groupOf, count, random);
  for (const group of [...new Set(groupOf)].sort((a, b) => a - b)) {
    const members = all.subarray(0, items).filter((i) => groupOf[i] === group);
    const labels = members.map((i) => classes[i]);
    const dealt = deal(spec, labels, count, shares, random.fork("group", group));
    members.forEach((item, i) => {
      siteOfItem[item] = dealt[i];
    });
  }
  const siteOfRow = alone ? siteOfItem : new Int32Array(dataset.readings.rows);
  for (let i = 0; i < runs.length; i++) siteOfRow.fill(siteOfItem[i], runs[i].from, runs[i].to);
  return { names, siteOfRow };
}

function deal(
  spec: PartitionSpec,
  classes: Int32Array,
  count: number,
  shares: readonly Float64Array[] | undefined,
  random: SeededRandom,
): Int32Array {
  if (spec.use === "dirichlet") return dealByShares(classes, shares as readonly Float64Array[], random);
  if (spec.use === "quantity") return dealByShares(new Int32Array(classes.length), shares as readonly Float64Array[], random);
  if (spec.use === "shards") return dealShards(classes, count, spec.perSite ?? 2, random);
  return dealEqually(classes.length, count, random, spec.use === "iid" && spec.stratify === true ? classes : undefined);
}

/** The same shares hold for training and test items; the minimum is asked of the group with training rows. */
function sharesFor(
  spec: PartitionSpec,
  classes: Int32Array,
  groups: Int32Array,
  count: number,
  random: SeededRandom,
): readonly Float64Array[] | undefined {
  if (spec.use !== "dirichlet" && spec.use !== "quantity") return undefined;
  const kinds = spec.use === "dirichlet" ? classes : new Int32Array(classes.length);
  const trained = kinds.filter((_, i) => (groups[i] & 2) === 2);
  const shares = [...sharesWithMinimum(trained, count, spec.alpha, spec.minimum ?? 1, random.fork("shares"))];
  // Classes that never train still need a share for their test items.
  const most = kinds.reduce((a, b) => Math.max(a, b + 1), 0);
  while (shares.length < most) shares.push(new Float64Array(count).fill(1 / count));
  return shares;
}

/** Which labels of the split occur in a range of rows, as a bit set (2: train, 4: validation, 8: test). Validation joins training. */
function groupLabel(split: SplitPlan, from: number, to: number): number {
  let bits = 0;
  for (let i = from; i < to; i++) bits |= 1 << split.labels[i];
  return bits;
}

function dealByColumn(dataset: PreparedDataset, name: string): Dealt {
  const column = findColumn(dataset.readings, name);
  if (column?.kind === "number") {
    fail("DATA_INVALID", { where: "sites.column", expected: "a category column", got: `number column ${JSON.stringify(name)}` });
  }
  const { codes, labels } = categoryColumn(dataset.readings, name, "sites.column");
  const used = [...new Set(codes)].sort((a, b) => a - b);
  if (used[0] === -1)
    fail("DATA_INVALID", { where: `column ${name}`, expected: "a site for every row", got: `a missing value in row ${codes.indexOf(-1)}` });
  const index = new Map(used.map((code, i) => [code, i]));
  return { names: used.map((code) => labels[code]), siteOfRow: codes.map((code) => index.get(code) as number) };
}

function gather(dataset: PreparedDataset, names: readonly string[], siteOfRow: Int32Array, split: SplitPlan): SitePart[] {
  const sizes = new Int32Array(names.length);
  for (const site of siteOfRow) sizes[site]++;
  const rows = Array.from(sizes, (size) => new Int32Array(size));
  sizes.fill(0);
  siteOfRow.forEach((site, row) => {
    rows[site][sizes[site]++] = row;
  });
  return names.map((site, i) => {
    if (rows[i].length === 0) {
      fail("DATA_EMPTY", { where: `site ${site}`, expected: "at least one machine or row", got: "none", remedy: "use fewer sites" });
    }
    return { site, dataset, rows: rows[i], split };
  });
}
