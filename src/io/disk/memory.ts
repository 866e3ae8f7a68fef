/** A disk in memory, for looking at a copy of files that another process may be writing. Nothing of it outlives the process. */
import { fail } from "../../core/errors.js";
import type { Disk, DiskFile } from "../../core/ports.js";

export function memoryDisk(files: ReadonlyMap<string, Uint8Array> = new Map()): Disk {
  const held = new Map(files);
  const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
  return {
    read: async (path, limit) => {
      const bytes = held.get(path);
      if (bytes !== undefined && limit !== undefined && bytes.length > limit) {
        fail("LIMIT_EXCEEDED", { where: path, expected: `at most ${limit} bytes`, got: String(bytes.length) });
      }
      return bytes;
    },
    size: async (path) => held.get(path)?.length,
    list: async (folder) =>
      [...new Set([...held.keys()].filter((path) => folderOf(path) === folder).map((path) => path.slice(folder.length + 1)))].sort(),
    makeFolder: async () => {},
    open: async (path, how) => {
      const there = held.has(path);
      if (how === "new" ? there : how === "read" && !there) {
        fail(how === "new" ? "FILE_UNWRITABLE" : "FILE_UNREADABLE", {
          where: path,
          expected: there ? "no such file" : "a file",
          got: there ? "one" : "none",
        });
      }
      if (!there) held.set(path, new Uint8Array(0));
      return fileOf(held, path);
    },
    async rename(from, to) {
      const bytes = held.get(from);
      if (bytes === undefined) return fail("FILE_UNWRITABLE", { where: from, expected: "a file", got: "none" });
      held.set(to, bytes);
      held.delete(from);
    },
    remove: async (path) => void held.delete(path),
    syncFolder: async () => {},
  };
}

function fileOf(held: Map<string, Uint8Array>, path: string): DiskFile {
  const bytes = () => held.get(path) ?? new Uint8Array(0);
  return {
    size: () => bytes().length,
    read: async (offset, length) => bytes().slice(offset, offset + length),
    async write(more) {
      const before = bytes();
      const after = new Uint8Array(before.length + more.length);
      after.set(before);
      after.set(more, before.length);
      held.set(path, after);
    },
    truncate: async (size) => void held.set(path, bytes().slice(0, size)),
    sync: async () => {},
    close: async () => {},
  };
}

/** Copies the files of some folders of a disk, and single files, into memory. */
export async function copyToMemory(disk: Disk, paths: readonly string[]): Promise<Disk> {
  const files = new Map<string, Uint8Array>();
  for (const path of paths) {
    const single = await disk.read(path).catch(() => undefined);
    if (single !== undefined) files.set(path, single);
    for (const name of await disk.list(path).catch(() => [])) {
      const bytes = await disk.read(`${path}/${name}`);
      if (bytes !== undefined) files.set(`${path}/${name}`, bytes);
    }
  }
  return memoryDisk(files);
}
