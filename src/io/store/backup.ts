/**
 * Copies of a data folder. A backup may be made while its owner works: the journal's whole frames up to now first, then the blobs, so whatever
 * the journal refers to is there (blobs are stored before they are referred to; do not collect blobs meanwhile). The list of files with
 * their SHA-256 is written last: without it a backup is not one, and nothing is restored from it.
 *
 * The key is left out unless asked for: a backup with its key is a backup in clear. A database beside the store is copied by its own tools.
 */
import { createHash } from "node:crypto";
import { fail, MillwrightError } from "../../core/errors.js";
import type { Disk } from "../../core/ports.js";
import { durableFolder, filesBelow, writeDurably } from "../disk/durable.js";
import { folderOf } from "../disk/path.js";
import { type StoreLayout, storeLayout } from "./check.js";
import { unfinishedMark } from "./lock.js";

const listName = "backup.json";
const format = "millwright-backup/1";
/** A list of this many bytes names about a million files. */
const listLimit = 1 << 28;

export interface BackupOptions {
  readonly layout?: StoreLayout;
  /** A moment as text, for whoever finds the backup. */
  readonly made?: string;
}

interface BackedUp {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

export interface BackupReport {
  readonly files: number;
  readonly bytes: number;
}

/** Copies a store into an empty folder. Errors: STORE_NOT_EMPTY. */
export async function backupStore(from: Disk, to: Disk, { layout = storeLayout, made = "" }: BackupOptions = {}): Promise<BackupReport> {
  await mustBeEmpty(to);
  const files: BackedUp[] = [];
  for (const folder of layout.journals ?? []) files.push(await copy(from, to, `${folder}/journal`));
  for (const path of layout.files ?? []) files.push(await copy(from, to, path));
  for (const folder of layout.blobs ?? []) {
    for await (const path of filesBelow(from, `${folder}/sha256`)) files.push(await copy(from, to, path));
  }
  await writeDurably(to, listName, new TextEncoder().encode(`${JSON.stringify({ format, made, files }, null, 1)}\n`));
  return sum(files);
}

/** Copies a backup into an empty folder, every file checked against the list. Errors: STORE_NOT_EMPTY, STORE_DAMAGED. */
export async function restoreStore(from: Disk, to: Disk): Promise<BackupReport> {
  const files = await listOf(from);
  await mustBeEmpty(to);
  // While this mark is there, no program starts in the folder.
  await writeDurably(to, unfinishedMark, new TextEncoder().encode("A restore began here and was not finished.\n"));
  for (const listed of files) {
    const copied = await copy(from, to, listed.path);
    if (copied.sha256 !== listed.sha256 || copied.size !== listed.size)
      damaged(listed.path, `${listed.size} bytes with SHA-256 ${listed.sha256}`);
  }
  await to.remove(unfinishedMark);
  await to.syncFolder("");
  return sum(files);
}

async function copy(from: Disk, to: Disk, path: string): Promise<BackedUp> {
  const source = await from.open(path, "read");
  try {
    // The size now: a journal that grows meanwhile is copied up to here, at worst with a torn end.
    const size = source.size();
    const hash = createHash("sha256");
    await durableFolder(to, folderOf(path));
    await writeDurably(to, path, async (target) => {
      for (let at = 0; at < size; ) {
        const part = await source.read(at, Math.min(1 << 20, size - at));
        if (part.length === 0) damaged(path, `${size} bytes`);
        hash.update(part);
        await target.write(part);
        at += part.length;
      }
    });
    return { path, size, sha256: hash.digest("hex") };
  } finally {
    await source.close();
  }
}

async function listOf(disk: Disk): Promise<readonly BackedUp[]> {
  const bytes = await disk.read(listName, listLimit);
  if (bytes === undefined) {
    fail("STORE_DAMAGED", {
      where: listName,
      expected: "a backup that was finished",
      got: "no list of its files",
      remedy: "use another backup",
    });
  }
  try {
    const list = JSON.parse(new TextDecoder().decode(bytes)) as { format?: unknown; files?: unknown };
    if (list.format !== format || !Array.isArray(list.files)) throw new Error("another format");
    for (const one of list.files as Partial<BackedUp>[]) {
      if (typeof one.path !== "string" || typeof one.size !== "number" || typeof one.sha256 !== "string")
        throw new Error("a file without its digest");
      folderOf(one.path);
    }
    return list.files as BackedUp[];
  } catch (cause) {
    const got = cause instanceof MillwrightError ? "a path that leaves the folder" : cause instanceof Error ? cause.message : String(cause);
    return fail("STORE_DAMAGED", { where: listName, expected: `a list of format ${format}`, got, remedy: "use another backup", cause });
  }
}

async function mustBeEmpty(disk: Disk): Promise<void> {
  await disk.makeFolder("");
  const [first] = await disk.list("");
  if (first !== undefined) {
    fail("STORE_NOT_EMPTY", {
      where: "the folder to write to",
      expected: "an empty folder",
      got: `one that holds ${first}`,
      remedy: "name a new folder",
    });
  }
}

function damaged(path: string, expected: string): never {
  fail("STORE_DAMAGED", { where: path, expected, got: "other bytes", remedy: "use another backup" });
}

const sum = (files: readonly BackedUp[]): BackupReport => ({
  files: files.length,
  bytes: files.reduce((total, file) => total + file.size, 0),
});
