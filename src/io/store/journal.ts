/**
 * An append-only, checksummed, encrypted journal over a disk: the plant's whole memory. What `append` acknowledged survives a crash at any
 * instruction; what it did not may survive or not, but whole: a record is there or it is not.
 *
 * A torn end is cut and reported. Damage anywhere before it refuses to open. A write or sync that fails stops the journal, since after a
 * failed sync nobody knows what the system still holds: it must be opened again. Not found by the file alone: a disk that loses whole frames
 * at the end although it had synced them, and an older copy of the whole file put in its place. (A last frame that rots looks like a torn
 * one; it is reported as such.) One process per journal: take the lock of the data folder first.
 */
import { fail } from "../../core/errors.js";
import type { Disk, DiskFile, SecretRandom } from "../../core/ports.js";
import { durableFolder, writeDurably } from "../disk/durable.js";
import { type Chain, type FrameKind, frameLimit, saltBytes, sealFrame, sealOpening } from "./journal-frame.js";
import { encodeGroup, recordOverhead } from "./journal-records.js";
import { type Scan, scanJournal, type TornTail } from "./journal-scan.js";
import type { StoreKey } from "./key.js";
import { turns } from "./turns.js";

export interface JournalLimits {
  /** Largest record, and largest group that is appended in one call. */
  readonly record: number;
  /** Largest file; compact before. */
  readonly file: number;
  /** Bytes that may wait for the disk. */
  readonly waiting: number;
}

export const journalLimits: JournalLimits = { record: 16 << 20, file: 1 << 30, waiting: 64 << 20 };

export interface JournalOptions {
  readonly disk: Disk;
  /** The folder of the journal; "journal" unless told. */
  readonly folder?: string;
  readonly key: StoreKey;
  readonly random: SecretRandom;
  readonly limits?: Partial<JournalLimits>;
}

export interface Journal {
  /** What opening cut off, if anything. */
  readonly torn: TornTail | undefined;
  /** Sequence number of the newest durable record; 0 before the first. */
  readonly last: () => number;
  /** Bytes of the file. */
  readonly size: () => number;
  /** Every record that is durable at the call, oldest first. Kept records of a compaction all carry the number they stand for. */
  readonly replay: (visit: (record: Uint8Array, seq: number) => void | Promise<void>) => Promise<void>;
  /**
   * Durable when it resolves, with the number of its last record; several records become durable together or not at all. Appends that wait
   * share one sync. Errors: LIMIT_EXCEEDED (nothing was written), FILE_UNWRITABLE and STORE_CLOSED (may or may not be there after reopening).
   */
  readonly append: (records: Uint8Array | readonly Uint8Array[]) => Promise<number>;
  /**
   * Replaces every record up to number `through` (the newest unless told) by `keep`; later ones stay as they are. A crash leaves the old
   * file or the new one. Errors: as append; where it fails before the new file has its name, the journal goes on with the old one.
   */
  readonly compact: (keep: readonly Uint8Array[], through?: number) => Promise<void>;
  /** Waits for what was appended. Nothing is written: there is no difference between closing and being killed. */
  readonly close: () => Promise<void>;
}

