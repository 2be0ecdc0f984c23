// D-Adaptation and Prodigy: step sizes from an estimate d of how far the solution is, which only grows.

import { power } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { abs, add, div, equal, greater, maximum, minimum, mul, sqrt, sub, where } from "../ops/arithmetic.ts";
import { sum, sumSquares } from "../ops/reduce.ts";
import { meanOf, squaresOf } from "./moments.ts";
import {
  checkPositive,
  checkRange,
  checkSchedule,
  rounded,
  type Schedule,
  type Transform,
  type TransformContext,
  valueAt,
} from "./transform.ts";

const COMMON = { learningRate: 0, weightDecay: 0, initialDistance: 0, growth: 0 } as const;
const ON_ADAM = { ...COMMON, beta1: 0, beta2: 0, epsilon: 0, decoupled: 0, biasCorrection: 0 } as const;

/** What all of them take. */
export interface DAdaptationOptions {
  /** Multiplies the step size found, ≥ 0; a number, or a function of the step. Default: 1, best left alone. */
  readonly learningRate?: Schedule;
  /** λ ≥ 0, see each. Default: 0. */
  readonly weightDecay?: number;
  /** d before the first step, > 0. Default: 1e-6. */
  readonly initialDistance?: number;
  /** How much d may grow in a step, ≥ 1. Default: without limit. */
  readonly growth?: number;
}

interface Common {
  readonly rateAt: (step: number) => number;
  readonly decay: number;
  readonly initial: number;
  readonly growth: number;
}

/** Checks what all of them take. */
function common(name: string, options: DAdaptationOptions): Common {
  const { learningRate = 1, growth = Number.POSITIVE_INFINITY } = options;
  const rateAt = checkSchedule(`${name}: learningRate`, learningRate);
  if (growth !== Number.POSITIVE_INFINITY) valueAt(`${name}: growth`, growth, 1, 1);
  const decay = valueAt(`${name}: weightDecay`, options.weightDecay ?? 0, 1);
  const initial = checkPositive(`${name}: initialDistance`, options.initialDistance ?? 1e-6);
  return { rateAt, decay, initial, growth };
}

const total = (tensors: readonly Tensor[]) => tensors.reduce((all, each) => add(all, each));
const dot = (a: Tensor, b: Tensor) => sum(mul(a, b));
/** a / b, and 0 where b is 0: nothing is known before the first gradient. */
const ratio = (a: Tensor, b: Tensor) => where(greater(b, 0), div(a, b), 0);

/** g + λθ. */
function joinDecay({ parameters, hyper }: TransformContext, decay: number, word: number): void {
  if (decay === 0) return;
  const lambda = hyper(word);
  for (const each of parameters) each.gradient = add(each.gradient, mul(lambda, each.tensor));
}

/** Options of {@link dAdaptSgd}. */
export interface DAdaptSgdOptions extends DAdaptationOptions {
  /** 0 ≤ β < 1. Default: 0; the authors train with 0.9. */
  readonly momentum?: number;
}

/**
 * Gradient descent by D-Adaptation: it finds its step size. Weight decay joins the gradient. Defazio and Mishchenko 2023;
 * numbers as the authors'. d is of the parameters of one group; the authors share it between groups.
 * @throws OptionError for a number out of range.
 * @example dAdaptSgd({ momentum: 0.9 })
 */
export function dAdaptSgd(options: DAdaptSgdOptions = {}): Transform {
  checkOptions("dAdaptSgd", options, { ...COMMON, momentum: 0 });
  const { rateAt, decay, initial, growth } = common("dAdaptSgd", options);
  const momentum = checkRange("dAdaptSgd: momentum", options.momentum ?? 0, 0, 1);
  return {
    name: "dAdaptSgd",
    hyperWords: 7,
    // sgd's words first: θ ← θ − (1 − β)(θ − z), and nothing where γ is 0.
    hyper: (step) => {
      const rate = rateAt(step);
      return [rate > 0 ? 1 - momentum : 0, 0, 1, 0, rate, decay, growth];
    },
    apply(context) {
      const { parameters, hyper, state, slot, assign, update } = context;
      if (parameters.length === 0) return;
      joinDecay(context, decay, 5);
      const norm = sqrt(total(parameters.map(({ gradient }) => sumSquares(gradient))));
      const known = state("first norm", []);
      const first = where(equal(known, 0), norm, known);
      assign(known, first);
      const d = state("d", [], initial);
      const rate = ratio(mul(d, hyper(4)), first);
      const gradients = parameters.map((parameter) => {
        const { tensor, gradient } = parameter;
        const before = slot(parameter, "sum");
        const after = add(before, mul(rate, gradient));
        assign(before, after);
        const start = slot(parameter, { name: "start", initial: "parameters" });
        return { parameter, along: dot(gradient, before), after, away: sub(tensor, sub(start, after)) };
      });
      const past = state("numerator", []);
      const numerator = add(past, mul(rate, total(gradients.map(({ along }) => along))));
      assign(past, numerator);
      const length = sqrt(total(gradients.map(({ after }) => sumSquares(after))));
      const found = ratio(mul(numerator, 2), length);
      assign(d, maximum(d, minimum(found, mul(d, hyper(6)))));
      for (const { parameter, away } of gradients) parameter.gradient = away;
      update("sgd");
    },
  };
}

