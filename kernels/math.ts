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

/** tanh, absolute error below 4e-7. */
// @ts-ignore: decorator
@inline
export function tanh4(v: v128): v128 {
  let x = f32x4.pmax(v, f32x4.splat(-7.90531110763549805));
  x = f32x4.pmin(x, f32x4.splat(7.90531110763549805));
  const s = f32x4.mul(x, x);
  let p = madd(f32x4.splat(-2.76076847742355e-16), s, 2.00018790482477e-13);
  p = madd(p, s, -8.60467152213735e-11);
  p = madd(p, s, 5.12229709037114e-8);
  p = madd(p, s, 1.48572235717979e-5);
  p = madd(p, s, 6.37261928875436e-4);
  p = madd(p, s, 4.89352455891786e-3);
  let q = madd(f32x4.splat(1.19825839466702e-6), s, 1.18534705686654e-4);
  q = madd(q, s, 2.26843463243900e-3);
  q = madd(q, s, 4.89352518554385e-3);
  return f32x4.div(f32x4.mul(x, p), q);
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
  // Taylor: |r| <= 0.347, the fourteenth term is below 1e-17.
  let p: f64 = 1;
  for (let i = 14; i > 0; i--) p = 1 + (p * r) / <f64>i;
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
  let p: f64 = 0;
  for (let i = 21; i > 0; i -= 2) p = p * s + 1 / <f64>i;
  return 2 * f * p + <f64>e * 0.6931471805599453;
}

/** log(1 + x) for x in [0, 1], without losing small x. */
export function log1p64(x: f64): f64 {
  const u = 1 + x;
  if (u == 1) return x;
  return log64(u) + (x - (u - 1)) / u;
}
