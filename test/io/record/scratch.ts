/** Where the tests of the record keep their files: in memory where the system has such a folder, since a busy disk syncs slowly. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const scratch = (): string => (existsSync("/dev/shm") ? "/dev/shm" : tmpdir());

/** A new folder, and what removes it. */
export function temporary(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(scratch(), "mw-record-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
