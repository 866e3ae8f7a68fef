/**
 * Passes over slots. A tensor is `rows` of `run` bytes, `pitch` bytes apart (images carry their convolution's zero
 * border between rows). With `add`, a gradient is added to what is there instead of replacing it.
 */
import { erf4, exp4, SQUASH_TANH, sigmoid4, squashRuns } from "./math";

/** Kinds of `activate`. */
const RELU = 0;
const SIGMOID = 1;
const TANH = 2;

export function fill(y: usize, bytes: usize): void {
  memory.fill(y, 0, bytes);
}

export function copy(x: usize, y: usize, rows: i32, run: i32, xPitch: i32, yPitch: i32, add: i32): void {
  for (let r = 0; r < rows; r++) {
    if (add) {
      for (let i = 0; i < run; i += 16) v128.store(y + i, f32x4.add(v128.load(y + i), v128.load(x + i)));
    } else {
      for (let i = 0; i < run; i += 16) v128.store(y + i, v128.load(x + i));
    }
    x += xPitch;
    y += yPitch;
  }
}

/** y = x0 + x1. */
export function addTwo(x0: usize, x1: usize, y: usize, rows: i32, run: i32, p0: i32, p1: i32, yPitch: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < run; i += 16) v128.store(y + i, f32x4.add(v128.load(x0 + i), v128.load(x1 + i)));
    x0 += p0;
    x1 += p1;
    y += yPitch;
  }
}

export function activate(kind: i32, x: usize, y: usize, rows: i32, run: i32, xPitch: i32, yPitch: i32): void {
  const zero = f32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    if (kind == RELU) {
      // The order of arguments keeps a NaN a NaN.
      for (let i = 0; i < run; i += 16) v128.store(y + i, f32x4.pmax(v128.load(x + i), zero));
    } else if (kind == SIGMOID) {
      for (let i = 0; i < run; i += 16) v128.store(y + i, sigmoid4(v128.load(x + i)));
    } else if (kind == TANH) {
      for (let i = 0; i < run; i += 16) v128.store(y + i, v128.load(x + i));
      squashRuns(SQUASH_TANH, y, 1, run, 0);
    } else {
      for (let i = 0; i < run; i += 16) v128.store(y + i, gelu4(v128.load(x + i)));
    }
    x += xPitch;
    y += yPitch;
  }
}

function gelu4(x: v128): v128 {
  const e = erf4(f32x4.mul(x, f32x4.splat(0.70710678118654752)));
  return f32x4.mul(f32x4.mul(x, f32x4.splat(0.5)), f32x4.add(e, f32x4.splat(1)));
}

function geluSlope(x: v128): v128 {
  const half = f32x4.splat(0.5);
  const e = erf4(f32x4.mul(x, f32x4.splat(0.70710678118654752)));
  const density = f32x4.mul(exp4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5))), f32x4.splat(0.3989422804014327));
  return f32x4.add(f32x4.mul(half, f32x4.add(e, f32x4.splat(1))), f32x4.mul(x, density));
}

/** Gradient of `activate`. v is the output, or for GELU the input. */
export function activateBackward(
  kind: i32,
  v: usize,
  dy: usize,
  dx: usize,
  rows: i32,
  run: i32,
  vPitch: i32,
  yPitch: i32,
  xPitch: i32,
  add: i32,
): void {
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < run; i += 16) {
      const a = v128.load(v + i);
      let d = v128.load(dy + i);
      if (kind == RELU) d = v128.and(d, f32x4.gt(a, zero));
      else if (kind == SIGMOID) d = f32x4.mul(d, f32x4.mul(a, f32x4.sub(one, a)));
      else if (kind == TANH) d = f32x4.mul(d, f32x4.sub(one, f32x4.mul(a, a)));
      else d = f32x4.mul(d, geluSlope(a));
      if (add) d = f32x4.add(d, v128.load(dx + i));
      v128.store(dx + i, d);
    }
    v += vPitch;
    dy += yPitch;
    dx += xPitch;
  }
}

/** Softmax over `channels` slots at each of rows x cols positions. */
export function softmax(x: usize, y: usize, rows: i32, cols: i32, channels: i32, xPitch: i32, yPitch: i32): void {
  const run = channels << 5;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      for (let q = 0; q < 32; q += 16) {
        const px = x + c * run + q;
        const py = y + c * run + q;
        let top = v128.load(px);
        for (let i = 32; i < run; i += 32) top = f32x4.pmax(top, v128.load(px + i));
        let sum = f32x4.splat(0);
        for (let i = 0; i < run; i += 32) {
          const e = exp4(f32x4.sub(v128.load(px + i), top));
          sum = f32x4.add(sum, e);
          v128.store(py + i, e);
        }
        for (let i = 0; i < run; i += 32) v128.store(py + i, f32x4.div(v128.load(py + i), sum));
      }
    }
    x += xPitch;
    y += yPitch;
  }
}

