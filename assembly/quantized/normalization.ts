// Normalization of rows of floats to bytes: what a product of bytes reads needs no pass of its own.
import { max, min, sumLanes, sumOf, take } from "../simd";
import { end, first } from "../thread";
import { rounded, storeBytes } from "./lanes";

@unmanaged
class Normalize {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  /** Whether the mean is taken away. */
  centered: i32;
  epsilon: f32;
  x: usize;
  /** Of each column, in steps of y; they end with zeros up to a whole vector. */
  scale: usize;
  offset: usize;
  y: usize;
  least: f32;
  most: f32;
  magic: f32;
}

/** Σ (x − mean)² of a row: in two roundings whatever the instruction set. */
function squaresOf(x: usize, columns: i32, mean: f32): f32 {
  const m = f32x4.splat(mean);
  let a = f32x4.splat(0);
  let b = a;
  let left = columns;
  for (; left >= 8; left -= 8, x += 32) {
    const d = f32x4.sub(v128.load(x), m);
    const e = f32x4.sub(v128.load(x, 16), m);
    a = f32x4.add(a, f32x4.mul(d, d));
    b = f32x4.add(b, f32x4.mul(e, e));
  }
  for (; left >= 4; left -= 4, x += 16) {
    const d = f32x4.sub(v128.load(x), m);
    a = f32x4.add(a, f32x4.mul(d, d));
  }
  let rest: f32 = 0;
  for (; left > 0; left--, x += 4) {
    const d = load<f32>(x) - mean;
    rest += d * d;
  }
  return sumLanes(f32x4.add(a, b)) + rest;
}

/** y = clamp(round((x − mean) / √(variance + ε) · scale + offset)), a row at a time. NaN becomes the least. */
export function normalizeBytes(i: Normalize): void {
  const columns = i.columns;
  const least = f32x4.splat(i.least);
  const most = f32x4.splat(i.most);
  const magic = f32x4.splat(i.magic);
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    let x = i.x + (<usize>(r * columns) << 2);
    let y = i.y + <usize>(r * columns);
    const mean: f32 = i.centered ? sumOf(x, columns) / <f32>columns : 0;
    const inverse = <f32>1 / sqrt<f32>(squaresOf(x, columns, mean) / <f32>columns + i.epsilon);
    const m = f32x4.splat(mean);
    const v = f32x4.splat(inverse);
    let scale = i.scale;
    let offset = i.offset;
    for (let left = columns; left > 0; left -= 8) {
      const p = f32x4.mul(f32x4.mul(f32x4.sub(take(x, left), m), v), v128.load(scale));
      const q = left > 4 ? f32x4.mul(f32x4.mul(f32x4.sub(take(x + 16, left - 4), m), v), v128.load(scale, 16)) : p;
      const both = i16x8.narrow_i32x4_s(
        rounded(min(max(f32x4.add(p, v128.load(offset)), least), most), magic),
        rounded(min(max(f32x4.add(q, v128.load(offset, 16)), least), most), magic),
      );
      storeBytes(y, i8x16.narrow_i16x8_s(both, both), left);
      x += 32;
      y += 8;
      scale += 32;
      offset += 32;
    }
  }
}
