// Clipping of the gradient.
import { OptionError } from "../core/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, minimum, mul, sqrt } from "../ops/arithmetic.ts";
import { sumSquares } from "../ops/reduce.ts";
import type { Transform } from "./transform.ts";

/** Added to a norm before dividing by it, as PyTorch does. */
const EPSILON = 1e-6;

/**
 * Scales the whole gradient down so that its Euclidean norm is at most `maximum`. Pascanu et al. 2013.
 * @throws OptionError where the maximum is not a positive number.
 * @example chain(clipByGlobalNorm(1), adam())
 */
export function clipByGlobalNorm(maximum: number): Transform {
  if (!(maximum > 0 && Number.isFinite(maximum))) {
    throw new OptionError(`clipByGlobalNorm: maximum: wanted a finite number > 0, got ${maximum}`);
  }
  return {
    name: "clipByGlobalNorm",
    hyperWords: 1,
    hyper: () => [maximum],
    apply({ parameters, hyper }) {
      const squares = parameters.map(({ gradient }) => sumSquares(gradient));
      if (squares.length === 0) return;
      const norm = sqrt(squares.reduce((sum: Tensor, each) => add(sum, each)));
      const scale = minimum(div(hyper(0), add(norm, EPSILON)), 1);
      for (const parameter of parameters) parameter.gradient = mul(parameter.gradient, scale);
    },
  };
}
