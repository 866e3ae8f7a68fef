/**
 * DER (X.690): tag, length, content. What certificates and requests for them are written in, as far as this federation writes them:
 * the encoder makes only definite, minimal lengths, the decoder accepts nothing else, and every length, depth and count is bounded
 * before anything is kept. Multi-byte tags and indefinite lengths are refused. It knows no X.509; that is io/crypto.
 */
import { fail } from "../core/errors.js";

export const derLimits = { bytes: 1 << 16, depth: 16, nodes: 1024 } as const;

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: `raw` is all of it, `content` what follows the length; constructed ones have children. */
export interface DerNode {
  readonly tag: number;
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
  readonly children: readonly DerNode[];
}

/** Tag, length and content. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat(parts);
  return concat([Uint8Array.of(tag, ...lengthBytes(content.length)), content]);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => tlv(tags.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Uint8Array => tlv(tags.set, ...parts);
export const octetString = (bytes: Uint8Array): Uint8Array => tlv(tags.octetString, bytes);
export const utf8 = (text: string): Uint8Array => tlv(tags.utf8, new TextEncoder().encode(text));
export const boolean = (value: boolean): Uint8Array => tlv(tags.boolean, Uint8Array.of(value ? 0xff : 0));
/** [n] around other values. */
export const explicit = (n: number, ...parts: readonly Uint8Array[]): Uint8Array => tlv(0xa0 | n, ...parts);
/** [n] IMPLICIT of a primitive value. */
export const implicit = (n: number, content: Uint8Array): Uint8Array => tlv(0x80 | n, content);

/** Unused bits are those that the last byte does not need. */
export const bitString = (bytes: Uint8Array, unused = 0): Uint8Array => tlv(tags.bitString, Uint8Array.of(unused), bytes);

/** A whole number of at least 0 from its big-endian bytes. */
export function integer(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const digits = bytes.subarray(from);
  return tlv(tags.integer, ...(digits.length === 0 || digits[0] >= 0x80 ? [Uint8Array.of(0)] : []), digits);
}

/** An object identifier such as "2.5.4.3". */
export function oid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tlv(tags.oid, Uint8Array.from(bytes));
}

/** A moment to the second: UTCTime until 2049, GeneralizedTime after (RFC 5280, 4.1.2.5). */
export function time(moment: number): Uint8Array {
  const text = new Date(moment).toISOString().replace(/[-:T]|\.\d+/g, "");
  return text < "2050" ? tlv(tags.utcTime, ascii(text.slice(2))) : tlv(tags.generalizedTime, ascii(text));
}

/** One value and nothing after it. Errors: MESSAGE_INVALID, LIMIT_EXCEEDED. */
export function readDer(bytes: Uint8Array): DerNode {
  if (bytes.length > derLimits.bytes) {
    fail("LIMIT_EXCEEDED", { where: "DER", expected: `at most ${derLimits.bytes} bytes`, got: `${bytes.length}` });
  }
  const budget = { nodes: derLimits.nodes };
  const node = readNode(bytes, 0, derLimits.depth, budget);
  if (node.raw.length !== bytes.length) invalid("one value", `${bytes.length - node.raw.length} bytes after it`);
  return node;
}

function readNode(bytes: Uint8Array, at: number, depth: number, budget: { nodes: number }): DerNode {
  if (budget.nodes-- <= 0) fail("LIMIT_EXCEEDED", { where: "DER", expected: `at most ${derLimits.nodes} values`, got: "more" });
  if (depth === 0) fail("LIMIT_EXCEEDED", { where: "DER", expected: `at most ${derLimits.depth} levels`, got: "more" });
  if (at + 2 > bytes.length) invalid("a tag and a length", "the end");
  const tag = bytes[at];
  if ((tag & 0x1f) === 0x1f) invalid("a tag of one byte", "a longer one");
  const { length, size } = readLength(bytes, at + 1);
  const start = at + 1 + size;
  if (length > bytes.length - start) invalid(`${length} bytes of content`, `${bytes.length - start}`);
  const content = bytes.subarray(start, start + length);
  const children: DerNode[] = [];
  if ((tag & 0x20) !== 0) {
    for (let next = 0; next < content.length; ) {
      const child = readNode(content, next, depth - 1, budget);
      children.push(child);
      next += child.raw.length;
    }
  }
  return { tag, raw: bytes.subarray(at, start + length), content, children };
}

function readLength(bytes: Uint8Array, at: number): { length: number; size: number } {
  const first = bytes[at];
  if (first < 0x80) return { length: first, size: 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 3 || at + 1 + count > bytes.length) invalid("a definite length of at most 3 bytes", "another");
  let length = 0;
  for (let i = 1; i <= count; i++) length = length * 256 + bytes[at + i];
  if (lengthBytes(length).length !== 1 + count) invalid("the shortest form of a length", "a longer one");
  return { length, size: 1 + count };
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function invalid(expected: string, got: string): never {
  fail("MESSAGE_INVALID", { where: "DER", expected, got });
}
