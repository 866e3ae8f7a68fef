/**
 * The disk port over a folder of this machine. Files are 0600, folders 0700; a symbolic link is never followed below the root, so that
 * nobody who can write into the folder sends our bytes elsewhere. What `sync` promises is what the system's fsync promises: a device
 * that lies about it loses what it said it kept.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, statfs, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fail } from "../../core/errors.js";
import type { Disk, DiskFile } from "../../core/ports.js";
import { pathParts } from "./path.js";

/** Largest file `read` takes when no limit is named. */
const readLimit = 1 << 30;
const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;
const flags = { new: O_RDWR | O_APPEND | O_CREAT | O_EXCL, append: O_RDWR | O_APPEND | O_CREAT, read: O_RDONLY } as const;
// Undefined on Windows, where there is nothing to follow that an ordinary user can make.
const noFollow = O_NOFOLLOW ?? 0;

/** A disk whose root is this folder, made at the first `makeFolder("")`. Paths outside it cannot be said. */
export function folderDisk(root: string): Disk {
  const base = resolve(root);
  const real = new Set<string>();

  /** The system's path, once no folder on the way is a link. */
  async function at(path: string): Promise<string> {
    const parts = pathParts(path);
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = join(base, ...parts.slice(0, depth));
      if (real.has(folder)) continue;
      const found = await lstat(folder).catch(() => undefined);
      if (found === undefined) break;
      if (!found.isDirectory()) throw new Error(`${parts.slice(0, depth).join("/")} is not a folder`);
      real.add(folder);
    }
    return join(base, ...parts);
  }

  return {
    read: (path, limit = readLimit) => reading(path, async () => readWhole(await at(path), path, limit)),
    size: (path) => reading(path, async () => sizeOf(await at(path))),
    list: (folder) => reading(folder, async () => names(await at(folder))),
    makeFolder: (path) =>
      writing(path, async () => {
        const first = await mkdir(await at(path), { recursive: true, mode: 0o700 });
        // The folder's own name, and those of parents that were not there, live outside the disk: nobody else would sync them.
        if (first !== undefined) for (let made = base; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
      }),
    open: (path, how) =>
      (how === "read" ? reading : writing)(path, async () => {
        const handle = await open(await at(path), flags[how] | noFollow, 0o600);
        return diskFile(handle, path, (await handle.stat()).size);
      }),
    rename: (from, to) => writing(to, async () => rename(await at(from), await at(to))),
    remove: (path) =>
      writing(path, async () => {
        await unlink(await at(path)).catch(unless("ENOENT"));
      }),
    syncFolder: (path) =>
      writing(path, async () => {
        await syncFolder(await at(path));
      }),
    free: () =>
      reading("", async () => {
        const facts = await statfs(base);
        return facts.bavail * facts.bsize;
      }),
  };
}

async function syncFolder(full: string): Promise<void> {
  // Windows cannot open a folder; there a rename is as durable as it gets.
  if (process.platform === "win32") return;
  const folder = await open(full, O_RDONLY | O_DIRECTORY);
  await folder.sync().finally(() => folder.close());
}

function diskFile(handle: FileHandle, path: string, start: number): DiskFile {
  let size = start;
  return {
    size: () => size,
    read: (offset, length) =>
      reading(path, async () => {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
        let got = 0;
        while (got < bytes.length) {
          const { bytesRead } = await handle.read(bytes, got, bytes.length - got, offset + got);
          if (bytesRead === 0) break;
          got += bytesRead;
        }
        return bytes.subarray(0, got);
      }),
    write: (bytes) =>
      writing(path, async () => {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.length - done);
          done += bytesWritten;
          size += bytesWritten;
        }
      }),
    truncate: (to) =>
      writing(path, async () => {
        await handle.truncate(to);
        size = to;
      }),
    sync: () => writing(path, () => handle.sync()),
    close: () => reading(path, () => handle.close()),
  };
}

async function readWhole(full: string, path: string, limit: number): Promise<Uint8Array | undefined> {
  const handle = await open(full, O_RDONLY | noFollow).catch(unless("ENOENT"));
  if (handle === undefined) return undefined;
  try {
    const { size } = await handle.stat();
    if (size > limit) fail("LIMIT_EXCEEDED", { where: path, expected: `at most ${limit} bytes`, got: `${size} bytes` });
    return await diskFile(handle, path, size).read(0, size);
  } finally {
    await handle.close();
  }
}

async function sizeOf(full: string): Promise<number | undefined> {
  const found = await lstat(full).catch(unless("ENOENT"));
  return found?.isFile() ? found.size : undefined;
}

async function names(full: string): Promise<readonly string[]> {
  const found = (await readdir(full).catch(unless("ENOENT"))) ?? [];
  // Names no path of ours can have (somebody's ".swp") are nobody's business here.
  return found.filter((name) => isPlain(name)).sort();
}

function isPlain(name: string): boolean {
  try {
    return pathParts(name).length === 1;
  } catch {
    return false;
  }
}

const unless =
  (...codes: readonly string[]) =>
  (cause: unknown): undefined => {
    if (!codes.includes((cause as { code?: string }).code ?? "")) throw cause;
    return undefined;
  };

const reading = <T>(path: string, work: () => Promise<T>): Promise<T> => coded("FILE_UNREADABLE", "to read", path, work);
const writing = <T>(path: string, work: () => Promise<T>): Promise<T> => coded("FILE_UNWRITABLE", "to write", path, work);

async function coded<T>(code: "FILE_UNREADABLE" | "FILE_UNWRITABLE", what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Error && cause.name === "MillwrightError") throw cause;
    const system = (cause as { code?: string }).code;
    return fail(code, {
      where: path === "" ? "the data folder" : path,
      expected: `${what} it`,
      got: cause instanceof Error ? cause.message : String(cause),
      ...(system === undefined ? {} : { remedy: remedies[system] ?? "see the system's message" }),
      cause,
    });
  }
}

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free some space and start again; what was acknowledged is kept",
  EDQUOT: "the quota is used up: raise it and start again; what was acknowledged is kept",
  EROFS: "the disk is read-only: look at the system's log, a failing disk is often remounted so",
  EACCES: "let this user read and write the folder",
  EPERM: "let this user read and write the folder",
  EMFILE: "raise the limit of open files (ulimit -n)",
  EEXIST: "a file of this name is there already",
  ELOOP: "a symbolic link stands where a file of ours should; remove it",
  EIO: "the device failed; look at the system's log and restore a backup if it goes on",
};
