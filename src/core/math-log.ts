/** Logarithms: natural, of 1+x, of base 2 and 10, within one unit in the last place. */
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
import { highWord, truncated, withHighWord } from "./math-bits.js";

const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const two54 = 18014398509481984;

const L1 = 0.6666666666666735;
const L2 = 0.3999999999940942;
const L3 = 0.2857142874366239;
const L4 = 0.22222198432149784;
const L5 = 0.1818357216161805;
const L6 = 0.15313837699209373;
const L7 = 0.14798198605116586;

/** x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)], for positive finite x; [k, f]. */
let splitExponent = 0;
let splitFraction = 0;

function split(x: number): void {
  let k = 0;
  let scaled = x;
  if (x < 2.2250738585072014e-308) {
    scaled = x * two54;
    k = -54;
  }
  const word = highWord(scaled);
  const mantissa = word & 0xfffff;
  const carry = (mantissa + 0x95f64) & 0x100000;
  splitExponent = k + (word >> 20) - 1023 + (carry >> 20);
  splitFraction = withHighWord(scaled, mantissa | (carry ^ 0x3ff00000)) - 1;
}

/** log(1+f) - f + f^2/2 for 1 + f in about [sqrt(1/2), sqrt(2)]. */
function logTail(f: number): number {
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (L2 + w * (L4 + w * L6));
  const odd = z * (L1 + w * (L3 + w * (L5 + w * L7)));
  return s * (0.5 * f * f + (odd + even));
}

/** The value where there is nothing to compute (NaN, negative, zero, infinity), else undefined. */
function special(x: number): number | undefined {
  if (Number.isNaN(x) || x === Infinity) return x;
  if (x === 0) return -Infinity;
  return x < 0 ? NaN : undefined;
}

/** Natural logarithm. */
export function log(x: number): number {
  const known = special(x);
  if (known !== undefined) return known;
  split(x);
  const k = splitExponent;
  const f = splitFraction;
  if (f === 0) return k === 0 ? 0 : k * ln2High + k * ln2Low;
  const halfSquare = 0.5 * f * f;
  const tail = logTail(f);
  return k === 0 ? f - (halfSquare - tail) : k * ln2High - (halfSquare - (tail + k * ln2Low) - f);
}

/** log(1 + x), accurate for small x. */
export function log1p(x: number): number {
  if (Number.isNaN(x) || x === Infinity) return x;
  if (x <= -1) return x === -1 ? -Infinity : NaN;
  const size = Math.abs(x);
  if (size < 5.551115123125783e-17) return x;
  if (size < 1.862645149230957e-9) return x - x * x * 0.5;
  if (x > -0.29289 && x < 0.41421) return x - (0.5 * x * x - logTail(x));
  if (x >= 9007199254740992) return log(x);

  const u = 1 + x;
  split(u);
  const k = splitExponent;
  const f = splitFraction;
  // What rounding 1 + x has lost.
  const c = (k > 0 ? 1 - (u - x) : x - (u - 1)) / u;
  if (f === 0) return k * ln2High + (c + k * ln2Low);
  return k * ln2High - (0.5 * f * f - (logTail(f) + (k * ln2Low + c)) - f);
}

const inverseLn2High = 1.4426950407214463;
const inverseLn2Low = 1.6751713164886512e-10;

/** Logarithm of base 2. */
export function log2(x: number): number {
  const known = special(x);
  if (known !== undefined) return known;
  split(x);
  const k = splitExponent;
  const f = splitFraction;
  const halfSquare = 0.5 * f * f;
  const high = truncated(f - halfSquare);
  const low = f - high - halfSquare + logTail(f);
  const valueHigh = high * inverseLn2High;
  const valueLow = (low + high) * inverseLn2Low + low * inverseLn2High;
  const sum = k + valueHigh;
  return valueLow + (k - sum + valueHigh) + sum;
}

const inverseLn10High = 0.4342944818781689;
const inverseLn10Low = 2.5082946711645275e-11;
const log10Of2High = 0.30102999566361177;
const log10Of2Low = 3.694239077158931e-13;

/** Logarithm of base 10. */
export function log10(x: number): number {
  const known = special(x);
  if (known !== undefined) return known;
  split(x);
  const k = splitExponent;
  const f = splitFraction;
  const halfSquare = 0.5 * f * f;
  const high = truncated(f - halfSquare);
  const low = f - high - halfSquare + logTail(f);
  const valueHigh = high * inverseLn10High;
  const scaled = k * log10Of2High;
  const valueLow = k * log10Of2Low + (low + high) * inverseLn10Low + low * inverseLn10High;
  const sum = scaled + valueHigh;
  return valueLow + (scaled - sum + valueHigh) + sum;
}
