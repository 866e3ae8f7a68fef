/**
 * A loop of nothing but multiplications and additions in registers: what the microkernel is measured against. Six
 * independent sums (more would not fit beside the factors), products that do not wait for them; two of its fourteen
 * operations only keep the products from being constant: it counts as seven multiply-adds per turn. The factors are read from four slots at `x`: as constants V8
 * would make them anew each time.
 */
export function peak(loops: i32, x: usize): f32 {
  const step = v128.load(x);
  const p = v128.load(x, 16);
  const q = v128.load(x, 32);
  const r = v128.load(x, 48);
  let u = step;
  let v = p;
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  for (let i = 0; i < loops; i++) {
    a = f32x4.add(a, f32x4.mul(u, p));
    b = f32x4.add(b, f32x4.mul(v, p));
    c = f32x4.add(c, f32x4.mul(u, q));
    d = f32x4.add(d, f32x4.mul(v, q));
    e = f32x4.add(e, f32x4.mul(u, r));
    f = f32x4.add(f, f32x4.mul(v, r));
    u = f32x4.add(u, step);
    v = f32x4.add(v, step);
  }
  return f32x4.extract_lane(f32x4.add(f32x4.add(a, b), f32x4.add(f32x4.add(c, d), f32x4.add(e, f))), 0);
}
