// Arithmetic, comparison and selection, element by element. A comparison answers 1 or 0.
// NaN comes through everything but comparisons, so that a number gone wrong shows in the loss.
// A gradient takes the gradient with respect to the output first, then x or y as its line says.
import { binary, Elementwise, ternary, unary } from "../elementwise";
import {
  cos as cosine,
  erf as errorFunction,
  expFlushed,
  exp as exponential,
  half,
  keepNaN,
  log as logarithm,
  one,
  pow as power,
  signBit,
  sin as sine,
} from "../math";
import { madd, max, min, select } from "../simd";

/** Byte offset of an instruction's alpha: loaded in the loop, it is one broadcast. */
const ALPHA = offsetof<Elementwise>("alpha");
const BETA = offsetof<Elementwise>("beta");
const ERF_SLOPE = memory.data<f32>([1.1283791670955126]);

// @ts-ignore: decorator
@inline
function signOf(x: v128): v128 {
  return select(v128.or(v128.and(x, signBit()), one()), x, f32x4.gt(f32x4.abs(x), f32x4.splat(0)));
}

@unmanaged
class Add extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return f32x4.add(a, b);
  }
}
export function add(i: Elementwise): void {
  binary<Add>(i);
}

@unmanaged
class Sub extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return f32x4.sub(a, b);
  }
}
export function sub(i: Elementwise): void {
  binary<Sub>(i);
}

@unmanaged
class Mul extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return f32x4.mul(a, b);
  }
}
export function mul(i: Elementwise): void {
  binary<Mul>(i);
}

@unmanaged
class Div extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return f32x4.div(a, b);
  }
}
export function div(i: Elementwise): void {
  binary<Div>(i);
}

@unmanaged
class Maximum extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    // max keeps a NaN of its second operand only.
    return keepNaN(max(a, b), a);
  }
}
export function maximum(i: Elementwise): void {
  binary<Maximum>(i);
}

@unmanaged
class Minimum extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return keepNaN(min(a, b), a);
  }
}
export function minimum(i: Elementwise): void {
  binary<Minimum>(i);
}

@unmanaged
class Pow extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return power(a, b);
  }
}
export function pow(i: Elementwise): void {
  binary<Pow>(i);
}

@unmanaged
class Equal extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return v128.and(f32x4.eq(a, b), one());
  }
}
export function equal(i: Elementwise): void {
  binary<Equal>(i);
}

@unmanaged
class NotEqual extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return v128.and(f32x4.ne(a, b), one());
  }
}
export function notEqual(i: Elementwise): void {
  binary<NotEqual>(i);
}

@unmanaged
class Greater extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return v128.and(f32x4.gt(a, b), one());
  }
}
export function greater(i: Elementwise): void {
  binary<Greater>(i);
}

@unmanaged
class GreaterEqual extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return v128.and(f32x4.ge(a, b), one());
  }
}
export function greaterEqual(i: Elementwise): void {
  binary<GreaterEqual>(i);
}

@unmanaged
class Less extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return v128.and(f32x4.lt(a, b), one());
  }
}
export function less(i: Elementwise): void {
  binary<Less>(i);
}

@unmanaged
class LessEqual extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(a: v128, b: v128): v128 {
    return v128.and(f32x4.le(a, b), one());
  }
}
export function lessEqual(i: Elementwise): void {
  binary<LessEqual>(i);
}

@unmanaged
class Neg extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.neg(x);
  }
}
export function neg(i: Elementwise): void {
  unary<Neg>(i);
}

@unmanaged
class Abs extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.abs(x);
  }
}
export function abs(i: Elementwise): void {
  unary<Abs>(i);
}

@unmanaged
class AbsGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    return f32x4.mul(dy, signOf(x));
  }
}
/** (dy, x) */
export function absGradient(i: Elementwise): void {
  binary<AbsGradient>(i);
}

@unmanaged
class Sign extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return signOf(x);
  }
}
/** 0 at 0, NaN at NaN. */
export function sign(i: Elementwise): void {
  unary<Sign>(i);
}

@unmanaged
class Square extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.mul(x, x);
  }
}
export function square(i: Elementwise): void {
  unary<Square>(i);
}

@unmanaged
class SquareGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    return f32x4.mul(dy, f32x4.add(x, x));
  }
}
/** (dy, x) */
export function squareGradient(i: Elementwise): void {
  binary<SquareGradient>(i);
}

