// Running means as tensors, for optimizers composed of ops; kept out of the subnormal numbers as the kernels keep theirs.
import type { Tensor } from "../graph/tensor.ts";
import { add, greater, mul, square, where } from "../ops/arithmetic.ts";
import { rounded } from "./transform.ts";

const LEAST_NORMAL = 2 ** -126;

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
