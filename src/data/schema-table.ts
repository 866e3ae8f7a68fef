/** Small operations on tables that every loader needs: finding columns, choosing rows, sorting by machine and time. */
import { fail } from "../core/errors.js";
import { categoryColumn as categoryNamed, columnNamed, numericColumn } from "./columns.js";
import type { CategoryColumn, Column, NumberColumn, Table, TimeColumn } from "./table.js";

const where = "the table";

/** The column of that name. Errors: DATA_MISSING with the names that are there. */
export const columnOf = (table: Table, name: string): Column => columnNamed(table, name, where);

/** The values of a number or time column. Errors: DATA_MISSING, DATA_INVALID where it is of another kind. */
export const valuesOf = (table: Table, name: string): Float64Array => numericColumn(table, name, where).values;

/** A category column. Errors: DATA_MISSING, DATA_INVALID where it is of another kind. */
export const categoryOf = (table: Table, name: string): CategoryColumn => categoryNamed(table, name, where);

export const numberColumn = (name: string, values: Float64Array, unit?: string): NumberColumn =>
  unit === undefined ? { name, kind: "number", values } : { name, kind: "number", unit, values };

export const timeColumn = (name: string, values: Float64Array): TimeColumn => ({ name, kind: "time", values });

export const categoryColumn = (name: string, codes: Int32Array, labels: readonly string[]): CategoryColumn => ({
  name,
  kind: "category",
  codes,
  labels,
});

/** The rows of `order`, in that order. */
export function rowsOf(table: Table, order: Int32Array): Table {
  return { rows: order.length, columns: table.columns.map((column) => pick(column, order)) };
}

function pick(column: Column, order: Int32Array): Column {
  switch (column.kind) {
    case "number":
    case "time": {
      const values = new Float64Array(order.length);
      for (let i = 0; i < order.length; i++) values[i] = column.values[order[i]];
      return { ...column, values };
    }
    case "category": {
      const codes = new Int32Array(order.length);
      for (let i = 0; i < order.length; i++) codes[i] = column.codes[order[i]];
      return { ...column, codes };
    }
    case "tensor": {
      const size = column.shape.reduce((a, b) => a * b, 1);
      const values = new Float32Array(order.length * size);
      for (let i = 0; i < order.length; i++) values.set(column.values.subarray(order[i] * size, (order[i] + 1) * size), i * size);
      return { ...column, values };
    }
  }
}

/**
 * Sorted by machine, then time, keeping the order of equal rows. A row without a machine or a time cannot be placed.
 * Errors: DATA_INVALID naming the first such row.
 */
export function sortByMachine(table: Table, machine: string | undefined, time: string | undefined): Table {
  const codes = machine === undefined ? undefined : categoryOf(table, machine).codes;
  const times = time === undefined ? undefined : valuesOf(table, time);
  const order = Int32Array.from({ length: table.rows }, (_, i) => i);
  for (let i = 0; i < table.rows; i++) {
    if (codes !== undefined && codes[i] < 0)
      fail("DATA_INVALID", { where: `row ${i + 1}, column "${machine}"`, expected: "a machine", got: "nothing" });
    if (times !== undefined && Number.isNaN(times[i])) {
      fail("DATA_INVALID", { where: `row ${i + 1}, column "${time}"`, expected: "a time", got: "nothing" });
    }
  }
  if (codes === undefined && times === undefined) return table;
  order.sort((a, b) => (codes === undefined ? 0 : codes[a] - codes[b]) || (times === undefined ? 0 : times[a] - times[b]) || a - b);
  return order.every((row, i) => row === i) ? table : rowsOf(table, order);
}
