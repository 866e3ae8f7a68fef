/**
 * Are the values of a column plausible? Against physics where the unit says enough, against the range of the site file, and against the
 * federation's own means where they are known. A wrong unit is the mistake that ruins a federation silently: everything runs.
 */
import type { ErrorDetail } from "../core/errors.js";
import type { Scaler } from "../data/scaler.js";
import { momentKey } from "../data/statistic.js";
import type { Column } from "../data/table.js";
import type { MappedColumn } from "./columns.js";

export interface ColumnRange {
  readonly rows: number;
  readonly missing: number;
  readonly min?: number;
  readonly max?: number;
  readonly mean?: number;
  readonly constant: boolean;
}

/** Extremes and mean of the values that are there; of a category only what is missing. */
export function rangeOf(column: Column): ColumnRange {
  if (column.kind === "tensor") return { rows: column.values.length, missing: 0, constant: false };
  if (column.kind === "category") {
    const missing = column.codes.reduce((n, code) => n + (code < 0 ? 1 : 0), 0);
    return { rows: column.codes.length, missing, constant: new Set(column.codes).size <= 1 };
  }
  let [min, max, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of column.values) {
    if (Number.isNaN(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    count++;
  }
  const rows = column.values.length;
  if (count === 0) return { rows, missing: rows, constant: true };
  return { rows, missing: rows - count, min, max, mean: sum / count, constant: min === max };
}

/** What a unit allows at all, and what would be strange. */
const physics: Readonly<
  Record<string, { readonly least?: number; readonly most?: number; readonly strange?: (min: number, max: number) => string | undefined }>
> = {
  K: { least: 0, strange: (_, max) => (max < 150 ? "values that look like degrees Celsius" : undefined) },
  Cel: { least: -273.15, strange: (min) => (min > 230 ? "values that look like kelvin" : undefined) },
  "%": {
    strange: (min, max) => (min < 0 || max > 100 ? "values outside 0 .. 100" : max <= 1 ? "values that look like shares of 1" : undefined),
  },
  ...Object.fromEntries(
    ["Pa", "hPa", "kPa", "MPa", "mbar", "bar"].map((unit) => [
      unit,
      { strange: (min: number) => (min < 0 ? "negative pressures: gauge instead of absolute?" : undefined) },
    ]),
  ),
  Hz: { least: 0 },
  kHz: { least: 0 },
  kg: { least: 0 },
  h: { least: 0 },
};

/** Ratios that betray a unit: bar and kPa, bar and psi, kW and W, revolutions per minute and second. */
const slips: readonly (readonly [number, string])[] = [
  [1000, "a factor of 1000"],
  [100, "a factor of 100 (bar and kPa)"],
  [10, "a factor of 10 (bar and MPa)"],
  [60, "a factor of 60 (per minute and per second)"],
  [14.5038, "a factor of 14.5 (bar and psi)"],
  [3.6, "a factor of 3.6 (km/h and m/s, kWh and MJ)"],
];
const farSds = 6;

/** Doubts about one mapped column. `scaler`: what the federation measured, where this plant has been told. */
export function doubts(
  column: Column,
  mapped: MappedColumn,
  range: ColumnRange,
  scaler?: Scaler,
): { readonly faults: ErrorDetail[]; readonly warnings: ErrorDetail[] } {
  const faults: ErrorDetail[] = [];
  const warnings: ErrorDetail[] = [];
  const where = `columns.${mapped.name}`;
  if (range.rows > 0 && range.missing === range.rows) {
    faults.push({ where, expected: "values", got: "none: every row is empty", remedy: "map another column" });
    return { faults, warnings };
  }
  if (column.kind !== "number" || range.min === undefined || range.max === undefined || range.mean === undefined)
    return { faults, warnings };
  if (range.constant && mapped.role === "input") warnings.push({ where, expected: "values that change", got: `${range.min} in every row` });
  const { least, most, strange } = physics[column.unit ?? ""] ?? {};
  const shown = `${figure(range.min)} .. ${figure(range.max)} ${column.unit ?? ""}`.trim();
  const remedy = `say what my column is measured in: columns: { ${mapped.name}: { from: ${mapped.from}, unit: UNIT } }`;
  if ((least !== undefined && range.min < least) || (most !== undefined && range.max > most))
    faults.push({ where, expected: `values of at least ${least} ${column.unit}`, got: shown, remedy });
  const odd = strange?.(range.min, range.max);
  if (odd !== undefined) warnings.push({ where, expected: `values in ${column.unit}`, got: `${shown}: ${odd}`, remedy });
  if (mapped.outside !== undefined && mapped.outside.rows > 0) {
    const [from, to] = mapped.outside.range;
    warnings.push({
      where: `${where}.range`,
      expected: `values within ${from} .. ${to}`,
      got: `${mapped.outside.rows} of ${range.rows} rows outside`,
    });
  }
  const known = scaler?.columns[momentKey(mapped.name)];
  if (known !== undefined && known.sd > 0) {
    const far = Math.abs(range.mean - known.mean) / known.sd;
    if (far > farSds) {
      const got = `${figure(range.mean)}, ${far.toFixed(0)} standard deviations away${slip(range.mean / known.mean)}`;
      warnings.push({ where, expected: `a mean near the federation's ${figure(known.mean)}`, got, remedy });
    }
  }
  return { faults, warnings };
}

function slip(ratio: number): string {
  const size = Math.abs(ratio) > 1 ? Math.abs(ratio) : 1 / Math.abs(ratio);
  const found = slips.find(([factor]) => size > factor * 0.85 && size < factor * 1.15);
  return found === undefined ? "" : `: ${found[1]}?`;
}

const figure = (value: number): string => String(Number(value.toPrecision(5)));
