// Constraints: what parameters must be after each update. They stand behind the optimizer in a chain.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { abs, add, clamp, div, greater, maximum, mul, sign, sub, where } from "../ops/arithmetic.ts";
import { max, norm, sum } from "../ops/reduce.ts";
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
  checkOptions("clampWeights", options, { parameters: 0 });
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high))
    throw new OptionError(`clampWeights: wanted finite numbers low ≤ high, got ${low} and ${high}`);
  return constraint("clampWeights", options, (theta) => clamp(theta, low, high));
}

/**
 * No weight below 0, as Keras's NonNeg.
 * @example chain(adam(), nonNegative())
 */
export function nonNegative(options: SelectionOptions = {}): Transform {
  checkOptions("nonNegative", options, { parameters: 0 });
  return constraint("nonNegative", options, (theta) => maximum(theta, 0));
}

/** Options of {@link maxNorm}, {@link unitNorm}, {@link l2Ball} and {@link l1Ball}. */
export interface NormOptions extends SelectionOptions {
  /** Axes over which a norm is taken. Default: all but the last, so of a weight [in, out] a norm for each output. */
  readonly axes?: number | readonly number[];
}

/** Options of {@link simplex}. */
export interface SimplexOptions extends NormOptions {
  /** What the numbers of a unit add up to, > 0. Default: 1. */
  readonly total?: number;
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
  checkOptions("maxNorm", options, { parameters: 0, axes: 0 });
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
  checkOptions("unitNorm", options, { parameters: 0, axes: 0 });
  return constraint("unitNorm", options, (theta) => div(theta, add(norms(theta, options), EPSILON)));
}

/**
 * Puts each unit that is longer than the radius on the ball's surface: the nearest point in it. As maxNorm, but without a number
 * beside the norm; with `axes` of all of a parameter, a ball for the parameter. clampWeights is the projection onto a box.
 * @throws OptionError where the radius is not a positive number.
 * @example chain(sgd({ learningRate: 0.1 }), l2Ball(1, { axes: [0, 1] }))
 */
export function l2Ball(radius: number, options: NormOptions = {}): Transform {
  checkOptions("l2Ball", options, { parameters: 0, axes: 0 });
  checkPositive("l2Ball: radius", radius);
  return constraint("l2Ball", options, (theta) => {
    const length = norms(theta, options);
    return mul(theta, where(greater(length, radius), div(radius, length), 1));
  });
}

/**
 * max(x − τ, 0) with the τ for which their sum is the total, by Newton's method on that sum, which is convex: from below it
 * never passes τ. Michelot 1986. Of n numbers it takes 12 + log₂ n steps at most: each divides what the sum is off by, times
 * the count of what it is made of, by 4 (Condat 2016 compares the methods; Duchi et al. 2008 sort).
 */
function cut(x: Tensor, total: number, axes: readonly number[]): Tensor {
  const options = { axes, keepDims: true };
  // Below the largest: far from 0 numbers are too coarse for τ.
  const below = sub(x, max(x, options));
  const n = axes.reduce((product, axis) => product * x.shape.at(axis)!, 1);
  let at = x.graph.constant(-total);
  for (let step = 0; step < 12 + Math.ceil(Math.log2(n)); step++) {
    const above = greater(below, at);
    at = div(sub(sum(mul(above, below), options), total), sum(above, options));
  }
  return maximum(sub(below, at), 0);
}

const axesOf = (theta: Tensor, { axes = inputAxes(theta) }: NormOptions) =>
  typeof axes === "number" ? [axes] : axes;

/**
 * Each unit the nearest point of the probability simplex: no number below 0, their sum 1, or another total > 0. Duchi et al. 2008.
 * @throws OptionError where the total is not a positive number.
 * @example chain(sgd({ learningRate: 0.1 }), simplex({ parameters: "mixture", axes: -1 }))
 */
export function simplex(options: SimplexOptions = {}): Transform {
  const { total = 1 } = checkOptions("simplex", options, { parameters: 0, axes: 0, total: 0 });
  checkPositive("simplex: total", total);
  return constraint("simplex", options, (theta) => cut(theta, total, axesOf(theta, options)));
}

/**
 * Each unit the nearest point whose magnitudes add up to no more than the radius: many numbers are exactly 0 then. Units within
 * it keep their bits. Duchi et al. 2008.
 * @throws OptionError where the radius is not a positive number.
 * @example chain(sgd({ learningRate: 0.1 }), l1Ball(5))
 */
export function l1Ball(radius: number, options: NormOptions = {}): Transform {
  checkOptions("l1Ball", options, { parameters: 0, axes: 0 });
  checkPositive("l1Ball: radius", radius);
  return constraint("l1Ball", options, (theta) => {
    const axes = axesOf(theta, options);
    const size = abs(theta);
    const outside = greater(sum(size, { axes, keepDims: true }), radius);
    return where(outside, mul(sign(theta), cut(size, radius, axes)), theta);
  });
}
