// Activations and their gradients; definitions are PyTorch's.
// A gradient takes the gradient with respect to the output first, then input x or output y as its line says:
// y wherever it suffices, since then x need not be kept.
import { binary, Elementwise, unary } from "../elementwise";
import {
  erf,
  expFlushed,
  expm1,
  half,
  tanh as hyperbolicTangent,
  log1p,
  sigmoid as logistic,
  minusAbs,
  one,
  two,
} from "../math";
import { madd, max, min, nmadd, select } from "../simd";

const ALPHA = offsetof<Elementwise>("alpha");
const BETA = offsetof<Elementwise>("beta");

// selu's scale, and scale × alpha; √½; 1/√(2π); √(2/π), that × 0.044715, that × 3; 6; 3; 1/6; 1/3; 4.
const COEFFICIENTS = memory.data<f32>([
  1.0507009873554805, 1.7580993408473766, 0.7071067811865476, 0.3989422804014327, 0.7978845608028654,
  0.03567740813630014, 0.10703222440890042, 6, 3, 0.16666666666666666, 0.3333333333333333, 4,
]);
// @ts-ignore: decorator
@inline
function c(index: usize): v128 {
  return v128.load32_splat(COEFFICIENTS + (index << 2));
}

/** Φ(x) of the normal distribution. */
// @ts-ignore: decorator
@inline
function normalCdf(x: v128): v128 {
  return madd(erf(f32x4.mul(x, c(2))), half(), half());
}

// @ts-ignore: decorator
@inline
function tanhOfGelu(x: v128, xx: v128): v128 {
  return hyperbolicTangent(f32x4.mul(x, madd(xx, c(5), c(4))));
}

// @ts-ignore: decorator
@inline
function relu6Of(x: v128): v128 {
  return min(c(7), max(f32x4.splat(0), x));
}

// tanh(softplus(x)) is n / (n + 2u) with n = e² + 2e, u = 1 for e = eˣ; above 0 numerator and u are both
// multiplied by e⁻²ˣ, so that with e = e⁻ˣ they are 1 + 2e and e², and nothing overflows.
// @ts-ignore: decorator
@inline
function mishNumerator(e: v128, negative: v128): v128 {
  return select(f32x4.mul(e, f32x4.add(e, two())), madd(e, two(), one()), negative);
}
// @ts-ignore: decorator
@inline
function mishUnit(e: v128, negative: v128): v128 {
  return select(one(), f32x4.mul(e, e), negative);
}

@unmanaged
class Relu extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    // In this order a NaN stays.
    return max(f32x4.splat(0), x);
  }
}
export function relu(i: Elementwise): void {
  unary<Relu>(i);
}

@unmanaged
class ReluGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return v128.and(dy, f32x4.gt(y, f32x4.splat(0)));
  }
}
/** (dy, y) */
export function reluGradient(i: Elementwise): void {
  binary<ReluGradient>(i);
}

@unmanaged
class LeakyRelu extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return select(
      f32x4.mul(x, v128.load32_splat(changetype<usize>(this), ALPHA)),
      x,
      f32x4.lt(x, f32x4.splat(0)),
    );
  }
}
/** alpha is the slope below 0, at least 0. */
export function leakyRelu(i: Elementwise): void {
  unary<LeakyRelu>(i);
}

@unmanaged
class LeakyReluGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return select(
      dy,
      f32x4.mul(dy, v128.load32_splat(changetype<usize>(this), ALPHA)),
      f32x4.gt(y, f32x4.splat(0)),
    );
  }
}
/** (dy, y) */
export function leakyReluGradient(i: Elementwise): void {
  binary<LeakyReluGradient>(i);
}

@unmanaged
class Elu extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return select(
      x,
      f32x4.mul(expm1(x), v128.load32_splat(changetype<usize>(this), ALPHA)),
      f32x4.gt(x, f32x4.splat(0)),
    );
  }
}
/** alpha (eˣ − 1) below 0, alpha at least 0. */
export function elu(i: Elementwise): void {
  unary<Elu>(i);
}

