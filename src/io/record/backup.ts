/**
 * A copy of a record that is a file, taken while its coordinator runs: `VACUUM INTO` writes one consistent state. The copy is checked and
 * durable before it gets its name. PostgreSQL has its own: `pg_dump --format=custom`, `pg_restore`, or continuous archiving.
 *
 * Not contained: the blobs. Copy their folder after the record, so that every blob that the copy names is there. A record restored from
 * an older copy does not know what was acknowledged since: plants that hold a newer release refuse the older one.
 */
import { existsSync } from "node:fs";
import { copyFile, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import Libsql from "libsql";
import { fail } from "../../core/errors.js";
import type { RecordFault } from "../../core/record.js";
import { openSqlite } from "./sqlite.js";
import { recordOver } from "./store.js";

/** Writes a copy of the record at `url` to a new file. Errors: FILE_UNREADABLE, FILE_UNWRITABLE, RECORD_DAMAGED. */
export async function backupRecord(url: string, target: string): Promise<void> {
  const source = pathOf(url);
  if (!existsSync(source)) fail("FILE_UNREADABLE", { where: source, expected: "a record", got: "no such file" });
  await whole(target, async (part) => {
    const db = new Libsql(source);
    try {
      db.prepare("vacuum into ?").run([part]);
    } finally {
      db.close();
    }
  });
}

/** Makes the record at `url`, which must not be there, from a copy; an older copy is migrated. Errors: as backupRecord. */
export async function restoreRecord(url: string, copy: string): Promise<void> {
  if (!existsSync(copy)) fail("FILE_UNREADABLE", { where: copy, expected: "a copy of a record", got: "no such file" });
  await whole(pathOf(url), (part) => copyFile(copy, part));
}

function pathOf(url: string): string {
  return (
    /^sqlite:(?:\/\/)?(.+)$/.exec(url)?.[1] ??
    fail("FILE_INVALID", {
      where: "record",
      expected: "sqlite:PATH",
      got: url.split(":")[0] ?? "",
      remedy: "for PostgreSQL: pg_dump --format=custom and pg_restore",
    })
  );
}

/** Makes a file beside its place, checks it, and gives it its name once it is on the disk. */
async function whole(target: string, make: (part: string) => Promise<void>): Promise<void> {
  if (existsSync(target)) {
    fail("FILE_UNWRITABLE", { where: target, expected: "no file there", got: "one", remedy: "move it away: nothing is overwritten" });
  }
  const part = `${target}.part`;
  await remove(part);
  try {
    await make(part);
    await sound(part);
    await sync(part);
    await rename(part, target);
    await sync(dirname(target));
  } catch (cause) {
    await remove(part);
    if ((cause as { name?: unknown }).name === "MillwrightError") throw cause;
    const code = String((cause as { code?: unknown }).code ?? "");
    const expected = "a copy of the record";
    const got = cause instanceof Error ? cause.message : String(cause);
    fail(/^SQLITE_(CORRUPT|NOTADB)/.test(code) ? "RECORD_DAMAGED" : "FILE_UNWRITABLE", { where: target, expected, got, cause });
  }
}

async function sound(path: string): Promise<void> {
  const record = recordOver(await openSqlite(path));
  let faults: readonly RecordFault[];
  try {
    faults = await record.check();
  } finally {
    await record.close();
  }
  if (faults.length > 0) {
    fail("RECORD_DAMAGED", {
      where: path,
      expected: "a record that agrees with itself",
      got: faults
        .slice(0, 3)
        .map((one) => `${one.where}: ${one.fault}`)
        .join("; "),
      remedy: "use another copy",
    });
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function remove(path: string): Promise<void> {
  for (const end of ["", "-wal", "-shm"]) await rm(`${path}${end}`, { force: true });
}
