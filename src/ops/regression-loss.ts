// Losses of numbers beside mean squares: robust ones, quantiles and counts. Each the mean over all elements.

import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { softplus } from "./activation.ts";
import { abs, add, clamp, exp, greater, log, maximum, mul, sub, where } from "./arithmetic.ts";
import { checkSame, huber, meanAbsoluteError } from "./loss.ts";
import { mean } from "./reduce.ts";
import { checkOption } from "./targets.ts";

type Loss = (output: Tensor, target: Tensor) => Tensor;

/**
 * Mean of ½d²/β where |d| < β, else |d| − ½β, d = output − target: PyTorch's SmoothL1Loss, huber divided by its delta.
 * β ≥ 0, by default 1; 0 is the absolute error. Girshick 2015.
 * @throws OptionError for a β out of range. @throws ShapeError where the shapes differ.
 * @example smoothL1({ beta: 0.5 })(x, target)
 */
export function smoothL1(options: { readonly beta?: number } = {}): Loss {
  const { beta = 1 } = checkOptions("smoothL1", options, { beta: 0 });
  checkOption("smoothL1: beta", beta, { from: 0 });
  return (output, target) => {
    checkSame("smoothL1", output, target);
    return beta === 0 ? meanAbsoluteError(output, target) : mul(huber(output, target, beta), 1 / beta);
  };
}

/**
 * Mean of log cosh(output − target), computed without overflow: ½d² near 0, |d| − log 2 far away.
 * @throws ShapeError where the shapes differ.
 * @example logCosh(x, target)
 */
export function logCosh(output: Tensor, target: Tensor): Tensor {
  checkSame("logCosh", output, target);
  const size = abs(sub(output, target));
  return sub(mean(add(size, softplus(mul(size, -2)))), Math.LN2);
}

/**
 * Quantile (pinball) loss: the mean of max(q d, (q − 1) d), d = target − output, least where the output is the quantile q
 * of the targets. A list of quantiles stands for the output's last axis; the target then may have 1 there. Koenker and
 * Bassett 1978.
 * @throws OptionError where a q is not in 0 < q < 1. @throws ShapeError where the shapes do not fit.
 * @example quantile(0.9)(x, target)
 */
export function quantile(q: number | readonly number[]): Loss {
  const all = typeof q === "number" ? [q] : q;
  const odd = all.find((each) => !(each > 0 && each < 1));
  if (odd !== undefined || all.length === 0)
    throw new OptionError(`quantile: wanted numbers in 0 < q < 1, got ${odd ?? "none"}`);
  return (output, target) => {
    const several = typeof q !== "number";
    const shape = several && target.shape.at(-1) === 1 ? [...output.shape.slice(0, -1), 1] : output.shape;
    if (
      target.dtype !== "f32" ||
      showShape(target.shape) !== showShape(shape) ||
      (several && output.shape.at(-1) !== q.length)
    ) {
      throw new ShapeError(
        `quantile: wanted outputs and f32 targets of one shape${several ? ` [..., ${q.length}]` : ""}, got ${showShape(output.shape)} and ${target.dtype} ${showShape(target.shape)}`,
      );
    }
    const d = sub(target, output);
    const below = several ? q.map((each) => each - 1) : q - 1;
    return mean(maximum(mul(d, q), mul(d, below)));
  };
}

/** Options of {@link poisson}. */
export interface PoissonOptions {
  /** Whether outputs are logarithms of rates; otherwise rates, those below 0 taken for 0. Default: true. */
  readonly logInput?: boolean;
  /** Adds Stirling's formula for log t! to targets above 1; no gradient changes. Default: false. */
  readonly full?: boolean;
  /** Keeps the logarithm of a rate of 0 finite, > 0. Default: 1e-8. */
  readonly epsilon?: number;
}

/**
 * Negative log-likelihood of counts, without the constant: the mean of eˣ − t x, or of rates x − t log(x + ε), as PyTorch's
 * PoissonNLLLoss. Above x = 88 eˣ is beyond 32 bits, and the loss is infinite.
 * @throws OptionError for an ε out of range. @throws ShapeError where the shapes differ.
 * @example poisson({ logInput: false })(exp(x), target)
 */
export function poisson(options: PoissonOptions = {}): Loss {
  const {
    logInput = true,
    full = false,
    epsilon = 1e-8,
  } = checkOptions("poisson", options, { logInput: 0, full: 0, epsilon: 0 });
  checkOption("poisson: epsilon", epsilon, { above: 0 });
  return (output, target) => {
    checkSame("poisson", output, target);
    const rate = logInput ? exp(output) : clamp(output, 0, Number.MAX_VALUE);
    const each = sub(rate, mul(target, logInput ? output : log(add(rate, epsilon))));
    if (!full) return mean(each);
    const t = maximum(target, 1);
    const stirling = add(sub(mul(t, log(t)), t), mul(log(mul(t, 2 * Math.PI)), 0.5));
    return mean(add(each, where(greater(target, 1), stirling, 0)));
  };
}
