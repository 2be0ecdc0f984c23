// Products of floats by weights of half a byte, which become floats in registers.
import { HALF_BLOCK, HALF_ROWS, PANEL_COLUMNS } from "../abi";
import { madd, nmadd, put, sumLanes } from "../simd";
import { end, first } from "../thread";
import { scratchOf } from "./lanes";
import { min32 } from "./product";

/** A block of a panel: 8 scales of half precision, then 16 bytes for each four terms. */
const BLOCK_BYTES: usize = 16 + (HALF_BLOCK / 4) * 16;

@unmanaged
class HalfBytes {
  slot: u32;
  fused: i32;
  m: i32;
  n: i32;
  k: i32;
  blocks: i32;
  a: usize;
  panels: usize;
  /** Padded to whole panels, or null. */
  bias: usize;
  y: usize;
  work: usize;
  /** 2¹¹², which takes the exponent of half precision to that of single; 8, the zero of half bytes. */
  raise: f32;
  zero: f32;
}

/** Four scales, from their bits. Half precision's subnormal numbers come out exactly too. */
// @ts-ignore: decorator
@inline
function single(bits: v128, raise: v128): v128 {
  const size = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13);
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  return v128.or(f32x4.mul(size, raise), sign);
}

/** y[rows, 8] over all blocks: the weights are 0…15 in the sums, and their zero comes off by the sum of the terms. */
// @ts-ignore: decorator
@inline
function tile(rows: i32, i: HalfBytes, a: usize, aStride: usize, totals: usize, panel: usize, bias: usize, y: usize, left: i32): void {
  const raise = f32x4.splat(i.raise);
  const zero = f32x4.splat(i.zero);
  let y00 = bias ? v128.load(bias) : f32x4.splat(0);
  let y01 = bias ? v128.load(bias, 16) : f32x4.splat(0);
  let y10 = y00;
  let y11 = y01;
  let y20 = y00;
  let y21 = y01;
  let y30 = y00;
  let y31 = y01;
  let a1 = a + aStride;
  let a2 = a1 + aStride;
  let a3 = a2 + aStride;
  let q = panel;
  for (let block = i.blocks; block > 0; block--, totals += 16) {
    let c00 = f32x4.splat(0);
    let c01 = c00;
    let c10 = c00;
    let c11 = c00;
    let c20 = c00;
    let c21 = c00;
    let c30 = c00;
    let c31 = c00;
    const scales = v128.load(q);
    q += 16;
    let some: v128, w0: v128, w1: v128, x: v128;
    for (let fours = HALF_BLOCK / 4; fours > 0; fours--, q += 16, a += 16) {
      const bytes = v128.load(q);
      const evens = v128.and(bytes, i8x16.splat(15));
      const odds = i8x16.shr_u(bytes, 4);
      some = i16x8.extend_low_i8x16_u(evens);
      w0 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(some));
      w1 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(some));
      x = v128.load32_splat(a, 0);
      c00 = madd(x, w0, c00);
      c01 = madd(x, w1, c01);
      if (rows > 1) {
        x = v128.load32_splat(a1, 0);
        c10 = madd(x, w0, c10);
        c11 = madd(x, w1, c11);
        x = v128.load32_splat(a2, 0);
        c20 = madd(x, w0, c20);
        c21 = madd(x, w1, c21);
        x = v128.load32_splat(a3, 0);
        c30 = madd(x, w0, c30);
        c31 = madd(x, w1, c31);
      }
      some = i16x8.extend_low_i8x16_u(odds);
      w0 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(some));
      w1 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(some));
      x = v128.load32_splat(a, 4);
      c00 = madd(x, w0, c00);
      c01 = madd(x, w1, c01);
      if (rows > 1) {
        x = v128.load32_splat(a1, 4);
        c10 = madd(x, w0, c10);
        c11 = madd(x, w1, c11);
        x = v128.load32_splat(a2, 4);
        c20 = madd(x, w0, c20);
        c21 = madd(x, w1, c21);
        x = v128.load32_splat(a3, 4);
        c30 = madd(x, w0, c30);
        c31 = madd(x, w1, c31);
      }
      some = i16x8.extend_high_i8x16_u(evens);
      w0 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(some));
      w1 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(some));
      x = v128.load32_splat(a, 8);
      c00 = madd(x, w0, c00);
      c01 = madd(x, w1, c01);
      if (rows > 1) {
        x = v128.load32_splat(a1, 8);
        c10 = madd(x, w0, c10);
        c11 = madd(x, w1, c11);
        x = v128.load32_splat(a2, 8);
        c20 = madd(x, w0, c20);
        c21 = madd(x, w1, c21);
        x = v128.load32_splat(a3, 8);
        c30 = madd(x, w0, c30);
        c31 = madd(x, w1, c31);
      }
      some = i16x8.extend_high_i8x16_u(odds);
      w0 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(some));
      w1 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(some));
      x = v128.load32_splat(a, 12);
      c00 = madd(x, w0, c00);
      c01 = madd(x, w1, c01);
      if (rows > 1) {
        x = v128.load32_splat(a1, 12);
        c10 = madd(x, w0, c10);
        c11 = madd(x, w1, c11);
        x = v128.load32_splat(a2, 12);
        c20 = madd(x, w0, c20);
        c21 = madd(x, w1, c21);
        x = v128.load32_splat(a3, 12);
        c30 = madd(x, w0, c30);
        c31 = madd(x, w1, c31);
      }
      if (rows > 1) {
        a1 += 16;
        a2 += 16;
        a3 += 16;
      }
    }
    const s0 = single(i32x4.extend_low_i16x8_u(scales), raise);
    const s1 = single(i32x4.extend_high_i16x8_u(scales), raise);
    let total = f32x4.mul(v128.load32_splat(totals), zero);
    y00 = madd(f32x4.sub(c00, total), s0, y00);
    y01 = madd(f32x4.sub(c01, total), s1, y01);
    if (rows > 1) {
      total = f32x4.mul(v128.load32_splat(totals, 4), zero);
      y10 = madd(f32x4.sub(c10, total), s0, y10);
      y11 = madd(f32x4.sub(c11, total), s1, y11);
      total = f32x4.mul(v128.load32_splat(totals, 8), zero);
      y20 = madd(f32x4.sub(c20, total), s0, y20);
      y21 = madd(f32x4.sub(c21, total), s1, y21);
      total = f32x4.mul(v128.load32_splat(totals, 12), zero);
      y30 = madd(f32x4.sub(c30, total), s0, y30);
      y31 = madd(f32x4.sub(c31, total), s1, y31);
    }
  }
  const stride = <usize>i.n << 2;
  pair(y, y00, y01, left);
  if (rows > 1) {
    pair(y + stride, y10, y11, left);
    pair(y + 2 * stride, y20, y21, left);
    pair(y + 3 * stride, y30, y31, left);
  }
}

