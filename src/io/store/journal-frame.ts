/**
 * The bytes of a journal. A file is a chain of frames; one frame is what one sync makes durable (a group of records).
 *
 *     head, 24 bytes: "MWj1", kind, 3 zero bytes, number of the frame (8), length of the body (4), CRC-32C of the 20 bytes before (4)
 *     body:           of an opening frame a salt in clear, of any other AES-256-GCM of the records
 *     tag, 16 bytes:  over head and body and the tag of the frame before
 *
 * The tag before is part of what a tag covers, so frames cannot be left out, swapped or taken from another file. The head has a checksum of
 * its own (CRC-32C, Castagnoli, RFC 3720 appendix B.4), so that "something whole lies further on" can be seen without the key.
 *
 * A nonce is the frame's number, and a key serves one opening of the file: whoever opens it writes an opening frame with a fresh salt first.
 * So a frame that was torn by a crash and one that is written in its place never meet under one key.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { StoreKey } from "./key.js";

export const headBytes = 24;
export const tagBytes = 16;
export const saltBytes = 16;
/** No frame is longer than this, whatever its head says. */
export const frameLimit = 64 << 20;

export const kinds = { opening: 1, records: 2, kept: 3 } as const;
export type FrameKind = keyof typeof kinds;
const kindOf = new Map<number, FrameKind>(Object.entries(kinds).map(([name, value]) => [value, name as FrameKind]));

export interface Head {
  readonly kind: FrameKind;
  readonly number: number;
  readonly length: number;
}

export const magic = Buffer.from("MWj1");

function encodeHead({ kind, number, length }: Head): Buffer {
  const bytes = Buffer.alloc(headBytes);
  bytes.set(magic);
  bytes[4] = kinds[kind];
  bytes.writeBigUInt64LE(BigInt(number), 8);
  bytes.writeUInt32LE(length, 16);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 20)), 20);
  return bytes;
}

/** The head at the start of these bytes, or undefined where none is whole. */
export function parseHead(bytes: Uint8Array): Head | undefined {
  if (bytes.length < headBytes) return undefined;
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, headBytes);
  if (!b.subarray(0, 4).equals(magic) || b.readUInt32LE(20) !== crc32c(b.subarray(0, 20))) return undefined;
  const kind = kindOf.get(b[4]);
  const number = Number(b.readBigUInt64LE(8));
  if (kind === undefined || !Number.isSafeInteger(number)) return undefined;
  return { kind, number, length: b.readUInt32LE(16) };
}

/** Where the chain stands: the key of the newest opening, and what the next frame has to follow. */
export interface Chain {
  readonly key: Uint8Array;
  readonly number: number;
  readonly tag: Uint8Array;
}

/** The link before the first frame of a file. */
const noTag = new Uint8Array(tagBytes);

/** An opening frame after `before` (undefined: the first of a file), and the chain that goes on from it. */
export function sealOpening(
  key: StoreKey,
  salt: Uint8Array,
  before: Chain | undefined,
): { readonly bytes: Uint8Array; readonly chain: Chain } {
  const number = before === undefined ? 0 : before.number + 1;
  const head = encodeHead({ kind: "opening", number, length: salt.length });
  const derived = key.derive("journal", salt);
  const { tag } = gcm(derived, number, [head, salt, before?.tag ?? noTag], new Uint8Array(0));
  return { bytes: Buffer.concat([head, salt, tag]), chain: { key: derived, number, tag } };
}

/** A frame after `before`, and the chain that goes on from it. */
export function sealFrame(before: Chain, kind: FrameKind, text: Uint8Array): { readonly bytes: Uint8Array; readonly chain: Chain } {
  const number = before.number + 1;
  const head = encodeHead({ kind, number, length: text.length });
  const { body, tag } = gcm(before.key, number, [head, before.tag], text);
  return { bytes: Buffer.concat([head, body, tag]), chain: { key: before.key, number, tag } };
}

/** Opens a whole frame; undefined where the tag is not the one of this key, this place and these bytes. */
export function openFrame(
  key: StoreKey,
  before: Chain | undefined,
  head: Head,
  frame: Uint8Array,
): { readonly text: Uint8Array; readonly chain: Chain } | undefined {
  const headPart = frame.subarray(0, headBytes);
  const body = frame.subarray(headBytes, headBytes + head.length);
  const tag = frame.slice(headBytes + head.length);
  if (head.kind === "opening") {
    if (body.length !== saltBytes) return undefined;
    const derived = key.derive("journal", body);
    const text = open(derived, head.number, [headPart, body, before?.tag ?? noTag], new Uint8Array(0), tag);
    return text && { text, chain: { key: derived, number: head.number, tag } };
  }
  if (before === undefined) return undefined;
  const text = open(before.key, head.number, [headPart, before.tag], body, tag);
  return text && { text, chain: { key: before.key, number: head.number, tag } };
}

function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(number));
  return nonce;
}

function gcm(key: Uint8Array, number: number, covered: readonly Uint8Array[], text: Uint8Array): { body: Uint8Array; tag: Uint8Array } {
  const cipher = createCipheriv("aes-256-gcm", key, nonceOf(number));
  cipher.setAAD(Buffer.concat(covered));
  const body = cipher.update(text);
  cipher.final();
  return { body, tag: cipher.getAuthTag() };
}

function open(key: Uint8Array, number: number, covered: readonly Uint8Array[], body: Uint8Array, tag: Uint8Array): Uint8Array | undefined {
  if (tag.length !== tagBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(number), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.concat(covered));
  decipher.setAuthTag(tag);
  const text = decipher.update(body);
  try {
    decipher.final();
    return text;
  } catch {
    return undefined;
  }
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c >>> 0;
});

/** CRC-32C of bytes. */
export function crc32c(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = table[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
