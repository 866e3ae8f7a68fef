/** The first rows of a table file, as inference wants them. */
import { stat } from "node:fs/promises";
import { fail } from "../../core/errors.js";
import { type InferredSchema, inferSchema } from "../../data/infer.js";
import type { Cell } from "../../data/schema-text.js";
import { openCsv } from "../../io/source/csv.js";
import { readLimits } from "../../io/source/limits.js";

/** Rows that inference sees. */
const sampleRows = 20_000;

/** Infers the schema of a CSV file. Errors: DATA_MISSING, FILE_UNREADABLE, DATA_EMPTY, DATA_INVALID. */
export async function sampleSchema(path: string): Promise<InferredSchema> {
  await stat(path).catch((cause) => fail("DATA_MISSING", { where: path, expected: "a table file", got: "no such file", cause }));
  const source = await openCsv(path, readLimits);
  const rows: (readonly Cell[])[] = [];
  for await (const batch of source.read(source.columns)) {
    for (const row of batch.rows) if (rows.length < sampleRows) rows.push(row);
    if (rows.length >= sampleRows) break;
  }
  return inferSchema({ columns: source.columns, rows, decimal: source.decimal });
}
