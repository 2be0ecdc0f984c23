// Running means as tensors, for optimizers composed of ops; kept out of the subnormal numbers as the kernels keep theirs.
import type { Tensor } from "../graph/tensor.ts";
import { add, greater, mul, square, sub, where } from "../ops/arithmetic.ts";

/** Added and taken away again, it rounds to multiples of 2⁻¹⁰³; the reason stands in assembly/update.ts. */
const FLOOR = 2 ** -80;
const LEAST_NORMAL = 2 ** -126;

/** A value of either sign without subnormal numbers. */
export function rounded(x: Tensor): Tensor {
  return sub(add(x, FLOOR), FLOOR);
}

/** A value that is never negative without subnormal numbers. */
export function flushed(x: Tensor): Tensor {
  return where(greater(x, LEAST_NORMAL), x, 0);
}

/** βm + (1 − β)x, where β and 1 − β are given. */
export function meanOf(m: Tensor, x: Tensor, beta: Tensor, share: Tensor): Tensor {
  return rounded(add(mul(beta, m), mul(share, x)));
}

/** βv + (1 − β)x², where β and 1 − β are given. */
export function squaresOf(v: Tensor, x: Tensor, beta: Tensor, share: Tensor): Tensor {
  return flushed(add(mul(beta, v), mul(share, square(x))));
}
