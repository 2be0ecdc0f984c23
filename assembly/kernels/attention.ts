// Scaled dot-product attention by blocks: the scores of ATTENTION_BLOCK queries and as many keys lie in scratch, no more.
// Forward with a running maximum and sum (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018);
// of each row it leaves the logarithm of its sum of exponentials, from which the gradient makes the weights anew
// (Dao et al., "FlashAttention", 2022, algorithms 1 and 4).
// Every sum goes over the blocks in rising order, whichever thread has them, so the bits do not depend on threads.
import { ATTENTION_BLOCK } from "../abi";
import { copyTile, packColumns, transpose } from "../gemm/pack";
import { TILE_ROWS, tilesOf } from "../gemm/tile";
import { expFlushed, log } from "../math";
import { loadTail, madd, max as larger, select, sumLanes } from "../simd";
import { end, first, scratch, threads } from "../thread";
import { philox, unit, w0, w1, w2, w3 } from "./random";

@unmanaged
class Attention {
  slot: u32;
  fused: i32;
  sizes: Sizes;
  /** Rows of each begin `…Stride` bytes apart: they may be columns of one wider tensor. */
  q: usize;
  k: usize;
  v: usize;
  /** [batch, keys] or 0. */
  mask: usize;
  /** [batch, queries, heads · valueSize] */
  y: usize;
  /** log Σ exp of each row of scores, [batch, heads, queries]; 0 where every key is hidden. */
  lse: usize;
  work: usize;
  /** The word that gives each step other dropped weights, or 0. */
  step: usize;
  dy: usize;
  dq: usize;
  dk: usize;
  dv: usize;
}

@unmanaged
class Sizes {
  batch: i32;
  heads: i32;
  queries: i32;
  keys: i32;
  keySize: i32;
  valueSize: i32;
  qStride: usize;
  kStride: usize;
  vStride: usize;
  /** 1: a query sees no key behind its own place. */
  causal: i32;
  /** 1: the mask is added to the scores; 2: it is of integers, 0 hides. */
  maskKind: i32;
  scale: f32;
  rate: f32;
  key0: u32;
  key1: u32;
}

const N = ATTENTION_BLOCK;
/** From one row of scores to the next, in bytes. */
const ROW: usize = N * 4;
/** A place so far to the right that nothing is behind it. */
const FAR = 1 << 28;
/** A weight below 2⁻⁴⁰ of the row's largest is left out, for products with it come near the subnormal numbers. */
const NUMBERS = memory.data<f32>([9.094947017729282e-13, -Infinity, 1]);

// What the causal mask hides of a product of blocks: columns or terms behind the row's own place, which lies `diagonal`
// to the right of its number, or those before it.
const COLUMNS_TO = 0;
const TERMS_TO = 1;
const COLUMNS_FROM = 2;
const TERMS_FROM = 3;

// The layout of this thread's scratch, and what lies there.
let width: i32 = 8;
let zeros: usize = 0;
let hidden: usize = 0;
let maxima: usize = 0;
let sums: usize = 0;
let scores: usize = 0;
let slopes: usize = 0;
let turned: usize = 0;
let across: usize = 0;
let acrossV: usize = 0;
let panels: usize = 0;
let panelsV: usize = 0;
let panelsK: usize = 0;
let madeY: usize = 0;
let madeK: usize = 0;
let madeQ: usize = 0;
let kept: usize = 0;
let rowK: usize = 0;
let rowV: usize = 0;
let keysThere: i32 = -1;
let queriesThere: i32 = -1;

