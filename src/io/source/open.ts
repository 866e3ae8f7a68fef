/** Opens what a path names: one file, or a folder whose files of one kind, sorted by name, are one table. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fail } from "../../core/errors.js";
import { naturalCompare } from "../../data/schema-text.js";
import { type CsvOptions, openCsv } from "./csv.js";
import { openDuckdb } from "./duckdb.js";
import type { ReadLimits } from "./limits.js";
import { openParquet } from "./parquet.js";
import type { RowBatch, RowSource } from "./rows.js";

export interface OpenOptions extends CsvOptions {
  readonly format?: "csv" | "parquet";
  readonly engine?: "builtin" | "duckdb";
  /** Adds a column of this name with the file's name, without its ending. */
  readonly fileColumn?: string;
}

const endings = { csv: /\.(csv|tsv|txt|data)(\.gz)?$/i, parquet: /\.(parquet|pq)$/i } as const;

/** Errors: DATA_MISSING (no such path, empty folder), FILE_UNREADABLE, DATA_INVALID (files with different columns), LIMIT_EXCEEDED. */
export async function openSource(path: string, limits: ReadLimits, options: OpenOptions = {}): Promise<RowSource> {
  const info = await stat(path).catch((cause) =>
    fail("DATA_MISSING", { where: path, expected: "a file or folder", got: "no such path", cause }),
  );
  const files = info.isDirectory() ? await filesOf(path, limits, options.format) : [path];
  const first = await openFile(files[0], limits, options);
  if (files.length === 1 && options.fileColumn === undefined) return first;
  const fileColumn = options.fileColumn;
  if (fileColumn !== undefined && first.columns.includes(fileColumn)) {
    fail("DATA_INVALID", { where: "data.fileColumn", expected: "a name no column has", got: `"${fileColumn}"` });
  }
  return {
    label: path,
    columns: fileColumn === undefined ? first.columns : [...first.columns, fileColumn],
    decimal: first.decimal,
    async *read(wanted): AsyncGenerator<RowBatch> {
      const inner = wanted.filter((name) => name !== fileColumn);
      const place = fileColumn === undefined ? -1 : wanted.indexOf(fileColumn);
      for (const file of files) {
        const source = file === files[0] ? first : await openFile(file, limits, options);
        sameColumns(first, source);
        const label = basename(file).replace(/\.[^.]+(\.gz)?$/i, "");
        for await (const batch of source.read(inner)) {
          yield place < 0 ? batch : { where: batch.where, rows: batch.rows.map((row) => row.toSpliced(place, 0, label)) };
        }
      }
    },
  };
}

async function filesOf(folder: string, limits: ReadLimits, format: "csv" | "parquet" | undefined): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith(".")).sort(naturalCompare);
  const parquet = names.filter((name) => endings.parquet.test(name));
  const csv = names.filter((name) => endings.csv.test(name));
  if (format === undefined && parquet.length > 0 && csv.length > 0) {
    fail("DATA_INVALID", {
      where: folder,
      expected: "files of one kind",
      got: "CSV and Parquet",
      remedy: "say format: csv or format: parquet",
    });
  }
  const chosen = format === "parquet" || (format === undefined && csv.length === 0) ? parquet : csv;
  if (chosen.length === 0) {
    fail("DATA_MISSING", {
      where: folder,
      expected: `files that end in .csv, .csv.gz, .tsv, .txt or .parquet`,
      got: names.slice(0, 10).join(", ") || "an empty folder",
    });
  }
  if (chosen.length > limits.files)
    fail("LIMIT_EXCEEDED", { where: folder, expected: `at most ${limits.files} files`, got: String(chosen.length) });
  return chosen.map((name) => join(folder, name));
}

function openFile(file: string, limits: ReadLimits, options: OpenOptions): Promise<RowSource> {
  const format = options.format ?? (endings.parquet.test(file) ? "parquet" : "csv");
  if (options.engine === "duckdb") return openDuckdb(file, format, limits);
  return format === "parquet" ? openParquet(file, limits) : openCsv(file, limits, options);
}

function sameColumns(a: RowSource, b: RowSource): void {
  if (a.columns.length === b.columns.length && a.columns.every((name, i) => name === b.columns[i]) && a.decimal === b.decimal) return;
  fail("DATA_INVALID", { where: b.label, expected: `the columns of ${a.label}: ${a.columns.join(", ")}`, got: b.columns.join(", ") });
}
