// Transforms around another one: gradients of several steps as one, slow weights behind fast ones, gradients taken
// elsewhere.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { abs, add, div, mul, sqrt, square, sub, where } from "../ops/arithmetic.ts";
import { sumSquares } from "../ops/reduce.ts";
import { checkCount, checkPositive, rounded, type Transform } from "./transform.ts";

/** Options of {@link accumulate}. */
export interface AccumulateOptions {
  /** Steps whose gradients make one, a positive integer. */
  readonly every: number;
}

/**
 * Gradient accumulation: the inner optimizer takes a step at every n-th step, by the mean of the gradients since the
 * last, and counts those steps alone, also for its schedules. In between neither parameters nor its state change. It
 * stands around all that it is to hold up: the steps between end here, for what stands behind it too. A step that is left
 * out because of its loss is missing in the sum, and if it is the n-th, the update is left out with it.
 * @throws OptionError for a number that is no positive integer, and while a step is compiled in a parameter group.
 * @example accumulate(adamW({ learningRate: 3e-4 }), { every: 4 })
 */
export function accumulate(inner: Transform, options: AccumulateOptions): Transform {
  const { every } = checkOptions("accumulate", options, { every: 0 });
  checkCount("accumulate: every", every);
  return {
    name: "accumulate",
    hyperWords: 2 + inner.hyperWords,
    hyper: (step) => {
      const turn = (step - 1) % every;
      const closed = turn === every - 1 ? 0 : Number.POSITIVE_INFINITY;
      return [turn, closed, ...inner.hyper((step - 1 - turn) / every + 1)];
    },
    apply(context) {
      const { parameters, hyper, slot, assign } = context;
      context.wantAll("accumulate");
      const turn = hyper(0);
      for (const parameter of parameters) {
        const sofar = slot(parameter, "sum");
        // The first of the steps forgets the sum, whatever it holds.
        const sum = where(turn, add(sofar, parameter.gradient), parameter.gradient);
        assign(sofar, sum);
        parameter.gradient = mul(sum, 1 / every);
      }
      context.guard(hyper(1));
      inner.apply(context.within(inner.name, 2));
    },
  };
}

/** Options of {@link lookahead}. */
export interface LookaheadOptions {
  /** Steps of the fast weights between two of the slow ones. Default: 5. */
  readonly every?: number;
  /** How far the slow weights go to the fast ones, 0 < α ≤ 1. Default: 0.5. */
  readonly share?: number;
}

/**
 * Lookahead: the inner optimizer's weights run ahead; every few steps slow weights go part of the way to them, and they
 * begin again from there. Zhang et al. 2019.
 * @throws OptionError for a number out of range.
 * @example lookahead(adam({ learningRate: 1e-3 }), { every: 6 })
 */
export function lookahead(inner: Transform, options: LookaheadOptions = {}): Transform {
  const { every = 5, share = 0.5 } = checkOptions("lookahead", options, { every: 0, share: 0 });
  checkCount("lookahead: every", every);
  if (!(share > 0 && share <= 1))
    throw new OptionError(`lookahead: share: wanted 0 < share ≤ 1, got ${share}`);
  return {
    name: "lookahead",
    hyperWords: 1 + inner.hyperWords,
    hyper: (step) => [step % every === 0 ? 1 : 0, ...inner.hyper(step)],
    apply(context) {
      inner.apply(context.within(inner.name, 1));
      const meets = context.hyper(0);
      for (const parameter of context.parameters) {
        const slow = context.slot(parameter, { name: "slow", initial: "parameters" });
        const fast = parameter.tensor;
        const next = where(meets, rounded(add(slow, mul(sub(fast, slow), share))), slow);
        context.assign(slow, next);
        context.change(parameter, where(meets, next, fast));
      }
    },
  };
}

/** Options of {@link sam}. */
export interface SamOptions {
  /** ρ > 0: how far away the gradient is taken. Default: 0.05. */
  readonly radius?: number;
  /** Measures that by the size of each weight: ASAM, Kwon et al. 2021, whose radius is about ten times as large. Default: false. */
  readonly adaptive?: boolean;
}

/** Keeps a norm of 0 from being divided by. */
const LEAST = 1e-12;

/**
 * Sharpness-aware minimization: the inner optimizer takes the gradient at θ + ρ g / ‖g‖, where the loss is about largest
 * nearby, in place of the one at θ. Foret et al. 2021. Takes twice the time of a step. Dropout draws another mask there.
 * Clipping and penalties stand inside, around the optimizer.
 * @throws OptionError where the radius is not a positive number.
 * @example sam(sgd({ learningRate: 0.1, momentum: 0.9 }), { radius: 0.1 })
 */
export function sam(inner: Transform, options: SamOptions = {}): Transform {
  const { radius = 0.05, adaptive = false } = checkOptions("sam", options, { radius: 0, adaptive: 0 });
  checkPositive("sam: radius", radius);
  return {
    name: "sam",
    hyperWords: 1 + inner.hyperWords,
    hyper: (step) => [radius, ...inner.hyper(step)],
    apply(context) {
      const { parameters, hyper } = context;
      if (parameters.length > 0) {
        const squares = parameters.map(({ tensor, gradient }) =>
          sumSquares(adaptive ? mul(abs(tensor), gradient) : gradient),
        );
        const length = sqrt(squares.reduce((sum: Tensor, each) => add(sum, each)));
        const scale = div(hyper(0), add(length, LEAST));
        const there = parameters.map(({ tensor, gradient }) =>
          add(tensor, mul(adaptive ? mul(square(tensor), gradient) : gradient, scale)),
        );
        const slopes = context.gradientsAt(there);
        for (const [index, parameter] of parameters.entries()) parameter.gradient = slopes[index]!;
      }
      inner.apply(context.within(inner.name, 1));
    },
  };
}
