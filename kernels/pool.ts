/**
 * Average and max pooling of [H, W, C]; a sequence is an image one value wide. Windows that hang over the edge (ceil
 * mode) use their valid part and divide by its size, as PyTorch does without padding.
 */

export function pool(
  max: i32,
  x: usize,
  y: usize,
  height: i32,
  width: i32,
  xRow: i32,
  outHeight: i32,
  outWidth: i32,
  yRow: i32,
  channels: i32,
  kernelY: i32,
  kernelX: i32,
  strideY: i32,
  strideX: i32,
): void {
  const step = channels << 5;
  for (let oy = 0; oy < outHeight; oy++) {
    const y0 = oy * strideY;
    const ny = min(kernelY, height - y0);
    for (let ox = 0; ox < outWidth; ox++) {
      const x0 = ox * strideX;
      const nx = min(kernelX, width - x0);
      const p = x + y0 * xRow + x0 * step;
      const o = y + oy * yRow + ox * step;
      const factor = f32x4.splat(<f32>(1.0 / <f64>(ny * nx)));
      for (let i = 0; i < step; i += 16) {
        let v = v128.load(p + i);
        if (max) {
          for (let r = 0; r < ny; r++) {
            const row = p + r * xRow + i;
            for (let c = 0; c < nx; c++) {
              const u = v128.load(row + c * step);
              // A NaN replaces the value and stays.
              v = v128.bitselect(u, v, v128.or(f32x4.gt(u, v), f32x4.ne(u, u)));
            }
          }
        } else {
          v = f32x4.splat(0);
          for (let r = 0; r < ny; r++) {
            const row = p + r * xRow + i;
            for (let c = 0; c < nx; c++) v = f32x4.add(v, v128.load(row + c * step));
          }
          v = f32x4.mul(v, factor);
        }
        v128.store(o + i, v);
      }
    }
  }
}

/**
 * Adds to dx (which the caller has zeroed, or which holds other consumers' gradients), or writes where the windows cover
 * everything once. Ties of a maximum go to the first.
 */
export function poolBackward(
  max: i32,
  x: usize,
  y: usize,
  dy: usize,
  dx: usize,
  height: i32,
  width: i32,
  xRow: i32,
  dxRow: i32,
  outHeight: i32,
  outWidth: i32,
  yRow: i32,
  dyRow: i32,
  channels: i32,
  kernelY: i32,
  kernelX: i32,
  strideY: i32,
  strideX: i32,
  add: i32,
): void {
  const step = channels << 5;
  for (let oy = 0; oy < outHeight; oy++) {
    const y0 = oy * strideY;
    const ny = min(kernelY, height - y0);
    for (let ox = 0; ox < outWidth; ox++) {
      const x0 = ox * strideX;
      const nx = min(kernelX, width - x0);
      const at = x + y0 * xRow + x0 * step;
      const to = dx + y0 * dxRow + x0 * step;
      const o = y + oy * yRow + ox * step;
      const from = dy + oy * dyRow + ox * step;
      const factor = f32x4.splat(<f32>(1.0 / <f64>(ny * nx)));
      for (let i = 0; i < step; i += 16) {
        let d = v128.load(from + i);
        if (max) {
          const top = v128.load(o + i);
          for (let r = 0; r < ny; r++) {
            for (let c = 0; c < nx; c++) {
              const u = to + r * dxRow + c * step + i;
              const hit = f32x4.eq(v128.load(at + r * xRow + c * step + i), top);
              const part = v128.and(d, hit);
              v128.store(u, add ? f32x4.add(v128.load(u), part) : part);
              d = v128.andnot(d, hit);
            }
          }
        } else {
          d = f32x4.mul(d, factor);
          for (let r = 0; r < ny; r++) {
            const u = to + r * dxRow + i;
            for (let c = 0; c < nx; c++) v128.store(u + c * step, add ? f32x4.add(v128.load(u + c * step), d) : d);
          }
        }
      }
    }
  }
}
