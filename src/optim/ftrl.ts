// Follow the regularized leader: weights made anew at each step from what all gradients come to.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type Schedule, type Transform, valueAt } from "./transform.ts";

/** Options of {@link ftrl}. */
export interface FtrlOptions {
  /** γ > 0, or a function of the step. Default: 0.001. */
  readonly learningRate?: Schedule;
  /** p ≥ 0: steps fall as the sum of squares to the power −p. Default: 0.5, AdaGrad's. Keras has it with a minus sign. */
  readonly power?: number;
  /** The sum of squares at the start, ≥ 0. Default: 0.1. */
  readonly initialSum?: number;
  /** λ₁ ≥ 0: weights whose evidence is no more than this are exactly 0. Default: 0. */
  readonly l1?: number;
  /** λ₂ ≥ 0: holds the weights down, λ₂‖θ‖² for all steps together. Default: 0. */
  readonly l2?: number;
  /** s ≥ 0: the gradient of s‖θ‖², joined to that of each step. Default: 0. */
  readonly shrinkage?: number;
  /** β ≥ 0 of the paper: shortens the first steps. Default: 0. */
  readonly beta?: number;
}

/**
 * FTRL-Proximal, for sparse linear models: AdaGrad's steps, with an L1 penalty that gives exact zeros. McMahan et al.
 * 2013; numbers as Keras's. The weights follow from the gradients alone: of the initial ones the first step leaves
 * (initialSum / (initialSum + g²))ᵖ, as in Keras; the paper begins at 0.
 * @throws OptionError for a number out of range.
 * @example ftrl({ learningRate: 0.05, l1: 0.01 })
 */
export function ftrl(options: FtrlOptions = {}): Transform {
  const { learningRate = 1e-3 } = checkOptions("ftrl", options, {
    learningRate: 0,
    power: 0,
    initialSum: 0,
    l1: 0,
    l2: 0,
    shrinkage: 0,
    beta: 0,
  });
  const rateAt = (step: number) => {
    const rate = valueAt("ftrl: learningRate", learningRate, step);
    if (rate === 0) throw new OptionError("ftrl: learningRate: wanted a number > 0, got 0");
    return rate;
  };
  if (typeof learningRate === "number") rateAt(1);
  const power = valueAt("ftrl: power", options.power ?? 0.5, 1);
  const initial = valueAt("ftrl: initialSum", options.initialSum ?? 0.1, 1);
  const l1 = valueAt("ftrl: l1", options.l1 ?? 0, 1);
  const l2 = valueAt("ftrl: l2", options.l2 ?? 0, 1);
  const shrinkage = valueAt("ftrl: shrinkage", options.shrinkage ?? 0, 1);
  const beta = valueAt("ftrl: beta", options.beta ?? 0, 1);
  return {
    name: "ftrl",
    hyperWords: 5,
    hyper(step) {
      const rate = rateAt(step);
      return [1 / rate, power, l1, 2 * l2 + beta / rate, 2 * shrinkage];
    },
    apply: ({ update }) => update("ftrl", [{ name: "sum", initial }, "linear"]),
  };
}
