/**
 * Sine, cosine and tangent within one unit in the last place, for every finite argument. Arguments above 2^20 * pi/2 are
 * reduced exactly with whole numbers (Payne and Hanek, "Radian reduction for trigonometric functions", 1983).
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
import { highWord, lowWord, scaleByPowerOfTwo, truncated } from "./math-bits.js";

const S1 = -0.16666666666666632;
const S2 = 0.00833333333332249;
const S3 = -0.0001984126982985795;
const S4 = 0.0000027557313707070068;
const S5 = -2.5050760253406863e-8;
const S6 = 1.58969099521155e-10;

/** sin(x + y) for |x| <= pi/4 and a tail y. */
export function sinKernel(x: number, y: number): number {
  const z = x * x;
  const v = z * x;
  const r = S2 + z * (S3 + z * S4) + z * z * z * (S5 + z * S6);
  return y === 0 ? x + v * (S1 + z * r) : x - (z * (0.5 * y - v * r) - y - v * S1);
}

const C1 = 0.0416666666666666;
const C2 = -0.001388888888887411;
const C3 = 0.00002480158728947673;
const C4 = -2.7557314351390663e-7;
const C5 = 2.087572321298175e-9;
const C6 = -1.1359647557788195e-11;

/** cos(x + y) for |x| <= pi/4 and a tail y. */
export function cosKernel(x: number, y: number): number {
  const z = x * x;
  const w = z * z;
  const r = z * (C1 + z * (C2 + z * C3)) + w * w * (C4 + z * (C5 + z * C6));
  const half = 0.5 * z;
  const rest = 1 - half;
  return rest + (1 - rest - half + (z * r - x * y));
}

const T = [
  0.3333333333333341, 0.13333333333320124, 0.05396825397622605, 0.021869488294859542, 0.0088632398235993, 0.0035920791075913124,
  0.0014562094543252903, 0.0005880412408202641, 0.0002464631348184699, 0.00007817944429395571, 0.00007140724913826082,
  -0.000018558637485527546, 0.00002590730518636337,
] as const;
const quarterPi = 0.7853981633974483;
const quarterPiTail = 3.061616997868383e-17;

/** tan(x + y), or -1/tan(x + y) with `inverse`, for |x| <= pi/4 and a tail y. */
function tanKernel(x0: number, y0: number, inverse: boolean): number {
  let x = x0;
  let y = y0;
  const big = Math.abs(x0) >= 0.6744;
  if (big) {
    if (x0 < 0) {
      x = -x;
      y = -y;
    }
    x = quarterPi - x + (quarterPiTail - y);
    y = 0;
  }
  const z = x * x;
  const w = z * z;
  const odd = T[1] + w * (T[3] + w * (T[5] + w * (T[7] + w * (T[9] + w * T[11]))));
  const even = z * (T[2] + w * (T[4] + w * (T[6] + w * (T[8] + w * (T[10] + w * T[12])))));
  const s = z * x;
  const r = y + z * (s * (odd + even) + y) + T[0] * s;
  const sum = x + r;
  if (big) {
    const v = inverse ? -1 : 1;
    return (x0 < 0 ? -1 : 1) * (v - 2 * (x - ((sum * sum) / (sum + v) - r)));
  }
  if (!inverse) return sum;
  const high = truncated(sum);
  const low = r - (high - x);
  const a = -1 / sum;
  const t = truncated(a);
  return t + a * (1 + t * high + t * low);
}

const twoOverPi = 0.6366197723675814;
// pi/2 in three pieces of 33 bits, each with what is left after it.
const pio2a = 1.5707963267341256;
const pio2aTail = 6.077100506506192e-11;
const pio2b = 6.077100506303966e-11;
const pio2bTail = 2.0222662487959506e-21;
const pio2c = 2.0222662487111665e-21;
const pio2cTail = 8.4784276603689e-32;

// x - n pi/2 = head + tail, and n modulo 4.
let head = 0;
let tail = 0;

