/**
 * Moments in time as text. Five formats are read; which one a column uses is decided once for the whole column
 * (`infer.ts`), because 03/04/2018 alone does not say whether it is March or April.
 *
 * A text without a zone is a local time of the plant; the caller says how far that is from UTC.
 */
import type { Cell } from "./schema-text.js";

export const timeFormats = ["iso", "dmy", "mdy", "epoch-s", "epoch-ms"] as const;

/** iso: 2015-01-01 06:00:00, with T, fraction or zone if there. dmy, mdy: 31/12/2018 23:45 (also . or -). epoch: since 1970. */
export type TimeFormat = (typeof timeFormats)[number];

/** Milliseconds to subtract from a local time to get UTC, for the local moment given in milliseconds as if it were UTC. */
export type ZoneOffset = (local: number) => number;

const iso = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/i;
const slashed = /^(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp][Mm])?)?$/;

/** Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant's algorithm, integers only). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Milliseconds of a civil moment as if it were UTC, or undefined where there is no such moment. */
function civil(year: number, month: number, day: number, clock: Clock): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  let hour = Number(clock.hour ?? 0);
  const minute = Number(clock.minute ?? 0);
  const second = Number(clock.second ?? 0);
  if (clock.half !== undefined) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (clock.half.toLowerCase() === "pm" ? 12 : 0);
  }
  if (hour > 24 || minute > 59 || second > 59 || (hour === 24 && minute + second > 0)) return undefined;
  const fraction = clock.fraction === undefined ? 0 : Math.trunc(Number(`${clock.fraction}00`.slice(0, 3)));
  return daysFromCivil(year, month, day) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000 + fraction;
}

interface Clock {
  readonly hour?: string;
  readonly minute?: string;
  readonly second?: string;
  readonly fraction?: string;
  readonly half?: string;
}

/** The moment a cell says in a format, in milliseconds since 1970-01-01T00:00Z, or undefined where it says none. */
export function parseTime(cell: Cell, format: TimeFormat, zone: ZoneOffset = utc): number | undefined {
  if (cell instanceof Date) {
    const value = cell.getTime();
    return Number.isFinite(value) ? value : undefined;
  }
  if (format === "epoch-s" || format === "epoch-ms") return parseEpoch(cell, format === "epoch-s" ? 1000 : 1);
  if (typeof cell !== "string") return undefined;
  const text = cell.trim();
  if (format === "iso") {
    const m = iso.exec(text);
    if (m === null) return undefined;
    const local = civil(Number(m[1]), Number(m[2]), Number(m[3]), { hour: m[4], minute: m[5], second: m[6], fraction: m[7] });
    if (local === undefined) return undefined;
    return m[8] === undefined ? shifted(local, zone) : local - explicitOffset(m[8]);
  }
  const m = slashed.exec(text);
  if (m === null) return undefined;
  const [day, month] = format === "dmy" ? [m[1], m[3]] : [m[3], m[1]];
  const local = civil(Number(m[4]), Number(month), Number(day), { hour: m[5], minute: m[6], second: m[7], fraction: m[8], half: m[9] });
  return local === undefined ? undefined : shifted(local, zone);
}

const utc: ZoneOffset = () => 0;

/** A zone may say NaN for a local time that its clocks skipped. */
function shifted(local: number, zone: ZoneOffset): number | undefined {
  const value = local - zone(local);
  return Number.isFinite(value) ? value : undefined;
}

function parseEpoch(cell: Cell, factor: number): number | undefined {
  if (typeof cell === "string" && !/^\s*\d{1,16}(\.\d+)?\s*$/.test(cell)) return undefined;
  if (typeof cell !== "string" && typeof cell !== "number" && typeof cell !== "bigint") return undefined;
  const value = Math.round(Number(cell) * factor);
  return Number.isSafeInteger(value) && value >= 0 && value <= 8.64e15 ? value : undefined;
}

function explicitOffset(text: string): number {
  if (/^(z|utc)$/i.test(text)) return 0;
  const sign = text[0] === "-" ? -1 : 1;
  const digits = text.slice(1).replace(":", "");
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))) * 60_000;
}

/** Which formats of text with slashes a cell could be read in: both, one, or none. */
export function slashedReadings(cell: string): { readonly dmy: boolean; readonly mdy: boolean; readonly dotted: boolean } {
  const text = cell.trim();
  return {
    dmy: parseTime(text, "dmy") !== undefined,
    mdy: parseTime(text, "mdy") !== undefined,
    dotted: slashed.exec(text)?.[2] === ".",
  };
}
