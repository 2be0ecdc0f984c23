// A step size for each tensor, by the norms of the tensor and of its step: LARS, LAMB, NovoGrad.

import { power } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, greater, mul, sqrt, where } from "../ops/arithmetic.ts";
import { sumSquares } from "../ops/reduce.ts";
import { checkRange, checkSchedule, oneOf, type Schedule, type Transform, valueAt } from "./transform.ts";

const normOf = (x: Tensor) => sqrt(sumSquares(x));

/** size / (length + ε), and 1 where either is 0. */
function trustRatio(size: Tensor, length: Tensor, epsilon: Tensor | number): Tensor {
  const both = mul(greater(size, 0), greater(length, 0));
  return where(both, div(size, add(length, epsilon)), 1);
}

/** Options of {@link lars}. */
export interface LarsOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 0.01. */
  readonly learningRate?: Schedule;
  /** 0 ≤ μ < 1. Default: 0.9. */
  readonly momentum?: number;
  /** Looks ahead along the velocity. Default: false. */
  readonly nesterov?: boolean;
  /** λ ≥ 0: u = g + λθ. Default: 0. */
  readonly weightDecay?: number;
  /** How far a tensor may move, as a share of its norm. Default: 0.001. */
  readonly trustCoefficient?: number;
  /** Added to the norm of the step. Default: 0. */
  readonly epsilon?: number;
  /**
   * What the tensor's norm is divided by:
   * - "optax": ‖g + λθ‖. The default, optax's.
   * - "paper": ‖g‖ + λ‖θ‖, the paper's.
   */
  readonly convention?: "optax" | "paper";
}

/**
 * LARS: SGD with momentum whose step is scaled, tensor by tensor, to a share of the tensor's norm. You et al. 2017; in
 * optax's order: the step is scaled by ratio and learning rate before it joins the velocity.
 * @throws OptionError for a number out of range.
 * @example lars({ learningRate: 0.5, weightDecay: 1e-4 })
 */
export function lars(options: LarsOptions = {}): Transform {
  const { learningRate = 0.01, nesterov = false } = checkOptions("lars", options, {
    learningRate: 0,
    momentum: 0,
    nesterov: 0,
    weightDecay: 0,
    trustCoefficient: 0,
    epsilon: 0,
    convention: 0,
  });
  const convention = oneOf("lars: convention", options.convention ?? "optax", ["optax", "paper"]);
  const rateAt = checkSchedule("lars: learningRate", learningRate);
  const momentum = checkRange("lars: momentum", options.momentum ?? 0.9, 0, 1);
  const decay = valueAt("lars: weightDecay", options.weightDecay ?? 0, 1);
  const trust = valueAt("lars: trustCoefficient", options.trustCoefficient ?? 1e-3, 1);
  const epsilon = valueAt("lars: epsilon", options.epsilon ?? 0, 1);
  return {
    name: "lars",
    hyperWords: 7,
    hyper: (step) => [rateAt(step), momentum, 1, 0, decay, trust, epsilon],
    apply({ parameters, hyper, update }) {
      const [lambda, coefficient, least] = [hyper(4), hyper(5), hyper(6)];
      for (const parameter of parameters) {
        const { gradient, tensor } = parameter;
        const step = add(gradient, mul(lambda, tensor));
        const size = normOf(tensor);
        const length = convention === "optax" ? normOf(step) : add(normOf(gradient), mul(lambda, size));
        parameter.gradient = mul(step, trustRatio(mul(coefficient, size), length, least));
      }
      update(nesterov ? "sgdDifferenceNesterov" : "sgdDifference", ["velocity"]);
    },
  };
}

/** Options of {@link lamb}. */
export interface LambOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 0.001. */
  readonly learningRate?: Schedule;
  /** Decay of the mean of the gradient, 0 ≤ β₁ < 1. Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of its squares, 0 ≤ β₂ < 1. Default: 0.999. */
  readonly beta2?: number;
  /** Added to the root. Default: 1e-6; Keras has 1e-7. */
  readonly epsilon?: number;
  /** λ ≥ 0: λθ joins the direction before the ratio. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * LAMB: Adam's direction, scaled tensor by tensor to the tensor's norm. You et al. 2020; numbers as optax's.
 * @throws OptionError for a number out of range.
 * @example lamb({ learningRate: 2e-3, weightDecay: 0.01 })
 */
