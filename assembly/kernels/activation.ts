// Activations and their gradients. A gradient takes the gradient with respect to the output first,
// then whichever of input x or output y makes it cheapest.
import { binary, Elementwise, unary } from "../elementwise";
import { max } from "../simd";

@unmanaged
class Relu extends Elementwise {
  // @ts-ignore: decorator
  @inline
  v(x: v128): v128 {
    return max(x, f32x4.splat(0));
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
export function reluGradient(i: Elementwise): void {
  binary<ReluGradient>(i);
}
