/**
 * Batch and group norm share two passes: y = a[c]*x + b[c] and dx = A*dy + E*x + F with
 * one slot per channel and lane; they differ only in how those come about. Means and squared deviations are taken
 * per lane in two passes and combined as in Chan, Golub and LeVeque (1983): no cancellation.
 * Coefficient block: [a | b | mean | 1/deviation], each `channels` slots; backward: [A | E | F].
 */

/** Mean and sum of squared deviations of each channel and lane over rows x cols positions: out = [mean | m2]. */
export function channelMoments(x: usize, out: usize, rows: i32, xRow: i32, cols: i32, channels: i32): void {
  const step = channels << 5;
  const inverse = f32x4.splat(<f32>(1.0 / <f64>(rows * cols)));
  for (let i = 0; i < step; i += 32) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    for (let r = 0; r < rows; r++) {
      let p = x + r * xRow + i;
      for (let c = cols; c > 0; c--) {
        s0 = f32x4.add(s0, v128.load(p));
        s1 = f32x4.add(s1, v128.load(p, 16));
        p += step;
      }
    }
    const m0 = f32x4.mul(s0, inverse);
    const m1 = f32x4.mul(s1, inverse);
    s0 = f32x4.splat(0);
    s1 = s0;
    for (let r = 0; r < rows; r++) {
      let p = x + r * xRow + i;
      for (let c = cols; c > 0; c--) {
        const d = f32x4.sub(v128.load(p), m0);
        const e = f32x4.sub(v128.load(p, 16), m1);
        s0 = f32x4.add(s0, f32x4.mul(d, d));
        s1 = f32x4.add(s1, f32x4.mul(e, e));
        p += step;
      }
    }
    v128.store(out + i, m0);
    v128.store(out + i, m1, 16);
    v128.store(out + step + i, s0);
    v128.store(out + step + i, s1, 16);
  }
}

/** Group norm's coefficients from the moments, per lane. */
export function groupCoefficients(
  moments: usize,
  coefficients: usize,
  gamma: usize,
  beta: usize,
  positions: i32,
  channels: i32,
  groups: i32,
  eps: f32,
): void {
  const block = channels << 5;
  const width = (channels / groups) << 5;
  const n = f32x4.splat(<f32>positions);
  const inverse = f32x4.splat(<f32>(1.0 / <f64>(channels / groups)));
  const count = f32x4.splat(<f32>(1.0 / (<f64>positions * <f64>(channels / groups))));
  const one = f32x4.splat(1);
  for (let g = 0; g < block; g += width) {
    for (let q = 0; q < 32; q += 16) {
      const first = moments + g + q;
      let sum = f32x4.splat(0);
      for (let i = 0; i < width; i += 32) sum = f32x4.add(sum, v128.load(first + i));
      const mean = f32x4.mul(sum, inverse);
      let m2 = f32x4.splat(0);
      for (let i = 0; i < width; i += 32) {
        const d = f32x4.sub(v128.load(first + i), mean);
        m2 = f32x4.add(m2, f32x4.add(v128.load(first + block + i), f32x4.mul(n, f32x4.mul(d, d))));
      }
      const scale = f32x4.div(one, f32x4.sqrt(f32x4.add(f32x4.mul(m2, count), f32x4.splat(eps))));
      for (let i = 0; i < width; i += 32) {
        const at = g + q + i;
        const channel = (g + i) >> 3;
        const a = f32x4.mul(v128.load32_splat(gamma + channel), scale);
        v128.store(coefficients + at, a);
        v128.store(coefficients + block + at, f32x4.sub(v128.load32_splat(beta + channel), f32x4.mul(mean, a)));
        v128.store(coefficients + 2 * block + at, mean);
        v128.store(coefficients + 3 * block + at, scale);
      }
    }
  }
}

function storeSlot(at: usize, value: f32): void {
  const v = f32x4.splat(value);
  v128.store(at, v);
  v128.store(at, v, 16);
}

/**
 * Batch norm's coefficients from the moments of all octets; lanes with weight 0 (padding) are left out. Updates the
 * running mean and variance (unbiased, as PyTorch). Sums in double precision and in the order of examples.
 */
