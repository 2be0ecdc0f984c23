// Adam and its kin: a running mean of the gradient over a root of a running mean of squares.
//
// Words of all of them: γ with its bias correction, β₁, 1 − β₁, β₂, 1 − β₂, the factor that corrects the root, ε,
// λ (joined to the gradient), 1 − γλ (decoupled); then what a kernel says.
import { madd, max, min, nmadd } from "../simd";
import { flushed, LEAST, meanOf, overRange, rounded, squaresOf, Update, update } from "../update";

const RATE = 0;
const BETA1 = 4;
const BETA2 = 12;
const SHARE2 = 16;
const CORRECTION = 20;
const EPSILON = 24;
const JOINED = 28;
const KEPT = 32;
const EXTRA = 36;

/** g + λθ. */
// @ts-ignore: decorator
@inline
function slopeOf(i: Update, g: usize, x: v128): v128 {
  return madd(v128.load32_splat(i.hyper, JOINED), x, v128.load(g));
}

/** root · correction + ε. */
// @ts-ignore: decorator
@inline
function divisor(i: Update, v: v128): v128 {
  return madd(f32x4.sqrt(v), v128.load32_splat(i.hyper, CORRECTION), v128.load32_splat(i.hyper, EPSILON));
}

/** (1 − γλ)θ − γ · direction. */
// @ts-ignore: decorator
@inline
function moved(i: Update, x: v128, direction: v128): v128 {
  return nmadd(v128.load32_splat(i.hyper, RATE), direction, f32x4.mul(v128.load32_splat(i.hyper, KEPT), x));
}

/**
 * m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  θ ← (1 − γλ)θ − γ m̂ / (√v̂ + ε): Kingma and Ba 2015; decoupled decay:
 * Loshchilov and Hutter 2019. Two vectors a turn, all loads before the stores, so that V8 may join them.
 */
// @ts-ignore: decorator
@inline
function adamLoop(i: Update, g: usize, at: usize, left: i32, decays: bool): void {
  const rate = v128.load32_splat(i.hyper, RATE);
  const beta1 = v128.load32_splat(i.hyper, 4);
  const share1 = v128.load32_splat(i.hyper, 8);
  const beta2 = v128.load32_splat(i.hyper, 12);
  const share2 = v128.load32_splat(i.hyper, 16);
  const correction = v128.load32_splat(i.hyper, 20);
  const epsilon = v128.load32_splat(i.hyper, 24);
  const joined = v128.load32_splat(i.hyper, 28);
  const kept = v128.load32_splat(i.hyper, 32);
  const least = v128.load32_splat(LEAST);
  let p = i.parameters + at;
  let m = i.state0 + at;
  let v = i.state1 + at;
  for (; left > 0; left -= 8, g += 32, p += 32, m += 32, v += 32) {
    let g0 = v128.load(g);
    let g1 = v128.load(g, 16);
    const p0 = v128.load(p);
    const p1 = v128.load(p, 16);
    if (decays) {
      g0 = madd(joined, p0, g0);
      g1 = madd(joined, p1, g1);
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
    const q0 = nmadd(rate, f32x4.div(m0, d0), f32x4.mul(kept, p0));
    const q1 = nmadd(rate, f32x4.div(m1, d1), f32x4.mul(kept, p1));
    v128.store(m, m0);
    v128.store(m, m1, 16);
    v128.store(v, v0);
    v128.store(v, v1, 16);
    v128.store(p, q0);
    v128.store(p, q1, 16);
  }
}

export function adam(i: Update): void {
  overRange(i, (i: Update, g: usize, at: usize, left: i32): void => {
    if (load<f32>(i.hyper, JOINED) == 0) adamLoop(i, g, at, left, false);
    else adamLoop(i, g, at, left, true);
  });
}

/**
 * v̂ ← max(v̂, c·v), and its root in place of that of v: Reddi et al. 2018. Extra word: c, 1 as PyTorch and Keras, or
 * 1 / (1 − β₂ᵗ) as optax, which takes the larger of corrected means.
 */
@unmanaged
class Amsgrad extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, v: usize, most: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const squares = squaresOf(this.hyper + BETA2, v128.load(v), slope);
    const top = max(v128.load(most), f32x4.mul(squares, v128.load32_splat(this.hyper, EXTRA)));
    v128.store(m, mean);
    v128.store(v, squares);
    v128.store(most, top);
    v128.store(p, moved(this, x, f32x4.div(mean, divisor(this, top))));
  }
}
export function amsgrad(i: Amsgrad): void {
  update<Amsgrad>(i);
}

