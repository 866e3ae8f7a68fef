/**
 * CSV and its relatives as a row source: gzip or plain; comma, semicolon, tab, bar or blanks; byte order mark, quotes,
 * decimal comma. Streamed through csv-parse, which keeps one record at a time; blanks are split here, because runs of
 * them count as one.
 */
import { basename } from "node:path";
import { type CsvError, parse } from "csv-parse";
import { fail } from "../../core/errors.js";
import { type Delimiter, type Dialect, sniffDialect, splitLine } from "../../data/csv-dialect.js";
import type { ReadLimits } from "./limits.js";
import type { RowBatch, RowSource } from "./rows.js";
import { type Encoding, readLines, readText } from "./text.js";

export interface CsvOptions {
  readonly delimiter?: Delimiter;
  readonly decimal?: "." | ",";
  /** false: the first line is data and the columns are called column1, column2, ... or `names`. */
  readonly header?: boolean;
  readonly names?: readonly string[];
  readonly encoding?: Encoding;
}

const batchRows = 2000;

/** Opens a text table: reads its first lines, decides its dialect, names its columns. Errors: as RowSource.read, DATA_EMPTY. */
export async function openCsv(
  path: string,
  limits: ReadLimits,
  options: CsvOptions = {},
): Promise<RowSource & { readonly dialect: Dialect }> {
  const dialect = sniffDialect(await firstLines(path, limits, options.encoding), options);
  const first = await firstRecord(path, dialect, limits, options.encoding);
  if (first === undefined) fail("DATA_EMPTY", { where: path, expected: "a table with at least one line", got: "an empty file" });
  if (first.length > limits.columns) {
    fail("LIMIT_EXCEEDED", { where: path, expected: `at most ${limits.columns} columns`, got: String(first.length) });
  }
  const columns = options.names ?? (dialect.header ? headerNames(first, path) : first.map((_, i) => `column${i + 1}`));
  if (columns.length !== first.length) {
    fail("DATA_INVALID", { where: path, expected: `${columns.length} columns`, got: `${first.length} columns in the first line` });
  }

  async function* read(wanted: readonly string[]): AsyncGenerator<RowBatch> {
    const places = wanted.map((name) => placeOf(name, columns, path));
    const file = basename(path);
    let before = 0;
    let rows: string[][] = [];
    const batch = (): RowBatch => {
      const start = before;
      before += rows.length;
      const held = rows;
      rows = [];
      return { rows: held, where: (i) => `${file}, row ${start + i + 1}` };
    };
    let skip = dialect.header ? 1 : 0;
    for await (const record of records(path, dialect, limits, options.encoding)) {
      if (skip > 0) {
        skip--;
        continue;
      }
      rows.push(places.map((p) => record[p]));
      if (rows.length === batchRows) yield batch();
    }
    if (rows.length > 0) yield batch();
  }
  return { label: path, columns, decimal: dialect.decimal, dialect, read };
}

/** Index of a column, or DATA_MISSING with the columns that are there. */
export function placeOf(name: string, columns: readonly string[], where: string): number {
  const place = columns.indexOf(name);
  if (place < 0) fail("DATA_MISSING", { where, expected: `a column "${name}"`, got: `columns ${columns.slice(0, 40).join(", ")}` });
  return place;
}

function headerNames(cells: readonly string[], path: string): string[] {
  const names = cells.map((cell, i) => (cell.trim() === "" ? `column${i + 1}` : cell.trim()));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail("DATA_INVALID", { where: `${path}, header`, expected: "every column name once", got: `"${twice}" twice` });
  return names;
}

async function firstLines(path: string, limits: ReadLimits, encoding?: Encoding): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(path, limits, encoding)) {
    lines.push(lines.length === 0 ? line.replace(/^\uFEFF/, "") : line);
    if (lines.length === 200) break;
  }
  return lines;
}

async function firstRecord(path: string, dialect: Dialect, limits: ReadLimits, encoding?: Encoding): Promise<string[] | undefined> {
  for await (const record of records(path, dialect, limits, encoding)) return record;
  return undefined;
}

async function* records(path: string, dialect: Dialect, limits: ReadLimits, encoding?: Encoding): AsyncGenerator<string[]> {
  if (dialect.delimiter === " ") {
    yield* blankSeparated(path, limits, encoding);
    return;
  }
  const parser = parse({
    delimiter: dialect.delimiter,
    bom: true,
    skip_empty_lines: true,
    max_record_size: Math.min(limits.cell * 64, 16_777_216),
    record_delimiter: ["\r\n", "\n", "\r"],
  });
  const text = readText(path, limits, encoding);
  let ready: string[][] = [];
  let failed: CsvError | undefined;
  parser.on("readable", () => {
    for (let record = parser.read() as string[] | null; record !== null; record = parser.read() as string[] | null) ready.push(record);
  });
  parser.on("error", (error: CsvError) => {
    failed = error;
  });
  try {
    for await (const chunk of text) {
      // The write's callback comes when the whole chunk is parsed, so at most one chunk of records is in memory.
      await new Promise<void>((done) => parser.write(chunk, () => done()));
      yield* take();
    }
    await new Promise<void>((done) => {
      parser.once("end", done);
      parser.once("error", () => done());
      if (failed !== undefined) done();
      parser.end();
    });
    yield* take();
  } finally {
    parser.destroy();
  }

  function* take(): Generator<string[]> {
    for (let record = parser.read() as string[] | null; record !== null; record = parser.read() as string[] | null) ready.push(record);
    const held = ready;
    ready = [];
    for (const record of held) {
      if (record.some((cell) => cell.length > limits.cell)) {
        fail("LIMIT_EXCEEDED", { where: path, expected: `cells of at most ${limits.cell} characters`, got: "a longer one" });
      }
      yield record;
    }
    if (failed !== undefined) fail("DATA_INVALID", { where: path, expected: "a well-formed table", got: failed.message, cause: failed });
  }
}

async function* blankSeparated(path: string, limits: ReadLimits, encoding?: Encoding): AsyncGenerator<string[]> {
  let width = 0;
  let number = 0;
  for await (const line of readLines(path, limits, encoding)) {
    number++;
    if (line.trim() === "") continue;
    const cells = splitLine(number === 1 ? line.replace(/^\uFEFF/, "") : line, " ");
    if (width === 0) width = cells.length;
    if (cells.length !== width) {
      fail("DATA_INVALID", { where: `${path}, line ${number}`, expected: `${width} values`, got: `${cells.length} values` });
    }
    yield cells;
  }
}
