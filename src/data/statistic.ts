/**
 * What a site tells the federation about its values so that all sites scale alike: count, sum, sum of squares and
 * extremes per column (and operating regime). Rows do not travel. Each value is rounded once to a multiple of 2^-64 and
 * added as an integer, so adding is associative and commutative to the byte. Not a privacy guarantee: until the sums are
 * made secret the coordinator sees them, and extremes are values of single rows.
 */
import { fail } from "../core/errors.js";
import { type ExactSum, exactSum } from "../core/exact-sum.js";
import type { Millis } from "../core/quantities.js";

/** Fractional bits of a sum. */
export const fractionBits = 64n;
const two64 = 18_446_744_073_709_551_616;
/** From this size on, 2^-11, every double is a multiple of 2^-64. */
const whole = 0.00048828125;
/** 2^200: sums of more values than there can be rows stay within what is sent. */
const largest = 1.6069380442589903e60;

/** Count, sums (multiples of 2^-64) and extremes of one column in one regime. */
export interface Moments {
  readonly count: number;
  readonly sum: bigint;
  readonly squares: bigint;
  readonly min: number;
  readonly max: number;
}

/** The roles and labels both training and prediction need; part of the statistic so that all sites agree on them. */
export interface Schema {
  readonly machine?: string;
  readonly time?: string;
  /** Kind of the time column. */
  readonly clock?: "time" | "number";
  /** Time between readings as they come, before resampling. */
  readonly step?: Millis;
  readonly inputs: readonly string[];
  readonly target?: string;
  /** Labels of every category column, in the order of their codes. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** Units of the readings before any conversion. */
  readonly units: Readonly<Record<string, string>>;
  /** Shape of a tensor input per example. */
  readonly tensor?: { readonly name: string; readonly shape: readonly number[] };
}

/** What one site, or several together, tell for scaling: moments by name of the column (and regime). Adds up exactly. */
export interface Statistic {
  readonly schema: Schema;
  readonly moments: Readonly<Record<string, Moments>>;
}

/** Key of the moments a scale uses: a column, or a column in a regime. */
export function momentKey(column: string, regime?: string): string {
  return regime === undefined ? `scale/${column}` : `scale/${column}/${regime}`;
}
/** Key of the extremes that decide about log1p. */
export const extentKey = (column: string): string => `extent/${column}`;
/** Key of the moments of a column had log1p been applied to it. */
export const logKey = (key: string): string => `log1p:${key}`;
export const targetKey = "target";
export const imageKey = "image";

/** Collects the moments of one site. */
export class MomentCollector {
  readonly #parts = new Map<string, { sum: ExactSum; squares: ExactSum; count: number; min: number; max: number }>();

  /** Adds one value; missing ones do not count. Errors: NOT_FINITE, LIMIT_EXCEEDED where its square is above 2^200. */
  add(key: string, value: number): void {
    if (Number.isNaN(value)) return;
    const part = this.#part(key);
    part.count++;
    part.sum.add(fixed(value));
    part.squares.add(fixed(value * value));
    if (value < part.min) part.min = value;
    if (value > part.max) part.max = value;
  }

  #part(key: string) {
    let part = this.#parts.get(key);
    if (part === undefined) {
      part = { sum: exactSum(), squares: exactSum(), count: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
      this.#parts.set(key, part);
    }
    return part;
  }

  moments(): Record<string, Moments> {
    const keys = [...this.#parts.keys()].sort();
    return Object.fromEntries(
      keys.map((key) => {
        const { sum, squares, count, min, max } = this.#part(key);
        return [key, { count, sum: total(sum), squares: total(squares), min, max }];
      }),
    );
  }
}

/** The nearest multiple of 2^-64; a tie goes up. Errors: NOT_FINITE, LIMIT_EXCEEDED. */
function fixed(value: number): number {
  const size = Math.abs(value);
  if (size < whole) return Math.round(value * two64) / two64;
  if (size <= largest) return value;
  if (!Number.isFinite(value)) fail("NOT_FINITE", { where: "federated statistics", expected: "finite values", got: String(value) });
  fail("LIMIT_EXCEEDED", { where: "federated statistics", expected: "values below 2^200", got: String(value) });
}

/** The sum in units of 2^-64; the accumulator counts in units of 2^-1074, and every term was a multiple of 2^-64. */
const total = (sum: ExactSum): bigint => sum.units() >> 1010n;

/**
 * Adds two statistics. Associative and commutative, exactly. Errors: MESSAGE_INVALID where they describe other data.
 *
 * @example
 * ```ts
 * import { addStatistics, partitionSites, siteStatistic } from "millwright/data";
 *
 * const told = partitionSites(dataset, plan, 7).map((site) => siteStatistic(site, plan));
 * const total = told.reduce(addStatistics);
 * total.moments["scale/heat"]?.count; // => 90
 * ```
 */
export function addStatistics(a: Statistic, b: Statistic): Statistic {
  if (JSON.stringify(a.schema) !== JSON.stringify(b.schema)) {
    fail("MESSAGE_INVALID", { where: "statistics", expected: "sites with the same columns and labels", got: "different ones" });
  }
  const moments: Record<string, Moments> = {};
  for (const key of [...new Set([...Object.keys(a.moments), ...Object.keys(b.moments)])].sort()) {
    const x = a.moments[key];
    const y = b.moments[key];
    if (x === undefined || y === undefined) {
      moments[key] = x ?? y;
      continue;
    }
    moments[key] = {
      count: x.count + y.count,
      sum: x.sum + y.sum,
      squares: x.squares + y.squares,
      min: Math.min(x.min, y.min),
      max: Math.max(x.max, y.max),
    };
  }
  return { schema: a.schema, moments };
}

/**
 * One line of JSON, the same bytes for equal statistics; integers as decimal text. What a site sends, for looking at.
 *
 * @example
 * ```ts
 * import { partitionSites, siteStatistic, statisticText } from "millwright/data";
 *
 * const [first] = partitionSites(dataset, plan, 7);
 * statisticText(siteStatistic(first, plan)).startsWith('{"schema":'); // => true
 * ```
 */
export function statisticText(statistic: Statistic): string {
  return JSON.stringify(statistic, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
}
