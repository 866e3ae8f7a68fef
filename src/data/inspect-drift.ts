/**
 * How far the readings of each site lie from those of all: the population stability index (Siddiqi, Credit Risk
 * Scorecards, 2006) over ten bins of equal mass of the whole, and the shift of the mean in standard deviations.
 *
 * By custom an index below 0.1 is called stable, above 0.25 shifted. It says nothing about whether the answers shifted.
 */
import { log } from "../core/math.js";
import type { Column, Table } from "./table.js";

export interface Sites {
  readonly names: readonly string[];
  /** Site of each row, an index into names; -1 for rows of no site. */
  readonly of: Int32Array;
}

export interface ColumnDrift {
  readonly name: string;
  /** In the order of the sites; absent for a site without a value. */
  readonly psi: readonly (number | undefined)[];
  /** (mean of the site - mean of all) / sd of all; absent for categories and constant columns. */
  readonly shift?: readonly (number | undefined)[];
  readonly worst: { readonly site: string; readonly psi: number };
}

const bins = 10;

/** Drift of the named columns, the most shifted first. Tensor columns are passed by. */
export function siteDrift(table: Table, names: readonly string[], sites: Sites): ColumnDrift[] {
  const found: ColumnDrift[] = [];
  for (const column of table.columns) {
    if (!names.includes(column.name) || column.kind === "tensor" || column.kind === "time") continue;
    const drift = columnDrift(column, sites);
    if (drift !== undefined) found.push(drift);
  }
  const place = new Map(found.map((drift, i) => [drift, i]));
  return found.sort((a, b) => b.worst.psi - a.worst.psi || (place.get(a) ?? 0) - (place.get(b) ?? 0));
}

function columnDrift(column: Exclude<Column, { kind: "tensor" }>, sites: Sites): ColumnDrift | undefined {
  const codes = column.kind === "category" ? column.codes : binned(column.values);
  const kinds = column.kind === "category" ? column.labels.length : bins;
  const counts = sites.names.map(() => new Float64Array(kinds));
  const whole = new Float64Array(kinds);
  let total = 0;
  for (let i = 0; i < codes.length; i++) {
    const site = sites.of[i];
    if (site < 0 || codes[i] < 0) continue;
    counts[site][codes[i]]++;
    whole[codes[i]]++;
    total++;
  }
  if (total === 0) return undefined;
  const psi = counts.map((count) => stability(count, whole, total));
  let worst = { site: sites.names[0], psi: 0 };
  psi.forEach((value, site) => {
    if (value !== undefined && value > worst.psi) worst = { site: sites.names[site], psi: value };
  });
  const shift = column.kind === "number" ? meanShift(column.values, sites) : undefined;
  return { name: column.name, psi, ...(shift !== undefined && { shift }), worst };
}

/** Half a row is added to every bin, so that an empty bin does not make the index infinite. */
function stability(site: Float64Array, whole: Float64Array, total: number): number | undefined {
  const rows = site.reduce((sum, count) => sum + count, 0);
  if (rows === 0) return undefined;
  let index = 0;
  for (let k = 0; k < site.length; k++) {
    if (whole[k] === 0) continue;
    const actual = (site[k] + 0.5) / (rows + 0.5 * site.length);
    const expected = (whole[k] + 0.5) / (total + 0.5 * site.length);
    index += (actual - expected) * log(actual / expected);
  }
  return index;
}

/** Bin of each value among ten of equal mass; equal values share a bin; -1 for missing. */
function binned(values: Float64Array): Int32Array {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const edges = Array.from({ length: bins - 1 }, (_, k) => sorted[Math.floor(((k + 1) * sorted.length) / bins)]);
  return Int32Array.from(values, (value) => {
    if (Number.isNaN(value)) return -1;
    let bin = 0;
    while (bin < edges.length && value >= edges[bin]) bin++;
    return bin;
  });
}

function meanShift(values: Float64Array, sites: Sites): (number | undefined)[] | undefined {
  const all = { count: 0, mean: 0, squares: 0 };
  const count = new Float64Array(sites.names.length);
  const mean = new Float64Array(sites.names.length);
  for (let i = 0; i < values.length; i++) {
    const site = sites.of[i];
    if (site < 0 || Number.isNaN(values[i])) continue;
    mean[site] += (values[i] - mean[site]) / ++count[site];
    const distance = values[i] - all.mean;
    all.mean += distance / ++all.count;
    all.squares += distance * (values[i] - all.mean);
  }
  const sd = all.count > 1 ? Math.sqrt(all.squares / (all.count - 1)) : 0;
  if (sd === 0) return undefined;
  return sites.names.map((_, site) => (count[site] === 0 ? undefined : (mean[site] - all.mean) / sd));
}
