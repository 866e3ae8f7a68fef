/**
 * How the content of a blob lies in a file: as it is, or sealed. Sealed is a chain of pieces of 64 KiB, each AES-256-GCM under a key derived
 * for this file, with the piece's number and "this is the last" in its nonce (the STREAM construction, Hoang, Reyhanitabar, Rogaway and
 * Vizar 2015): pieces cannot be swapped, cut off or added, and any part can be read without the rest. The size of the content shows.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { fail } from "../../core/errors.js";
import type { DiskFile, SecretRandom } from "../../core/ports.js";
import type { StoreKey } from "./key.js";

/** One file being written. */
export interface ContentWriter {
  /** What goes into the file now; some of it may be held back until the next call. */
  readonly push: (bytes: Uint8Array) => readonly Uint8Array[];
  readonly end: () => readonly Uint8Array[];
}

export interface ContentForm {
  readonly writer: () => ContentWriter;
  /** Size of the content of a file of this size, or undefined where no file of this form has it. */
  readonly contentSize: (fileSize: number) => number | undefined;
  /** A part of the content; shorter at its end. Errors: STORE_DAMAGED. */
  readonly read: (file: DiskFile, path: string, offset: number, length: number) => Promise<Uint8Array>;
  /** Whether half a file can be continued by another process. Sealed ones are begun anew: a piece must not be sealed twice with one nonce. */
  readonly resumable: boolean;
}

/** Bytes as they are. */
export const plainForm: ContentForm = {
  writer: () => ({ push: (bytes) => [bytes], end: () => [] }),
  contentSize: (fileSize) => fileSize,
  read: (file, _path, offset, length) => file.read(offset, length),
  resumable: true,
};

const magic = new TextEncoder().encode("MWb1");
const headBytes = 20;
const tagBytes = 16;
export const pieceBytes = 1 << 16;

/** Sealed with keys derived from the store's key. */
export function sealedForm(key: StoreKey, random: SecretRandom): ContentForm {
  return {
    writer: () => sealer(key, random.bytes(16)),
    contentSize,
    read: async (file, path, offset, length) => {
      const size = contentSize(file.size());
      const head = await file.read(0, headBytes);
      if (size === undefined || !magic.every((byte, i) => head[i] === byte)) return damaged(path, "the head of a sealed blob");
      const end = Math.min(size, offset + length);
      if (offset >= end) return new Uint8Array(0);
      const derived = key.derive("blob", head.subarray(4));
      const pieces = piecesOf(size);
      const out = new Uint8Array(end - offset);
      for (let piece = Math.floor(offset / pieceBytes); piece * pieceBytes < end; piece++) {
        const start = piece * pieceBytes;
        const stored = await file.read(headBytes + piece * (pieceBytes + tagBytes), Math.min(pieceBytes, size - start) + tagBytes);
        const text = openPiece(derived, piece, piece === pieces - 1, stored) ?? damaged(path, `piece ${piece} as it was sealed`);
        const from = Math.max(offset, start);
        out.set(text.subarray(from - start, Math.min(end, start + text.length) - start), from - offset);
      }
      return out;
    },
    resumable: false,
  };
}

const damaged = (path: string, expected: string): never =>
  fail("STORE_DAMAGED", {
    where: path,
    expected,
    got: "other bytes, or another key",
    remedy: "delete the blob and fetch it again, or restore a backup",
  });

const piecesOf = (size: number): number => Math.max(1, Math.ceil(size / pieceBytes));

function contentSize(fileSize: number): number | undefined {
  const body = fileSize - headBytes;
  const size = body - tagBytes * Math.ceil(body / (pieceBytes + tagBytes));
  return body < tagBytes || size < 0 || body !== size + tagBytes * piecesOf(size) ? undefined : size;
}

function sealer(key: StoreKey, salt: Uint8Array): ContentWriter {
  const derived = key.derive("blob", salt);
  const held = Buffer.alloc(pieceBytes);
  let filled = 0;
  let piece = 0;
  let begun = false;
  const begin = (out: Uint8Array[]): void => {
    if (!begun) out.push(Buffer.concat([magic, salt]));
    begun = true;
  };
  return {
    push(bytes) {
      const out: Uint8Array[] = [];
      begin(out);
      for (let at = 0; at < bytes.length; ) {
        // A full piece waits until more comes: whether it is the last is part of its nonce.
        if (filled === pieceBytes) {
          out.push(sealPiece(derived, piece++, false, held));
          filled = 0;
        }
        const taken = bytes.subarray(at, at + pieceBytes - filled);
        held.set(taken, filled);
        filled += taken.length;
        at += taken.length;
      }
      return out;
    },
    end() {
      const out: Uint8Array[] = [];
      begin(out);
      out.push(sealPiece(derived, piece, true, held.subarray(0, filled)));
      return out;
    },
  };
}

function nonceOf(piece: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32LE(piece, 0);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

function sealPiece(key: Uint8Array, piece: number, last: boolean, text: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonceOf(piece, last));
  const body = cipher.update(text);
  cipher.final();
  return Buffer.concat([body, cipher.getAuthTag()]);
}

function openPiece(key: Uint8Array, piece: number, last: boolean, stored: Uint8Array): Uint8Array | undefined {
  if (stored.length < tagBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(piece, last), { authTagLength: tagBytes });
  decipher.setAuthTag(stored.subarray(stored.length - tagBytes));
  const text = decipher.update(stored.subarray(0, stored.length - tagBytes));
  try {
    decipher.final();
    return text;
  } catch {
    return undefined;
  }
}
