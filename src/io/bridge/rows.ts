/** What a thin device publishes, as rows: JSON objects, or lines of CSV. It comes from outside, so all of it is checked and bounded. */
import { fail } from "../../core/errors.js";

export interface Reading {
  readonly device: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** By column, in the order of the columns; empty where the device said nothing. */
  readonly values: readonly string[];
}

export interface RowForm {
  /** Topics with the place of the device's name, for example "plant/{device}/readings". */
  readonly topic: string;
  /** Readings that are kept, in the order of the file. Of lines of CSV: time, then these. */
  readonly columns: readonly string[];
}

export const rowLimits = { payload: 1 << 20, rows: 10_000, text: 200 } as const;

/** The pattern that a broker understands. */
export const subscription = (topic: string): string => topic.replace("{device}", "+");

/** The device of a topic, or undefined where the topic is another. */
export function deviceOf(pattern: string, topic: string): string | undefined {
  const [wanted, got] = [pattern.split("/"), topic.split("/")];
  if (wanted.length !== got.length) return undefined;
  let device: string | undefined;
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === "{device}") device = got[i];
    else if (wanted[i] !== got[i]) return undefined;
  }
  return device === undefined || !/^\w[\w.:@-]{0,63}$/.test(device) ? undefined : device;
}

/**
 * Rows of one message: {"time": ..., "pressure": 3.1}, a list of such, or lines "time,3.1,20". A time is text of ISO 8601 with its zone, or ms
 * since 1970. Errors: DATA_INVALID, LIMIT_EXCEEDED.
 */
export function readRows(form: RowForm, device: string, payload: Uint8Array): readonly Reading[] {
  if (payload.length > rowLimits.payload) tooMany(device, `${rowLimits.payload} bytes`, payload.length);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(payload).trim();
  } catch (cause) {
    return invalid(device, "UTF-8", "other bytes", cause);
  }
  const rows = text.startsWith("{") || text.startsWith("[") ? fromJson(form, device, text) : fromLines(form, device, text);
  return rows.map(({ time, values }) => ({ device, time: momentOf(device, time), values: values.map((value) => cell(device, value)) }));
}

interface Raw {
  readonly time: unknown;
  readonly values: readonly unknown[];
}

function fromJson({ columns }: RowForm, device: string, text: string): readonly Raw[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    return invalid(device, "JSON", "other text", cause);
  }
  const list = Array.isArray(parsed) ? parsed : [parsed];
  if (list.length > rowLimits.rows) tooMany(device, `${rowLimits.rows} rows`, list.length);
  return list.map((one) => {
    if (typeof one !== "object" || one === null || Array.isArray(one)) invalid(device, "an object per row", typeof one);
    const row = new Map(Object.entries(one as Record<string, unknown>));
    return { time: row.get("time"), values: columns.map((column) => row.get(column)) };
  });
}

function fromLines({ columns }: RowForm, device: string, text: string): readonly Raw[] {
  const lines = text === "" ? [] : text.split(/\r?\n/);
  if (lines.length > rowLimits.rows) tooMany(device, `${rowLimits.rows} rows`, lines.length);
  return lines.map((line) => {
    const [time, ...values] = line.split(",").map((part) => part.trim());
    if (values.length !== columns.length) invalid(device, `a time and ${columns.length} values`, `${values.length} values`);
    return { time, values };
  });
}

/** 2001 to 2200: what lies outside is a clock that was never set, or seconds instead of milliseconds. */
const [earliest, latest] = [978_307_200_000, 7_258_118_400_000];

function momentOf(device: string, value: unknown): number {
  const text = typeof value === "string" ? value : "";
  const time = typeof value === "number" ? value : /^\d{10,15}$/.test(text) ? Number(text) : zoned(text) ? Date.parse(text) : Number.NaN;
  if (Number.isSafeInteger(time) && time >= earliest && time <= latest) return time;
  return invalid(device, "a time as ISO 8601 with its zone, or ms since 1970", (JSON.stringify(value) ?? "nothing").slice(0, 60));
}

const zoned = (text: string): boolean => /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text);

function cell(device: string, value: unknown): string {
  if (value === undefined || value === null || value === "") return "";
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "string" && value.length <= rowLimits.text && !/[\p{Cc}\p{Surrogate}]/u.test(value)) {
    return /[",]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  }
  return invalid(device, "numbers and short texts", (JSON.stringify(value) ?? typeof value).slice(0, 60));
}

function invalid(where: string, expected: string, got: string, cause?: unknown): never {
  fail("DATA_INVALID", { where: `device ${where}`, expected, got, ...(cause === undefined ? {} : { cause }) });
}

function tooMany(where: string, most: string, got: number): never {
  fail("LIMIT_EXCEEDED", { where: `device ${where}`, expected: `at most ${most}`, got: String(got) });
}
