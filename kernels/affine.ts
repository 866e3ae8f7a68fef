/**
 * The microkernel nearly everything runs on: y[n] = start[n] + sum over k of w[k][n] * x[k] for eight examples at once.
 *
 * A slot is 32 bytes: the same scalar of eight examples (an octet: two v128). x and y are slots, w plain f32, so one
 * splat of a weight serves both halves. Weights lie in panels of 4, 3, 2 or 1 outputs, [k][width], one panel after
 * the other (tiles of 4 first, then of 3, then a rest of 1 or 2). A window of a convolution is `segments` contiguous
 * runs of `k` slots (implicit im2col). Loop bodies hold at most 14 live vectors and are not unrolled: V8 11 spills.
 *
 * `start`: 0 from zero, 1 from the biases at b, 2 from what y holds.
 */

function tile4(x: usize, w: usize, b: usize, y: usize, segments: i32, segment: usize, run: usize, start: i32): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  if (start == 1) {
    a0 = v128.load32_splat(b);
    a1 = a0;
    b0 = v128.load32_splat(b, 4);
    b1 = b0;
    c0 = v128.load32_splat(b, 8);
    c1 = c0;
    d0 = v128.load32_splat(b, 12);
    d1 = d0;
  } else if (start == 2) {
    a0 = v128.load(y);
    a1 = v128.load(y, 16);
    b0 = v128.load(y, 32);
    b1 = v128.load(y, 48);
    c0 = v128.load(y, 64);
    c1 = v128.load(y, 80);
    d0 = v128.load(y, 96);
    d1 = v128.load(y, 112);
  }
  do {
    let p = x;
    const end = p + run;
    do {
      const x0 = v128.load(p);
      const x1 = v128.load(p, 16);
      let s = v128.load32_splat(w);
      a0 = f32x4.add(a0, f32x4.mul(s, x0));
      a1 = f32x4.add(a1, f32x4.mul(s, x1));
      s = v128.load32_splat(w, 4);
      b0 = f32x4.add(b0, f32x4.mul(s, x0));
      b1 = f32x4.add(b1, f32x4.mul(s, x1));
      s = v128.load32_splat(w, 8);
      c0 = f32x4.add(c0, f32x4.mul(s, x0));
      c1 = f32x4.add(c1, f32x4.mul(s, x1));
      s = v128.load32_splat(w, 12);
      d0 = f32x4.add(d0, f32x4.mul(s, x0));
      d1 = f32x4.add(d1, f32x4.mul(s, x1));
      p += 32;
      w += 16;
    } while (p < end);
    x += segment;
  } while (--segments > 0);
  v128.store(y, a0);
  v128.store(y, a1, 16);
  v128.store(y, b0, 32);
  v128.store(y, b1, 48);
  v128.store(y, c0, 64);
  v128.store(y, c1, 80);
  v128.store(y, d0, 96);
  v128.store(y, d1, 112);
}

function tile3(x: usize, w: usize, b: usize, y: usize, segments: i32, segment: usize, run: usize, start: i32): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  if (start == 1) {
    a0 = v128.load32_splat(b);
    a1 = a0;
    b0 = v128.load32_splat(b, 4);
    b1 = b0;
    c0 = v128.load32_splat(b, 8);
    c1 = c0;
  } else if (start == 2) {
    a0 = v128.load(y);
    a1 = v128.load(y, 16);
    b0 = v128.load(y, 32);
    b1 = v128.load(y, 48);
    c0 = v128.load(y, 64);
    c1 = v128.load(y, 80);
  }
  do {
    let p = x;
    const end = p + run;
    do {
      const x0 = v128.load(p);
      const x1 = v128.load(p, 16);
      let s = v128.load32_splat(w);
      a0 = f32x4.add(a0, f32x4.mul(s, x0));
      a1 = f32x4.add(a1, f32x4.mul(s, x1));
      s = v128.load32_splat(w, 4);
      b0 = f32x4.add(b0, f32x4.mul(s, x0));
      b1 = f32x4.add(b1, f32x4.mul(s, x1));
      s = v128.load32_splat(w, 8);
      c0 = f32x4.add(c0, f32x4.mul(s, x0));
      c1 = f32x4.add(c1, f32x4.mul(s, x1));
      p += 32;
      w += 12;
    } while (p < end);
    x += segment;
  } while (--segments > 0);
  v128.store(y, a0);
  v128.store(y, a1, 16);
  v128.store(y, b0, 32);
  v128.store(y, b1, 48);
  v128.store(y, c0, 64);
  v128.store(y, c1, 80);
}

