// Sophia: steps along the momentum, each number of them bounded, by the curvature that labels drawn by the model tell.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, clamp, div, log, mul, neg, sub } from "../ops/arithmetic.ts";
import { stepUniform } from "../ops/random.ts";
import { argmax } from "../ops/reduce.ts";
import { softmaxCrossEntropy } from "../ops/softmax.ts";
import { meanOf, squaresOf } from "./moments.ts";
import {
  checkCount,
  checkPositive,
  checkRange,
  checkSchedule,
  type Schedule,
  type Transform,
  valueAt,
} from "./transform.ts";

/** Options of {@link sophiaG}. */
export interface SophiaGOptions {
  /** γ ≥ 0, or a function of the step. Default: 1e-4. */
  readonly learningRate?: Schedule;
  /** 0 ≤ β₁ < 1, decay of the momentum. Default: 0.965. */
  readonly beta1?: number;
  /** 0 ≤ β₂ < 1, decay of the curvature, an estimate at a time. Default: 0.99. */
  readonly beta2?: number;
  /** ρ > 0: larger ones bound fewer numbers. Default: 0.04. */
  readonly rho?: number;
  /** λ ≥ 0: θ shrinks by γλ beside the step. Default: 0.1. */
  readonly weightDecay?: number;
  /** k, steps between two estimates of the curvature, a positive integer. Default: 10. */
  readonly every?: number;
}

/** Keeps a curvature of 0 from being divided by, as the authors do. */
const EPSILON = 1e-15;

/**
 * √B times the mean cross-entropy with labels drawn from softmax(logits), so that its gradient squared is B ĝ². A label
 * is the place of the largest of logits + Gumbel noise, other noise at each step. Maddison et al. 2014.
 */
function sampledLoss(logits: Tensor): Tensor {
  const [batch = 0, classes = 0] = logits.shape;
  if (logits.rank !== 2 || classes < 2) {
    throw new OptionError(
      `sophiaG: the model's outputs are ${showShape(logits.shape)}, wanted [batch, classes] with 2 classes or more`,
    );
  }
  // Between 0 and 1, neither included: the noise is finite.
  const u = stepUniform(logits.graph, logits.shape, "sophiaG labels", 2 ** -25);
  const labels = argmax(sub(logits, log(neg(log(u)))));
  return mul(softmaxCrossEntropy(logits, labels), Math.sqrt(batch));
}

/**
 * Sophia-G: θ ← θ − γ(clip(m / (ρh + ε), ±1) + λθ), where m is the gradients' running mean and h that of Bĝ², with B the
 * batch size and ĝ the cross-entropy's gradient with labels that the model draws: Gauss, Newton and Bartlett's estimate
 * of the curvature. Liu et al. 2023, form and numbers of the authors' code; they estimate by the batch behind, here it is
 * the same batch, at the new parameters. The estimate is the last thing in every k-th step, and the
 * others do not pay for it; until the first there is no curvature, and steps go by the sign of m. For models that
 * softmaxCrossEntropy trains: the estimate takes the outputs for its logits. A clip before it clips g, not ĝ.
 * @throws OptionError for a number out of range; and while a step is compiled, where the model's outputs are not
 * [batch, classes], or where two groups want the end of the step.
 * @example chain(clipByGlobalNorm(1), sophiaG({ learningRate: 1e-3, rho: 0.1 }))
 */
export function sophiaG(options: SophiaGOptions = {}): Transform {
  const { learningRate = 1e-4, every = 10 } = checkOptions("sophiaG", options, {
    learningRate: 0,
    beta1: 0,
    beta2: 0,
    rho: 0,
    weightDecay: 0,
    every: 0,
  });
  const rateAt = checkSchedule("sophiaG: learningRate", learningRate);
  const beta1 = checkRange("sophiaG: beta1", options.beta1 ?? 0.965, 0, 1);
  const beta2 = checkRange("sophiaG: beta2", options.beta2 ?? 0.99, 0, 1);
  const rho = checkPositive("sophiaG: rho", options.rho ?? 0.04);
  const decay = valueAt("sophiaG: weightDecay", options.weightDecay ?? 0.1, 1);
  checkCount("sophiaG: every", every);
  return {
    name: "sophiaG",
    hyperWords: 9,
    // sgd's words first: θ ← θ − γ(u + λθ).
    hyper: (step) => [
      rateAt(step),
      0,
      1,
      decay,
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      step % every === 0 ? 0 : Number.POSITIVE_INFINITY,
    ],
    apply({ parameters, hyper, slot, assign, update, last, gradientsOf }) {
      const [kept1, taken1, kept2, taken2] = [hyper(4), hyper(5), hyper(6), hyper(7)];
      const curvatures = parameters.map((parameter) => {
        const [m, h] = [slot(parameter, "m"), slot(parameter, "h")];
        const mean = meanOf(m, parameter.gradient, kept1, taken1);
        assign(m, mean);
        parameter.gradient = clamp(div(mean, add(mul(h, rho), EPSILON)), -1, 1);
        return h;
      });
      update("sgd");
      last((guard) => {
        guard(hyper(8));
        const slopes = gradientsOf(sampledLoss);
        for (const [index, h] of curvatures.entries()) assign(h, squaresOf(h, slopes[index]!, kept2, taken2));
      });
    },
  };
}