/** u ← max(β₂u, |g| + e);  θ ← θ − γ m̂ / (u + ε): Kingma and Ba 2015, section 7. Extra word: e. */
@unmanaged
class Adamax extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, u: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const size = f32x4.add(f32x4.abs(slope), v128.load32_splat(this.hyper, EXTRA));
    const top = flushed(max(f32x4.mul(v128.load32_splat(this.hyper, BETA2), v128.load(u)), size));
    v128.store(m, mean);
    v128.store(u, top);
    v128.store(p, moved(this, x, f32x4.div(mean, f32x4.add(top, v128.load32_splat(this.hyper, EPSILON)))));
  }
}
export function adamax(i: Adamax): void {
  update<Adamax>(i);
}

/** θ ← θ − (γ₁ m + γ₂ g) / (√v̂ + ε): Dozat 2016. γ₁ is the first word, γ₂ the extra one; both hold their corrections. */
@unmanaged
class Nadam extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, v: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const squares = squaresOf(this.hyper + BETA2, v128.load(v), slope);
    const ahead = madd(
      v128.load32_splat(this.hyper, EXTRA),
      slope,
      f32x4.mul(v128.load32_splat(this.hyper, RATE), mean),
    );
    v128.store(m, mean);
    v128.store(v, squares);
    const kept = f32x4.mul(v128.load32_splat(this.hyper, KEPT), x);
    v128.store(p, f32x4.sub(kept, f32x4.div(ahead, divisor(this, squares))));
  }
}
export function nadam(i: Nadam): void {
  update<Nadam>(i);
}

/** θ ← θ − γ₁ m / (√v + ε) − γ₂ m, one of them 0: Liu et al. 2020. γ₁ is the first word, γ₂ the extra one. */
@unmanaged
class Radam extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, v: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const squares = squaresOf(this.hyper + BETA2, v128.load(v), slope);
    v128.store(m, mean);
    v128.store(v, squares);
    const next = moved(this, x, f32x4.div(mean, divisor(this, squares)));
    v128.store(p, nmadd(v128.load32_splat(this.hyper, EXTRA), mean, next));
  }
}
export function radam(i: Radam): void {
  update<Radam>(i);
}

/** v ← β₂v + (1 − β₂)(g − m)² + e, where e stays in v: Zhuang et al. 2020. Extra word: e. */
@unmanaged
class Adabelief extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, v: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const spread = squaresOf(this.hyper + BETA2, v128.load(v), f32x4.sub(slope, mean));
    const squares = f32x4.add(spread, v128.load32_splat(this.hyper, EXTRA));
    v128.store(m, mean);
    v128.store(v, squares);
    v128.store(p, moved(this, x, f32x4.div(mean, divisor(this, squares))));
  }
}
export function adabelief(i: Adabelief): void {
  update<Adabelief>(i);
}

/** v ← v − (1 − β₂) sign(v − g²) g²: Zaheer et al. 2018. */
@unmanaged
class Yogi extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, v: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const old = v128.load(v);
    const square = f32x4.mul(slope, slope);
    const share = f32x4.mul(v128.load32_splat(this.hyper, SHARE2), square);
    const less = v128.and(share, f32x4.gt(old, square));
    const more = v128.and(share, f32x4.lt(old, square));
    const squares = flushed(f32x4.sub(f32x4.add(old, more), less));
    v128.store(m, mean);
    v128.store(v, squares);
    v128.store(p, moved(this, x, f32x4.div(mean, divisor(this, squares))));
  }
}
export function yogi(i: Yogi): void {
  update<Yogi>(i);
}

/**
 * θ ← θ − γ (m̂₁ + α m₂) / (√v̂ + ε): Pagliardini et al. 2024. The first word is γ; extra words: 1 / (1 − β₁ᵗ), α, β₃,
 * 1 − β₃.
 */
