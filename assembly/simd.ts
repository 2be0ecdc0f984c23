// The few places where the two instruction sets differ, and the names of the rest that kernels share.

/** a × b + c: fused in the relaxed instruction set, two roundings in the plain one. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** c − a × b. */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** The larger of each pair, b where a is NaN; one instruction, where f32x4.max is ten. */
// @ts-ignore: decorator
@inline
export function max(a: v128, b: v128): v128 {
  return f32x4.pmax(b, a);
}

/** The smaller of each pair, b where a is NaN. */
// @ts-ignore: decorator
@inline
export function min(a: v128, b: v128): v128 {
  return f32x4.pmin(b, a);
}

/** a where the mask is all ones, b where it is all zeros; any other mask is not allowed. */
// @ts-ignore: decorator
@inline
export function select(a: v128, b: v128, mask: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_laneselect(a, b, mask);
  return v128.bitselect(a, b, mask);
}

/** Adds the four lanes, in a fixed order. */
// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 2) + (f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 3))
  );
}

/** Loads 1 to 3 floats into the low lanes, zeros above: the tail of a row. */
// @ts-ignore: decorator
@inline
export function loadTail(p: usize, count: i32): v128 {
  let x = v128.load32_zero(p);
  if (count > 1) x = f32x4.replace_lane(x, 1, load<f32>(p, 4));
  if (count > 2) x = f32x4.replace_lane(x, 2, load<f32>(p, 8));
  return x;
}

/** Stores the 1 to 3 low lanes. */
// @ts-ignore: decorator
@inline
export function storeTail(p: usize, x: v128, count: i32): void {
  v128.store_lane<f32>(p, x, 0);
  if (count > 1) v128.store_lane<f32>(p, x, 1, 4);
  if (count > 2) v128.store_lane<f32>(p, x, 2, 8);
}

// Calls: needed at many places and once a row, they would be half of a kernel if inlined.
function loadRest(p: usize, count: i32): v128 {
  return loadTail(p, count);
}
function storeRest(p: usize, x: v128, count: i32): void {
  storeTail(p, x, count);
}

/** Loads four floats, or as many as are left with zeros above. */
// @ts-ignore: decorator
@inline
export function take(p: usize, left: i32): v128 {
  return left >= 4 ? v128.load(p) : loadRest(p, left);
}

/** Stores the four lanes, or as many of the low ones as are left. */
// @ts-ignore: decorator
@inline
export function put(p: usize, x: v128, left: i32): void {
  if (left >= 4) v128.store(p, x);
  else storeRest(p, x, left);
}

/** Σ of a row of floats. */
// @ts-ignore: decorator
@inline
export function sumOf(x: usize, columns: i32): f32 {
  let a = f32x4.splat(0);
  let b = a;
  for (; columns >= 8; columns -= 8, x += 32) {
    a = f32x4.add(a, v128.load(x));
    b = f32x4.add(b, v128.load(x, 16));
  }
  for (; columns > 0; columns -= 4, x += 16) a = f32x4.add(a, take(x, columns));
  return sumLanes(f32x4.add(a, b));
}
