// Steps by a sign, whatever the gradient's size: signSGD, Lion, Rprop.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { checkRange, checkSchedule, type Schedule, type Transform, valueAt } from "./transform.ts";

/** Options of {@link signSgd}. */
export interface SignSgdOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 0.001. */
  readonly learningRate?: Schedule;
  /** λ ≥ 0: θ shrinks by γλ beside the step. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * signSGD: steps by the sign of the gradient. Bernstein et al. 2018.
 * @throws OptionError for a number out of range.
 * @example signSgd({ learningRate: 1e-3 })
 */
export function signSgd(options: SignSgdOptions = {}): Transform {
  const { learningRate = 1e-3, weightDecay = 0 } = checkOptions("signSgd", options, {
    learningRate: 0,
    weightDecay: 0,
  });
  const rateAt = checkSchedule("signSgd: learningRate", learningRate);
  valueAt("signSgd: weightDecay", weightDecay, 1);
  return {
    name: "signSgd",
    hyperWords: 2,
    hyper: (step) => {
      const rate = rateAt(step);
      return [rate, 1 - rate * weightDecay];
    },
    apply: ({ update }) => update("signSgd"),
  };
}

/** Options of {@link lion}. */
export interface LionOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 1e-4, the paper's; Keras has 1e-3. */
  readonly learningRate?: Schedule;
  /** Share of the mean in the direction, 0 ≤ β₁ < 1. Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the mean, 0 ≤ β₂ < 1. Default: 0.99. */
  readonly beta2?: number;
  /** λ ≥ 0: θ shrinks by γλ beside the step. Default: 0; optax has 1e-3. */
  readonly weightDecay?: number;
}

/**
 * Lion: steps by the sign of a mean of the gradient. Chen et al. 2023.
 * @throws OptionError for a number out of range.
 * @example lion({ learningRate: 1e-4, weightDecay: 0.1 })
 */
export function lion(options: LionOptions = {}): Transform {
  const { learningRate = 1e-4, weightDecay = 0 } = checkOptions("lion", options, {
    learningRate: 0,
    beta1: 0,
    beta2: 0,
    weightDecay: 0,
  });
  const rateAt = checkSchedule("lion: learningRate", learningRate);
  valueAt("lion: weightDecay", weightDecay, 1);
  const beta1 = checkRange("lion: beta1", options.beta1 ?? 0.9, 0, 1);
  const beta2 = checkRange("lion: beta2", options.beta2 ?? 0.99, 0, 1);
  return {
    name: "lion",
    hyperWords: 6,
    hyper: (step) => {
      const rate = rateAt(step);
      return [rate, 1 - rate * weightDecay, beta1, 1 - beta1, beta2, 1 - beta2];
    },
    apply: ({ update }) => update("lion", ["m"]),
  };
}

/** Options of {@link rprop}. */
export interface RpropOptions {
  /** Step of each parameter at the start. Default: 0.01. */
  readonly learningRate?: number;
  /** How much shorter and longer a step becomes, 0 < shorter < 1 < longer. Default: [0.5, 1.2]. */
  readonly factors?: readonly [shorter: number, longer: number];
  /** The shortest and the longest step. Default: [1e-6, 50]. */
  readonly limits?: readonly [shortest: number, longest: number];
}

/**
 * Rprop: a step size for each parameter, which grows while the gradient keeps its sign; for whole batches.
 * Riedmiller and Braun 1993; numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example rprop({ learningRate: 0.01 })
 */
export function rprop(options: RpropOptions = {}): Transform {
  const { factors = [0.5, 1.2], limits = [1e-6, 50] } = checkOptions("rprop", options, {
    learningRate: 0,
    factors: 0,
    limits: 0,
  });
  const initial = valueAt("rprop: learningRate", options.learningRate ?? 0.01, 1);
  if (!(factors[0] > 0 && factors[0] < 1 && factors[1] > 1 && Number.isFinite(factors[1]))) {
    throw new OptionError(`rprop: factors: wanted 0 < shorter < 1 < longer, got ${factors.join(" and ")}`);
  }
  if (!(limits[0] >= 0 && limits[1] >= limits[0] && Number.isFinite(limits[1]))) {
    throw new OptionError(`rprop: limits: wanted 0 ≤ shortest ≤ longest, got ${limits.join(" and ")}`);
  }
  return {
    name: "rprop",
    hyperWords: 4,
    hyper: () => [...factors, ...limits],
    apply: ({ update }) => update("rprop", ["before", { name: "size", initial }]),
  };
}
