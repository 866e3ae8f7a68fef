/**
 * Schema inference: what each column of a sample holds, shown to the user and then fixed in the file.
 *
 * Inference looks and never decides silently: a date that can be read as day/month and as month/day in every row of the
 * sample is reported with both readings and refused when it is used (`fixedSchema`). It guarantees nothing about rows
 * outside the sample; reading with the fixed schema does.
 */
import { fail } from "../core/errors.js";
import type { ColumnSchema } from "./schema-columns.js";
import { type Cell, cellText, isMissing, parseNumber, parseTruth, unitOfHeader } from "./schema-text.js";
import { parseTime, slashedReadings, type TimeFormat } from "./schema-time.js";

export interface InferredColumn {
  readonly name: string;
  readonly kind: "number" | "time" | "category";
  /** From the header, in UCUM where known. */
  readonly unit?: string;
  readonly format?: TimeFormat;
  /** The column holds only 0 and 1 ("digits"), or true and false, yes and no and the like ("words"). */
  readonly truth?: "digits" | "words";
  /** Cells without a value in the sample. */
  readonly missing: number;
  /** Smallest and largest value; milliseconds for times; absent for categories. */
  readonly min?: number;
  readonly max?: number;
  /** Different values in the sample. */
  readonly distinct: number;
  /** Up to five different values as written. */
  readonly examples: readonly string[];
  /** One value throughout: of no use as an input. */
  readonly constant: boolean;
  /** Names or counts rows (a serial number, an id): of no use as an input. */
  readonly identifier: boolean;
  /** A category nine in ten of whose cells are numbers: the first that is not, as written, and its row in the sample. */
  readonly stray?: { readonly text: string; readonly row: number };
  /** Both readings of a date whose order of day and month the sample leaves open. */
  readonly ambiguous?: { readonly text: string; readonly dmy: number; readonly mdy: number };
}

export interface InferredSchema {
  readonly columns: readonly InferredColumn[];
  /** Rows the inference has seen. */
  readonly rows: number;
}

export interface Sample {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  readonly decimal?: "." | ",";
}

/** Infers each column from the sample's rows. Errors: DATA_EMPTY without rows. */
export function inferSchema(sample: Sample): InferredSchema {
  if (sample.rows.length === 0) fail("DATA_EMPTY", { expected: "at least one row to infer a schema from", got: "none" });
  return {
    rows: sample.rows.length,
    columns: sample.columns.map((name, c) =>
      inferColumn(
        name,
        sample.rows.map((row) => row[c]),
        sample.decimal ?? ".",
      ),
    ),
  };
}

function inferColumn(name: string, cells: readonly Cell[], decimal: "." | ","): InferredColumn {
  const present = cells.filter((cell) => !isMissing(cell));
  const texts = new Set(present.map(cellText));
  const shared = {
    name,
    missing: cells.length - present.length,
    distinct: texts.size,
    examples: [...texts].slice(0, 5),
    constant: texts.size <= 1,
  };
  const unit = unitOfHeader(name);
  const numbers = all(present, (cell) => parseNumber(cell, decimal));
  const truths = all(present, parseTruth);
  if (present.length === 0) return { ...shared, kind: "number", ...(unit && { unit }), identifier: false };
  const time = inferTime(name, present, numbers);
  if (time !== undefined) return { ...shared, ...time, kind: "time", identifier: false };
  const values = numbers ?? truths;
  if (values === undefined) {
    const stray = strayOf(cells, present.length, decimal);
    const identifier = stray === undefined && texts.size === cells.length && cells.length >= 20;
    return { ...shared, kind: "category", identifier, ...(stray && { stray }) };
  }
  const range = rangeOf(values);
  return {
    ...shared,
    kind: "number",
    ...(unit && { unit }),
    ...range,
    ...(truths !== undefined && { truth: numbers === undefined ? "words" : "digits" }),
    identifier: countsRows(values, cells.length, texts.size, name),
  };
}

/** The first cell that is no number in a column that otherwise holds numbers: a slip or a marker, hardly a column of names. */
function strayOf(cells: readonly Cell[], present: number, decimal: "." | ","): { text: string; row: number } | undefined {
  const strays: number[] = [];
  cells.forEach((cell, row) => {
    if (!isMissing(cell) && parseNumber(cell, decimal) === undefined) strays.push(row);
  });
  if (strays.length > present / 10) return undefined;
  return { text: cellText(cells[strays[0]]).slice(0, 80), row: strays[0] };
}

