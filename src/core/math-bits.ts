/** The bits of a double: reading and writing its two 32-bit words, and exact scaling by powers of two. */

const buffer = new DataView(new ArrayBuffer(8));

/** The high word: sign, exponent and the first 20 bits of the mantissa, as a signed integer. */
export function highWord(x: number): number {
  buffer.setFloat64(0, x);
  return buffer.getInt32(0);
}

/** The low word: the last 32 bits of the mantissa, unsigned. */
export function lowWord(x: number): number {
  buffer.setFloat64(0, x);
  return buffer.getUint32(4);
}

export function fromWords(high: number, low: number): number {
  buffer.setInt32(0, high);
  buffer.setUint32(4, low);
  return buffer.getFloat64(0);
}

/** x with another high word. */
export function withHighWord(x: number, high: number): number {
  buffer.setFloat64(0, x);
  buffer.setInt32(0, high);
  return buffer.getFloat64(0);
}

/** x with its last 32 bits cleared: 21 significant bits remain, so that products of two such numbers are exact. */
export function truncated(x: number): number {
  buffer.setFloat64(0, x);
  buffer.setUint32(4, 0);
  return buffer.getFloat64(0);
}

/** 2^k for k in -1022..1023. */
export function powerOfTwo(k: number): number {
  return fromWords((1023 + k) << 20, 0);
}

/** x * 2^k, rounded once at most (where the result is subnormal); beyond 2^-2200 and 2^2200 every double is 0 or Infinity anyway. */
export function scaleByPowerOfTwo(x: number, k: number): number {
  let scaled = x;
  let left = Math.max(-2200, Math.min(2200, k));
  while (left > 1023) {
    scaled *= powerOfTwo(1023);
    left -= 1023;
  }
  // Steps of -969 leave 53 bits above the subnormal range until the last step, which alone may round.
  while (left < -1022) {
    scaled *= powerOfTwo(-969);
    left += 969;
  }
  return scaled * powerOfTwo(left);
}
