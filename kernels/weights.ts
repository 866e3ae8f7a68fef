/**
 * Weight gradients: g[k][n][lane] += sum over positions of x[position][k] * z[position][n], held in registers over all
 * positions. Positions are steps in time, places in an image, or octets. g has the panels of the weights (see
 * affine.ts) with four lanes per weight, so a gradient per example costs nothing extra: with `lanes` (bytes) the two
 * halves of an octet go to two separate g, with 0 they are added into one.
 */

function outer2x4(x: usize, z: usize, g: usize, halves: i32, rows: i32, xRow: i32, zRow: i32, cols: i32, xCol: i32, zCol: i32): void {
  let a0 = v128.load(g);
  let a1 = v128.load(g, 16);
  let a2 = v128.load(g, 32);
  let a3 = v128.load(g, 48);
  let b0 = v128.load(g, 64);
  let b1 = v128.load(g, 80);
  let b2 = v128.load(g, 96);
  let b3 = v128.load(g, 112);
  for (let q = 0; q < halves; q++) {
    let rx = x;
    let rz = z;
    for (let r = 0; r < rows; r++) {
      let p = rx;
      let o = rz;
      for (let c = cols; c > 0; c--) {
        const u = v128.load(p);
        const v = v128.load(p, 32);
        let s = v128.load(o);
        a0 = f32x4.add(a0, f32x4.mul(u, s));
        b0 = f32x4.add(b0, f32x4.mul(v, s));
        s = v128.load(o, 32);
        a1 = f32x4.add(a1, f32x4.mul(u, s));
        b1 = f32x4.add(b1, f32x4.mul(v, s));
        s = v128.load(o, 64);
        a2 = f32x4.add(a2, f32x4.mul(u, s));
        b2 = f32x4.add(b2, f32x4.mul(v, s));
        s = v128.load(o, 96);
        a3 = f32x4.add(a3, f32x4.mul(u, s));
        b3 = f32x4.add(b3, f32x4.mul(v, s));
        p += xCol;
        o += zCol;
      }
      rx += xRow;
      rz += zRow;
    }
    x += 16;
    z += 16;
  }
  v128.store(g, a0);
  v128.store(g, a1, 16);
  v128.store(g, a2, 32);
  v128.store(g, a3, 48);
  v128.store(g, b0, 64);
  v128.store(g, b1, 80);
  v128.store(g, b2, 96);
  v128.store(g, b3, 112);
}

function outer1x4(x: usize, z: usize, g: usize, halves: i32, rows: i32, xRow: i32, zRow: i32, cols: i32, xCol: i32, zCol: i32): void {
  let a0 = v128.load(g);
  let a1 = v128.load(g, 16);
  let a2 = v128.load(g, 32);
  let a3 = v128.load(g, 48);
  for (let q = 0; q < halves; q++) {
    let rx = x;
    let rz = z;
    for (let r = 0; r < rows; r++) {
      let p = rx;
      let o = rz;
      for (let c = cols; c > 0; c--) {
        const u = v128.load(p);
        a0 = f32x4.add(a0, f32x4.mul(u, v128.load(o)));
        a1 = f32x4.add(a1, f32x4.mul(u, v128.load(o, 32)));
        a2 = f32x4.add(a2, f32x4.mul(u, v128.load(o, 64)));
        a3 = f32x4.add(a3, f32x4.mul(u, v128.load(o, 96)));
        p += xCol;
        o += zCol;
      }
      rx += xRow;
      rz += zRow;
    }
    x += 16;
    z += 16;
  }
  v128.store(g, a0);
  v128.store(g, a1, 16);
  v128.store(g, a2, 32);
  v128.store(g, a3, 48);
}

