// What convolutions need beside products: kernels with their taps reordered, sums of parts, and padding that repeats
// the image.
import { end, first } from "../thread";

@unmanaged
class FlipTaps {
  slot: u32;
  fused: i32;
  taps: i32;
  /** Channels of a group on either side. */
  rows: i32;
  columns: i32;
  groups: i32;
  /** For each tap of y the tap of w. */
  order: usize;
  w: usize;
  y: usize;
}

/** y[t, o, g, c] = w[order[t], c, g, o]. */
export function flipTaps(i: FlipTaps): void {
  const rows = i.rows;
  const columns = i.columns;
  const groups = i.groups;
  const stride = <usize>(groups * columns) << 2;
  const to = end(i.taps * columns);
  let y = i.y + ((<usize>first(i.taps * columns) * groups * rows) << 2);
  for (let k = first(i.taps * columns); k < to; k++) {
    const t = k / columns;
    const tap = load<i32>(i.order + (<usize>t << 2));
    let w = i.w + <usize>(tap * rows) * stride + (<usize>(k - t * columns) << 2);
    for (let g = 0; g < groups; g++, w += <usize>columns << 2) {
      let p = w;
      for (let c = 0; c < rows; c++, p += stride, y += 4) store<f32>(y, load<f32>(p));
    }
  }
}

@unmanaged
class SumParts {
  slot: u32;
  fused: i32;
  parts: i32;
  rows: i32;
  columns: i32;
  x: usize;
  y: usize;
}

/** y[column, row] = Σ x[part, row, column], in the order of the parts. */
export function sumParts(i: SumParts): void {
  const rows = i.rows;
  const columns = i.columns;
  const stride = <usize>(rows * columns) << 2;
  const yStride = <usize>rows << 2;
  const to = end(columns);
  for (let row = 0; row < rows; row++) {
    let column = first(columns);
    let x = i.x + ((<usize>row * columns + column) << 2);
    let y = i.y + ((<usize>column * rows + row) << 2);
    for (; column + 4 <= to; column += 4, x += 16) {
      let sum = v128.load(x);
      for (let p = 1, at = x + stride; p < i.parts; p++, at += stride) sum = f32x4.add(sum, v128.load(at));
      v128.store_lane<f32>(y, sum, 0);
      y += yStride;
      v128.store_lane<f32>(y, sum, 1);
      y += yStride;
      v128.store_lane<f32>(y, sum, 2);
      y += yStride;
      v128.store_lane<f32>(y, sum, 3);
      y += yStride;
    }
    for (; column < to; column++, x += 4, y += yStride) {
      let sum = load<f32>(x);
      for (let p = 1, at = x + stride; p < i.parts; p++, at += stride) sum += load<f32>(at);
      store<f32>(y, sum);
    }
  }
}

@unmanaged
class Collect {
  slot: u32;
  fused: i32;
  images: i32;
  xHeight: i32;
  xWidth: i32;
  yHeight: i32;
  yWidth: i32;
  channels: i32;
  /** For each line of y where its list begins, and the next one's beginning; then the lists of lines of x. */
  lines: usize;
  columns: usize;
  x: usize;
  y: usize;
}

/** y[image, i, j] = Σ Σ x[image, a, b] over the lines a in the list of i and the columns b in that of j. */
export function collect(i: Collect): void {
  const bytes = <usize>i.channels << 2;
  const to = end(i.images * i.yHeight);
  let y = i.y + <usize>first(i.images * i.yHeight) * i.yWidth * bytes;
  for (let line = first(i.images * i.yHeight); line < to; line++) {
    const image = line / i.yHeight;
    const row = i.lines + (<usize>(line - image * i.yHeight) << 2);
    for (let j = 0; j < i.yWidth; j++, y += bytes) {
      const column = i.columns + (<usize>j << 2);
      let isFirst = true;
      for (let a = load<i32>(row); a < load<i32>(row, 4); a++) {
        const source = image * i.xHeight + load<i32>(i.lines + (<usize>a << 2));
        for (let b = load<i32>(column); b < load<i32>(column, 4); b++) {
          const from = i.x + <usize>(source * i.xWidth + load<i32>(i.columns + (<usize>b << 2))) * bytes;
          if (isFirst) memory.copy(y, from, bytes);
          else accumulate(i.channels, from, y);
          isFirst = false;
        }
      }
      if (isFirst) memory.fill(y, 0, bytes);
    }
  }
}

function accumulate(n: i32, x: usize, y: usize): void {
  for (; n >= 4; n -= 4, x += 16, y += 16) v128.store(y, f32x4.add(v128.load(y), v128.load(x)));
  for (; n > 0; n--, x += 4, y += 4) store<f32>(y, load<f32>(y) + load<f32>(x));
}
