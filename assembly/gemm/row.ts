// Products too thin for tiles: with few rows, or few terms a sum, packing costs more than it saves.
import { loadTail, madd, storeTail, sumLanes } from "../simd";

/** c[0..n) = from[0..n) + Σ a[p] · b[p][0..n) for p < terms, a constant at each call; in the order of p. */
// @ts-ignore: decorator
@inline
function addTerms(
  terms: i32,
  n: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  from: usize,
  c: usize,
): void {
  const a0 = v128.load32_splat(a);
  const a1 = terms > 1 ? v128.load32_splat(a + aStride) : a0;
  const a2 = terms > 2 ? v128.load32_splat(a + 2 * aStride) : a0;
  const a3 = terms > 3 ? v128.load32_splat(a + 3 * aStride) : a0;
  let b1 = b + bStride;
  let b2 = b1 + bStride;
  let b3 = b2 + bStride;
  for (; n >= 8; n -= 8) {
    let x = madd(a0, v128.load(b), v128.load(from));
    let y = madd(a0, v128.load(b, 16), v128.load(from, 16));
    if (terms > 1) {
      x = madd(a1, v128.load(b1), x);
      y = madd(a1, v128.load(b1, 16), y);
      b1 += 32;
    }
    if (terms > 2) {
      x = madd(a2, v128.load(b2), x);
      y = madd(a2, v128.load(b2, 16), y);
      b2 += 32;
    }
    if (terms > 3) {
      x = madd(a3, v128.load(b3), x);
      y = madd(a3, v128.load(b3, 16), y);
      b3 += 32;
    }
    v128.store(c, x);
    v128.store(c, y, 16);
    b += 32;
    from += 32;
    c += 32;
  }
  if (n >= 4) {
    let x = madd(a0, v128.load(b), v128.load(from));
    if (terms > 1) x = madd(a1, v128.load(b1), x);
    if (terms > 2) x = madd(a2, v128.load(b2), x);
    if (terms > 3) x = madd(a3, v128.load(b3), x);
    v128.store(c, x);
    n -= 4;
    b += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
    from += 16;
    c += 16;
  }
  if (n > 0) {
    let x = madd(a0, loadTail(b, n), loadTail(from, n));
    if (terms > 1) x = madd(a1, loadTail(b1, n), x);
    if (terms > 2) x = madd(a2, loadTail(b2, n), x);
    if (terms > 3) x = madd(a3, loadTail(b3, n), x);
    storeTail(c, x, n);
  }
}

/** Bytes of B that the second-level cache has room for, and between lines of it that are fetched ahead. Others are read as they lie. */
const NEAR: usize = 512 * 1024;
const NEXT: usize = 2048;

/** One row of C: c[0..n) = from[0..n) + a[0..k) · B[k, n], with B in place. */
export function row(
  n: i32,
  k: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  from: usize,
  c: usize,
): void {
  if (k == 0) memory.copy(c, from, <usize>n << 2);
  else if ((n & 31) == 0 && bStride <= NEXT && <usize>k * bStride <= NEAR) byColumns(n, k, a, aStride, b, bStride, from, c);
  else byLines(n, k, a, aStride, b, bStride, from, c);
}

/** 32 columns from top to bottom, whose sums stay in registers. */
function byColumns(
  n: i32,
  k: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  from: usize,
  c: usize,
): void {
  const height = <usize>k * bStride;
  for (; n > 0; n -= 32, b += 128, from += 128, c += 128) {
    let c0 = v128.load(from);
    let c1 = v128.load(from, 16);
    let c2 = v128.load(from, 32);
    let c3 = v128.load(from, 48);
    let c4 = v128.load(from, 64);
    let c5 = v128.load(from, 80);
    let c6 = v128.load(from, 96);
    let c7 = v128.load(from, 112);
    let p = a;
    let q = b;
    const last = b + height;
    do {
      const x = v128.load32_splat(p);
      c0 = madd(x, v128.load(q), c0);
      c1 = madd(x, v128.load(q, 16), c1);
      c2 = madd(x, v128.load(q, 32), c2);
      c3 = madd(x, v128.load(q, 48), c3);
      c4 = madd(x, v128.load(q, 64), c4);
      c5 = madd(x, v128.load(q, 80), c5);
      c6 = madd(x, v128.load(q, 96), c6);
      c7 = madd(x, v128.load(q, 112), c7);
      p += aStride;
      q += bStride;
    } while (q != last);
    v128.store(c, c0);
    v128.store(c, c1, 16);
    v128.store(c, c2, 32);
    v128.store(c, c3, 48);
    v128.store(c, c4, 64);
    v128.store(c, c5, 80);
    v128.store(c, c6, 96);
    v128.store(c, c7, 112);
  }
}

/** Four lines of B at a time. */
function byLines(
  n: i32,
  k: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  from: usize,
  c: usize,
): void {
  for (; k >= 4; k -= 4) {
    addTerms(4, n, a, aStride, b, bStride, from, c);
    a += 4 * aStride;
    b += 4 * bStride;
    from = c;
  }
  if (k == 3) addTerms(3, n, a, aStride, b, bStride, from, c);
  else if (k == 2) addTerms(2, n, a, aStride, b, bStride, from, c);
  else if (k == 1) addTerms(1, n, a, aStride, b, bStride, from, c);
}

