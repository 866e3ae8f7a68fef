/** Powers, nearly rounded (within 0.7 units in the last place): log2(x) and the product with y are kept in two pieces. */
/*
 * The method and the coefficients are those of fdlibm, whose notice reads:
 *
 * ====================================================
 * Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 *
 * Developed at SunPro, a Sun Microsystems, Inc. business.
 * Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice
 * is preserved.
 * ====================================================
 */
import { fromWords, highWord, scaleByPowerOfTwo, truncated, withHighWord } from "./math-bits.js";

// Polynomial for 3/2 (log(x) - 2s - 2/3 s^3).
const L1 = 0.5999999999999946;
const L2 = 0.4285714285785502;
const L3 = 0.33333332981837743;
const L4 = 0.272728123808534;
const L5 = 0.23066074577556175;
const L6 = 0.20697501780033842;

const P1 = 0.16666666666666602;
const P2 = -0.0027777777777015593;
const P3 = 0.00006613756321437934;
const P4 = -0.0000016533902205465252;
const P5 = 4.1381367970572385e-8;

const ln2 = Math.LN2;
const ln2High = 0.6931471824645996;
const ln2Low = -1.904654299957768e-9;
/** 2 / (3 ln 2), whole and in two pieces. */
const cp = 0.9617966939259756;
const cpHigh = 0.9617967009544373;
const cpLow = -7.028461650952758e-9;
const inverseLn2 = Math.LOG2E;
const inverseLn2High = 1.4426950216293335;
const inverseLn2Low = 1.9259629911266175e-8;
/** log2(1.5) in two pieces. */
const log2Of1p5High = 0.5849624872207642;
const log2Of1p5Low = 1.350039202129749e-8;
/** log2 of half a unit in the last place above the largest number. */
const overflowTail = 8.008566259537294e-17;

const two53 = 9007199254740992;

/** x to the y, with the special values of Math.pow: pow(x, 0) = 1, and pow(+-1, +-Infinity) = NaN as in JavaScript. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  const size = Math.abs(x);
  if (y === Infinity || y === -Infinity) {
    if (size === 1) return NaN;
    return size > 1 === y > 0 ? Infinity : 0;
  }
  if (y === 1) return x;
  if (y === -1) return 1 / x;
  if (y === 2) return x * x;
  const negative = x < 0 || Object.is(x, -0);
  if (y === 0.5 && !negative) return Math.sqrt(x);

  const whole = Math.floor(y) === y;
  const odd = whole && Math.abs(y) < two53 && Math.abs(y) % 2 === 1;
  if (size === 0 || size === Infinity || size === 1) {
    if (size === 1 && negative && !whole) return NaN;
    const z = y < 0 ? 1 / size : size;
    return negative && odd ? -z : z;
  }
  if (negative && !whole) return NaN;
  const sign = negative && odd ? -1 : 1;

  const sizeWord = highWord(size);
  const yWord = highWord(y) & 0x7fffffff;
  if (yWord > 0x41e00000) {
    // |y| > 2^31: overflow or underflow, unless x lies within 2^-20 of 1.
    if (yWord > 0x43f00000 || sizeWord < 0x3fefffff || sizeWord > 0x3ff00000) return size > 1 === y > 0 ? sign * Infinity : sign * 0;
    log2NearOne(size);
  } else {
    log2InTwo(size);
  }
  return sign * exp2Product(y, logHigh, logLow);
}

// log2(x) = logHigh + logLow: numbers kept here, because a pair would be an allocation in every call.
let logHigh = 0;
let logLow = 0;

/** For |1 - x| <= 2^-20 four terms of the series suffice. */
function log2NearOne(x: number): void {
  const t = x - 1;
  const w = t * t * (0.5 - t * (0.3333333333333333 - t * 0.25));
  const u = inverseLn2High * t;
  const v = t * inverseLn2Low - w * inverseLn2;
  logHigh = truncated(u + v);
  logLow = v - (logHigh - u);
}

function log2InTwo(x: number): void {
  let scaled = x;
  let n = 0;
  if (x < 2.2250738585072014e-308) {
    scaled = x * two53;
    n = -53;
  }
  const word = highWord(scaled);
  n += (word >> 20) - 1023;
  const mantissa = word & 0xfffff;
  let normal = mantissa | 0x3ff00000;
  // Intervals around 1, 1.5 and 2: s stays small.
  let near15 = 0;
  if (mantissa > 0x3988e) {
    if (mantissa < 0xbb67a) near15 = 1;
    else {
      n += 1;
      normal -= 0x100000;
    }
  }
  const ax = withHighWord(scaled, normal);
  const center = near15 === 1 ? 1.5 : 1;

  // s = (x - c) / (x + c) in two pieces.
  const difference = ax - center;
  const inverse = 1 / (ax + center);
  const s = difference * inverse;
  const sHigh = truncated(s);
  const sumHigh = fromWords(((normal >> 1) | 0x20000000) + 0x80000 + (near15 << 18), 0);
  const sumLow = ax - (sumHigh - center);
  const sLow = inverse * (difference - sHigh * sumHigh - sHigh * sumLow);

  const square = s * s;
  let r = square * square * (L1 + square * (L2 + square * (L3 + square * (L4 + square * (L5 + square * L6)))));
  r += sLow * (sHigh + s);
  const squareHigh = sHigh * sHigh;
  const tHigh = truncated(3 + squareHigh + r);
  const tLow = r - (tHigh - 3 - squareHigh);
  const u = sHigh * tHigh;
  const v = sLow * tHigh + tLow * s;
  const pHigh = truncated(u + v);
  const pLow = v - (pHigh - u);
  const zHigh = cpHigh * pHigh;
  const zLow = cpLow * pHigh + pLow * cp + (near15 === 1 ? log2Of1p5Low : 0);
  const offset = near15 === 1 ? log2Of1p5High : 0;
  logHigh = truncated(zHigh + zLow + offset + n);
  logLow = zLow - (logHigh - n - offset - zHigh);
}

/** 2^(y (high + low)). */
function exp2Product(y: number, high: number, low: number): number {
  const yHigh = truncated(y);
  const pLow = (y - yHigh) * high + y * low;
  let pHigh = yHigh * high;
  const product = pLow + pHigh;
  if (product >= 1024 && (product > 1024 || pLow + overflowTail > product - pHigh)) return Infinity;
  if (product <= -1075 && (product < -1075 || pLow <= product - pHigh)) return 0;

  let n = 0;
  if (Math.abs(product) > 0.5) {
    // Half away from zero, exact because the product is below 2^11.
    n = product < 0 ? -Math.floor(0.5 - product) : Math.floor(product + 0.5);
    pHigh -= n;
  }
  const t = truncated(pLow + pHigh);
  const u = t * ln2High;
  const v = (pLow - (t - pHigh)) * ln2 + t * ln2Low;
  const z = u + v;
  const w = v - (z - u);
  const square = z * z;
  const t1 = z - square * (P1 + square * (P2 + square * (P3 + square * (P4 + square * P5))));
  const r = (z * t1) / (t1 - 2) - (w + z * w);
  return scaleByPowerOfTwo(1 - (r - z), n);
}