/** Options of {@link dAdaptAdam}. */
export interface DAdaptAdamOptions extends DAdaptationOptions {
  /** Decay of the mean of the gradient, 0 ≤ β₁ < 1. Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of its squares, 0 ≤ β₂ < 1. Default: 0.999. */
  readonly beta2?: number;
  /** Added to the root. Default: 1e-8. */
  readonly epsilon?: number;
  /** Weight decay shrinks the parameters beside the step, or joins the gradient. Default: see each. */
  readonly decoupled?: boolean;
  /** Corrects the running means for their start at zero. Default: false. */
  readonly biasCorrection?: boolean;
}

/** Checks what those on Adam take; gives √(1 − β₂ᵗ) / (1 − β₁ᵗ), or 1. */
function adamNumbers(name: string, options: DAdaptAdamOptions) {
  const beta1 = checkRange(`${name}: beta1`, options.beta1 ?? 0.9, 0, 1);
  const beta2 = checkRange(`${name}: beta2`, options.beta2 ?? 0.999, 0, 1);
  const epsilon = valueAt(`${name}: epsilon`, options.epsilon ?? 1e-8, 1);
  const correction = (step: number) =>
    options.biasCorrection ? Math.sqrt(1 - power(beta2, step)) / (1 - power(beta1, step)) : 1;
  return { beta1, beta2, epsilon, correction };
}

/**
 * Adam by D-Adaptation: it finds its step size. Weight decay joins the gradient, by default. Defazio and Mishchenko 2023;
 * numbers as the authors'; optax corrects the bias. d is of the parameters of one group; the authors share it.
 * @throws OptionError for a number out of range.
 * @example dAdaptAdam()
 */
export function dAdaptAdam(options: DAdaptAdamOptions = {}): Transform {
  checkOptions("dAdaptAdam", options, ON_ADAM);
  const { rateAt, decay, initial, growth } = common("dAdaptAdam", options);
  const { beta1, beta2, epsilon, correction } = adamNumbers("dAdaptAdam", options);
  const { decoupled = false } = options;
  const root = Math.sqrt(beta2);
  return {
    name: "dAdaptAdam",
    hyperWords: 14,
    // sgd's words first: θ ← θ − u, and nothing where γ is 0.
    hyper: (step) => {
      const rate = rateAt(step);
      const means = [beta1, 1 - beta1, beta2, 1 - beta2, root, 1 - root];
      return [rate > 0 ? 1 : 0, 0, 1, 0, rate * correction(step), decay, growth, ...means, epsilon];
    },
    apply(context) {
      const { parameters, hyper, state, slot, assign, update } = context;
      if (parameters.length === 0) return;
      if (!decoupled) joinDecay(context, decay, 5);
      const [kept1, taken1, kept2, taken2] = [hyper(7), hyper(8), hyper(9), hyper(10)];
      const [keptSum, takenSum, least] = [hyper(11), hyper(12), hyper(13)];
      const d = state("d", [], initial);
      const rate = mul(d, hyper(4));
      const shares = parameters.map((parameter) => {
        const { tensor, gradient } = parameter;
        const [m, v, s] = [slot(parameter, "m"), slot(parameter, "v"), slot(parameter, "sum")];
        const along = dot(gradient, div(s, add(sqrt(v), least)));
        const mean = meanOf(m, mul(rate, gradient), kept1, taken1);
        const squares = squaresOf(v, gradient, kept2, taken2);
        const after = meanOf(s, mul(rate, gradient), keptSum, takenSum);
        assign(m, mean);
        assign(v, squares);
        assign(s, after);
        const step = div(mean, add(sqrt(squares), least));
        parameter.gradient = decoupled ? add(step, mul(mul(rate, hyper(5)), tensor)) : step;
        return { along, size: sum(abs(after)) };
      });
      const past = state("numerator", []);
      const now = mul(mul(takenSum, rate), total(shares.map(({ along }) => along)));
      const numerator = add(mul(keptSum, past), now);
      assign(past, numerator);
      const found = ratio(numerator, mul(takenSum, total(shares.map(({ size }) => size))));
      assign(d, maximum(d, minimum(found, mul(d, hyper(6)))));
      update("sgd");
    },
  };
}

