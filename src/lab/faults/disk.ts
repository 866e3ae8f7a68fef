/**
 * A disk in memory that fails as disks do, drawn from a seed. Un-synced bytes are kept apart per file and un-synced names per folder; `crash`
 * drops, tears or keeps each of them. One operation may fail (the Nth), the device may be full, a bit may rot, and a switch makes `sync`
 * lie, which is how the tests show that they would notice. Everything happens in microtasks: the same seed gives the same history.
 *
 * It is stricter than most file systems (a new file's name is lost unless its folder was synced) and knows no permissions and no links.
 */
import { fail, MillwrightError } from "../../core/errors.js";
import type { Disk, DiskFile } from "../../core/ports.js";
import type { SeededRandom } from "../../core/random.js";
import { folderOf, pathParts } from "../../io/disk/path.js";
import { type Content, emptyContent } from "./disk-content.js";
import { type Entry, emptyFolder, type Folder, nameJournal } from "./disk-names.js";

/** What a planted bug turns off. */
export interface DiskLies {
  /** `sync` of a file says yes and does nothing. */
  readonly fsync?: boolean;
  /** `syncFolder` says yes and does nothing. */
  readonly folder?: boolean;
}

export interface SimulatedDiskOptions {
  /** Bytes the device holds; without it, no end. */
  readonly capacity?: number;
  readonly lies?: DiskLies;
  /** Waited for before every operation: the simulator's clock, so that a disk takes time. */
  readonly latency?: (operation: string, path: string) => Promise<void>;
}

export interface SimulatedDisk extends Disk {
  /** The power goes: each un-synced write is kept, torn or dropped. Whoever held the disk before gets errors; `mount` is the next boot. */
  readonly crash: () => void;
  /** The process dies, the system lives: nothing is lost, and whoever held the disk before gets errors. */
  readonly kill: () => void;
  /** The disk for a program that starts now; it dies with the next `crash` or `kill`. The object itself is always the newest mount. */
  readonly mount: () => Disk;
  /** The operation `n` from now (1 is the next) fails with an error of the device, and with `then: "dead"` all after it, as if the process died there. */
  readonly failAt: (n: number | undefined, then?: "alive" | "dead") => void;
  /** Operations that were begun since the disk was made. */
  readonly operations: () => number;
  readonly setCapacity: (bytes: number | undefined) => void;
  readonly setLies: (lies: DiskLies) => void;
  /** Flips a bit of a stored file. */
  readonly rot: (path: string, offset: number, bit?: number) => void;
  /** Un-synced writes and names: 0 means that a crash now loses nothing. */
  readonly pending: () => number;
}

type Kind = "FILE_UNREADABLE" | "FILE_UNWRITABLE";

