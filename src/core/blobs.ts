/**
 * Bytes kept under their SHA-256: models, message frames, plans, shares. What is asked for by its digest cannot be another thing, so a blob
 * can be fetched from anywhere, resumed anywhere and stored twice without harm. The store in files, the one in memory and one in
 * somebody's cloud keep this same promise; one suite of tests runs over all of them.
 */
import { fail } from "./errors.js";

/** A digest and what it stands for. */
export interface BlobStat {
  /** SHA-256 of the content: 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly size: number;
}

export interface PutOptions {
  /** What the content must hash to. Errors: BLOB_MISMATCH, and nothing is kept. */
  readonly sha256?: string;
  /** Largest size that is accepted; the store's own limit otherwise. Errors: LIMIT_EXCEEDED, and nothing is kept. */
  readonly limit?: number;
}

/** Errors of every method: MESSAGE_INVALID for a digest that is none, FILE_UNREADABLE and FILE_UNWRITABLE from the disk below. */
export interface BlobStore {
  /** Durable when it resolves. Storing what is there already changes nothing. */
  readonly put: (content: Uint8Array | AsyncIterable<Uint8Array>, options?: PutOptions) => Promise<BlobStat>;
  /**
   * Begins or resumes an upload of `size` bytes. Two writers of one digest share what arrived.
   * Errors: LIMIT_EXCEEDED where the size or the number of unfinished uploads is beyond the store's limits.
   */
  readonly writer: (sha256: string, size: number) => Promise<BlobWriter>;
  /** Bytes of an unfinished upload that need not be sent again; 0 where there is none. The size of the blob where it is there. */
  readonly received: (sha256: string) => Promise<number>;
  /** The whole content, checked against its digest, or undefined where it is not there. Errors: LIMIT_EXCEEDED, STORE_DAMAGED. */
  readonly get: (sha256: string, limit?: number) => Promise<Uint8Array | undefined>;
  /** A part; shorter where the blob ends before. Not checked against the digest (a part cannot be). Errors: BLOB_MISSING. */
  readonly read: (sha256: string, offset: number, length: number) => Promise<Uint8Array>;
  readonly has: (sha256: string) => Promise<boolean>;
  readonly stat: (sha256: string) => Promise<BlobStat | undefined>;
  /** Nothing happens where there is no such blob. */
  readonly delete: (sha256: string) => Promise<void>;
  /** Every digest that is there, sorted. */
  readonly list: () => Promise<readonly string[]>;
  /**
   * Deletes what `keep` does not name and what did not arrive since the last collection (or since the store was opened): somebody may be
   * about to write down a reference to it. So a blob nobody refers to goes with the second collection after it came.
   */
  readonly gc: (keep: ReadonlySet<string>) => Promise<{ readonly removed: number; readonly bytes: number }>;
}

/** An upload in pieces. A process that dies may lose pieces, never make a blob of half of them. */
export interface BlobWriter {
  readonly sha256: string;
  readonly size: number;
  /** Bytes that arrived: where the next piece begins. */
  readonly received: () => number;
  /**
   * Adds a piece at `offset`; bytes that are there already are skipped. Returns the new `received`.
   * Errors: MESSAGE_INVALID for a gap (the remedy names where to go on), LIMIT_EXCEEDED beyond the size.
   */
  readonly write: (chunk: Uint8Array, offset: number) => Promise<number>;
  /** Checks length and digest and makes the blob durable. Errors: BLOB_MISMATCH; what arrived is thrown away then. */
  readonly finish: () => Promise<BlobStat>;
  /** Throws away what arrived. */
  readonly abort: () => Promise<void>;
}

/** Whether a text is a SHA-256 in the one spelling that is used for paths and keys. */
export const isDigest = (text: unknown): text is string => typeof text === "string" && /^[0-9a-f]{64}$/.test(text);

/** The digest itself, checked: only such a text may become part of a path. Errors: MESSAGE_INVALID. */
export function checkedDigest(text: unknown): string {
  if (isDigest(text)) return text;
  return fail("MESSAGE_INVALID", {
    where: "sha256",
    expected: "64 lower-case hexadecimal digits",
    got: typeof text === "string" ? `a text of ${text.length} characters` : typeof text,
  });
}
