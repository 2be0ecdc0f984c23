// A block of columns of a product, by tiles: blocks of k, (packing B), tiles of rows, tiles of columns, and k inside the
// tile. Matrix products and convolutions differ in where the rows of A or the columns of B come from, and share the rest.
// Every element of C is one sum over k in rising order, begun at the bias, wherever threads and tiles divide the
// work; sums that go on in a later block of k wait in C.
import { BLOCK } from "../abi";
import { passRange } from "../elementwise";
import { scratch, threads } from "../thread";
import { copyTile, packColumns, transpose } from "./pack";
import { gather, moveRows, Patches } from "./patches";
import { TILE_ROWS, tilesOf } from "./tile";

@unmanaged
export class Product {
  slot: u32;
  fused: i32;
  m: i32;
  n: i32;
  k: i32;
  a: usize;
  lda: i32;
  b: usize;
  ldb: i32;
  c: usize;
  bias: usize;
  work: usize;
}

export const NARROW = 8;
export const WIDE = 16;
/** Terms of a block of k: a tile's share of A and of B then lie in the first-level cache side by side. */
const KC = 256;
/** Columns of a block: its packed B stays in the second-level cache. At most BLOCK. */
export const NC = 512;
/** Up to so many rows, tiles read B in place. */
const FEW_ROWS = 8;

// This product's packing memory: one tile for the edge, one row that sums begin from,
// the rows of A under way, the panels of B; of a convolution, a tile of C.
const EDGE_BYTES = 6 * 16 * 4;
const START_BYTES = (NC + 16) * 4;
/**
 * Tiles of rows for which A is packed at a time: whole cache lines, or each would be fetched three times.
 * (A tile that reads the columns of A in place measured 0.72 of the ceiling where this reaches 0.80.)
 */
const GROUP = 8;
/** From one packed row of A to the next: a cache line more than KC, so that rows do not meet in the same sets. */
const A_STRIDE = KC * 4 + 64;
const A_BYTES = A_STRIDE * GROUP * TILE_ROWS;
const PANEL_BYTES = KC * NC * 4;

// What A and B are.
export const NN = 0;
export const NT = 1;
export const TN = 2;
/** A [pixels, terms] are patches, B is a matrix. */
export const PATCHES = 3;
/** A is transposed, B [pixels, terms] are patches. */
export const TRANSPOSED_PATCHES = 4;

/** Whether threads divide the columns: then none packs what another packs too. With many rows that hardly counts, and rows divide evenly. */
export function byColumns(m: i32, n: i32): bool {
  return m < 32 * threads || (m < 512 && n >= 32 * threads);
}

/** Runs the epilogue over finished rows, columns from `jFrom` to `jTo`. */
export function finish(i: Product, iFrom: i32, iTo: i32, jFrom: i32, jTo: i32): void {
  if (i.fused == 0) return;
  const head = changetype<usize>(i);
  const n = i.n;
  if (jTo - jFrom == n) {
    const to = iTo * n;
    for (let at = iFrom * n; at < to; at += BLOCK) passRange(head, i.fused, at, min(at + BLOCK, to));
  } else {
    for (let at = iFrom * n; iFrom < iTo; iFrom++, at += n) passRange(head, i.fused, at + jFrom, at + jTo);
  }
}

/** The row that sums begin from, padded to whole tiles. */
export function startRow(i: Product, jFrom: i32, jTo: i32): usize {
  const start = scratch + i.work + EDGE_BYTES;
  const bytes = <usize>(jTo - jFrom) << 2;
  memory.fill(start, 0, bytes + 64);
  if (i.bias != 0) memory.copy(start, i.bias + (<usize>jFrom << 2), bytes);
  return start;
}

/**
 * C[iFrom..iTo, jFrom..jTo], at most NC columns, over the terms kFrom to kTo. Where there are patches, `channel` is the
 * first channel that they take.
 */
