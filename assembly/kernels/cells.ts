// The cells of recurrent networks, a row of units at a time: a step, and its gradient.
// Rows are whole vectors: the caller pads them, and what lies in the padding is never read back.
import { minusAbs, one, sigmoid, tanh } from "../math";
import { madd, max, nmadd } from "../simd";

// The cells. Gates lie in PyTorch's order: i f g o of an LSTM, r z n of a GRU.
export const TANH = 0;
export const RELU = 1;
export const LSTM = 2;
export const GRU = 3;

// @ts-ignore: decorator
@inline
export function gatesOf(cell: i32): i32 {
  return cell == LSTM ? 4 : cell == GRU ? 3 : 1;
}

/** Rows of units that a cell keeps of each step. LSTM: i f g o, tanh c, c; GRU: r z n, h·U + b of n, h before; else h. */
// @ts-ignore: decorator
@inline
export function slotsOf(cell: i32): i32 {
  return cell == LSTM ? 6 : cell == GRU ? 5 : 1;
}

/** One row of an LSTM's step: c and h change in place. */
export function lstmRow(n: i32, z: usize, step: usize, c: usize, h: usize, kept: usize, slot: usize): void {
  for (; n > 0; n--, z += 16, c += 16, h += 16, kept += 16) {
    let p = z;
    const i = sigmoid(v128.load(p));
    p += step;
    const f = sigmoid(v128.load(p));
    p += step;
    const g = tanh(v128.load(p));
    p += step;
    const o = sigmoid(v128.load(p));
    const state = madd(f, v128.load(c), f32x4.mul(i, g));
    const t = tanh(state);
    v128.store(c, state);
    v128.store(h, f32x4.mul(o, t));
    p = kept;
    v128.store(p, i);
    p += slot;
    v128.store(p, f);
    p += slot;
    v128.store(p, g);
    p += slot;
    v128.store(p, o);
    p += slot;
    v128.store(p, t);
    p += slot;
    v128.store(p, state);
  }
}

export function gruRow(n: i32, x: usize, xStep: usize, z: usize, step: usize, h: usize, kept: usize, slot: usize): void {
  for (; n > 0; n--, x += 16, z += 16, h += 16, kept += 16) {
    const r = sigmoid(f32x4.add(v128.load(x), v128.load(z)));
    const u = sigmoid(f32x4.add(v128.load(x + xStep), v128.load(z + step)));
    const q = v128.load(z + 2 * step);
    const m = tanh(madd(r, q, v128.load(x + 2 * xStep)));
    const before = v128.load(h);
    v128.store(h, madd(u, f32x4.sub(before, m), m));
    let p = kept;
    v128.store(p, r);
    p += slot;
    v128.store(p, u);
    p += slot;
    v128.store(p, m);
    p += slot;
    v128.store(p, q);
    p += slot;
    v128.store(p, before);
  }
}

export function simpleRow(n: i32, relu: bool, z: usize, h: usize, kept: usize): void {
  for (; n > 0; n--, z += 16, h += 16, kept += 16) {
    const x = v128.load(z);
    // A NaN stays one.
    const y = relu ? max(i64x2.splat(0), x) : tanh(x);
    v128.store(h, y);
    v128.store(kept, y);
  }
}

// Gradients fade with the steps that they go back. What is below 2⁻⁶⁰ becomes 0, or its square in an optimizer, and
// after more steps the number itself, would be subnormal, and those take a hundred times as long.
const FADED = memory.data<f32>([-8.673617379884035e-19]);

// @ts-ignore: decorator
@inline
function present(x: v128): v128 {
  return v128.andnot(x, f32x4.gt(minusAbs(x), v128.load32_splat(FADED)));
}

/** y (1 − y). */
// @ts-ignore: decorator
@inline
function slope(y: v128): v128 {
  return nmadd(y, y, y);
}

/** 1 − y². */
// @ts-ignore: decorator
@inline
function tanhSlope(y: v128): v128 {
  return nmadd(y, y, one());
}

/** dc becomes that of the step before; so does dh, less what comes by the products. */
export function lstmRowGradient(n: i32, kept: usize, slot: usize, c: usize, dh: usize, dc: usize, z: usize, step: usize): void {
  for (; n > 0; n--, kept += 16, c += 16, dh += 16, dc += 16, z += 16) {
    let p = kept;
    const i = v128.load(p);
    p += slot;
    const f = v128.load(p);
    p += slot;
    const g = v128.load(p);
    p += slot;
    const o = v128.load(p);
    p += slot;
    const t = v128.load(p);
    const dy = v128.load(dh);
    const d = madd(f32x4.mul(dy, o), tanhSlope(t), v128.load(dc));
    p = z;
    v128.store(p, present(f32x4.mul(f32x4.mul(d, g), slope(i))));
    p += step;
    v128.store(p, present(f32x4.mul(f32x4.mul(d, v128.load(c)), slope(f))));
    p += step;
    v128.store(p, present(f32x4.mul(f32x4.mul(d, i), tanhSlope(g))));
    p += step;
    v128.store(p, present(f32x4.mul(f32x4.mul(dy, t), slope(o))));
    v128.store(dc, present(f32x4.mul(d, f)));
    v128.store(dh, i64x2.splat(0));
  }
}

/** The gradients of r, of z, of h·U + b for n, and of n. */
export function gruRowGradient(n: i32, kept: usize, slot: usize, dh: usize, z: usize, step: usize): void {
  for (; n > 0; n--, kept += 16, dh += 16, z += 16) {
    let p = kept;
    const r = v128.load(p);
    p += slot;
    const u = v128.load(p);
    p += slot;
    const m = v128.load(p);
    p += slot;
    const q = v128.load(p);
    p += slot;
    const before = v128.load(p);
    const dy = v128.load(dh);
    const direct = f32x4.mul(dy, u);
    const dm = f32x4.mul(f32x4.sub(dy, direct), tanhSlope(m));
    p = z;
    v128.store(p, present(f32x4.mul(f32x4.mul(dm, q), slope(r))));
    p += step;
    v128.store(p, present(f32x4.mul(f32x4.mul(dy, f32x4.sub(before, m)), slope(u))));
    p += step;
    v128.store(p, present(f32x4.mul(dm, r)));
    p += step;
    v128.store(p, present(dm));
    v128.store(dh, present(direct));
  }
}

export function simpleRowGradient(n: i32, relu: bool, kept: usize, dh: usize, z: usize): void {
  for (; n > 0; n--, kept += 16, dh += 16, z += 16) {
    const y = v128.load(kept);
    const dy = v128.load(dh);
    v128.store(z, present(relu ? v128.and(dy, f32x4.gt(y, i64x2.splat(0))) : f32x4.mul(dy, tanhSlope(y))));
    v128.store(dh, i64x2.splat(0));
  }
}
