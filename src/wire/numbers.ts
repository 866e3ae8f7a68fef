/** Arrays of numbers as little-endian bytes, whatever the processor. */
import { fail } from "../core/errors.js";

/** Little-endian bytes of 32-bit integers. */
export function int32Bytes(values: Int32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setInt32(i * 4, values[i], true);
  return bytes;
}

/** Little-endian bytes of float32 values. */
export function float32Bytes(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i], true);
  return bytes;
}

/** The inverse of int32Bytes. Errors: MESSAGE_INVALID where the length is no multiple of 4 or not the expected count. */
export function int32From(bytes: Uint8Array, count: number): Int32Array {
  const view = checked(bytes, count);
  return Int32Array.from({ length: count }, (_, i) => view.getInt32(i * 4, true));
}

/** The inverse of float32Bytes; every value must be finite. Errors: MESSAGE_INVALID, NOT_FINITE. */
export function float32From(bytes: Uint8Array, count: number): Float32Array {
  const view = checked(bytes, count);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = view.getFloat32(i * 4, true);
    if (!Number.isFinite(values[i]))
      fail("NOT_FINITE", { where: `value ${i} of the payload`, expected: "a finite number", got: String(values[i]) });
  }
  return values;
}

function checked(bytes: Uint8Array, count: number): DataView {
  if (bytes.length !== count * 4) {
    fail("MESSAGE_INVALID", { where: "payload", expected: `${count * 4} bytes`, got: String(bytes.length) });
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
