/** The few moves that make a change of a disk durable, in the one order that survives a power cut. */
import type { Disk, DiskFile } from "../../core/ports.js";
import { folderOf, pathParts } from "./path.js";

/** Makes a folder with its parents and makes their names durable: every level is synced, since an earlier process may have died between. */
export async function durableFolder(disk: Disk, path: string): Promise<void> {
  await disk.makeFolder(path);
  for (let at = path; pathParts(at).length > 0; at = folderOf(at)) await disk.syncFolder(folderOf(at));
}

/**
 * Writes a file whole or not at all: `path.new`, sync, rename, sync of the folder. The folder is there already. A reader finds the old
 * file or the new one; what is left of an attempt that failed is removed where the disk still obeys. `renaming` is called when the new file is
 * durable and about to get its name: after that, an error leaves open which of the two has it.
 */
export async function writeDurably(
  disk: Disk,
  path: string,
  write: Uint8Array | ((file: DiskFile) => Promise<void>),
  renaming?: () => void,
): Promise<void> {
  const temporary = `${path}.new`;
  await disk.remove(temporary);
  const file = await disk.open(temporary, "new");
  try {
    try {
      if (typeof write === "function") await write(file);
      else await file.write(write);
      await file.sync();
    } finally {
      await file.close();
    }
    renaming?.();
    await disk.rename(temporary, path);
  } catch (cause) {
    // The error that led here is the one to report.
    await disk.remove(temporary).catch(() => undefined);
    throw cause;
  }
  await disk.syncFolder(folderOf(path));
}

/** Every file below a folder, as paths. Deeper than `depth` folders nothing of ours lies. */
export async function* filesBelow(disk: Disk, folder: string, depth = 8): AsyncGenerator<string> {
  for (const name of await disk.list(folder)) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if ((await disk.size(path)) !== undefined) yield path;
    else if (depth > 0) yield* filesBelow(disk, path, depth - 1);
  }
}
