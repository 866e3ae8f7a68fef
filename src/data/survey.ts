/**
 * A second look at a table, row by row: what inference said of a sample is held against all rows, so that machines, ranges, labels and
 * slips that begin after the sample are known before a file is written. Memory grows with machines and labels, not with rows.
 *
 * Not looked at again: which columns give the answer away and which count rows; those rest on the sample.
 */
import type { FlagGroup } from "./flag-groups.js";
import type { InferredColumn, InferredSchema } from "./infer.js";
import { type Cell, cellText, isMissing, parseNumber, parseTruth } from "./schema-text.js";
import { parseTime } from "./schema-time.js";

export interface SurveyOptions {
  readonly decimal: "." | ",";
  /** The columns that order the readings: by machine, then time. */
  readonly machine?: string;
  readonly time?: string;
  readonly groups?: readonly FlagGroup[];
}

export interface Survey {
  /** What inference would have said had the rows been its sample, as far as this survey goes. */
  readonly schema: InferredSchema;
  /** Rows with a time before that of the machine's row above: they are sorted when the table is read. */
  readonly backwards: number;
  /** Rows with the time of the machine's row above: a machine has one reading at a time. */
  readonly repeats: number;
  /** Share of yes among the answers of each yes-or-no column. */
  readonly rates: ReadonlyMap<string, number>;
  /** Rows by label, of each column with few different values; most frequent first. */
  readonly labels: ReadonlyMap<string, readonly (readonly [label: string, rows: number])[]>;
  /** The groups that hold in every row. */
  readonly groups: readonly FlagGroup[];
  /** Columns whose first cell that does not fit lies beyond the sample. */
  readonly strays: readonly InferredColumn[];
}

export interface Surveyor {
  /** One row, with its cells in the order of the schema. */
  add(cells: readonly Cell[]): void;
  finish(): Survey;
}

/** Different values that are counted; columns with more are measurements or names, which no role turns on. */
const mostDistinct = 100_000;
/** Labels that are told with their rows. */
const fewLabels = 100;
/** Columns of numbers with more different values in the sample than this name nothing. */
const mostNames = 1000;

export function surveyor(sampled: InferredSchema, options: SurveyOptions): Surveyor {
  const columns = sampled.columns.map((column) => columnSurvey(column, options.decimal));
  const order = orderSurvey(sampled, options);
  const groups = (options.groups ?? []).map((group) => ({
    group,
    places: group.columns.map((name) => sampled.columns.findIndex((c) => c.name === name)),
    holds: true,
  }));
  let rows = 0;
  return {
    add(cells) {
      for (let c = 0; c < columns.length; c++) columns[c].add(cells[c], rows);
      order.add(cells);
      for (const one of groups) {
        if (one.holds) one.holds = one.places.reduce((sum, place) => sum + (parseTruth(cells[place]) ?? 2), 0) === 1;
      }
      rows++;
    },
    finish() {
      const found = columns.map((column) => column.finish());
      return {
        schema: { rows, columns: found.map(({ column }) => column) },
        ...order.counts(),
        labels: new Map(found.flatMap(({ column, labels }) => (labels === undefined ? [] : [[column.name, labels]]))),
        rates: new Map(found.flatMap(({ column, rate }) => (rate === undefined ? [] : [[column.name, rate]]))),
        groups: groups.filter(({ holds }) => holds).map(({ group }) => group),
        strays: found.flatMap(({ column }, c) => (column.stray !== undefined && sampled.columns[c].stray === undefined ? [column] : [])),
      };
    },
  };
}

interface ColumnSurvey {
  add(cell: Cell, row: number): void;
  finish(): {
    readonly column: InferredColumn;
    readonly rate?: number;
    readonly labels?: readonly (readonly [string, number])[];
  };
}

function columnSurvey(column: InferredColumn, decimal: "." | ","): ColumnSurvey {
  const read = reader(column, decimal);
  const seen = column.kind === "number" && column.distinct > mostNames ? undefined : new Map<string, number>();
  let [missing, yes, answered] = [0, 0, 0];
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let truth = column.truth;
  let stray = column.stray;
  return {
    add(cell, row) {
      if (isMissing(cell)) {
        missing++;
        return;
      }
      if (seen !== undefined) {
        const text = cellText(cell);
        const before = seen.get(text);
        if (before !== undefined || seen.size < mostDistinct) seen.set(text, (before ?? 0) + 1);
      }
      if (truth !== undefined) {
        const answer = parseTruth(cell);
        if (answer === undefined) truth = undefined;
        answered++;
        yes += answer ?? 0;
      }
      if (read === undefined) return;
      const value = read(cell);
      if (value === undefined) {
        stray ??= { text: cellText(cell).slice(0, 80), row };
        return;
      }
      if (value < min) min = value;
      if (value > max) max = value;
    },
    finish() {
      const distinct = Math.max(column.distinct, seen?.size ?? 0);
      const { truth: _, stray: __, ...rest } = column;
      return {
        column: {
          ...rest,
          missing,
          distinct,
          constant: distinct <= 1,
          ...(min <= max && { min, max }),
          ...(truth !== undefined && { truth }),
          ...(stray !== undefined && { stray }),
        },
        ...(truth !== undefined && answered > 0 && { rate: yes / answered }),
        ...(seen !== undefined && seen.size <= fewLabels && { labels: [...seen].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)) }),
      };
    },
  };
}

/** How a cell of the column is read; undefined for categories, which take any text. */
function reader(column: InferredColumn, decimal: "." | ","): ((cell: Cell) => number | undefined) | undefined {
  if (column.kind === "category") return undefined;
  if (column.kind === "number") return column.truth === "words" ? parseTruth : (cell) => parseNumber(cell, decimal);
  const { format, ambiguous } = column;
  if (format === undefined) return undefined;
  // Where the sample leaves day and month open, a later row may have only one reading, and either is welcome.
  if (ambiguous !== undefined) return (cell) => parseTime(cell, "dmy") ?? parseTime(cell, "mdy");
  return (cell) => parseTime(cell, format);
}

function orderSurvey(schema: InferredSchema, { machine, time, decimal }: SurveyOptions) {
  const place = (name: string | undefined): number => schema.columns.findIndex((c) => c.name === name);
  const [who, when] = [place(machine), place(time)];
  const read = when < 0 ? undefined : reader(schema.columns[when], decimal);
  const last = new Map<string, number>();
  let [backwards, repeats] = [0, 0];
  return {
    add(cells: readonly Cell[]): void {
      if (read === undefined) return;
      const moment = isMissing(cells[when]) ? undefined : read(cells[when]);
      if (moment === undefined) return;
      const name = who < 0 ? "" : cellText(cells[who]);
      const before = last.get(name);
      if (before !== undefined && moment < before) backwards++;
      if (before !== undefined && moment === before) repeats++;
      if (before !== undefined || last.size < mostDistinct) last.set(name, moment);
    },
    counts: () => ({ backwards, repeats }),
  };
}
