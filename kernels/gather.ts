/** Between rows in memory and slots of eight examples side by side. */

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 4, 1, 5);
}
// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 2, 6, 3, 7);
}
// @ts-ignore: decorator
@inline
function firstHalves(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(a, b, 0, 2);
}
// @ts-ignore: decorator
@inline
function lastHalves(a: v128, b: v128): v128 {
  return v128.shuffle<f64>(a, b, 1, 3);
}

/**
 * Builds the slots of one octet: lane e is example order[e], whose values begin at rows + starts[example]*width*4 and
 * are contiguous: `count` rows of `run` values, written `pitch` bytes apart.
 */
export function gather(rows: usize, starts: usize, width: i32, order: usize, y: usize, count: i32, run: i32, pitch: i32): void {
  for (let q = 0; q < 2; q++) {
    let p0 = rows + <usize>load<i32>(starts + (load<i32>(order) << 2)) * (width << 2);
    let p1 = rows + <usize>load<i32>(starts + (load<i32>(order, 4) << 2)) * (width << 2);
    let p2 = rows + <usize>load<i32>(starts + (load<i32>(order, 8) << 2)) * (width << 2);
    let p3 = rows + <usize>load<i32>(starts + (load<i32>(order, 12) << 2)) * (width << 2);
    let o = y + (q << 4);
    for (let r = 0; r < count; r++) {
      let at = o;
      let i = 0;
      for (; i + 3 < run; i += 4) {
        const a = v128.load(p0);
        const b = v128.load(p1);
        const c = v128.load(p2);
        const d = v128.load(p3);
        const ab = low(a, b);
        const cd = low(c, d);
        v128.store(at, firstHalves(ab, cd));
        v128.store(at, lastHalves(ab, cd), 32);
        const ef = high(a, b);
        const gh = high(c, d);
        v128.store(at, firstHalves(ef, gh), 64);
        v128.store(at, lastHalves(ef, gh), 96);
        p0 += 16;
        p1 += 16;
        p2 += 16;
        p3 += 16;
        at += 128;
      }
      for (; i < run; i++) {
        store<f32>(at, load<f32>(p0));
        store<f32>(at, load<f32>(p1), 4);
        store<f32>(at, load<f32>(p2), 8);
        store<f32>(at, load<f32>(p3), 12);
        p0 += 4;
        p1 += 4;
        p2 += 4;
        p3 += 4;
        at += 32;
      }
      o += pitch;
    }
    order += 16;
  }
}

/** Reverses the order of rows (bit 1 of a lane's flags) or of columns (bit 0) in an octet of images, lane by lane. */
export function flip(y: usize, flags: usize, rows: i32, cols: i32, channels: i32, pitch: i32): void {
  const step = channels << 5;
  for (let e = 0; e < 8; e++) {
    const flag = load<u8>(flags + e);
    const lane = y + (e << 2);
    if (flag & 1) {
      for (let r = 0; r < rows; r++) {
        const row = lane + r * pitch;
        for (let c = 0; c < cols >> 1; c++) {
          for (let i = 0; i < step; i += 32) swap(row + c * step + i, row + (cols - 1 - c) * step + i);
        }
      }
    }
    if (flag & 2) {
      for (let r = 0; r < rows >> 1; r++) {
        for (let i = 0; i < cols * step; i += 32) swap(lane + r * pitch + i, lane + (rows - 1 - r) * pitch + i);
      }
    }
  }
}

function swap(a: usize, b: usize): void {
  const kept = load<f32>(a);
  store<f32>(a, load<f32>(b));
  store<f32>(b, kept);
}

/** Writes the first `lanes` examples of an octet as rows of count*run values. */
export function scatter(x: usize, out: usize, lanes: i32, count: i32, run: i32, pitch: i32): void {
  for (let e = 0; e < lanes; e++) {
    for (let r = 0; r < count; r++) {
      const p = x + r * pitch + (e << 2);
      for (let i = 0; i < run; i++) {
        store<f32>(out, load<f32>(p + (i << 5)));
        out += 4;
      }
    }
  }
}

/** Position of the first value that is not finite, or -1. */
export function firstNotFinite(x: usize, count: i32): i32 {
  let i = 0;
  let bad = f32x4.splat(0);
  for (; i + 3 < count; i += 4) {
    const v = v128.load(x + (i << 2));
    // x - x is zero for finite x and NaN otherwise.
    bad = v128.or(bad, f32x4.sub(v, v));
  }
  if (!v128.any_true(i32x4.shl(bad, 1))) {
    for (; i < count; i++) {
      const v = load<f32>(x + (i << 2));
      if (v - v != 0) return i;
    }
    return -1;
  }
  for (i = 0; i < count; i++) {
    const v = load<f32>(x + (i << 2));
    if (v - v != 0) return i;
  }
  return -1;
}
