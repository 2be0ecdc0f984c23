// Steps by the sign of something, whatever its size.
import { madd, max, min, nmadd } from "../simd";
import { meanOf, rounded, Update, update } from "../update";

/** 1, −1, or 0 at zero; NaN where x is. */
// @ts-ignore: decorator
@inline
function signOf(x: v128): v128 {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  const up = v128.and(one, f32x4.gt(x, zero));
  const down = v128.and(one, f32x4.lt(x, zero));
  return f32x4.add(f32x4.sub(up, down), f32x4.sub(x, x));
}

/** θ ← (1 − γλ)θ − γ sign(g): Bernstein et al. 2018. Words: γ, 1 − γλ. */
@unmanaged
class SignSgd extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, _a: usize, _b: usize, _c: usize, _d: usize): void {
    const kept = f32x4.mul(v128.load32_splat(this.hyper, 4), v128.load(p));
    v128.store(p, nmadd(v128.load32_splat(this.hyper), signOf(v128.load(g)), kept));
  }
}
export function signSgd(i: SignSgd): void {
  update<SignSgd>(i);
}

/** θ ← (1 − γλ)θ − γ sign(β₁m + (1 − β₁)g);  m ← β₂m + (1 − β₂)g: Chen et al. 2023. Words: γ, 1 − γλ, β₁, 1 − β₁, β₂, 1 − β₂. */
@unmanaged
class Lion extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, m: usize, _b: usize, _c: usize, _d: usize): void {
    const slope = v128.load(g);
    const old = v128.load(m);
    const kept = f32x4.mul(v128.load32_splat(this.hyper, 4), v128.load(p));
    v128.store(p, nmadd(v128.load32_splat(this.hyper), signOf(meanOf(this.hyper + 8, old, slope)), kept));
    v128.store(m, meanOf(this.hyper + 16, old, slope));
  }
}
export function lion(i: Lion): void {
  update<Lion>(i);
}

/**
 * A step size for each parameter, longer while the gradient keeps its sign, shorter when it turns, and then no step:
 * Riedmiller and Braun 1993. Words: how much shorter, how much longer, the shortest, the longest.
 */
@unmanaged
class Rprop extends Update {
  // @ts-ignore: decorator
  @inline
  turn(g: usize, p: usize, before: usize, size: usize, _c: usize, _d: usize): void {
    const zero = f32x4.splat(0);
    const slope = v128.load(g);
    const turned = f32x4.mul(slope, v128.load(before));
    const back = f32x4.lt(turned, zero);
    const longer = v128.load32_splat(this.hyper, 4);
    const factor = v128.bitselect(
      v128.load32_splat(this.hyper),
      v128.bitselect(longer, f32x4.splat(1), f32x4.gt(turned, zero)),
      back,
    );
    const least = v128.load32_splat(this.hyper, 8);
    const step = max(min(f32x4.mul(v128.load(size), factor), v128.load32_splat(this.hyper, 12)), least);
    const taken = v128.andnot(slope, back);
    v128.store(size, step);
    v128.store(before, rounded(taken));
    v128.store(p, nmadd(signOf(taken), step, v128.load(p)));
  }
}
export function rprop(i: Rprop): void {
  update<Rprop>(i);
}
