/** A loop of nothing but multiplications and additions in registers: what the microkernel is measured against. */
export function peak(loops: i32): f32 {
  const s = f32x4.splat(0.9999);
  const x = f32x4.splat(0.0001);
  let a = x;
  let b = x;
  let c = x;
  let d = x;
  let e = x;
  let f = x;
  let g = x;
  let h = x;
  for (let i = 0; i < loops; i++) {
    a = f32x4.add(f32x4.mul(a, s), x);
    b = f32x4.add(f32x4.mul(b, s), x);
    c = f32x4.add(f32x4.mul(c, s), x);
    d = f32x4.add(f32x4.mul(d, s), x);
    e = f32x4.add(f32x4.mul(e, s), x);
    f = f32x4.add(f32x4.mul(f, s), x);
    g = f32x4.add(f32x4.mul(g, s), x);
    h = f32x4.add(f32x4.mul(h, s), x);
  }
  const all = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(f32x4.add(e, f), f32x4.add(g, h)));
  return f32x4.extract_lane(all, 0);
}