export function batchCoefficients(
  moments: usize,
  stride: usize,
  octets: i32,
  valid: usize,
  coefficients: usize,
  gamma: usize,
  beta: usize,
  runningMean: usize,
  runningVar: usize,
  positions: i32,
  channels: i32,
  momentum: f32,
  eps: f32,
): void {
  const block = channels << 5;
  for (let c = 0; c < channels; c++) {
    let lanes: f64 = 0;
    let sum: f64 = 0;
    for (let e = 0; e < octets << 3; e++) {
      if (load<f32>(valid + (e << 2)) == 0) continue;
      lanes += 1;
      sum += <f64>load<f32>(moments + (e >> 3) * stride + (c << 5) + ((e & 7) << 2));
    }
    const mean = sum / lanes;
    let m2: f64 = 0;
    for (let e = 0; e < octets << 3; e++) {
      if (load<f32>(valid + (e << 2)) == 0) continue;
      const at = moments + (e >> 3) * stride + (c << 5) + ((e & 7) << 2);
      const d = <f64>load<f32>(at) - mean;
      m2 += <f64>load<f32>(at + block) + <f64>positions * d * d;
    }
    const n = lanes * <f64>positions;
    const variance = m2 / n;
    const scale = 1 / sqrt(variance + <f64>eps);
    const a = <f64>load<f32>(gamma + (c << 2)) * scale;
    const at = coefficients + (c << 5);
    storeSlot(at, <f32>a);
    storeSlot(at + block, <f32>(<f64>load<f32>(beta + (c << 2)) - mean * a));
    storeSlot(at + 2 * block, <f32>mean);
    storeSlot(at + 3 * block, <f32>scale);
    const m = <f64>momentum;
    const unbiased = n > 1 ? m2 / (n - 1) : m2;
    store<f32>(runningMean + (c << 2), <f32>((1 - m) * <f64>load<f32>(runningMean + (c << 2)) + m * mean));
    store<f32>(runningVar + (c << 2), <f32>((1 - m) * <f64>load<f32>(runningVar + (c << 2)) + m * unbiased));
  }
}

/** Batch norm's coefficients in evaluation, from the running statistics. */
export function runningCoefficients(
  coefficients: usize,
  gamma: usize,
  beta: usize,
  runningMean: usize,
  runningVar: usize,
  channels: i32,
  eps: f32,
): void {
  const block = channels << 5;
  for (let c = 0; c < channels; c++) {
    const mean = <f64>load<f32>(runningMean + (c << 2));
    const scale = 1 / sqrt(<f64>load<f32>(runningVar + (c << 2)) + <f64>eps);
    const a = <f64>load<f32>(gamma + (c << 2)) * scale;
    const at = coefficients + (c << 5);
    storeSlot(at, <f32>a);
    storeSlot(at + block, <f32>(<f64>load<f32>(beta + (c << 2)) - mean * a));
    storeSlot(at + 2 * block, <f32>mean);
    storeSlot(at + 3 * block, <f32>scale);
  }
}

/** y = a*x + b, then ReLU where `relu`. */
export function normApply(
  x: usize,
  coefficients: usize,
  y: usize,
  rows: i32,
  xRow: i32,
  yRow: i32,
  cols: i32,
  channels: i32,
  relu: i32,
): void {
  const step = channels << 5;
  const zero = f32x4.splat(0);
  for (let i = 0; i < step; i += 16) {
    const a = v128.load(coefficients + i);
    const b = v128.load(coefficients + step + i);
    for (let r = 0; r < rows; r++) {
      let p = x + r * xRow + i;
      let o = y + r * yRow + i;
      if (relu) {
        for (let c = cols; c > 0; c--) {
          v128.store(o, f32x4.pmax(f32x4.add(f32x4.mul(a, v128.load(p)), b), zero));
          p += step;
          o += step;
        }
      } else {
        for (let c = cols; c > 0; c--) {
          v128.store(o, f32x4.add(f32x4.mul(a, v128.load(p)), b));
          p += step;
          o += step;
        }
      }
    }
  }
}

/** sums = [sum dy | sum dy*xhat] per channel and lane. With `relu`, dy counts only where the output was positive. */
export function normSums(
  x: usize,
  dy: usize,
  coefficients: usize,
  sums: usize,
  rows: i32,
  xRow: i32,
  yRow: i32,
  cols: i32,
  channels: i32,
  relu: i32,
): void {
  const step = channels << 5;
  const zero = f32x4.splat(0);
  for (let i = 0; i < step; i += 16) {
    const a = v128.load(coefficients + i);
    const b = v128.load(coefficients + step + i);
    const mean = v128.load(coefficients + 2 * step + i);
    let s1 = f32x4.splat(0);
    let s2 = s1;
    for (let r = 0; r < rows; r++) {
      let p = x + r * xRow + i;
      let o = dy + r * yRow + i;
      for (let c = cols; c > 0; c--) {
        const v = v128.load(p);
        let d = v128.load(o);
        if (relu) d = v128.and(d, f32x4.gt(f32x4.add(f32x4.mul(a, v), b), zero));
        s1 = f32x4.add(s1, d);
        s2 = f32x4.add(s2, f32x4.mul(d, f32x4.sub(v, mean)));
        p += step;
        o += step;
      }
    }
    v128.store(sums + i, s1);
    v128.store(sums + step + i, f32x4.mul(s2, v128.load(coefficients + 3 * step + i)));
  }
}

/** Adds dgamma and dbeta per lane to their gradients. */
export function normGradient(sums: usize, channels: i32, gGamma: usize, gBeta: usize, lanes: usize): void {
  const block = channels << 5;
  for (let c = 0; c < channels; c++) {
    for (let q: usize = 0; q < 2; q++) {
      const beta = gBeta + (c << 4) + q * lanes;
      const gamma = gGamma + (c << 4) + q * lanes;
      const at = sums + (c << 5) + (q << 4);
      v128.store(beta, f32x4.add(v128.load(beta), v128.load(at)));
      v128.store(gamma, f32x4.add(v128.load(gamma), v128.load(at + block)));
    }
  }
}

