// Schedule-free learning: steps from one sequence, an average of it to evaluate, and gradients taken between the two.

import { OptionError } from "../core/errors.ts";
import { pow, power } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, div, mul, sqrt, sub } from "../ops/arithmetic.ts";
import { squaresOf } from "./moments.ts";
import {
  checkRange,
  checkSchedule,
  type Schedule,
  type TrainedParameter,
  type Transform,
  type TransformContext,
  valueAt,
} from "./transform.ts";

/** Options of {@link scheduleFreeSgd}. */
export interface ScheduleFreeSgdOptions {
  /** γ ≥ 0, or a function of the step. Default: 1 for SGD, 0.0025 for AdamW. */
  readonly learningRate?: Schedule;
  /** 0 < β < 1: y = (1 − β)z + βx. Default: 0.9. */
  readonly beta1?: number;
  /** λ ≥ 0: λy joins the direction. Default: 0. */
  readonly weightDecay?: number;
  /** Steps over which γ rises in a line. Default: 0. */
  readonly warmupSteps?: number;
  /** r ≥ 0: a step counts in the average by its number to this power. Default: 0. */
  readonly stepPower?: number;
  /** A step counts in the average by the largest γ so far to this power, ≥ 0. Default: 2. */
  readonly ratePower?: number;
}

/** What SGD and AdamW share; `scale` is what γ is multiplied by at a step, as a bias is corrected. */
function scheduleFree(
  name: string,
  options: ScheduleFreeSgdOptions,
  {
    defaultRate,
    scale,
    numbers,
  }: { defaultRate: number; scale: (step: number) => number; numbers: number[] },
  direction: (context: TransformContext, parameter: TrainedParameter) => Tensor,
): Transform {
  const { learningRate = defaultRate, warmupSteps = 0 } = options;
  const scheduled = checkSchedule(`${name}: learningRate`, learningRate);
  const beta = checkRange(`${name}: beta1`, options.beta1 ?? 0.9, Number.MIN_VALUE, 1);
  const decay = valueAt(`${name}: weightDecay`, options.weightDecay ?? 0, 1);
  const stepPower = valueAt(`${name}: stepPower`, options.stepPower ?? 0, 1);
  const ratePower = valueAt(`${name}: ratePower`, options.ratePower ?? 2, 1);
  if (!(Number.isInteger(warmupSteps) && warmupSteps >= 0)) {
    throw new OptionError(`${name}: warmupSteps: wanted a whole number ≥ 0, got ${warmupSteps}`);
  }
  const rateAt = (step: number) =>
    scheduled(step) * Math.min(1, warmupSteps > 0 ? step / warmupSteps : 1) * scale(step);
  // Steps are asked for in order, for the most part: the sum of weights goes on from the last.
  let known = { step: 0, largest: 0, sum: 0, share: 0, rate: 0 };
  const numbersAt = (step: number) => {
    if (step < known.step) known = { step: 0, largest: 0, sum: 0, share: 0, rate: 0 };
    let { largest, sum, share, rate } = known;
    for (let t = known.step + 1; t <= step; t++) {
      rate = rateAt(t);
      largest = Math.max(largest, rate);
      const weight = pow(t, stepPower) * pow(largest, ratePower);
      sum += weight;
      share = sum > 0 ? weight / sum : 0;
    }
    known = { step, largest, sum, share, rate };
    return known;
  };
  return {
    name,
    hyperWords: 8 + numbers.length,
    // sgd's words first: y ← y − u.
    hyper(step) {
      const { share, rate } = numbersAt(step);
      return [1, 0, 1, 0, rate, share, rate * (1 - beta * (1 - share)), decay, ...numbers];
    },
    apply(context) {
      const { parameters, hyper, slot, assign, update, evaluateAt } = context;
      const [rate, share, pull, lambda] = [hyper(4), hyper(5), hyper(6), hyper(7)];
      for (const parameter of parameters) {
        const made = direction(context, parameter);
        const along = decay > 0 ? add(made, mul(lambda, parameter.tensor)) : made;
        const z = slot(parameter, { name: "z", initial: "parameters" });
        assign(z, sub(z, mul(rate, along)));
        // y' = (1 − c)y + cz − γ (1 − β(1 − c)) u, as x' and z' give it.
        parameter.gradient = add(mul(share, sub(parameter.tensor, z)), mul(pull, along));
      }
      update("sgd");
      // x = (y − (1 − β)z) / β.
      evaluateAt("z", 1 - 1 / beta);
    },
  };
}

/**
 * Gradient descent that needs no falling learning rate: z steps, x is its average, and gradients are taken at y between
 * the two. What is trained is y, and a model is to be evaluated and saved at x: see `average` of `train`, and `Trainer.average`.
 * Defazio et al. 2024; numbers as the authors'.
 * @throws OptionError for a number out of range.
 * @example scheduleFreeSgd({ learningRate: 1, warmupSteps: 100 })
 */
export function scheduleFreeSgd(options: ScheduleFreeSgdOptions = {}): Transform {
  checkOptions("scheduleFreeSgd", options, {
    learningRate: 0,
    beta1: 0,
    weightDecay: 0,
    warmupSteps: 0,
    stepPower: 0,
    ratePower: 0,
  });
  const plain = { defaultRate: 1, scale: () => 1, numbers: [] };
  return scheduleFree("scheduleFreeSgd", options, plain, (_, { gradient }) => gradient);
}

/** Options of {@link scheduleFreeAdamW}. */
export interface ScheduleFreeAdamWOptions extends ScheduleFreeSgdOptions {
  /** Decay of the mean of squares, 0 ≤ β₂ < 1. Default: 0.999. */
  readonly beta2?: number;
  /** Added to the root. Default: 1e-8. */
  readonly epsilon?: number;
}

/**
 * AdamW that needs no falling learning rate: as `scheduleFreeSgd`, with steps by g / (√v + ε); √(1 − β₂ᵗ) is in γ. A
 * model is to be evaluated and saved at x: see `average` of `train`, and `Trainer.average`. Defazio et al. 2024; numbers as the authors'.
 * Default learning rate: 0.0025.
 * @throws OptionError for a number out of range.
 * @example scheduleFreeAdamW({ learningRate: 0.0025, warmupSteps: 100 })
 */
export function scheduleFreeAdamW(options: ScheduleFreeAdamWOptions = {}): Transform {
  checkOptions("scheduleFreeAdamW", options, {
    learningRate: 0,
    beta1: 0,
    weightDecay: 0,
    warmupSteps: 0,
    stepPower: 0,
    ratePower: 0,
    beta2: 0,
    epsilon: 0,
  });
  const beta2 = checkRange("scheduleFreeAdamW: beta2", options.beta2 ?? 0.999, 0, 1);
  const epsilon = valueAt("scheduleFreeAdamW: epsilon", options.epsilon ?? 1e-8, 1);
  const scale = (step: number) => Math.sqrt(1 - power(beta2, step));
  const numbers = { defaultRate: 0.0025, scale, numbers: [beta2, 1 - beta2, epsilon] };
  return scheduleFree("scheduleFreeAdamW", options, numbers, ({ hyper, slot, assign }, parameter) => {
    const v = slot(parameter, "v");
    const squares = squaresOf(v, parameter.gradient, hyper(8), hyper(9));
    assign(v, squares);
    return div(parameter.gradient, add(sqrt(squares), hyper(10)));
  });
}
