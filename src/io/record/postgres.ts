/**
 * PostgreSQL through `pg` (optional: `npm install pg`): several processes may share one record. A change takes advisory locks for the length
 * of its transaction, so two that touch the same run or the same member table follow each other; others do not wait.
 * A connection lost during a commit leaves open whether it happened: RECORD_UNAVAILABLE, and whoever asked reads again.
 *
 * Not promised: durability on a server that runs with fsync=off (`check` reports it).
 */
import { createHash } from "node:crypto";
import { Kysely, PostgresAdapter, PostgresDialect, PostgresIntrospector, type PostgresPool, sql } from "kysely";
import { fail, MillwrightError } from "../../core/errors.js";
import type { RecordFault } from "../../core/record.js";
import { type Migration, migrate } from "./migrations.js";
import { type Db, type Loose, readerOf, rowsOf } from "./sql.js";
import type { Engine, Lock } from "./tables.js";

export interface PostgresOptions {
  readonly connections?: number;
  readonly migrations?: readonly Migration[];
}

/** Millis that a statement, a lock or a new connection may take. */
const patience = 30_000;
/** Times that a transaction is tried which PostgreSQL ended to break a deadlock. */
const attempts = 4;

/** Opens the database and brings it to this version's schema. `url` is what libpq understands: postgres://user:password@host/database. */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<Engine> {
  const where = withoutPassword(url);
  const pool = await makePool(url, where, options.connections ?? 4);
  const db: Db = new Kysely<Loose>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new PostgresDialect({ pool }).createDriver(),
      createIntrospector: (one) => new PostgresIntrospector(one),
      createQueryCompiler: () => new PostgresDialect({ pool }).createQueryCompiler(),
    },
  });
  const exclusive = <R>(locks: readonly Lock[], work: (one: Db) => Promise<R>): Promise<R> =>
    again(() =>
      db.transaction().execute(async (one) => {
        for (const lock of locks) {
          const key = sql`${lockKey(lock.name)}::bigint`;
          await (lock.shared === true
            ? sql`select pg_advisory_xact_lock_shared(${key})`
            : sql`select pg_advisory_xact_lock(${key})`
          ).execute(one);
        }
        return work(one as Db);
      }),
    );
  let closed = false;
  const open = <R>(work: () => Promise<R>): Promise<R> => {
    if (closed) fail("RECORD_UNAVAILABLE", { where, expected: "an open record", got: "a closed one" });
    return guard(where, work);
  };
  try {
    await guard(where, () => migrate(where, "postgres", (work) => exclusive([{ name: "schema" }], work), options.migrations));
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    kind: "postgres",
    read: async (work, snapshot) =>
      open(() =>
        snapshot === true
          ? db
              .transaction()
              .setAccessMode("read only")
              .setIsolationLevel("repeatable read")
              .execute((one) => work(readerOf(one as Db)))
          : work(readerOf(db)),
      ),
    write: async (locks, work) => open(() => exclusive(locks, (one) => work(rowsOf(one)))),
    check: async () => open(() => health(db)),
    close: async () => {
      if (closed) return;
      closed = true;
      await db.destroy();
    },
  };
}

async function makePool(url: string, where: string, connections: number): Promise<PostgresPool> {
  const pg = await import("pg").catch((cause: unknown) =>
    fail("PACKAGE_MISSING", { where, expected: "the package pg", got: "none", remedy: "npm install pg", cause }),
  );
  const int8 = 20;
  const pool = new pg.default.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: patience,
    statement_timeout: patience,
    lock_timeout: patience,
    application_name: "millwright",
    // Whatever the server's default: resolved means durable.
    options: "-c synchronous_commit=on -c client_min_messages=warning",
    types: {
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === int8 ? Number : pg.default.types.getTypeParser(oid, format as "text"),
    } as import("pg").CustomTypesConfig,
  });
  // A connection that breaks tells so twice: whoever waits on it gets an error, and it emits one, which would end the process.
  const heard = () => undefined;
  pool.on("error", heard);
  pool.on("connect", (client) => client.on("error", heard));
  return pool;
}

/** PostgreSQL's advisory locks are 64-bit numbers. Two names that share one would only wait for each other. */
function lockKey(name: string): string {
  return createHash("sha256").update(`millwright ${name}`).digest().readBigInt64BE(0).toString();
}

/** PostgreSQL undoes a transaction to break a deadlock; nothing of it has happened, so it is tried again. */
async function again<R>(work: () => Promise<R>): Promise<R> {
  for (let left = attempts; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (left <= 1 || (code !== "40P01" && code !== "40001")) throw error;
    }
  }
}

async function health(db: Db): Promise<readonly RecordFault[]> {
  const faults: RecordFault[] = [];
  for (const setting of ["fsync", "full_page_writes", "synchronous_commit"]) {
    const { rows } = await sql<{ value: string }>`select current_setting(${setting}) as value`.execute(db);
    const value = rows[0]?.value ?? "";
    if (value === "off")
      faults.push({ where: `postgres, ${setting}`, fault: "off: what was acknowledged may be lost when the machine stops" });
  }
  return faults;
}

/** A URL as it may be shown. */
export function withoutPassword(url: string): string {
  return url.replace(/(\/\/[^/:@]*):[^@]*@/, "$1:***@").replace(/([?&]password=)[^&]*/, "$1***");
}

async function guard<R>(where: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof MillwrightError) throw cause;
    const code = (cause as { code?: unknown }).code;
    const state = typeof code === "string" ? code : "";
    const got = cause instanceof Error && cause.message !== "" ? cause.message : state || String(cause);
    // Classes 22, 23 and 42: the statement itself is wrong.
    if (/^(22|23|42)[0-9A-Z]{3}$/.test(state) && state !== "42501") {
      return fail("INTERNAL", { where, expected: "a statement that fits the schema", got, cause });
    }
    if (/^XX00[012]$/.test(state))
      return fail("RECORD_DAMAGED", { where, expected: "a sound database", got, remedy: "restore a backup", cause });
    return fail("RECORD_UNAVAILABLE", {
      where,
      expected: "an answer from PostgreSQL",
      got,
      remedy: "see that the server runs, has space, and lets this user in",
      cause,
    });
  }
}
