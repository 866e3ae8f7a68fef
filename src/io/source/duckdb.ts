/**
 * CSV and Parquet larger than memory, read by DuckDB (optional package @duckdb/node-api, loaded only when a file says
 * `engine: duckdb`). DuckDB streams chunks; what is kept is still a Table of the chosen columns.
 */
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Cell } from "../../data/schema-text.js";
import { placeOf } from "./csv.js";
import type { ReadLimits } from "./limits.js";
import type { RowBatch, RowSource } from "./rows.js";

const packageName = "@duckdb/node-api";

/** The part of the package that is used here, so that it need not be installed to compile. */
interface DuckModule {
  readonly DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<DuckConnection> }> };
}
interface DuckConnection {
  stream(sql: string): Promise<{ fetchChunk(): Promise<DuckChunk | null> }>;
}
interface DuckChunk {
  readonly rowCount: number;
  getRows(): unknown[][];
}

/** Opens a file through DuckDB. Errors: PACKAGE_MISSING, FILE_UNREADABLE, LIMIT_EXCEEDED. */
export async function openDuckdb(path: string, format: "csv" | "parquet", limits: ReadLimits): Promise<RowSource> {
  const duck = await loadDuckdb();
  const connection = await duck.DuckDBInstance.create(":memory:").then((instance) => instance.connect());
  const table = `${format === "csv" ? "read_csv" : "read_parquet"}(${quoted(path, "'")})`;
  const described = await query(connection, `DESCRIBE SELECT * FROM ${table}`, path);
  const types = new Map<string, string>();
  for await (const rows of described) for (const row of rows) types.set(String(row[0]), String(row[1]).toUpperCase());
  const columns = [...types.keys()];
  if (columns.length > limits.columns)
    fail("LIMIT_EXCEEDED", { where: path, expected: `at most ${limits.columns} columns`, got: String(columns.length) });

  async function* read(wanted: readonly string[]): AsyncGenerator<RowBatch> {
    for (const name of wanted) placeOf(name, columns, path);
    const selected = wanted.map((name) => selection(name, types.get(name) ?? "")).join(", ");
    const isTime = wanted.map((name) => isMoment(types.get(name) ?? ""));
    let before = 0;
    for await (const chunk of await query(connection, `SELECT ${selected} FROM ${table}`, path)) {
      const start = before;
      before += chunk.length;
      const rows = chunk.map((row) =>
        row.map((value, c) => (isTime[c] && typeof value === "bigint" ? new Date(Number(value)) : (value as Cell))),
      );
      yield { rows, where: (i) => `${path}, row ${start + i + 1}` };
    }
  }
  return { label: path, columns, decimal: ".", read };
}

/** The package beside this one, or the one installed in the folder that MILLWRIGHT_DUCKDB names. Errors: PACKAGE_MISSING. */
async function loadDuckdb(): Promise<DuckModule> {
  const folder = process.env.MILLWRIGHT_DUCKDB;
  const elsewhere = folder !== undefined && folder !== "";
  try {
    if (!elsewhere) return (await import(packageName)) as DuckModule;
    const found = createRequire(join(resolve(folder), "package.json")).resolve(packageName);
    const { DuckDBInstance, default: whole } = await import(pathToFileURL(found).href);
    // A CommonJS package comes whole as the default where its names cannot be read off its text.
    return DuckDBInstance === undefined ? whole : { DuckDBInstance };
  } catch (cause) {
    fail("PACKAGE_MISSING", {
      where: "data.engine: duckdb",
      expected: `the package ${packageName}${elsewhere ? ` in ${folder} (MILLWRIGHT_DUCKDB)` : ""}`,
      got: "it cannot be loaded",
      remedy: `npm install ${packageName} beside millwright, or anywhere and set MILLWRIGHT_DUCKDB to that folder; or leave engine out to read with the built-in readers`,
      cause,
    });
  }
}

const isMoment = (type: string): boolean => type.startsWith("TIMESTAMP") || type === "DATE";

/** Every type becomes one that arrives as a plain value: milliseconds, double, truth value or text. */
function selection(name: string, type: string): string {
  const column = quoted(name, '"');
  if (isMoment(type)) return `epoch_ms(CAST(${column} AS TIMESTAMP))`;
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL|FLOAT|DOUBLE|REAL|NUMERIC)/.test(type)) return `CAST(${column} AS DOUBLE)`;
  if (type === "BOOLEAN") return column;
  return `CAST(${column} AS VARCHAR)`;
}

const quoted = (text: string, mark: string): string => mark + text.replaceAll(mark, mark + mark) + mark;

async function query(connection: DuckConnection, sql: string, path: string): Promise<AsyncIterable<unknown[][]>> {
  const unreadable = (cause: unknown): never => {
    if (cause instanceof MillwrightError) throw cause;
    fail("FILE_UNREADABLE", {
      where: path,
      expected: "a table DuckDB can read",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  };
  const result = await connection.stream(sql).catch(unreadable);
  return (async function* () {
    for (;;) {
      const chunk = await result.fetchChunk().catch(unreadable);
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk.getRows();
    }
  })();
}
