// Copies a block of a matrix into a panel: `width` numbers side by side for each k, one k after the other,
// so that a tile reads it from front to back whatever the strides of the matrix were.
import { loadTail, storeTail } from "../simd";

/**
 * From a matrix that holds k by rows: [depth, count], `stride` bytes a row. Lanes behind `count` ≤ width become 0
 * and are never read from the matrix, which may end there.
 */
export function packColumns(width: i32, depth: i32, count: i32, from: usize, stride: usize, to: usize): void {
  if (count == 16 && width == 16) {
    for (; depth > 0; depth--, from += stride, to += 64) {
      const x0 = v128.load(from);
      const x1 = v128.load(from, 16);
      const x2 = v128.load(from, 32);
      const x3 = v128.load(from, 48);
      v128.store(to, x0);
      v128.store(to, x1, 16);
      v128.store(to, x2, 32);
      v128.store(to, x3, 48);
    }
    return;
  }
  if (count == 8 && width == 8) {
    for (; depth > 0; depth--, from += stride, to += 32) {
      const x0 = v128.load(from);
      const x1 = v128.load(from, 16);
      v128.store(to, x0);
      v128.store(to, x1, 16);
    }
    return;
  }
  const step = (<usize>width) << 2;
  for (let j = 0; j < width; j += 4, from += 16, to += 16) {
    const valid = min(4, count - j);
    let p = from;
    let q = to;
    let d = depth;
    if (valid == 4) for (; d > 0; d--, p += stride, q += step) v128.store(q, v128.load(p));
    else if (valid > 0) for (; d > 0; d--, p += stride, q += step) v128.store(q, loadTail(p, valid));
    else for (; d > 0; d--, q += step) v128.store(q, i64x2.splat(0));
  }
}

/**
 * Turns [count, depth], `stride` bytes a row, into [depth, width], `toStride` bytes a row, in blocks of 4×4.
 * Lanes behind `count` ≤ width repeat the last row.
 */
export function transpose(
  width: i32,
  depth: i32,
  count: i32,
  from: usize,
  stride: usize,
  to: usize,
  toStride: usize,
): void {
  for (let j = 0; j < width; j += 4, to += 16) {
    let p0 = from + <usize>min(j, count - 1) * stride;
    let p1 = from + <usize>min(j + 1, count - 1) * stride;
    let p2 = from + <usize>min(j + 2, count - 1) * stride;
    let p3 = from + <usize>min(j + 3, count - 1) * stride;
    let q = to;
    let d = depth;
    if (d < 4) {
      for (; d > 0; d--, q += toStride, p0 += 4, p1 += 4, p2 += 4, p3 += 4) {
        store<f32>(q, load<f32>(p0));
        store<f32>(q, load<f32>(p1), 4);
        store<f32>(q, load<f32>(p2), 8);
        store<f32>(q, load<f32>(p3), 12);
      }
      continue;
    }
    for (;;) {
      const x0 = v128.load(p0);
      const x1 = v128.load(p1);
      const x2 = v128.load(p2);
      const x3 = v128.load(p3);
      const y0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
      const y1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
      const y2 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
      const y3 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
      v128.store(q, v128.shuffle<f64>(y0, y2, 0, 2));
      q += toStride;
      v128.store(q, v128.shuffle<f64>(y0, y2, 1, 3));
      q += toStride;
      v128.store(q, v128.shuffle<f64>(y1, y3, 0, 2));
      q += toStride;
      v128.store(q, v128.shuffle<f64>(y1, y3, 1, 3));
      q += toStride;
      d -= 4;
      if (d == 0) break;
      // The last block overlaps the one before, instead of a tail of single numbers.
      const back: usize = d < 4 ? 4 - d : 0;
      if (back > 0) d = 4;
      q -= back * toStride;
      p0 += 16 - (back << 2);
      p1 += 16 - (back << 2);
      p2 += 16 - (back << 2);
      p3 += 16 - (back << 2);
    }
  }
}

/** Moves the part of a tile that lies in C. */
export function copyTile(rows: i32, columns: i32, from: usize, fromStride: usize, to: usize, toStride: usize): void {
  for (; rows > 0; rows--, from += fromStride, to += toStride) {
    let left = columns;
    let p = from;
    let q = to;
    for (; left >= 4; left -= 4, p += 16, q += 16) v128.store(q, v128.load(p));
    if (left > 0) storeTail(q, loadTail(p, left), left);
  }
}
