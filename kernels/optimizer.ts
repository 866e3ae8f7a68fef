/** From per-lane gradients to new weights: reduction, norms, clipping per unit, and PyTorch's optimisers. */

/** gradient[i] = sum of the four lanes of g[i]; g is zeroed. count is padded to a multiple of 4 by the caller. */
export function reduceLanes(g: usize, gradient: usize, count: i32): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    const a = v128.load(g);
    const b = v128.load(g, 16);
    const c = v128.load(g, 32);
    const d = v128.load(g, 48);
    v128.store(g, zero);
    v128.store(g, zero, 16);
    v128.store(g, zero, 32);
    v128.store(g, zero, 48);
    const ac = f32x4.add(v128.shuffle<f32>(a, c, 0, 4, 1, 5), v128.shuffle<f32>(a, c, 2, 6, 3, 7));
    const bd = f32x4.add(v128.shuffle<f32>(b, d, 0, 4, 1, 5), v128.shuffle<f32>(b, d, 2, 6, 3, 7));
    v128.store(gradient, f32x4.add(v128.shuffle<f32>(ac, bd, 0, 4, 1, 5), v128.shuffle<f32>(ac, bd, 2, 6, 3, 7)));
    g += 64;
    gradient += 16;
  }
}

/** Sum of squares in double precision: not finite exactly when a value is not finite. count is a multiple of 4. */
export function sumSquares(x: usize, count: i32): f64 {
  let low = f64x2.splat(0);
  let high = low;
  for (let i = 0; i < count; i += 4) {
    const v = v128.load(x + (i << 2));
    const a = f64x2.promote_low_f32x4(v);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const s = f64x2.add(low, high);
  return f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}

/**
 * One unit per lane: norms[lane] = length of its gradient (f64), then total += min(1, clip/norm) * g, and g is zeroed.
 * clip <= 0 does not clip. Squares are summed in double precision.
 */
export function clipUnits(g: usize, total: usize, count: i32, clip: f64, norms: usize): void {
  let low = f64x2.splat(0);
  let high = low;
  const end = g + (<usize>count << 4);
  for (let p = g; p < end; p += 16) {
    const v = v128.load(p);
    const a = f64x2.promote_low_f32x4(v);
    const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  low = f64x2.sqrt(low);
  high = f64x2.sqrt(high);
  v128.store(norms, low);
  v128.store(norms, high, 16);
  let k = f32x4.splat(1);
  if (clip > 0) {
    k = f32x4.replace_lane(k, 0, factor(clip, f64x2.extract_lane(low, 0)));
    k = f32x4.replace_lane(k, 1, factor(clip, f64x2.extract_lane(low, 1)));
    k = f32x4.replace_lane(k, 2, factor(clip, f64x2.extract_lane(high, 0)));
    k = f32x4.replace_lane(k, 3, factor(clip, f64x2.extract_lane(high, 1)));
  }
  const zero = f32x4.splat(0);
  for (let p = g; p < end; p += 16) {
    v128.store(total, f32x4.add(v128.load(total), f32x4.mul(k, v128.load(p))));
    v128.store(p, zero);
    total += 16;
  }
}

/** Rounded down to f32, so that a clipped gradient is not longer than the bound by the rounding of its factor. */
function factor(clip: f64, norm: f64): f32 {
  if (norm <= clip) return 1;
  const exact = clip / norm;
  const rounded = <f32>exact;
  return <f64>rounded > exact ? reinterpret<f32>(reinterpret<i32>(rounded) - 1) : rounded;
}

/** v = momentum*v + (scale*g + decay*w); w -= rate*v. Without momentum v is not read or written. */
export function sgd(w: usize, g: usize, v: usize, count: i32, rate: f32, momentum: f32, decay: f32, scale: f32): void {
  const bytes = <usize>count << 2;
  const r = f32x4.splat(rate);
  const m = f32x4.splat(momentum);
  const d = f32x4.splat(decay);
  const s = f32x4.splat(scale);
  for (let i: usize = 0; i < bytes; i += 16) {
    const weight = v128.load(w + i);
    let step = f32x4.add(f32x4.mul(s, v128.load(g + i)), f32x4.mul(d, weight));
    if (momentum != 0) {
      step = f32x4.add(f32x4.mul(m, v128.load(v + i)), step);
      v128.store(v + i, step);
    }
    v128.store(w + i, f32x4.sub(weight, f32x4.mul(r, step)));
  }
}

/**
 * Adam (decoupled = 0: decay is added to the gradient) and AdamW (decoupled = 1: w shrinks by rate*decay first).
 * `step` is rate/(1-beta1^t), `root` is 1/sqrt(1-beta2^t).
 */
export function adam(
  w: usize,
  g: usize,
  m: usize,
  v: usize,
  count: i32,
  rate: f32,
  beta1: f32,
  beta2: f32,
  eps: f32,
  decay: f32,
  decoupled: i32,
  scale: f32,
  step: f32,
  root: f32,
): void {
  const bytes = <usize>count << 2;
  const b1 = f32x4.splat(beta1);
  const b2 = f32x4.splat(beta2);
  const c1 = f32x4.splat(<f32>(1 - <f64>beta1));
  const c2 = f32x4.splat(<f32>(1 - <f64>beta2));
  const add = f32x4.splat(decoupled ? 0 : decay);
  const keep = f32x4.splat(decoupled ? <f32>(1 - <f64>rate * <f64>decay) : 1);
  const s = f32x4.splat(scale);
  const e = f32x4.splat(eps);
  for (let i: usize = 0; i < bytes; i += 16) {
    const weight = v128.load(w + i);
    const grad = f32x4.add(f32x4.mul(s, v128.load(g + i)), f32x4.mul(add, weight));
    const first = f32x4.add(f32x4.mul(b1, v128.load(m + i)), f32x4.mul(c1, grad));
    const second = f32x4.add(f32x4.mul(b2, v128.load(v + i)), f32x4.mul(c2, f32x4.mul(grad, grad)));
    v128.store(m + i, first);
    v128.store(v + i, second);
    const below = f32x4.add(f32x4.mul(f32x4.sqrt(second), f32x4.splat(root)), e);
    v128.store(w + i, f32x4.sub(f32x4.mul(weight, keep), f32x4.div(f32x4.mul(f32x4.splat(step), first), below)));
  }
}

/** dst[i] = sum of `terms` floats at base + table[i*terms + j] (byte offsets): weights in other orders, summed biases. */
export function permute(base: usize, table: usize, dst: usize, count: i32, terms: i32): void {
  if (terms == 1) {
    for (let i = 0; i < count; i++) {
      store<f32>(dst, load<f32>(base + <usize>load<i32>(table)));
      table += 4;
      dst += 4;
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    store<f32>(dst, load<f32>(base + <usize>load<i32>(table)) + load<f32>(base + <usize>load<i32>(table, 4)));
    table += 8;
    dst += 4;
  }
}