/** Lays out scratch; the host reckons its size alike. */
function layOut(i: Attention, panelWidth: i32): void {
  const s = i.sizes;
  width = panelWidth;
  rowK = (<usize>(s.keySize + 15) & ~15) << 2;
  rowV = (<usize>(s.valueSize + 15) & ~15) << 2;
  zeros = scratch + i.work;
  hidden = zeros + ROW + rowK + rowV;
  maxima = hidden + ROW;
  sums = maxima + ROW;
  scores = sums + ROW;
  slopes = scores + ROW * N;
  turned = slopes + ROW * N;
  across = turned + ROW * N;
  acrossV = across + rowK * N;
  panels = acrossV + rowV * N;
  panelsV = panels + rowK * N;
  panelsK = panelsV + rowV * N;
  madeY = panelsK + rowK * N;
  madeK = madeY + rowV * N;
  madeQ = madeK + rowK * N;
  kept = madeQ + rowK * N;
  memory.fill(zeros, 0, ROW + rowK + rowV);
  keysThere = -1;
  queriesThere = -1;
}

/** B of a product by rows of its terms: `rows` of `columns`, as panels. */
function pack(rows: i32, columns: i32, from: usize, stride: usize, to: usize): void {
  const w = width;
  for (let j = 0; j < columns; j += w, from += <usize>w << 2, to += <usize>(rows * w) << 2)
    packColumns(w, rows, min(w, columns - j), from, stride, to);
}

/** B of a product by rows of its columns: `rows` of `columns` turned, as panels. */
function packAcross(rows: i32, columns: i32, from: usize, stride: usize, to: usize): void {
  const w = width;
  for (let j = 0; j < rows; j += w, from += <usize>w * stride, to += <usize>(columns * w) << 2)
    transpose(w, columns, min(w, rows - j), from, stride, to, <usize>w << 2);
}

/** C[m, n] = from + A[m, depth] · B, B in panels, without what the causal mask hides. */
function product(
  m: i32,
  n: i32,
  depth: i32,
  a: usize,
  aStride: usize,
  b: usize,
  from: usize,
  c: usize,
  cStride: usize,
  hides: i32,
  diagonal: i32,
): void {
  const w = width;
  const bStride = <usize>w << 2;
  const bStep = <usize>depth * bStride;
  const fromStride: usize = from == zeros ? 0 : cStride;
  const tiles = (m + TILE_ROWS - 1) / TILE_ROWS;
  let r = 0;
  for (let t = 1; t <= tiles; t++) {
    const next = (m * t) / tiles;
    let skipped = 0;
    let columns = n;
    let start = 0;
    let terms = depth;
    if (hides == COLUMNS_TO) columns = min(n, diagonal + next);
    else if (hides == TERMS_TO) terms = min(depth, diagonal + next);
    else if (hides == COLUMNS_FROM) skipped = min(n, max<i32>(0, r - diagonal)) / w;
    else start = min(depth, max<i32>(0, r - diagonal));
    const count = (columns + w - 1) / w - skipped;
    const right = <usize>skipped * bStride;
    const at = a + (<usize>start << 2);
    const bAt = b + <usize>start * bStride + <usize>skipped * bStep;
    const rows = next - r;
    tilesOf(w, rows, count, terms - start, at, aStride, bAt, bStride, bStep, from + right, fromStride, c + right, cStride);
    a += <usize>rows * aStride;
    from += <usize>rows * fromStride;
    c += <usize>rows * cStride;
    r = next;
  }
}

/** What is added to the scores of some keys, −∞ behind them. */
function loadMask(i: Attention, batch: i32, from: i32, count: i32): void {
  const s = i.sizes;
  const none = load<f32>(NUMBERS, 4);
  const at = i.mask + (<usize>(batch * s.keys + from) << 2);
  for (let k = 0; k < N; k++) {
    const o = <usize>k << 2;
    let x: f32 = k < count ? 0 : none;
    if (k < count && s.maskKind == 1) x = load<f32>(at + o);
    if (k < count && s.maskKind == 2 && load<i32>(at + o) == 0) x = none;
    store<f32>(hidden + o, x);
  }
}

