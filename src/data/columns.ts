/** Finding columns of a table by name and kind, with errors that list what is there. */
import { fail } from "../core/errors.js";
import type { CategoryColumn, Column, NumberColumn, Table, TensorColumn, TimeColumn } from "./table.js";

/** The column of this name, or undefined. */
export function findColumn(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name);
}

/** The column of this name. Errors: DATA_MISSING. */
export function columnNamed(table: Table, name: string, where: string): Column {
  const found = findColumn(table, name);
  if (found !== undefined) return found;
  fail("DATA_MISSING", {
    where,
    expected: `a column of the data (${listed(table.columns.map((c) => c.name))})`,
    got: JSON.stringify(name),
  });
}

/** A number or time column. Errors: DATA_MISSING, DATA_INVALID. */
export function numericColumn(table: Table, name: string, where: string): NumberColumn | TimeColumn {
  const found = columnNamed(table, name, where);
  if (found.kind === "number" || found.kind === "time") return found;
  fail("DATA_INVALID", { where, expected: `a number or time column`, got: `${found.kind} column ${JSON.stringify(name)}` });
}

/** A category column. Errors: DATA_MISSING, DATA_INVALID. */
export function categoryColumn(table: Table, name: string, where: string): CategoryColumn {
  const found = columnNamed(table, name, where);
  if (found.kind === "category") return found;
  fail("DATA_INVALID", { where, expected: `a category column`, got: `${found.kind} column ${JSON.stringify(name)}` });
}

/** The one tensor column among the names, or undefined. Errors: FILE_INVALID for more than one. */
export function tensorColumn(table: Table, names: readonly string[]): TensorColumn | undefined {
  const tensors = table.columns.filter((c): c is TensorColumn => c.kind === "tensor" && names.includes(c.name));
  if (tensors.length > 1) {
    fail("FILE_INVALID", { where: "data.inputs", expected: "at most one tensor column", got: tensors.map((c) => c.name).join(", ") });
  }
  return tensors[0];
}

/** Up to twenty names, for messages. */
export function listed(names: readonly string[]): string {
  return names.length <= 20 ? names.join(", ") : `${names.slice(0, 20).join(", ")} and ${names.length - 20} more`;
}
