/**
 * Names of the simulated disk: a tree as programs see it and a tree as a power cut would leave it, and between them the changes that no
 * `syncFolder` has made durable yet.
 */
import type { SeededRandom } from "../../core/random.js";
import type { Content } from "./disk-content.js";

export interface Folder {
  readonly kind: "folder";
  readonly now: Map<string, Entry>;
  readonly durable: Map<string, Entry>;
}
export type Entry = Folder | Content;

/** One name that changed. Both ends of a rename carry the same change number, so a crash keeps both or neither. */
interface Pending {
  readonly change: number;
  readonly folder: Folder;
  readonly name: string;
  readonly entry: Entry | undefined;
}

export const emptyFolder = (): Folder => ({ kind: "folder", now: new Map(), durable: new Map() });

const put = (names: Map<string, Entry>, name: string, entry: Entry | undefined): void => {
  if (entry === undefined) names.delete(name);
  else names.set(name, entry);
};

/** The changes of names that could still be lost. */
export interface Names {
  /** Changes names at once for programs, and durably when their folders are synced. */
  readonly change: (...changes: readonly (readonly [folder: Folder, name: string, entry: Entry | undefined])[]) => void;
  readonly sync: (folder: Folder) => void;
  readonly crash: (random: SeededRandom) => void;
  /** What changes that no sync has covered speak of: a crash may bring any of it back. */
  readonly entries: () => readonly Entry[];
  /** How many changes no sync has covered. */
  readonly pending: () => number;
}

export function nameJournal(root: Folder): Names {
  let pending: Pending[] = [];
  let changes = 0;
  return {
    change(...entries) {
      changes++;
      for (const [folder, name, entry] of entries) {
        put(folder.now, name, entry);
        pending.push({ change: changes, folder, name, entry });
      }
    },
    sync(folder) {
      for (const p of pending) if (p.folder === folder) put(folder.durable, p.name, p.entry);
      pending = pending.filter((p) => p.folder !== folder);
    },
    crash(random) {
      // Half the file systems keep their order (a journal: some first changes survive), half promise nothing.
      const ordered = random.integer(2) === 0;
      const until = changes - random.integer(pending.length + 1);
      const kept = new Map<number, boolean>();
      for (const p of pending) {
        const keep = kept.get(p.change) ?? (ordered ? p.change <= until : random.integer(2) === 0);
        kept.set(p.change, keep);
        if (keep) put(p.folder.durable, p.name, p.entry);
      }
      pending = [];
      revert(root);
    },
    entries: () => pending.flatMap((p) => (p.entry === undefined ? [] : [p.entry])),
    pending: () => pending.length,
  };
}

/** What is left is what is seen from now on. */
function revert(folder: Folder): void {
  folder.now.clear();
  for (const [name, entry] of folder.durable) {
    folder.now.set(name, entry);
    if (entry.kind === "folder") revert(entry);
  }
}