/** Two positions by two outputs: with two outputs alone there would be too few independent sums. */
function tile2x2(
  x: usize,
  xNext: usize,
  w: usize,
  b: usize,
  y: usize,
  yNext: usize,
  segments: i32,
  segment: usize,
  run: usize,
  start: i32,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  if (start == 1) {
    a0 = v128.load32_splat(b);
    a1 = a0;
    c0 = a0;
    c1 = a0;
    b0 = v128.load32_splat(b, 4);
    b1 = b0;
    d0 = b0;
    d1 = b0;
  } else if (start == 2) {
    a0 = v128.load(y);
    a1 = v128.load(y, 16);
    b0 = v128.load(y, 32);
    b1 = v128.load(y, 48);
    c0 = v128.load(yNext);
    c1 = v128.load(yNext, 16);
    d0 = v128.load(yNext, 32);
    d1 = v128.load(yNext, 48);
  }
  do {
    let p = x;
    let r = xNext;
    const end = p + run;
    do {
      const s = v128.load32_splat(w);
      const t = v128.load32_splat(w, 4);
      let v = v128.load(p);
      a0 = f32x4.add(a0, f32x4.mul(s, v));
      b0 = f32x4.add(b0, f32x4.mul(t, v));
      v = v128.load(p, 16);
      a1 = f32x4.add(a1, f32x4.mul(s, v));
      b1 = f32x4.add(b1, f32x4.mul(t, v));
      v = v128.load(r);
      c0 = f32x4.add(c0, f32x4.mul(s, v));
      d0 = f32x4.add(d0, f32x4.mul(t, v));
      v = v128.load(r, 16);
      c1 = f32x4.add(c1, f32x4.mul(s, v));
      d1 = f32x4.add(d1, f32x4.mul(t, v));
      p += 32;
      r += 32;
      w += 8;
    } while (p < end);
    x += segment;
    xNext += segment;
  } while (--segments > 0);
  v128.store(y, a0);
  v128.store(y, a1, 16);
  v128.store(y, b0, 32);
  v128.store(y, b1, 48);
  v128.store(yNext, c0);
  v128.store(yNext, c1, 16);
  v128.store(yNext, d0, 32);
  v128.store(yNext, d1, 48);
}

function tile1(x: usize, w: usize, b: usize, y: usize, segments: i32, segment: usize, run: usize, start: i32): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  if (start == 1) {
    a0 = v128.load32_splat(b);
    a1 = a0;
  } else if (start == 2) {
    a0 = v128.load(y);
    a1 = v128.load(y, 16);
  }
  do {
    let p = x;
    const end = p + run;
    do {
      const s = v128.load32_splat(w);
      a0 = f32x4.add(a0, f32x4.mul(s, v128.load(p)));
      a1 = f32x4.add(a1, f32x4.mul(s, v128.load(p, 16)));
      p += 32;
      w += 4;
    } while (p < end);
    x += segment;
  } while (--segments > 0);
  v128.store(y, a0);
  v128.store(y, a1, 16);
}

/**
 * The microkernel over rows x cols positions. Steps are in bytes and may be negative. `fours`, `threes` and `rest`
 * count the panels (rest is the width of the last one: 0, 1 or 2).
 */
export function affine(
  x: usize,
  w: usize,
  b: usize,
  y: usize,
  segments: i32,
  segment: i32,
  k: i32,
  fours: i32,
  threes: i32,
  rest: i32,
  rows: i32,
  xRow: i32,
  yRow: i32,
  cols: i32,
  xCol: i32,
  yCol: i32,
  start: i32,
): void {
  const run = <usize>(k << 5);
  const depth = <usize>(k * segments);
  for (let r = 0; r < rows; r++) {
    let px = x;
    let py = y;
    for (let c = 0; c < cols; c++) {
      let pw = w;
      let pb = b;
      let out = py;
      for (let t = 0; t < fours; t++) {
        tile4(px, pw, pb, out, segments, segment, run, start);
        pw += depth << 4;
        pb += 16;
        out += 128;
      }
      for (let t = 0; t < threes; t++) {
        tile3(px, pw, pb, out, segments, segment, run, start);
        pw += depth * 12;
        pb += 12;
        out += 96;
      }
      if (rest == 1) tile1(px, pw, pb, out, segments, segment, run, start);
      px += xCol;
      py += yCol;
    }
    if (rest == 2) {
      const done = fours * 4 + threes * 3;
      const pw = w + depth * (done << 2);
      const pb = b + (done << 2);
      px = x;
      py = y + (done << 5);
      for (let c = 0; c < cols; c += 2) {
        // The last of an odd number of columns is done twice at once: the same values are stored twice.
        const next = c + 1 < cols;
        tile2x2(px, next ? px + xCol : px, pw, pb, py, next ? py + yCol : py, segments, segment, run, start);
        px += xCol << 1;
        py += yCol << 1;
      }
    }
    x += xRow;
    y += yRow;
  }
}
