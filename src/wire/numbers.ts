/**
 * Arrays of numbers as little-endian bytes, whatever the processor. Where the processor is little-endian too, which nearly all are, the
 * bytes are copied as they lie; elsewhere, one number at a time.
 */
import { fail } from "../core/errors.js";

const sameOrder = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Little-endian bytes of 32-bit integers. */
export function int32Bytes(values: Int32Array): Uint8Array {
  if (sameOrder) return copied(values);
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setInt32(i * 4, values[i], true);
  return bytes;
}

/** Little-endian bytes of float32 values. */
export function float32Bytes(values: Float32Array): Uint8Array {
  if (sameOrder) return copied(values);
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i], true);
  return bytes;
}

/** Exact whole numbers below 2^53 as little-endian 64-bit integers (two's complement). Errors: SUM_OVERFLOW. */
export function int64Bytes(values: Float64Array): Uint8Array {
  const words = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isSafeInteger(value))
      fail("SUM_OVERFLOW", { where: `sum ${i}`, expected: "an exact whole number below 2^53", got: String(value) });
    const high = Math.floor(value / 4294967296);
    words[2 * i] = value - high * 4294967296;
    words[2 * i + 1] = high;
  }
  return int32Bytes(words);
}

/** The inverse of int32Bytes. Errors: MESSAGE_INVALID where the length is not that of the expected count. */
export function int32From(bytes: Uint8Array, count: number): Int32Array {
  const view = checked(bytes, count, 4);
  if (sameOrder) return new Int32Array(aligned(bytes));
  return Int32Array.from({ length: count }, (_, i) => view.getInt32(i * 4, true));
}

/** The inverse of float32Bytes; every value must be finite. Errors: MESSAGE_INVALID, NOT_FINITE. */
export function float32From(bytes: Uint8Array, count: number): Float32Array {
  const view = checked(bytes, count, 4);
  let values: Float32Array;
  if (sameOrder) values = new Float32Array(aligned(bytes));
  else values = Float32Array.from({ length: count }, (_, i) => view.getFloat32(i * 4, true));
  for (let i = 0; i < count; i++) {
    // A number minus itself is zero unless it is NaN or infinite; the comparison is all that the loop costs.
    if (values[i] - values[i] !== 0)
      fail("NOT_FINITE", { where: `value ${i} of the payload`, expected: "a finite number", got: String(values[i]) });
  }
  return values;
}

/** The inverse of int64Bytes. Errors: MESSAGE_INVALID where the length is wrong or a number is not below 2^53 in size. */
export function int64From(bytes: Uint8Array, count: number): Float64Array {
  checked(bytes, count, 8);
  const words = int32From(bytes, count * 2);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const high = words[2 * i + 1];
    // -2^53 itself would pass the bound of the high word; nothing that writes these numbers makes it.
    if (high >= 2097152 || high < -2097152 || (high === -2097152 && words[2 * i] === 0))
      fail("MESSAGE_INVALID", { where: `sum ${i} of the payload`, expected: "a whole number below 2^53", got: "a larger one" });
    values[i] = high * 4294967296 + (words[2 * i] >>> 0);
  }
  return values;
}

function copied(values: Int32Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}

/** The bytes in memory of their own, which starts where a number may start. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  const memory = new ArrayBuffer(bytes.length);
  new Uint8Array(memory).set(bytes);
  return memory;
}

function checked(bytes: Uint8Array, count: number, size: number): DataView {
  if (bytes.length !== count * size) {
    fail("MESSAGE_INVALID", { where: "payload", expected: `${count * size} bytes`, got: String(bytes.length) });
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
