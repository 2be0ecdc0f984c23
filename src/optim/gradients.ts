// What is made of gradients besides clipping: penalties, centralization, noise, scale, and a way out where they are
// not finite. And decay beside the gradient, for optimizers that have none of their own.

import { pow } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, mul, notEqual, sign, sub } from "../ops/arithmetic.ts";
import { stepNormal } from "../ops/random.ts";
import { mean, sum } from "../ops/reduce.ts";
import { type SelectionOptions, selected } from "./groups.ts";
import {
  checkSchedule,
  inputAxes,
  type Schedule,
  type Transform,
  type TransformContext,
  valueAt,
} from "./transform.ts";

/** Adds to the gradients of some parameters what a function of θ and the hyper-parameters gives. */
function penalty(
  name: string,
  rates: Readonly<Record<string, Schedule>>,
  options: SelectionOptions,
  slope: (theta: Tensor, ...rates: Tensor[]) => Tensor,
): Transform {
  const list = Object.entries(rates).map(([rate, value]) => checkSchedule(`${name}: ${rate}`, value));
  return {
    name,
    hyperWords: list.length,
    hyper: (step) => list.map((at) => at(step)),
    apply({ parameters, hyper }) {
      const words = list.map((_, index) => hyper(index));
      for (const parameter of selected(name, parameters, options.parameters))
        parameter.gradient = add(parameter.gradient, slope(parameter.tensor, ...words));
    },
  };
}

/**
 * The gradient of ½λ‖θ‖²: g ← g + λθ, with λ ≥ 0 or a function of the step. An adaptive optimizer behind it scales it
 * with the rest; decoupledDecay is not scaled.
 * @throws OptionError for a λ out of range.
 * @example chain(l2(1e-4), sgd({ learningRate: 0.1, momentum: 0.9 }))
 */
export function l2(lambda: Schedule, options: SelectionOptions = {}): Transform {
  checkOptions("l2", options, { parameters: 0 });
  return penalty("l2", { lambda }, options, (theta, rate) => mul(rate!, theta));
}

/**
 * The gradient of λ‖θ‖₁: g ← g + λ sign(θ), with λ ≥ 0 or a function of the step; 0 at 0.
 * @throws OptionError for a λ out of range.
 * @example chain(l1(1e-5), adam())
 */
export function l1(lambda: Schedule, options: SelectionOptions = {}): Transform {
  checkOptions("l1", options, { parameters: 0 });
  return penalty("l1", { lambda }, options, (theta, rate) => mul(rate!, sign(theta)));
}

/** Options of {@link elasticNet}. */
export interface ElasticNetOptions extends SelectionOptions {
  /** λ₁ ≥ 0, or a function of the step. */
  readonly l1: Schedule;
  /** λ₂ ≥ 0, or a function of the step. */
  readonly l2: Schedule;
}

/**
 * Both penalties: g ← g + λ₁ sign(θ) + λ₂θ. Zou and Hastie 2005, with ½λ₂ for their λ₂.
 * @throws OptionError for a λ out of range.
 * @example chain(elasticNet({ l1: 1e-5, l2: 1e-4 }), adam())
 */
export function elasticNet(options: ElasticNetOptions): Transform {
  const { l1: first, l2: second } = checkOptions("elasticNet", options, { parameters: 0, l1: 0, l2: 0 });
  return penalty("elasticNet", { l1: first, l2: second }, options, (theta, a, b) =>
    add(mul(a!, sign(theta)), mul(b!, theta)),
  );
}

/** Options of {@link decoupledDecay}. */
export interface DecoupledDecayOptions extends SelectionOptions {
  /** What a parameter loses at each step as a share of itself, ≥ 0, or a function of the step: γλ of AdamW. */
  readonly rate: Schedule;
}

/**
 * Decoupled weight decay for any optimizer: θ ← (1 − rate) θ, before the update where it stands before the optimizer
 * (as PyTorch's AdamW), behind it where it stands behind. Loshchilov and Hutter 2019.
 * @throws OptionError for a rate out of range.
 * @example chain(decoupledDecay({ rate: 1e-5 }), adam())
 */
export function decoupledDecay(options: DecoupledDecayOptions): Transform {
  const { rate, parameters: selection } = checkOptions("decoupledDecay", options, { parameters: 0, rate: 0 });
  const rateAt = checkSchedule("decoupledDecay: rate", rate);
  return {
    name: "decoupledDecay",
    hyperWords: 1,
    hyper: (step) => [1 - rateAt(step)],
    apply({ parameters, hyper, change }) {
      const share = hyper(0);
      for (const parameter of selected("decoupledDecay", parameters, selection))
        change(parameter, mul(parameter.tensor, share));
    },
  };
}