@unmanaged
class Sqrt extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.sqrt(x);
  }
}
export function sqrt(i: Elementwise): void {
  unary<Sqrt>(i);
}

@unmanaged
class SqrtGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return f32x4.div(f32x4.mul(dy, half()), y);
  }
}
/** (dy, y) */
export function sqrtGradient(i: Elementwise): void {
  binary<SqrtGradient>(i);
}

@unmanaged
class Rsqrt extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.div(one(), f32x4.sqrt(x));
  }
}
/** 1 / √x. */
export function rsqrt(i: Elementwise): void {
  unary<Rsqrt>(i);
}

@unmanaged
class RsqrtGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    const h = f32x4.mul(dy, f32x4.mul(half(), y));
    return f32x4.neg(f32x4.mul(h, f32x4.mul(y, y)));
  }
}
/** (dy, y): −dy y³ / 2. */
export function rsqrtGradient(i: Elementwise): void {
  binary<RsqrtGradient>(i);
}

@unmanaged
class Reciprocal extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.div(one(), x);
  }
}
export function reciprocal(i: Elementwise): void {
  unary<Reciprocal>(i);
}

@unmanaged
class ReciprocalGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, y: v128): v128 {
    return f32x4.neg(f32x4.mul(dy, f32x4.mul(y, y)));
  }
}
/** (dy, y): −dy y². */
export function reciprocalGradient(i: Elementwise): void {
  binary<ReciprocalGradient>(i);
}

@unmanaged
class Exp extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return exponential(x);
  }
}
/** Its gradient is mul(dy, y). */
export function exp(i: Elementwise): void {
  unary<Exp>(i);
}

@unmanaged
class Log extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return logarithm(x);
  }
}
/** Its gradient is div(dy, x). */
export function log(i: Elementwise): void {
  unary<Log>(i);
}

@unmanaged
class Sin extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return sine(x);
  }
}
export function sin(i: Elementwise): void {
  unary<Sin>(i);
}

@unmanaged
class Cos extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return cosine(x);
  }
}
export function cos(i: Elementwise): void {
  unary<Cos>(i);
}

@unmanaged
class Erf extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return errorFunction(x);
  }
}
export function erf(i: Elementwise): void {
  unary<Erf>(i);
}

@unmanaged
class ErfGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    return f32x4.mul(f32x4.mul(dy, v128.load32_splat(ERF_SLOPE)), expFlushed(f32x4.neg(f32x4.mul(x, x))));
  }
}
/** (dy, x): dy 2/√π e^−x². */
export function erfGradient(i: Elementwise): void {
  binary<ErfGradient>(i);
}

@unmanaged
class Floor extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.floor(x);
  }
}
export function floor(i: Elementwise): void {
  unary<Floor>(i);
}

@unmanaged
class Ceil extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.ceil(x);
  }
}
export function ceil(i: Elementwise): void {
  unary<Ceil>(i);
}

@unmanaged
class Round extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return f32x4.nearest(x);
  }
}
/** To the nearest integer, halves to the even one. */
export function round(i: Elementwise): void {
  unary<Round>(i);
}

@unmanaged
class Affine extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return madd(
      x,
      v128.load32_splat(changetype<usize>(this), ALPHA),
      v128.load32_splat(changetype<usize>(this), BETA),
    );
  }
}
/** alpha x + beta. */
export function affine(i: Elementwise): void {
  unary<Affine>(i);
}

@unmanaged
class Clamp extends Elementwise {
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
export function clamp(i: Elementwise): void {
  unary<Clamp>(i);
}

@unmanaged
class ClampGradient extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(dy: v128, x: v128): v128 {
    return v128.and(
      dy,
      v128.and(
        f32x4.ge(x, v128.load32_splat(changetype<usize>(this), ALPHA)),
        f32x4.le(x, v128.load32_splat(changetype<usize>(this), BETA)),
      ),
    );
  }
}
/** (dy, x): dy where alpha ≤ x ≤ beta. */
export function clampGradient(i: Elementwise): void {
  binary<ClampGradient>(i);
}

@unmanaged
class Where extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(condition: v128, a: v128, b: v128): v128 {
    return select(b, a, f32x4.eq(condition, f32x4.splat(0)));
  }
}
/** a where the condition is not 0, else b. */
export function where(i: Elementwise): void {
  ternary<Where>(i);
}