function outer2x3(x: usize, z: usize, g: usize, halves: i32, rows: i32, xRow: i32, zRow: i32, cols: i32, xCol: i32, zCol: i32): void {
  let a0 = v128.load(g);
  let a1 = v128.load(g, 16);
  let a2 = v128.load(g, 32);
  let b0 = v128.load(g, 48);
  let b1 = v128.load(g, 64);
  let b2 = v128.load(g, 80);
  for (let q = 0; q < halves; q++) {
    let rx = x;
    let rz = z;
    for (let r = 0; r < rows; r++) {
      let p = rx;
      let o = rz;
      for (let c = cols; c > 0; c--) {
        const u = v128.load(p);
        const v = v128.load(p, 32);
        let s = v128.load(o);
        a0 = f32x4.add(a0, f32x4.mul(u, s));
        b0 = f32x4.add(b0, f32x4.mul(v, s));
        s = v128.load(o, 32);
        a1 = f32x4.add(a1, f32x4.mul(u, s));
        b1 = f32x4.add(b1, f32x4.mul(v, s));
        s = v128.load(o, 64);
        a2 = f32x4.add(a2, f32x4.mul(u, s));
        b2 = f32x4.add(b2, f32x4.mul(v, s));
        p += xCol;
        o += zCol;
      }
      rx += xRow;
      rz += zRow;
    }
    x += 16;
    z += 16;
  }
  v128.store(g, a0);
  v128.store(g, a1, 16);
  v128.store(g, a2, 32);
  v128.store(g, b0, 48);
  v128.store(g, b1, 64);
  v128.store(g, b2, 80);
}

function outer3x2(x: usize, z: usize, g: usize, halves: i32, rows: i32, xRow: i32, zRow: i32, cols: i32, xCol: i32, zCol: i32): void {
  let a0 = v128.load(g);
  let a1 = v128.load(g, 16);
  let b0 = v128.load(g, 32);
  let b1 = v128.load(g, 48);
  let c0 = v128.load(g, 64);
  let c1 = v128.load(g, 80);
  for (let q = 0; q < halves; q++) {
    let rx = x;
    let rz = z;
    for (let r = 0; r < rows; r++) {
      let p = rx;
      let o = rz;
      for (let c = cols; c > 0; c--) {
        const s = v128.load(o);
        const t = v128.load(o, 32);
        let u = v128.load(p);
        a0 = f32x4.add(a0, f32x4.mul(u, s));
        a1 = f32x4.add(a1, f32x4.mul(u, t));
        u = v128.load(p, 32);
        b0 = f32x4.add(b0, f32x4.mul(u, s));
        b1 = f32x4.add(b1, f32x4.mul(u, t));
        u = v128.load(p, 64);
        c0 = f32x4.add(c0, f32x4.mul(u, s));
        c1 = f32x4.add(c1, f32x4.mul(u, t));
        p += xCol;
        o += zCol;
      }
      rx += xRow;
      rz += zRow;
    }
    x += 16;
    z += 16;
  }
  v128.store(g, a0);
  v128.store(g, a1, 16);
  v128.store(g, b0, 32);
  v128.store(g, b1, 48);
  v128.store(g, c0, 64);
  v128.store(g, c1, 80);
}

function outer4x1(x: usize, z: usize, g: usize, halves: i32, rows: i32, xRow: i32, zRow: i32, cols: i32, xCol: i32, zCol: i32): void {
  let a0 = v128.load(g);
  let b0 = v128.load(g, 16);
  let c0 = v128.load(g, 32);
  let d0 = v128.load(g, 48);
  for (let q = 0; q < halves; q++) {
    let rx = x;
    let rz = z;
    for (let r = 0; r < rows; r++) {
      let p = rx;
      let o = rz;
      for (let c = cols; c > 0; c--) {
        const s = v128.load(o);
        a0 = f32x4.add(a0, f32x4.mul(s, v128.load(p)));
        b0 = f32x4.add(b0, f32x4.mul(s, v128.load(p, 32)));
        c0 = f32x4.add(c0, f32x4.mul(s, v128.load(p, 64)));
        d0 = f32x4.add(d0, f32x4.mul(s, v128.load(p, 96)));
        p += xCol;
        o += zCol;
      }
      rx += xRow;
      rz += zRow;
    }
    x += 16;
    z += 16;
  }
  v128.store(g, a0);
  v128.store(g, b0, 16);
  v128.store(g, c0, 32);
  v128.store(g, d0, 48);
}

function outer1x1(x: usize, z: usize, g: usize, halves: i32, rows: i32, xRow: i32, zRow: i32, cols: i32, xCol: i32, zCol: i32): void {
  let a0 = v128.load(g);
  for (let q = 0; q < halves; q++) {
    let rx = x;
    let rz = z;
    for (let r = 0; r < rows; r++) {
      let p = rx;
      let o = rz;
      for (let c = cols; c > 0; c--) {
        a0 = f32x4.add(a0, f32x4.mul(v128.load(p), v128.load(o)));
        p += xCol;
        o += zCol;
      }
      rx += xRow;
      rz += zRow;
    }
    x += 16;
    z += 16;
  }
  v128.store(g, a0);
}

