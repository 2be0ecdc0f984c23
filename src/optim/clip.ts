// Clipping of the gradient: element by element, by norms, or by the norms of the parameters.
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, clamp, div, maximum as larger, less, minimum, mul, sqrt, where } from "../ops/arithmetic.ts";
import { norm, sumSquares } from "../ops/reduce.ts";
import { checkPositive, inputAxes, type Transform, valueAt } from "./transform.ts";

/** Added to a norm before dividing by it, as PyTorch does. */
const EPSILON = 1e-6;

/** min(1, maximum / (‖g‖ + ε)). */
const shrinking = (squares: Tensor, maximum: Tensor) => minimum(div(maximum, add(sqrt(squares), EPSILON)), 1);

/**
 * Scales the whole gradient down so that its Euclidean norm is at most `maximum`. Pascanu et al. 2013.
 * @throws OptionError where the maximum is not a positive number.
 * @example chain(clipByGlobalNorm(1), adam())
 */
export function clipByGlobalNorm(maximum: number): Transform {
  checkPositive("clipByGlobalNorm: maximum", maximum);
  return {
    name: "clipByGlobalNorm",
    hyperWords: 1,
    hyper: () => [maximum],
    apply({ parameters, hyper }) {
      const squares = parameters.map(({ gradient }) => sumSquares(gradient));
      if (squares.length === 0) return;
      const scale = shrinking(
        squares.reduce((sum: Tensor, each) => add(sum, each)),
        hyper(0),
      );
      for (const parameter of parameters) parameter.gradient = mul(parameter.gradient, scale);
    },
  };
}

/**
 * Scales the gradient of each parameter down so that its own Euclidean norm is at most `maximum`, as Keras's clipnorm.
 * @throws OptionError where the maximum is not a positive number.
 * @example chain(clipByNorm(0.5), sgd({ learningRate: 0.1 }))
 */
export function clipByNorm(maximum: number): Transform {
  checkPositive("clipByNorm: maximum", maximum);
  return {
    name: "clipByNorm",
    hyperWords: 1,
    hyper: () => [maximum],
    apply({ parameters, hyper }) {
      const most = hyper(0);
      for (const parameter of parameters) {
        const { gradient } = parameter;
        parameter.gradient = mul(gradient, shrinking(sumSquares(gradient), most));
      }
    },
  };
}

/**
 * Holds every element of the gradient between −limit and limit.
 * @throws OptionError where the limit is not a positive number.
 * @example chain(clipByValue(0.5), adam())
 */
export function clipByValue(limit: number): Transform {
  checkPositive("clipByValue: limit", limit);
  return {
    name: "clipByValue",
    hyperWords: 0,
    hyper: () => [],
    apply({ parameters }) {
      for (const parameter of parameters) parameter.gradient = clamp(parameter.gradient, -limit, limit);
    },
  };
}

/** Options of {@link adaptiveClip}. */
export interface AdaptiveClipOptions {
  /** How large a unit's gradient may be, as a share of the unit's norm. Default: 0.01. */
  readonly clipping?: number;
  /** The least norm that a unit is taken to have, so that one that starts at zero can move. Default: 0.001. */
  readonly epsilon?: number;
}

/**
 * Adaptive gradient clipping: scales the gradient of each unit down to a share of the unit's norm. Brock et al. 2021;
 * numbers as optax's. A unit is all that leads to one output: of a weight [in, out] a column, of a vector all of it.
 * @throws OptionError for a number out of range.
 * @example chain(adaptiveClip({ clipping: 0.02 }), sgd({ learningRate: 0.1, momentum: 0.9 }))
 */
export function adaptiveClip(options: AdaptiveClipOptions = {}): Transform {
  const { clipping = 0.01, epsilon = 1e-3 } = checkOptions("adaptiveClip", options, {
    clipping: 0,
    epsilon: 0,
  });
  checkPositive("adaptiveClip: clipping", clipping);
  valueAt("adaptiveClip: epsilon", epsilon, 1);
  return {
    name: "adaptiveClip",
    hyperWords: 0,
    hyper: () => [],
    apply({ parameters }) {
      for (const parameter of parameters) {
        const { tensor, gradient } = parameter;
        const unit = { axes: inputAxes(tensor), keepDims: true };
        const length = norm(gradient, unit);
        const most = mul(larger(norm(tensor, unit), epsilon), clipping);
        const scale = where(less(length, most), 1, div(most, larger(length, EPSILON)));
        parameter.gradient = mul(gradient, scale);
      }
    },
  };
}