/** A disk whose faults are drawn from `random`. */
export function simulatedDisk(random: SeededRandom, options: SimulatedDiskOptions = {}): SimulatedDisk {
  const root = emptyFolder();
  const names = nameJournal(root);
  let { capacity, lies = {} } = options;
  let boot = 0;
  let operations = 0;
  let failing: number | undefined;
  let dying = false;

  const broken = (code: Kind, path: string, got: string): never =>
    fail(code, { where: path === "" ? "the data folder" : path, expected: "the disk to obey", got });

  /** Counts an operation, waits as the device does and throws where a fault is due. `hurt` is what the fault leaves half done. */
  async function begin(mounted: number, code: Kind, operation: string, path: string, hurt?: () => void): Promise<void> {
    pathParts(path);
    await options.latency?.(operation, path);
    await Promise.resolve();
    if (mounted !== boot) broken(code, path, "a disk that went away (the process or the power died)");
    operations++;
    if (failing !== undefined && --failing <= 0) {
      if (dying) boot++;
      else failing = undefined;
      hurt?.();
      broken(code, path, `an error of the device in "${operation}"`);
    }
  }

  function find(path: string): Entry | undefined {
    let at: Entry | undefined = root;
    for (const part of pathParts(path)) at = at?.kind === "folder" ? at.now.get(part) : undefined;
    return at;
  }
  const folderAt = (path: string): Folder | undefined => {
    const found = find(path);
    return found?.kind === "folder" ? found : undefined;
  };
  const fileAt = (path: string): Content | undefined => {
    const found = find(path);
    return found?.kind === "file" ? found : undefined;
  };
  const nameOf = (path: string): string => pathParts(path)[pathParts(path).length - 1];
  const parentOf = (path: string): Folder => folderAt(folderOf(path)) ?? broken("FILE_UNWRITABLE", path, "no such folder");

  const used = (folder: Folder): number => {
    let sum = 0;
    for (const entry of folder.now.values()) sum += entry.kind === "folder" ? used(entry) : entry.size();
    return sum;
  };
  const room = (): number => (capacity === undefined ? Number.MAX_SAFE_INTEGER : Math.max(0, capacity - used(root)));

  function handle(mounted: number, path: string, content: Content, writable: boolean): DiskFile {
    let closed = false;
    const enter = async (code: Kind, operation: string, hurt?: () => void): Promise<void> => {
      await begin(mounted, code, operation, path, hurt);
      if (closed) broken(code, path, "a file that was closed");
      if (code === "FILE_UNWRITABLE" && !writable) broken(code, path, "a file that was opened for reading");
    };
    return {
      size: () => content.size(),
      read: async (offset, length) => {
        await enter("FILE_UNREADABLE", "read");
        return content.slice(offset, length);
      },
      write: async (bytes) => {
        const half = (): void => content.append(bytes.subarray(0, random.integer(bytes.length + 1)));
        await enter("FILE_UNWRITABLE", "write", half);
        const fits = room();
        content.append(bytes.subarray(0, fits));
        if (bytes.length > fits) broken("FILE_UNWRITABLE", path, "a full disk");
      },
      truncate: async (size) => {
        await enter("FILE_UNWRITABLE", "truncate");
        content.truncate(size);
      },
      sync: async () => {
        await enter("FILE_UNWRITABLE", "sync", content.forsake);
        if (lies.fsync !== true) content.sync();
      },
      close: async () => {
        closed = true;
      },
    };
  }

  function mountedDisk(of: () => number): Disk {
    return {
      read: async (path, limit = Number.MAX_SAFE_INTEGER) => {
        await begin(of(), "FILE_UNREADABLE", "read", path);
        const content = fileAt(path);
        if (content === undefined) return undefined;
        if (content.size() > limit)
          fail("LIMIT_EXCEEDED", { where: path, expected: `at most ${limit} bytes`, got: `${content.size()} bytes` });
        return content.slice(0, content.size());
      },
      size: async (path) => {
        await begin(of(), "FILE_UNREADABLE", "size", path);
        return fileAt(path)?.size();
      },
      list: async (path) => {
        await begin(of(), "FILE_UNREADABLE", "list", path);
        return [...(folderAt(path)?.now.keys() ?? [])].sort();
      },
      makeFolder: async (path) => {
        await begin(of(), "FILE_UNWRITABLE", "makeFolder", path);
        const parts = pathParts(path);
        let at: Folder = root;
        for (const part of parts) {
          let next = at.now.get(part);
          if (next?.kind === "file") broken("FILE_UNWRITABLE", path, "a file where a folder should be");
          if (next?.kind !== "folder") {
            next = emptyFolder();
            names.change([at, part, next]);
          }
          at = next as Folder;
        }
      },
      open: async (path, how) => {
        const mounted = of();
        await begin(mounted, how === "read" ? "FILE_UNREADABLE" : "FILE_UNWRITABLE", "open", path);
        let content = fileAt(path);
        if (how === "read" && content === undefined) broken("FILE_UNREADABLE", path, "no such file");
        if (how === "new" && find(path) !== undefined) broken("FILE_UNWRITABLE", path, "a file that is there already");
        if (content === undefined) {
          content = emptyContent();
          names.change([parentOf(path), nameOf(path), content]);
        }
        return handle(mounted, path, content, how !== "read");
      },
      rename: async (from, to) => {
        await begin(of(), "FILE_UNWRITABLE", "rename", to);
        pathParts(from);
        const moved = find(from) ?? broken("FILE_UNWRITABLE", from, "no such file");
        if (folderAt(to) !== undefined) broken("FILE_UNWRITABLE", to, "a folder of that name");
        names.change([parentOf(from), nameOf(from), undefined], [parentOf(to), nameOf(to), moved]);
      },
      remove: async (path) => {
        await begin(of(), "FILE_UNWRITABLE", "remove", path);
        if (folderAt(path) !== undefined) broken("FILE_UNWRITABLE", path, "a folder");
        if (fileAt(path) !== undefined) names.change([parentOf(path), nameOf(path), undefined]);
      },
      syncFolder: async (path) => {
        await begin(of(), "FILE_UNWRITABLE", "syncFolder", path);
        const folder = folderAt(path) ?? broken("FILE_UNWRITABLE", path, "no such folder");
        if (lies.folder !== true) names.sync(folder);
      },
      free: async () => room(),
    };
  }

  const contents = (entries: Iterable<Entry>, into = new Set<Content>()): Set<Content> => {
    for (const entry of entries) {
      if (entry.kind === "file") into.add(entry);
      else contents([...entry.now.values(), ...entry.durable.values()], into);
    }
    return into;
  };
  const everything = (): Set<Content> => contents([root, ...names.entries()]);
  const rest = (): void => {
    boot++;
    failing = undefined;
  };

  return {
    ...mountedDisk(() => boot),
    crash() {
      const all = everything();
      names.crash(random.fork("names", boot));
      let n = 0;
      for (const content of all) content.crash(random.fork("bytes", boot, n++));
      rest();
    },
    kill: rest,
    mount() {
      const mounted = boot;
      return mountedDisk(() => mounted);
    },
    failAt(n, then = "alive") {
      failing = n;
      dying = then === "dead";
    },
    operations: () => operations,
    setCapacity(bytes) {
      capacity = bytes;
    },
    setLies(next) {
      lies = next;
    },
    rot(path, offset, bit = 0) {
      const content = fileAt(path);
      if (content === undefined) throw new MillwrightError("FILE_UNREADABLE", { where: path, expected: "a file", got: "none" });
      content.rot(offset, bit);
    },
    pending: () => [...everything()].reduce((sum, content) => sum + content.pending(), names.pending()),
  };
}
