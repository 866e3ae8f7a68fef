/**
 * Sums of doubles without rounding, so that they are the same in any order and however the numbers are spread over sites
 * (the long accumulator of Kulisch). One accumulator covers every double; it is rounded once, when the sum is read.
 */
import { fail } from "./errors.js";

/** Bit 0 of limb 0 is worth 2^-1074; limbs hold 32 bits and, until they are carried over, up to 2^53. */
const limbs = 68;
const lowestExponent = -1074;
/** Each addition changes a limb by less than 2^32, so 2^20 of them stay exact. */
const carryEvery = 1_000_000;

/** A sum as a whole number times 2^exponent, in hexadecimal: how a site sends it. */
export interface ExactValue {
  readonly digits: string;
  readonly exponent: number;
}

export interface ExactSum {
  /** Errors: NOT_FINITE. */
  add(x: number): void;
  /** Adds x * y without rounding the product; both below 2^500 and above 2^-400 in size, or zero. */
  addProduct(x: number, y: number): void;
  /** The sum times 2^1074. */
  units(): bigint;
}

const view = new DataView(new ArrayBuffer(8));

export function exactSum(): ExactSum {
  const limb = new Float64Array(limbs);
  let pending = 0;

  function carry(): void {
    for (let i = 0; i < limbs - 1; i++) {
      const over = Math.floor(limb[i] / 4294967296);
      limb[i] -= over * 4294967296;
      limb[i + 1] += over;
    }
    pending = 0;
  }

  function add(x: number): void {
    if (!Number.isFinite(x)) fail("NOT_FINITE", { where: "a term of a sum", expected: "a finite number", got: String(x) });
    view.setFloat64(0, x);
    const high = view.getUint32(0);
    const low = view.getUint32(4);
    const field = (high >>> 20) & 0x7ff;
    const top = field === 0 ? high & 0xfffff : (high & 0xfffff) | 0x100000;
    const position = field === 0 ? 0 : field - 1;
    const index = position >>> 5;
    // The 53 bits, shifted within their limb, lie across three limbs; every product below is less than 2^32.
    const left = powers[position & 31];
    const right = powers[32 - (position & 31)];
    const lowOver = Math.floor(low / right);
    const topOver = Math.floor(top / right);
    const sign = x < 0 ? -1 : 1;
    limb[index] += sign * ((low - lowOver * right) * left);
    limb[index + 1] += sign * (lowOver + (top - topOver * right) * left);
    limb[index + 2] += sign * topOver;
    if (++pending >= carryEvery) carry();
  }

  function addProduct(x: number, y: number): void {
    const product = x * y;
    add(product);
    // Dekker's splitting: the part of the product that rounding cut off, exactly.
    const xh = splitHigh(x);
    const yh = splitHigh(y);
    const xl = x - xh;
    const yl = y - yh;
    add(xl * yl - (product - xh * yh - xl * yh - xh * yl));
  }

  function units(): bigint {
    let sum = 0n;
    for (let i = limbs - 1; i >= 0; i--) sum = (sum << 32n) + BigInt(limb[i]);
    return sum;
  }

  return { add, addProduct, units };
}

const powers = Array.from({ length: 33 }, (_, i) => (i < 31 ? 1 << i : i === 31 ? 2147483648 : 4294967296));

function splitHigh(x: number): number {
  const c = 134217729 * x;
  return c - (c - x);
}

/** A whole number times 2^-1074 in the form that travels. */
export function exactValue(units: bigint): ExactValue {
  if (units === 0n) return { digits: "0", exponent: 0 };
  let digits = units;
  let exponent = lowestExponent;
  while ((digits & 0xffffffffn) === 0n) {
    digits >>= 32n;
    exponent += 32;
  }
  return { digits: digits.toString(16), exponent };
}

/** The inverse of exactValue. Errors: MESSAGE_INVALID. */
export function unitsOf(value: ExactValue): bigint {
  const match = /^(-?)([0-9a-f]{1,560})$/.exec(value.digits);
  const shift = value.exponent - lowestExponent;
  if (match === null || !Number.isInteger(shift) || (value.digits !== "0" && (shift < 0 || shift > 2176))) {
    fail("MESSAGE_INVALID", {
      where: "an exact sum",
      expected: "hexadecimal digits and an exponent of at least -1074",
      got: JSON.stringify(value).slice(0, 80),
    });
  }
  if (value.digits === "0") return 0n;
  const size = BigInt(`0x${match[2]}`) << BigInt(shift);
  return match[1] === "-" ? -size : size;
}

/** top / bottom as the nearest double (up to one unit in the last place), both whole numbers; bottom above zero. */
export function ratio(top: bigint, bottom: bigint): number {
  if (top === 0n) return 0;
  const size = top < 0n ? -top : top;
  // At least 100 bits of the quotient, then one rounding.
  const shift = 104 - (bitLength(size) - bitLength(bottom));
  const quotient = shift >= 0 ? (size << BigInt(shift)) / bottom : size / (bottom << BigInt(-shift));
  const value = timesPowerOfTwo(Number(quotient), -shift);
  return top < 0n ? -value : value;
}

function bitLength(n: bigint): number {
  return n.toString(16).length * 4;
}

function timesPowerOfTwo(x: number, k: number): number {
  let value = x;
  let left = k;
  for (; left > 0; left -= Math.min(left, 30)) value *= powers[Math.min(left, 30)];
  for (; left < 0; left += Math.min(-left, 30)) value /= powers[Math.min(-left, 30)];
  return value;
}
