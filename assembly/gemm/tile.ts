// The small kernel of the matrix product: a tile of C that stays in registers while k runs.
// The only unrolled code. `rows` and `width` are constants at every call, so what a tile does not need vanishes.
//
// Four terms a turn, for the processor's front end is what limits a tile: stepping six row pointers, and V8's
// look at its interrupt flag, each turn take a third of the slots. Between the terms stands a way out, which also
// ends a block of code: V8 orders freely inside a block, and would keep too many vectors alive (measured, share
// of the ceiling: one term 0.66, four in one block 0.61, four with ways out 0.86).
// A packed in panels, one pointer, loses what it gains: splats at an offset cost an instruction more.
// The loop over panels is here so that a call is paid once a row of tiles.
import { madd } from "../simd";

/** Rows of a tile: with eight columns they just fill V8's 15 vector registers. */
export const TILE_ROWS = 6;
/** Large matrices are cut into tiles of at least so many rows; lower ones are not worth the code. */
const UNROLLED_ROWS = 5;

/**
 * C[rows, width · count] = from + A[rows, depth] · B, B in `count` panels of [depth, width], `bStep` bytes apart.
 * Strides are bytes from one row to the next (of B: from one k to the next). `from` and C may be the same place.
 */
// @ts-ignore: decorator
@inline
function tile(
  rows: i32,
  width: i32,
  count: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  bStep: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  for (; count > 0; count--) {
    let p = from;
    let c00 = v128.load(p);
    let c01 = v128.load(p, 16);
    let c02 = width > 8 ? v128.load(p, 32) : c00;
    let c03 = width > 8 ? v128.load(p, 48) : c00;
    if (rows > 1) p += fromStride;
    let c10 = v128.load(p);
    let c11 = v128.load(p, 16);
    let c12 = width > 8 ? v128.load(p, 32) : c10;
    let c13 = width > 8 ? v128.load(p, 48) : c10;
    if (rows > 2) p += fromStride;
    let c20 = v128.load(p);
    let c21 = v128.load(p, 16);
    let c22 = width > 8 ? v128.load(p, 32) : c20;
    let c23 = width > 8 ? v128.load(p, 48) : c20;
    if (rows > 3) p += fromStride;
    let c30 = v128.load(p);
    let c31 = v128.load(p, 16);
    let c32 = width > 8 ? v128.load(p, 32) : c30;
    let c33 = width > 8 ? v128.load(p, 48) : c30;
    if (rows > 4) p += fromStride;
    let c40 = v128.load(p);
    let c41 = v128.load(p, 16);
    let c42 = width > 8 ? v128.load(p, 32) : c40;
    let c43 = width > 8 ? v128.load(p, 48) : c40;
    if (rows > 5) p += fromStride;
    let c50 = v128.load(p);
    let c51 = v128.load(p, 16);
    let c52 = width > 8 ? v128.load(p, 32) : c50;
    let c53 = width > 8 ? v128.load(p, 48) : c50;

    if (depth > 0) {
      let a0 = a;
      let a1 = a0 + aStride;
      let a2 = a1 + aStride;
      let a3 = a2 + aStride;
      let a4 = a3 + aStride;
      let a5 = a4 + aStride;
      let q = b;
      const last = b + <usize>depth * bStride;
      let x: v128, b0: v128, b1: v128, b2: v128, b3: v128;
      for (;;) {
        b0 = v128.load(q);
        b1 = v128.load(q, 16);
        b2 = width > 8 ? v128.load(q, 32) : b0;
        b3 = width > 8 ? v128.load(q, 48) : b0;
        x = v128.load32_splat(a0);
        c00 = madd(x, b0, c00);
        c01 = madd(x, b1, c01);
        if (width > 8) c02 = madd(x, b2, c02);
        if (width > 8) c03 = madd(x, b3, c03);
        if (rows > 1) {
          x = v128.load32_splat(a1);
          c10 = madd(x, b0, c10);
          c11 = madd(x, b1, c11);
          if (width > 8) c12 = madd(x, b2, c12);
          if (width > 8) c13 = madd(x, b3, c13);
        }
        if (rows > 2) {
          x = v128.load32_splat(a2);
          c20 = madd(x, b0, c20);
          c21 = madd(x, b1, c21);
          if (width > 8) c22 = madd(x, b2, c22);
          if (width > 8) c23 = madd(x, b3, c23);
        }
        if (rows > 3) {
          x = v128.load32_splat(a3);
          c30 = madd(x, b0, c30);
          c31 = madd(x, b1, c31);
          if (width > 8) c32 = madd(x, b2, c32);
          if (width > 8) c33 = madd(x, b3, c33);
        }
        if (rows > 4) {
          x = v128.load32_splat(a4);
          c40 = madd(x, b0, c40);
          c41 = madd(x, b1, c41);
          if (width > 8) c42 = madd(x, b2, c42);
          if (width > 8) c43 = madd(x, b3, c43);
        }
        if (rows > 5) {
          x = v128.load32_splat(a5);
          c50 = madd(x, b0, c50);
          c51 = madd(x, b1, c51);
          if (width > 8) c52 = madd(x, b2, c52);
          if (width > 8) c53 = madd(x, b3, c53);
        }
        q += bStride;
        if (q == last) break;
        if (rows >= UNROLLED_ROWS) {
          b0 = v128.load(q);
          b1 = v128.load(q, 16);
          b2 = width > 8 ? v128.load(q, 32) : b0;
          b3 = width > 8 ? v128.load(q, 48) : b0;
          x = v128.load32_splat(a0, 4);
          c00 = madd(x, b0, c00);
          c01 = madd(x, b1, c01);
          if (width > 8) c02 = madd(x, b2, c02);
          if (width > 8) c03 = madd(x, b3, c03);
          if (rows > 1) {
            x = v128.load32_splat(a1, 4);
            c10 = madd(x, b0, c10);
            c11 = madd(x, b1, c11);
            if (width > 8) c12 = madd(x, b2, c12);
            if (width > 8) c13 = madd(x, b3, c13);
          }
          if (rows > 2) {
            x = v128.load32_splat(a2, 4);
            c20 = madd(x, b0, c20);
            c21 = madd(x, b1, c21);
            if (width > 8) c22 = madd(x, b2, c22);
            if (width > 8) c23 = madd(x, b3, c23);
          }
          if (rows > 3) {
            x = v128.load32_splat(a3, 4);
            c30 = madd(x, b0, c30);
            c31 = madd(x, b1, c31);
            if (width > 8) c32 = madd(x, b2, c32);
            if (width > 8) c33 = madd(x, b3, c33);
          }
          if (rows > 4) {
            x = v128.load32_splat(a4, 4);
            c40 = madd(x, b0, c40);
            c41 = madd(x, b1, c41);
            if (width > 8) c42 = madd(x, b2, c42);
            if (width > 8) c43 = madd(x, b3, c43);
          }
          if (rows > 5) {
            x = v128.load32_splat(a5, 4);
            c50 = madd(x, b0, c50);
            c51 = madd(x, b1, c51);
            if (width > 8) c52 = madd(x, b2, c52);
            if (width > 8) c53 = madd(x, b3, c53);
          }
          q += bStride;
          if (q == last) break;
          b0 = v128.load(q);
          b1 = v128.load(q, 16);
          b2 = width > 8 ? v128.load(q, 32) : b0;
          b3 = width > 8 ? v128.load(q, 48) : b0;
          x = v128.load32_splat(a0, 8);
          c00 = madd(x, b0, c00);
          c01 = madd(x, b1, c01);
          if (width > 8) c02 = madd(x, b2, c02);
          if (width > 8) c03 = madd(x, b3, c03);
          if (rows > 1) {
            x = v128.load32_splat(a1, 8);
            c10 = madd(x, b0, c10);
            c11 = madd(x, b1, c11);
            if (width > 8) c12 = madd(x, b2, c12);
            if (width > 8) c13 = madd(x, b3, c13);
          }
          if (rows > 2) {
            x = v128.load32_splat(a2, 8);
            c20 = madd(x, b0, c20);
            c21 = madd(x, b1, c21);
            if (width > 8) c22 = madd(x, b2, c22);
            if (width > 8) c23 = madd(x, b3, c23);
          }
          if (rows > 3) {
            x = v128.load32_splat(a3, 8);
            c30 = madd(x, b0, c30);
            c31 = madd(x, b1, c31);
            if (width > 8) c32 = madd(x, b2, c32);
            if (width > 8) c33 = madd(x, b3, c33);
          }
          if (rows > 4) {
            x = v128.load32_splat(a4, 8);
            c40 = madd(x, b0, c40);
            c41 = madd(x, b1, c41);
            if (width > 8) c42 = madd(x, b2, c42);
            if (width > 8) c43 = madd(x, b3, c43);
          }
          if (rows > 5) {
            x = v128.load32_splat(a5, 8);
            c50 = madd(x, b0, c50);
            c51 = madd(x, b1, c51);
            if (width > 8) c52 = madd(x, b2, c52);
            if (width > 8) c53 = madd(x, b3, c53);
          }
          q += bStride;
          if (q == last) break;
          b0 = v128.load(q);
          b1 = v128.load(q, 16);
          b2 = width > 8 ? v128.load(q, 32) : b0;
          b3 = width > 8 ? v128.load(q, 48) : b0;
          x = v128.load32_splat(a0, 12);
          c00 = madd(x, b0, c00);
          c01 = madd(x, b1, c01);
          if (width > 8) c02 = madd(x, b2, c02);
          if (width > 8) c03 = madd(x, b3, c03);
          if (rows > 1) {
            x = v128.load32_splat(a1, 12);
            c10 = madd(x, b0, c10);
            c11 = madd(x, b1, c11);
            if (width > 8) c12 = madd(x, b2, c12);
            if (width > 8) c13 = madd(x, b3, c13);
          }
          if (rows > 2) {
            x = v128.load32_splat(a2, 12);
            c20 = madd(x, b0, c20);
            c21 = madd(x, b1, c21);
            if (width > 8) c22 = madd(x, b2, c22);
            if (width > 8) c23 = madd(x, b3, c23);
          }
          if (rows > 3) {
            x = v128.load32_splat(a3, 12);
            c30 = madd(x, b0, c30);
            c31 = madd(x, b1, c31);
            if (width > 8) c32 = madd(x, b2, c32);
            if (width > 8) c33 = madd(x, b3, c33);
          }
          if (rows > 4) {
            x = v128.load32_splat(a4, 12);
            c40 = madd(x, b0, c40);
            c41 = madd(x, b1, c41);
            if (width > 8) c42 = madd(x, b2, c42);
            if (width > 8) c43 = madd(x, b3, c43);
          }
          if (rows > 5) {
            x = v128.load32_splat(a5, 12);
            c50 = madd(x, b0, c50);
            c51 = madd(x, b1, c51);
            if (width > 8) c52 = madd(x, b2, c52);
            if (width > 8) c53 = madd(x, b3, c53);
          }
          q += bStride;
        }
        const step: usize = rows >= UNROLLED_ROWS ? 16 : 4;
        a0 += step;
        a1 += step;
        a2 += step;
        a3 += step;
        a4 += step;
        a5 += step;
        if (rows >= UNROLLED_ROWS && q == last) break;
      }
    }

    p = c;
    v128.store(p, c00);
    v128.store(p, c01, 16);
    if (width > 8) v128.store(p, c02, 32);
    if (width > 8) v128.store(p, c03, 48);
    if (rows > 1) {
      p += cStride;
      v128.store(p, c10);
      v128.store(p, c11, 16);
      if (width > 8) v128.store(p, c12, 32);
      if (width > 8) v128.store(p, c13, 48);
    }
    if (rows > 2) {
      p += cStride;
      v128.store(p, c20);
      v128.store(p, c21, 16);
      if (width > 8) v128.store(p, c22, 32);
      if (width > 8) v128.store(p, c23, 48);
    }
    if (rows > 3) {
      p += cStride;
      v128.store(p, c30);
      v128.store(p, c31, 16);
      if (width > 8) v128.store(p, c32, 32);
      if (width > 8) v128.store(p, c33, 48);
    }
    if (rows > 4) {
      p += cStride;
      v128.store(p, c40);
      v128.store(p, c41, 16);
      if (width > 8) v128.store(p, c42, 32);
      if (width > 8) v128.store(p, c43, 48);
    }
    if (rows > 5) {
      p += cStride;
      v128.store(p, c50);
      v128.store(p, c51, 16);
      if (width > 8) v128.store(p, c52, 32);
      if (width > 8) v128.store(p, c53, 48);
    }
    b += bStep;
    from += width << 2;
    c += width << 2;
  }
}

