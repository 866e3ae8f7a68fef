/**
 * Sums of many numbers without rounding error in the adding: each value is rounded once to a multiple of 2^-64 and
 * added as an integer, so that sums are associative and any order or tree of sites gives the same bytes. A value too
 * large for the fast limbs takes a slower exact path; one above 2^200 is refused.
 */
import { fail } from "../core/errors.js";

/** Fractional bits of a sum. */
export const fractionBits = 64n;
const two64 = 18_446_744_073_709_551_616;
const two32 = 4_294_967_296;
const largest = 1.6069380442589903e60;
/** Limbs stay below 2^53 for this many values of the fast path. */
const flushEvery = 1_048_576;

export class ExactSum {
  #total = 0n;
  #high = 0;
  #middle = 0;
  #low = 0;
  #pending = 0;

  /** Adds one finite number. Errors: NOT_FINITE, LIMIT_EXCEEDED. */
  add(value: number): void {
    if (!(Math.abs(value) < two32)) {
      if (!Number.isFinite(value)) fail("NOT_FINITE", { where: "federated statistics", expected: "finite values", got: String(value) });
      if (Math.abs(value) > largest)
        fail("LIMIT_EXCEEDED", { where: "federated statistics", expected: "values below 2^200", got: String(value) });
      this.#total += BigInt(Math.round(value * two64));
      return;
    }
    // value * 2^64 = high * 2^64 + middle * 2^32 + low, each limb exact.
    const high = Math.floor(value);
    const rest = (value - high) * two32;
    const middle = Math.floor(rest);
    this.#high += high;
    this.#middle += middle;
    this.#low += Math.round((rest - middle) * two32);
    this.#pending++;
    if (this.#pending === flushEvery) this.#flush();
  }

  /** The sum so far, as an integer multiple of 2^-64. */
  total(): bigint {
    this.#flush();
    return this.#total;
  }

  #flush(): void {
    this.#total += (BigInt(this.#high) << 64n) + (BigInt(this.#middle) << 32n) + BigInt(this.#low);
    this.#high = 0;
    this.#middle = 0;
    this.#low = 0;
    this.#pending = 0;
  }
}

/** numerator / denominator as the nearest f64 to about 2^-100 of its size. */
export function ratio(numerator: bigint, denominator: bigint): number {
  if (numerator === 0n) return 0;
  const sign = numerator < 0n ? -1 : 1;
  const size = numerator < 0n ? -numerator : numerator;
  // Shift so that the quotient has at least 100 bits.
  const shift = Math.max(0, 100 + bits(denominator) - bits(size));
  let result = Number((size << BigInt(shift)) / denominator);
  for (let left = shift; left > 0; left -= 30) result /= left >= 30 ? 1_073_741_824 : 1 << left;
  return sign * result;
}

function bits(value: bigint): number {
  return value.toString(16).length * 4;
}
