/**
 * A channel norm, its ReLU and average pooling by 2 x 2 in one pass each way: neither the normed image nor its gradient
 * is stored. Windows at an odd edge hold fewer values and divide by their number (ceil mode), as PyTorch's do.
 * Coefficients as in norm.ts; x is height x width, y and dy half of it, rounded up.
 */

/** y = mean over the window of max(0, a*x + b). */
export function normPool(
  x: usize,
  coefficients: usize,
  y: usize,
  height: i32,
  width: i32,
  xRow: i32,
  yRow: i32,
  channels: i32,
): void {
  const step = channels << 5;
  const zero = f32x4.splat(0);
  const quarter = f32x4.splat(0.25);
  const pairs = width >> 1;
  for (let i = 0; i < step; i += 16) {
    const a = v128.load(coefficients + i);
    const b = v128.load(coefficients + step + i);
    for (let r = 0; r < height; r += 2) {
      let p = x + r * xRow + i;
      // At an odd edge a value stands for its missing neighbour: sums double exactly, the mean is the same.
      let q = r + 1 < height ? p + xRow : p;
      let o = y + (r >> 1) * yRow + i;
      for (let c = pairs; c > 0; c--) {
        const u = f32x4.add(
          f32x4.pmax(f32x4.add(f32x4.mul(a, v128.load(p)), b), zero),
          f32x4.pmax(f32x4.add(f32x4.mul(a, v128.load(p + step)), b), zero),
        );
        const v = f32x4.add(
          f32x4.pmax(f32x4.add(f32x4.mul(a, v128.load(q)), b), zero),
          f32x4.pmax(f32x4.add(f32x4.mul(a, v128.load(q + step)), b), zero),
        );
        v128.store(o, f32x4.mul(f32x4.add(u, v), quarter));
        p += step << 1;
        q += step << 1;
        o += step;
      }
      if (width & 1) {
        const u = f32x4.pmax(f32x4.add(f32x4.mul(a, v128.load(p)), b), zero);
        const v = f32x4.pmax(f32x4.add(f32x4.mul(a, v128.load(q)), b), zero);
        v128.store(o, f32x4.mul(f32x4.add(u, v), f32x4.splat(0.5)));
      }
    }
  }
}

/** sums = [sum d | sum d*xhat] per channel and lane, where d is the gradient behind the ReLU. */
export function normPoolSums(
  x: usize,
  dy: usize,
  coefficients: usize,
  sums: usize,
  height: i32,
  width: i32,
  xRow: i32,
  yRow: i32,
  channels: i32,
): void {
  const step = channels << 5;
  const zero = f32x4.splat(0);
  const pairs = width >> 1;
  for (let i = 0; i < step; i += 16) {
    const a = v128.load(coefficients + i);
    const b = v128.load(coefficients + step + i);
    const mean = v128.load(coefficients + 2 * step + i);
    let s1 = zero;
    let s2 = zero;
    let t1 = zero;
    let t2 = zero;
    for (let r = 0; r < height; r++) {
      const factor = f32x4.splat((r | 1) < height ? 0.25 : 0.5);
      let p = x + r * xRow + i;
      let o = dy + (r >> 1) * yRow + i;
      for (let c = pairs; c > 0; c--) {
        const d = f32x4.mul(v128.load(o), factor);
        let v = v128.load(p);
        let m = v128.and(d, f32x4.gt(f32x4.add(f32x4.mul(a, v), b), zero));
        s1 = f32x4.add(s1, m);
        s2 = f32x4.add(s2, f32x4.mul(m, f32x4.sub(v, mean)));
        v = v128.load(p + step);
        m = v128.and(d, f32x4.gt(f32x4.add(f32x4.mul(a, v), b), zero));
        t1 = f32x4.add(t1, m);
        t2 = f32x4.add(t2, f32x4.mul(m, f32x4.sub(v, mean)));
        p += step << 1;
        o += step;
      }
      if (width & 1) {
        const v = v128.load(p);
        let m = f32x4.mul(v128.load(o), f32x4.add(factor, factor));
        m = v128.and(m, f32x4.gt(f32x4.add(f32x4.mul(a, v), b), zero));
        s1 = f32x4.add(s1, m);
        s2 = f32x4.add(s2, f32x4.mul(m, f32x4.sub(v, mean)));
      }
    }
    v128.store(sums + i, f32x4.add(s1, t1));
    v128.store(sums + step + i, f32x4.mul(f32x4.add(s2, t2), v128.load(coefficients + 3 * step + i)));
  }
}

/** dx = A*d + valid*(E*x + F), as normBackward. */
export function normPoolBackward(
  x: usize,
  dy: usize,
  coefficients: usize,
  back: usize,
  valid: usize,
  dx: usize,
  height: i32,
  width: i32,
  xRow: i32,
  yRow: i32,
  dRow: i32,
  channels: i32,
  add: i32,
): void {
  const step = channels << 5;
  const zero = f32x4.splat(0);
  const pairs = width >> 1;
  for (let i = 0; i < step; i += 16) {
    const a = v128.load(coefficients + i);
    const b = v128.load(coefficients + step + i);
    const lane = v128.load(valid + (i & 16));
    const A = v128.load(back + i);
    const E = f32x4.mul(lane, v128.load(back + step + i));
    const F = f32x4.mul(lane, v128.load(back + 2 * step + i));
    for (let r = 0; r < height; r++) {
      const factor = f32x4.mul(A, f32x4.splat((r | 1) < height ? 0.25 : 0.5));
      let p = x + r * xRow + i;
      let o = dy + (r >> 1) * yRow + i;
      let u = dx + r * dRow + i;
      for (let c = pairs; c > 0; c--) {
        const d = f32x4.mul(v128.load(o), factor);
        let v = v128.load(p);
        let m = v128.and(d, f32x4.gt(f32x4.add(f32x4.mul(a, v), b), zero));
        m = f32x4.add(f32x4.add(m, f32x4.mul(E, v)), F);
        if (add) m = f32x4.add(m, v128.load(u));
        v128.store(u, m);
        v = v128.load(p + step);
        m = v128.and(d, f32x4.gt(f32x4.add(f32x4.mul(a, v), b), zero));
        m = f32x4.add(f32x4.add(m, f32x4.mul(E, v)), F);
        if (add) m = f32x4.add(m, v128.load(u + step));
        v128.store(u + step, m);
        p += step << 1;
        u += step << 1;
        o += step;
      }
      if (width & 1) {
        const v = v128.load(p);
        let m = f32x4.mul(v128.load(o), f32x4.add(factor, factor));
        m = v128.and(m, f32x4.gt(f32x4.add(f32x4.mul(a, v), b), zero));
        m = f32x4.add(f32x4.add(m, f32x4.mul(E, v)), F);
        if (add) m = f32x4.add(m, v128.load(u));
        v128.store(u, m);
      }
    }
  }
}
