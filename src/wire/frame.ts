/**
 * A message as bytes: the magic "MWF1", the length of a JSON header, the header, and a payload of numbers.
 *
 *   bytes 0-3 magic · 4-7 header length (u32, little endian) · header (UTF-8 JSON) · payload (little endian)
 *
 * Every length is checked before anything is allocated. A header nests within bounds, says no key twice, and has no prototype.
 */
import { fail } from "../core/errors.js";
import { jsonFault } from "./json-scan.js";

export const frameLimits = { header: 1 << 20, payload: 1 << 28, depth: 64 } as const;

const magic = 0x3146574d;

export interface Frame {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Uint8Array;
}

/** Header and payload as one array of bytes. Errors: LIMIT_EXCEEDED. */
export function encodeFrame(header: Readonly<Record<string, unknown>>, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  checkLimit("header", text.length, frameLimits.header);
  checkLimit("payload", payload.length, frameLimits.payload);
  const bytes = new Uint8Array(8 + text.length + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, text.length, true);
  bytes.set(text, 8);
  bytes.set(payload, 8 + text.length);
  return bytes;
}

/** The inverse of encodeFrame. Errors: MESSAGE_INVALID, LIMIT_EXCEEDED. */
export function decodeFrame(bytes: Uint8Array): Frame {
  if (bytes.length < 8) invalid("at least 8 bytes", `${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== magic) invalid('the magic "MWF1"', "other bytes");
  const length = view.getUint32(4, true);
  checkLimit("header", length, frameLimits.header);
  if (8 + length > bytes.length) invalid(`a header of ${length} bytes`, `${bytes.length - 8} bytes`);
  checkLimit("payload", bytes.length - 8 - length, frameLimits.payload);
  return { header: parseHeader(bytes.subarray(8, 8 + length)), payload: bytes.subarray(8 + length) };
}

/** Names of columns may be anything else. */
const forbidden = new Set(["__proto__"]);

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let parsed: unknown;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    parsed = JSON.parse(text);
  } catch (cause) {
    fail("MESSAGE_INVALID", { where: "frame header", expected: "JSON in UTF-8", got: "something else", cause });
  }
  const fault = jsonFault(text, { depth: frameLimits.depth, forbidden });
  if (fault !== undefined) fail("MESSAGE_INVALID", { where: "frame header", expected: "each key once, in bounded depth", got: fault });
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) invalid("an object as header", typeof parsed);
  return Object.assign(Object.create(null), parsed);
}

function checkLimit(what: string, length: number, limit: number): void {
  if (length > limit) fail("LIMIT_EXCEEDED", { where: `frame ${what}`, expected: `at most ${limit} bytes`, got: String(length) });
}

function invalid(expected: string, got: string): never {
  fail("MESSAGE_INVALID", { where: "frame", expected, got });
}
