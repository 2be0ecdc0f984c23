// The matrix product: five loops around the tile. From the outside in: blocks of columns, blocks of k,
// (packing B), tiles of rows, tiles of columns, and k inside the tile.
// Every element of C is one sum over k in rising order, begun at the bias, wherever threads and tiles divide the
// work; sums that go on in a later block of k wait in C. Only `dots` adds in another order, and m alone selects it.
import { BLOCK } from "../abi";
import { passRange } from "../elementwise";
import { end, endElement, first, firstElement, scratch, threads } from "../thread";
import { packColumns, packRows } from "./pack";
import { dots, row } from "./row";
import { panel4, panel8, panel16, rows4, rows8, rows16 } from "./tile";

@unmanaged
class Matmul {
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

/** Rows of a tile. Six rows of eight fill V8's 15 vector registers; a product that is not fused needs one more. */
const TILE_ROWS = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
const NARROW = 8;
const WIDE = 16;
/** Terms of a block of k: a tile's share of A and of B then lie in the first-level cache side by side. */
const KC = 256;
/** Columns of a block: its packed B stays in the second-level cache. At most BLOCK. */
const NC = 512;
/** Up to so many rows, products go without packing. */
const THIN = 3;
/** Up to so many rows, tiles read B in place. */
const FEW_ROWS = 8;
/** Up to so many terms a sum, C is written row by row. */
const FEW_TERMS = 4;

// This product's packing memory: one tile for the edge, one row that sums begin from, one panel of A, the panels of B.
const EDGE_BYTES = 6 * 16 * 4;
const START_BYTES = (NC + 16) * 4;
const PANEL_BYTES = KC * 8 * 4;

const NN = 0;
const NT = 1;
const TN = 2;

export function matmulNN(i: Matmul): void {
  product(i, NN, NARROW);
}
export function matmulNT(i: Matmul): void {
  product(i, NT, NARROW);
}
export function matmulTN(i: Matmul): void {
  product(i, TN, NARROW);
}
export function matmulNNWide(i: Matmul): void {
  product(i, NN, WIDE);
}
export function matmulNTWide(i: Matmul): void {
  product(i, NT, WIDE);
}
export function matmulTNWide(i: Matmul): void {
  product(i, TN, WIDE);
}

function product(i: Matmul, op: i32, width: i32): void {
  const m = i.m;
  const n = i.n;
  const k = i.k;
  let iFrom = 0;
  let iTo = m;
  let jFrom = 0;
  let jTo = n;
  // By columns no thread packs what another does too; with many rows that hardly counts, and rows divide more evenly.
  if (m < 32 * threads || (m < 512 && n >= 32 * threads)) {
    jFrom = firstElement(n);
    jTo = endElement(n);
  } else {
    iFrom = first(m);
    iTo = end(m);
  }
  if (iFrom >= iTo) return;
  const thin = m <= THIN ? op != TN : op == TN && k <= FEW_TERMS;
  for (let j = jFrom; j < jTo; j += NC) {
    if (thin) thinBlock(i, op, iFrom, iTo, j, min(j + NC, jTo));
    else block(i, op, width, iFrom, iTo, j, min(j + NC, jTo));
  }
}

/** Runs the epilogue over finished rows, columns from `jFrom` to `jTo`. */
function finish(i: Matmul, iFrom: i32, iTo: i32, jFrom: i32, jTo: i32): void {
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
function startRow(i: Matmul, jFrom: i32, jTo: i32): usize {
  const start = scratch + i.work + EDGE_BYTES;
  const bytes = <usize>(jTo - jFrom) << 2;
  memory.fill(start, 0, bytes + 64);
  if (i.bias != 0) memory.copy(start, i.bias + (<usize>jFrom << 2), bytes);
  return start;
}

/** C[iFrom..iTo, jFrom..jTo] row by row, without packing. */
function thinBlock(i: Matmul, op: i32, iFrom: i32, iTo: i32, jFrom: i32, jTo: i32): void {
  const k = i.k;
  const n = i.n;
  const columns = jTo - jFrom;
  const start = startRow(i, jFrom, jTo);
  const aRow: usize = op == TN ? 4 : <usize>i.lda << 2;
  const aStride: usize = op == TN ? <usize>i.lda << 2 : 4;
  const bStride = <usize>i.ldb << 2;
  const b = i.b + (op == NT ? <usize>jFrom * bStride : <usize>jFrom << 2);
  const joined = max(1, BLOCK / columns);
  for (let r = iFrom; r < iTo; ) {
    const next = min(r + joined, iTo);
    for (let s = r; s < next; s++) {
      const a = i.a + <usize>s * aRow;
      const c = i.c + ((<usize>s * n + jFrom) << 2);
      if (op == NT) dots(columns, k, a, b, bStride, start, c);
      else row(columns, k, a, aStride, b, bStride, start, c);
    }
    finish(i, r, next, jFrom, jTo);
    r = next;
  }
}

/** C[iFrom..iTo, jFrom..jTo], at most NC columns, by tiles. */
function block(i: Matmul, op: i32, width: i32, iFrom: i32, iTo: i32, jFrom: i32, jTo: i32): void {
  const k = i.k;
  const n = i.n;
  const lda = <usize>i.lda << 2;
  const ldb = <usize>i.ldb << 2;
  const edge = scratch + i.work;
  const start = startRow(i, jFrom, jTo);
  const aPanel = start + START_BYTES;
  const panels = aPanel + PANEL_BYTES;
  const inPlace = op != NT && iTo - iFrom <= FEW_ROWS;
  const packA = op == TN && jTo - jFrom > 128;
  const tiles = (iTo - iFrom + TILE_ROWS - 1) / TILE_ROWS;
  const blocks = max(1, (k + KC - 1) / KC);

  for (let q = 0; q < blocks; q++) {
    const p = <i32>((<i64>k * q) / blocks);
    const depth = <i32>((<i64>k * (q + 1)) / blocks) - p;
    const panelStep = <usize>(depth * width) << 2;

    for (let j = jFrom, to = panels; j < jTo; j += width, to += panelStep) {
      const count = min(width, jTo - j);
      if (op == NT) {
        packRows(edgeWidth(count), depth, count, i.b + <usize>j * ldb + (<usize>p << 2), ldb, to);
      } else if (!inPlace || count < width) {
        packColumns(edgeWidth(count), depth, count, i.b + <usize>p * ldb + (<usize>j << 2), ldb, to);
      }
    }

    let done = iFrom;
    let r = iFrom;
    for (let t = 1; t <= tiles; t++) {
      const next = iFrom + ((iTo - iFrom) * t) / tiles;
      const rows = next - r;
      let a = op == TN ? i.a + <usize>p * lda + (<usize>r << 2) : i.a + <usize>r * lda + (<usize>p << 2);
      let aStride = lda;
      if (packA) {
        packColumns(8, depth, rows, a, lda, aPanel);
        a = aPanel;
        aStride = 32;
      }
      const cStride = <usize>n << 2;
      const fromStride: usize = q == 0 ? 0 : cStride;
      let c = i.c + ((<usize>r * n + jFrom) << 2);
      let from = q == 0 ? start : c;
      let b = panels;
      for (let j = jFrom; j < jTo; j += width) {
        const count = min(width, jTo - j);
        const w = edgeWidth(count);
        let bAt = b;
        let bStride = <usize>w << 2;
        if (inPlace && count == width) {
          bAt = i.b + <usize>p * ldb + (<usize>j << 2);
          bStride = ldb;
        }
        if (count == w) {
          call(op, w, rows, depth, a, aStride, bAt, bStride, from, fromStride, c, cStride);
        } else {
          if (q > 0) copyTile(rows, count, c, cStride, edge, bStride);
          call(op, w, rows, depth, a, aStride, bAt, bStride, q > 0 ? edge : from, q > 0 ? bStride : 0, edge, bStride);
          copyTile(rows, count, edge, bStride, c, cStride);
        }
        b += panelStep;
        c += <usize>width << 2;
        from += <usize>width << 2;
      }
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
  return columns <= 4 ? 4 : columns <= 8 ? 8 : 16;
}

// @ts-ignore: decorator
@inline
function call(op: i32, width: i32, rows: i32, depth: i32, a: usize, aStride: usize, b: usize, bStride: usize, from: usize, fromStride: usize, c: usize, cStride: usize): void {
  if (op == TN) {
    if (width == 8) panel8(rows, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    else if (width == 16) panel16(rows, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    else panel4(rows, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
  } else {
    if (width == 8) rows8(rows, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    else if (width == 16) rows16(rows, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
    else rows4(rows, depth, a, aStride, b, bStride, from, fromStride, c, cStride);
  }
}

function copyTile(rows: i32, columns: i32, from: usize, fromStride: usize, to: usize, toStride: usize): void {
  for (; rows > 0; rows--, from += fromStride, to += toStride) {
    for (let j: usize = 0, bytes = <usize>columns << 2; j < bytes; j += 4) store<f32>(to + j, load<f32>(from + j));
  }
}
