/** Opens the record that a URL names, and copies one that is a file. */
import { fail } from "../../core/errors.js";
import type { RecordLimits, RecordStore } from "../../core/record.js";
import { openPostgres, withoutPassword } from "./postgres.js";
import { openSqlite } from "./sqlite.js";
import { recordOver } from "./store.js";

export interface RecordOptions {
  /** `sqlite:PATH` or `postgres://user:password@host/database`. */
  readonly url: string;
  readonly limits?: Partial<RecordLimits>;
  /** PostgreSQL: connections at most (4). */
  readonly connections?: number;
}

const file = /^sqlite:(?:\/\/)?(.+)$/;

/**
 * Opens a record, makes it when it is new, and migrates one that an earlier version wrote.
 * Errors: RECORD_NEWER, RECORD_DAMAGED, RECORD_UNAVAILABLE, FILE_INVALID (another program's database), PACKAGE_MISSING.
 */
export async function openRecord(options: RecordOptions): Promise<RecordStore> {
  const { url, limits, connections } = options;
  const path = file.exec(url)?.[1];
  if (path !== undefined) return recordOver(await openSqlite(path), limits);
  if (/^postgres(ql)?:\/\//.test(url)) return recordOver(await openPostgres(url, connections === undefined ? {} : { connections }), limits);
  return fail("FILE_INVALID", {
    where: "record",
    expected: "sqlite:PATH or postgres://user:password@host/database",
    got: withoutPassword(url),
  });
}