export function softmaxBackward(
  y: usize,
  dy: usize,
  dx: usize,
  rows: i32,
  cols: i32,
  channels: i32,
  vPitch: i32,
  yPitch: i32,
  xPitch: i32,
  add: i32,
): void {
  const run = channels << 5;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      for (let q = 0; q < 32; q += 16) {
        const at = c * run + q;
        let sum = f32x4.splat(0);
        for (let i = at; i < at + run; i += 32) sum = f32x4.add(sum, f32x4.mul(v128.load(y + i), v128.load(dy + i)));
        for (let i = at; i < at + run; i += 32) {
          let d = f32x4.mul(v128.load(y + i), f32x4.sub(v128.load(dy + i), sum));
          if (add) d = f32x4.add(d, v128.load(dx + i));
          v128.store(dx + i, d);
        }
      }
    }
    y += vPitch;
    dy += yPitch;
    dx += xPitch;
  }
}

/** The integer hash lowbias32 (Wellons) on four counters. */
// @ts-ignore: decorator
@inline
function mix4(x: v128): v128 {
  x = v128.xor(x, i32x4.shr_u(x, 16));
  x = i32x4.mul(x, i32x4.splat(0x7feb352d));
  x = v128.xor(x, i32x4.shr_u(x, 15));
  x = i32x4.mul(x, i32x4.splat(0x846ca68b));
  return v128.xor(x, i32x4.shr_u(x, 16));
}

/**
 * Inverted dropout: y = keep ? x * scale : 0. Whether a value is kept depends on (key0, key1, example, place) alone,
 * so the backward pass asks again instead of storing a mask, and no schedule can change it. `example` is the number of
 * the octet's first example in the batch; `limit` is the keep probability times 2^24.
 */
export function dropout(
  x: usize,
  y: usize,
  rows: i32,
  run: i32,
  xPitch: i32,
  yPitch: i32,
  example: i32,
  key0: i32,
  key1: i32,
  limit: i32,
  scale: f32,
  add: i32,
): void {
  const lanes = i32x4.add(i32x4.splat(example), i32x4(0, 1, 2, 3));
  const first = mix4(v128.xor(i32x4.splat(key0), lanes));
  const second = mix4(v128.xor(i32x4.splat(key0), i32x4.add(lanes, i32x4.splat(4))));
  const factor = f32x4.splat(scale);
  const bound = i32x4.splat(limit);
  let place = key1;
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < run; i += 32) {
      const at = i32x4.splat(place);
      place += 0x9e3779b9;
      const keep0 = i32x4.lt_s(i32x4.shr_u(mix4(i32x4.add(first, at)), 8), bound);
      const keep1 = i32x4.lt_s(i32x4.shr_u(mix4(i32x4.add(second, at)), 8), bound);
      let v0 = v128.and(f32x4.mul(v128.load(x + i), factor), keep0);
      let v1 = v128.and(f32x4.mul(v128.load(x + i, 16), factor), keep1);
      if (add) {
        v0 = f32x4.add(v0, v128.load(y + i));
        v1 = f32x4.add(v1, v128.load(y + i, 16));
      }
      v128.store(y + i, v0);
      v128.store(y + i, v1, 16);
    }
    x += xPitch;
    y += yPitch;
  }
}

/** Moves slot (i, j) of outer x inner to (j, i). Steps in bytes; used by flatten, concat, repeat and upsampling. */
export function transpose(
  x: usize,
  y: usize,
  outer: i32,
  xOuter: i32,
  yOuter: i32,
  inner: i32,
  xInner: i32,
  yInner: i32,
  add: i32,
): void {
  for (let i = 0; i < outer; i++) {
    let p = x;
    let o = y;
    for (let j = 0; j < inner; j++) {
      let a = v128.load(p);
      let b = v128.load(p, 16);
      if (add) {
        a = f32x4.add(a, v128.load(o));
        b = f32x4.add(b, v128.load(o, 16));
      }
      v128.store(o, a);
      v128.store(o, b, 16);
      p += xInner;
      o += yInner;
    }
    x += xOuter;
    y += yOuter;
  }
}
