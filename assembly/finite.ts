// What the host asks of numbers that lie in memory.

/** Floats that are looked at in one go. */
const STRIDE = 16;

/** Finite floats from an address on, of n, before the first that is not; n, where all are. */
export function countFinite(p: usize, n: i32): i32 {
  let at = 0;
  // x − x is 0, or not a number.
  for (; at + STRIDE <= n; at += STRIDE, p += STRIDE << 2) {
    const x0 = v128.load(p);
    const x1 = v128.load(p, 16);
    const x2 = v128.load(p, 32);
    const x3 = v128.load(p, 48);
    const some = v128.or(f32x4.sub(x0, x0), f32x4.sub(x1, x1));
    if (v128.any_true(v128.or(some, v128.or(f32x4.sub(x2, x2), f32x4.sub(x3, x3))))) break;
  }
  for (; at < n; at++, p += 4) {
    const x = load<f32>(p);
    if (x - x != 0) break;
  }
  return at;
}
