/**
 * What a cell of text means: numbers, missing values, moments in time, units in headers.
 *
 * Everything is strict: a text is a number or it is not; nothing is cut off, guessed or turned into NaN. Only the
 * markers in `missingMarkers` mean "no value".
 */

/** What a reader hands over per cell. Text formats give strings, Parquet and DuckDB give typed values. */
export type Cell = string | number | bigint | boolean | Date | null | undefined;

/** Texts that mean "no value", compared without case. */
export const missingMarkers: ReadonlySet<string> = new Set(["", "na", "n/a", "#n/a", "nan", "null", "none", "?"]);

/** True where a cell holds no value. */
export function isMissing(cell: Cell): boolean {
  if (cell === null || cell === undefined) return true;
  if (typeof cell === "number") return Number.isNaN(cell);
  if (typeof cell !== "string") return false;
  // Most cells are numbers, and no marker begins as a number does: they are told apart without a look-up.
  const first = cell.charCodeAt(0);
  if (first >= 0x2b && first <= 0x39) return false;
  return cell.length <= 8 && missingMarkers.has(cell.trim().toLowerCase());
}

const numberShape = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const commaShape = /^[+-]?(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?$/;

/** The number a cell says, or undefined where it says none. Infinite numbers are none. Missing cells are the caller's matter. */
export function parseNumber(cell: Cell, decimal: "." | "," = "."): number | undefined {
  if (typeof cell === "number") return Number.isFinite(cell) ? cell : undefined;
  if (typeof cell === "bigint") {
    const value = Number(cell);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  if (typeof cell === "boolean") return cell ? 1 : 0;
  if (typeof cell !== "string") return undefined;
  const text = cell.trim();
  if (decimal === ",") {
    if (!commaShape.test(text)) return undefined;
    return finite(Number(text.replace(",", ".")));
  }
  return numberShape.test(text) ? finite(Number(text)) : undefined;
}

const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined);

const truths: ReadonlyMap<string, number> = new Map(Object.entries({ true: 1, false: 0, yes: 1, no: 0, on: 1, off: 0, 1: 1, 0: 0 }));

/** 1 or 0 for true/false, yes/no, on/off, 1/0 in any case; undefined for anything else. */
export function parseTruth(cell: Cell): number | undefined {
  if (typeof cell === "boolean") return cell ? 1 : 0;
  return cell === null || cell === undefined ? undefined : truths.get(cellText(cell).toLowerCase());
}

/** A cell as the text of a category. */
export function cellText(cell: Cell): string {
  if (cell instanceof Date) return cell.toISOString();
  return String(cell).trim();
}

/** Spellings of units found in headers, in UCUM. A unit that is not here is kept as it was written. */
const ucum: Readonly<Record<string, string>> = {
  rpm: "r/min",
  nm: "N.m",
  "°c": "Cel",
  c: "Cel",
  degc: "Cel",
  celsius: "Cel",
  "°f": "[degF]",
  kwh: "kW.h",
  kvarh: "kvar.h",
  "l/min": "L/min",
  sec: "s",
  hours: "h",
  "cm hg": "cm[Hg]",
};

/** Units that may follow an underscore at the end of a header without brackets. */
const suffixes: ReadonlySet<string> = new Set(["kwh", "kvarh", "kw", "kpa", "mpa", "bar", "mbar", "rpm", "degc", "hz", "nm"]);

/** The unit in a header such as "Torque [Nm]", "CO2(tCO2)" or "Usage_kWh", in UCUM where it is known. */
export function unitOfHeader(header: string): string | undefined {
  const bracket = /[[(]\s*([^\])]{1,24}?)\s*[\])]\s*$/.exec(header);
  const suffix = /_([A-Za-z]{1,8})$/.exec(header);
  const found = bracket?.[1] ?? (suffix !== null && suffixes.has(suffix[1].toLowerCase()) ? suffix[1] : undefined);
  if (found === undefined || /^\d+$/.test(found)) return undefined;
  return ucum[found.toLowerCase()] ?? found;
}

/** Compares texts with the numbers in them as numbers ("m2" before "m10"); a total order that needs no locale. */
export function naturalCompare(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  const shared = Math.min(left.length, right.length);
  for (let i = 0; i < shared; i++) {
    if (left[i] === right[i]) continue;
    const x = Number(left[i]);
    const y = Number(right[i]);
    if (!Number.isNaN(x) && !Number.isNaN(y) && x !== y) return x - y;
    return left[i] < right[i] ? -1 : 1;
  }
  return left.length - right.length || (a < b ? -1 : a > b ? 1 : 0);
}
