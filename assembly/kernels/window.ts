// Windows over images [n, height, width, channels]: weighted sums, which average and resize, and maxima.
// A table for each axis names what each position of the result takes: the first input, how many, and the byte in the
// table at which their weights begin. So one loop serves windows that are fixed, padded, adaptive or transposed.
// A unit of work is one pixel of the result; finished ones pass through what is fused behind.
import { BLOCK } from "../abi";
import { passRange } from "../elementwise";
import { madd, put, select, take } from "../simd";
import { end, first } from "../thread";

@unmanaged
class Windows {
  slot: u32;
  fused: i32;
  pixels: i32;
  /** Of the result. */
  height: i32;
  width: i32;
  /** Of what is taken from. */
  xHeight: i32;
  xWidth: i32;
  channels: i32;
  /** Of maxima: from one element of a window to the next. */
  rowStep: i32;
  columnStep: i32;
  rows: usize;
  columns: usize;
  x: usize;
  /** Where in its plane, row · width + column, each maximum lies; i32. 0: not wanted. */
  indices: usize;
  y: usize;
}

/** Bytes of a position in a table. */
const ENTRY: i32 = 12;

// @ts-ignore: decorator
@inline
function store16(p: usize, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(p, a);
  v128.store(p, b, 16);
  v128.store(p, c, 32);
  v128.store(p, d, 48);
}

/** Where x is larger than the best so far. A NaN is larger than anything, another NaN included: PyTorch's rule. */
// @ts-ignore: decorator
@inline
function larger(x: v128, best: v128): v128 {
  return v128.or(f32x4.gt(x, best), f32x4.ne(x, x));
}

// @ts-ignore: decorator
@inline
function won(i: Windows, q: usize, place: v128): v128 {
  return v128.and(v128.load(i.x + q), i32x4.eq(v128.load(i.indices + q), place));
}

/** Calls `at` of a type for each pixel of this thread: its number, its place, its entries in the tables, what it takes first. */
// @ts-ignore: decorator
@inline
function eachPixel<F>(i: Windows): void {
  const f = changetype<F>(0);
  const to = end(i.pixels);
  let p = first(i.pixels);
  let column = p % i.width;
  let row = (p / i.width) % i.height;
  let image = p / (i.width * i.height);
  let done = p;
  for (; p < to; p++) {
    const r = i.rows + <usize>(row * ENTRY);
    const c = i.columns + <usize>(column * ENTRY);
    const from = load<i32>(r) * i.xWidth + load<i32>(c);
    f.at(i, p, row * i.width + column, r, c, image * i.xHeight * i.xWidth, from);
    if (i.fused > 0 && (p + 1 == to || (p + 2 - done) * i.channels > BLOCK)) {
      const until = (p + 1) * i.channels;
      for (let at = done * i.channels; at < until; at += BLOCK) {
        passRange(changetype<usize>(i), i.fused, at, min(at + BLOCK, until));
      }
      done = p + 1;
    }
    if (++column < i.width) continue;
    column = 0;
    if (++row < i.height) continue;
    row = 0;
    image++;
  }
}

