// Averages of the weights, kept as state beside the training: the trainer reads them and lends them to the model.

import { power } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { checkCount, checkRange, oneOf, rounded, type Transform } from "./transform.ts";

/** The slot that holds an average, at which models are to be evaluated. */
const AVERAGE = "average of the weights";

/** a ← (1 − s) a + s θ behind each step of the inner optimizer. */
function averaged(name: string, inner: Transform, share: (step: number) => number): Transform {
  return {
    name,
    hyperWords: 2 + inner.hyperWords,
    hyper: (step) => {
      const s = share(step);
      return [1 - s, s, ...inner.hyper(step)];
    },
    apply(context) {
      context.wantAll(name);
      inner.apply(context.within(inner.name, 2));
      const [old, fresh] = [context.hyper(0), context.hyper(1)];
      for (const parameter of context.parameters) {
        const average = context.slot(parameter, { name: AVERAGE, initial: "parameters" });
        context.assign(average, rounded(add(mul(old, average), mul(fresh, parameter.tensor))));
      }
      context.evaluateAt(AVERAGE, 1);
    },
  };
}

/** Options of {@link ema}. */
export interface EmaOptions {
  /** Share β of the average that stays at each step, 0 ≤ β < 1. Default: 0.999. */
  readonly decay?: number;
  /**
   * How the average begins:
   * - "corrected": as the mean of the weights so far, weighted by β. The default; optax's ema with debias.
   * - "initial": with the initial weights, as Keras's use_ema.
   */
  readonly start?: "corrected" | "initial";
}

/**
 * Keeps an exponential moving average of the weights beside the training, see Trainer.average. Polyak and Juditsky 1992.
 * @throws OptionError for an option out of range, and while a step is compiled in a parameter group.
 * @example ema(adam(), { decay: 0.99 })
 */
export function ema(inner: Transform, options: EmaOptions = {}): Transform {
  const { decay = 0.999, start = "corrected" } = checkOptions("ema", options, { decay: 0, start: 0 });
  checkRange("ema: decay", decay, 0, 1);
  const corrected = oneOf("ema: start", start, ["corrected", "initial"]) === "corrected";
  // A zero average divided by 1 − βᵗ is the same as this share of each step.
  return averaged("ema", inner, (step) => (corrected ? (1 - decay) / (1 - power(decay, step)) : 1 - decay));
}

/** Options of {@link swa}. */
export interface SwaOptions {
  /** The first step whose weights count. Default: 1. */
  readonly start?: number;
  /** Steps from one that counts to the next. Default: 1. */
  readonly every?: number;
}

/**
 * Stochastic weight averaging: keeps the mean of the weights at some of the steps, all alike, see Trainer.average. Until
 * the first of them the average is the weights themselves. Izmailov et al. 2018.
 * @throws OptionError for an option out of range, and while a step is compiled in a parameter group.
 * @example swa(sgd({ learningRate: 0.05 }), { start: 1000, every: 100 })
 */
export function swa(inner: Transform, options: SwaOptions = {}): Transform {
  const { start = 1, every = 1 } = checkOptions("swa", options, { start: 0, every: 0 });
  checkCount("swa: start", start);
  checkCount("swa: every", every);
  return averaged("swa", inner, (step) => {
    if (step < start) return 1;
    const since = step - start;
    return since % every === 0 ? 1 / (since / every + 1) : 0;
  });
}