@unmanaged
class EluGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return select(
      dy,
      f32x4.mul(dy, f32x4.add(y, v128.load32_splat(changetype<usize>(this), ALPHA))),
      f32x4.gt(y, f32x4.splat(0)),
    );
  }
}
/** (dy, y) */
export function eluGradient(i: Elementwise): void {
  binary<EluGradient>(i);
}

@unmanaged
class Selu extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return select(f32x4.mul(x, c(0)), f32x4.mul(expm1(x), c(1)), f32x4.gt(x, f32x4.splat(0)));
  }
}
/** Klambauer et al. 2017. */
export function selu(i: Elementwise): void {
  unary<Selu>(i);
}

@unmanaged
class SeluGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return f32x4.mul(dy, select(c(0), f32x4.add(y, c(1)), f32x4.gt(y, f32x4.splat(0))));
  }
}
/** (dy, y) */
export function seluGradient(i: Elementwise): void {
  binary<SeluGradient>(i);
}

@unmanaged
class Gelu extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.mul(x, normalCdf(x));
  }
}
/** x Φ(x), Φ by erf. */
export function gelu(i: Elementwise): void {
  unary<Gelu>(i);
}

@unmanaged
class GeluGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    const h = f32x4.mul(x, c(2));
    const density = f32x4.mul(expFlushed(f32x4.neg(f32x4.mul(h, h))), c(3));
    return f32x4.mul(dy, madd(x, density, normalCdf(x)));
  }
}
/** (dy, x) */
export function geluGradient(i: Elementwise): void {
  binary<GeluGradient>(i);
}

@unmanaged
class GeluTanh extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    const h = f32x4.mul(x, half());
    return madd(h, tanhOfGelu(x, f32x4.mul(x, x)), h);
  }
}
/** x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))). */
export function geluTanh(i: Elementwise): void {
  unary<GeluTanh>(i);
}

@unmanaged
class GeluTanhGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    const z = f32x4.mul(x, x);
    const t = tanhOfGelu(x, z);
    const h = f32x4.mul(x, half());
    const slope = f32x4.mul(nmadd(t, t, one()), madd(z, c(6), c(4)));
    return f32x4.mul(dy, madd(h, slope, madd(t, half(), half())));
  }
}
/** (dy, x) */
export function geluTanhGradient(i: Elementwise): void {
  binary<GeluTanhGradient>(i);
}

@unmanaged
class Silu extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.mul(x, logistic(x));
  }
}
/** x σ(x). */
export function silu(i: Elementwise): void {
  unary<Silu>(i);
}

@unmanaged
class SiluGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    const s = logistic(x);
    return f32x4.mul(dy, madd(f32x4.mul(x, s), f32x4.sub(one(), s), s));
  }
}
/** (dy, x) */
export function siluGradient(i: Elementwise): void {
  binary<SiluGradient>(i);
}

@unmanaged
class Sigmoid extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return logistic(x);
  }
}
export function sigmoid(i: Elementwise): void {
  unary<Sigmoid>(i);
}

@unmanaged
class SigmoidGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return f32x4.mul(f32x4.mul(dy, y), f32x4.sub(one(), y));
  }
}
/** (dy, y) */
export function sigmoidGradient(i: Elementwise): void {
  binary<SigmoidGradient>(i);
}

@unmanaged
class Tanh extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return hyperbolicTangent(x);
  }
}
export function tanh(i: Elementwise): void {
  unary<Tanh>(i);
}

@unmanaged
class TanhGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return f32x4.mul(dy, nmadd(y, y, one()));
  }
}
/** (dy, y) */
export function tanhGradient(i: Elementwise): void {
  binary<TanhGradient>(i);
}

@unmanaged
class Softplus extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.add(max(f32x4.splat(0), x), log1p(expFlushed(minusAbs(x))));
  }
}
/** log(1 + eˣ). */
export function softplus(i: Elementwise): void {
  unary<Softplus>(i);
}

@unmanaged
class SoftplusGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return f32x4.neg(f32x4.mul(dy, expm1(f32x4.neg(y))));
  }
}
/** (dy, y): dy (1 − e⁻ʸ), which is dy σ(x). */
export function softplusGradient(i: Elementwise): void {
  binary<SoftplusGradient>(i);
}

