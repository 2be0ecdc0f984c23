// Small kernels of the products of bytes: sums of a tile that stay in registers while the terms run.
// The only unrolled code. `rows` is a constant at every call, so what a tile does not need vanishes.
import { BYTES_ROWS, HEAD_ONES, HEAD_START, PANEL_HEAD } from "../abi";
import { dot } from "./lanes";

/** Rows of a tile: ten sums, two vectors of weights, the ones, and two of V8's 15 registers for what is under way. */
export const TILE_ROWS = BYTES_ROWS;

/** to[rows, 8] = start + A[rows, 4 · steps] · panel; a panel holds, behind its head, 4 terms of 8 columns a step. */
// @ts-ignore: decorator
@inline
function tile(rows: i32, steps: i32, a: usize, aStride: usize, panel: usize, to: usize): void {
  const ones = v128.load(panel, HEAD_ONES);
  let c00 = v128.load(panel, HEAD_START);
  let c01 = v128.load(panel, HEAD_START + 16);
  let c10 = c00;
  let c11 = c01;
  let c20 = c00;
  let c21 = c01;
  let c30 = c00;
  let c31 = c01;
  let c40 = c00;
  let c41 = c01;
  let a0 = a;
  let a1 = a0 + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let a4 = a3 + aStride;
  let q = panel + PANEL_HEAD;
  const last = q + (<usize>steps << 5);
  let x: v128, w0: v128, w1: v128;
  do {
    w0 = v128.load(q);
    w1 = v128.load(q, 16);
    x = v128.load32_splat(a0);
    c00 = dot(w0, x, ones, c00);
    c01 = dot(w1, x, ones, c01);
    a0 += 4;
    if (rows > 1) {
      x = v128.load32_splat(a1);
      c10 = dot(w0, x, ones, c10);
      c11 = dot(w1, x, ones, c11);
      a1 += 4;
    }
    if (rows > 2) {
      x = v128.load32_splat(a2);
      c20 = dot(w0, x, ones, c20);
      c21 = dot(w1, x, ones, c21);
      a2 += 4;
    }
    if (rows > 3) {
      x = v128.load32_splat(a3);
      c30 = dot(w0, x, ones, c30);
      c31 = dot(w1, x, ones, c31);
      a3 += 4;
    }
    if (rows > 4) {
      x = v128.load32_splat(a4);
      c40 = dot(w0, x, ones, c40);
      c41 = dot(w1, x, ones, c41);
      a4 += 4;
    }
    q += 32;
  } while (q != last);
  v128.store(to, c00);
  v128.store(to, c01, 16);
  if (rows > 1) {
    v128.store(to, c10, 32);
    v128.store(to, c11, 48);
  }
  if (rows > 2) {
    v128.store(to, c20, 64);
    v128.store(to, c21, 80);
  }
  if (rows > 3) {
    v128.store(to, c30, 96);
    v128.store(to, c31, 112);
  }
  if (rows > 4) {
    v128.store(to, c40, 128);
    v128.store(to, c41, 144);
  }
}

/** The tile of a height that is known only now. */
export function tileOf(rows: i32, steps: i32, a: usize, aStride: usize, panel: usize, to: usize): void {
  switch (rows) {
    case 1:
      return tile(1, steps, a, aStride, panel, to);
    case 2:
      return tile(2, steps, a, aStride, panel, to);
    case 3:
      return tile(3, steps, a, aStride, panel, to);
    case 4:
      return tile(4, steps, a, aStride, panel, to);
    case 5:
      return tile(5, steps, a, aStride, panel, to);
  }
}
