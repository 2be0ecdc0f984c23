// The most arithmetic the engine can do: a loop of multiply-adds that never leaves the registers.
// What a matrix product reaches is told as a share of it, timed in the same run.
import { madd } from "../simd";

// One iteration is 12 chains × 4 lanes × 2 operations = 96 operations.
@unmanaged
class Ceiling {
  slot: u32;
  fused: i32;
  iterations: i32;
  /** Where the 12 sums go (192 bytes). */
  y: usize;
}

// Without fusing, x × w would be the same in every turn and leave the loop; fused, the sum must be the addend,
// which the instruction overwrites, or each turn pays a move.
// @ts-ignore: decorator
@inline
function next(y: v128, x: v128, w: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return madd(x, w, y);
  return madd(y, x, w);
}

export function ceiling(i: Ceiling): void {
  const y = i.y;
  const x = v128.load32_splat(y);
  const w = v128.load32_splat(y, 4);
  let y0: v128 = v128.load(y);
  let y1: v128 = v128.load(y, 16);
  let y2: v128 = v128.load(y, 32);
  let y3: v128 = v128.load(y, 48);
  let y4: v128 = v128.load(y, 64);
  let y5: v128 = v128.load(y, 80);
  let y6: v128 = v128.load(y, 96);
  let y7: v128 = v128.load(y, 112);
  let y8: v128 = v128.load(y, 128);
  let y9: v128 = v128.load(y, 144);
  let y10: v128 = v128.load(y, 160);
  let y11: v128 = v128.load(y, 176);
  for (let left = i.iterations; left > 0; left--) {
    y0 = next(y0, x, w);
    y1 = next(y1, x, w);
    y2 = next(y2, x, w);
    y3 = next(y3, x, w);
    y4 = next(y4, x, w);
    y5 = next(y5, x, w);
    y6 = next(y6, x, w);
    y7 = next(y7, x, w);
    y8 = next(y8, x, w);
    y9 = next(y9, x, w);
    y10 = next(y10, x, w);
    y11 = next(y11, x, w);
  }
  v128.store(y, y0);
  v128.store(y, y1, 16);
  v128.store(y, y2, 32);
  v128.store(y, y3, 48);
  v128.store(y, y4, 64);
  v128.store(y, y5, 80);
  v128.store(y, y6, 96);
  v128.store(y, y7, 112);
  v128.store(y, y8, 128);
  v128.store(y, y9, 144);
  v128.store(y, y10, 160);
  v128.store(y, y11, 176);
}
