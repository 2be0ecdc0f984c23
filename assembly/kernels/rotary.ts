// Rotary positions: neighbouring pairs of each head's numbers turned by an angle that grows with the time.
// Su et al., "RoFormer: Enhanced transformer with rotary position embedding" (2021), section 3.4.2.
import { madd } from "../simd";
import { end, first } from "../thread";

@unmanaged
class Rotary {
  slot: u32;
  fused: i32;
  /** Rows of x, `time` of them an example. */
  rows: i32;
  columns: i32;
  /** Columns that are turned, in heads of `size`; those behind them are copied. */
  turned: i32;
  size: i32;
  time: i32;
  /** 1 turns forth, −1 back: the gradient. */
  sign: f32;
  /** [time, 2, size]: of each number the cosine, then the sine with the sign that it takes there. */
  table: usize;
  x: usize;
  y: usize;
}

export function rotary(i: Rotary): void {
  const sign = f32x4.splat(i.sign);
  const size = i.size;
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    let x = i.x + (<usize>(r * i.columns) << 2);
    let y = i.y + (<usize>(r * i.columns) << 2);
    const cosines = i.table + (<usize>(2 * size * (r % i.time)) << 2);
    for (let left = i.turned; left > 0; left -= size) {
      let c = cosines;
      let s = cosines + (<usize>size << 2);
      let k = size;
      for (; k >= 4; k -= 4, x += 16, y += 16, c += 16, s += 16) {
        const a = v128.load(x);
        const b = f32x4.mul(v128.shuffle<f32>(a, a, 1, 0, 3, 2), f32x4.mul(v128.load(s), sign));
        v128.store(y, madd(a, v128.load(c), b));
      }
      if (k > 0) {
        const a = v128.load64_zero(x);
        const b = f32x4.mul(v128.shuffle<f32>(a, a, 1, 0, 3, 2), f32x4.mul(v128.load64_zero(s), sign));
        v128.store64_lane(y, madd(a, v128.load64_zero(c), b), 0);
        x += 8;
        y += 8;
      }
    }
    for (let k = i.columns - i.turned; k > 0; k--, x += 4, y += 4) store<f32>(y, load<f32>(x));
  }
}
