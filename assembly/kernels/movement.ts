// Kernels that move numbers without computing: strided copies, fills, gather and its gradient, one-hot.
import { GRAIN } from "../abi";
import { Elementwise, unary } from "../elementwise";
import { end, endElement, first, firstElement, threads } from "../thread";

@unmanaged
class Fill {
  slot: u32;
  fused: i32;
  n: i32;
  value: f32;
  y: usize;
}

export function fill(i: Fill): void {
  const value = f32x4.splat(i.value);
  let y = i.y + (<usize>firstElement(i.n) << 2);
  let left = endElement(i.n) - firstElement(i.n);
  for (; left >= 4; left -= 4, y += 16) v128.store(y, value);
  for (; left > 0; left--, y += 4) store<f32>(y, i.value);
}

@unmanaged
class Identity extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return x;
  }
}
export function identity(i: Elementwise): void {
  unary<Identity>(i);
}

/**
 * y[...] = x[...] over a box of up to 6 axes, the last of `columns` elements.
 * The table holds, for each outer axis from the last to the first: size, step of x, step of y (in elements).
 * Every broadcast, permutation, slice, padding and concatenation is one of these.
 */
@unmanaged
class Copy {
  slot: u32;
  fused: i32;
  rows: i32;
  columns: i32;
  axes: i32;
  table: usize;
  xStep: i32;
  yStep: i32;
  x: usize;
  y: usize;
}

export function copy(i: Copy): void {
  const to = end(i.rows);
  for (let r = first(i.rows); r < to; r++) {
    let x = i.x;
    let y = i.y;
    let rest = r;
    let t = i.table;
    for (let axis = 0; axis < i.axes; axis++, t += 12) {
      const size = load<i32>(t);
      const at = rest % size;
      rest /= size;
      x += <usize>(at * load<i32>(t, 4)) << 2;
      y += <usize>(at * load<i32>(t, 8)) << 2;
    }
    let left = i.columns;
    const dx = <usize>i.xStep << 2;
    const dy = <usize>i.yStep << 2;
    if (dx == 4 && dy == 4) {
      for (; left >= 4; left -= 4, x += 16, y += 16) v128.store(y, v128.load(x));
    }
    for (; left > 0; left--, x += dx, y += dy) store<u32>(y, load<u32>(x));
  }
}

@unmanaged
class Gather {
  slot: u32;
  fused: i32;
  n: i32;
  columns: i32;
  rows: i32;
  x: usize;
  indices: usize;
  y: usize;
}

/** y[k, :] = x[indices[k], :], n rows of `columns`. */
export function gather(i: Gather): void {
  const to = end(i.n);
  const bytes = <usize>i.columns << 2;
  for (let k = first(i.n); k < to; k++) {
    const row = <usize>load<i32>(i.indices + (<usize>k << 2));
    memory.copy(i.y + <usize>k * bytes, i.x + row * bytes, bytes);
  }
}

/**
 * y = 0, then y[indices[k], :] += x[k, :] in the order of k. Each thread owns some cache lines of every row of y, or where
 * rows are short some of the rows, so the sums have one order. (By rows alone, the tokens of a text that come most
 * often would be the work of one thread.)
 */
export function scatterAdd(i: Gather): void {
  const columns = i.columns;
  const byColumns = columns >= GRAIN * threads;
  const from = byColumns ? 0 : first(i.rows);
  const to = byColumns ? i.rows : end(i.rows);
  const jFrom = byColumns ? firstElement(columns) : 0;
  const jTo = byColumns ? endElement(columns) : columns;
  const bytes = <usize>columns << 2;
  const start = <usize>jFrom << 2;
  if (jTo - jFrom == columns) memory.fill(i.y + <usize>from * bytes, 0, <usize>(to - from) * bytes);
  else {
    for (let r = from, y = i.y + start; r < to; r++, y += bytes) {
      let p = y;
      let left = jTo - jFrom;
      for (; left >= 4; left -= 4, p += 16) v128.store(p, i64x2.splat(0));
      for (; left > 0; left--, p += 4) store<f32>(p, 0);
    }
  }
  for (let k = 0; k < i.n; k++) {
    const row = load<i32>(i.indices + (<usize>k << 2));
    if (row < from || row >= to) continue;
    let x = i.x + <usize>k * bytes + start;
    let y = i.y + <usize>row * bytes + start;
    let left = jTo - jFrom;
    for (; left >= 4; left -= 4, x += 16, y += 16) v128.store(y, f32x4.add(v128.load(y), v128.load(x)));
    for (; left > 0; left--, x += 4, y += 4) store<f32>(y, load<f32>(y) + load<f32>(x));
  }
}

@unmanaged
class OneHot {
  slot: u32;
  fused: i32;
  n: i32;
  classes: i32;
  labels: usize;
  y: usize;
}

/** A label that names no class, as one that a loss ignores, has zeros only. */
export function oneHot(i: OneHot): void {
  const to = end(i.n);
  const bytes = <usize>i.classes << 2;
  for (let k = first(i.n); k < to; k++) {
    const y = i.y + <usize>k * bytes;
    const label = load<u32>(i.labels + (<usize>k << 2));
    memory.fill(y, 0, bytes);
    if (label < <u32>i.classes) store<f32>(y + (<usize>label << 2), 1);
  }
}

@unmanaged
class EqualLabels {
  slot: u32;
  fused: i32;
  n: i32;
  a: usize;
  b: usize;
  y: usize;
}

/** y = 1 where two integers agree, else 0. */
export function equalLabels(i: EqualLabels): void {
  const to = endElement(i.n);
  for (let k = firstElement(i.n); k < to; k++) {
    const at = <usize>k << 2;
    store<f32>(i.y + at, load<i32>(i.a + at) == load<i32>(i.b + at) ? 1 : 0);
  }
}
