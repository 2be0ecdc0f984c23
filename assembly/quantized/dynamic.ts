// Products of floats by bytes: each row is quantized by its own least and largest number while the product runs.
import { HEAD_LEAST, HEAD_MAGIC, HEAD_MOST, HEAD_OFFSET, HEAD_SCALE, HEAD_SUMS, BYTES_SUMS, PANEL_COLUMNS } from "../abi";
import { max, min, put } from "../simd";
import { end, first, threads } from "../thread";
import { rounded, scratchOf } from "./lanes";
import { bytesOf, min32 } from "./product";
import { rowsByPanel, TILE_ROWS } from "./tile";

@unmanaged
class Dynamic {
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
  work: usize;
}

/** Scale and zero point of a row, in its head of 16 bytes. */
@unmanaged
class Row {
  scale: f32;
  zeroPoint: i32;
}

/** Quantizes k numbers so that 0 is a number again: scale = (largest − least) / 127. */
function quantizeRow(k: i32, x: usize, to: usize, row: Row, panel: usize): void {
  let low = f32x4.splat(0);
  let high = low;
  let p = x;
  let left = k;
  for (; left >= 4; left -= 4, p += 16) {
    const some = v128.load(p);
    low = min(some, low);
    high = max(some, high);
  }
  for (; left > 0; left--, p += 4) {
    const one = v128.load32_zero(p);
    low = min(one, low);
    high = max(one, high);
  }
  let least: f32 = 0;
  let most: f32 = 0;
  least = min32f(min32f(f32x4.extract_lane(low, 0), f32x4.extract_lane(low, 1)), min32f(f32x4.extract_lane(low, 2), f32x4.extract_lane(low, 3)));
  most = -min32f(min32f(-f32x4.extract_lane(high, 0), -f32x4.extract_lane(high, 1)), min32f(-f32x4.extract_lane(high, 2), -f32x4.extract_lane(high, 3)));
  let scale = (most - least) / 127;
  if (scale == 0) scale = 1;
  const zeroPoint = nearest<f32>(-least / scale);
  row.scale = scale;
  row.zeroPoint = <i32>zeroPoint;
  const by = f32x4.splat(scale);
  const zero = f32x4.splat(zeroPoint);
  const floor = v128.load32_splat(panel, HEAD_LEAST);
  const ceiling = v128.load32_splat(panel, HEAD_MOST);
  const magic = v128.load32_splat(panel, HEAD_MAGIC);
  p = x;
  left = k;
  for (; left >= 4; left -= 4, p += 16, to += 4) {
    const some = rounded(
      min(max(f32x4.add(f32x4.nearest(f32x4.div(v128.load(p), by)), zero), floor), ceiling),
      magic,
    );
    const both = i16x8.narrow_i32x4_s(some, some);
    v128.store32_lane(to, i8x16.narrow_i16x8_s(both, both), 0);
  }
  for (; left > 0; left--, p += 4, to++) {
    const one = rounded(
      min(max(f32x4.add(f32x4.nearest(f32x4.div(v128.load32_zero(p), by)), zero), floor), ceiling),
      magic,
    );
    v128.store8_lane(to, one, 0);
  }
}

// @ts-ignore: decorator
@inline
function min32f(a: f32, b: f32): f32 {
  return a < b ? a : b;
}

/** y = A · W + bias, A [m, k] of floats. Few rows are quantized by every thread, and shared by columns. */
export function matmulDynamic(i: Dynamic): void {
  const steps = i.steps;
  const panelBytes = bytesOf(steps);
  const stride = <usize>steps << 2;
  const sums = scratchOf() + i.work;
  const heads = sums + BYTES_SUMS;
  const packed = heads + 16 * TILE_ROWS + 48;
  const panels = (i.n + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
  const byColumns = i.m < threads * TILE_ROWS && panels > threads;
  const to = byColumns ? i.m : end(i.m);
  const panelFrom = byColumns ? first(panels) : 0;
  const panelTo = byColumns ? end(panels) : panels;
  for (let r = byColumns ? 0 : first(i.m); r < to; r += TILE_ROWS) {
    const rows = min32(TILE_ROWS, to - r);
    for (let k = 0; k < rows; k++) {
      const x = i.a + (<usize>((r + k) * i.k) << 2);
      quantizeRow(i.k, x, packed + <usize>k * stride, changetype<Row>(heads + <usize>(k << 4)), i.panels);
    }
    for (let at = panelFrom; at < panelTo; at++) {
      const panel = i.panels + <usize>at * panelBytes;
      rowsByPanel(rows, steps, packed, stride, panel, 0, 0, 0, 0, sums);
      const left = i.n - at * PANEL_COLUMNS;
      for (let k = 0; k < rows; k++) {
        const y = i.y + (<usize>((r + k) * i.n + at * PANEL_COLUMNS) << 2);
        const row = changetype<Row>(heads + <usize>(k << 4));
        put(y, floats(sums + <usize>(k << 5), panel, row), left);
        if (left > 4) put(y + 16, floats(sums + <usize>(k << 5) + 16, panel + 16, row), left - 4);
      }
    }
  }
}

/** (sums − zeroPoint · Σ w) · scales + bias, of four columns. */
// @ts-ignore: decorator
@inline
function floats(sums: usize, panel: usize, row: Row): v128 {
  const zero = i32x4.mul(i32x4.splat(row.zeroPoint), v128.load(panel, HEAD_SUMS));
  const scale = f32x4.mul(f32x4.splat(row.scale), v128.load(panel, HEAD_SCALE));
  const terms = f32x4.convert_i32x4_s(i32x4.sub(v128.load(sums), zero));
  return f32x4.add(f32x4.mul(terms, scale), v128.load(panel, HEAD_OFFSET));
}
