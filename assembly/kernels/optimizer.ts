// Parameter updates: each one pass over the flat parameter vector and its parallel vectors.
// Hyper-parameters and everything that depends on the step alone are words that the host has prepared.
import { madd, nmadd } from "../simd";
import { end, endElement, first, firstElement } from "../thread";

// A running mean whose input has ended decays into the subnormal numbers and stays there, since the smallest of them
// times 0.9 rounds to itself, and each of them costs over a hundred cycles. So they are kept out of all state: a mean
// is rounded to multiples of 2⁻¹⁰³ by adding and taking away 2⁻⁸⁰, which leaves those above 1e-17 as they are to the
// last bit, and those above 1e-24 to seven digits; a mean of squares, never negative, is set to zero below 2⁻¹²⁶.
// The constants come from memory, where V8 keeps them in registers.
const FLOOR = memory.data<f32>([8.271806125530277e-25]);
const LEAST = memory.data<i32>([0x007f_ffff]);

/** Factor on every gradient, left by clipping: min(1, limit / ‖g‖), as PyTorch with 1e-6 against division by zero. */
@unmanaged
class ClipScale {
  slot: u32;
  fused: i32;
  blocks: i32;
  /** Partial sums of squares. */
  partials: usize;
  /** Hyper-parameter: the largest norm. */
  limit: usize;
  scale: usize;
  norm: usize;
}

export function clipScale(i: ClipScale): void {
  if (first(1) == end(1)) return;
  let sum: f64 = 0;
  for (let k = 0; k < i.blocks; k++) sum += load<f32>(i.partials + (<usize>k << 2));
  const norm = <f32>Math.sqrt(sum);
  store<f32>(i.norm, norm);
  store<f32>(i.scale, min<f32>(1, load<f32>(i.limit) / (norm + 1e-6)));
}

@unmanaged
class Sgd {
  slot: u32;
  fused: i32;
  n: i32;
  /** Words: learning rate, momentum, gradient's share 1 − dampening, weight decay, velocity's factor. */
  hyper: usize;
  /** Word that multiplies the gradient; 0: none. */
  scale: usize;
  gradients: usize;
  parameters: usize;
  velocity: usize;
}

// @ts-ignore: decorator
@inline
function gradientScale(word: usize): v128 {
  return word == 0 ? f32x4.splat(1) : v128.load32_splat(word);
}

/** θ ← θ − γ (g + λθ). */
export function sgd(i: Sgd): void {
  const rate = v128.load32_splat(i.hyper);
  const decay = v128.load32_splat(i.hyper, 12);
  const scale = gradientScale(i.scale);
  const from = firstElement(i.n);
  let left = endElement(i.n) - from;
  let g = i.gradients + (<usize>from << 2);
  let p = i.parameters + (<usize>from << 2);
  for (; left > 0; left -= 4, g += 16, p += 16) {
    const x = v128.load(p);
    v128.store(p, nmadd(rate, madd(decay, x, f32x4.mul(v128.load(g), scale)), x));
  }
}

/** A running mean without subnormal numbers. */
// @ts-ignore: decorator
@inline
function rounded(x: v128): v128 {
  const floor = v128.load32_splat(FLOOR);
  return f32x4.sub(f32x4.add(x, floor), floor);
}

/** v ← βv + s·g;  θ ← θ − γv, or with Nesterov θ − γ (s·g + βv). PyTorch's and, by s = 1 − β, the averaging convention. */
// @ts-ignore: decorator
@inline
function momentum(i: Sgd, nesterov: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const beta = v128.load32_splat(i.hyper, 4);
  const share = v128.load32_splat(i.hyper, 8);
  const decay = v128.load32_splat(i.hyper, 12);
  const scale = gradientScale(i.scale);
  const from = firstElement(i.n);
  let left = endElement(i.n) - from;
  let g = i.gradients + (<usize>from << 2);
  let p = i.parameters + (<usize>from << 2);
  let v = i.velocity + (<usize>from << 2);
  for (; left > 0; left -= 4, g += 16, p += 16, v += 16) {
    const x = v128.load(p);
    const slope = f32x4.mul(share, madd(decay, x, f32x4.mul(v128.load(g), scale)));
    const velocity = rounded(madd(beta, v128.load(v), slope));
    v128.store(v, velocity);
    v128.store(p, nmadd(rate, nesterov ? madd(beta, velocity, slope) : velocity, x));
  }
}

export function sgdMomentum(i: Sgd): void {
  momentum(i, false);
}
export function sgdNesterov(i: Sgd): void {
  momentum(i, true);
}