@unmanaged
class WeightedSum {
  // @ts-ignore: decorator
  @inline
  at(i: Windows, p: i32, _: i32, r: usize, c: usize, plane: i32, from: i32): void {
    const step = <usize>i.channels << 2;
    const rowStep = <usize>i.xWidth * step;
    let x = i.x + <usize>(plane + from) * step;
    let y = i.y + <usize>p * step;
    const rowWeights = i.rows + load<u32>(r, 8);
    const rowsEnd = rowWeights + (load<u32>(r, 4) << 2);
    const weights = i.columns + load<u32>(c, 8);
    const weightsEnd = weights + (load<u32>(c, 4) << 2);
    let left = i.channels;
    for (; left >= 16; left -= 16, x += 64, y += 64) {
      let a0 = f32x4.splat(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      for (let u = rowWeights, start = x; u < rowsEnd; u += 4, start += rowStep) {
        for (let v = weights, q = start; v < weightsEnd; v += 4, q += step) {
          const w = f32x4.splat(load<f32>(u) * load<f32>(v));
          a0 = madd(v128.load(q), w, a0);
          a1 = madd(v128.load(q, 16), w, a1);
          a2 = madd(v128.load(q, 32), w, a2);
          a3 = madd(v128.load(q, 48), w, a3);
        }
      }
      store16(y, a0, a1, a2, a3);
    }
    for (; left > 0; left -= 4, x += 16, y += 16) {
      let a = f32x4.splat(0);
      for (let u = rowWeights, start = x; u < rowsEnd; u += 4, start += rowStep) {
        for (let v = weights, q = start; v < weightsEnd; v += 4, q += step) {
          a = madd(take(q, left), f32x4.splat(load<f32>(u) * load<f32>(v)), a);
        }
      }
      put(y, a, left);
    }
  }
}

/** y = the sum of the inputs of each position, each times the product of its row's and its column's weight. */
export function resample(i: Windows): void {
  eachPixel<WeightedSum>(i);
}

@unmanaged
class Maximum {
  // @ts-ignore: decorator
  @inline
  at(i: Windows, p: i32, _: i32, r: usize, c: usize, plane: i32, from: i32): void {
    const step = <usize>i.channels << 2;
    const rows = load<i32>(r, 4);
    const lineStep = i.rowStep * i.xWidth;
    const pixelStep = i.columnStep;
    const columns = load<i32>(c, 4) * pixelStep;
    const tapStep = <usize>pixelStep * step;
    const x = i.x + <usize>(plane + from) * step;
    const y = <usize>p * step;
    const wanted = i.indices != 0;
    let left = i.channels;
    let k: usize = 0;
    for (; left >= 16; left -= 16, k += 64) {
      let b0 = v128.load(x + k);
      let b1 = v128.load(x + k, 16);
      let b2 = v128.load(x + k, 32);
      let b3 = v128.load(x + k, 48);
      let a0 = i32x4.splat(from);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      for (let u = 0; u < rows; u++) {
        const start = u * lineStep;
        let q = x + k + <usize>start * step;
        for (let v = start; v < start + columns; v += pixelStep, q += tapStep) {
          const at = i32x4.splat(from + v);
          let value = v128.load(q);
          let above = larger(value, b0);
          b0 = select(value, b0, above);
          a0 = select(at, a0, above);
          value = v128.load(q, 16);
          above = larger(value, b1);
          b1 = select(value, b1, above);
          a1 = select(at, a1, above);
          value = v128.load(q, 32);
          above = larger(value, b2);
          b2 = select(value, b2, above);
          a2 = select(at, a2, above);
          value = v128.load(q, 48);
          above = larger(value, b3);
          b3 = select(value, b3, above);
          a3 = select(at, a3, above);
        }
      }
      store16(i.y + y + k, b0, b1, b2, b3);
      if (wanted) store16(i.indices + y + k, a0, a1, a2, a3);
    }
    for (; left > 0; left -= 4, k += 16) {
      let best = take(x + k, left);
      let at = i32x4.splat(from);
      for (let u = 0; u < rows; u++) {
        const start = u * lineStep;
        let q = x + k + <usize>start * step;
        for (let v = start; v < start + columns; v += pixelStep, q += tapStep) {
          const value = take(q, left);
          const above = larger(value, best);
          best = select(value, best, above);
          at = select(i32x4.splat(from + v), at, above);
        }
      }
      put(i.y + y + k, best, left);
      if (wanted) put(i.indices + y + k, at, left);
    }
  }
}

/** y = the largest of each window, and where the first such one lies. */
export function maxPool(i: Windows): void {
  eachPixel<Maximum>(i);
}

@unmanaged
class Winners {
  // @ts-ignore: decorator
  @inline
  at(i: Windows, p: i32, place: i32, r: usize, c: usize, plane: i32, from: i32): void {
    const step = <usize>i.channels << 2;
    const rows = load<i32>(r, 4);
    const columns = load<i32>(c, 4);
    const own = i32x4.splat(place);
    const at = <usize>(plane + from) * step;
    const y = i.y + <usize>p * step;
    let left = i.channels;
    let k: usize = 0;
    for (; left >= 16; left -= 16, k += 64) {
      let s0 = f32x4.splat(0);
      let s1 = s0;
      let s2 = s0;
      let s3 = s0;
      for (let u = 0; u < rows; u++) {
        let q = at + k + <usize>(u * i.xWidth) * step;
        for (let v = 0; v < columns; v++, q += step) {
          s0 = f32x4.add(s0, won(i, q, own));
          s1 = f32x4.add(s1, won(i, q + 16, own));
          s2 = f32x4.add(s2, won(i, q + 32, own));
          s3 = f32x4.add(s3, won(i, q + 48, own));
        }
      }
      store16(y + k, s0, s1, s2, s3);
    }
    for (; left > 0; left -= 4, k += 16) {
      let sum = f32x4.splat(0);
      for (let u = 0; u < rows; u++) {
        let q = at + k + <usize>(u * i.xWidth) * step;
        for (let v = 0; v < columns; v++, q += step) {
          const mine = i32x4.eq(take(i.indices + q, left), own);
          sum = f32x4.add(sum, v128.and(take(i.x + q, left), mine));
        }
      }
      put(y + k, sum, left);
    }
  }
}

/** y = for each element that was pooled, the sum of what came back from the windows in which it was the largest. */
export function maxPoolGradient(i: Windows): void {
  eachPixel<Winners>(i);
}

@unmanaged
class Taken {
  // @ts-ignore: decorator
  @inline
  at(i: Windows, p: i32, _: i32, r: usize, c: usize, plane: i32, from: i32): void {
    for (let k = 0; k < i.channels; k++) {
      const to = <usize>(p * i.channels + k) << 2;
      const place = plane + load<i32>(i.indices + to);
      store<f32>(i.y + to, load<f32>(i.x + (<usize>(place * i.channels + k) << 2)));
    }
  }
}

/** y = the elements of x at the places where the maxima were. */
export function takeMaxima(i: Windows): void {
  eachPixel<Taken>(i);
}
