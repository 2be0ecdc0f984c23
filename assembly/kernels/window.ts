// Windows over images [n, height, width, channels]: weighted sums, which average and resize, and maxima.
// A table for each axis names what each position of the result takes: the first input, how many, and the byte in the
// table at which their weights begin. So one loop serves windows that are fixed, padded, adaptive or transposed.
// A unit of work is one pixel of the result.
import { loadTail, madd, select, storeTail } from "../simd";
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
function load4(p: usize, left: i32): v128 {
  return left >= 4 ? v128.load(p) : loadTail(p, left);
}

// @ts-ignore: decorator
@inline
function store4(p: usize, x: v128, left: i32): void {
  if (left >= 4) v128.store(p, x);
  else storeTail(p, x, left);
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
  for (; p < to; p++) {
    const r = i.rows + <usize>(row * ENTRY);
    const c = i.columns + <usize>(column * ENTRY);
    const from = load<i32>(r) * i.xWidth + load<i32>(c);
    f.at(i, p, row * i.width + column, r, c, image * i.xHeight * i.xWidth, from);
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
      v128.store(y, a0);
      v128.store(y, a1, 16);
      v128.store(y, a2, 32);
      v128.store(y, a3, 48);
    }
    for (; left > 0; left -= 4, x += 16, y += 16) {
      let a = f32x4.splat(0);
      for (let u = rowWeights, start = x; u < rowsEnd; u += 4, start += rowStep) {
        for (let v = weights, q = start; v < weightsEnd; v += 4, q += step) {
          a = madd(load4(q, left), f32x4.splat(load<f32>(u) * load<f32>(v)), a);
        }
      }
      store4(y, a, left);
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
    const columns = load<i32>(c, 4);
    const x = i.x + <usize>(plane + from) * step;
    const y = <usize>p * step;
    for (let left = i.channels, k: usize = 0; left > 0; left -= 4, k += 16) {
      let best = load4(x + k, left);
      let at = i32x4.splat(from);
      for (let u = 0; u < rows; u++) {
        const start = u * i.xWidth;
        let q = x + k + <usize>start * step;
        for (let v = start; v < start + columns; v++, q += step) {
          const value = load4(q, left);
          // A NaN is larger than anything, another NaN included: PyTorch's rule.
          const larger = v128.or(f32x4.gt(value, best), f32x4.ne(value, value));
          best = select(value, best, larger);
          at = select(i32x4.splat(from + v), at, larger);
        }
      }
      store4(i.y + y + k, best, left);
      if (i.indices != 0) store4(i.indices + y + k, at, left);
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
    for (let left = i.channels, k: usize = 0; left > 0; left -= 4, k += 16) {
      let sum = f32x4.splat(0);
      for (let u = 0; u < rows; u++) {
        let q = at + k + <usize>(u * i.xWidth) * step;
        for (let v = 0; v < columns; v++, q += step) {
          const won = i32x4.eq(load4(i.indices + q, left), own);
          sum = f32x4.add(sum, v128.and(load4(i.x + q, left), won));
        }
      }
      store4(y + k, sum, left);
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
