/**
 * Reads a journal from its start: every frame checked, in memory of one frame. Tells where the whole part ends, and whether what follows is
 * what a crash leaves (one torn frame at the very end) or damage. Exactly one frame is ever written between two syncs, so a frame that
 * is not whole although another lies behind it was durable once, and something other than a crash broke it.
 */
import { fail } from "../../core/errors.js";
import type { DiskFile } from "../../core/ports.js";
import { type Chain, frameLimit, type Head, headBytes, magic, openFrame, parseHead, tagBytes } from "./journal-frame.js";
import { decodeGroup, type Group } from "./journal-records.js";
import type { StoreKey } from "./key.js";

/** A torn end that was cut off: nothing of it was ever acknowledged, unless the disk lied about a sync. */
export interface TornTail {
  /** Where the whole part ends. */
  readonly offset: number;
  /** Bytes behind it that were cut off. */
  readonly bytes: number;
}

export interface Scan {
  readonly chain: Chain;
  /** Where the whole part ends: the next frame belongs here. */
  readonly end: number;
  /** Sequence number of the newest record; 0 before the first. */
  readonly last: number;
  readonly torn?: TornTail;
}

/** One frame of records, as it lies in the file. */
export interface Found {
  readonly kind: "records" | "kept";
  readonly group: Group;
}

/**
 * Walks `file` up to `size`. Errors: STORE_KEY_REFUSED where the first frame does not open (it is never torn: a journal gets its name only
 * when it is whole), JOURNAL_DAMAGED with the offset.
 */
export async function scanJournal(
  file: DiskFile,
  key: StoreKey,
  { path, size = file.size() }: { readonly path: string; readonly size?: number },
  visit?: (found: Found) => void | Promise<void>,
): Promise<Scan> {
  const window = windowOf(file, size);
  let chain: Chain | undefined;
  let at = 0;
  let last = 0;

  const damaged = (expected: string, got: string): never =>
    fail("JOURNAL_DAMAGED", {
      where: `${path} at byte ${at}`,
      expected,
      got,
      remedy: "restore a backup; the file was left as it is, and everything before this byte can be read",
    });

  while (at < size) {
    const number: number = chain === undefined ? 0 : chain.number + 1;
    const head = parseHead(await window.read(at, headBytes));
    if (head !== undefined && head.number !== number) damaged(`frame ${number}`, `frame ${head.number}: frames are missing or moved`);
    const opened: ReturnType<typeof openFrame> = head === undefined ? undefined : await openAt(chain, head);
    if (opened === undefined || head === undefined) {
      if (chain === undefined) refuse(path, head);
      const behind = await nextHead(window, at + 1, size);
      if (behind !== undefined)
        damaged(`frame ${number} as it was written`, `bytes that are not, with whole frames behind them from byte ${behind}`);
      return { chain: chain as Chain, end: at, last, torn: { offset: at, bytes: size - at } };
    }
    if (head.kind !== "opening") {
      const group = decodeGroup(opened.text);
      if (head.kind === "records" && group.first !== last + 1) damaged(`record ${last + 1}`, `record ${group.first}`);
      last = head.kind === "kept" ? group.first : last + group.records.length;
      await visit?.({ kind: head.kind, group });
    }
    chain = opened.chain;
    at += headBytes + head.length + tagBytes;
  }
  if (chain === undefined) refuse(path, undefined);
  return { chain: chain as Chain, end: at, last };

  async function openAt(before: Chain | undefined, head: Head): Promise<ReturnType<typeof openFrame>> {
    const length = headBytes + head.length + tagBytes;
    if (head.length > frameLimit || at + length > size) return undefined;
    return openFrame(key, before, head, await window.read(at, length));
  }
}

function refuse(path: string, head: Head | undefined): never {
  if (head === undefined) {
    fail("JOURNAL_DAMAGED", {
      where: `${path} at byte 0`,
      expected: "a journal",
      got: "bytes that begin like none",
      remedy: "restore a backup",
    });
  }
  fail("STORE_KEY_REFUSED", {
    where: path,
    expected: "the key this journal was written with",
    got: "another key, or a damaged first frame",
    remedy: "use the data folder's own key file or passphrase; restore a backup if it is the right one",
  });
}

/** Offset of the first whole head at or after `from`, if any. */
async function nextHead(window: Window, from: number, size: number): Promise<number | undefined> {
  const step = 1 << 16;
  for (let at = from; at < size; at += step) {
    const part = Buffer.from(await window.read(at, step + headBytes));
    for (let i = part.indexOf(magic); i >= 0 && i < step; i = part.indexOf(magic, i + 1)) {
      if (parseHead(part.subarray(i)) !== undefined) return at + i;
    }
  }
  return undefined;
}

interface Window {
  /** Bytes at an offset; fewer at the end. Valid until the next read. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
}

/** Reads ahead, so that a million small frames are not a million reads. */
function windowOf(file: DiskFile, size: number, ahead = 1 << 18): Window {
  let start = 0;
  let held: Uint8Array = new Uint8Array(0);
  return {
    async read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset));
      if (offset < start || offset + wanted > start + held.length) {
        held = await file.read(offset, Math.max(wanted, Math.min(ahead, size - offset)));
        start = offset;
      }
      return held.subarray(offset - start, offset - start + wanted);
    },
  };
}
