// Stochastic gradient descent and what only adds a velocity to it.
import { madd, nmadd } from "../simd";
import { overRange, rounded, Update, update } from "../update";

// Hyper-parameters of all that is called sgd: learning rate γ, momentum β, gradient's share s, weight decay λ.
const MOMENTUM = 4;
const SHARE = 8;
const DECAY = 12;

/** θ ← θ − γ (g + λθ). */
// @ts-ignore: decorator
@inline
function sgdLoop(i: Update, g: usize, at: usize, left: i32, decays: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const decay = v128.load32_splat(i.hyper, DECAY);
  let p = i.parameters + at;
  for (; left > 0; left -= 8, g += 32, p += 32) {
    let g0 = v128.load(g);
    let g1 = v128.load(g, 16);
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    if (decays) {
      g0 = madd(decay, p0, g0);
      g1 = madd(decay, p1, g1);
    }
    const q0 = nmadd(rate, g0, p0);
    const q1 = nmadd(rate, g1, p1);
    v128.store(p, q0);
    v128.store(p, q1, 16);
  }
}

export function sgd(i: Update): void {
  overRange(i, (i: Update, g: usize, at: usize, left: i32): void => {
    if (load<f32>(i.hyper, DECAY) == 0) sgdLoop(i, g, at, left, false);
    else sgdLoop(i, g, at, left, true);
  });
}

/** v ← βv + s·g;  θ ← θ − γv, or with Nesterov θ − γ (s·g + βv). PyTorch's and, by s = 1 − β, the averaging convention. */
// @ts-ignore: decorator
@inline
function momentum(i: Update, g: usize, at: usize, left: i32, nesterov: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const beta = v128.load32_splat(i.hyper, MOMENTUM);
  const share = v128.load32_splat(i.hyper, SHARE);
  const decay = v128.load32_splat(i.hyper, DECAY);
  let p = i.parameters + at;
  let v = i.state0 + at;
  for (; left > 0; left -= 8, g += 32, p += 32, v += 32) {
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    const g0 = f32x4.mul(share, madd(decay, p0, v128.load(g)));
    const g1 = f32x4.mul(share, madd(decay, p1, v128.load(g, 16)));
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

export function sgdMomentum(i: Update): void {
  overRange(i, (i: Update, g: usize, at: usize, left: i32): void => {
    momentum(i, g, at, left, false);
  });
}

export function sgdNesterov(i: Update): void {
  overRange(i, (i: Update, g: usize, at: usize, left: i32): void => {
    momentum(i, g, at, left, true);
  });
}

/** v ← βv − γg;  θ ← θ + v, or with Nesterov θ + βv − γg: the difference convention (Sutskever, Keras). */
// @ts-ignore: decorator
@inline
function difference(i: Update, g: usize, at: usize, left: i32, nesterov: bool): void {
  const rate = v128.load32_splat(i.hyper);
  const beta = v128.load32_splat(i.hyper, MOMENTUM);
  const decay = v128.load32_splat(i.hyper, DECAY);
  let p = i.parameters + at;
  let v = i.state0 + at;
  for (; left > 0; left -= 8, g += 32, p += 32, v += 32) {
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    const g0 = f32x4.mul(rate, madd(decay, p0, v128.load(g)));
    const g1 = f32x4.mul(rate, madd(decay, p1, v128.load(g, 16)));
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

export function sgdDifference(i: Update): void {
  overRange(i, (i: Update, g: usize, at: usize, left: i32): void => {
    difference(i, g, at, left, false);
  });
}

export function sgdDifferenceNesterov(i: Update): void {
  overRange(i, (i: Update, g: usize, at: usize, left: i32): void => {
    difference(i, g, at, left, true);
  });
}

/**
 * θ ← (1 − λη)θ − ηg;  a ← (1 − μ)a + μθ, a copy while μ is 1: averaged descent, Polyak and Juditsky 1992. Words: η,
 * 1 − λη, 1 − μ, μ, weight decay.
 */
@unmanaged
class Asgd extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, a: usize, _b: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = madd(v128.load32_splat(this.hyper, 16), x, v128.load(g));
    const next = nmadd(v128.load32_splat(this.hyper), slope, f32x4.mul(v128.load32_splat(this.hyper, 4), x));
    const share = f32x4.mul(v128.load32_splat(this.hyper, 12), next);
    v128.store(a, madd(v128.load32_splat(this.hyper, 8), v128.load(a), share));
    v128.store(p, next);
  }
}
export function asgd(i: Asgd): void {
  update<Asgd>(i);
}
