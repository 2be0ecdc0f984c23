// The matrix product: five loops around the tile. From the outside in: blocks of columns, blocks of k,
// (packing B), tiles of rows, tiles of columns, and k inside the tile.
// Every element of C is one sum over k in rising order, begun at the bias, wherever threads and tiles divide the
// work; sums that go on in a later block of k wait in C. Only `dots` adds in another order, and m alone selects it.
import { BLOCK, FEW_TERMS, INSTRUCTION_BYTES } from "../abi";
import { passRange } from "../elementwise";
import { loadTail, storeTail } from "../simd";
import { end, endElement, first, firstElement, scratch, threads } from "../thread";
import { packColumns, transpose } from "./pack";
import { dots, outer, row } from "./row";
import { TILE_ROWS, tiles4, tiles8, tiles16 } from "./tile";

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
  /** 1: C stays in scratch, the rows under way only; for sums of few terms. */
  local: i32;
}

const NARROW = 8;
const WIDE = 16;
/** Terms of a block of k: a tile's share of A and of B then lie in the first-level cache side by side. */
const KC = 256;
/** Columns of a block: its packed B stays in the second-level cache. At most BLOCK. */
const NC = 512;
/** Up to so many rows, a product goes row by row without packing; with B by rows of its columns, by dot products. */
const THIN_ROWS = 3;
const DOTS_ROWS = 4;
/** Up to so many rows, tiles read B in place. */
const FEW_ROWS = 8;

// This product's packing memory: one tile for the edge, one row that sums begin from,
// the rows of A under way, the panels of B.
const EDGE_BYTES = 6 * 16 * 4;
const START_BYTES = (NC + 16) * 4;
/**
 * Tiles of rows for which A is transposed at a time: whole cache lines, or each would be fetched three times.
 * (A tile that reads the columns of A in place measured 0.72 of the ceiling where this reaches 0.80.)
 */
const GROUP = 8;
/** From one packed row of A to the next: a cache line more than KC, so that rows do not meet in the same sets. */
const A_STRIDE = KC * 4 + 64;
const A_BYTES = A_STRIDE * GROUP * TILE_ROWS;

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
  // By columns no thread packs what another packs too; with many rows that hardly counts, and rows divide evenly.
  if (m < 32 * threads || (m < 512 && n >= 32 * threads)) {
    jFrom = firstElement(n);
    jTo = endElement(n);
  } else {
    iFrom = first(m);
    iTo = end(m);
  }
  if (iFrom >= iTo) return;
  columnBlocks(i, op, width, isThin(op, m, k), iFrom, iTo, jFrom, jTo);
}

/** Whether a product goes row by row, without packing. */
// @ts-ignore: decorator
@inline
function isThin(op: i32, m: i32, k: i32): bool {
  return op == NN ? m <= THIN_ROWS : op == NT ? m <= DOTS_ROWS : k <= FEW_TERMS;
}

function columnBlocks(
  i: Matmul,
  op: i32,
  width: i32,
  thin: bool,
  iFrom: i32,
  iTo: i32,
  jFrom: i32,
  jTo: i32,
): void {
  for (let j = jFrom; j < jTo; j += NC) {
    if (thin) thinBlock(i, op, iFrom, iTo, j, min(j + NC, jTo));
    else block(i, op, width, iFrom, iTo, j, min(j + NC, jTo));
  }
}

@unmanaged
class BatchMatmul {
  slot: u32;
  fused: i32;
  /** NN, NT or TN. */
  op: i32;
  batch: i32;
  m: i32;
  n: i32;
  k: i32;
  a: usize;
  b: usize;
  c: usize;
  work: usize;
}

export function batchMatmul(i: BatchMatmul): void {
  products(i, NARROW);
}
export function batchMatmulWide(i: BatchMatmul): void {
  products(i, WIDE);
}