@unmanaged
class Ademamix extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, slow: usize, v: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const long = meanOf(this.hyper + EXTRA + 8, v128.load(slow), slope);
    const squares = squaresOf(this.hyper + BETA2, v128.load(v), slope);
    v128.store(m, mean);
    v128.store(slow, long);
    v128.store(v, squares);
    const both = madd(
      v128.load32_splat(this.hyper, EXTRA + 4),
      long,
      f32x4.mul(v128.load32_splat(this.hyper, EXTRA), mean),
    );
    v128.store(p, moved(this, x, f32x4.div(both, divisor(this, squares))));
  }
}
export function ademamix(i: Ademamix): void {
  update<Ademamix>(i);
}

/**
 * m ← β₁m + (1 − β₁) clip(g / max(√v, ε), ±c);  θ ← θ − γm;  v ← β₂v + (1 − β₂)g²: Taniguchi et al. 2024. Extra word: c.
 * In the first step γ and 1 − β₁ are 0, and v becomes g².
 */
@unmanaged
class Adopt extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, v: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const old = v128.load(v);
    const limit = v128.load32_splat(this.hyper, EXTRA);
    const ratio = f32x4.div(slope, max(f32x4.sqrt(old), v128.load32_splat(this.hyper, EPSILON)));
    const clipped = max(min(ratio, limit), f32x4.neg(limit));
    const mean = meanOf(this.hyper + BETA1, v128.load(m), clipped);
    v128.store(m, mean);
    v128.store(v, squaresOf(this.hyper + BETA2, old, slope));
    v128.store(p, moved(this, x, mean));
  }
}
export function adopt(i: Adopt): void {
  update<Adopt>(i);
}

/**
 * m ← mean of g;  d ← mean of g − g₋₁;  n ← mean of (g + a(g − g₋₁))²;  θ ← (θ − γ (m̂ + a d̂) / (√(n̂ + e) + ε)) k:
 * Xie et al. 2022. The first word is γ; extra words: the correction of m, a times the correction of d, a; β₂ and 1 − β₂
 * as shares of d; k; 0 in the first step, when there is no gradient before, else 1; and e over the correction of n.
 */
@unmanaged
class Adan extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, d: usize, n: usize, before: usize): void {
    const x = v128.load(p);
    const slope = slopeOf(this, g, x);
    const difference = f32x4.mul(
      f32x4.sub(slope, v128.load(before)),
      v128.load32_splat(this.hyper, EXTRA + 24),
    );
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const change = meanOf(this.hyper + EXTRA + 12, v128.load(d), difference);
    const ahead = madd(v128.load32_splat(this.hyper, EXTRA + 8), difference, slope);
    const squares = squaresOf(this.hyper + BETA2, v128.load(n), ahead);
    v128.store(m, mean);
    v128.store(d, change);
    v128.store(n, squares);
    v128.store(before, rounded(slope));
    const both = madd(
      v128.load32_splat(this.hyper, EXTRA + 4),
      change,
      f32x4.mul(v128.load32_splat(this.hyper, EXTRA), mean),
    );
    const under = f32x4.add(squares, v128.load32_splat(this.hyper, EXTRA + 28));
    const next = moved(this, x, f32x4.div(both, divisor(this, under)));
    v128.store(p, f32x4.mul(v128.load32_splat(this.hyper, EXTRA + 20), next));
  }
}
export function adan(i: Adan): void {
  update<Adan>(i);
}

/** y ← m̂ / (√v̂ + ε): Adam's direction by itself, made in the place of the parameters. The first word is 1 / (1 − β₁ᵗ). */
@unmanaged
class AdamDirection extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, y: usize, m: usize, v: usize, _c: usize, _d: usize): void {
    const slope = v128.load(g);
    const mean = meanOf(this.hyper + BETA1, v128.load(m), slope);
    const squares = squaresOf(this.hyper + BETA2, v128.load(v), slope);
    v128.store(m, mean);
    v128.store(v, squares);
    v128.store(y, f32x4.div(f32x4.mul(v128.load32_splat(this.hyper, RATE), mean), divisor(this, squares)));
  }
}
export function adamDirection(i: AdamDirection): void {
  update<AdamDirection>(i);
}