/** dx = A*dy + E*x + F for group norm, per lane: out = [A | E | F]. */
export function groupBackward(
  sums: usize,
  coefficients: usize,
  out: usize,
  gamma: usize,
  positions: i32,
  channels: i32,
  groups: i32,
): void {
  const block = channels << 5;
  const width = (channels / groups) << 5;
  const inverse = f32x4.splat(<f32>(1.0 / (<f64>positions * <f64>(channels / groups))));
  for (let g = 0; g < block; g += width) {
    for (let q = 0; q < 32; q += 16) {
      let s1 = f32x4.splat(0);
      let s2 = s1;
      for (let i = 0; i < width; i += 32) {
        const weight = v128.load32_splat(gamma + ((g + i) >> 3));
        s1 = f32x4.add(s1, f32x4.mul(weight, v128.load(sums + g + q + i)));
        s2 = f32x4.add(s2, f32x4.mul(weight, v128.load(sums + block + g + q + i)));
      }
      const at = g + q;
      const mean = v128.load(coefficients + 2 * block + at);
      const scale = v128.load(coefficients + 3 * block + at);
      const m1 = f32x4.mul(f32x4.mul(s1, inverse), scale);
      const m2 = f32x4.mul(f32x4.mul(f32x4.mul(s2, inverse), scale), scale);
      for (let i = 0; i < width; i += 32) {
        v128.store(out + at + i, v128.load(coefficients + at + i));
        v128.store(out + block + at + i, f32x4.neg(m2));
        v128.store(out + 2 * block + at + i, f32x4.sub(f32x4.mul(m2, mean), m1));
      }
    }
  }
}

/** The same for batch norm, from the sums of all octets; adds dgamma and dbeta to lane 0 of their gradients. */
export function batchBackward(
  sums: usize,
  stride: usize,
  octets: i32,
  valid: usize,
  coefficients: usize,
  out: usize,
  gGamma: usize,
  gBeta: usize,
  positions: i32,
  channels: i32,
): void {
  const block = channels << 5;
  for (let c = 0; c < channels; c++) {
    let lanes: f64 = 0;
    let s1: f64 = 0;
    let s2: f64 = 0;
    for (let e = 0; e < octets << 3; e++) {
      if (load<f32>(valid + (e << 2)) == 0) continue;
      lanes += 1;
      const at = sums + (e >> 3) * stride + (c << 5) + ((e & 7) << 2);
      s1 += <f64>load<f32>(at);
      s2 += <f64>load<f32>(at + block);
    }
    store<f32>(gBeta + (c << 4), load<f32>(gBeta + (c << 4)) + <f32>s1);
    store<f32>(gGamma + (c << 4), load<f32>(gGamma + (c << 4)) + <f32>s2);
    const n = lanes * <f64>positions;
    const at = c << 5;
    const a = <f64>load<f32>(coefficients + at);
    const mean = <f64>load<f32>(coefficients + 2 * block + at);
    const scale = <f64>load<f32>(coefficients + 3 * block + at);
    const e = (-a * scale * s2) / n;
    storeSlot(out + at, <f32>a);
    storeSlot(out + block + at, <f32>e);
    storeSlot(out + 2 * block + at, <f32>((-a * s1) / n - e * mean));
  }
}

/** dx = A*dy + valid*(E*x + F); `valid` keeps padding lanes of a batch-normed batch at zero. */
export function normBackward(
  x: usize,
  dy: usize,
  coefficients: usize,
  back: usize,
  valid: usize,
  dx: usize,
  rows: i32,
  xRow: i32,
  yRow: i32,
  dRow: i32,
  cols: i32,
  channels: i32,
  relu: i32,
  add: i32,
): void {
  const step = channels << 5;
  const zero = f32x4.splat(0);
  for (let i = 0; i < step; i += 16) {
    const a = v128.load(coefficients + i);
    const b = v128.load(coefficients + step + i);
    const lane = v128.load(valid + (i & 16));
    const A = v128.load(back + i);
    const E = f32x4.mul(lane, v128.load(back + step + i));
    const F = f32x4.mul(lane, v128.load(back + 2 * step + i));
    for (let r = 0; r < rows; r++) {
      let p = x + r * xRow + i;
      let o = dy + r * yRow + i;
      let u = dx + r * dRow + i;
      for (let c = cols; c > 0; c--) {
        const v = v128.load(p);
        let d = v128.load(o);
        if (relu) d = v128.and(d, f32x4.gt(f32x4.add(f32x4.mul(a, v), b), zero));
        d = f32x4.add(f32x4.add(f32x4.mul(A, d), f32x4.mul(E, v)), F);
        if (add) d = f32x4.add(d, v128.load(u));
        v128.store(u, d);
        p += step;
        o += step;
        u += step;
      }
    }
  }
}