/** Options of {@link prodigy}. */
export interface ProdigyOptions extends DAdaptAdamOptions {
  /** Decay of the sums that d is found from, 0 ≤ β₃ < 1. Default: √β₂. */
  readonly beta3?: number;
  /** Multiplies what is found for d, ≥ 0: the way to longer or shorter steps. Default: 1. */
  readonly coefficient?: number;
  /** Leaves the learning rate out of the sum that d is divided by, for a warm-up. Default: false. */
  readonly safeguardWarmup?: boolean;
}

/**
 * Prodigy: Adam that finds its step size, sooner than D-Adaptation. Weight decay shrinks the parameters, by default.
 * Mishchenko and Defazio 2024; numbers as the authors'; optax corrects the bias. d is of the parameters of one group; the
 * authors share it.
 * @throws OptionError for a number out of range.
 * @example prodigy({ weightDecay: 0.01 })
 */
export function prodigy(options: ProdigyOptions = {}): Transform {
  checkOptions("prodigy", options, { ...ON_ADAM, beta3: 0, coefficient: 0, safeguardWarmup: 0 });
  const { rateAt, decay, initial, growth } = common("prodigy", options);
  const { beta1, beta2, epsilon, correction } = adamNumbers("prodigy", options);
  const beta3 = checkRange("prodigy: beta3", options.beta3 ?? Math.sqrt(beta2), 0, 1);
  const coefficient = valueAt("prodigy: coefficient", options.coefficient ?? 1, 1);
  const { decoupled = true, safeguardWarmup = false } = options;
  return {
    name: "prodigy",
    hyperWords: 15,
    // sgd's words first: θ ← θ − u.
    hyper: (step) => {
      const means = [beta1, 1 - beta1, beta2, 1 - beta2, beta3, coefficient];
      const rate = rateAt(step) * correction(step);
      return [1, 0, 1, 0, rate, decay, growth, ...means, epsilon, 1 / initial];
    },
    apply(context) {
      const { parameters, hyper, state, slot, assign, update } = context;
      if (parameters.length === 0) return;
      if (!decoupled) joinDecay(context, decay, 5);
      const [kept1, taken1, kept2, taken2, beta] = [hyper(7), hyper(8), hyper(9), hyper(10), hyper(11)];
      const [d, most] = [state("d", [], initial), state("largest d", [], initial)];
      const rate = mul(d, hyper(4));
      // d / d₀ in place of d: sums that are not too small.
      const weight = mul(mul(d, hyper(14)), safeguardWarmup ? d : rate);
      const shares = parameters.map((parameter) => {
        const { tensor, gradient } = parameter;
        const [m, v, s] = [slot(parameter, "m"), slot(parameter, "v"), slot(parameter, "sum")];
        const start = slot(parameter, { name: "start", initial: "parameters" });
        const scaled = mul(d, gradient);
        const mean = meanOf(m, scaled, kept1, taken1);
        const squares = squaresOf(v, scaled, kept2, taken2);
        const after = rounded(add(mul(beta, s), mul(weight, gradient)));
        assign(m, mean);
        assign(v, squares);
        assign(s, after);
        return { parameter, along: dot(gradient, sub(start, tensor)), size: sum(abs(after)), mean, squares };
      });
      const past = state("numerator", []);
      const now = mul(mul(mul(d, hyper(14)), rate), total(shares.map(({ along }) => along)));
      const numerator = add(mul(beta, past), now);
      assign(past, numerator);
      const found = ratio(mul(hyper(12), numerator), total(shares.map(({ size }) => size)));
      const largest = maximum(most, found);
      const begun = where(equal(d, initial), maximum(d, found), d);
      const next = growth === Number.POSITIVE_INFINITY ? largest : minimum(largest, mul(begun, hyper(6)));
      assign(d, next);
      assign(most, largest);
      const least = mul(next, hyper(13));
      for (const { parameter, mean, squares } of shares) {
        const step = mul(rate, div(mean, add(sqrt(squares), least)));
        const shrunk = mul(mul(rate, hyper(5)), parameter.tensor);
        parameter.gradient = decoupled && decay > 0 ? add(step, shrunk) : step;
      }
      update("sgd");
    },
  };
}
