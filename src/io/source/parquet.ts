/**
 * Parquet as a row source, read with hyparquet one row group at a time and only the columns asked for. Flat columns
 * only: a nested column can be there, but not be read. A row group must fit in memory; `engine: duckdb` lifts that.
 */
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import {
  asyncBufferFromFile,
  type DecodedArray,
  type FileMetaData,
  type ParquetScan,
  parquetMetadataAsync,
  parquetScan,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Cell } from "../../data/schema-text.js";
import { placeOf } from "./csv.js";
import type { ReadLimits } from "./limits.js";
import type { RowBatch, RowSource } from "./rows.js";

const batchRows = 8192;

/** Opens a Parquet file by its footer. Errors: FILE_UNREADABLE, LIMIT_EXCEEDED (rows, columns, row group size). */
export async function openParquet(path: string, limits: ReadLimits): Promise<RowSource> {
  await checkEnds(path);
  const file = await readable(path, "a file that can be opened", () => asyncBufferFromFile(path));
  const metadata = await readable(path, "a footer that describes the table", () => parquetMetadataAsync(file));
  checkCodecs(path, metadata);
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
    const scan: ParquetScan = await readable(path, "a footer whose row groups lie in the file", () =>
      parquetScan({ file, metadata, compressors, columns: [...wanted] }),
    );
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
      for (const column of wanted) {
        const place = `${path}, column "${column}", rows ${rowStart + 1} to ${rowEnd}`;
        group.push(await readable(place, "values as the footer describes them", () => scan.readColumn({ column, rowStart, rowEnd })));
      }
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

/** Most bytes of a footer: one of 4096 columns and thousands of row groups stays below. */
const footerLimit = 268_435_456;
const anew = "write the table again, or copy it again from where it came; the same table as CSV is read too";

/**
 * Looks at what every Parquet file begins and ends with, so that a text file, a torn copy and an encrypted file are told apart.
 * Errors: FILE_UNREADABLE, LIMIT_EXCEEDED.
 */
async function checkEnds(path: string): Promise<void> {
  const { size } = await readable(path, "a file that can be opened", () => stat(path));
  if (size < 12) refuse(path, "a Parquet file of at least 12 bytes", `${size} bytes`);
  const handle = await readable(path, "a file that can be opened", () => open(path, "r"));
  const ends = Buffer.alloc(12);
  try {
    await readable(path, "a file that can be read", () => handle.read(ends, 0, 4, 0));
    await readable(path, "a file that can be read", () => handle.read(ends, 4, 8, size - 8));
  } finally {
    await handle.close();
  }
  const [first, last] = [ends.toString("latin1", 0, 4), ends.toString("latin1", 8, 12)];
  if (last === "PARE") {
    refuse(path, "a Parquet file without encryption", "one whose footer is encrypted", "write it without encryption");
  }
  if (first !== "PAR1") refuse(path, 'a Parquet file, which begins with "PAR1"', "a file that begins otherwise");
  if (last !== "PAR1")
    refuse(path, 'a Parquet file, which ends with "PAR1"', "one that ends otherwise: it was cut off or is still being written");
  const footer = ends.readUInt32LE(4);
  if (footer > size - 12) refuse(path, `a footer within the ${size} bytes of the file`, `one of ${footer} bytes`);
  if (footer > footerLimit)
    fail("LIMIT_EXCEEDED", { where: path, expected: `a footer of at most ${footerLimit} bytes`, got: String(footer) });
}

/** Errors: FILE_UNREADABLE where columns are packed in a way that nothing here unpacks. */
function checkCodecs(path: string, metadata: FileMetaData): void {
  const known = ["UNCOMPRESSED", ...Object.keys(compressors)];
  const used = new Set(metadata.row_groups.flatMap((group) => group.columns.flatMap((column) => column.meta_data?.codec ?? [])));
  const unknown = [...used].filter((codec) => !known.includes(codec));
  if (unknown.length > 0) {
    refuse(path, `columns compressed with ${known.join(", ")}`, unknown.join(", "), "write it with SNAPPY or ZSTD, or use engine: duckdb");
  }
}

/** What the parser says stays the cause: it speaks of bytes, and whoever reads the message has a file. */
async function readable<T>(where: string, expected: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof MillwrightError) throw cause;
    const system = cause instanceof Error && "syscall" in cause ? cause.message : undefined;
    if (system !== undefined) fail("FILE_UNREADABLE", { where, expected, got: system, cause });
    refuse(where, `a whole Parquet file: ${expected}`, "bytes that do not fit: the file is damaged", anew, cause);
  }
}

function refuse(where: string, expected: string, got: string, remedy = anew, cause?: unknown): never {
  fail("FILE_UNREADABLE", { where, expected, got, remedy, ...(cause !== undefined && { cause }) });
}
