/**
 * Writes a file whole or not at all: a temporary file beside it, fsync, rename, fsync of the folder. A process may be killed at any
 * instruction and a reader still finds the old file or the new one.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "../../core/errors.js";

/** Errors: FILE_UNWRITABLE with the system's reason; nothing is left behind then. */
export function writeAtomic(path: string, bytes: Uint8Array | string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const file = openSync(temporary, "w", 0o644);
    try {
      for (let at = 0; at < data.length; ) at += writeSync(file, data, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
    syncFolder(dirname(path));
  } catch (cause) {
    discard(temporary);
    fail("FILE_UNWRITABLE", {
      where: path,
      expected: "to write the file",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The error that led here is the one to report.
  }
}

function syncFolder(path: string): void {
  // Windows cannot open a folder; there the rename is as durable as it gets.
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
