/**
 * SQLite through libsql: one file, write-ahead log, a commit is on the disk when it resolves (synchronous=FULL). Calls block the event loop
 * for as long as the disk takes to sync. Kysely's own driver prepares every statement anew; this one keeps them, and a writing
 * transaction takes the file at its beginning, so that what it read cannot change under it.
 *
 * Not promised: more than one busy writer. A second process is correct, but waits.
 */

import { setTimeout as sleep } from "node:timers/promises";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from "kysely";
import Libsql from "libsql";
import { fail, MillwrightError } from "../../core/errors.js";
import type { RecordFault } from "../../core/record.js";
import { type Migration, migrate } from "./migrations.js";
import { type Db, type Loose, readerOf, rowsOf } from "./sql.js";
import type { Engine } from "./tables.js";

/** Statements kept; a list behind "in" makes one per length, so there may be many. */
const kept = 200;

class Connection implements DatabaseConnection {
  readonly #db: Libsql.Database;
  readonly #statements = new Map<string, Libsql.Statement>();

  constructor(db: Libsql.Database) {
    this.#db = db;
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // Promise's constructor turns what libsql throws into a rejection.
    return new Promise((resolve) => {
      const statement = this.#prepared(query.sql);
      if (statement.reader) resolve({ rows: statement.all([...query.parameters]) as R[] });
      else resolve({ rows: [], numAffectedRows: BigInt(statement.run([...query.parameters]).changes) });
    });
  }

  // biome-ignore lint/correctness/useYield: Kysely asks for a generator; nothing here streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    fail("INTERNAL", { where: "sqlite", expected: "pages", got: "a stream" });
  }

  forget(): void {
    this.#statements.clear();
  }

  #prepared(text: string): Libsql.Statement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      if (this.#statements.size >= kept) this.#statements.clear();
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

/** One connection, used by one caller at a time. */
function driver(db: Libsql.Database): Driver {
  const connection = new Connection(db);
  let last: Promise<void> = Promise.resolve();
  let release: () => void = () => {};
  const run = (text: string) => connection.executeQuery(CompiledQuery.raw(text));
  return {
    init: () => Promise.resolve(),
    acquireConnection: async () => {
      const before = last;
      let done: () => void = () => {};
      last = new Promise((resolve) => {
        done = resolve;
      });
      await before;
      release = done;
      return connection;
    },
    releaseConnection: () => Promise.resolve(release()),
    beginTransaction: async (_connection, settings) => {
      await run(settings.accessMode === "read only" ? "begin deferred" : "begin immediate");
    },
    commitTransaction: async () => {
      await run("commit");
    },
    rollbackTransaction: async () => {
      // A full disk or an I/O error has rolled back already.
      if (db.inTransaction) await run("rollback");
    },
    destroy: async () => {
      connection.forget();
      db.close();
    },
  };
}

export interface SqliteOptions {
  /** Milliseconds that a commit waits for another process. */
  readonly busyMillis?: number;
  readonly migrations?: readonly Migration[];
  /** The file grows to at most so many pages of 4 kB; a commit that needs more is refused. */
  readonly maxPages?: number;
}

/** Opens or makes the file and brings it to this version's schema. */
export async function openSqlite(path: string, options: SqliteOptions = {}): Promise<Engine> {
  const where = `sqlite:${path}`;
  const calm = <R>(work: () => Promise<R>): Promise<R> => guard(where, () => patiently(options.busyMillis ?? 5000, work));
  const file = await calm(async () => {
    const opened = new Libsql(path);
    opened.exec("pragma journal_mode = wal");
    opened.exec("pragma synchronous = full");
    if (options.maxPages !== undefined) opened.exec(`pragma max_page_count = ${Math.trunc(options.maxPages)}`);
    return opened;
  });
  const db: Db = new Kysely<Loose>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driver(file),
      createIntrospector: (one) => new SqliteIntrospector(one),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  try {
    await calm(() => migrate(where, "sqlite", (work) => db.transaction().execute((one) => work(one as Db)), options.migrations));
  } catch (error) {
    await db.destroy();
    throw error;
  }
  let closed = false;
  // After a close libsql still answers from statements it keeps: nobody may see that.
  const open = <R>(work: () => Promise<R>): Promise<R> => {
    if (closed) fail("RECORD_UNAVAILABLE", { where, expected: "an open record", got: "a closed one" });
    return calm(work);
  };
  return {
    kind: "sqlite",
    read: async (work, snapshot) =>
      open(() =>
        snapshot === true
          ? db
              .transaction()
              .setAccessMode("read only")
              .execute((one) => work(readerOf(one as Db)))
          : work(readerOf(db)),
      ),
    // "begin immediate" is the lock for everything.
    write: async (_locks, work) => open(() => db.transaction().execute((one) => work(rowsOf(one as Db)))),
    check: async () => open(() => health(db)),
    close: async () => {
      if (closed) return;
      closed = true;
      // The log goes into the file, so that copying the one file of a closed record is a backup.
      await guard(where, () => sql`pragma wal_checkpoint(truncate)`.execute(db)).catch(() => undefined);
      await db.destroy();
    },
  };
}

async function health(db: Db): Promise<readonly RecordFault[]> {
  const { rows } = await sql<Record<string, string>>`pragma integrity_check(20)`.execute(db);
  const faults = rows
    .map((row) => String(Object.values(row)[0]))
    .filter((line) => line !== "ok")
    .map((fault) => ({ where: "sqlite", fault }));
  const full = 2;
  const synchronous = (await sql<{ synchronous: number }>`pragma synchronous`.execute(db)).rows[0]?.synchronous ?? 0;
  if (synchronous < full) faults.push({ where: "sqlite, synchronous", fault: "not full: what was acknowledged may be lost" });
  return faults;
}

/**
 * Tries again while another connection has the file: SQLite's own wait would block the event loop, and with it a writer in this process.
 * What failed with "busy" was rolled back whole.
 */
async function patiently<R>(wait: number, work: () => Promise<R>): Promise<R> {
  for (let waited = 0, step = 1; ; waited += step, step = Math.min(50, step * 2)) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: unknown }).code !== "SQLITE_BUSY" || waited >= wait) throw error;
      await sleep(step);
    }
  }
}

/** Says in Millwright's codes what SQLite says in its own. */
export async function guard<R>(where: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof MillwrightError) throw cause;
    const code = (cause as { code?: unknown }).code;
    const name = typeof code === "string" ? code : "";
    const got = cause instanceof Error ? cause.message : String(cause);
    if (name.startsWith("SQLITE_CORRUPT") || name === "SQLITE_NOTADB") {
      return fail("RECORD_DAMAGED", {
        where,
        expected: "a sound SQLite file",
        got,
        remedy: "restore a backup; `check` lists what is left",
        cause,
      });
    }
    if (name.startsWith("SQLITE_BUSY") || name.startsWith("SQLITE_LOCKED")) {
      return fail("RECORD_UNAVAILABLE", { where, expected: "the file to be free", got, remedy: "another process is writing to it", cause });
    }
    if (name.startsWith("SQLITE_CONSTRAINT") || name === "SQLITE_ERROR") {
      return fail("INTERNAL", { where, expected: "a statement that fits the schema", got, cause });
    }
    return fail("RECORD_UNAVAILABLE", {
      where,
      expected: "a folder and file that can be read and written",
      got,
      remedy: "see the space and the rights on the disk",
      cause,
    });
  }
}
