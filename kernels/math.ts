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

/**
 * tanh(x) = x*P(x^2)/Q(x^2) for |x| <= 7.796, P of degree 3 and Q of degree 4 with leading coefficient 1: a minimax fit of the
 * relative error (1.6e-7), then the
 * coefficients in f32 chosen for the least absolute error in f32 (3.9e-7 over eight million points); eight multiplications. The second row is sigmoid(x) - 0.5 =
 * tanh(x/2)/2 from the same numbers times powers of two. [clamp, -clamp, P highest power first, Q highest power first, added]
 */
const squashTable = memory.data<f32>([
  7.795950889587402, -7.795950889587402, 46.23530197143555, 11869.4609375, 518806.09375, 4011750.25, 962.1519775390625, 95660.59375,
  1856049.25, 4011752.5, 0, 15.591901779174805, -15.591901779174805, 46.23530197143555, 47477.84375, 8300897.5, 256752016.0,
  3848.60791015625, 1530569.5, 118787152.0, 1027008640.0, 0.5,
]);

/** Rows of the table, in bytes. */
export const SQUASH_TANH: usize = 0;
export const SQUASH_SIGMOID: usize = 44;

/**
 * tanh (absolute error below 4e-7) or sigmoid (below 3e-7, absolute) in place, over `groups` runs of `run` bytes `step`
 * bytes apart. The constants are loaded before the loop: as v128.const they cost V8 three instructions each, every time,
 * and the pass took twice as long.
 */
export function squashRuns(kind: usize, x: usize, groups: i32, run: usize, step: usize): void {
  const table = squashTable + kind;
  const top = v128.load32_splat(table);
  const bottom = v128.load32_splat(table, 4);
  const p3 = v128.load32_splat(table, 8);
  const p2 = v128.load32_splat(table, 12);
  const p1 = v128.load32_splat(table, 16);
  const p0 = v128.load32_splat(table, 20);
  const q3 = v128.load32_splat(table, 24);
  const q2 = v128.load32_splat(table, 28);
  const q1 = v128.load32_splat(table, 32);
  const q0 = v128.load32_splat(table, 36);
  const added = v128.load32_splat(table, 40);
  for (let g = 0; g < groups; g++) {
    const end = x + run;
    for (let at = x; at < end; at += 16) {
      // The order of arguments keeps a NaN a NaN.
      const v = f32x4.pmin(f32x4.pmax(v128.load(at), bottom), top);
      const s = f32x4.mul(v, v);
      let p = f32x4.add(f32x4.mul(p3, s), p2);
      let q = f32x4.add(s, q3);
      p = f32x4.add(f32x4.mul(p, s), p1);
      q = f32x4.add(f32x4.mul(q, s), q2);
      p = f32x4.add(f32x4.mul(p, s), p0);
      q = f32x4.add(f32x4.mul(q, s), q1);
      q = f32x4.add(f32x4.mul(q, s), q0);
      v128.store(at, f32x4.add(f32x4.div(f32x4.mul(v, p), q), added));
    }
    x += step;
  }
}

/** c = f*c + i*g, its tanh, and h = o*tanh(c), over `units` of slots [i, f, o, g]; `first`: there is no c before. */
export function cellPass(gates: usize, last: usize, cells: usize, squashed: usize, h: usize, run: usize, first: bool): void {
  const top = v128.load32_splat(squashTable);
  const bottom = v128.load32_splat(squashTable, 4);
  const p3 = v128.load32_splat(squashTable, 8);
  const p2 = v128.load32_splat(squashTable, 12);
  const p1 = v128.load32_splat(squashTable, 16);
  const p0 = v128.load32_splat(squashTable, 20);
  const q3 = v128.load32_splat(squashTable, 24);
  const q2 = v128.load32_splat(squashTable, 28);
  const q1 = v128.load32_splat(squashTable, 32);
  const q0 = v128.load32_splat(squashTable, 36);
  for (let u: usize = 0; u < run; u += 16) {
    const at = gates + ((u >> 5) << 7) + (u & 16);
    let c = f32x4.mul(v128.load(at), v128.load(at, 96));
    if (!first) c = f32x4.add(f32x4.mul(v128.load(at, 32), v128.load(last + u)), c);
    v128.store(cells + u, c);
    const v = f32x4.pmin(f32x4.pmax(c, bottom), top);
    const s = f32x4.mul(v, v);
    let p = f32x4.add(f32x4.mul(p3, s), p2);
    let q = f32x4.add(s, q3);
    p = f32x4.add(f32x4.mul(p, s), p1);
    q = f32x4.add(f32x4.mul(q, s), q2);
    p = f32x4.add(f32x4.mul(p, s), p0);
    q = f32x4.add(f32x4.mul(q, s), q1);
    q = f32x4.add(f32x4.mul(q, s), q0);
    p = f32x4.div(f32x4.mul(v, p), q);
    v128.store(squashed + u, p);
    v128.store(h + u, f32x4.mul(p, v128.load(at, 64)));
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
