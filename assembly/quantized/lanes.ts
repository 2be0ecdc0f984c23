// Arithmetic on bytes in vectors, with the same integers from both instruction sets.
import { CONTROL_SCRATCH, CONTROL_SCRATCH_BYTES, PANEL_COLUMNS, ROOM_BYTES } from "../abi";
import { thread } from "../thread";

/** Which of the two instruction sets this module is of. */
export function relaxed(): bool {
  return ASC_FEATURE_RELAXED_SIMD;
}

/** This thread's working memory. The first module, which begins the runs, has the address in a global of its own. */
// @ts-ignore: decorator
@inline
export function scratchOf(): usize {
  return <usize>(load<u32>(CONTROL_SCRATCH) + <u32>thread * load<u32>(CONTROL_SCRATCH_BYTES) + ROOM_BYTES);
}

/**
 * Whether this processor has one instruction for `dot`. The standard asks of an activation that it be below 128, and leaves
 * open what becomes of −1: such instructions take it for 255 on x86 and for itself on ARM. What x86 had before them saturates
 * 2 · 255 · 127; and V8 11.3, which knows it behind a flag alone, forgets the 1.
 */
export let hasDot: bool = ASC_FEATURE_RELAXED_SIMD && isNative();

function isNative(): bool {
  const sums = i32x4.relaxed_dot_i8x16_i7x16_add_s(i8x16.splat(127), i8x16.splat(-1), i32x4.splat(1));
  const sum = i32x4.extract_lane(sums, 0);
  return sum == 4 * 127 * 255 + 1 || sum == -4 * 127 + 1;
}

/**
 * sums[j] + Σ w[4j + t] · a[4j + t] over t = 0…3, weights of −127…127 by activations of 0…127. Two products of those fit
 * 16 bits, so no order of instructions saturates. `native`, a constant at every call: by one instruction, which without
 * hasDot is slower. `ones` are 16-bit ones from memory: as a literal they would be made anew each time, as V8 does within that
 * instruction where the processor has none.
 */
// @ts-ignore: decorator
@inline
export function dot(native: bool, w: v128, a: v128, ones: v128, sums: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    if (native) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, a, sums);
    return i32x4.add(sums, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, a), ones));
  }
  const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(w), i16x8.extend_low_i8x16_s(a));
  const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(w), i16x8.extend_high_i8x16_s(a));
  const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  const odd = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  return i32x4.add(sums, i32x4.add(even, odd));
}

/** 1.5 · 2²³: added to a float of less than 2²² it leaves the nearest integer, ties to even, in the low bits. */
export const MAGIC: f32 = 12582912;

/** The nearest integers to floats that are clamped already; `magic` is MAGIC in every lane. */
// @ts-ignore: decorator
@inline
export function rounded(x: v128, magic: v128): v128 {
  return i32x4.sub(f32x4.add(x, magic), magic);
}

/** Stores the low `count` bytes of 8. */
// @ts-ignore: decorator
@inline
export function storeBytes(p: usize, x: v128, count: i32): void {
  if (count >= PANEL_COLUMNS) v128.store64_lane(p, x, 0);
  else storeFew(p, x, count);
}

function storeFew(p: usize, x: v128, count: i32): void {
  if (count & 4) {
    v128.store32_lane(p, x, 0);
    x = i64x2.shr_u(x, 32);
    p += 4;
  }
  if (count & 2) {
    v128.store16_lane(p, x, 0);
    x = i64x2.shr_u(x, 16);
    p += 2;
  }
  if (count & 1) v128.store8_lane(p, x, 0);
}
