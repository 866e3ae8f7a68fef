/**
 * LSTM (gates i, f, o, g in this order; two biases summed into b). Panels of one unit's four gates, [features + units][4], so that
 * one tile of the microkernel makes a unit's gates. Activations are separate flat passes: fused into the tile they
 * would wait for its sums.
 *
 * Buffers: gates [steps][units][4], `gateStep` bytes per step (an odd number of 128: at powers of two the same gate of
 * all steps would fall into one cache set), cells and tanh(cells) [steps][units]. Steps of x and h may be negative (the
 * reverse direction reads and writes from the end).
 */
import { affine } from "./affine";
import { cellPass, SQUASH_SIGMOID, SQUASH_TANH, squashRuns } from "./math";

function gateTile(x: usize, xRun: usize, h: usize, hRun: usize, w: usize, b: usize, y: usize): void {
  let a0 = v128.load32_splat(b);
  let a1 = a0;
  let b0 = v128.load32_splat(b, 4);
  let b1 = b0;
  let c0 = v128.load32_splat(b, 8);
  let c1 = c0;
  let d0 = v128.load32_splat(b, 12);
  let d1 = d0;
  let end = x + xRun;
  do {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
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
    x += 32;
    w += 16;
  } while (x < end);
  end = h + hRun;
  while (h < end) {
    const x0 = v128.load(h);
    const x1 = v128.load(h, 16);
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
    h += 32;
    w += 16;
  }
  v128.store(y, a0);
  v128.store(y, a1, 16);
  v128.store(y, b0, 32);
  v128.store(y, b1, 48);
  v128.store(y, c0, 64);
  v128.store(y, c1, 80);
  v128.store(y, d0, 96);
  v128.store(y, d1, 112);
}

export function lstmForward(
  x: usize,
  xStep: i32,
  h: usize,
  hStep: i32,
  gates: usize,
  gateStep: i32,
  cells: usize,
  squashed: usize,
  w: usize,
  b: usize,
  steps: i32,
  features: i32,
  units: i32,
): void {
  const panel = (features + units) << 4;
  for (let t = 0; t < steps; t++) {
    let g = gates;
    for (let u = 0; u < units; u++) {
      gateTile(x, features << 5, h - hStep, t > 0 ? units << 5 : 0, w + u * panel, b + (u << 4), g);
      g += 128;
    }
    squashRuns(SQUASH_SIGMOID, gates, units, 96, 128);
    squashRuns(SQUASH_TANH, gates + 96, units, 32, 128);
    cellPass(gates, cells - (units << 5), cells, squashed, h, units << 5, t == 0);
    gates += gateStep;
    cells += units << 5;
    squashed += units << 5;
    x += xStep;
    h += hStep;
  }
}

/**
 * Back through time. dh points at the gradient of the last step's h and moves by -hStep: a whole sequence of gradients
 * (`all`), or with hStep 0 one work slot row. gates become gradients of the pre-activations in place; dc is a zeroed
 * work row. wt are the panels of the transposed recurrent weights, [4*units][units]. Weight gradients are taken after.
 */
export function lstmBackward(
  dh: usize,
  hStep: i32,
  all: i32,
  gates: usize,
  gateStep: i32,
  cells: usize,
  squashed: usize,
  dc: usize,
  wt: usize,
  fours: i32,
  threes: i32,
  rest: i32,
  steps: i32,
  units: i32,
): void {
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  const least = f32x4.splat(1e-30);
  const row = units << 5;
  memory.fill(dc, 0, row);
  for (let t = steps - 1; t >= 0; t--) {
    const g = gates + t * gateStep;
    const c = cells + t * row;
    const s = squashed + t * row;
    for (let u = 0; u < row; u += 16) {
      const p = g + ((u >> 5) << 7) + (u & 16);
      const i = v128.load(p);
      const f = v128.load(p, 32);
      const o = v128.load(p, 64);
      const k = v128.load(p, 96);
      // Gradients that fade over a long window would end in subnormal numbers, which are several times slower.
      let d = v128.load(dh + u);
      d = v128.and(d, f32x4.gt(f32x4.abs(d), least));
      const th = v128.load(s + u);
      const dout = f32x4.mul(d, o);
      let dcell = f32x4.add(v128.load(dc + u), f32x4.sub(dout, f32x4.mul(dout, f32x4.mul(th, th))));
      dcell = v128.and(dcell, f32x4.gt(f32x4.abs(dcell), least));
      v128.store(dc + u, f32x4.mul(dcell, f));
      const before = t > 0 ? v128.load(c - row + u) : zero;
      v128.store(p, f32x4.mul(f32x4.mul(dcell, k), f32x4.mul(i, f32x4.sub(one, i))));
      v128.store(p, f32x4.mul(f32x4.mul(dcell, before), f32x4.mul(f, f32x4.sub(one, f))), 32);
      v128.store(p, f32x4.mul(f32x4.mul(dcell, i), f32x4.sub(one, f32x4.mul(k, k))), 96);
      v128.store(p, f32x4.mul(f32x4.mul(d, th), f32x4.mul(o, f32x4.sub(one, o))), 64);
    }
    dh -= hStep;
    if (t > 0) affine(g, wt, 0, dh, 1, 0, units << 2, fours, threes, rest, 1, 0, 0, 1, 0, 0, all ? 2 : 0);
  }
}
