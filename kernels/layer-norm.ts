/** Layer norm: each position has its own mean and deviation over its channels, taken in two passes. */

/** Layer norm over the channels of each position; stats keeps [mean, 1/deviation] slots per position. */
export function layerNorm(
  x: usize,
  y: usize,
  stats: usize,
  gamma: usize,
  beta: usize,
  rows: i32,
  xRow: i32,
  yRow: i32,
  cols: i32,
  channels: i32,
  eps: f32,
): void {
  const step = channels << 5;
  const inverse = f32x4.splat(<f32>(1.0 / <f64>channels));
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      for (let q = 0; q < 32; q += 16) {
        const p = x + r * xRow + c * step + q;
        const o = y + r * yRow + c * step + q;
        let sum = f32x4.splat(0);
        for (let i = 0; i < step; i += 32) sum = f32x4.add(sum, v128.load(p + i));
        const mean = f32x4.mul(sum, inverse);
        sum = f32x4.splat(0);
        for (let i = 0; i < step; i += 32) {
          const d = f32x4.sub(v128.load(p + i), mean);
          sum = f32x4.add(sum, f32x4.mul(d, d));
        }
        const scale = f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(f32x4.mul(sum, inverse), f32x4.splat(eps))));
        for (let i = 0; i < step; i += 32) {
          const hat = f32x4.mul(f32x4.sub(v128.load(p + i), mean), scale);
          const a = v128.load32_splat(gamma + (i >> 3));
          v128.store(o + i, f32x4.add(f32x4.mul(hat, a), v128.load32_splat(beta + (i >> 3))));
        }
        v128.store(stats + q, mean);
        v128.store(stats + 32 + q, scale);
      }
      stats += 64;
    }
  }
}

export function layerNormBackward(
  x: usize,
  dy: usize,
  dx: usize,
  stats: usize,
  gamma: usize,
  gGamma: usize,
  gBeta: usize,
  lanes: usize,
  rows: i32,
  xRow: i32,
  yRow: i32,
  dRow: i32,
  cols: i32,
  channels: i32,
  input: i32,
  add: i32,
): void {
  const step = channels << 5;
  const inverse = f32x4.splat(<f32>(1.0 / <f64>channels));
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      for (let q = 0; q < 32; q += 16) {
        const p = x + r * xRow + c * step + q;
        const o = dy + r * yRow + c * step + q;
        const u = dx + r * dRow + c * step + q;
        const mean = v128.load(stats + q);
        const scale = v128.load(stats + 32 + q);
        const g = q == 0 ? 0 : lanes;
        let s1 = f32x4.splat(0);
        let s2 = s1;
        for (let i = 0; i < step; i += 32) {
          const d = v128.load(o + i);
          const hat = f32x4.mul(f32x4.sub(v128.load(p + i), mean), scale);
          const w = f32x4.mul(d, v128.load32_splat(gamma + (i >> 3)));
          const dh = f32x4.mul(d, hat);
          s1 = f32x4.add(s1, w);
          s2 = f32x4.add(s2, f32x4.mul(w, hat));
          const ga = gGamma + g + (i >> 1);
          const gb = gBeta + g + (i >> 1);
          v128.store(ga, f32x4.add(v128.load(ga), dh));
          v128.store(gb, f32x4.add(v128.load(gb), d));
        }
        if (!input) continue;
        s1 = f32x4.mul(s1, inverse);
        s2 = f32x4.mul(s2, inverse);
        for (let i = 0; i < step; i += 32) {
          const hat = f32x4.mul(f32x4.sub(v128.load(p + i), mean), scale);
          const w = f32x4.mul(v128.load(o + i), v128.load32_splat(gamma + (i >> 3)));
          let d = f32x4.mul(scale, f32x4.sub(f32x4.sub(w, s1), f32x4.mul(hat, s2)));
          if (add) d = f32x4.add(d, v128.load(u + i));
          v128.store(u + i, d);
        }
      }
      stats += 64;
    }
  }
}