/**
 * Takes from each unit's gradient its mean, so that the unit's inputs keep their sum of weights. Yong et al. 2020. A unit
 * is all that leads to one output, of a weight [in, out] a column; vectors stay as they are.
 * @example chain(centralizeGradients(), sgd({ learningRate: 0.1, momentum: 0.9 }))
 */
export function centralizeGradients(): Transform {
  return {
    name: "centralizeGradients",
    hyperWords: 0,
    hyper: () => [],
    apply({ parameters }) {
      for (const parameter of selected("centralizeGradients", parameters, undefined)) {
        const { gradient, tensor } = parameter;
        parameter.gradient = sub(gradient, mean(gradient, { axes: inputAxes(tensor), keepDims: true }));
      }
    },
  };
}

/** Options of {@link addGradientNoise}. */
export interface GradientNoiseOptions {
  /** Variance η ≥ 0 of the first step's noise. Default: 0.3, the paper's middle value. */
  readonly eta?: number;
  /** γ ≥ 0: the variance falls as η / tᵞ, t the step counted from 1. Default: 0.55. */
  readonly gamma?: number;
  /** Which noise. Default: the training's seed. */
  readonly seed?: number;
}

/**
 * Adds normal noise to the gradient, less at each step. Neelakantan et al. 2015, where steps count from 0. The same seed
 * and step give the same noise, whatever the number of threads.
 * @throws OptionError for a number out of range.
 * @example chain(addGradientNoise({ eta: 0.01 }), sgd({ learningRate: 0.1 }))
 */
export function addGradientNoise(options: GradientNoiseOptions = {}): Transform {
  const {
    eta = 0.3,
    gamma = 0.55,
    seed,
  } = checkOptions("addGradientNoise", options, { eta: 0, gamma: 0, seed: 0 });
  valueAt("addGradientNoise: eta", eta, 1);
  valueAt("addGradientNoise: gamma", gamma, 1);
  return {
    name: "addGradientNoise",
    hyperWords: 1,
    hyper: (step) => [Math.sqrt(eta / pow(step, gamma))],
    apply({ graph, parameters, hyper }) {
      const deviation = hyper(0);
      for (const parameter of parameters) {
        const { name, gradient } = parameter;
        const noise = stepNormal(graph, gradient.shape, seed ?? graph.seed, `gradient noise of ${name}`);
        parameter.gradient = add(gradient, mul(deviation, noise));
      }
    },
  };
}

/**
 * Multiplies the gradient by a number ≥ 0 or a function of the step.
 * @throws OptionError for a scale out of range.
 * @example chain(scaleGradient((step) => Math.min(1, step / 100)), adam())
 */
export function scaleGradient(scale: Schedule): Transform {
  const scaleAt = checkSchedule("scaleGradient: scale", scale);
  return {
    name: "scaleGradient",
    hyperWords: 1,
    hyper: (step) => [scaleAt(step)],
    apply({ parameters, hyper }) {
      const factor = hyper(0);
      for (const parameter of parameters) parameter.gradient = mul(parameter.gradient, factor);
    },
  };
}

/** 0 where all gradients are finite, else NaN. */
export function finiteness(gradients: readonly Tensor[]): Tensor | undefined {
  // 0 times an infinity is NaN, and so is every sum with one in it; a sum of squares could overflow by itself.
  const zeros = gradients.map((gradient) => sum(mul(gradient, 0)));
  return zeros.length > 0 ? zeros.reduce((a: Tensor, b) => add(a, b)) : undefined;
}

/** Counts the steps that a guard leaves out, as state by the name of `skipped`. */
export function countSkipped({ state, assign }: TransformContext, zero: Tensor): void {
  const skipped = state("skipped", []);
  assign(skipped, add(skipped, notEqual(zero, 0)));
}

/**
 * Ends a step here where any element of the gradient is not finite: parameters and the state of what stands behind keep
 * their bits. Stands first in a chain. `trainer.state("skipped")` tells how many steps it has left out.
 * @throws OptionError while a step is compiled, in a parameter group.
 * @example chain(skipNonFinite(), clipByGlobalNorm(1), adam())
 */
export function skipNonFinite(): Transform {
  return {
    name: "skipNonFinite",
    hyperWords: 0,
    hyper: () => [],
    apply(context) {
      context.wantAll("skipNonFinite");
      const zero = finiteness(context.parameters.map(({ gradient }) => gradient));
      if (!zero) return;
      countSkipped(context, zero);
      context.guard(zero);
    },
  };
}
