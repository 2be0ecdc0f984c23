// Steps divided by a root of what the gradient has been, without a running mean of the gradient itself; and FTRL.
import { pow } from "../math";
import { madd, max, min, nmadd } from "../simd";
import { flushed, meanOf, rounded, squaresOf, Update, update } from "../update";

/** s ← s + g²;  θ ← θ − γ g / (√(s + e) + ε): Duchi et al. 2011. Words: γ, λ, e, ε. */
@unmanaged
class Adagrad extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, s: usize, _b: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = madd(v128.load32_splat(this.hyper, 4), x, v128.load(g));
    const sum = flushed(madd(slope, slope, v128.load(s)));
    const root = f32x4.sqrt(f32x4.add(sum, v128.load32_splat(this.hyper, 8)));
    const step = f32x4.div(slope, f32x4.add(root, v128.load32_splat(this.hyper, 12)));
    v128.store(s, sum);
    v128.store(p, nmadd(v128.load32_splat(this.hyper), step, x));
  }
}
export function adagrad(i: Adagrad): void {
  update<Adagrad>(i);
}

/** v ← ρv + (1 − ρ)g²;  d ← √(u + ε) / √(v + ε) · g;  u ← ρu + (1 − ρ)d²;  θ ← θ − γd: Zeiler 2012. Words: γ, λ, ρ, 1 − ρ, ε. */
@unmanaged
class Adadelta extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, v: usize, u: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const epsilon = v128.load32_splat(this.hyper, 16);
    const slope = madd(v128.load32_splat(this.hyper, 4), x, v128.load(g));
    const squares = squaresOf(this.hyper + 8, v128.load(v), slope);
    const old = v128.load(u);
    const above = f32x4.sqrt(f32x4.add(old, epsilon));
    const step = f32x4.mul(f32x4.div(above, f32x4.sqrt(f32x4.add(squares, epsilon))), slope);
    v128.store(v, squares);
    v128.store(u, squaresOf(this.hyper + 8, old, step));
    v128.store(p, nmadd(v128.load32_splat(this.hyper), step, x));
  }
}
export function adadelta(i: Adadelta): void {
  update<Adadelta>(i);
}

/**
 * v ← αv + (1 − α)g²;  θ ← θ − γ g / (√(v − m² + e) + ε), with m the mean of g where centered, else 0; with momentum the
 * quotients gather in b ← μb + s…, and θ ← θ − γb. Hinton 2012; Graves 2013. Words: γ, λ, α, 1 − α, e, ε, μ, s.
 */
// @ts-ignore: decorator
@inline
function rms(i: Update, g: usize, p: usize, v: usize, m: usize, b: usize, centered: bool, momentum: bool): void {
  const x = v128.load(p);
  const slope = madd(v128.load32_splat(i.hyper, 4), x, v128.load(g));
  const squares = squaresOf(i.hyper + 8, v128.load(v), slope);
  v128.store(v, squares);
  let spread = squares;
  if (centered) {
    const mean = meanOf(i.hyper + 8, v128.load(m), slope);
    v128.store(m, mean);
    spread = nmadd(mean, mean, squares);
  }
  const root = f32x4.sqrt(f32x4.add(spread, v128.load32_splat(i.hyper, 16)));
  let step = f32x4.div(slope, f32x4.add(root, v128.load32_splat(i.hyper, 20)));
  if (momentum) {
    step = f32x4.mul(v128.load32_splat(i.hyper, 28), step);
    step = rounded(madd(v128.load32_splat(i.hyper, 24), v128.load(b), step));
    v128.store(b, step);
  }
  v128.store(p, nmadd(v128.load32_splat(i.hyper), step, x));
}

@unmanaged
class Rmsprop extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, v: usize, _b: usize, _c: usize, _d: usize): void {
    rms(this, g, p, v, 0, 0, false, false);
  }
}
export function rmsprop(i: Rmsprop): void {
  update<Rmsprop>(i);
}

@unmanaged
class RmspropMomentum extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, v: usize, b: usize, _c: usize, _d: usize): void {
    rms(this, g, p, v, 0, b, false, true);
  }
}
export function rmspropMomentum(i: RmspropMomentum): void {
  update<RmspropMomentum>(i);
}

@unmanaged
class RmspropCentered extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, v: usize, m: usize, _c: usize, _d: usize): void {
    rms(this, g, p, v, m, 0, true, false);
  }
}
export function rmspropCentered(i: RmspropCentered): void {
  update<RmspropCentered>(i);
}

@unmanaged
class RmspropCenteredMomentum extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, v: usize, m: usize, b: usize, _d: usize): void {
    rms(this, g, p, v, m, b, true, true);
  }
}
export function rmspropCenteredMomentum(i: RmspropCenteredMomentum): void {
  update<RmspropCenteredMomentum>(i);
}

/**
 * n' ← n + g²;  z ← z + g + 2sθ − (n'ᵖ − nᵖ)θ / γ;  θ ← (clip(z, ±λ₁) − z) / ((β + n'ᵖ) / γ + 2λ₂): McMahan et al. 2013,
 * Algorithm 1, with Keras's shrinkage s. Words: 1 / γ, p, λ₁, 2λ₂ + β / γ, 2s.
 */
@unmanaged
class Ftrl extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, n: usize, z: usize, _c: usize, _d: usize): void {
    const x = v128.load(p);
    const slope = v128.load(g);
    const inverse = v128.load32_splat(this.hyper);
    const power = v128.load32_splat(this.hyper, 4);
    const old = v128.load(n);
    const squares = f32x4.mul(slope, slope);
    const sum = flushed(f32x4.add(old, squares));
    let root: v128;
    let more: v128;
    if (load<f32>(this.hyper, 4) == 0.5) {
      root = f32x4.sqrt(sum);
      // The difference of roots without cancellation; nothing where both are 0.
      more = v128.and(f32x4.div(squares, f32x4.add(root, f32x4.sqrt(old))), f32x4.gt(root, f32x4.splat(0)));
    } else {
      root = pow(sum, power);
      more = f32x4.sub(root, pow(old, power));
    }
    const pull = madd(v128.load32_splat(this.hyper, 16), x, slope);
    const linear = rounded(f32x4.add(v128.load(z), nmadd(f32x4.mul(more, inverse), x, pull)));
    const limit = v128.load32_splat(this.hyper, 8);
    const held = max(min(linear, limit), f32x4.neg(limit));
    const quadratic = madd(root, inverse, v128.load32_splat(this.hyper, 12));
    v128.store(n, sum);
    v128.store(z, linear);
    // Without gradients or penalties so far nothing speaks for another weight than 0.
    const weight = f32x4.div(f32x4.sub(held, linear), quadratic);
    v128.store(p, v128.and(weight, f32x4.ne(quadratic, f32x4.splat(0))));
  }
}
export function ftrl(i: Ftrl): void {
  update<Ftrl>(i);
}
