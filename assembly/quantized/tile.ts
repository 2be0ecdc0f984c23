// Small kernels of the products of bytes: sums of a tile that stay in registers while the terms run.
// The only unrolled code. `rows` and `native` are constants at every call, so what a tile does not need vanishes.
import {
  BYTES_ROWS,
  HEAD_MAGIC,
  HEAD_OFFSET,
  HEAD_ONES,
  HEAD_QUICK,
  HEAD_SCALE,
  HEAD_START,
  PANEL_COLUMNS,
  PANEL_HEAD,
} from "../abi";
import { finish } from "./finish";
import { dot, hasDot } from "./lanes";

/** Rows of a tile: ten sums, two vectors of weights, the ones, and two of V8's 15 registers for what is under way. */
export const TILE_ROWS = BYTES_ROWS;

/** The same without relaxed SIMD: twelve sums, a vector of activations and one of weights. */
const PLAIN_ROWS = 3;

/** Eight bytes of eight sums that are known to stay below 2²² as numbers: then only bytes need be clamped. */
// @ts-ignore: decorator
@inline
function quick(c0: v128, c1: v128, panel: usize, magic: v128, y: usize): void {
  const x0 = f32x4.mul(f32x4.convert_i32x4_s(c0), v128.load(panel, HEAD_SCALE));
  const x1 = f32x4.mul(f32x4.convert_i32x4_s(c1), v128.load(panel, HEAD_SCALE + 16));
  const z0 = f32x4.add(f32x4.add(x0, v128.load(panel, HEAD_OFFSET)), magic);
  const z1 = f32x4.add(f32x4.add(x1, v128.load(panel, HEAD_OFFSET + 16)), magic);
  const both = i16x8.narrow_i32x4_s(i32x4.sub(z0, magic), i32x4.sub(z1, magic));
  const least = v128.load8_splat(panel, HEAD_QUICK + 1);
  const most = v128.load8_splat(panel, HEAD_QUICK + 2);
  v128.store64_lane(y, i8x16.min_s(i8x16.max_s(i8x16.narrow_i16x8_s(both, both), least), most), 0);
}

/**
 * `count` tiles, one below the other: y[rows, columns] = start + A[rows, 4 · steps] · panel, which holds, behind its head, 4
 * terms of 8 columns a step. A row is some runs of `run` steps; from the end of one to the next are the bytes that `jumps`
 * lists, words. With a size of 0 the sums are left at `sums`, of the last tile.
 */
// @ts-ignore: decorator
@inline
function tile(
  rows: i32,
  native: bool,
  count: i32,
  steps: i32,
  run: i32,
  jumps: usize,
  a: usize,
  aStride: usize,
  panel: usize,
  columns: i32,
  y: usize,
  yStride: usize,
  size: i32,
  sums: usize,
): void {
  const isQuick = size == 1 && columns >= PANEL_COLUMNS && load<u8>(panel, HEAD_QUICK) != 0;
  const last = panel + PANEL_HEAD + (<usize>steps << 5);
  const runBytes = <usize>run << 5;
  const ones = v128.load(panel, HEAD_ONES);
  for (; count > 0; count--) {
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
    let next = q + runBytes;
    let at = jumps;
    let x: v128, w0: v128, w1: v128;
    for (;;) {
      w0 = v128.load(q);
      w1 = v128.load(q, 16);
      x = v128.load32_splat(a0);
      c00 = dot(native, w0, x, ones, c00);
      c01 = dot(native, w1, x, ones, c01);
      a0 += 4;
      if (rows > 1) {
        x = v128.load32_splat(a1);
        c10 = dot(native, w0, x, ones, c10);
        c11 = dot(native, w1, x, ones, c11);
        a1 += 4;
      }
      if (rows > 2) {
        x = v128.load32_splat(a2);
        c20 = dot(native, w0, x, ones, c20);
        c21 = dot(native, w1, x, ones, c21);
        a2 += 4;
      }
      if (rows > 3) {
        x = v128.load32_splat(a3);
        c30 = dot(native, w0, x, ones, c30);
        c31 = dot(native, w1, x, ones, c31);
        a3 += 4;
      }
      if (rows > 4) {
        x = v128.load32_splat(a4);
        c40 = dot(native, w0, x, ones, c40);
        c41 = dot(native, w1, x, ones, c41);
        a4 += 4;
      }
      q += 32;
      if (q != next) continue;
      if (q == last) break;
      next += runBytes;
      const jump = load<u32>(at);
      at += 4;
      a0 += jump;
      if (rows > 1) a1 += jump;
      if (rows > 2) a2 += jump;
      if (rows > 3) a3 += jump;
      if (rows > 4) a4 += jump;
    }
    if (isQuick) {
      const magic = v128.load32_splat(panel, HEAD_MAGIC);
      quick(c00, c01, panel, magic, y);
      if (rows > 1) {
        y += yStride;
        quick(c10, c11, panel, magic, y);
      }
      if (rows > 2) {
        y += yStride;
        quick(c20, c21, panel, magic, y);
      }
      if (rows > 3) {
        y += yStride;
        quick(c30, c31, panel, magic, y);
      }
      if (rows > 4) {
        y += yStride;
        quick(c40, c41, panel, magic, y);
      }
      y += yStride;
    } else {
      v128.store(sums, c00, 0);
      v128.store(sums, c01, 16);
      if (rows > 1) {
        v128.store(sums, c10, 32);
        v128.store(sums, c11, 48);
      }
      if (rows > 2) {
        v128.store(sums, c20, 64);
        v128.store(sums, c21, 80);
      }
      if (rows > 3) {
        v128.store(sums, c30, 96);
        v128.store(sums, c31, 112);
      }
      if (rows > 4) {
        v128.store(sums, c40, 128);
        v128.store(sums, c41, 144);
      }
      if (size) finish(rows, columns, sums, panel, y, yStride, size);
      y += <usize>rows * yStride;
    }
    a += <usize>rows * aStride;
  }
}

