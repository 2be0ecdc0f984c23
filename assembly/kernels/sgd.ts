// Parameter updates. Each method `run` takes whole turns of UPDATE_TURN elements, all loads of a turn before its
// stores, so that V8 may join its two vectors; update.ts says which elements. Hyper-parameters and everything that
// depends on the step alone are words that the host has prepared.
import { madd, nmadd } from "../simd";
import { end, first } from "../thread";
import { gradientScale, Update, update } from "../update";

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

/** A running mean without subnormal numbers. */
// @ts-ignore: decorator
@inline
function rounded(x: v128): v128 {
  const floor = v128.load32_splat(FLOOR);
  return f32x4.sub(f32x4.add(x, floor), floor);
}

/** s·g + λθ: the gradient with its weight decay. */
// @ts-ignore: decorator
@inline
function decayed(g: v128, scale: v128, decay: v128, x: v128): v128 {
  return madd(decay, x, f32x4.mul(g, scale));
}

// Hyper-parameters of all that is called sgd: learning rate γ, momentum β, gradient's share s, weight decay λ.
const MOMENTUM = 4;
const SHARE = 8;
const DECAY = 12;

/** θ ← θ − γ (g + λθ). */
// @ts-ignore: decorator
@inline
function sgdLoop(i: Update, g: usize, at: usize, left: i32, changed: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const decay = v128.load32_splat(i.hyper, DECAY);
  const scale = gradientScale(i);
  let p = i.parameters + at;
  for (; left > 0; left -= 8, g += 32, p += 32) {
    let g0 = v128.load(g);
    let g1 = v128.load(g, 16);
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    if (changed) {
      g0 = decayed(g0, scale, decay, p0);
      g1 = decayed(g1, scale, decay, p1);
    }
    const q0 = nmadd(rate, g0, p0);
    const q1 = nmadd(rate, g1, p1);
    v128.store(p, q0);
    v128.store(p, q1, 16);
  }
}

@unmanaged
class Sgd extends Update {
  run(g: usize, at: usize, left: i32): void {
    if (this.scale == 0 && load<f32>(this.hyper, DECAY) == 0) sgdLoop(this, g, at, left, false);
    else sgdLoop(this, g, at, left, true);
  }
}
export function sgd(i: Sgd): void {
  update<Sgd>(i);
}

/** v ← βv + s·g;  θ ← θ − γv, or with Nesterov θ − γ (s·g + βv). PyTorch's and, by s = 1 − β, the averaging convention. */
// @ts-ignore: decorator
@inline
function momentum(i: Update, g: usize, at: usize, left: i32, nesterov: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const beta = v128.load32_splat(i.hyper, MOMENTUM);
  const share = v128.load32_splat(i.hyper, SHARE);
  const decay = v128.load32_splat(i.hyper, DECAY);
  const scale = gradientScale(i);
  let p = i.parameters + at;
  let v = i.state0 + at;
  for (; left > 0; left -= 8, g += 32, p += 32, v += 32) {
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    const g0 = f32x4.mul(share, decayed(v128.load(g), scale, decay, p0));
    const g1 = f32x4.mul(share, decayed(v128.load(g, 16), scale, decay, p1));
    const v0 = rounded(madd(beta, v128.load(v), g0));
    const v1 = rounded(madd(beta, v128.load(v, 16), g1));
    const q0 = nmadd(rate, nesterov ? madd(beta, v0, g0) : v0, p0);
    const q1 = nmadd(rate, nesterov ? madd(beta, v1, g1) : v1, p1);
    v128.store(v, v0);
    v128.store(v, v1, 16);
    v128.store(p, q0);
    v128.store(p, q1, 16);
  }
}

@unmanaged
class SgdMomentum extends Update {
  run(g: usize, at: usize, left: i32): void {
    momentum(this, g, at, left, false);
  }
}
export function sgdMomentum(i: SgdMomentum): void {
  update<SgdMomentum>(i);
}

