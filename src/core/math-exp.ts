/**
 * Exponentials: exp, expm1 and what follows from them (tanh, sigmoid), within one unit in the last place (sigmoid: two).
 * Only + - * / and operations on bits, so that every machine gives the same bits.
 */
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
import { highWord, powerOfTwo, scaleByPowerOfTwo } from "./math-bits.js";

const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const inverseLn2 = Math.LOG2E;

/** Above this exp overflows. */
const overflow = 709.782712893384;
/** Below this exp rounds to zero. */
const underflow = -745.1332191019411;

// r - r*(exp(r)+1)/(exp(r)-1) + 2 as a polynomial in r^2.
const P1 = 0.16666666666666602;
const P2 = -0.0027777777777015593;
const P3 = 0.00006613756321437934;
const P4 = -0.0000016533902205465252;
const P5 = 4.1381367970572385e-8;

/** e to the x. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > overflow) return Infinity;
  if (x < underflow) return 0;
  // The general path gives the neighbour of e here.
  if (x === 1) return Math.E;
  const size = Math.abs(x);
  if (size < 3.725290298461914e-9) return 1 + x;

  // x = k ln 2 + r with r = high - low, |r| <= ln(2)/2.
  let k = 0;
  let high = x;
  let low = 0;
  if (highWord(size) > 0x3fd62e42) {
    k = highWord(size) < 0x3ff0a2b2 ? (x < 0 ? -1 : 1) : Math.trunc(inverseLn2 * x + (x < 0 ? -0.5 : 0.5));
    high = x - k * ln2High;
    low = k * ln2Low;
  }
  const r = high - low;
  const t = r * r;
  const c = r - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))));
  if (k === 0) return 1 - ((r * c) / (c - 2) - r);
  return scaleByPowerOfTwo(1 - (low - (r * c) / (2 - c) - high), k);
}

const Q1 = -0.03333333333333313;
const Q2 = 0.0015873015872548146;
const Q3 = -0.0000793650757867488;
const Q4 = 0.000004008217827329362;
const Q5 = -2.0109921818362437e-7;

/** exp(x) - 1 without the cancellation near zero. */
export function expm1(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > overflow) return Infinity;
  if (x < -38.81624211356937) return -1;
  const sizeWord = highWord(x) & 0x7fffffff;
  if (sizeWord < 0x3c900000) return x;

  let k = 0;
  let r = x;
  let c = 0;
  if (sizeWord > 0x3fd62e42) {
    k = sizeWord < 0x3ff0a2b2 ? (x < 0 ? -1 : 1) : Math.trunc(inverseLn2 * x + (x < 0 ? -0.5 : 0.5));
    const high = x - k * ln2High;
    const low = k * ln2Low;
    r = high - low;
    c = high - r - low;
  }
  const half = 0.5 * r;
  const halfSquare = r * half;
  const r1 = 1 + halfSquare * (Q1 + halfSquare * (Q2 + halfSquare * (Q3 + halfSquare * (Q4 + halfSquare * Q5))));
  const t = 3 - r1 * half;
  let e = halfSquare * ((r1 - t) / (6 - r * t));
  if (k === 0) return r - (r * e - halfSquare);

  e = r * (e - c) - c;
  e -= halfSquare;
  if (k === -1) return 0.5 * (r - e) - 0.5;
  if (k === 1) return r < -0.25 ? -2 * (e - (r + 0.5)) : 1 + 2 * (r - e);
  if (k <= -2 || k > 56) return scaleByPowerOfTwo(1 - (e - r), k) - 1;
  if (k < 20) return (1 - powerOfTwo(-k) - (e - r)) * powerOfTwo(k);
  return (r - (e + powerOfTwo(-k)) + 1) * powerOfTwo(k);
}

/** Hyperbolic tangent. */
export function tanh(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x) || size < 3.725290298461914e-9) return x;
  let z = 1;
  if (size < 1) {
    const t = expm1(-2 * size);
    z = -t / (t + 2);
  } else if (size < 22) {
    z = 1 - 2 / (expm1(2 * size) + 2);
  }
  return x < 0 ? -z : z;
}

/** 1 / (1 + exp(-x)), without overflow on either side. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}
