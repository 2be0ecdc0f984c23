// Products of bytes: rows of activations by panels of weights, and the way from sums to what is wanted.
import {
  BYTES_BLOCK,
  BYTES_SUMS,
  HEAD_LEAST,
  HEAD_MAGIC,
  HEAD_MOST,
  HEAD_OFFSET,
  HEAD_SCALE,
  PANEL_COLUMNS,
  PANEL_HEAD,
} from "../abi";
import { max, min, put } from "../simd";
import { end, first, threads } from "../thread";
import { rounded, scratchOf, storeBytes } from "./lanes";
import { TILE_ROWS, tileOf } from "./tile";

@unmanaged
class Matmul {
  slot: u32;
  fused: i32;
  m: i32;
  n: i32;
  k: i32;
  /** Fours of terms. */
  steps: i32;
  a: usize;
  panels: usize;
  y: usize;
  /** Bytes of an element of y: 1, or 4 for floats. */
  size: i32;
  work: usize;
}

/** y[rows, columns] of the sums of a tile: in f32, in two roundings whatever the instruction set. */
export function finish(
  rows: i32,
  columns: i32,
  sums: usize,
  panel: usize,
  y: usize,
  yStride: usize,
  size: i32,
): void {
  const scale0 = v128.load(panel, HEAD_SCALE);
  const scale1 = v128.load(panel, HEAD_SCALE + 16);
  const offset0 = v128.load(panel, HEAD_OFFSET);
  const offset1 = v128.load(panel, HEAD_OFFSET + 16);
  if (size == 1) {
    const least = v128.load32_splat(panel, HEAD_LEAST);
    const most = v128.load32_splat(panel, HEAD_MOST);
    const magic = v128.load32_splat(panel, HEAD_MAGIC);
    for (; rows > 0; rows--, sums += 32, y += yStride) {
      const x0 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), scale0), offset0);
      const x1 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), scale1), offset1);
      const both = i16x8.narrow_i32x4_s(
        rounded(min(max(x0, least), most), magic),
        rounded(min(max(x1, least), most), magic),
      );
      storeBytes(y, i8x16.narrow_i16x8_s(both, both), columns);
    }
    return;
  }
  for (; rows > 0; rows--, sums += 32, y += yStride) {
    const x0 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), scale0), offset0);
    put(y, x0, columns);
    if (columns > 4) {
      const x1 = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), scale1), offset1);
      put(y + 16, x1, columns - 4);
    }
  }
}

/** y[rows, columns] = A · panels; the last panel may have columns to spare. `sums` is room for a tile. */
export function rowsByPanels(
  rows: i32,
  columns: i32,
  steps: i32,
  a: usize,
  aStride: usize,
  panel: usize,
  y: usize,
  yStride: usize,
  size: i32,
  sums: usize,
): void {
  const panelBytes = bytesOf(steps);
  const block = blockOf(steps);
  for (let r = 0; r < rows; r += block) {
    const to = min32(r + block, rows);
    let p = panel;
    let yPanel = y + <usize>r * yStride;
    for (let left = columns; left > 0; left -= PANEL_COLUMNS) {
      let at = a + <usize>r * aStride;
      let q = yPanel;
      for (let i = r; i < to; i += TILE_ROWS) {
        const count = min32(TILE_ROWS, to - i);
        tileOf(count, steps, at, aStride, p, sums);
        finish(count, min32(left, PANEL_COLUMNS), sums, p, q, yStride, size);
        at += <usize>TILE_ROWS * aStride;
        q += <usize>TILE_ROWS * yStride;
      }
      p += panelBytes;
      yPanel += PANEL_COLUMNS * size;
    }
  }
}

/** Bytes of a panel, its head included. */
// @ts-ignore: decorator
@inline
export function bytesOf(steps: i32): usize {
  return <usize>(PANEL_HEAD + (steps << 5));
}

/** Rows whose terms stay in the first-level cache while the panels pass. */
// @ts-ignore: decorator
@inline
export function blockOf(steps: i32): i32 {
  return max32(1, BYTES_BLOCK / (steps * 4 * TILE_ROWS)) * TILE_ROWS;
}

// @ts-ignore: decorator
@inline
export function min32(a: i32, b: i32): i32 {
  return a < b ? a : b;
}
// @ts-ignore: decorator
@inline
export function max32(a: i32, b: i32): i32 {
  return a > b ? a : b;
}

/** y = A · W, A [m, k] of bytes. Few rows are shared by columns. */
export function matmulBytes(i: Matmul): void {
  const size = i.size;
  const steps = i.steps;
  const sums = scratchOf() + i.work;
  const panels = (i.n + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
  const byColumns = i.m < threads * TILE_ROWS && panels > threads;
  const from = byColumns ? 0 : first(i.m);
  const rows = (byColumns ? i.m : end(i.m)) - from;
  if (rows <= 0) return;
  const panelFrom = byColumns ? first(panels) : 0;
  const columnFrom = panelFrom * PANEL_COLUMNS;
  const columns = byColumns ? min32(i.n, end(panels) * PANEL_COLUMNS) - columnFrom : i.n;
  const panel = i.panels + <usize>panelFrom * bytesOf(steps);
  const yStride = <usize>(i.n * size);
  const y = i.y + <usize>from * yStride + <usize>(columnFrom * size);
  const a = i.a + <usize>from * i.k;
  if ((i.k & 3) == 0) {
    rowsByPanels(rows, columns, steps, a, i.k, panel, y, yStride, size, sums);
    return;
  }
  // Rows that are no fours of terms would be read past their end: they are copied, some at a time.
  const stride = <usize>steps << 2;
  const packed = sums + BYTES_SUMS;
  const block = blockOf(steps);
  for (let r = 0; r < rows; r += block) {
    const count = min32(block, rows - r);
    for (let k = 0; k < count; k++) memory.copy(packed + <usize>k * stride, a + <usize>((r + k) * i.k), i.k);
    rowsByPanels(count, columns, steps, packed, stride, panel, y + <usize>r * yStride, yStride, size, sums);
  }
}
