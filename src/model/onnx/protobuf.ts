/**
 * The few lines of protocol buffers that writing ONNX takes: fields of a message as bytes, nested by concatenation.
 * Only what is used: unsigned integers, 32-bit floats, text, bytes and messages; nothing is read.
 */
import { fail } from "../../core/errors.js";

const encoder = new TextEncoder();

/** A message from its fields. */
export function message(...fields: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(fields.reduce((sum, field) => sum + field.length, 0));
  let at = 0;
  for (const field of fields) {
    out.set(field, at);
    at += field.length;
  }
  return out;
}

/** A whole number from 0 as a varint field. */
export function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8), ...varint(value)]);
}

/** A repeated field of whole numbers, one entry each (ONNX's lists are not packed). */
export function integers(field: number, values: readonly number[]): Uint8Array {
  return message(...values.map((value) => integer(field, value)));
}

/** A 32-bit float field. */
export function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(varint(field * 8).length + 4);
  const tag = varint(field * 8 + 5);
  out.set(tag);
  new DataView(out.buffer).setFloat32(tag.length, value, true);
  return out;
}

/** A length-delimited field: bytes or a message. */
export function bytes(field: number, value: Uint8Array): Uint8Array {
  return message(Uint8Array.from([...varint(field * 8 + 2), ...varint(value.length)]), value);
}

/** A field of text in UTF-8. */
export function text(field: number, value: string): Uint8Array {
  return bytes(field, encoder.encode(value));
}

function varint(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) {
    fail("INTERNAL", { where: "protobuf", expected: "a whole number from 0", got: String(value) });
  }
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return out;
}
