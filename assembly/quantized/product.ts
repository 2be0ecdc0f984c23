// Products of bytes: rows of activations by panels of weights.
import { BYTES_BLOCK, BYTES_SUMS, PANEL_COLUMNS, PANEL_HEAD } from "../abi";
import { end, first, threads } from "../thread";
import { finish } from "./finish";
import { scratchOf } from "./lanes";
import { rowByPanels } from "./row";
import { rowsByPanel, TILE_ROWS } from "./tile";

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

/** Panels that one row meets at a time. */
const TOGETHER = 4;

/** y[rows, columns] = A · panels; the last panel may have columns to spare. `sums` is room for as many tiles. */
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
  if (ASC_FEATURE_RELAXED_SIMD && rows == 1) {
    for (; columns >= TOGETHER * PANEL_COLUMNS; columns -= TOGETHER * PANEL_COLUMNS) {
      rowByPanels(TOGETHER, steps, a, panel, panelBytes, sums);
      for (let p = 0; p < TOGETHER; p++, panel += panelBytes, y += PANEL_COLUMNS * size)
        finish(1, PANEL_COLUMNS, sums + p * BYTES_SUMS, panel, y, yStride, size);
    }
  }
  const block = blockOf(steps);
  for (let r = 0; r < rows; r += block) {
    const to = min32(r + block, rows);
    let p = panel;
    let yPanel = y + <usize>r * yStride;
    for (let left = columns; left > 0; left -= PANEL_COLUMNS) {
      const count = min32(left, PANEL_COLUMNS);
      rowsByPanel(to - r, steps, a + <usize>r * aStride, aStride, p, count, yPanel, yStride, size, sums);
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
  const packed = sums + TOGETHER * BYTES_SUMS;
  const block = blockOf(steps);
  for (let r = 0; r < rows; r += block) {
    const count = min32(block, rows - r);
    for (let k = 0; k < count; k++) memory.copy(packed + <usize>k * stride, a + <usize>((r + k) * i.k), i.k);
    rowsByPanels(count, columns, steps, packed, stride, panel, y + <usize>r * yStride, yStride, size, sums);
  }
}
