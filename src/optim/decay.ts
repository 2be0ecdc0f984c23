// Learning rates that go from one value to another: functions of the step, counted from 1, that hold nothing and give the
// same bits on every runtime.

import { cosPi, pow } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { checkInteger, checkList, checkRate, checkRising, checkShare } from "./check.ts";

/** From one value to another, where a share of the way is gone; the end is exact. */
export function straight(from: number, to: number, share: number): number {
  return share >= 1 ? to : from + (to - from) * share;
}

/** The same along half a turn of a cosine: cos² (πx / 2), which is (1 + cos πx) / 2 without its cancellation at the end. */
export function halfCosine(from: number, to: number, share: number): number {
  const rest = share >= 1 ? 0 : cosPi(share / 2);
  return to + (from - to) * rest * rest;
}

/** Options of {@link stepDecay}. */
export interface StepDecayOptions {
  /** Value of the first step, ≥ 0. */
  readonly from: number;
  /** What the value is multiplied by, 0 … 1. Default: 0.1. */
  readonly factor?: number;
  /** Steps from one multiplication to the next. */
  readonly every: number;
}

/**
 * A staircase of equal steps: from · factor^⌊t / every⌋, t the steps done. PyTorch's StepLR.
 * @throws OptionError for a number out of range.
 * @example sgd({ learningRate: stepDecay({ from: 0.1, every: 1000 }) })
 */
export function stepDecay(options: StepDecayOptions): (step: number) => number {
  checkOptions("stepDecay", options, { from: 0, factor: 0, every: 0 });
  const from = checkRate("stepDecay: from", options.from);
  const factor = checkShare("stepDecay: factor", options.factor ?? 0.1);
  const every = checkInteger("stepDecay: every", options.every);
  return (step) => from * pow(factor, Math.floor((step - 1) / every));
}

/** Options of {@link multiStepDecay}. */
export interface MultiStepDecayOptions {
  /** Value of the first step, ≥ 0. */
  readonly from: number;
  /** What the value is multiplied by, 0 … 1. Default: 0.1. */
  readonly factor?: number;
  /** After how many steps: integers ≥ 1, rising. */
  readonly milestones: readonly number[];
}

/**
 * A staircase whose steps lie where you say: multiplied once more after each milestone. PyTorch's MultiStepLR.
 * @throws OptionError for a number out of range, or milestones that are missing or do not rise.
 * @example sgd({ learningRate: multiStepDecay({ from: 0.1, milestones: [3000, 6000] }) })
 */
export function multiStepDecay(options: MultiStepDecayOptions): (step: number) => number {
  checkOptions("multiStepDecay", options, { from: 0, factor: 0, milestones: 0 });
  const from = checkRate("multiStepDecay: from", options.from);
  const factor = checkShare("multiStepDecay: factor", options.factor ?? 0.1);
  const milestones = checkList("multiStepDecay: milestones", options.milestones);
  checkRising("multiStepDecay: milestones", milestones, 1);
  return (step) => from * pow(factor, milestones.filter((milestone) => milestone < step).length);
}

/** Options of {@link exponentialDecay}. */
export interface ExponentialDecayOptions {
  /** Value of the first step, ≥ 0. */
  readonly from: number;
  /** What `every` steps multiply the value by, 0 … 1. */
  readonly factor: number;
  /** Steps that make up one factor. Default: 1. */
  readonly every?: number;
  /** Stay until all of them are done, as stepDecay does. Default: false. */
  readonly staircase?: boolean;
}

/**
 * Smooth decay by a factor: from · factor^(t / every), t the steps done. PyTorch's ExponentialLR, Keras's
 * ExponentialDecay.
 * @throws OptionError for a number out of range.
 * @example adam({ learningRate: exponentialDecay({ from: 1e-3, factor: 0.96, every: 1000 }) })
 */
export function exponentialDecay(options: ExponentialDecayOptions): (step: number) => number {
  const { staircase = false } = checkOptions("exponentialDecay", options, {
    from: 0,
    factor: 0,
    every: 0,
    staircase: 0,
  });
  const from = checkRate("exponentialDecay: from", options.from);
  const factor = checkShare("exponentialDecay: factor", options.factor);
  const every = checkInteger("exponentialDecay: every", options.every ?? 1);
  return (step) => {
    const turns = (step - 1) / every;
    return from * pow(factor, staircase ? Math.floor(turns) : turns);
  };
}

