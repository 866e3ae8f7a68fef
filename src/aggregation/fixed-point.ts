/**
 * Fixed-point updates: every coordinate becomes a whole number of 2^-fractionBits. Whole numbers add up to the same sum in any
 * order and over any tree, which floating-point numbers do not; masks and shares later work on the same integers.
 *
 * Sums are held in doubles, in which whole numbers are exact up to 2^53. Whether a round can leave that range is decided before
 * round 1 from the declared range and the largest total weight.
 */
import { fail } from "../core/errors.js";

/** How updates become whole numbers, as `encoding` in a federation file declares it. The same for all sites of a federation. */
export interface FixedPoint {
  /** Resolution: one unit is 2^-fractionBits. */
  readonly fractionBits: number;
  /** Largest absolute value of a coordinate of an update. range * 2^fractionBits must fit a signed 32-bit integer. */
  readonly range: number;
}

/** Resolution 6e-8 (finer than float32 near 1), coordinates up to 32 in absolute value. */
export const defaultFixedPoint: FixedPoint = { fractionBits: 24, range: 32 };

const exactLimit = 9007199254740992;

/**
 * Refuses a declaration whose sums could leave the range of exact integers. `totalWeight` is the largest sum of weights in a round.
 * Errors: PLAN_REFUSED, SUM_OVERFLOW.
 *
 * @example
 * ```ts
 * import { checkCapacity } from "millwright/aggregation";
 *
 * checkCapacity(defaultFixedPoint, 400); // returns: 400 examples at 32 * 2^24 each stay below 2^53
 * ```
 */
export function checkCapacity(format: FixedPoint, totalWeight: number): void {
  const unit = unitsPerOne(format);
  if (format.range * unit > 2147483647) {
    fail("PLAN_REFUSED", {
      where: "encoding",
      expected: "range * 2^fractionBits below 2^31",
      got: `range ${format.range}, ${format.fractionBits} fraction bits`,
      remedy: "lower the range or the number of fraction bits",
    });
  }
  if (!Number.isSafeInteger(totalWeight) || totalWeight < 1) {
    fail("PLAN_REFUSED", { where: "weights", expected: "a whole total weight of at least 1", got: String(totalWeight) });
  }
  if (format.range * unit * totalWeight >= exactLimit) {
    fail("SUM_OVERFLOW", {
      where: "encoding",
      expected: `range * 2^fractionBits * total weight below 2^53`,
      got: `${format.range} * 2^${format.fractionBits} * ${totalWeight}`,
      remedy: "lower fractionBits or range, or weigh sites equally (weighted: false)",
    });
  }
}

/**
 * Rounds a float update to fixed point: whole numbers of 2^-fractionBits, one per coordinate.
 * Errors: NOT_FINITE, UPDATE_OUT_OF_RANGE, each naming the coordinate.
 *
 * @example
 * ```ts
 * Array.from(encodeFixed(Float32Array.of(0.5, -1), { fractionBits: 8, range: 2 })); // => [128, -256]
 * ```
 */
export function encodeFixed(update: Float32Array, format: FixedPoint): Int32Array {
  const unit = unitsPerOne(format);
  const encoded = new Int32Array(update.length);
  for (let i = 0; i < update.length; i++) {
    const value = update[i];
    // The negated comparison also catches NaN.
    if (!(Math.abs(value) <= format.range)) {
      const where = `coordinate ${i} of the update`;
      if (!Number.isFinite(value))
        fail("NOT_FINITE", { where, expected: "a finite number", got: String(value), remedy: "lower the learning rate" });
      fail("UPDATE_OUT_OF_RANGE", {
        where,
        expected: `at most ${format.range} in absolute value`,
        got: String(value),
        remedy: "training diverges: lower the learning rate, clip gradients, or raise encoding.range",
      });
    }
    encoded[i] = Math.round(value * unit);
  }
  return encoded;
}

/**
 * Back to floats; `divisor` is the total weight for a mean, 1 for a sum. A sum that is a double is divided once and rounded to float32 once.
 *
 * @example
 * ```ts
 * import { decodeFixed } from "millwright/aggregation";
 *
 * Array.from(decodeFixed(Int32Array.of(128, -256), { fractionBits: 8, range: 2 })); // => [0.5, -1]
 * ```
 */
export function decodeFixed(sums: Float64Array | Int32Array, format: FixedPoint, divisor = 1): Float32Array {
  const scale = unitsPerOne(format) * divisor;
  const decoded = new Float32Array(sums.length);
  for (let i = 0; i < sums.length; i++) decoded[i] = sums[i] / scale;
  return decoded;
}

function unitsPerOne(format: FixedPoint): number {
  let unit = 1;
  for (let i = 0; i < format.fractionBits; i++) unit *= 2;
  return unit;
}

/** The largest absolute value that an encoded coordinate can have. */
export function largestUnits(format: FixedPoint): number {
  return format.range * unitsPerOne(format);
}
