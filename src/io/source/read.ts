/** From a row source to a table: the cells of the schema's columns are read, checked and kept; everything else is passed by. */
import { type BuildOptions, type ColumnSchema, tableBuilder } from "../../data/schema-columns.js";
import type { ZoneOffset } from "../../data/schema-time.js";
import type { Table } from "../../data/table.js";
import { type CsvOptions, openCsv } from "./csv.js";
import { type ReadLimits, readLimits } from "./limits.js";
import type { RowSource } from "./rows.js";

/** Reads the schema's columns of a source. Errors: DATA_INVALID (listing faults), DATA_MISSING, LIMIT_EXCEEDED, FILE_UNREADABLE. */
export async function readTable(
  source: RowSource,
  schema: readonly ColumnSchema[],
  limits: ReadLimits = readLimits,
  zone?: ZoneOffset,
): Promise<Table> {
  const options: BuildOptions = { decimal: source.decimal, zone, maxRows: limits.rows, maxCells: limits.cells, maxLabels: limits.labels };
  const builder = tableBuilder(schema, options);
  for await (const batch of source.read(schema.map((column) => column.name))) {
    for (let i = 0; i < batch.rows.length; i++) builder.add(batch.rows[i], () => batch.where(i));
  }
  return builder.finish();
}

/** Reads one text file whose format is known. */
export async function readCsvTable(path: string, schema: readonly ColumnSchema[], options: CsvOptions = {}): Promise<Table> {
  return readTable(await openCsv(path, readLimits, options), schema);
}
