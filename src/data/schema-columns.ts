/**
 * Reading with a fixed schema: cells in, columns out. A cell that does not fit is a fault with its row, its column,
 * what was expected and what was found; up to `maxFaults` are collected before reading stops, so that a user mends
 * a file once and not fault by fault.
 */
import { type ErrorDetail, fail, MillwrightError } from "../core/errors.js";
import { type Cell, cellText, isMissing, naturalCompare, parseNumber, parseTruth } from "./schema-text.js";
import { parseTime, type TimeFormat, type ZoneOffset } from "./schema-time.js";
import type { Column, Table } from "./table.js";

/** One column as the file says it: its name in the source, what it holds, and how it is written. */
export interface ColumnSchema {
  readonly name: string;
  readonly kind: "number" | "time" | "category";
  readonly unit?: string;
  /** How moments are written; required reading for `time`, "iso" where absent. */
  readonly format?: TimeFormat;
  /** A number column written as words: true/false, yes/no, on/off (0 and 1 too). Any other number is then a fault. */
  readonly truth?: boolean;
  /** Fixes the labels of a category and their order; any other label is then a fault. */
  readonly labels?: readonly string[];
}

export interface BuildOptions {
  readonly decimal?: "." | ",";
  readonly zone?: ZoneOffset;
  readonly maxFaults?: number;
  /** Limit on rows, on cells (rows x columns) and on different labels of a category. */
  readonly maxRows?: number;
  readonly maxCells?: number;
  readonly maxLabels?: number;
}

export interface TableBuilder {
  /** Adds one row: cells in the order of the schema. `where` names the file and line in faults. Errors: DATA_INVALID once too many faults are found, LIMIT_EXCEEDED. */
  add(cells: readonly Cell[], where: () => string): void;
  /** The table, with category labels in natural order. Errors: DATA_INVALID listing every fault. */
  finish(): Table;
  readonly rows: number;
}

/** A builder for one schema. */
export function tableBuilder(schema: readonly ColumnSchema[], options: BuildOptions = {}): TableBuilder {
  const { decimal = ".", zone, maxFaults = 10, maxRows = 50_000_000, maxCells = 400_000_000, maxLabels = 100_000 } = options;
  const stores = schema.map((column) => (column.kind === "category" ? labelStore(column, maxLabels) : numberStore(column, decimal, zone)));
  const faults: ErrorDetail[] = [];
  let rows = 0;

  function refuse(): never {
    throw new MillwrightError("DATA_INVALID", faults[0], faults);
  }

  function add(cells: readonly Cell[], where: () => string): void {
    if (rows >= maxRows || (rows + 1) * schema.length > maxCells) {
      fail("LIMIT_EXCEEDED", {
        where: where(),
        expected: `at most ${maxRows} rows and ${maxCells} cells`,
        got: "more",
        remedy: "read fewer columns (inputs:), or use engine: duckdb and aggregate first",
      });
    }
    for (let c = 0; c < stores.length; c++) {
      const expected = stores[c].push(cells[c]);
      if (expected !== undefined) {
        faults.push({ where: `${where()}, column "${schema[c].name}"`, expected, got: JSON.stringify(shown(cells[c])) });
        if (faults.length >= maxFaults) refuse();
      }
    }
    rows++;
  }

  return {
    add,
    finish() {
      if (faults.length > 0) refuse();
      return { rows, columns: stores.map((store) => store.column()) };
    },
    get rows() {
      return rows;
    },
  };
}

function shown(cell: Cell): string {
  const text = cellText(cell);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

interface Store {
  /** Takes a cell; says what would have been right where it does not fit. */
  push(cell: Cell): string | undefined;
  column(): Column;
}

interface CellReader {
  readonly parse: (cell: Cell) => number | undefined;
  readonly expected: string;
}

function cellReader(column: ColumnSchema, decimal: "." | ",", zone: ZoneOffset | undefined): CellReader {
  if (column.kind === "time") {
    const format = column.format ?? "iso";
    return { parse: (cell) => parseTime(cell, format, zone), expected: `a time (${format})` };
  }
  if (column.truth) return { parse: parseTruth, expected: "true or false, yes or no, 1 or 0" };
  return { parse: (cell) => parseNumber(cell, decimal), expected: `a number${decimal === "," ? " with decimal comma" : ""}` };
}

/** Numbers and times: a growing Float64Array with NaN where the cell is missing. */
function numberStore(column: ColumnSchema, decimal: "." | ",", zone: ZoneOffset | undefined): Store {
  let values = new Float64Array(1024);
  let count = 0;
  const { name, unit } = column;
  const { parse, expected } = cellReader(column, decimal, zone);
  return {
    push(cell) {
      if (count === values.length) values = grown(values);
      const value = isMissing(cell) ? Number.NaN : parse(cell);
      values[count++] = value ?? Number.NaN;
      return value === undefined ? expected : undefined;
    },
    column() {
      const exact = values.slice(0, count);
      if (column.kind === "time") return { name, kind: "time", values: exact };
      return unit === undefined ? { name, kind: "number", values: exact } : { name, kind: "number", unit, values: exact };
    },
  };
}

function grown(values: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(values.length * 2);
  larger.set(values);
  return larger;
}

/** Categories: codes by first appearance while reading, renumbered to fixed or natural order at the end. */
function labelStore(column: ColumnSchema, maxLabels: number): Store {
  const found = new Map<string, number>();
  for (const label of column.labels ?? []) found.set(label, found.size);
  const fixed = column.labels !== undefined;
  let codes = new Int32Array(1024);
  let count = 0;
  return {
    push(cell) {
      if (count === codes.length) {
        const larger = new Int32Array(codes.length * 2);
        larger.set(codes);
        codes = larger;
      }
      if (isMissing(cell)) {
        codes[count++] = -1;
        return undefined;
      }
      const label = cellText(cell);
      let code = found.get(label);
      if (code === undefined && !fixed && found.size < maxLabels) {
        code = found.size;
        found.set(label, code);
      }
      codes[count++] = code ?? -1;
      if (code !== undefined) return undefined;
      return fixed ? `one of ${[...found.keys()].slice(0, 12).join(", ")}` : `a category of at most ${maxLabels} labels`;
    },
    column() {
      const exact = codes.slice(0, count);
      const labels = [...found.keys()];
      if (fixed) return { name: column.name, kind: "category", codes: exact, labels };
      const sorted = [...labels].sort(naturalCompare);
      const place = new Map(sorted.map((label, i) => [label, i]));
      const renumbered = labels.map((label) => place.get(label) ?? -1);
      for (let i = 0; i < exact.length; i++) if (exact[i] >= 0) exact[i] = renumbered[exact[i]];
      return { name: column.name, kind: "category", codes: exact, labels: sorted };
    },
  };
}
