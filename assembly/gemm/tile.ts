// The small kernel of the matrix product: a tile of C that stays in registers while k runs.
// The only unrolled code. Rows, width and panel are constants at every call, so what a tile does not need vanishes.
import { madd } from "../simd";

/**
 * C tile [rows, width] = from + A[rows, depth] · B[depth, width].
 * A lies either in a panel (rows side by side, `aStride` bytes from one k to the next) or row by row
 * (`aStride` bytes from one row to the next). Strides are bytes; `from` and C may be the same place.
 */
// @ts-ignore: decorator
@inline
function tile(
  rows: i32,
  width: i32,
  panel: bool,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  let a1: usize = 0;
  let a2: usize = 0;
  let a3: usize = 0;
  let a4: usize = 0;
  let a5: usize = 0;
  if (!panel) {
    a1 = a + aStride;
    a2 = a1 + aStride;
    a3 = a2 + aStride;
    a4 = a3 + aStride;
    a5 = a4 + aStride;
  }
  let c00 = v128.load(from);
  let c01 = width > 4 ? v128.load(from, 16) : c00;
  let c02 = width > 8 ? v128.load(from, 32) : c00;
  let c03 = width > 8 ? v128.load(from, 48) : c00;
  if (rows > 1) from += fromStride;
  let c10 = v128.load(from);
  let c11 = width > 4 ? v128.load(from, 16) : c10;
  let c12 = width > 8 ? v128.load(from, 32) : c10;
  let c13 = width > 8 ? v128.load(from, 48) : c10;
  if (rows > 2) from += fromStride;
  let c20 = v128.load(from);
  let c21 = width > 4 ? v128.load(from, 16) : c20;
  let c22 = width > 8 ? v128.load(from, 32) : c20;
  let c23 = width > 8 ? v128.load(from, 48) : c20;
  if (rows > 3) from += fromStride;
  let c30 = v128.load(from);
  let c31 = width > 4 ? v128.load(from, 16) : c30;
  let c32 = width > 8 ? v128.load(from, 32) : c30;
  let c33 = width > 8 ? v128.load(from, 48) : c30;
  if (rows > 4) from += fromStride;
  let c40 = v128.load(from);
  let c41 = width > 4 ? v128.load(from, 16) : c40;
  let c42 = width > 8 ? v128.load(from, 32) : c40;
  let c43 = width > 8 ? v128.load(from, 48) : c40;
  if (rows > 5) from += fromStride;
  let c50 = v128.load(from);
  let c51 = width > 4 ? v128.load(from, 16) : c50;
  let c52 = width > 8 ? v128.load(from, 32) : c50;
  let c53 = width > 8 ? v128.load(from, 48) : c50;

  for (; depth > 0; depth--) {
    const b0 = v128.load(b);
    const b1 = width > 4 ? v128.load(b, 16) : b0;
    const b2 = width > 8 ? v128.load(b, 32) : b0;
    const b3 = width > 8 ? v128.load(b, 48) : b0;
    b += bStride;
    const x0 = v128.load32_splat(a);
    c00 = madd(x0, b0, c00);
    if (width > 4) c01 = madd(x0, b1, c01);
    if (width > 8) {
      c02 = madd(x0, b2, c02);
      c03 = madd(x0, b3, c03);
    }
    if (rows > 1) {
      const x1 = panel ? v128.load32_splat(a, 4) : v128.load32_splat(a1);
      c10 = madd(x1, b0, c10);
      if (width > 4) c11 = madd(x1, b1, c11);
      if (width > 8) {
        c12 = madd(x1, b2, c12);
        c13 = madd(x1, b3, c13);
      }
    }
    if (rows > 2) {
      const x2 = panel ? v128.load32_splat(a, 8) : v128.load32_splat(a2);
      c20 = madd(x2, b0, c20);
      if (width > 4) c21 = madd(x2, b1, c21);
      if (width > 8) {
        c22 = madd(x2, b2, c22);
        c23 = madd(x2, b3, c23);
      }
    }
    if (rows > 3) {
      const x3 = panel ? v128.load32_splat(a, 12) : v128.load32_splat(a3);
      c30 = madd(x3, b0, c30);
      if (width > 4) c31 = madd(x3, b1, c31);
      if (width > 8) {
        c32 = madd(x3, b2, c32);
        c33 = madd(x3, b3, c33);
      }
    }
    if (rows > 4) {
      const x4 = panel ? v128.load32_splat(a, 16) : v128.load32_splat(a4);
      c40 = madd(x4, b0, c40);
      if (width > 4) c41 = madd(x4, b1, c41);
      if (width > 8) {
        c42 = madd(x4, b2, c42);
        c43 = madd(x4, b3, c43);
      }
    }
    if (rows > 5) {
      const x5 = panel ? v128.load32_splat(a, 20) : v128.load32_splat(a5);
      c50 = madd(x5, b0, c50);
      if (width > 4) c51 = madd(x5, b1, c51);
      if (width > 8) {
        c52 = madd(x5, b2, c52);
        c53 = madd(x5, b3, c53);
      }
    }
    if (panel) {
      a += aStride;
    } else {
      a += 4;
      if (rows > 1) a1 += 4;
      if (rows > 2) a2 += 4;
      if (rows > 3) a3 += 4;
      if (rows > 4) a4 += 4;
      if (rows > 5) a5 += 4;
    }
  }

  v128.store(c, c00);
  if (width > 4) v128.store(c, c01, 16);
  if (width > 8) {
    v128.store(c, c02, 32);
    v128.store(c, c03, 48);
  }
  if (rows > 1) {
    c += cStride;
    v128.store(c, c10);
    if (width > 4) v128.store(c, c11, 16);
    if (width > 8) {
      v128.store(c, c12, 32);
      v128.store(c, c13, 48);
    }
  }
  if (rows > 2) {
    c += cStride;
    v128.store(c, c20);
    if (width > 4) v128.store(c, c21, 16);
    if (width > 8) {
      v128.store(c, c22, 32);
      v128.store(c, c23, 48);
    }
  }
  if (rows > 3) {
    c += cStride;
    v128.store(c, c30);
    if (width > 4) v128.store(c, c31, 16);
    if (width > 8) {
      v128.store(c, c32, 32);
      v128.store(c, c33, 48);
    }
  }
  if (rows > 4) {
    c += cStride;
    v128.store(c, c40);
    if (width > 4) v128.store(c, c41, 16);
    if (width > 8) {
      v128.store(c, c42, 32);
      v128.store(c, c43, 48);
    }
  }
  if (rows > 5) {
    c += cStride;
    v128.store(c, c50);
    if (width > 4) v128.store(c, c51, 16);
    if (width > 8) {
      v128.store(c, c52, 32);
      v128.store(c, c53, 48);
    }
  }
}

