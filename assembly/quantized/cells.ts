// The cells of recurrences on bytes: from the sums of eight units of a few rows to their next state, in floats and bytes.
// No arithmetic is fused, and the functions of the gates are sums, products and a quotient alone: both instruction sets give the
// same bits. A gate takes all rows before the next one does, so that what it computes with stays in registers.
import { BYTES_SUMS, HEAD_OFFSET, HEAD_SCALE } from "../abi";
import { max, min } from "../simd";

export const TANH = 0;
export const LSTM = 2;
export const GRU = 3;

// Where a table has the numbers that the cells compute with.
const TANH_NUMBERS: usize = 0;
const SIGMOID_NUMBERS: usize = 28;
const HALF: usize = 56;
const ONE: usize = 60;
const MINUS_ONE: usize = 64;
/** Steps of a byte in 1. */
const STEPS: usize = 68;
/** 1.5 · 2²³, and the same less the byte of 0. */
const ROUND: usize = 72;
const ROUND_LESS: usize = 76;

/** Where eight units of a few rows lie. */
@unmanaged
export class Tile {
  numbers: usize;
  /** Sums of a tile for each gate, BYTES_SUMS apart. The gates take their place. */
  sums: usize;
  /** A panel of each gate, `step` apart. */
  panel: usize;
  step: usize;
  /** What the inputs give: gates `xStep` apart, rows `xStride`. */
  x: usize;
  xStep: usize;
  xStride: usize;
  /** The state in floats: hidden, and an LSTM's cell. */
  h: usize;
  c: usize;
  stride: usize;
  /** The hidden state in bytes, before and after the step. */
  before: usize;
  after: usize;
  qStride: usize;
  /** 0 at a row that passes the step over. May be 0. */
  mask: usize;
  maskStride: usize;
}

/** x (p₀ + p₁x² + p₂x⁴) / (q₀ + q₁x² + x⁴) of an x that is held between two bounds. */
// @ts-ignore: decorator
@inline
function rational(
  x: v128,
  low: v128,
  high: v128,
  p0: v128,
  p1: v128,
  p2: v128,
  q0: v128,
  q1: v128,
): v128 {
  x = min(max(x, low), high);
  const z = f32x4.mul(x, x);
  const p = f32x4.add(f32x4.mul(f32x4.add(f32x4.mul(p2, z), p1), z), p0);
  const q = f32x4.add(f32x4.mul(f32x4.add(z, q1), z), q0);
  return f32x4.div(f32x4.mul(x, p), q);
}

/** Four numbers as bytes, held between −1 and 1. */
// @ts-ignore: decorator
@inline
function bytes(h: v128, minusOne: v128, one: v128, steps: v128, round: v128, less: v128): v128 {
  const some = i32x4.sub(f32x4.add(f32x4.mul(min(max(h, minusOne), one), steps), round), less);
  const both = i16x8.narrow_i32x4_s(some, some);
  return i8x16.narrow_i16x8_s(both, both);
}

/** Four numbers of a state as bytes. */
export function storeState(q: usize, h: usize, n: usize): void {
  const minusOne = v128.load32_splat(n + MINUS_ONE);
  const one = v128.load32_splat(n + ONE);
  const steps = v128.load32_splat(n + STEPS);
  const round = v128.load32_splat(n + ROUND);
  const less = v128.load32_splat(n + ROUND_LESS);
  v128.store32_lane(q, bytes(v128.load(h), minusOne, one, steps, round, less), 0);
}

/** sums ← f(sums · scale + offset + x), for eight units of some rows; a sigmoid is the function of `n` and a half. */
// @ts-ignore: decorator
@inline
function gateOf(rows: i32, isSigmoid: bool, hasOffset: bool, sums: usize, panel: usize, x: usize, xStride: usize, n: usize, plus: usize): void {
  const low = v128.load32_splat(n);
  const high = v128.load32_splat(n + 4);
  const p0 = v128.load32_splat(n + 8);
  const p1 = v128.load32_splat(n + 12);
  const p2 = v128.load32_splat(n + 16);
  const q0 = v128.load32_splat(n + 20);
  const q1 = v128.load32_splat(n + 24);
  const half = v128.load32_splat(plus);
  for (let v = 0; v < 2; v++, panel += 16, sums += 16, x += 16) {
    const scale = v128.load(panel, HEAD_SCALE);
    const offset = v128.load(panel, HEAD_OFFSET);
    let at = sums;
    let from = x;
    for (let left = rows; left > 0; left--, at += 32, from += xStride) {
      let z = f32x4.mul(f32x4.convert_i32x4_s(v128.load(at)), scale);
      if (hasOffset) z = f32x4.add(z, offset);
      const y = rational(f32x4.add(z, v128.load(from)), low, high, p0, p1, p2, q0, q1);
      v128.store(at, isSigmoid ? f32x4.add(y, half) : y);
    }
  }
}

function sigmoidGate(rows: i32, hasOffset: bool, t: Tile, gate: i32): void {
  const panel = t.panel + <usize>gate * t.step;
  const x = t.x + <usize>gate * t.xStep;
  const n = t.numbers + SIGMOID_NUMBERS;
  const sums = t.sums + <usize>gate * BYTES_SUMS;
  if (hasOffset) gateOf(rows, true, true, sums, panel, x, t.xStride, n, t.numbers + HALF);
  else gateOf(rows, true, false, sums, panel, x, t.xStride, n, t.numbers + HALF);
}

