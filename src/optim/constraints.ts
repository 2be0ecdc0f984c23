// Constraints: what parameters must be after each update. They stand behind the optimizer in a chain.
import { OptionError } from "../core/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, clamp, div, greater, maximum, mul, where } from "../ops/arithmetic.ts";
import { norm } from "../ops/reduce.ts";
import { type SelectionOptions, selected } from "./groups.ts";
import { checkPositive, inputAxes, type Transform } from "./transform.ts";

/** Added to a norm before dividing by it, as PyTorch and Keras do. */
const EPSILON = 1e-7;

/** Puts the parameters of a selection where a function says. */
function constraint(
  name: string,
  { parameters: selection }: SelectionOptions,
  project: (theta: Tensor) => Tensor,
): Transform {
  return {
    name,
    hyperWords: 0,
    hyper: () => [],
    apply({ parameters, change }) {
      for (const parameter of selected(name, parameters, selection))
        change(parameter, project(parameter.tensor));
    },
  };
}

/**
 * Holds every weight between low and high. Arjovsky et al. 2017 have it for a critic, with −0.01 and 0.01.
 * @throws OptionError where the limits are not numbers in order.
 * @example chain(rmsprop({ learningRate: 5e-5 }), clampWeights(-0.01, 0.01))
 */
export function clampWeights(low: number, high: number, options: SelectionOptions = {}): Transform {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high))
    throw new OptionError(`clampWeights: wanted finite numbers low ≤ high, got ${low} and ${high}`);
  return constraint("clampWeights", options, (theta) => clamp(theta, low, high));
}

/**
 * No weight below 0, as Keras's NonNeg.
 * @example chain(adam(), nonNegative())
 */
export function nonNegative(options: SelectionOptions = {}): Transform {
  return constraint("nonNegative", options, (theta) => maximum(theta, 0));
}

export interface NormOptions extends SelectionOptions {
  /** Axes over which a norm is taken. Default: all but the last, so of a weight [in, out] a norm for each output. */
  readonly axes?: number | readonly number[];
}

const norms = (theta: Tensor, { axes = inputAxes(theta) }: NormOptions) =>
  norm(theta, { axes, keepDims: true });

/**
 * Scales each unit down so that its norm is at most `limit`: max-norm regularization, Srebro and Shraibman 2005; numbers
 * as PyTorch's renorm. Units within it keep their bits.
 * @throws OptionError where the limit is not a positive number.
 * @example chain(sgd({ learningRate: 0.1 }), maxNorm(3))
 */
export function maxNorm(limit: number, options: NormOptions = {}): Transform {
  checkPositive("maxNorm: limit", limit);
  return constraint("maxNorm", options, (theta) => {
    const length = norms(theta, options);
    return mul(theta, where(greater(length, limit), div(limit, add(length, EPSILON)), 1));
  });
}

/**
 * Scales each unit to norm 1; numbers as Keras's UnitNorm.
 * @example chain(sgd({ learningRate: 0.1 }), unitNorm({ parameters: "embedding.*", axes: -1 }))
 */
export function unitNorm(options: NormOptions = {}): Transform {
  return constraint("unitNorm", options, (theta) => div(theta, add(norms(theta, options), EPSILON)));
}
