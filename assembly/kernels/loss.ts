// Losses that are an elementwise pass, before their reduction, and their gradients.
import { binary, Elementwise, ternary, unary } from "../elementwise";
import { expFlushed, half, log1p, minusAbs, sigmoid } from "../math";
import { max, min, nmadd } from "../simd";

const ALPHA = offsetof<Elementwise>("alpha");

@unmanaged
class Huber extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(d: v128): v128 {
    const size = f32x4.abs(d);
    const near = min(v128.load32_splat(changetype<usize>(this), ALPHA), size);
    return f32x4.mul(near, nmadd(near, half(), size));
  }
}
/** Of a difference d: d²/2 where |d| ≤ alpha, else alpha (|d| − alpha/2). */
export function huber(i: Elementwise): void {
  unary<Huber>(i);
}

@unmanaged
class HuberGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, d: v128): v128 {
    const delta = v128.load32_splat(changetype<usize>(this), ALPHA);
    return f32x4.mul(dy, min(delta, max(f32x4.neg(delta), d)));
  }
}
/** (dy, d) */
export function huberGradient(i: Elementwise): void {
  binary<HuberGradient>(i);
}

@unmanaged
class BceWithLogits extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128, target: v128): v128 {
    const log = log1p(expFlushed(minusAbs(x)));
    return f32x4.add(nmadd(x, target, max(f32x4.splat(0), x)), log);
  }
}
/** Binary cross-entropy of the logit x: max(x, 0) − x target + log(1 + e^−|x|). */
export function bceWithLogits(i: Elementwise): void {
  binary<BceWithLogits>(i);
}

@unmanaged
class BceWithLogitsGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128, target: v128): v128 {
    return f32x4.mul(dy, f32x4.sub(sigmoid(x), target));
  }
}
/** (dy, x, target): with respect to x. */
export function bceWithLogitsGradient(i: Elementwise): void {
  ternary<BceWithLogitsGradient>(i);
}