/** v ← βv − γg;  θ ← θ + v, or with Nesterov θ + βv − γg: the difference convention (Sutskever, Keras). */
// @ts-ignore: decorator
@inline
function difference(i: Sgd, nesterov: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const beta = v128.load32_splat(i.hyper, 4);
  const decay = v128.load32_splat(i.hyper, 12);
  const scale = gradientScale(i.scale);
  const from = firstElement(i.n);
  let left = endElement(i.n) - from;
  let g = i.gradients + (<usize>from << 2);
  let p = i.parameters + (<usize>from << 2);
  let v = i.velocity + (<usize>from << 2);
  for (; left > 0; left -= 4, g += 16, p += 16, v += 16) {
    const x = v128.load(p);
    const move = f32x4.mul(rate, madd(decay, x, f32x4.mul(v128.load(g), scale)));
    const velocity = rounded(f32x4.sub(f32x4.mul(beta, v128.load(v)), move));
    v128.store(v, velocity);
    v128.store(p, f32x4.add(x, nesterov ? f32x4.sub(f32x4.mul(beta, velocity), move) : velocity));
  }
}

export function sgdDifference(i: Sgd): void {
  difference(i, false);
}
export function sgdDifferenceNesterov(i: Sgd): void {
  difference(i, true);
}

@unmanaged
class Adam {
  slot: u32;
  fused: i32;
  n: i32;
  /** Words: −γ / (1 − β₁ᵗ), β₁, 1 − β₁, β₂, 1 − β₂, 1 / √(1 − β₂ᵗ), ε, λ (joined to the gradient), 1 − γλ (decoupled). */
  hyper: usize;
  scale: usize;
  gradients: usize;
  parameters: usize;
  m: usize;
  v: usize;
}

/**
 * m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  θ ← (1 − γλ)θ − γ m̂ / (√v̂ + ε): Kingma and Ba 2015; decoupled decay:
 * Loshchilov and Hutter 2019. Two vectors a turn, all loads before the stores, so that V8 may join them.
 */
// @ts-ignore: decorator
@inline
function adamLoop(i: Adam, changed: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const beta1 = v128.load32_splat(i.hyper, 4);
  const share1 = v128.load32_splat(i.hyper, 8);
  const beta2 = v128.load32_splat(i.hyper, 12);
  const share2 = v128.load32_splat(i.hyper, 16);
  const correction = v128.load32_splat(i.hyper, 20);
  const epsilon = v128.load32_splat(i.hyper, 24);
  const joined = v128.load32_splat(i.hyper, 28);
  const kept = v128.load32_splat(i.hyper, 32);
  const scale = gradientScale(i.scale);
  const least = v128.load32_splat(LEAST);
  const from = firstElement(i.n);
  let left = endElement(i.n) - from;
  let g = i.gradients + (<usize>from << 2);
  let p = i.parameters + (<usize>from << 2);
  let m = i.m + (<usize>from << 2);
  let v = i.v + (<usize>from << 2);
  for (; left > 0; left -= 8, g += 32, p += 32, m += 32, v += 32) {
    let g0 = v128.load(g);
    let g1 = v128.load(g, 16);
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    if (changed) {
      g0 = madd(joined, p0, f32x4.mul(g0, scale));
      g1 = madd(joined, p1, f32x4.mul(g1, scale));
    }
    let m0 = madd(beta1, v128.load(m), f32x4.mul(share1, g0));
    let m1 = madd(beta1, v128.load(m, 16), f32x4.mul(share1, g1));
    let v0 = madd(beta2, v128.load(v), f32x4.mul(f32x4.mul(share2, g0), g0));
    let v1 = madd(beta2, v128.load(v, 16), f32x4.mul(f32x4.mul(share2, g1), g1));
    m0 = rounded(m0);
    m1 = rounded(m1);
    v0 = v128.and(v0, i32x4.gt_s(v0, least));
    v1 = v128.and(v1, i32x4.gt_s(v1, least));
    const d0 = madd(f32x4.sqrt(v0), correction, epsilon);
    const d1 = madd(f32x4.sqrt(v1), correction, epsilon);
    const q0 = madd(rate, f32x4.div(m0, d0), f32x4.mul(kept, p0));
    const q1 = madd(rate, f32x4.div(m1, d1), f32x4.mul(kept, p1));
    v128.store(m, m0);
    v128.store(m, m1, 16);
    v128.store(v, v0);
    v128.store(v, v1, 16);
    v128.store(p, q0);
    v128.store(p, q1, 16);
  }
}

export function adam(i: Adam): void {
  if (i.scale == 0 && load<f32>(i.hyper, 28) == 0) adamLoop(i, false);
  else adamLoop(i, true);
}