/** C[rows, n] = a[rows] · b[n], each column's part of b in registers for all rows. */
export function outer(rows: i32, n: i32, a: usize, b: usize, c: usize, cStride: usize): void {
  const aEnd = a + (<usize>rows << 2);
  for (; n >= 32; n -= 32, b += 128, c += 128) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const b2 = v128.load(b, 32);
    const b3 = v128.load(b, 48);
    const b4 = v128.load(b, 64);
    const b5 = v128.load(b, 80);
    const b6 = v128.load(b, 96);
    const b7 = v128.load(b, 112);
    for (let p = a, q = c; p < aEnd; p += 4, q += cStride) {
      const x = v128.load32_splat(p);
      v128.store(q, f32x4.mul(x, b0));
      v128.store(q, f32x4.mul(x, b1), 16);
      v128.store(q, f32x4.mul(x, b2), 32);
      v128.store(q, f32x4.mul(x, b3), 48);
      v128.store(q, f32x4.mul(x, b4), 64);
      v128.store(q, f32x4.mul(x, b5), 80);
      v128.store(q, f32x4.mul(x, b6), 96);
      v128.store(q, f32x4.mul(x, b7), 112);
    }
  }
  for (; n >= 4; n -= 4, b += 16, c += 16) {
    const x = v128.load(b);
    for (let p = a, q = c; p < aEnd; p += 4, q += cStride) {
      v128.store(q, f32x4.mul(v128.load32_splat(p), x));
    }
  }
  if (n > 0) {
    const x = loadTail(b, n);
    for (let p = a, q = c; p < aEnd; p += 4, q += cStride) {
      storeTail(q, f32x4.mul(v128.load32_splat(p), x), n);
    }
  }
}

/** One row of C from dot products: c[j] = from[j] + a[0..k) · b[j][0..k). Four partial sums each, whatever j. */
export function dots(n: i32, k: i32, a: usize, b: usize, bStride: usize, from: usize, c: usize): void {
  for (; n >= 8; n -= 8) {
    let p = a;
    let b0 = b;
    let b1 = b0 + bStride;
    let b2 = b1 + bStride;
    let b3 = b2 + bStride;
    let b4 = b3 + bStride;
    let b5 = b4 + bStride;
    let b6 = b5 + bStride;
    let b7 = b6 + bStride;
    b = b7 + bStride;
    let c0: v128 = i64x2.splat(0);
    let c1: v128 = c0;
    let c2: v128 = c0;
    let c3: v128 = c0;
    let c4: v128 = c0;
    let c5: v128 = c0;
    let c6: v128 = c0;
    let c7: v128 = c0;
    let d = k;
    for (; d >= 4; d -= 4) {
      const x = v128.load(p);
      c0 = madd(x, v128.load(b0), c0);
      c1 = madd(x, v128.load(b1), c1);
      c2 = madd(x, v128.load(b2), c2);
      c3 = madd(x, v128.load(b3), c3);
      c4 = madd(x, v128.load(b4), c4);
      c5 = madd(x, v128.load(b5), c5);
      c6 = madd(x, v128.load(b6), c6);
      c7 = madd(x, v128.load(b7), c7);
      p += 16;
      b0 += 16;
      b1 += 16;
      b2 += 16;
      b3 += 16;
      b4 += 16;
      b5 += 16;
      b6 += 16;
      b7 += 16;
    }
    if (d > 0) {
      const x = loadTail(p, d);
      c0 = madd(x, loadTail(b0, d), c0);
      c1 = madd(x, loadTail(b1, d), c1);
      c2 = madd(x, loadTail(b2, d), c2);
      c3 = madd(x, loadTail(b3, d), c3);
      c4 = madd(x, loadTail(b4, d), c4);
      c5 = madd(x, loadTail(b5, d), c5);
      c6 = madd(x, loadTail(b6, d), c6);
      c7 = madd(x, loadTail(b7, d), c7);
    }
    v128.store(c, f32x4.add(sumsOf4(c0, c1, c2, c3), v128.load(from)));
    v128.store(c, f32x4.add(sumsOf4(c4, c5, c6, c7), v128.load(from, 16)), 16);
    c += 32;
    from += 32;
  }
  for (; n > 0; n--) {
    let p = a;
    let b0 = b;
    b += bStride;
    let c0: v128 = i64x2.splat(0);
    let d = k;
    for (; d >= 4; d -= 4) {
      c0 = madd(v128.load(p), v128.load(b0), c0);
      p += 16;
      b0 += 16;
    }
    if (d > 0) c0 = madd(loadTail(p, d), loadTail(b0, d), c0);
    store<f32>(c, sumLanes(c0) + load<f32>(from));
    c += 4;
    from += 4;
  }
}

/** The sums of the lanes of four vectors, each in the order of sumLanes. */
// @ts-ignore: decorator
@inline
function sumsOf4(x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  const y0 = v128.shuffle<f32>(x0, x1, 0, 4, 1, 5);
  const y1 = v128.shuffle<f32>(x0, x1, 2, 6, 3, 7);
  const y2 = v128.shuffle<f32>(x2, x3, 0, 4, 1, 5);
  const y3 = v128.shuffle<f32>(x2, x3, 2, 6, 3, 7);
  // y0 + y1 holds (lane 0 + lane 2) of the first two, then (lane 1 + lane 3).
  const low = f32x4.add(y0, y1);
  const high = f32x4.add(y2, y3);
  return f32x4.add(v128.shuffle<f64>(low, high, 0, 2), v128.shuffle<f64>(low, high, 1, 3));
}