/** Tiles of full height. */
function fullTiles(
  count: i32,
  steps: i32,
  run: i32,
  jumps: usize,
  a: usize,
  aStride: usize,
  panel: usize,
  columns: i32,
  y: usize,
  yStride: usize,
  size: i32,
  sums: usize,
): void {
  tile(TILE_ROWS, false, count, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
}

/** The same where the processor has an instruction for it: in one function with the others both take a tenth longer. */
function fullNatively(
  count: i32,
  steps: i32,
  run: i32,
  jumps: usize,
  a: usize,
  aStride: usize,
  panel: usize,
  columns: i32,
  y: usize,
  yStride: usize,
  size: i32,
  sums: usize,
): void {
  tile(TILE_ROWS, true, count, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
}

/** The tile of a lower height: of few rows one instruction's results would be waited for longer than those of three. */
function lowTile(
  rows: i32,
  steps: i32,
  run: i32,
  jumps: usize,
  a: usize,
  aStride: usize,
  panel: usize,
  columns: i32,
  y: usize,
  yStride: usize,
  size: i32,
  sums: usize,
): void {
  switch (rows) {
    case 1:
      return tile(1, false, 1, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
    case 2:
      return tile(2, false, 1, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
    case 3:
      return tile(3, false, 1, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
    case 4:
      if (hasDot) return tile(4, true, 1, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
      return tile(4, false, 1, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
  }
}

/**
 * The same without relaxed SIMD, whose products of bytes take eight instructions: weights and activations become 16 bits, and
 * the two halves of a column's sum stay apart until the end. The sums are left at `sums`.
 */
// @ts-ignore: decorator
@inline
function plainTile(rows: i32, steps: i32, run: i32, jumps: usize, a: usize, aStride: usize, panel: usize, sums: usize): void {
  let c00 = i64x2.splat(0);
  let c01 = i64x2.splat(0);
  let c02 = i64x2.splat(0);
  let c03 = i64x2.splat(0);
  let c10 = i64x2.splat(0);
  let c11 = i64x2.splat(0);
  let c12 = i64x2.splat(0);
  let c13 = i64x2.splat(0);
  let c20 = i64x2.splat(0);
  let c21 = i64x2.splat(0);
  let c22 = i64x2.splat(0);
  let c23 = i64x2.splat(0);
  let a0 = a;
  let a1 = a0 + aStride;
  let a2 = a1 + aStride;
  let q = panel + PANEL_HEAD;
  const last = q + (<usize>steps << 5);
  const runBytes = <usize>run << 5;
  let next = q + runBytes;
  for (;;) {
    const w0 = v128.load8x8_s(q);
    const w1 = v128.load8x8_s(q, 8);
    const w2 = v128.load8x8_s(q, 16);
    const w3 = v128.load8x8_s(q, 24);
    let x: v128;
    x = i16x8.extend_low_i8x16_s(v128.load32_splat(a0));
    c00 = i32x4.add(c00, i32x4.dot_i16x8_s(w0, x));
    c01 = i32x4.add(c01, i32x4.dot_i16x8_s(w1, x));
    c02 = i32x4.add(c02, i32x4.dot_i16x8_s(w2, x));
    c03 = i32x4.add(c03, i32x4.dot_i16x8_s(w3, x));
    a0 += 4;
    if (rows > 1) {
      x = i16x8.extend_low_i8x16_s(v128.load32_splat(a1));
      c10 = i32x4.add(c10, i32x4.dot_i16x8_s(w0, x));
      c11 = i32x4.add(c11, i32x4.dot_i16x8_s(w1, x));
      c12 = i32x4.add(c12, i32x4.dot_i16x8_s(w2, x));
      c13 = i32x4.add(c13, i32x4.dot_i16x8_s(w3, x));
      a1 += 4;
    }
    if (rows > 2) {
      x = i16x8.extend_low_i8x16_s(v128.load32_splat(a2));
      c20 = i32x4.add(c20, i32x4.dot_i16x8_s(w0, x));
      c21 = i32x4.add(c21, i32x4.dot_i16x8_s(w1, x));
      c22 = i32x4.add(c22, i32x4.dot_i16x8_s(w2, x));
      c23 = i32x4.add(c23, i32x4.dot_i16x8_s(w3, x));
      a2 += 4;
    }
    q += 32;
    if (q != next) continue;
    if (q == last) break;
    next += runBytes;
    const jump = load<u32>(jumps);
    jumps += 4;
    a0 += jump;
    if (rows > 1) a1 += jump;
    if (rows > 2) a2 += jump;
  }
  const s0 = v128.load(panel, HEAD_START);
  const s1 = v128.load(panel, HEAD_START + 16);
  v128.store(sums, joined(c00, c01, s0));
  v128.store(sums, joined(c02, c03, s1), 16);
  if (rows > 1) {
    v128.store(sums, joined(c10, c11, s0), 32);
    v128.store(sums, joined(c12, c13, s1), 48);
  }
  if (rows > 2) {
    v128.store(sums, joined(c20, c21, s0), 64);
    v128.store(sums, joined(c22, c23, s1), 80);
  }
}

/** Four sums of their halves. */
// @ts-ignore: decorator
@inline
function joined(low: v128, high: v128, start: v128): v128 {
  const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  return i32x4.add(start, i32x4.add(even, v128.shuffle<i32>(low, high, 1, 3, 5, 7)));
}

function plainTiles(
  rows: i32,
  steps: i32,
  run: i32,
  jumps: usize,
  a: usize,
  aStride: usize,
  panel: usize,
  columns: i32,
  y: usize,
  yStride: usize,
  size: i32,
  sums: usize,
): void {
  while (rows > 0) {
    const some = rows >= PLAIN_ROWS ? PLAIN_ROWS : 1;
    if (some == PLAIN_ROWS) plainTile(PLAIN_ROWS, steps, run, jumps, a, aStride, panel, sums);
    else plainTile(1, steps, run, jumps, a, aStride, panel, sums);
    if (size) finish(some, columns, sums, panel, y, yStride, size);
    // Without a size, the sums of all rows are wanted, one behind the other.
    else sums += <usize>some << 5;
    a += <usize>some * aStride;
    y += <usize>some * yStride;
    rows -= some;
  }
}

/** y[rows, columns] by one panel, of rows that are runs of terms: see `tile`. */
export function rowsByRuns(
  rows: i32,
  steps: i32,
  run: i32,
  jumps: usize,
  a: usize,
  aStride: usize,
  panel: usize,
  columns: i32,
  y: usize,
  yStride: usize,
  size: i32,
  sums: usize,
): void {
  if (!ASC_FEATURE_RELAXED_SIMD) {
    plainTiles(rows, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
    return;
  }
  const full = rows / TILE_ROWS;
  const done = full * TILE_ROWS;
  if (full > 0 && hasDot) fullNatively(full, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
  else if (full > 0) fullTiles(full, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
  if (done < rows) {
    a += <usize>done * aStride;
    y += <usize>done * yStride;
    lowTile(rows - done, steps, run, jumps, a, aStride, panel, columns, y, yStride, size, sums);
  }
}

/** y[rows, columns] by one panel. */
export function rowsByPanel(
  rows: i32,
  steps: i32,
  a: usize,
  aStride: usize,
  panel: usize,
  columns: i32,
  y: usize,
  yStride: usize,
  size: i32,
  sums: usize,
): void {
  rowsByRuns(rows, steps, steps, 0, a, aStride, panel, columns, y, yStride, size, sums);
}
