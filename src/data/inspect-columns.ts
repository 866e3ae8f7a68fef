/** What one column holds: missing values, range, moments, a histogram of 20 bins, the commonest labels. */
import type { CategoryColumn, Column } from "./table.js";

/** Counts in 20 bins of equal width between the smallest and the largest value; the last bin includes its upper edge. */
export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}

export interface ColumnFacts {
  readonly name: string;
  readonly kind: Column["kind"];
  readonly unit?: string;
  /** Shape of a tensor column. */
  readonly shape?: readonly number[];
  readonly missing: number;
  /** Different values, counted up to `distinctLimit`. */
  readonly distinct: number;
  readonly constant: boolean;
  /** Of the values that are there; milliseconds for times. */
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  /** With n - 1. */
  readonly sd?: number;
  readonly histogram?: Histogram;
  /** Labels by number of rows, at most 20. */
  readonly labels?: readonly LabelCount[];
}

export interface LabelCount {
  readonly label: string;
  readonly rows: number;
}

export const distinctLimit = 1000;
const bins = 20;

export function columnFacts(column: Column, rows: number): ColumnFacts {
  if (column.kind === "category") {
    const counts = labelCounts(column);
    const missing = rows - counts.reduce((sum, count) => sum + count.rows, 0);
    return {
      name: column.name,
      kind: "category",
      missing,
      distinct: counts.length,
      constant: counts.length <= 1,
      labels: counts.slice(0, 20),
    };
  }
  const facts = numberFacts(column.values);
  return {
    name: column.name,
    kind: column.kind,
    ...(column.kind === "number" && column.unit !== undefined && { unit: column.unit }),
    ...(column.kind === "tensor" && { shape: column.shape }),
    ...facts,
  };
}

/** Labels that occur, the commonest first; labels of equal count in the order of the column. */
export function labelCounts(column: CategoryColumn): LabelCount[] {
  const counts = new Float64Array(column.labels.length);
  for (const code of column.codes) if (code >= 0) counts[code]++;
  return column.labels
    .map((label, i) => ({ label, rows: counts[i], i }))
    .filter((count) => count.rows > 0)
    .sort((a, b) => b.rows - a.rows || a.i - b.i)
    .map(({ label, rows }) => ({ label, rows }));
}

/** Welford's running mean and sum of squares: exact enough for columns with a large offset. */
function numberFacts(values: Float64Array | Float32Array) {
  let count = 0;
  let mean = 0;
  let squares = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  const seen = new Set<number>();
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    count++;
    const distance = value - mean;
    mean += distance / count;
    squares += distance * (value - mean);
    if (value < min) min = value;
    if (value > max) max = value;
    if (seen.size < distinctLimit) seen.add(value);
  }
  const missing = values.length - count;
  if (count === 0) return { missing, distinct: 0, constant: true };
  return {
    missing,
    distinct: seen.size,
    constant: min === max,
    min,
    max,
    mean,
    sd: count > 1 ? Math.sqrt(squares / (count - 1)) : 0,
    histogram: histogram(values, min, max),
  };
}

function histogram(values: Float64Array | Float32Array, low: number, high: number): Histogram {
  const counts = new Array<number>(bins).fill(0);
  const width = high - low;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    counts[width > 0 ? Math.min(bins - 1, Math.floor(((value - low) / width) * bins)) : 0]++;
  }
  return { low, high, counts };
}
