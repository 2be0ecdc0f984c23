// Steps divided by a root of what the gradient has been: AdaGrad, AdaDelta, RMSprop.
import { checkOptions } from "../core/options.ts";
import { checkRange, checkSchedule, oneOf, type Schedule, type Transform, valueAt } from "./transform.ts";

/** Options of {@link adagrad}. */
export interface AdagradOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 0.01. */
  readonly learningRate?: Schedule;
  /** η ≥ 0: the step size is γ / (1 + (t − 1)η). Default: 0. */
  readonly learningRateDecay?: number;
  /** λ ≥ 0: g ← g + λθ. Default: 0. */
  readonly weightDecay?: number;
  /** What the sum of squares holds before the first step. Default: 0; Keras and optax have 0.1. */
  readonly initialAccumulator?: number;
  /** ε. Default: 1e-10; Keras and optax have 1e-7. */
  readonly epsilon?: number;
  /** ε added to the root, as PyTorch and the paper, or under it, as Keras and optax. Default: "outside". */
  readonly epsilonAt?: "outside" | "inside";
}

/** ε under the root and behind it. */
const epsilons = (where: string, at: "outside" | "inside", epsilon: number) =>
  oneOf(where, at, ["outside", "inside"]) === "inside" ? [epsilon, 0] : [0, epsilon];

/**
 * AdaGrad: steps by the gradient over the root of the sum of its squares. Duchi et al. 2011; numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example adagrad({ learningRate: 0.05 })
 */
export function adagrad(options: AdagradOptions = {}): Transform {
  const { learningRate = 0.01 } = checkOptions("adagrad", options, {
    learningRate: 0,
    learningRateDecay: 0,
    weightDecay: 0,
    initialAccumulator: 0,
    epsilon: 0,
    epsilonAt: 0,
  });
  const rateAt = checkSchedule("adagrad: learningRate", learningRate);
  const slower = valueAt("adagrad: learningRateDecay", options.learningRateDecay ?? 0, 1);
  const decay = valueAt("adagrad: weightDecay", options.weightDecay ?? 0, 1);
  const initial = valueAt("adagrad: initialAccumulator", options.initialAccumulator ?? 0, 1);
  const epsilon = valueAt("adagrad: epsilon", options.epsilon ?? 1e-10, 1);
  const around = epsilons("adagrad: epsilonAt", options.epsilonAt ?? "outside", epsilon);
  return {
    name: "adagrad",
    hyperWords: 4,
    hyper: (step) => {
      const rate = rateAt(step);
      return [rate / (1 + (step - 1) * slower), decay, ...around];
    },
    apply: ({ update }) => update("adagrad", [{ name: "sum", initial }]),
  };
}

/** Options of {@link adadelta}. */
export interface AdadeltaOptions {
  /** Factor of the step, or a function of the step. Default: 1; Keras has 0.001. */
  readonly learningRate?: Schedule;
  /** Decay ρ of both means, 0 ≤ ρ < 1. Default: 0.9; Keras has 0.95. */
  readonly rho?: number;
  /** Added under both roots. Default: 1e-6; Keras has 1e-7. */
  readonly epsilon?: number;
  /** λ ≥ 0: g ← g + λθ. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * AdaDelta: steps by the gradient times the ratio of the roots of the mean squares of past steps and of the gradient.
 * Zeiler 2012; numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example adadelta()
 */
export function adadelta(options: AdadeltaOptions = {}): Transform {
  const { learningRate = 1 } = checkOptions("adadelta", options, {
    learningRate: 0,
    rho: 0,
    epsilon: 0,
    weightDecay: 0,
  });
  const rateAt = checkSchedule("adadelta: learningRate", learningRate);
  const rho = checkRange("adadelta: rho", options.rho ?? 0.9, 0, 1);
  const epsilon = valueAt("adadelta: epsilon", options.epsilon ?? 1e-6, 1);
  const decay = valueAt("adadelta: weightDecay", options.weightDecay ?? 0, 1);
  return {
    name: "adadelta",
    hyperWords: 5,
    hyper: (step) => [rateAt(step), decay, rho, 1 - rho, epsilon],
    apply: ({ update }) => update("adadelta", ["squares", "steps"]),
  };
}

/** Options of {@link rmsprop}. */
export interface RmspropOptions {
  /** Step size γ ≥ 0, or a function of the step. Default: 0.01; Keras has 0.001. */
  readonly learningRate?: Schedule;
  /** Decay α of the mean of squares, 0 ≤ α < 1. Default: 0.99; Keras and optax have 0.9. */
  readonly alpha?: number;
  /** ε. Default: 1e-8; Keras has 1e-7. */
  readonly epsilon?: number;
  /** ε added to the root, as PyTorch, or under it, as Keras and optax. Default: "outside". */
  readonly epsilonAt?: "outside" | "inside";
  /** Takes the square of the mean from the mean of squares: Graves 2013. Default: false. */
  readonly centered?: boolean;
  /** Of the steps, 0 ≤ μ < 1. Default: 0. */
  readonly momentum?: number;
  /**
   * How the velocity is kept, with u the gradient over the root:
   * - "torch": b ← μb + u, θ ← θ − γb. The default, PyTorch's.
   * - "difference": b ← μb + γu, θ ← θ − b. Keras's and optax's; the same as the first while γ is constant, another
   *   where it changes.
   */
  readonly convention?: "torch" | "difference";
  /** λ ≥ 0: g ← g + λθ. Default: 0. */
  readonly weightDecay?: number;
}

/**
 * RMSprop: steps by the gradient over the root of the mean of its squares. Hinton 2012; numbers as PyTorch's.
 * @throws OptionError for a number out of range.
 * @example rmsprop({ learningRate: 1e-3, momentum: 0.9 })
 */
export function rmsprop(options: RmspropOptions = {}): Transform {
  const { learningRate = 0.01, centered = false } = checkOptions("rmsprop", options, {
    learningRate: 0,
    alpha: 0,
    epsilon: 0,
    epsilonAt: 0,
    centered: 0,
    momentum: 0,
    convention: 0,
    weightDecay: 0,
  });
  const rateAt = checkSchedule("rmsprop: learningRate", learningRate);
  const alpha = checkRange("rmsprop: alpha", options.alpha ?? 0.99, 0, 1);
  const momentum = checkRange("rmsprop: momentum", options.momentum ?? 0, 0, 1);
  const epsilon = valueAt("rmsprop: epsilon", options.epsilon ?? 1e-8, 1);
  const decay = valueAt("rmsprop: weightDecay", options.weightDecay ?? 0, 1);
  const around = epsilons("rmsprop: epsilonAt", options.epsilonAt ?? "outside", epsilon);
  const convention = oneOf("rmsprop: convention", options.convention ?? "torch", ["torch", "difference"]);
  const gathersSteps = momentum > 0 && convention === "difference";
  const slots = ["squares", ...(centered ? ["mean"] : []), ...(momentum > 0 ? ["velocity"] : [])];
  return {
    name: "rmsprop",
    hyperWords: 8,
    hyper: (step) => {
      const rate = rateAt(step);
      const [outside, inside] = gathersSteps ? [1, rate] : [rate, 1];
      return [outside, decay, alpha, 1 - alpha, ...around, momentum, inside];
    },
    apply: ({ update }) =>
      update(`rmsprop${centered ? "Centered" : ""}${momentum > 0 ? "Momentum" : ""}`, slots),
  };
}