@unmanaged
class SgdNesterov extends Update {
  run(g: usize, at: usize, left: i32): void {
    momentum(this, g, at, left, true);
  }
}
export function sgdNesterov(i: SgdNesterov): void {
  update<SgdNesterov>(i);
}

/** v ← βv − γg;  θ ← θ + v, or with Nesterov θ + βv − γg: the difference convention (Sutskever, Keras). */
// @ts-ignore: decorator
@inline
function difference(i: Update, g: usize, at: usize, left: i32, nesterov: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const beta = v128.load32_splat(i.hyper, MOMENTUM);
  const decay = v128.load32_splat(i.hyper, DECAY);
  const scale = gradientScale(i);
  let p = i.parameters + at;
  let v = i.state0 + at;
  for (; left > 0; left -= 8, g += 32, p += 32, v += 32) {
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    const g0 = f32x4.mul(rate, decayed(v128.load(g), scale, decay, p0));
    const g1 = f32x4.mul(rate, decayed(v128.load(g, 16), scale, decay, p1));
    const v0 = rounded(f32x4.sub(f32x4.mul(beta, v128.load(v)), g0));
    const v1 = rounded(f32x4.sub(f32x4.mul(beta, v128.load(v, 16)), g1));
    const q0 = f32x4.add(p0, nesterov ? f32x4.sub(f32x4.mul(beta, v0), g0) : v0);
    const q1 = f32x4.add(p1, nesterov ? f32x4.sub(f32x4.mul(beta, v1), g1) : v1);
    v128.store(v, v0);
    v128.store(v, v1, 16);
    v128.store(p, q0);
    v128.store(p, q1, 16);
  }
}

@unmanaged
class SgdDifference extends Update {
  run(g: usize, at: usize, left: i32): void {
    difference(this, g, at, left, false);
  }
}
export function sgdDifference(i: SgdDifference): void {
  update<SgdDifference>(i);
}

@unmanaged
class SgdDifferenceNesterov extends Update {
  run(g: usize, at: usize, left: i32): void {
    difference(this, g, at, left, true);
  }
}
export function sgdDifferenceNesterov(i: SgdDifferenceNesterov): void {
  update<SgdDifferenceNesterov>(i);
}

/**
 * m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  θ ← (1 − γλ)θ − γ m̂ / (√v̂ + ε): Kingma and Ba 2015; decoupled decay:
 * Loshchilov and Hutter 2019. Hyper-parameters: −γ / (1 − β₁ᵗ), β₁, 1 − β₁, β₂, 1 − β₂, 1 / √(1 − β₂ᵗ), ε,
 * λ (joined to the gradient), 1 − γλ (decoupled).
 */
// @ts-ignore: decorator
@inline
function adamLoop(i: Update, g: usize, at: usize, left: i32, changed: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const beta1 = v128.load32_splat(i.hyper, 4);
  const share1 = v128.load32_splat(i.hyper, 8);
  const beta2 = v128.load32_splat(i.hyper, 12);
  const share2 = v128.load32_splat(i.hyper, 16);
  const correction = v128.load32_splat(i.hyper, 20);
  const epsilon = v128.load32_splat(i.hyper, 24);
  const joined = v128.load32_splat(i.hyper, 28);
  const kept = v128.load32_splat(i.hyper, 32);
  const scale = gradientScale(i);
  const least = v128.load32_splat(LEAST);
  let p = i.parameters + at;
  let m = i.state0 + at;
  let v = i.state1 + at;
  for (; left > 0; left -= 8, g += 32, p += 32, m += 32, v += 32) {
    let g0 = v128.load(g);
    let g1 = v128.load(g, 16);
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    if (changed) {
      g0 = decayed(g0, scale, joined, p0);
      g1 = decayed(g1, scale, joined, p1);
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

@unmanaged
class Adam extends Update {
  run(g: usize, at: usize, left: i32): void {
    if (this.scale == 0 && load<f32>(this.hyper, 28) == 0) adamLoop(this, g, at, left, false);
    else adamLoop(this, g, at, left, true);
  }
}
export function adam(i: Adam): void {
  update<Adam>(i);
}