/** The tile of a height that is known only now. */
// @ts-ignore: decorator
@inline
function tiles(
  width: i32,
  rows: i32,
  count: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  bStep: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  switch (rows) {
    case 1:
      return tile(1, width, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
    case 2:
      return tile(2, width, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
    case 3:
      return tile(3, width, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
    case 4:
      return tile(4, width, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
    case 5:
      return tile(5, width, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
    case 6:
      return tile(6, width, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
  }
}

// One function a width, so that V8 optimizes each by itself, and soon.
function tiles8(
  rows: i32,
  count: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  bStep: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  tiles(8, rows, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
}

/** A switch: of two branches Binaryen makes one body, which V8 does not join into wider vectors (measured, a third slower). */
function tiles16(
  rows: i32,
  count: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  bStep: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  switch (rows) {
    case 5:
      return tile(5, 16, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
    case 6:
      return tile(6, 16, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
  }
}

/** By two tiles of eight columns: for low ones wide tiles would gain little and be a lot of code. */
function pairs8(
  rows: i32,
  count: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  bStep: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  for (; count > 0; count--, b += bStep, from += 64, c += 64) {
    tiles8(rows, 1, depth, a, aStride, b, bStride, 0, from, fromStride, c, cStride);
    tiles8(rows, 1, depth, a, aStride, b + 32, bStride, 0, from + 32, fromStride, c + 32, cStride);
  }
}

/** Tiles of 8 or 16 columns. Without fused multiply-adds, all of 16 are by pairs of 8. */
// @ts-ignore: decorator
@inline
export function tilesOf(
  width: i32,
  rows: i32,
  count: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  bStep: usize,
  from: usize,
  fromStride: usize,
  c: usize,
  cStride: usize,
): void {
  if (width == 8) tiles8(rows, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
  else if (ASC_FEATURE_RELAXED_SIMD && rows >= UNROLLED_ROWS)
    tiles16(rows, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
  else pairs8(rows, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
}
