/** The error function and its complement, within one unit in the last place (erfc far out: two). */
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
import { truncated } from "./math-bits.js";
import { exp } from "./math-exp.js";

/** c0 + c1 z + c2 z^2 + ... */
function polynomial(z: number, c: readonly number[]): number {
  let sum = c[c.length - 1];
  for (let i = c.length - 2; i >= 0; i--) sum = c[i] + z * sum;
  return sum;
}

/** (erf(x) - x) / x on [0, 0.84375], in z = x^2. */
const nearTop = [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -0.000023763016656650163];
const nearBottom = [1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -0.000003960228278775368];

/** erf(1 + s) - erfOne on [0.84375, 1.25], in s = |x| - 1. */
const erfOne = 0.8450629115104675;
const middleTop = [
  -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668, 0.035478304325618236,
  -0.002166375594868791,
];
const middleBottom = [
  1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905, 0.011984499846799107,
];

/** log(x erfc(x)) + x^2 + 0.5625 in z = 1/x^2, on [1.25, 1/0.35] and on [1/0.35, 28]. */
const farTop = [
  -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347, -184.60509290671104,
  -81.2874355063066, -9.814329344169145,
];
const farBottom = [
  1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783, 108.63500554177944,
  6.570249770319282, -0.0604244152148581,
];
const farthestTop = [
  -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896, -1025.0951316110772,
  -483.5191916086514,
];
const farthestBottom = [
  1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644, 474.52854120695537,
  -22.44095244658582,
];

/** x * R(x^2) with erf(x) = x + x R. */
function near(x: number): number {
  const z = x * x;
  return x * (polynomial(z, nearTop) / polynomial(z, nearBottom));
}

function middle(size: number): number {
  const s = size - 1;
  return polynomial(s, middleTop) / polynomial(s, middleBottom);
}

/** erfc(x) for x in [1.25, 28). */
function far(x: number): number {
  const z = 1 / (x * x);
  const small = x < 2.857142857142857;
  const ratio = polynomial(z, small ? farTop : farthestTop) / polynomial(z, small ? farBottom : farthestBottom);
  // exp(-x^2) in two factors, so that squaring x loses nothing.
  const high = truncated(x);
  return (exp(-high * high - 0.5625) * exp((high - x) * (high + x) + ratio)) / x;
}

/** 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const size = Math.abs(x);
  // Scaled by 16, so that subnormal arguments lose nothing on the way.
  if (size < 3.725290298461914e-9) return 0.0625 * (16 * x + 16 * 0.1283791670955126 * x);
  if (size < 0.84375) return x + near(x);
  const value = size < 1.25 ? erfOne + middle(size) : size < 6 ? 1 - far(size) : 1;
  return x < 0 ? -value : value;
}

/** 1 - erf(x), accurate where that is tiny. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  const size = Math.abs(x);
  if (size < 0.84375) {
    if (x < 0.25) return 1 - (x + near(x));
    return 0.5 - (near(x) + (x - 0.5));
  }
  if (size < 1.25) return x > 0 ? 1 - erfOne - middle(size) : 1 + (erfOne + middle(size));
  if (x > 0) return x < 28 ? far(x) : 0;
  return x > -6 ? 2 - far(size) : 2;
}
