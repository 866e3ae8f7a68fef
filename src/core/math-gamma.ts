/** The logarithm of the absolute value of the gamma function. */
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
import { log } from "./math-log.js";
import { cosKernel, sinKernel } from "./math-trig.js";

const a = [
  0.07721566490153287, 0.3224670334241136, 0.06735230105312927, 0.020580808432516733, 0.007385550860814029, 0.0028905138367341563,
  0.0011927076318336207, 0.0005100697921535113, 0.00022086279071390839, 0.00010801156724758394, 0.000025214456545125733,
  0.000044864094961891516,
] as const;
/** Place and value of the minimum, the value in two pieces. */
const minimumAt = 1.4616321449683622;
const minimum = -0.12148629053584961;
const minimumTail = -3.638676997039505e-18;
const t = [
  0.48383612272381005, -0.1475877229945939, 0.06462494023913339, -0.032788541075985965, 0.01797067508118204, -0.010314224129834144,
  0.006100538702462913, -0.0036845201678113826, 0.0022596478090061247, -0.0014034646998923284, 0.000881081882437654, -0.0005385953053567405,
  0.00031563207090362595, -0.00031275416837512086, 0.0003355291926355191,
] as const;
const u = [
  -0.07721566490153287, 0.6328270640250934, 1.4549225013723477, 0.9777175279633727, 0.22896372806469245, 0.013381091853678766,
] as const;
const v = [1, 2.4559779371304113, 2.128489763798934, 0.7692851504566728, 0.10422264559336913, 0.003217092422824239] as const;
const s = [
  -0.07721566490153287, 0.21498241596060885, 0.325778796408931, 0.14635047265246445, 0.02664227030336386, 0.0018402845140733772,
  0.00003194753265841009,
] as const;
const r = [
  1, 1.3920053346762105, 0.7219355475671381, 0.17193386563280308, 0.01864591917156529, 0.0007779424963818936, 0.000007326684307446256,
] as const;
const w = [
  0.4189385332046727, 0.08333333333333297, -0.0027777777772877554, 0.0007936505586430196, -0.00059518755745034, 0.0008363399189962821,
  -0.0016309293409657527,
] as const;

function polynomial(z: number, c: readonly number[]): number {
  let sum = c[c.length - 1];
  for (let i = c.length - 2; i >= 0; i--) sum = c[i] + z * sum;
  return sum;
}

/** y = 2 - x for x in [1.7316, 2], and 1 - x below 1. */
function belowTwo(y: number): number {
  const z = y * y;
  const odd = a[0] + z * (a[2] + z * (a[4] + z * (a[6] + z * (a[8] + z * a[10]))));
  const even = z * (a[1] + z * (a[3] + z * (a[5] + z * (a[7] + z * (a[9] + z * a[11])))));
  return y * odd + even - 0.5 * y;
}

/** y = x - minimumAt: a series around the minimum keeps the function monotonic there. */
function aroundMinimum(y: number): number {
  const z = y * y;
  const cube = z * y;
  const p1 = t[0] + cube * (t[3] + cube * (t[6] + cube * (t[9] + cube * t[12])));
  const p2 = t[1] + cube * (t[4] + cube * (t[7] + cube * (t[10] + cube * t[13])));
  const p3 = t[2] + cube * (t[5] + cube * (t[8] + cube * (t[11] + cube * t[14])));
  return minimum + (z * p1 - (minimumTail - cube * (p2 + y * p3)));
}

/** y = x - 1 for x in [1, 1.23], and x below 0.23. */
function aboveOne(y: number): number {
  return -0.5 * y + (y * polynomial(y, u)) / polynomial(y, v);
}

function positive(x: number): number {
  if (x === 1 || x === 2) return 0;
  if (x < 2) {
    if (x <= 0.9) {
      // lgamma(x) = lgamma(x + 1) - log(x)
      const base = -log(x);
      if (x >= 0.7316) return base + belowTwo(1 - x);
      return base + (x >= 0.23164 ? aroundMinimum(x - (minimumAt - 1)) : aboveOne(x));
    }
    if (x >= 1.7316) return belowTwo(2 - x);
    return x >= 1.23163 ? aroundMinimum(x - minimumAt) : aboveOne(x - 1);
  }
  if (x < 8) {
    const whole = Math.floor(x);
    const y = x - whole;
    const value = 0.5 * y + (y * polynomial(y, s)) / polynomial(y, r);
    let product = 1;
    for (let i = whole - 1; i >= 2; i--) product *= y + i;
    return whole === 2 ? value : value + log(product);
  }
  if (x < 288230376151711744) {
    const z = 1 / x;
    const y = z * z;
    const rest = w[0] + z * (w[1] + y * (w[2] + y * (w[3] + y * (w[4] + y * (w[5] + y * w[6])))));
    return (x - 0.5) * (log(x) - 1) + rest;
  }
  return x * (log(x) - 1);
}

/** |sin(pi x)| for x > 0, exact zero at whole numbers. */
function sinPi(x: number): number {
  const folded = x - 2 * Math.floor(x / 2);
  const y = folded > 1 ? folded - 1 : folded;
  const z = y > 0.5 ? 1 - y : y;
  return z < 0.25 ? sinKernel(Math.PI * z, 0) : cosKernel(Math.PI * (0.5 - z), 0);
}

/**
 * log |Gamma(x)|. Relative error of a few units in the last place for positive x away from the zeros at 1 and 2 (there the
 * error is relative to the argument's distance from them); near the zeros on the negative axis only the absolute error is small.
 * Infinity at zero and at negative whole numbers.
 */
export function lgamma(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x === Infinity || x === -Infinity || x === 0) return Infinity;
  if (Math.abs(x) < 8.470329472543003e-22) return -log(Math.abs(x));
  if (x > 0) return positive(x);
  const sine = sinPi(-x);
  if (sine === 0) return Infinity;
  return log(Math.PI / (sine * -x)) - positive(-x);
}
