/** SHA-256 of values and of plain data. */
import { createHash } from "node:crypto";
import type { Table } from "../../data/table.js";
import { float32Bytes } from "../../wire/numbers.js";

/** SHA-256 (hex) of float32 values in little-endian order. */
export function digestValues(values: Float32Array): string {
  return createHash("sha256").update(float32Bytes(values)).digest("hex");
}

/** SHA-256 (hex) of plain data, the same for the same content in any order of keys. */
export function digestPlain(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex");
}

/** SHA-256 (hex) of a table's names and values. The bytes of numbers are those of this processor: for comparing on one machine. */
export function digestTable(table: Table): string {
  const hash = createHash("sha256");
  for (const column of table.columns) {
    hash.update(`${column.kind} ${JSON.stringify(column.name)} ${column.kind === "category" ? JSON.stringify(column.labels) : ""}\n`);
    const values = column.kind === "category" ? column.codes : column.values;
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest("hex");
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, v]) => v !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${fields.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
