/** A store written by an earlier version is brought up; one written by a later version is refused; a step that fails has not happened. */
import { copyFileSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Libsql from "libsql";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { millis } from "../../../src/core/quantities.js";
import type { RecordStore } from "../../../src/core/record.js";
import { currentVersion, type Migration, migrations } from "../../../src/io/record/migrations.js";
import { openRecord } from "../../../src/io/record/open.js";
import { openPostgres } from "../../../src/io/record/postgres.js";
import { openSqlite } from "../../../src/io/record/sqlite.js";
import { recordOver } from "../../../src/io/record/store.js";
import { needsPostgres, postgresPrograms, startPostgres } from "./postgres-server.js";
import { collect, runRow, sha } from "./rows.js";
import { temporary } from "./scratch.js";
import { version1, version1Holds, version1Tokens, writeVersion1 } from "./version-1.js";

const fixture = fileURLToPath(new URL("../../fixtures/record/version-1.sqlite", import.meta.url));
const code = (expected: string) => expect.objectContaining({ code: expected });

let folder: string;
let remove: () => void;
beforeEach(() => {
  ({ folder, remove } = temporary());
});
afterEach(() => remove());

/** Everything of the record of version 1, read and written through today's program. */
async function holdsVersion1(store: RecordStore): Promise<void> {
  expect(await store.runs()).toEqual(version1Holds.runs);
  expect(await collect(store.inputs("r1", 5))).toEqual(version1Holds.inputs);
  expect(await store.rounds("r1")).toEqual(version1Holds.rounds);
  expect(await store.members()).toEqual(version1Holds.members);
  expect(await store.tokens(millis(80))).toEqual(version1Holds.tokens);
  expect(await store.certificates("plant-1")).toEqual(version1Holds.certificates);
  expect(await store.releases("consortium")).toEqual(version1Holds.releases);
  expect(await store.auditLog()).toEqual(version1Holds.audit);
  expect(await store.outbox(millis(100))).toEqual(version1Holds.outbox);
  expect(await store.check()).toEqual([]);
  // Used under version 1, which did not keep for which key: nobody may use it again.
  expect(await store.useToken(sha(2), sha(9), millis(80))).toEqual({ granted: false, reason: "used" });
  expect(await store.useToken(sha(1), sha(9), millis(80))).toMatchObject({ granted: true, token: { usedBy: sha(9) } });
  expect(await store.useNonce("plant-1", "n1", millis(99), millis(10))).toBe(false);
  expect(await store.lease("run r1", "process-2", millis(200), millis(50))).toBeUndefined();
  await store.putSetting("upgraded", "yes");
  expect(await store.setting("upgraded")).toBe("yes");
}

/** The schema and every row, as SQLite tells them. */
function contents(path: string): unknown {
  const db = new Libsql(path);
  const schema = db.prepare("select name, sql from sqlite_master where type in ('table', 'index') order by name").all([]) as {
    name: string;
    sql: string | null;
  }[];
  const rows = schema.filter((one) => one.sql?.startsWith("create table")).map((one) => db.prepare(`select * from "${one.name}"`).all([]));
  db.close();
  return { schema, rows };
}

describe("a store written by schema version 1", () => {
  it("is written the same way today, and small (MILLWRIGHT_WRITE_FIXTURES=1 replaces the kept file)", async () => {
    const path = join(folder, "old.sqlite");
    const engine = await openSqlite(path, { migrations: version1 });
    await writeVersion1(engine);
    await engine.close();
    const db = new Libsql(path);
    for (const line of version1Tokens) db.exec(line);
    const plain = join(folder, "plain.sqlite");
    db.prepare("vacuum into ?").run([plain]);
    db.close();
    // Small pages for a small file: only a copy without a log may change them.
    const copy = new Libsql(plain);
    copy.exec("pragma page_size = 512");
    const made = join(folder, "version-1.sqlite");
    copy.prepare("vacuum into ?").run([made]);
    copy.close();
    if (process.env.MILLWRIGHT_WRITE_FIXTURES !== undefined) copyFileSync(made, fixture);
    expect(statSync(fixture).size).toBeLessThan(65_536);
    expect(contents(made)).toEqual(contents(fixture));
  });

  it("is upgraded with everything in it, once", async () => {
    const path = join(folder, "record.sqlite");
    copyFileSync(fixture, path);
    const store = await openRecord({ url: `sqlite:${path}` });
    await holdsVersion1(store);
    await store.close();
    const again = await openRecord({ url: `sqlite:${path}` });
    expect(await again.setting("upgraded")).toBe("yes");
    await again.close();
  });

  it.skipIf(postgresPrograms() === undefined)(`is upgraded on PostgreSQL too, by two processes at once ${needsPostgres}`, async () => {
    const server = await startPostgres();
    try {
      const url = await server.database();
      const old = await openPostgres(url, { migrations: version1 });
      await writeVersion1(old);
      await old.close();
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      for (const line of version1Tokens) await client.query(line);
      await client.end();
      const [store, other] = await Promise.all([openRecord({ url }), openRecord({ url })]);
      await holdsVersion1(store);
      await Promise.all([store.close(), other.close()]);
    } finally {
      await server.stop();
    }
  });
});

describe("migrations", () => {
  const next: Migration = {
    version: currentVersion + 1,
    what: "a column for tests",
    up: async (db) => {
      await db.schema.alterTable("runs").addColumn("colour", "text").execute();
      await db.updateTable("runs").set({ colour: "green" }).execute();
    },
  };

  it("are numbered without gaps", () => {
    expect(migrations.map((one) => one.version)).toEqual(migrations.map((_, i) => i + 1));
  });

  it("that fail half way have not happened; the store goes on as it was", async () => {
    const path = join(folder, "record.sqlite");
    const store = await openRecord({ url: `sqlite:${path}` });
    await store.createRun(runRow("r1"));
    await store.close();
    const broken: Migration = {
      ...next,
      up: async (db, kind) => {
        await next.up(db, kind);
        await db.deleteFrom("runs").execute();
        throw new Error("power cut");
      },
    };
    await expect(openSqlite(path, { migrations: [...migrations, broken] })).rejects.toThrow("power cut");
    const after = await openRecord({ url: `sqlite:${path}` });
    expect(await after.run("r1")).toEqual(runRow("r1"));
    await after.close();
    const upgraded = await openSqlite(path, { migrations: [...migrations, next] });
    expect(await recordOver(upgraded).run("r1")).toEqual(runRow("r1"));
    await upgraded.close();
  });

  it("refuse a store that a newer version wrote, and leave it alone", async () => {
    const path = join(folder, "record.sqlite");
    await (await openSqlite(path, { migrations: [...migrations, next] })).close();
    await expect(openRecord({ url: `sqlite:${path}` })).rejects.toEqual(code("RECORD_NEWER"));
    await (await openSqlite(path, { migrations: [...migrations, next] })).close();
  });

  it("refuse another program's database", async () => {
    const path = join(folder, "other.sqlite");
    const db = new Libsql(path);
    db.exec("create table customers (id integer)");
    db.close();
    await expect(openRecord({ url: `sqlite:${path}` })).rejects.toEqual(code("FILE_INVALID"));
  });

  it("refuse a file that is no database, and a URL that is none", async () => {
    copyFileSync(fileURLToPath(import.meta.url), join(folder, "text.sqlite"));
    await expect(openRecord({ url: `sqlite:${join(folder, "text.sqlite")}` })).rejects.toEqual(code("RECORD_DAMAGED"));
    await expect(openRecord({ url: `sqlite:${join(folder, "no", "folder.sqlite")}` })).rejects.toEqual(code("RECORD_UNAVAILABLE"));
    await expect(openRecord({ url: "mysql://x" })).rejects.toEqual(code("FILE_INVALID"));
    expect(existsSync(join(folder, "no"))).toBe(false);
  });
});