function pair(y: usize, y0: v128, y1: v128, left: i32): void {
  put(y, y0, left);
  if (left > 4) put(y + 16, y1, left - 4);
}

function tile1(i: HalfBytes, a: usize, aStride: usize, totals: usize, panel: usize, bias: usize, y: usize, left: i32): void {
  tile(1, i, a, aStride, totals, panel, bias, y, left);
}
function tile4(i: HalfBytes, a: usize, aStride: usize, totals: usize, panel: usize, bias: usize, y: usize, left: i32): void {
  tile(4, i, a, aStride, totals, panel, bias, y, left);
}

/** y = A · W + bias, A [m, k] of floats; the threads share the columns. */
export function matmulHalfBytes(i: HalfBytes): void {
  const panels = (i.n + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
  const from = first(panels);
  const to = end(panels);
  if (from >= to) return;
  const blocks = i.blocks;
  const width = blocks * HALF_BLOCK;
  const panelBytes = <usize>blocks * BLOCK_BYTES;
  const totals = scratchOf() + i.work;
  const packed = totals + (<usize>blocks << 4);
  for (let r = 0; r < i.m; ) {
    const rows = i.m - r >= HALF_ROWS ? HALF_ROWS : 1;
    let a = i.a + (<usize>(r * i.k) << 2);
    if (width != i.k) {
      // What the last block has to spare is zeros.
      for (let k = 0; k < rows; k++) {
        const row = packed + (<usize>(k * width) << 2);
        memory.copy(row, a + (<usize>(k * i.k) << 2), <usize>i.k << 2);
        memory.fill(row + (<usize>i.k << 2), 0, <usize>(width - i.k) << 2);
      }
      a = packed;
    }
    const stride = <usize>width << 2;
    for (let k = 0; k < rows; k++) {
      let p = a + <usize>k * stride;
      for (let block = 0; block < blocks; block++) {
        let total = v128.load(p);
        p += 16;
        for (let fours = HALF_BLOCK / 4 - 1; fours > 0; fours--, p += 16) total = f32x4.add(total, v128.load(p));
        store<f32>(totals + <usize>((block << 4) + (k << 2)), sumLanes(total));
      }
    }
    for (let at = from; at < to; at++) {
      const column = at * PANEL_COLUMNS;
      const panel = i.panels + <usize>at * panelBytes;
      const bias = i.bias ? i.bias + (<usize>column << 2) : 0;
      const y = i.y + (<usize>(r * i.n + column) << 2);
      const left = min32(i.n - column, PANEL_COLUMNS);
      if (rows > 1) tile4(i, a, stride, totals, panel, bias, y, left);
      else tile1(i, a, stride, totals, panel, bias, y, left);
    }
    r += rows;
  }
}