/** Opens a journal, or makes it. Errors: JOURNAL_DAMAGED, STORE_KEY_REFUSED. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { disk, key, random, folder = "journal" } = options;
  const limits = { ...journalLimits, ...options.limits };
  const path = `${folder}/journal`;
  await durableFolder(disk, folder);
  await disk.remove(`${path}.new`);
  const { file: opened, scan } = await openFile(disk, path, key, random);

  let file = opened;
  let { chain, end, last } = scan;
  let stopped: string | undefined;
  let waitingBytes = 0;
  let pumping = false;
  const queue: Waiting[] = [];
  const inTurn = turns();

  const alive = (): void => {
    if (stopped === undefined) return;
    fail("STORE_CLOSED", {
      where: path,
      expected: "an open journal",
      got: stopped,
      remedy: "open it again; what was acknowledged is kept",
    });
  };
  const stop = (cause: unknown): never => {
    stopped = `one that stopped after: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw cause;
  };

  /** Writes one frame and makes it durable. Runs in turn. */
  async function commit(kind: FrameKind, text: Uint8Array): Promise<void> {
    const { bytes, chain: next } = sealFrame(chain, kind, text);
    try {
      await file.write(bytes);
      await file.sync();
    } catch (cause) {
      // On a full disk the half frame would keep what little room there is. Opening cuts it anyway where this fails too.
      await file.truncate(end).catch(() => undefined);
      await file.close().catch(() => undefined);
      stop(cause);
    }
    chain = next;
    end += bytes.length;
  }

  async function pump(): Promise<void> {
    if (pumping) return;
    pumping = true;
    while (queue.length > 0) {
      await inTurn(async () => {
        const group = takeGroup(queue, limits.record);
        const records = group.flatMap((w) => w.records);
        try {
          alive();
          const text = encodeGroup({ first: last + 1, records });
          if (end + text.length > limits.file) tooLarge(path, end + text.length, limits.file);
          await commit("records", text);
          for (const one of group) {
            last += one.records.length;
            one.resolve(last);
          }
        } catch (cause) {
          for (const one of group) one.reject(cause);
        }
        waitingBytes -= group.reduce((sum, w) => sum + w.bytes, 0);
      });
    }
    pumping = false;
  }

  return {
    torn: scan.torn,
    last: () => last,
    size: () => end,
    replay: async (visit) => {
      // A handle of its own: a compaction meanwhile takes the name away, not the bytes.
      const [reading, size] = await inTurn(async () => {
        alive();
        return [await disk.open(path, "read"), end] as const;
      });
      try {
        await scanJournal(reading, key, { path, size }, async ({ kind, group }) => {
          for (const [i, record] of group.records.entries()) await visit(record, kind === "kept" ? group.first : group.first + i);
        });
      } finally {
        await reading.close();
      }
    },
    append: async (given) => {
      const records = (given instanceof Uint8Array ? [given] : given).map((r) => r.slice());
      const bytes = records.reduce((sum, r) => sum + r.length + recordOverhead, 0);
      alive();
      if (records.length === 0) return last;
      checkSize("a group of records", bytes, limits.record);
      checkSize("appends waiting for the disk", waitingBytes + bytes, limits.waiting);
      waitingBytes += bytes;
      return new Promise<number>((resolve, reject) => {
        queue.push({ records, bytes, resolve, reject });
        void pump();
      });
    },
    compact: (keep, through) =>
      inTurn(async () => {
        alive();
        const upTo = through ?? last;
        if (!Number.isSafeInteger(upTo) || upTo < 0 || upTo > last) {
          fail("INTERNAL", { where: path, expected: `a record number in 0..${last}`, got: String(upTo) });
        }
        for (const record of keep) checkSize("a kept record", record.length + recordOverhead, limits.record);
        let next: Chain | undefined;
        let size = 0;
        let named = false;
        try {
          const write = async (target: DiskFile): Promise<void> => {
            const put = async (kind: FrameKind, text: Uint8Array): Promise<void> => {
              const sealed = sealFrame(next as Chain, kind, text);
              next = sealed.chain;
              await target.write(sealed.bytes);
            };
            const opening = sealOpening(key, random.bytes(saltBytes), undefined);
            next = opening.chain;
            await target.write(opening.bytes);
            for (const records of inGroups(keep)) await put("kept", encodeGroup({ first: upTo, records }));
            await scanJournal(file, key, { path, size: end }, async ({ kind, group }) => {
              if (kind === "kept") {
                if (group.first > upTo) await put("kept", encodeGroup(group));
                return;
              }
              const records = group.records.slice(Math.max(0, upTo + 1 - group.first));
              if (records.length > 0) await put("records", encodeGroup({ first: Math.max(group.first, upTo + 1), records }));
            });
            size = target.size();
          };
          await writeDurably(disk, path, write, () => {
            named = true;
          });
          const old = file;
          file = await disk.open(path, "append");
          await old.close();
        } catch (cause) {
          // Up to here the old file has its name. Whether the new one got it is not known after that.
          if (named) {
            await file.close().catch(() => undefined);
            stop(cause);
          }
          throw cause;
        }
        chain = next as Chain;
        end = size;
      }),
    close: () =>
      inTurn(async () => {
        if (stopped !== undefined) return;
        stopped = "one that was closed";
        await file.close();
      }),
  };
}

interface Waiting {
  readonly records: readonly Uint8Array[];
  readonly bytes: number;
  readonly resolve: (seq: number) => void;
  readonly reject: (cause: unknown) => void;
}

/** Takes what fits into one frame, at least one. */
function takeGroup(queue: Waiting[], limit: number): Waiting[] {
  let count = 1;
  let bytes = queue[0].bytes;
  while (count < queue.length && bytes + queue[count].bytes <= limit) bytes += queue[count++].bytes;
  return queue.splice(0, count);
}

/** At least one group, since an empty compaction has to carry the number too. */
function* inGroups(records: readonly Uint8Array[], target = 1 << 20): Generator<readonly Uint8Array[]> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const record of records) {
    if (group.length > 0 && bytes + record.length > target) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(record);
    bytes += record.length + recordOverhead;
  }
  yield group;
}

function tooLarge(path: string, got: number, limit: number): never {
  fail("LIMIT_EXCEEDED", { where: path, expected: `a journal of at most ${limit} bytes`, got: `${got}`, remedy: "compact it" });
}

function checkSize(what: string, got: number, limit: number): void {
  if (got > Math.min(limit, frameLimit))
    fail("LIMIT_EXCEEDED", { where: "journal", expected: `${what} of at most ${limit} bytes`, got: `${got} bytes` });
}

/**
 * Checks the file and makes it ready for appending under a key of its own, as a copy that is synced as a whole and takes its name.
 * Not in place, even where nothing is torn: a sync that failed just before the last process died leaves frames that the system shows and no
 * disk holds; whatever was appended behind them would be a whole frame behind a hole after the next power cut.
 * It costs as much room as the file has; compaction keeps that small.
 */
async function openFile(disk: Disk, path: string, key: StoreKey, random: SecretRandom): Promise<{ file: DiskFile; scan: Scan }> {
  if ((await disk.size(path)) === undefined) await writeDurably(disk, path, sealOpening(key, random.bytes(saltBytes), undefined).bytes);
  const source = await disk.open(path, "read");
  try {
    const scan = await scanJournal(source, key, { path });
    const opening = sealOpening(key, random.bytes(saltBytes), scan.chain);
    await writeDurably(disk, path, async (copy) => {
      for (let at = 0; at < scan.end; ) {
        const part = await source.read(at, Math.min(1 << 20, scan.end - at));
        if (part.length === 0) fail("FILE_UNREADABLE", { where: path, expected: `${scan.end} bytes`, got: `${at}` });
        await copy.write(part);
        at += part.length;
      }
      await copy.write(opening.bytes);
    });
    const file = await disk.open(path, "append");
    return { file, scan: { ...scan, chain: opening.chain, end: scan.end + opening.bytes.length } };
  } finally {
    await source.close().catch(() => undefined);
  }
}
