/**
 * Parquet as a row source, read with hyparquet one row group at a time and only the columns asked for. Flat columns
 * only: a nested column can be there, but not be read. A row group must fit in memory; `engine: duckdb` lifts that.
 */
import { basename } from "node:path";
import { asyncBufferFromFile, type DecodedArray, type ParquetScan, parquetMetadataAsync, parquetScan, parquetSchema } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Cell } from "../../data/schema-text.js";
import { placeOf } from "./csv.js";
import type { ReadLimits } from "./limits.js";
import type { RowBatch, RowSource } from "./rows.js";

const batchRows = 8192;

/** Opens a Parquet file by its footer. Errors: FILE_UNREADABLE, LIMIT_EXCEEDED (rows, columns, row group size). */
export async function openParquet(path: string, limits: ReadLimits): Promise<RowSource> {
  const file = await readable(path, () => asyncBufferFromFile(path));
  const metadata = await readable(path, () => parquetMetadataAsync(file));
  const fields = parquetSchema(metadata).children;
  if (fields.length > limits.columns)
    fail("LIMIT_EXCEEDED", { where: path, expected: `at most ${limits.columns} columns`, got: String(fields.length) });
  if (Number(metadata.num_rows) > limits.rows) {
    fail("LIMIT_EXCEEDED", {
      where: path,
      expected: `at most ${limits.rows} rows`,
      got: String(metadata.num_rows),
      remedy: "use engine: duckdb",
    });
  }
  const flat = fields.filter((field) => field.children.length === 0 && field.element.repetition_type !== "REPEATED");
  const columns = flat.map((field) => field.element.name);

  async function* read(wanted: readonly string[]): AsyncGenerator<RowBatch> {
    for (const name of wanted) placeOf(name, columns, path);
    const name = basename(path);
    const scan: ParquetScan = await readable(path, () => parquetScan({ file, metadata, compressors, columns: [...wanted] }));
    for (const { rowStart, rowEnd } of scan.ranges) {
      if ((rowEnd - rowStart) * wanted.length > limits.cells) {
        fail("LIMIT_EXCEEDED", {
          where: `${path}, row group at row ${rowStart}`,
          expected: `at most ${limits.cells} cells in a row group`,
          got: String((rowEnd - rowStart) * wanted.length),
          remedy: "read fewer columns, or use engine: duckdb",
        });
      }
      const group: DecodedArray[] = [];
      for (const column of wanted) group.push(await readable(path, () => scan.readColumn({ column, rowStart, rowEnd })));
      for (let from = 0; from < rowEnd - rowStart; from += batchRows) {
        const to = Math.min(from + batchRows, rowEnd - rowStart);
        const rows = Array.from({ length: to - from }, (_, i) => group.map((values) => cellOf(values[from + i], path)));
        yield { rows, where: (i) => `${name}, row ${rowStart + from + i + 1}` };
      }
    }
  }
  return { label: path, columns, decimal: ".", read };
}

/** What hyparquet decodes becomes a cell; anything else (bytes, lists) is no value of a table. */
function cellOf(value: unknown, path: string): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return value;
  if (value instanceof Date) return value;
  fail("DATA_INVALID", { where: path, expected: "numbers, texts, truth values or times", got: Object.prototype.toString.call(value) });
}

async function readable<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof MillwrightError) throw cause;
    fail("FILE_UNREADABLE", {
      where: path,
      expected: "a Parquet file",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