/** Lanes 0 to count − 1 all ones. */
// @ts-ignore: decorator
@inline
function lanes(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

// @ts-ignore: decorator
@inline
function weight(x: v128, least: v128): v128 {
  const e = expFlushed(x);
  return v128.andnot(e, f32x4.lt(e, least));
}

/** Multiplies a row of weights, of 16 keys each from `counter` on, by 0 or 1 / (1 − rate). */
function drop(i: Attention, row: usize, count: i32, counter: i32): void {
  const s = i.sizes;
  const step: u32 = i.step != 0 ? load<u32>(i.step) : 0;
  const rate = f32x4.splat(s.rate);
  const factor = f32x4.splat(1 / (1 - s.rate));
  for (; count > 0; count -= 16, row += 64, counter += 4) {
    philox(counter, step, s.key0, s.key1);
    v128.store(row, f32x4.mul(v128.load(row), v128.and(factor, f32x4.ge(unit(w0), rate))));
    v128.store(row, f32x4.mul(v128.load(row, 16), v128.and(factor, f32x4.ge(unit(w1), rate))), 16);
    v128.store(row, f32x4.mul(v128.load(row, 32), v128.and(factor, f32x4.ge(unit(w2), rate))), 32);
    v128.store(row, f32x4.mul(v128.load(row, 48), v128.and(factor, f32x4.ge(unit(w3), rate))), 48);
  }
}

/** The first counter of a row of weights. */
// @ts-ignore: decorator
@inline
function counterOf(s: Sizes, unitAt: i32, query: i32, key: i32): i32 {
  return ((unitAt * s.queries + query) * ((s.keys + 15) >> 4) + (key >> 4)) << 2;
}

/** Turns the scores of one row into weights relative to the row's largest so far; answers what earlier ones have to be multiplied by. */
function soften(row: usize, count: i32, scale: f32, at: usize): f32 {
  const least = v128.load32_splat(NUMBERS);
  const none = v128.load32_splat(NUMBERS, 4);
  const f = f32x4.splat(scale);
  const left = count & 3;
  const to = row + (<usize>(count - left) << 2);
  const last = lanes(left);
  let m = hidden;
  let x = row;
  let top = none;
  for (; x < to; x += 16, m += 16) {
    const y = madd(v128.load(x), f, v128.load(m));
    v128.store(x, y);
    top = larger(top, y);
  }
  if (left > 0) {
    const y = select(madd(v128.load(x), f, v128.load(m)), none, last);
    v128.store(x, y);
    top = larger(top, y);
  }
  top = larger(top, v128.shuffle<i32>(top, top, 2, 3, 0, 1));
  top = larger(top, v128.shuffle<i32>(top, top, 1, 0, 3, 2));
  const before = load<f32>(maxima + at);
  const largest = max<f32>(before, f32x4.extract_lane(top, 0));
  store<f32>(maxima + at, largest);
  // Where all is hidden so far there is nothing to subtract.
  const shift: f32 = largest == -Infinity ? 0 : largest;
  const s = f32x4.splat(shift);
  let sum = f32x4.splat(0);
  for (x = row; x < to; x += 16) {
    const e = weight(f32x4.sub(v128.load(x), s), least);
    v128.store(x, e);
    sum = f32x4.add(sum, e);
  }
  if (left > 0) {
    const e = weight(f32x4.sub(v128.load(x), s), least);
    v128.store(x, e);
    sum = f32x4.add(sum, e);
    x += 16;
  }
  // Its tile reads on as far as its last row sees.
  for (const stop = min(row + ROW, x + 32); x < stop; x += 16) v128.store(x, f32x4.splat(0));
  const factor = f32x4.extract_lane(expFlushed(f32x4.splat(before - shift)), 0);
  store<f32>(sums + at, load<f32>(sums + at) * factor + sumLanes(sum));
  return factor;
}

export function attention(i: Attention): void {
  forward(i, 8);
}
export function attentionWide(i: Attention): void {
  forward(i, 16);
}
export function attentionGradient(i: Attention): void {
  backward(i, 8);
}
export function attentionGradientWide(i: Attention): void {
  backward(i, 16);
}

/** Threads share the blocks of queries. */
function forward(i: Attention, panelWidth: i32): void {
  const s = i.sizes;
  layOut(i, panelWidth);
  const blocks = (s.queries + N - 1) / N;
  const to = end(s.batch * s.heads * blocks);
  for (let at = first(s.batch * s.heads * blocks); at < to; at++) queryBlock(i, at / blocks, (at % blocks) * N);
}

function queryBlock(i: Attention, unitAt: i32, from: i32): void {
  const s = i.sizes;
  const batch = unitAt / s.heads;
  const head = unitAt - batch * s.heads;
  const rows = min(N, s.queries - from);
  const keySize = s.keySize;
  const valueSize = s.valueSize;
  const q = i.q + <usize>(batch * s.queries + from) * s.qStride + (<usize>(head * keySize) << 2);
  for (let r: usize = 0; r < ROW; r += 4) {
    store<f32>(maxima + r, load<f32>(NUMBERS, 4));
    store<f32>(sums + r, 0);
  }
  const seen = s.causal ? from + rows : s.keys;
  for (let key = 0; key < seen; key += N) {
    const count = min(N, s.keys - key);
    const diagonal = s.causal ? from - key : FAR;
    const row = <usize>(batch * s.keys + key);
    packAcross(count, keySize, i.k + row * s.kStride + (<usize>(head * keySize) << 2), s.kStride, across);
    product(rows, count, keySize, q, s.qStride, across, zeros, scores, ROW, COLUMNS_TO, diagonal);
    pack(count, valueSize, i.v + row * s.vStride + (<usize>(head * valueSize) << 2), s.vStride, panelsV);
    loadMask(i, batch, key, count);
    for (let r = 0; r < rows; r++) {
      const line = scores + <usize>r * ROW;
      const visible = min(count, diagonal + r + 1);
      const factor = soften(line, visible, s.scale, <usize>r << 2);
      if (s.rate > 0) drop(i, line, visible, counterOf(s, unitAt, from + r, key));
      if (key > 0 && factor != 1) scaleRow(madeY + <usize>r * rowV, rowV, factor);
    }
    product(rows, valueSize, count, scores, ROW, panelsV, key > 0 ? madeY : zeros, madeY, rowV, TERMS_TO, diagonal);
  }
  const yStride = <usize>(s.heads * valueSize) << 2;
  for (let r = 0; r < rows; r++) {
    const at = <usize>r << 2;
    const sum = load<f32>(sums + at);
    const top = load<f32>(maxima + at);
    scaleRow(madeY + <usize>r * rowV, rowV, sum == 0 ? <f32>0 : 1 / sum);
    const lse: f32 = sum == 0 ? 0 : top + f32x4.extract_lane(log(f32x4.splat(sum)), 0);
    store<f32>(i.lse + (<usize>(unitAt * s.queries + from + r) << 2), lse);
  }
  const y = i.y + <usize>(batch * s.queries + from) * yStride + (<usize>(head * valueSize) << 2);
  copyTile(rows, valueSize, madeY, rowV, y, yStride);
}

function scaleRow(x: usize, bytes: usize, factor: f32): void {
  const f = f32x4.splat(factor);
  for (const to = x + bytes; x < to; x += 16) v128.store(x, f32x4.mul(v128.load(x), f));
}

/**
 * Threads share batch and heads, each making all three gradients of its own in one pass; where there are fewer of these than
 * threads they share the blocks of keys, and then those of queries, which takes two products more. The bits are the same.
 */
function backward(i: Attention, panelWidth: i32): void {
  const s = i.sizes;
  layOut(i, panelWidth);
  const units = s.batch * s.heads;
  const keyBlocks = (s.keys + N - 1) / N;
  const queryBlocks = (s.queries + N - 1) / N;
  if (units >= threads || (keyBlocks == 1 && queryBlocks == 1)) {
    const to = end(units);
    for (let at = first(units); at < to; at++)
      for (let b = 0; b < keyBlocks; b++) keySlopes(i, at, b * N, true);
    return;
  }
  let to = end(units * keyBlocks);
  for (let at = first(units * keyBlocks); at < to; at++) keySlopes(i, at / keyBlocks, (at % keyBlocks) * N, false);
  to = end(units * queryBlocks);
  for (let at = first(units * queryBlocks); at < to; at++) {
    const query = (at % queryBlocks) * N;
    const seen = s.causal ? min(s.keys, query + N) : s.keys;
    for (let key = 0; key < seen; key += N) {
      pair(i, at / queryBlocks, key, query);
      querySlope(i, at / queryBlocks, key, query);
    }
  }
}

/** Gradients of one block of keys and its values; with `all`, their part of the queries' too. */
function keySlopes(i: Attention, unitAt: i32, key: i32, all: bool): void {
  const s = i.sizes;
  const batch = unitAt / s.heads;
  const head = unitAt - batch * s.heads;
  const count = min(N, s.keys - key);
  let fromK = zeros;
  let fromV = zeros;
  for (let query = s.causal ? key : 0; query < s.queries; query += N) {
    const rows = min(N, s.queries - query);
    const diagonal = s.causal ? query - key : FAR;
    pair(i, unitAt, key, query);
    product(count, s.valueSize, rows, scores, ROW, panelsV, fromV, madeY, rowV, TERMS_FROM, diagonal);
    product(count, s.keySize, rows, slopes, ROW, panels, fromK, madeK, rowK, TERMS_FROM, diagonal);
    fromK = madeK;
    fromV = madeY;
    if (all) querySlope(i, unitAt, key, query);
  }
  const row = <usize>(batch * s.keys + key);
  copyTile(count, s.keySize, madeK, rowK, i.dk + row * s.kStride + (<usize>(head * s.keySize) << 2), s.kStride);
  copyTile(count, s.valueSize, madeY, rowV, i.dv + row * s.vStride + (<usize>(head * s.valueSize) << 2), s.vStride);
}

/** Brings the keys' side of a pair of blocks into scratch. */
function loadKeys(i: Attention, unitAt: i32, key: i32): void {
  const s = i.sizes;
  const batch = unitAt / s.heads;
  const head = unitAt - batch * s.heads;
  const count = min(N, s.keys - key);
  const k = i.k + <usize>(batch * s.keys + key) * s.kStride + (<usize>(head * s.keySize) << 2);
  pack(count, s.keySize, k, s.kStride, panelsK);
  loadMask(i, batch, key, count);
}

/** Brings the queries' side of a pair of blocks into scratch, with the mean slope of each row: Σ dy y. */
function loadQueries(i: Attention, unitAt: i32, query: i32): void {
  const s = i.sizes;
  const batch = unitAt / s.heads;
  const head = unitAt - batch * s.heads;
  const rows = min(N, s.queries - query);
  const keySize = s.keySize;
  const valueSize = s.valueSize;
  const yStride = <usize>(s.heads * valueSize) << 2;
  const q = i.q + <usize>(batch * s.queries + query) * s.qStride + (<usize>(head * keySize) << 2);
  const at = <usize>(batch * s.queries + query) * yStride + (<usize>(head * valueSize) << 2);
  packAcross(rows, keySize, q, s.qStride, across);
  packAcross(rows, valueSize, i.dy + at, yStride, acrossV);
  pack(rows, keySize, q, s.qStride, panels);
  pack(rows, valueSize, i.dy + at, yStride, panelsV);
  memory.copy(maxima, i.lse + (<usize>(unitAt * s.queries + query) << 2), <usize>rows << 2);
  for (let r = 0; r < rows; r++) {
    let dy = i.dy + at + <usize>r * yStride;
    let y = i.y + at + <usize>r * yStride;
    let sum = f32x4.splat(0);
    let left = valueSize;
    for (; left >= 4; left -= 4, dy += 16, y += 16) sum = madd(v128.load(dy), v128.load(y), sum);
    if (left > 0) sum = madd(loadTail(dy, left), loadTail(y, left), sum);
    store<f32>(sums + (<usize>r << 2), sumLanes(sum));
  }
}

/** Which weights of a pair of blocks are kept, times what they are multiplied by: [keys, queries]. */
function loadKept(i: Attention, unitAt: i32, key: i32, query: i32, count: i32, rows: i32): void {
  for (let r = 0; r < rows; r++) {
    const line = turned + <usize>r * ROW;
    for (let c: usize = 0; c < ROW; c += 16) v128.store(line + c, v128.load32_splat(NUMBERS, 8));
    drop(i, line, count, counterOf(i.sizes, unitAt, query + r, key));
  }
  transpose(rows, count, rows, turned, ROW, kept, ROW);
}

/** Of a block of keys and one of queries the weights, and the slopes of the scores, [keys, queries]. */
function pair(i: Attention, unitAt: i32, key: i32, query: i32): void {
  const s = i.sizes;
  const batch = unitAt / s.heads;
  const head = unitAt - batch * s.heads;
  const count = min(N, s.keys - key);
  const rows = min(N, s.queries - query);
  const diagonal = s.causal ? query - key : FAR;
  const thisKey = unitAt * ((s.keys + N - 1) / N) + key / N;
  if (keysThere != thisKey) loadKeys(i, unitAt, key);
  keysThere = thisKey;
  const thisQuery = unitAt * ((s.queries + N - 1) / N) + query / N;
  if (queriesThere != thisQuery) loadQueries(i, unitAt, query);
  queriesThere = thisQuery;
  const row = <usize>(batch * s.keys + key);
  const k = i.k + row * s.kStride + (<usize>(head * s.keySize) << 2);
  const v = i.v + row * s.vStride + (<usize>(head * s.valueSize) << 2);
  product(count, rows, s.keySize, k, s.kStride, across, zeros, scores, ROW, COLUMNS_FROM, diagonal);
  product(count, rows, s.valueSize, v, s.vStride, acrossV, zeros, slopes, ROW, COLUMNS_FROM, diagonal);
  const dropped = s.rate > 0;
  if (dropped) loadKept(i, unitAt, key, query, count, rows);
  const least = v128.load32_splat(NUMBERS);
  const scale = f32x4.splat(s.scale);
  const to = <usize>rows << 2;
  for (let r = 0; r < count; r++) {
    const line = <usize>r * ROW;
    const from = max<i32>(0, r - diagonal);
    const add = v128.load32_splat(hidden + (<usize>r << 2));
    let c: usize = 0;
    for (const whole = <usize>min(rows, from & ~3) << 2; c < whole; c += 16) {
      v128.store(scores + line + c, f32x4.splat(0));
      v128.store(slopes + line + c, f32x4.splat(0));
    }
    let mask = v128.not(lanes(from & 3));
    for (; c < to; c += 16) {
      const x = madd(v128.load(scores + line + c), scale, f32x4.sub(add, v128.load(maxima + c)));
      let p = v128.and(weight(x, least), mask);
      let d = v128.and(v128.load(slopes + line + c), mask);
      mask = i32x4.splat(-1);
      if (dropped) {
        const m = v128.load(kept + line + c);
        v128.store(scores + line + c, f32x4.mul(p, m));
        d = f32x4.mul(d, m);
      } else {
        v128.store(scores + line + c, p);
      }
      p = f32x4.mul(p, scale);
      v128.store(slopes + line + c, f32x4.mul(p, f32x4.sub(d, v128.load(sums + c))));
    }
  }
}

/** Adds the part of a block of keys to the gradient of a block of queries; the first block begins it. */
function querySlope(i: Attention, unitAt: i32, key: i32, query: i32): void {
  const s = i.sizes;
  const batch = unitAt / s.heads;
  const head = unitAt - batch * s.heads;
  const count = min(N, s.keys - key);
  const rows = min(N, s.queries - query);
  const diagonal = s.causal ? query - key : FAR;
  const dq = i.dq + <usize>(batch * s.queries + query) * s.qStride + (<usize>(head * s.keySize) << 2);
  if (key > 0) copyTile(rows, s.keySize, dq, s.qStride, madeQ, rowK);
  transpose(count, rows, count, slopes, ROW, turned, ROW);
  product(rows, s.keySize, count, turned, ROW, panelsK, key > 0 ? madeQ : zeros, madeQ, rowK, TERMS_TO, diagonal);
  copyTile(rows, s.keySize, madeQ, rowK, dq, s.qStride);
}