/** Options of {@link inverseTimeDecay}. */
export interface InverseTimeDecayOptions {
  /** Value of the first step, ≥ 0. */
  readonly from: number;
  /** Speed of the decay, ≥ 0: after `every` / `rate` steps the value is half of `from`. */
  readonly rate: number;
  /** Steps that make up one unit of time. Default: 1. */
  readonly every?: number;
  /** Let time go on only when all of them are done. Default: false. */
  readonly staircase?: boolean;
}

/**
 * Decay by the time gone: from / (1 + rate · t / every), t the steps done. Robbins and Monro 1951; Keras's
 * InverseTimeDecay.
 * @throws OptionError for a number out of range.
 * @example sgd({ learningRate: inverseTimeDecay({ from: 0.1, rate: 0.5, every: 1000 }) })
 */
export function inverseTimeDecay(options: InverseTimeDecayOptions): (step: number) => number {
  const { staircase = false } = checkOptions("inverseTimeDecay", options, {
    from: 0,
    rate: 0,
    every: 0,
    staircase: 0,
  });
  const from = checkRate("inverseTimeDecay: from", options.from);
  const rate = checkRate("inverseTimeDecay: rate", options.rate);
  const every = checkInteger("inverseTimeDecay: every", options.every ?? 1);
  return (step) => {
    const time = (step - 1) / every;
    return from / (1 + rate * (staircase ? Math.floor(time) : time));
  };
}

/** Options of {@link linear}. */
export interface LinearOptions {
  /** Value of the first step, ≥ 0. */
  readonly from: number;
  /** Value once the steps are done, and from then on, ≥ 0. */
  readonly to: number;
  /** Steps from the one to the other. */
  readonly steps: number;
}

/**
 * A straight line, up or down, that stays at its end. PyTorch's LinearLR.
 * @throws OptionError for a number out of range.
 * @example sgd({ learningRate: linear({ from: 0.1, to: 0, steps: 5000 }) })
 */
export function linear(options: LinearOptions): (step: number) => number {
  checkOptions("linear", options, { from: 0, to: 0, steps: 0 });
  const from = checkRate("linear: from", options.from);
  const to = checkRate("linear: to", options.to);
  const steps = checkInteger("linear: steps", options.steps);
  return (step) => straight(from, to, (step - 1) / steps);
}

/** Options of {@link cosineDecay}. */
export interface CosineDecayOptions {
  /** Value of the first step, ≥ 0. */
  readonly from: number;
  /** Value once the steps are done, and from then on, ≥ 0. Default: 0. */
  readonly to?: number;
  /** Steps from the one to the other. */
  readonly steps: number;
}

/**
 * Half a period of a cosine, slow at both ends, that stays at its end: to + (from − to) (1 + cos(πt / steps)) / 2, t the
 * steps done. Loshchilov and Hutter 2017; PyTorch's CosineAnnealingLR, which goes up again after its end.
 * @throws OptionError for a number out of range.
 * @example adamW({ learningRate: cosineDecay({ from: 1e-3, steps: 5000 }) })
 */
export function cosineDecay(options: CosineDecayOptions): (step: number) => number {
  checkOptions("cosineDecay", options, { from: 0, to: 0, steps: 0 });
  const from = checkRate("cosineDecay: from", options.from);
  const to = checkRate("cosineDecay: to", options.to ?? 0);
  const steps = checkInteger("cosineDecay: steps", options.steps);
  return (step) => halfCosine(from, to, (step - 1) / steps);
}

/** Options of {@link polynomialDecay}. */
export interface PolynomialDecayOptions extends CosineDecayOptions {
  /** Of what is left of the way, ≥ 0. 1 is a straight line. Default: 1. */
  readonly power?: number;
}

/**
 * A power of what is left of the way: to + (from − to) (1 − t / steps)^power, t the steps done. PyTorch's PolynomialLR,
 * Keras's PolynomialDecay.
 * @throws OptionError for a number out of range.
 * @example sgd({ learningRate: polynomialDecay({ from: 0.1, steps: 5000, power: 2 }) })
 */
export function polynomialDecay(options: PolynomialDecayOptions): (step: number) => number {
  checkOptions("polynomialDecay", options, { from: 0, to: 0, steps: 0, power: 0 });
  const from = checkRate("polynomialDecay: from", options.from);
  const to = checkRate("polynomialDecay: to", options.to ?? 0);
  const steps = checkInteger("polynomialDecay: steps", options.steps);
  const power = checkRate("polynomialDecay: power", options.power ?? 1);
  return (step) => (step > steps ? to : to + (from - to) * pow(1 - (step - 1) / steps, power));
}