/** Products of matrices that lie one behind the other; threads share the rows of all of them. */
function products(i: BatchMatmul, width: i32): void {
  const op = i.op;
  const m = i.m;
  const n = i.n;
  const k = i.k;
  // Each product is an instruction of its own, written where only this thread looks.
  const one = changetype<Matmul>(scratch + i.work);
  memory.fill(changetype<usize>(one), 0, INSTRUCTION_BYTES);
  one.m = m;
  one.n = n;
  one.k = k;
  one.lda = op == TN ? m : k;
  one.ldb = op == NT ? k : n;
  one.work = i.work + INSTRUCTION_BYTES;
  const thin = isThin(op, m, k);
  const to = end(i.batch * m);
  for (let r = first(i.batch * m); r < to; ) {
    const at = r / m;
    const iFrom = r - at * m;
    const iTo = min(m, to - at * m);
    one.a = i.a + (<usize>(at * m * k) << 2);
    one.b = i.b + (<usize>(at * k * n) << 2);
    one.c = i.c + (<usize>(at * m * n) << 2);
    columnBlocks(one, op, width, thin, iFrom, iTo, 0, n);
    r += iTo - iFrom;
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
  const joined = columns == n ? max(1, BLOCK / columns) : 1;
  const cStride = <usize>n << 2;
  for (let r = iFrom; r < iTo; ) {
    const next = min(r + joined, iTo);
    let c = i.local ? scratch + i.c : i.c + ((<usize>r * n + jFrom) << 2);
    if (op == TN && k == 1 && i.bias == 0) {
      outer(next - r, columns, i.a + (<usize>r << 2), b, c, cStride);
    } else {
      for (let s = r; s < next; s++, c += cStride) {
        const a = i.a + <usize>s * aRow;
        if (op == NT) dots(columns, k, a, b, bStride, start, c);
        else row(columns, k, a, aStride, b, bStride, start, c);
      }
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
  const packedA = start + START_BYTES;
  const panels = packedA + A_BYTES;
  const inPlace = op != NT && iTo - iFrom <= FEW_ROWS;
  const tiles = (iTo - iFrom + TILE_ROWS - 1) / TILE_ROWS;
  const blocks = max(1, (k + KC - 1) / KC);
  const full = (jTo - jFrom) / width;
  const left = jTo - jFrom - full * width;
  const w = edgeWidth(left);
  const step = <usize>width << 2;
  const wStride = <usize>w << 2;

  for (let q = 0; q < blocks; q++) {
    const p = <i32>((<i64>k * q) / blocks);
    const depth = <i32>((<i64>k * (q + 1)) / blocks) - p;
    const panelStep = <usize>(depth * width) << 2;

    for (let j = jFrom, to = panels; j < jTo; j += width, to += panelStep) {
      const count = min(width, jTo - j);
      if (op == NT) {
        const at = i.b + <usize>j * ldb + (<usize>p << 2);
        transpose(edgeWidth(count), depth, count, at, ldb, to, <usize>edgeWidth(count) << 2);
      } else if (!inPlace || count < width) {
        packColumns(edgeWidth(count), depth, count, i.b + <usize>p * ldb + (<usize>j << 2), ldb, to);
      }
    }

    const bAt = i.b + <usize>p * ldb + (<usize>jFrom << 2);
    const edgePanel = panels + <usize>full * panelStep;
    let done = iFrom;
    let r = iFrom;
    let group = iFrom;
    for (let t = 1; t <= tiles; t++) {
      const next = iFrom + ((iTo - iFrom) * t) / tiles;
      const rows = next - r;
      let a = i.a + <usize>r * lda + (<usize>p << 2);
      let aStride = lda;
      if (op == TN) {
        if ((t - 1) % GROUP == 0) {
          group = r;
          const span = iFrom + ((iTo - iFrom) * min(t + GROUP - 1, tiles)) / tiles - r;
          transpose(depth, span, depth, i.a + <usize>p * lda + (<usize>r << 2), lda, packedA, A_STRIDE);
        }
        a = packedA + <usize>(r - group) * A_STRIDE;
        aStride = A_STRIDE;
      }
      const cStride = <usize>n << 2;
      const fromStride: usize = q == 0 ? 0 : cStride;
      let c = i.c + ((<usize>r * n + jFrom) << 2);
      let from = q == 0 ? start : c;
      if (inPlace) tilesOf(width, rows, full, depth, a, aStride, bAt, ldb, step, from, fromStride, c, cStride);
      else tilesOf(width, rows, full, depth, a, aStride, panels, step, panelStep, from, fromStride, c, cStride);
      c += <usize>full * step;
      from += <usize>full * step;
      if (left == w) {
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
function tilesOf(
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
  if (width == 16) tiles16(rows, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
  if (width == 4) tiles4(rows, count, depth, a, aStride, b, bStride, bStep, from, fromStride, c, cStride);
}

/** Moves the part of an edge tile that lies in C. */
export function copyTile(rows: i32, columns: i32, from: usize, fromStride: usize, to: usize, toStride: usize): void {
  for (; rows > 0; rows--, from += fromStride, to += toStride) {
    let left = columns;
    let p = from;
    let q = to;
    for (; left >= 4; left -= 4, p += 16, q += 16) v128.store(q, v128.load(p));
    if (left > 0) storeTail(q, loadTail(p, left), left);
  }
}
