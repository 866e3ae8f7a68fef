/**
 * The schema, as numbered steps. A step that was released is never changed: a store written by any earlier version is brought up by the
 * steps after it, each in one transaction with its number, so that a step cut short has not happened.
 */
import { type ColumnDataType, type CreateTableBuilder, sql } from "kysely";
import { fail } from "../../core/errors.js";
import type { Db } from "./sql.js";

export interface Migration {
  readonly version: number;
  readonly what: string;
  readonly up: (db: Db, kind: "sqlite" | "postgres") => Promise<void>;
}

/** "text", "int" and "real", with "?" where null is allowed; the first `keys` columns are the primary key. */
type Columns = Readonly<Record<string, "text" | "text?" | "int" | "int?" | "real">>;

async function table(db: Db, kind: "sqlite" | "postgres", name: string, keys: number, columns: Columns): Promise<void> {
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(name);
  for (const [column, type] of Object.entries(columns)) {
    builder = builder.addColumn(column, columnType(kind, type), (one) => (type.endsWith("?") ? one : one.notNull()));
  }
  await builder.addPrimaryKeyConstraint(`${name}_key`, Object.keys(columns).slice(0, keys)).execute();
}

/** PostgreSQL sorts by the machine's language unless told to go by bytes, as SQLite does. */
function columnType(kind: "sqlite" | "postgres", type: string): ColumnDataType | ReturnType<typeof sql> {
  if (type.startsWith("text")) return kind === "postgres" ? sql`text collate "C"` : "text";
  if (type.startsWith("int")) return kind === "postgres" ? "bigint" : "integer";
  return kind === "postgres" ? "double precision" : "real";
}

export const migrations: readonly Migration[] = [
  {
    version: 1,
    what: "runs, members, audit, releases, leases, outbox",
    up: async (db, kind) => {
      const make = (name: string, keys: number, columns: Columns) => table(db, kind, name, keys, columns);
      await make("runs", 1, {
        id: "text",
        federation: "text",
        node: "text",
        plan: "text",
        seed: "int",
        started_at: "int",
        state: "text",
        error: "text?",
        snapshot_seq: "int?",
        snapshot_blob: "text?",
        last_seq: "int",
        closed: "int",
      });
      await make("inputs", 2, { run: "text", seq: "int", at: "int", kind: "text", sender: "text?", blob: "text?", key: "text?" });
      await make("rounds", 2, {
        run: "text",
        ordinal: "int",
        round: "int",
        attempt: "int",
        closed_at: "int",
        model: "text?",
        loss: "real",
        members: "int",
        weight: "real",
        included: "text",
        excluded: "text",
        bytes_up: "int",
        bytes_down: "int",
      });
      await make("members", 1, {
        name: "text",
        org: "text",
        role: "text",
        state: "text",
        spki: "text?",
        serial: "text?",
        certificate: "text?",
        expires_at: "int?",
        enrolled_at: "int?",
        revoked_at: "int?",
        revoked_by: "text?",
        reason: "text?",
        last_seen: "int",
        meta: "text",
      });
      await make("certificates", 1, {
        serial: "text",
        member: "text",
        spki: "text",
        not_before: "int",
        not_after: "int",
        revoked_at: "int?",
      });
      await make("tokens", 1, {
        hash: "text",
        name: "text",
        org: "text",
        role: "text",
        expires_at: "int",
        created_by: "text",
        used_at: "int?",
      });
      await make("nonces", 2, { member: "text", nonce: "text", expires_at: "int" });
      await make("audit", 1, { seq: "int", at: "int", actor: "text", action: "text", target: "text?", detail: "text" });
      await make("releases", 2, {
        federation: "text",
        version: "int",
        run: "text",
        round: "int",
        model: "text",
        bundle: "text",
        envelope: "text",
        members: "text",
        plan: "text",
        fingerprints: "text",
        created_at: "int",
        state: "text",
        released_by: "text?",
        released_at: "int?",
        readers: "text?",
      });
      await make("leases", 1, { name: "text", holder: "text", token: "int", until_at: "int" });
      await make("outbox", 1, {
        id: "text",
        position: "int",
        topic: "text",
        ref: "text",
        created_at: "int",
        published_at: "int",
        done_at: "int",
      });
      await make("counters", 1, { name: "text", value: "int" });
      const index = (on: string, columns: string[]) =>
        db.schema
          .createIndex(`${on}_${columns.join("_")}`)
          .on(on)
          .columns(columns)
          .execute();
      await index("rounds", ["run", "round", "attempt"]);
      await index("certificates", ["member"]);
      await index("nonces", ["expires_at"]);
      await index("outbox", ["done_at", "position"]);
    },
  },
  {
    version: 2,
    what: "settings; an invitation remembers the key it was used for, so that a lost answer can be given again",
    up: async (db, kind) => {
      await table(db, kind, "settings", 1, { name: "text", value: "text" });
      await db.schema.alterTable("tokens").addColumn("used_by", columnType(kind, "text")).execute();
      await db.schema.createIndex("tokens_name").on("tokens").columns(["name"]).execute();
    },
  },
];

/** The version that this program writes. */
export const currentVersion = (migrations.at(-1) as Migration).version;

const meta = "schema_version";

/** The version of a store; 0 when it is empty. A database that holds something else is refused. */
export async function versionOf(db: Db, where: string): Promise<number> {
  const tables = await db.introspection.getTables();
  if (tables.some((one) => one.name === meta)) {
    const row = await db.selectFrom(meta).select(sql<number>`max(version)`.as("version")).executeTakeFirst();
    return Number(row?.version ?? 0);
  }
  if (tables.length > 0) {
    fail("FILE_INVALID", {
      where,
      expected: "an empty database, or a record written by Millwright",
      got: `tables ${tables
        .slice(0, 3)
        .map((one) => one.name)
        .join(", ")}`,
      remedy: "name another database",
    });
  }
  return 0;
}

/** Brings a store to the last of `steps`; refuses one that a newer program wrote. `exclusive` runs each step alone, in a transaction. */
export async function migrate(
  where: string,
  kind: "sqlite" | "postgres",
  exclusive: <R>(work: (db: Db) => Promise<R>) => Promise<R>,
  steps: readonly Migration[] = migrations,
): Promise<void> {
  const newest = steps.at(-1)?.version ?? 0;
  for (let more = true; more; ) {
    more = await exclusive(async (db) => {
      const found = await versionOf(db, where);
      if (found > newest) {
        fail("RECORD_NEWER", {
          where,
          expected: `at most version ${newest}`,
          got: `version ${found}`,
          remedy: "run the newer Millwright, or restore the backup made before the upgrade",
        });
      }
      const step = steps.find((one) => one.version === found + 1);
      if (step === undefined) return false;
      if (found === 0) await table(db, kind, meta, 1, { version: "int", what: "text" });
      await step.up(db, kind);
      await db.insertInto(meta).values({ version: step.version, what: step.what }).execute();
      return true;
    });
  }
}