@unmanaged
class HardSigmoid extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.mul(relu6Of(f32x4.add(x, c(8))), c(9));
  }
}
/** min(max(x + 3, 0), 6) / 6. */
export function hardSigmoid(i: Elementwise): void {
  unary<HardSigmoid>(i);
}

@unmanaged
class HardSigmoidGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    const inside = v128.and(f32x4.gt(y, f32x4.splat(0)), f32x4.lt(y, one()));
    return v128.and(f32x4.mul(dy, c(9)), inside);
  }
}
/** (dy, y) */
export function hardSigmoidGradient(i: Elementwise): void {
  binary<HardSigmoidGradient>(i);
}

@unmanaged
class HardSwish extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.mul(x, f32x4.mul(relu6Of(f32x4.add(x, c(8))), c(9)));
  }
}
/** x min(max(x + 3, 0), 6) / 6. */
export function hardSwish(i: Elementwise): void {
  unary<HardSwish>(i);
}

@unmanaged
class HardSwishGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    const slope = select(one(), madd(x, c(10), half()), f32x4.ge(x, c(8)));
    return f32x4.mul(dy, v128.and(slope, f32x4.gt(x, f32x4.neg(c(8)))));
  }
}
/** (dy, x) */
export function hardSwishGradient(i: Elementwise): void {
  binary<HardSwishGradient>(i);
}

@unmanaged
class HardTanh extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return min(
      v128.load32_splat(changetype<usize>(this), BETA),
      max(v128.load32_splat(changetype<usize>(this), ALPHA), x),
    );
  }
}
/** At least alpha, at most beta. */
export function hardTanh(i: Elementwise): void {
  unary<HardTanh>(i);
}

@unmanaged
class HardTanhGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return v128.and(
      dy,
      v128.and(
        f32x4.gt(y, v128.load32_splat(changetype<usize>(this), ALPHA)),
        f32x4.lt(y, v128.load32_splat(changetype<usize>(this), BETA)),
      ),
    );
  }
}
/** (dy, y) */
export function hardTanhGradient(i: Elementwise): void {
  binary<HardTanhGradient>(i);
}

@unmanaged
class Relu6 extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return relu6Of(x);
  }
}
export function relu6(i: Elementwise): void {
  unary<Relu6>(i);
}

@unmanaged
class Relu6Gradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return v128.and(dy, v128.and(f32x4.gt(y, f32x4.splat(0)), f32x4.lt(y, c(7))));
  }
}
/** (dy, y) */
export function relu6Gradient(i: Elementwise): void {
  binary<Relu6Gradient>(i);
}

@unmanaged
class Softsign extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.div(x, f32x4.add(f32x4.abs(x), one()));
  }
}
/** x / (1 + |x|). */
export function softsign(i: Elementwise): void {
  unary<Softsign>(i);
}

@unmanaged
class SoftsignGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    const d = f32x4.add(f32x4.abs(x), one());
    return f32x4.div(dy, f32x4.mul(d, d));
  }
}
/** (dy, x) */
export function softsignGradient(i: Elementwise): void {
  binary<SoftsignGradient>(i);
}

@unmanaged
class Mish extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    const e = expFlushed(minusAbs(x));
    const negative = f32x4.lt(x, f32x4.splat(0));
    const n = mishNumerator(e, negative);
    return f32x4.div(f32x4.mul(x, n), madd(two(), mishUnit(e, negative), n));
  }
}
/** x tanh(softplus(x)), Misra 2019. */
export function mish(i: Elementwise): void {
  unary<Mish>(i);
}

@unmanaged
class MishGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    const e = expFlushed(minusAbs(x));
    const negative = f32x4.lt(x, f32x4.splat(0));
    const n = mishNumerator(e, negative);
    const d = madd(two(), mishUnit(e, negative), n);
    const g = f32x4.mul(f32x4.mul(e, select(one(), e, negative)), f32x4.mul(c(11), f32x4.add(e, one())));
    return f32x4.mul(dy, f32x4.div(madd(n, d, f32x4.mul(x, g)), f32x4.mul(d, d)));
  }
}
/** (dy, x) */
export function mishGradient(i: Elementwise): void {
  binary<MishGradient>(i);
}