function tanhGate(rows: i32, t: Tile, gate: i32): void {
  const panel = t.panel + <usize>gate * t.step;
  const x = t.x + <usize>gate * t.xStep;
  const sums = t.sums + <usize>gate * BYTES_SUMS;
  gateOf(rows, false, false, sums, panel, x, t.xStride, t.numbers + TANH_NUMBERS, t.numbers + HALF);
}

/** Whether a row passes the step over; its bytes are carried along. */
// @ts-ignore: decorator
@inline
function passed(t: Tile, row: usize): bool {
  if (t.mask == 0 || load<f32>(t.mask + row * t.maskStride) != 0) return false;
  store<u64>(t.after + row * t.qStride, load<u64>(t.before + row * t.qStride));
  return true;
}

export function lstmTile(rows: i32, t: Tile): void {
  sigmoidGate(rows, false, t, 0);
  sigmoidGate(rows, false, t, 1);
  tanhGate(rows, t, 2);
  sigmoidGate(rows, false, t, 3);
  const n = t.numbers + TANH_NUMBERS;
  const low = v128.load32_splat(n);
  const high = v128.load32_splat(n + 4);
  const p0 = v128.load32_splat(n + 8);
  const p1 = v128.load32_splat(n + 12);
  const p2 = v128.load32_splat(n + 16);
  const q0 = v128.load32_splat(n + 20);
  const q1 = v128.load32_splat(n + 24);
  const minusOne = v128.load32_splat(t.numbers + MINUS_ONE);
  const one = v128.load32_splat(t.numbers + ONE);
  const steps = v128.load32_splat(t.numbers + STEPS);
  const round = v128.load32_splat(t.numbers + ROUND);
  const less = v128.load32_splat(t.numbers + ROUND_LESS);
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (passed(t, row)) continue;
    let at = t.sums + (row << 5);
    let c = t.c + row * t.stride;
    let h = t.h + row * t.stride;
    let q = t.after + row * t.qStride;
    for (let v = 0; v < 2; v++, at += 16, c += 16, h += 16, q += 4) {
      const i = v128.load(at);
      const f = v128.load(at, BYTES_SUMS);
      const g = v128.load(at, 2 * BYTES_SUMS);
      const o = v128.load(at, 3 * BYTES_SUMS);
      const state = f32x4.add(f32x4.mul(f, v128.load(c)), f32x4.mul(i, g));
      const y = f32x4.mul(o, rational(state, low, high, p0, p1, p2, q0, q1));
      v128.store(c, state);
      v128.store(h, y);
      v128.store32_lane(q, bytes(y, minusOne, one, steps, round, less), 0);
    }
  }
}

export function gruTile(rows: i32, t: Tile): void {
  sigmoidGate(rows, true, t, 0);
  sigmoidGate(rows, true, t, 1);
  const n = t.numbers + TANH_NUMBERS;
  const low = v128.load32_splat(n);
  const high = v128.load32_splat(n + 4);
  const p0 = v128.load32_splat(n + 8);
  const p1 = v128.load32_splat(n + 12);
  const p2 = v128.load32_splat(n + 16);
  const q0 = v128.load32_splat(n + 20);
  const q1 = v128.load32_splat(n + 24);
  const minusOne = v128.load32_splat(t.numbers + MINUS_ONE);
  const one = v128.load32_splat(t.numbers + ONE);
  const steps = v128.load32_splat(t.numbers + STEPS);
  const round = v128.load32_splat(t.numbers + ROUND);
  const less = v128.load32_splat(t.numbers + ROUND_LESS);
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (passed(t, row)) continue;
    let at = t.sums + (row << 5);
    let x = t.x + 2 * t.xStep + row * t.xStride;
    let panel = t.panel + 2 * t.step;
    let h = t.h + row * t.stride;
    let q = t.after + row * t.qStride;
    for (let v = 0; v < 2; v++, at += 16, x += 16, panel += 16, h += 16, q += 4) {
      const z = f32x4.add(
        f32x4.mul(f32x4.convert_i32x4_s(v128.load(at, 2 * BYTES_SUMS)), v128.load(panel, HEAD_SCALE)),
        v128.load(panel, HEAD_OFFSET),
      );
      const m = rational(
        f32x4.add(f32x4.mul(v128.load(at), z), v128.load(x)),
        low,
        high,
        p0,
        p1,
        p2,
        q0,
        q1,
      );
      const y = f32x4.add(f32x4.mul(v128.load(at, BYTES_SUMS), f32x4.sub(v128.load(h), m)), m);
      v128.store(h, y);
      v128.store32_lane(q, bytes(y, minusOne, one, steps, round, less), 0);
    }
  }
}

export function tanhTile(rows: i32, t: Tile): void {
  tanhGate(rows, t, 0);
  for (let row: usize = 0; row < <usize>rows; row++) {
    if (passed(t, row)) continue;
    let at = t.sums + (row << 5);
    let h = t.h + row * t.stride;
    let q = t.after + row * t.qStride;
    for (let v = 0; v < 2; v++, at += 16, h += 16, q += 4) {
      const y = v128.load(at);
      v128.store(h, y);
      storeState(q, h, t.numbers);
    }
  }
}
