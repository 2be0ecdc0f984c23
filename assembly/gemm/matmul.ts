// The matrix product: blocks of columns, each by tiles, or row by row where it is thin.
// Only `dots` adds in another order than `block`, and m alone selects it.
import { BLOCK, FEW_TERMS, INSTRUCTION_BYTES } from "../abi";
import { end, endElement, first, firstElement, scratch } from "../thread";
import { block, byColumns, finish, NARROW, NC, NN, NT, Product, startRow, TN, WIDE } from "./block";
import { Patches } from "./patches";
import { dots, outer, row } from "./row";

@unmanaged
class Matmul extends Product {
  /** 1: C stays in scratch, the rows under way only; for sums of few terms. */
  local: i32;
}

/** Up to so many rows, a product goes row by row without packing; with B by rows of its columns, by dot products. */
const THIN_ROWS = 3;
const DOTS_ROWS = 4;

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
  if (byColumns(m, n)) {
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
    else block(i, op, width, iFrom, iTo, j, min(j + NC, jTo), 0, i.k, i.b, i.c, changetype<Patches>(0), 0);
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
