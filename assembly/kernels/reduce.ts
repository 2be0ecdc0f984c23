// Reductions. A tensor is seen as [outer, size, inner] and reduced over size.
// Each output is one thread's, in an order fixed by the sizes alone.
import { REDUCE_BLOCK } from "../abi";
import { loadTail, storeTail } from "../simd";
import { end, first } from "../thread";

@unmanaged
class Reduce {
  slot: u32;
  fused: i32;
  outer: i32;
  size: i32;
  inner: i32;
  /** The result is multiplied by this: 1/n makes a mean of a sum. */
  scale: f32;
  x: usize;
  y: usize;
}

@unmanaged
class Sum {
  // @ts-ignore: decorator
  @inline
  start(): v128 {
    return f32x4.splat(0);
  }
  // @ts-ignore: decorator
  @inline
  v(a: v128, x: v128): v128 {
    return f32x4.add(a, x);
  }
}

@unmanaged
class Max {
  // @ts-ignore: decorator
  @inline
  start(): v128 {
    return f32x4.splat(-Infinity);
  }
  // @ts-ignore: decorator
  @inline
  v(a: v128, x: v128): v128 {
    return f32x4.max(a, x);
  }
}

/** Reduces a run of neighbours: four chains of four lanes, then the lanes. */
function reduceRun<F>(x: usize, size: i32): f32 {
  const f = changetype<F>(0);
  let a0 = f.start();
  let a1 = f.start();
  let a2 = f.start();
  let a3 = f.start();
  for (; size >= 16; size -= 16, x += 64) {
    a0 = f.v(a0, v128.load(x));
    a1 = f.v(a1, v128.load(x, 16));
    a2 = f.v(a2, v128.load(x, 32));
    a3 = f.v(a3, v128.load(x, 48));
  }
  for (; size >= 4; size -= 4, x += 16) a0 = f.v(a0, v128.load(x));
  for (; size > 0; size--, x += 4) a1 = f.v(a1, f32x4.replace_lane(f.start(), 0, load<f32>(x)));
  a0 = f.v(f.v(a0, a1), f.v(a2, a3));
  a0 = f.v(a0, i8x16.shuffle(a0, a0, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  a0 = f.v(a0, i8x16.shuffle(a0, a0, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  return f32x4.extract_lane(a0, 0);
}

/**
 * Reduces `size` rows of 1 to 16 columns, `stride` bytes apart. The factor comes as a number: V8 26 fails to join the
 * stores of products with a vector that is a parameter.
 */
function reduceColumns<F>(x: usize, size: i32, stride: usize, y: usize, columns: i32, factor: f32): void {
  const f = changetype<F>(0);
  const scale = f32x4.splat(factor);
  if (columns == 16) {
    let a0 = f.start();
    let a1 = f.start();
    let a2 = f.start();
    let a3 = f.start();
    for (; size > 0; size--, x += stride) {
      a0 = f.v(a0, v128.load(x));
      a1 = f.v(a1, v128.load(x, 16));
      a2 = f.v(a2, v128.load(x, 32));
      a3 = f.v(a3, v128.load(x, 48));
    }
    v128.store(y, f32x4.mul(a0, scale));
    v128.store(y, f32x4.mul(a1, scale), 16);
    v128.store(y, f32x4.mul(a2, scale), 32);
    v128.store(y, f32x4.mul(a3, scale), 48);
    return;
  }
  for (; columns >= 4; columns -= 4, x += 16, y += 16) {
    let a = f.start();
    let p = x;
    for (let k = size; k > 0; k--, p += stride) a = f.v(a, v128.load(p));
    v128.store(y, f32x4.mul(a, scale));
  }
  if (columns > 0) {
    let a = f.start();
    for (; size > 0; size--, x += stride) a = f.v(a, loadTail(x, columns));
    storeTail(y, f32x4.mul(a, scale), columns);
  }
}

// @ts-ignore: decorator
@inline
function reduce<F>(i: Reduce): void {
  const size = i.size;
  const inner = i.inner;
  if (inner == 1) {
    const to = end(i.outer);
    for (let o = first(i.outer); o < to; o++) {
      store<f32>(i.y + (<usize>o << 2), reduceRun<F>(i.x + (<usize>(o * size) << 2), size) * i.scale);
    }
    return;
  }
  const strips = (inner + 15) >> 4;
  const to = end(i.outer * strips);
  for (let u = first(i.outer * strips); u < to; u++) {
    const o = u / strips;
    const from = (u % strips) << 4;
    reduceColumns<F>(
      i.x + (<usize>(o * size * inner + from) << 2),
      size,
      <usize>inner << 2,
      i.y + (<usize>(o * inner + from) << 2),
      min(16, inner - from),
      i.scale,
    );
  }
}

export function reduceSum(i: Reduce): void {
  reduce<Sum>(i);
}
export function reduceMax(i: Reduce): void {
  reduce<Max>(i);
}

/** First stage of a long sum: [size, inner] → partial sums [⌈size / REDUCE_BLOCK⌉, inner]. */
export function partialSum(i: Reduce): void {
  const inner = i.inner;
  const blocks = (i.size + REDUCE_BLOCK - 1) / REDUCE_BLOCK;
  const to = end(blocks);
  for (let u = first(blocks); u < to; u++) {
    const from = u * REDUCE_BLOCK;
    const rows = min(REDUCE_BLOCK, i.size - from);
    const x = i.x + (<usize>(from * inner) << 2);
    const y = i.y + (<usize>(u * inner) << 2);
    if (inner == 1) {
      store<f32>(y, reduceRun<Sum>(x, rows));
    } else {
      for (let c = 0; c < inner; c += 16) {
        reduceColumns<Sum>(
          x + (<usize>c << 2),
          rows,
          <usize>inner << 2,
          y + (<usize>c << 2),
          min(16, inner - c),
          1,
        );
      }
    }
  }
}

/** First stage of a norm: the sum of squares of each block of n elements. */
@unmanaged
class PartialSquares {
  slot: u32;
  fused: i32;
  n: i32;
  x: usize;
  y: usize;
}

export function partialSquares(i: PartialSquares): void {
  const blocks = (i.n + REDUCE_BLOCK - 1) / REDUCE_BLOCK;
  const to = end(blocks);
  for (let u = first(blocks); u < to; u++) {
    const from = u * REDUCE_BLOCK;
    let left = min(REDUCE_BLOCK, i.n - from);
    let x = i.x + (<usize>from << 2);
    let a0 = f32x4.splat(0);
    let a1 = f32x4.splat(0);
    for (; left >= 8; left -= 8, x += 32) {
      const p = v128.load(x);
      const q = v128.load(x, 16);
      a0 = f32x4.add(a0, f32x4.mul(p, p));
      a1 = f32x4.add(a1, f32x4.mul(q, q));
    }
    for (; left >= 4; left -= 4, x += 16) {
      const p = v128.load(x);
      a0 = f32x4.add(a0, f32x4.mul(p, p));
    }
    if (left > 0) {
      const p = loadTail(x, left);
      a1 = f32x4.add(a1, f32x4.mul(p, p));
    }
    a0 = f32x4.add(a0, a1);
    store<f32>(
      i.y + (<usize>u << 2),
      f32x4.extract_lane(a0, 0) +
        f32x4.extract_lane(a0, 2) +
        (f32x4.extract_lane(a0, 1) + f32x4.extract_lane(a0, 3)),
    );
  }
}

/** Index of the first largest element, i32; a NaN counts as largest, as in PyTorch. */
export function argmax(i: Reduce): void {
  const units = i.outer * i.inner;
  const to = end(units);
  const stride = <usize>i.inner << 2;
  for (let u = first(units); u < to; u++) {
    let x = i.x + (<usize>((u / i.inner) * i.size * i.inner + (u % i.inner)) << 2);
    let best = load<f32>(x);
    let at = 0;
    for (let k = 1; k < i.size; k++) {
      x += stride;
      const value = load<f32>(x);
      if (value > best || (value != value && best == best)) {
        best = value;
        at = k;
      }
    }
    store<i32>(i.y + (<usize>u << 2), at);
  }
}