/** The values of all cells, or undefined where one has none. */
function all(cells: readonly Cell[], parse: (cell: Cell) => number | undefined): number[] | undefined {
  const values: number[] = [];
  for (const cell of cells) {
    const value = parse(cell);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function rangeOf(values: readonly number[]): { readonly min: number; readonly max: number } {
  let min = values[0];
  let max = values[0];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min, max };
}

type TimeGuess = Pick<InferredColumn, "format" | "min" | "max" | "ambiguous">;

function inferTime(name: string, cells: readonly Cell[], numbers: readonly number[] | undefined): TimeGuess | undefined {
  if (numbers !== undefined) return epoch(name, numbers);
  const iso = all(cells, (cell) => parseTime(cell, "iso"));
  if (iso !== undefined) return { format: "iso", ...rangeOf(iso) };
  const dmy = all(cells, (cell) => parseTime(cell, "dmy"));
  const mdy = all(cells, (cell) => parseTime(cell, "mdy"));
  if (dmy === undefined && mdy === undefined) return undefined;
  if (dmy === undefined) return { format: "mdy", ...rangeOf(mdy ?? []) };
  if (mdy === undefined) return { format: "dmy", ...rangeOf(dmy) };
  // No country writes month.day.year with dots; and where both readings agree, there is nothing to choose.
  const texts = cells.map(cellText);
  const open = dmy.findIndex((value, i) => value !== mdy[i]);
  if (open < 0 || texts.every((text) => slashedReadings(text).dotted)) return { format: "dmy", ...rangeOf(dmy) };
  return { format: "dmy", ...rangeOf(dmy), ambiguous: { text: texts[open], dmy: dmy[open], mdy: mdy[open] } };
}

/** Seconds or milliseconds since 1970 between 2001 and 2096, in a column that is called a time. */
function epoch(name: string, values: readonly number[]): TimeGuess | undefined {
  if (!/time|date|epoch|(^|[^a-z])ts($|[^a-z])/i.test(name)) return undefined;
  const { min, max } = rangeOf(values);
  if (min >= 1e9 && max <= 4e9) return { format: "epoch-s", min: min * 1000, max: max * 1000 };
  if (min >= 1e12 && max <= 4e12) return { format: "epoch-ms", min, max };
  return undefined;
}

/** Whole numbers, each once, that either rise by one from row to row or stand under a name that says identifier. */
function countsRows(values: readonly number[], rows: number, distinct: number, name: string): boolean {
  if (distinct !== rows || rows < 20 || !values.every(Number.isInteger)) return false;
  if (/(^|[^a-z])(id|uid|udi|uuid|serial|index|row|nr|no)($|[^a-z])/i.test(name) || /(Id|ID)$/.test(name)) return true;
  return values.every((value, i) => i === 0 || value === values[i - 1] + 1);
}

/**
 * The schema to read chosen columns with. `fixed` is what the file says about a column and goes before inference.
 * Errors: DATA_MISSING for a column that is not there, DATA_INVALID for a date whose reading is open.
 */
export function fixedSchema(
  inferred: InferredSchema,
  names: readonly string[],
  fixed: Readonly<Record<string, Partial<ColumnSchema>>> = {},
  say = (name: string): string => `say which under data.columns: { "${name}": { kind: time, format: dmy } } or format: mdy`,
): ColumnSchema[] {
  return names.map((name) => {
    const column = inferred.columns.find((c) => c.name === name);
    if (column === undefined) {
      fail("DATA_MISSING", { expected: `a column "${name}"`, got: `columns ${inferred.columns.map((c) => c.name).join(", ")}` });
    }
    const said = fixed[name] ?? {};
    const kind = said.kind ?? column.kind;
    const unit = said.unit ?? (kind === "number" ? column.unit : undefined);
    const format = said.format ?? (kind === "time" ? column.format : undefined);
    if (kind === "time" && said.format === undefined && column.ambiguous !== undefined) refuseAmbiguous(name, column.ambiguous, say(name));
    const truth = kind === "number" && column.truth === "words";
    return {
      name,
      kind,
      ...(truth && { truth }),
      ...(unit !== undefined && { unit }),
      ...(format !== undefined && { format }),
      ...(said.labels && { labels: said.labels }),
    };
  });
}

function refuseAmbiguous(name: string, open: { readonly text: string; readonly dmy: number; readonly mdy: number }, remedy: string): never {
  fail("DATA_INVALID", {
    where: `column "${name}"`,
    expected: "dates whose day and month can be told apart",
    got: `"${open.text}", which is ${isoDay(open.dmy)} read day first and ${isoDay(open.mdy)} read month first`,
    remedy,
  });
}

/** Year, month and day of a moment in UTC (the inverse of daysFromCivil, after Hinnant). */
export function isoDay(time: number): string {
  const days = Math.floor(time / 86_400_000) + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
}
