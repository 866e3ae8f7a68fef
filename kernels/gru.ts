/**
 * GRU as PyTorch: the reset gate multiplies the hidden product, n = tanh(x_n + r*h_n). A unit's slots are [n, r, z, m]
 * with m = h_n kept for the way back, so that the input's gates (n, r, z) and the hidden ones (r, z, m) are each three
 * neighbours. Panels: input weights [features][3], hidden weights [units][3], biases [n, r, z, m] already summed.
 */
import { affine } from "./affine";
import { SQUASH_SIGMOID, SQUASH_TANH, squashRuns } from "./math";

function gateTile(x: usize, xRun: usize, h: usize, hRun: usize, wx: usize, wh: usize, b: usize, y: usize): void {
  let n0 = v128.load32_splat(b);
  let n1 = n0;
  let r0 = v128.load32_splat(b, 4);
  let r1 = r0;
  let z0 = v128.load32_splat(b, 8);
  let z1 = z0;
  let m0 = v128.load32_splat(b, 12);
  let m1 = m0;
  let end = x + xRun;
  do {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    let s = v128.load32_splat(wx);
    n0 = f32x4.add(n0, f32x4.mul(s, x0));
    n1 = f32x4.add(n1, f32x4.mul(s, x1));
    s = v128.load32_splat(wx, 4);
    r0 = f32x4.add(r0, f32x4.mul(s, x0));
    r1 = f32x4.add(r1, f32x4.mul(s, x1));
    s = v128.load32_splat(wx, 8);
    z0 = f32x4.add(z0, f32x4.mul(s, x0));
    z1 = f32x4.add(z1, f32x4.mul(s, x1));
    x += 32;
    wx += 12;
  } while (x < end);
  end = h + hRun;
  while (h < end) {
    const x0 = v128.load(h);
    const x1 = v128.load(h, 16);
    let s = v128.load32_splat(wh);
    r0 = f32x4.add(r0, f32x4.mul(s, x0));
    r1 = f32x4.add(r1, f32x4.mul(s, x1));
    s = v128.load32_splat(wh, 4);
    z0 = f32x4.add(z0, f32x4.mul(s, x0));
    z1 = f32x4.add(z1, f32x4.mul(s, x1));
    s = v128.load32_splat(wh, 8);
    m0 = f32x4.add(m0, f32x4.mul(s, x0));
    m1 = f32x4.add(m1, f32x4.mul(s, x1));
    h += 32;
    wh += 12;
  }
  v128.store(y, n0);
  v128.store(y, n1, 16);
  v128.store(y, r0, 32);
  v128.store(y, r1, 48);
  v128.store(y, z0, 64);
  v128.store(y, z1, 80);
  v128.store(y, m0, 96);
  v128.store(y, m1, 112);
}

export function gruForward(
  x: usize,
  xStep: i32,
  h: usize,
  hStep: i32,
  gates: usize,
  gateStep: i32,
  wx: usize,
  wh: usize,
  b: usize,
  steps: i32,
  features: i32,
  units: i32,
): void {
  const zero = f32x4.splat(0);
  for (let t = 0; t < steps; t++) {
    let g = gates;
    for (let u = 0; u < units; u++) {
      gateTile(x, features << 5, h - hStep, t > 0 ? units << 5 : 0, wx + u * features * 12, wh + u * units * 12, b + (u << 4), g);
      g += 128;
    }
    squashRuns(SQUASH_SIGMOID, gates + 32, units, 64, 128);
    for (let u = 0; u < units << 5; u += 16) {
      const p = gates + ((u >> 5) << 7) + (u & 16);
      v128.store(p, f32x4.add(v128.load(p), f32x4.mul(v128.load(p, 32), v128.load(p, 96))));
    }
    squashRuns(SQUASH_TANH, gates, units, 32, 128);
    for (let u = 0; u < units << 5; u += 16) {
      const p = gates + ((u >> 5) << 7) + (u & 16);
      const n = v128.load(p);
      const before = t > 0 ? v128.load(h - hStep + u) : zero;
      v128.store(h + u, f32x4.add(n, f32x4.mul(v128.load(p, 64), f32x4.sub(before, n))));
    }
    gates += gateStep;
    x += xStep;
    h += hStep;
  }
}

/**
 * Back through time, as lstmBackward. h points at the last step's state. gates become gradients in place, in the same
 * order. wt: panels [4*units][units], zero where a slot (n) does not come from the hidden state.
 */
export function gruBackward(
  dh: usize,
  dStep: i32,
  all: i32,
  h: usize,
  hStep: i32,
  gates: usize,
  gateStep: i32,
  carry: usize,
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
  for (let t = steps - 1; t >= 0; t--) {
    const g = gates + t * gateStep;
    for (let u = 0; u < row; u += 16) {
      const p = g + ((u >> 5) << 7) + (u & 16);
      const n = v128.load(p);
      const r = v128.load(p, 32);
      const z = v128.load(p, 64);
      const m = v128.load(p, 96);
      // As in the LSTM: no subnormal numbers.
      let d = v128.load(dh + u);
      d = v128.and(d, f32x4.gt(f32x4.abs(d), least));
      const before = t > 0 ? v128.load(h - hStep + u) : zero;
      const dn = f32x4.mul(f32x4.mul(d, f32x4.sub(one, z)), f32x4.sub(one, f32x4.mul(n, n)));
      v128.store(p, dn);
      v128.store(p, f32x4.mul(f32x4.mul(dn, m), f32x4.mul(r, f32x4.sub(one, r))), 32);
      v128.store(p, f32x4.mul(f32x4.mul(d, f32x4.sub(before, n)), f32x4.mul(z, f32x4.sub(one, z))), 64);
      v128.store(p, f32x4.mul(dn, r), 96);
      v128.store(carry + u, f32x4.mul(d, z));
    }
    h -= hStep;
    dh -= dStep;
    if (t == 0) break;
    for (let u = 0; u < row; u += 16) {
      const d = v128.load(carry + u);
      v128.store(dh + u, all ? f32x4.add(d, v128.load(dh + u)) : d);
    }
    affine(g, wt, 0, dh, 1, 0, units << 2, fours, threes, rest, 1, 0, 0, 1, 0, 0, 2);
  }
}
