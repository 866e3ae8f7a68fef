/**
 * Losses of one octet. Each returns the sum over its examples of scale[e] * loss, and writes scale[e] * gradient to dy
 * where dy is not 0. scale is one f32 per example: 0 for padding, otherwise weight / (size of the batch).
 * Values are in double precision; the gradients of the sums over long outputs in single.
 */
import { exp64, log1p64, log64 } from "./math";

/** Binary cross-entropy on logits; `positive` multiplies the positive term. Mean over `run` outputs. */
export function binaryLoss(
  y: usize,
  target: usize,
  dy: usize,
  scale: usize,
  rows: i32,
  run: i32,
  yPitch: i32,
  tPitch: i32,
  dPitch: i32,
  positive: f64,
): f64 {
  let total: f64 = 0;
  const mean = 1 / (<f64>rows * <f64>run);
  for (let e = 0; e < 32; e += 4) {
    const factor = <f64>load<f32>(scale + e) * mean;
    let sum: f64 = 0;
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < run; i++) {
        const x = <f64>load<f32>(y + r * yPitch + (i << 5) + e);
        const t = <f64>load<f32>(target + r * tPitch + (i << 5) + e);
        const z = exp64(-abs(x));
        const soft = log1p64(z);
        // log(1+exp(-x)) and log(1+exp(x)), neither overflowing.
        const lost = soft + (x < 0 ? -x : 0);
        const kept = soft + (x > 0 ? x : 0);
        sum += positive * t * lost + (1 - t) * kept;
        if (dy != 0) {
          const p = x >= 0 ? 1 / (1 + z) : z / (1 + z);
          store<f32>(dy + r * dPitch + (i << 5) + e, <f32>(factor * ((1 - t) * p - positive * t * (1 - p))));
        }
      }
    }
    // A padding lane repeats a real example: its loss may be anything finite or not, and does not count.
    if (factor != 0) total += factor * sum;
  }
  return total;
}

/**
 * Cross-entropy on logits with label smoothing; `weights` (f64 per class, or 0) multiplies each class's term, as
 * PyTorch: (1-s)*w[t]*nll + s/C * sum of w[c]*nll[c]. The caller's scale carries the mean.
 */
export function crossEntropy(y: usize, target: usize, dy: usize, scale: usize, classes: i32, smoothing: f64, weights: usize): f64 {
  let total: f64 = 0;
  for (let e = 0; e < 32; e += 4) {
    const factor = <f64>load<f32>(scale + e);
    const label = <i32>load<f32>(target + e);
    let top = <f64>load<f32>(y + e);
    for (let c = 1; c < classes; c++) top = max(top, <f64>load<f32>(y + (c << 5) + e));
    let sum: f64 = 0;
    for (let c = 0; c < classes; c++) sum += exp64(<f64>load<f32>(y + (c << 5) + e) - top);
    const log = log64(sum) + top;
    const wt = weights != 0 ? load<f64>(weights + (label << 3)) : 1;
    let smooth: f64 = 0;
    let mass: f64 = 0;
    for (let c = 0; c < classes; c++) {
      const w = weights != 0 ? load<f64>(weights + (c << 3)) : 1;
      smooth += w * (log - <f64>load<f32>(y + (c << 5) + e));
      mass += w;
    }
    const each = smoothing / <f64>classes;
    const own = (1 - smoothing) * wt;
    if (factor != 0) total += factor * (own * (log - <f64>load<f32>(y + (label << 5) + e)) + each * smooth);
    if (dy == 0) continue;
    for (let c = 0; c < classes; c++) {
      const p = exp64(<f64>load<f32>(y + (c << 5) + e) - log);
      const w = weights != 0 ? load<f64>(weights + (c << 3)) : 1;
      const g = (own + each * mass) * p - each * w - (c == label ? own : 0);
      store<f32>(dy + (c << 5) + e, <f32>(factor * g));
    }
  }
  return total;
}

/** Kinds of `regressionLoss`. */
const MSE = 0;
const MAE = 1;

/** Mean squared, mean absolute or Huber loss, mean over rows*run outputs. */
export function regressionLoss(
  kind: i32,
  y: usize,
  target: usize,
  dy: usize,
  scale: usize,
  rows: i32,
  run: i32,
  yPitch: i32,
  tPitch: i32,
  dPitch: i32,
  delta: f32,
): f64 {
  let total: f64 = 0;
  const mean = 1 / (<f64>rows * <f64>run);
  const bytes = run << 5;
  const one = f32x4.splat(1);
  const edge = f32x4.splat(delta);
  for (let q: usize = 0; q < 32; q += 16) {
    const factor = f32x4.mul(v128.load(scale + q), f32x4.splat(<f32>mean));
    let low = f64x2.splat(0);
    let high = low;
    for (let r = 0; r < rows; r++) {
      const py = y + r * yPitch + q;
      const pt = target + r * tPitch + q;
      const pd = dy + r * dPitch + q;
      for (let i = 0; i < bytes; i += 32) {
        const d = f32x4.sub(v128.load(py + i), v128.load(pt + i));
        const size = f32x4.abs(d);
        const sign = v128.bitselect(one, f32x4.splat(-1), f32x4.gt(d, f32x4.splat(0)));
        let value: v128;
        let slope: v128;
        if (kind == MSE) {
          value = f32x4.mul(d, d);
          slope = f32x4.add(d, d);
        } else if (kind == MAE) {
          value = size;
          slope = v128.andnot(sign, f32x4.eq(d, f32x4.splat(0)));
        } else {
          const inside = f32x4.le(size, edge);
          value = v128.bitselect(
            f32x4.mul(f32x4.splat(0.5), f32x4.mul(d, d)),
            f32x4.mul(edge, f32x4.sub(size, f32x4.mul(f32x4.splat(0.5), edge))),
            inside,
          );
          slope = v128.bitselect(d, f32x4.mul(edge, sign), inside);
        }
        low = f64x2.add(low, f64x2.promote_low_f32x4(value));
        high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<f32>(value, value, 2, 3, 2, 3)));
        if (dy != 0) v128.store(pd + i, f32x4.mul(factor, slope));
      }
    }
    const s = scale + q;
    if (load<f32>(s) != 0) total += mean * <f64>load<f32>(s) * f64x2.extract_lane(low, 0);
    if (load<f32>(s, 4) != 0) total += mean * <f64>load<f32>(s, 4) * f64x2.extract_lane(low, 1);
    if (load<f32>(s, 8) != 0) total += mean * <f64>load<f32>(s, 8) * f64x2.extract_lane(high, 0);
    if (load<f32>(s, 12) != 0) total += mean * <f64>load<f32>(s, 12) * f64x2.extract_lane(high, 1);
  }
  return total;
}
