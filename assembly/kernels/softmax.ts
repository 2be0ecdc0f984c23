// Softmax over the last axis of [rows, columns], its logarithm, and the cross-entropy with labels:
// forward and gradient in one pass, since the gradient is the softmax less the one-hot label.
import { expFlushed, log } from "../math";
import { loadTail, select, storeTail, sumLanes } from "../simd";
import { end, first } from "../thread";

@unmanaged
class Rows {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  x: usize;
  y: usize;
}

@unmanaged
class RowsGradient {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  dy: usize;
  y: usize;
  dx: usize;
}

/** The largest of a row; NaN if one is in it. */
export function largest(x: usize, columns: i32): f32 {
  let a = f32x4.splat(-Infinity);
  let left = columns;
  for (; left >= 4; left -= 4, x += 16) a = f32x4.max(a, v128.load(x));
  let best = max(
    max(f32x4.extract_lane(a, 0), f32x4.extract_lane(a, 1)),
    max(f32x4.extract_lane(a, 2), f32x4.extract_lane(a, 3)),
  );
  for (; left > 0; left--, x += 4) best = max(best, load<f32>(x));
  return best;
}

/** Lanes 0 to count − 1 all ones. */
// @ts-ignore: decorator
@inline
function lanes(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

/** y = exp(x − shift); answers the sum. y = 0: only the sum. */
export function exponentials(x: usize, y: usize, columns: i32, shift: f32): f32 {
  const s = f32x4.splat(shift);
  let sum = f32x4.splat(0);
  let left = columns;
  for (; left >= 4; left -= 4, x += 16) {
    const e = expFlushed(f32x4.sub(v128.load(x), s));
    sum = f32x4.add(sum, e);
    if (y != 0) {
      v128.store(y, e);
      y += 16;
    }
  }
  if (left > 0) {
    const e = expFlushed(f32x4.sub(loadTail(x, left), s));
    sum = f32x4.add(sum, select(e, f32x4.splat(0), lanes(left)));
    if (y != 0) storeTail(y, e, left);
  }
  return sumLanes(sum);
}

/** y ← y · factor, zero where that is below `least`. */
export function scaleRow(y: usize, columns: i32, factor: f32, least: f32): void {
  const f = f32x4.splat(factor);
  const l = f32x4.splat(least);
  for (; columns >= 4; columns -= 4, y += 16) v128.store(y, scaled(v128.load(y), f, l));
  if (columns > 0) storeTail(y, scaled(loadTail(y, columns), f, l), columns);
}

// @ts-ignore: decorator
@inline
function scaled(y: v128, factor: v128, least: v128): v128 {
  y = f32x4.mul(y, factor);
  return v128.andnot(y, f32x4.lt(y, least));
}

// @ts-ignore: decorator
@inline
export function logScalar(x: f32): f32 {
  return f32x4.extract_lane(log(f32x4.splat(x)), 0);
}

export function softmax(i: Rows): void {
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    const at = <usize>(r * i.columns) << 2;
    const sum = exponentials(i.x + at, i.y + at, i.columns, largest(i.x + at, i.columns));
    scaleRow(i.y + at, i.columns, 1 / sum, 0);
  }
}

/** dx = y (dy − Σ dy y). */
export function softmaxGradient(i: RowsGradient): void {
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    const at = <usize>(r * i.columns) << 2;
    let dy = i.dy + at;
    let y = i.y + at;
    let dx = i.dx + at;
    let sum = f32x4.splat(0);
    let left = i.columns;
    for (; left >= 4; left -= 4, dy += 16, y += 16) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(dy), v128.load(y)));
    }
    if (left > 0) sum = f32x4.add(sum, f32x4.mul(loadTail(dy, left), loadTail(y, left)));
    const total = f32x4.splat(sumLanes(sum));
    dy = i.dy + at;
    y = i.y + at;
    left = i.columns;
    for (; left >= 4; left -= 4, dy += 16, y += 16, dx += 16) {
      v128.store(dx, f32x4.mul(v128.load(y), f32x4.sub(v128.load(dy), total)));
    }
    if (left > 0) {
      storeTail(dx, f32x4.mul(loadTail(y, left), f32x4.sub(loadTail(dy, left), total)), left);
    }
  }
}

export function logSoftmax(i: Rows): void {
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    const at = <usize>(r * i.columns) << 2;
    let x = i.x + at;
    let y = i.y + at;
    const shift = largest(x, i.columns);
    const s = f32x4.splat(shift + logScalar(exponentials(x, 0, i.columns, shift)));
    let left = i.columns;
    for (; left >= 4; left -= 4, x += 16, y += 16) v128.store(y, f32x4.sub(v128.load(x), s));
    if (left > 0) storeTail(y, f32x4.sub(loadTail(x, left), s), left);
  }
}

/** dx = dy − exp(y) Σ dy. */
export function logSoftmaxGradient(i: RowsGradient): void {
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    const at = <usize>(r * i.columns) << 2;
    let dy = i.dy + at;
    let y = i.y + at;
    let dx = i.dx + at;
    let sum = f32x4.splat(0);
    let left = i.columns;
    for (; left >= 4; left -= 4, dy += 16) sum = f32x4.add(sum, v128.load(dy));
    if (left > 0) sum = f32x4.add(sum, loadTail(dy, left));
    const total = f32x4.splat(sumLanes(sum));
    dy = i.dy + at;
    left = i.columns;
    for (; left >= 4; left -= 4, dy += 16, y += 16, dx += 16) {
      v128.store(dx, f32x4.sub(v128.load(dy), f32x4.mul(expFlushed(v128.load(y)), total)));
    }
    if (left > 0) {
      storeTail(dx, f32x4.sub(loadTail(dy, left), f32x4.mul(expFlushed(loadTail(y, left)), total)), left);
    }
  }
}

@unmanaged
class SoftmaxCrossEntropy {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  x: usize;
  /** i32, one a row, each a column's number; the host has checked the range. */
  labels: usize;
  /** One a row. */
  losses: usize;
  /** softmax(x) less the one-hot label: the gradient of each row's loss. 0: not wanted. */
  residual: usize;
}

// A probability below 2⁻⁴⁰ is left out of the residual: that of the label, p − 1, is not known to better than 2⁻²⁵.
// Without this, an example that is all but learned sends numbers backwards whose squares are subnormal, and a step
// of one example takes twenty times as long.
export const LEAST: f32 = 9.094947017729282e-13;

export function softmaxCrossEntropy(i: SoftmaxCrossEntropy): void {
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    const at = <usize>(r * i.columns) << 2;
    const x = i.x + at;
    const label = <usize>load<i32>(i.labels + (<usize>r << 2)) << 2;
    const shift = largest(x, i.columns);
    const residual: usize = i.residual == 0 ? 0 : i.residual + at;
    const sum = exponentials(x, residual, i.columns, shift);
    store<f32>(i.losses + (<usize>r << 2), logScalar(sum) + shift - load<f32>(x + label));
    if (residual != 0) {
      scaleRow(residual, i.columns, 1 / sum, LEAST);
      store<f32>(residual + label, load<f32>(residual + label) - 1);
    }
  }
}