export function lamb(options: LambOptions = {}): Transform {
  const { learningRate = 1e-3 } = checkOptions("lamb", options, {
    learningRate: 0,
    beta1: 0,
    beta2: 0,
    epsilon: 0,
    weightDecay: 0,
  });
  const rateAt = checkSchedule("lamb: learningRate", learningRate);
  const beta1 = checkRange("lamb: beta1", options.beta1 ?? 0.9, 0, 1);
  const beta2 = checkRange("lamb: beta2", options.beta2 ?? 0.999, 0, 1);
  const epsilon = valueAt("lamb: epsilon", options.epsilon ?? 1e-6, 1);
  const decay = valueAt("lamb: weightDecay", options.weightDecay ?? 0, 1);
  return {
    name: "lamb",
    hyperWords: 14,
    hyper(step) {
      const rate = rateAt(step);
      const correction = 1 / Math.sqrt(1 - power(beta2, step));
      const direction = [
        1 / (1 - power(beta1, step)),
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        correction,
        epsilon,
        0,
        1,
      ];
      return [...direction, decay, rate, 0, 0, 0];
    },
    apply(context) {
      const { parameters, hyper, direction } = context;
      const lambda = hyper(9);
      for (const parameter of parameters) {
        const step = add(direction("adamDirection", parameter, ["m", "v"]), mul(lambda, parameter.tensor));
        parameter.gradient = mul(step, trustRatio(normOf(parameter.tensor), normOf(step), 0));
      }
      context.within("sgd", 10).update("sgd");
    },
  };
}

/** Options of {@link novograd}. */
export interface NovogradOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 0.001. */
  readonly learningRate?: Schedule;
  /** Decay of the velocity, 0 ≤ β₁ < 1. Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared norms, 0 ≤ β₂ < 1. Default: 0.25. */
  readonly beta2?: number;
  /** Added to the root. Default: 1e-6. */
  readonly epsilon?: number;
  /** λ ≥ 0: λθ joins the scaled gradient. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * NovoGrad: momentum of the gradient over the root of a mean of its squared norm, tensor by tensor. Ginsburg et al. 2019;
 * numbers as optax's.
 * @throws OptionError for a number out of range.
 * @example novograd({ learningRate: 0.01, weightDecay: 1e-3 })
 */
export function novograd(options: NovogradOptions = {}): Transform {
  const { learningRate = 1e-3 } = checkOptions("novograd", options, {
    learningRate: 0,
    beta1: 0,
    beta2: 0,
    epsilon: 0,
    weightDecay: 0,
  });
  const rateAt = checkSchedule("novograd: learningRate", learningRate);
  const beta1 = checkRange("novograd: beta1", options.beta1 ?? 0.9, 0, 1);
  const beta2 = checkRange("novograd: beta2", options.beta2 ?? 0.25, 0, 1);
  const epsilon = valueAt("novograd: epsilon", options.epsilon ?? 1e-6, 1);
  const decay = valueAt("novograd: weightDecay", options.weightDecay ?? 0, 1);
  return {
    name: "novograd",
    hyperWords: 8,
    hyper: (step) => [
      rateAt(step),
      beta1,
      1,
      0,
      beta2,
      // The first squared norm is the mean, which was 0.
      step === 1 ? 1 : 1 - beta2,
      epsilon,
      decay,
    ],
    apply({ parameters, hyper, state, assign, update }) {
      const [old, share, least, lambda] = [hyper(4), hyper(5), hyper(6), hyper(7)];
      for (const parameter of parameters) {
        const { name, tensor, gradient } = parameter;
        const before = state(`squared norm of ${name}`, []);
        const mean = add(mul(old, before), mul(share, sumSquares(gradient)));
        assign(before, mean);
        parameter.gradient = add(div(gradient, add(sqrt(mean), least)), mul(lambda, tensor));
      }
      update("sgdMomentum", ["velocity"]);
    },
  };
}
