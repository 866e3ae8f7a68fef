/**
 * Transcendental functions from + - * / and integer operations alone, so that every processor gives the same bits.
 * f32x4: exp after Cephes, tanh and erf as the odd rationals of Eigen. f64: exp and log for the losses.
 */

// @ts-ignore: decorator
@inline
function madd(a: v128, b: v128, c: f32): v128 {
  return f32x4.add(f32x4.mul(a, b), f32x4.splat(c));
}

/** exp, relative error below 1e-7 for |x| <= 87; clamped outside. NaN stays NaN. */
export function exp4(x: v128): v128 {
  // pmin(c, x) returns x where x is NaN: the comparison is false.
  x = f32x4.pmax(x, f32x4.splat(-87.0));
  x = f32x4.pmin(x, f32x4.splat(88.0));
  const shifted = f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504088896341)), f32x4.splat(12582912.0));
  const n = f32x4.sub(shifted, f32x4.splat(12582912.0));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(2.12194440e-4)));
  let p = madd(f32x4.splat(1.9875691500e-4), r, 1.3981999507e-3);
  p = madd(p, r, 8.3334519073e-3);
  p = madd(p, r, 4.1665795894e-2);
  p = madd(p, r, 1.6666665459e-1);
  p = madd(p, r, 5.0000001201e-1);
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  return i32x4.add(p, i32x4.shl(shifted, 23));
}

/** Clamp, numerator and denominator of tanh, highest power first. */
const tanhTable = memory.data<f32>([
  7.90531110763549805, -7.90531110763549805, -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8,
  1.48572235717979e-5, 6.37261928875436e-4, 4.89352455891786e-3, 1.19825839466702e-6, 1.18534705686654e-4, 2.26843463243900e-3,
  4.89352518554385e-3,
]);

/**
 * tanh in place, absolute error below 4e-7, over `groups` runs of `run` bytes `step` bytes apart. The constants are
 * loaded before the loop: as v128.const they cost V8 three instructions each, every time, and the pass took twice as long.
 */
export function tanhRuns(x: usize, groups: i32, run: usize, step: usize): void {
  const top = v128.load32_splat(tanhTable);
  const bottom = v128.load32_splat(tanhTable, 4);
  const p6 = v128.load32_splat(tanhTable, 8);
  const p5 = v128.load32_splat(tanhTable, 12);
  const p4 = v128.load32_splat(tanhTable, 16);
  const p3 = v128.load32_splat(tanhTable, 20);
  const p2 = v128.load32_splat(tanhTable, 24);
  const p1 = v128.load32_splat(tanhTable, 28);
  const p0 = v128.load32_splat(tanhTable, 32);
  const q3 = v128.load32_splat(tanhTable, 36);
  const q2 = v128.load32_splat(tanhTable, 40);
  const q1 = v128.load32_splat(tanhTable, 44);
  const q0 = v128.load32_splat(tanhTable, 48);
  for (let g = 0; g < groups; g++) {
    const end = x + run;
    for (let at = x; at < end; at += 16) {
      // The order of arguments keeps a NaN a NaN.
      const v = f32x4.pmin(f32x4.pmax(v128.load(at), bottom), top);
      const s = f32x4.mul(v, v);
      let p = f32x4.add(f32x4.mul(p6, s), p5);
      p = f32x4.add(f32x4.mul(p, s), p4);
      p = f32x4.add(f32x4.mul(p, s), p3);
      p = f32x4.add(f32x4.mul(p, s), p2);
      p = f32x4.add(f32x4.mul(p, s), p1);
      p = f32x4.add(f32x4.mul(p, s), p0);
      let q = f32x4.add(f32x4.mul(q3, s), q2);
      q = f32x4.add(f32x4.mul(q, s), q1);
      q = f32x4.add(f32x4.mul(q, s), q0);
      v128.store(at, f32x4.div(f32x4.mul(v, p), q));
    }
    x += step;
  }
}

/** sigmoid through exp: accurate in relative terms in its negative tail too. */
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/** erf, absolute error below 5e-7. */
export function erf4(v: v128): v128 {
  let x = f32x4.pmax(v, f32x4.splat(-4.0));
  x = f32x4.pmin(x, f32x4.splat(4.0));
  const s = f32x4.mul(x, x);
  let p = madd(f32x4.splat(-2.72614225801306e-10), s, 2.77068142495902e-8);
  p = madd(p, s, -2.10102402082508e-6);
  p = madd(p, s, -5.69250639462346e-5);
  p = madd(p, s, -7.34990630326855e-4);
  p = madd(p, s, -2.95459980854025e-3);
  p = madd(p, s, -1.60960333262415e-2);
  let q = madd(f32x4.splat(-1.45660718464996e-5), s, -2.13374055278905e-4);
  q = madd(q, s, -1.68282697438203e-3);
  q = madd(q, s, -7.37332916720468e-3);
  q = madd(q, s, -1.42647390514189e-2);
  return f32x4.div(f32x4.mul(x, p), q);
}

/** exp in double precision, for |x| up to about 700; 0 below. */
export function exp64(x: f64): f64 {
  if (x != x) return x;
  if (x < -700) return 0;
  if (x > 700) return Infinity;
  const n = nearest(x * 1.4426950408889634);
  const r = x - n * 6.93147180369123816490e-1 - n * 1.90821492927058770002e-10;
  // Taylor: |r| <= 0.347, the fourteenth term is below 1e-17. Constants, because fourteen divisions took most of the loss.
  let p: f64 = 1.6059043836821613e-10;
  p = p * r + 2.08767569878681e-9;
  p = p * r + 2.505210838544172e-8;
  p = p * r + 2.755731922398589e-7;
  p = p * r + 2.7557319223985893e-6;
  p = p * r + 2.48015873015873e-5;
  p = p * r + 1.984126984126984e-4;
  p = p * r + 1.388888888888889e-3;
  p = p * r + 8.333333333333333e-3;
  p = p * r + 4.1666666666666664e-2;
  p = p * r + 1.6666666666666666e-1;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  return p * reinterpret<f64>((<i64>n + 1023) << 52);
}

/** Natural logarithm in double precision for positive normal x. */
export function log64(x: f64): f64 {
  if (!(x > 0)) return NaN;
  const bits = reinterpret<i64>(x);
  let e = <i32>((bits >> 52) & 0x7ff) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e++;
  }
  const f = (m - 1) / (m + 1);
  const s = f * f;
  // atanh series: |f| <= 0.172, the last term is below 1e-17.
  let p: f64 = 1.0 / 21.0;
  p = p * s + 1.0 / 19.0;
  p = p * s + 1.0 / 17.0;
  p = p * s + 1.0 / 15.0;
  p = p * s + 1.0 / 13.0;
  p = p * s + 1.0 / 11.0;
  p = p * s + 1.0 / 9.0;
  p = p * s + 1.0 / 7.0;
  p = p * s + 1.0 / 5.0;
  p = p * s + 1.0 / 3.0;
  p = p * s + 1;
  return 2 * f * p + <f64>e * 0.6931471805599453;
}

/** log(1 + x) for x in [0, 1], without losing small x. */
export function log1p64(x: f64): f64 {
  const u = 1 + x;
  if (u == 1) return x;
  return log64(u) + (x - (u - 1)) / u;
}