export function block(
  i: Product,
  op: i32,
  width: i32,
  iFrom: i32,
  iTo: i32,
  jFrom: i32,
  jTo: i32,
  kFrom: i32,
  kTo: i32,
  b: usize,
  c0: usize,
  patches: Patches,
  channel: i32,
): void {
  const k = kTo - kFrom;
  const n = i.n;
  const lda = <usize>i.lda << 2;
  const ldb = <usize>i.ldb << 2;
  const edge = scratch + i.work;
  const start = startRow(i, jFrom, jTo);
  const packedA = start + START_BYTES;
  const panels = packedA + A_BYTES;
  const inPlace = op != NT && op != TRANSPOSED_PATCHES && iTo - iFrom <= FEW_ROWS;
  // Rows of C that do not follow each other are made in scratch and moved from there.
  const scattered = op == PATCHES && patches.scattered != 0;
  const tile = panels + PANEL_BYTES;
  const cStride: usize = scattered ? <usize>START_BYTES : (<usize>n) << 2;
  const tiles = (iTo - iFrom + TILE_ROWS - 1) / TILE_ROWS;
  const blocks = max(1, (k + KC - 1) / KC);
  const full = (jTo - jFrom) / width;
  const left = jTo - jFrom - full * width;
  const w = edgeWidth(left);
  const step = <usize>width << 2;
  const wStride = <usize>w << 2;

  for (let q = 0; q < blocks; q++) {
    const p = kFrom + <i32>((<i64>k * q) / blocks);
    const depth = kFrom + <i32>((<i64>k * (q + 1)) / blocks) - p;
    const panelStep = <usize>(depth * width) << 2;

    for (let j = jFrom, to = panels; j < jTo; j += width, to += panelStep) {
      const count = min(width, jTo - j);
      if (op == TRANSPOSED_PATCHES) {
        const w = edgeWidth(count);
        // Lanes that no patch fills are computed and never read, but subnormal numbers would slow them down.
        if (count < w) memory.fill(to, 0, (<usize>depth * w) << 2);
        gather(patches, b, channel, p, depth, j, count, to, (<usize>w) << 2);
      } else if (op == NT) {
        const at = b + <usize>j * ldb + (<usize>p << 2);
        transpose(edgeWidth(count), depth, count, at, ldb, to, <usize>edgeWidth(count) << 2);
      } else if (!inPlace || count < width) {
        packColumns(edgeWidth(count), depth, count, b + <usize>p * ldb + (<usize>j << 2), ldb, to);
      }
    }

    const bAt = b + <usize>p * ldb + (<usize>jFrom << 2);
    const edgePanel = panels + <usize>full * panelStep;
    let done = iFrom;
    let r = iFrom;
    let group = iFrom;
    for (let t = 1; t <= tiles; t++) {
      const next = iFrom + <i32>((<i64>(iTo - iFrom) * t) / tiles);
      const rows = next - r;
      let a = i.a + <usize>r * lda + (<usize>p << 2);
      let aStride = lda;
      if (op >= TN) {
        if ((t - 1) % GROUP == 0) {
          group = r;
          const span = iFrom + <i32>((<i64>(iTo - iFrom) * min(t + GROUP - 1, tiles)) / tiles) - r;
          if (op == PATCHES) gather(patches, i.a, channel, r, span, p, depth, packedA, A_STRIDE);
          else transpose(depth, span, depth, i.a + <usize>p * lda + (<usize>r << 2), lda, packedA, A_STRIDE);
        }
        a = packedA + <usize>(r - group) * A_STRIDE;
        aStride = A_STRIDE;
      }
      const fromStride: usize = q == 0 ? 0 : cStride;
      let c = scattered ? tile : c0 + ((<usize>r * n + jFrom) << 2);
      let from = q == 0 ? start : c;
      if (scattered && q > 0) moveRows(patches, r, rows, jTo - jFrom, n, c0 + (<usize>jFrom << 2), tile, cStride, false);
      if (inPlace) tilesOf(width, rows, full, depth, a, aStride, bAt, ldb, step, from, fromStride, c, cStride);
      else tilesOf(width, rows, full, depth, a, aStride, panels, step, panelStep, from, fromStride, c, cStride);
      c += <usize>full * step;
      from += <usize>full * step;
      if (left == w || (scattered && left > 0)) {
        tilesOf(w, rows, 1, depth, a, aStride, edgePanel, wStride, 0, from, fromStride, c, cStride);
      } else if (left > 0) {
        if (q > 0) {
          copyTile(rows, left, c, cStride, edge, wStride);
          from = edge;
        }
        const edgeStride: usize = q == 0 ? 0 : wStride;
        tilesOf(w, rows, 1, depth, a, aStride, edgePanel, wStride, 0, from, edgeStride, edge, wStride);
        copyTile(rows, left, edge, wStride, c, cStride);
      }
      if (scattered) moveRows(patches, r, rows, jTo - jFrom, n, c0 + (<usize>jFrom << 2), tile, cStride, true);
      r = next;
      if (q == blocks - 1 && (t == tiles || (r + TILE_ROWS - done) * n > BLOCK)) {
        finish(i, done, r, jFrom, jTo);
        done = r;
      }
    }
  }
}

/** The narrowest tile that holds so many columns. */
// @ts-ignore: decorator
@inline
function edgeWidth(columns: i32): i32 {
  return columns <= 8 ? 8 : 16;
}