/** The tile of a height known only when the program runs. */
// @ts-ignore: decorator
@inline
function tileOfRows(
  rows: i32,
  width: i32,
  panel: bool,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  switch (rows) {
    case 1:
      return tile(1, width, panel, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    case 2:
      return tile(2, width, panel, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    case 3:
      return tile(3, width, panel, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    case 4:
      return tile(4, width, panel, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    case 5:
      return tile(5, width, panel, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    case 6:
      return tile(6, width, panel, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
  }
}

// One function for each kind, so that V8 optimizes and replaces each by itself.

export function rows4(rows: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, from: usize, fromStride: usize, c: usize, cStride: usize): void {
  tileOfRows(rows, 4, false, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
}
export function rows8(rows: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, from: usize, fromStride: usize, c: usize, cStride: usize): void {
  tileOfRows(rows, 8, false, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
}
export function rows16(rows: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, from: usize, fromStride: usize, c: usize, cStride: usize): void {
  tileOfRows(rows, 16, false, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
}
export function panel4(rows: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, from: usize, fromStride: usize, c: usize, cStride: usize): void {
  tileOfRows(rows, 4, true, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
}
export function panel8(rows: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, from: usize, fromStride: usize, c: usize, cStride: usize): void {
  tileOfRows(rows, 8, true, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
}
export function panel16(rows: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, from: usize, fromStride: usize, c: usize, cStride: usize): void {
  tileOfRows(rows, 16, true, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
}