/** One panel: all k of all segments against `width` outputs. */
function panel(
  x: usize,
  z: usize,
  g: usize,
  width: i32,
  segments: i32,
  segment: i32,
  k: i32,
  halves: i32,
  rows: i32,
  xRow: i32,
  zRow: i32,
  cols: i32,
  xCol: i32,
  zCol: i32,
): void {
  for (let s = 0; s < segments; s++) {
    let i = 0;
    let px = x;
    if (width == 4) {
      for (; i + 1 < k; i += 2) {
        outer2x4(px, z, g, halves, rows, xRow, zRow, cols, xCol, zCol);
        px += 64;
        g += 128;
      }
      if (i < k) {
        outer1x4(px, z, g, halves, rows, xRow, zRow, cols, xCol, zCol);
        g += 64;
      }
    } else if (width == 3) {
      for (; i + 1 < k; i += 2) {
        outer2x3(px, z, g, halves, rows, xRow, zRow, cols, xCol, zCol);
        px += 64;
        g += 96;
      }
      if (i < k) {
        outer1x1(px, z, g, halves, rows, xRow, zRow, cols, xCol, zCol);
        outer1x1(px, z + 32, g + 16, halves, rows, xRow, zRow, cols, xCol, zCol);
        outer1x1(px, z + 64, g + 32, halves, rows, xRow, zRow, cols, xCol, zCol);
        g += 48;
      }
    } else if (width == 2) {
      for (; i + 2 < k; i += 3) {
        outer3x2(px, z, g, halves, rows, xRow, zRow, cols, xCol, zCol);
        px += 96;
        g += 96;
      }
      for (; i < k; i++) {
        outer1x1(px, z, g, halves, rows, xRow, zRow, cols, xCol, zCol);
        outer1x1(px, z + 32, g + 16, halves, rows, xRow, zRow, cols, xCol, zCol);
        px += 32;
        g += 32;
      }
    } else {
      for (; i + 3 < k; i += 4) {
        outer4x1(px, z, g, halves, rows, xRow, zRow, cols, xCol, zCol);
        px += 128;
        g += 64;
      }
      for (; i < k; i++) {
        outer1x1(px, z, g, halves, rows, xRow, zRow, cols, xCol, zCol);
        px += 32;
        g += 16;
      }
    }
    x += segment;
  }
}

/**
 * All panels, k from `first`. `depth` is the number of k in a panel of g (more than segments * k where two inputs share
 * panels, or where k is done in parts); `zTile` is the distance of neighbouring tiles in z, or 0 where tiles follow each other.
 */
export function weightGradient(
  x: usize,
  z: usize,
  g: usize,
  lanes: usize,
  segments: i32,
  segment: i32,
  k: i32,
  first: i32,
  depth: i32,
  fours: i32,
  threes: i32,
  rest: i32,
  zTile: i32,
  rows: i32,
  xRow: i32,
  zRow: i32,
  cols: i32,
  xCol: i32,
  zCol: i32,
): void {
  const halves = lanes == 0 ? 2 : 1;
  for (let part = halves; part <= 2; part++) {
    let pz = z;
    let pg = g;
    for (let t = 0; t < fours; t++) {
      panel(x, pz, pg + (first << 6), 4, segments, segment, k, halves, rows, xRow, zRow, cols, xCol, zCol);
      pz += zTile == 0 ? 128 : zTile;
      pg += depth << 6;
    }
    for (let t = 0; t < threes; t++) {
      panel(x, pz, pg + first * 48, 3, segments, segment, k, halves, rows, xRow, zRow, cols, xCol, zCol);
      pz += zTile == 0 ? 96 : zTile;
      pg += depth * 48;
    }
    if (rest != 0) panel(x, pz, pg + ((first * rest) << 4), rest, segments, segment, k, halves, rows, xRow, zRow, cols, xCol, zCol);
    x += 16;
    z += 16;
    g += lanes;
  }
}
