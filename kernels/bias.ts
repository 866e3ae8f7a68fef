/**
 * Bias gradients: sums of z over positions, per lane. Four outputs at a time: one alone would wait for its own sum.
 */

function addTo(g: usize, twin: usize, v: v128): void {
  v128.store(g, f32x4.add(v128.load(g), v));
  if (twin != 0) v128.store(g + twin, f32x4.add(v128.load(g + twin), v));
}

function four(z: usize, g: usize, lanes: usize, twin: usize, rows: i32, zRow: i32, cols: i32, zCol: i32): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let b0 = a0;
  let b1 = a0;
  let c0 = a0;
  let c1 = a0;
  let d0 = a0;
  let d1 = a0;
  for (let r = 0; r < rows; r++) {
    let p = z;
    for (let c = cols; c > 0; c--) {
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      b0 = f32x4.add(b0, v128.load(p, 32));
      b1 = f32x4.add(b1, v128.load(p, 48));
      c0 = f32x4.add(c0, v128.load(p, 64));
      c1 = f32x4.add(c1, v128.load(p, 80));
      d0 = f32x4.add(d0, v128.load(p, 96));
      d1 = f32x4.add(d1, v128.load(p, 112));
      p += zCol;
    }
    z += zRow;
  }
  addTo(g, twin, a0);
  addTo(g + lanes, twin, a1);
  addTo(g + 16, twin, b0);
  addTo(g + 16 + lanes, twin, b1);
  addTo(g + 32, twin, c0);
  addTo(g + 32 + lanes, twin, c1);
  addTo(g + 48, twin, d0);
  addTo(g + 48 + lanes, twin, d1);
}

function single(z: usize, g: usize, lanes: usize, twin: usize, rows: i32, zRow: i32, cols: i32, zCol: i32): void {
  let a = f32x4.splat(0);
  let b = a;
  for (let r = 0; r < rows; r++) {
    let p = z;
    for (let c = cols; c > 0; c--) {
      a = f32x4.add(a, v128.load(p));
      b = f32x4.add(b, v128.load(p, 16));
      p += zCol;
    }
    z += zRow;
  }
  addTo(g, twin, a);
  addTo(g + lanes, twin, b);
}

/**
 * Bias gradients: g[n][lane] += sum over positions of z[position][n]. Reads `width` of every `pitch` slots (`tiles`
 * groups), so that the gates of a recurrent unit can be taken apart. The same is added `twin` bytes on (0: nowhere):
 * PyTorch's recurrent layers have two biases with equal gradients.
 */
export function biasGradient(
  z: usize,
  g: usize,
  lanes: usize,
  twin: usize,
  tiles: i32,
  width: i32,
  pitch: i32,
  rows: i32,
  zRow: i32,
  cols: i32,
  zCol: i32,
): void {
  for (let t = 0; t < tiles; t++) {
    let pz = z + ((t * pitch) << 5);
    let pg = g + ((t * width) << 4);
    let n = 0;
    for (; n + 3 < width; n += 4) {
      four(pz, pg, lanes, twin, rows, zRow, cols, zCol);
      pz += 128;
      pg += 64;
    }
    for (; n < width; n++) {
      single(pz, pg, lanes, twin, rows, zRow, cols, zCol);
      pz += 32;
      pg += 16;
    }
  }
}