function reduce(x: number): number {
  const size = Math.abs(x);
  if (size <= quarterPi) {
    head = x;
    tail = 0;
    return 0;
  }
  if (size >= 1647099) {
    const n = reduceLarge(size);
    if (x > 0) return n;
    head = -head;
    tail = -tail;
    return -n & 3;
  }
  const product = x * twoOverPi;
  const n = product < 0 ? -Math.floor(0.5 - product) : Math.floor(product + 0.5);
  const exponent = (highWord(x) >> 20) & 0x7ff;
  let r = x - n * pio2a;
  let w = n * pio2aTail;
  head = r - w;
  // Where many bits cancelled, use more of pi/2.
  if (exponent - ((highWord(head) >> 20) & 0x7ff) > 16) {
    let t = r;
    w = n * pio2b;
    r = t - w;
    w = n * pio2bTail - (t - r - w);
    head = r - w;
    if (exponent - ((highWord(head) >> 20) & 0x7ff) > 49) {
      t = r;
      w = n * pio2c;
      r = t - w;
      w = n * pio2cTail - (t - r - w);
      head = r - w;
    }
  }
  tail = r - head - w;
  return n & 3;
}

/** The first 1280 binary places of 2/pi, and pi/2 with 190. */
const twoOverPiBits = BigInt(
  "0xa2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f5" +
    "2ebb4484e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d" +
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
);
const halfPiBits = 0x6487ed5110b4611a62633145c06e0e68948127044533e63an;

/** For whole-number arithmetic x = m 2^e; only the places of 2/pi that matter modulo 4 are multiplied. */
function reduceLarge(x: number): number {
  const high = highWord(x);
  const e = (high >> 20) - 1075;
  const m = (BigInt((high & 0xfffff) | 0x100000) << 32n) | BigInt(lowWord(x));
  // x * 2/pi = m * twoOverPiBits * 2^(e - 1280); keep two whole bits and 1280 - e places.
  const places = BigInt(1280 - e);
  const turns = (m * twoOverPiBits) & ((1n << (places + 2n)) - 1n);
  let n = Number(turns >> places);
  let fraction = turns & ((1n << places) - 1n);
  const half = 1n << (places - 1n);
  const negative = fraction >= half;
  if (negative) {
    fraction = (1n << places) - fraction;
    n += 1;
  }
  // 190 places of the fraction, times pi/2, as two doubles: no double lies closer than 2^-62 to a multiple of pi/2.
  const kept = places > 190n ? fraction >> (places - 190n) : fraction << (190n - places);
  const angle = kept * halfPiBits;
  const length = BigInt(angle.toString(2).length);
  const drop = length > 53n ? length - 53n : 0n;
  const first = angle >> drop;
  const second = (angle - (first << drop)) >> (drop > 53n ? drop - 53n : 0n);
  head = scaleByPowerOfTwo(Number(first), Number(drop) - 380);
  tail = scaleByPowerOfTwo(Number(second), Number(drop > 53n ? drop - 53n : 0n) - 380);
  if (negative) {
    head = -head;
    tail = -tail;
  }
  return n & 3;
}

/** Sine of an angle in radians. */
export function sin(x: number): number {
  if (x - x !== 0) return NaN;
  if (Math.abs(x) < 1.4901161193847656e-8) return x;
  const n = reduce(x);
  const value = n & 1 ? cosKernel(head, tail) : sinKernel(head, tail);
  return n & 2 ? -value : value;
}

/** Cosine of an angle in radians. */
export function cos(x: number): number {
  if (x - x !== 0) return NaN;
  const n = reduce(x);
  const value = n & 1 ? sinKernel(head, tail) : cosKernel(head, tail);
  return n === 1 || n === 2 ? -value : value;
}

/** Tangent of an angle in radians. */
export function tan(x: number): number {
  if (x - x !== 0) return NaN;
  if (Math.abs(x) < 3.725290298461914e-9) return x;
  const n = reduce(x);
  return tanKernel(head, tail, (n & 1) === 1);
}
