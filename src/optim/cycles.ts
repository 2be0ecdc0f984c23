// Learning rates that go up and down: functions of the step, counted from 1, that hold nothing and give the same bits on
// every runtime.

import { OptionError } from "../core/errors.ts";
import { pow } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { checkInteger, checkRate, checkShare } from "./check.ts";
import { halfCosine, straight } from "./decay.ts";
import { oneOf } from "./transform.ts";

/** Options of {@link cosineRestarts}. */
export interface CosineRestartsOptions {
  /** Value at the start of each period, ≥ 0. */
  readonly from: number;
  /** Value that each period goes down towards, ≥ 0. Default: 0. */
  readonly to?: number;
  /** Steps of the first period. */
  readonly period: number;
  /** How many times as long as the one before each further period is, an integer ≥ 1. Default: 1. */
  readonly multiplier?: number;
}

/**
 * Half a period of a cosine, again and again. SGDR, Loshchilov and Hutter 2017; PyTorch's CosineAnnealingWarmRestarts.
 * @throws OptionError for a number out of range.
 * @example sgd({ learningRate: cosineRestarts({ from: 0.1, period: 1000, multiplier: 2 }) })
 */
export function cosineRestarts(options: CosineRestartsOptions): (step: number) => number {
  checkOptions("cosineRestarts", options, { from: 0, to: 0, period: 0, multiplier: 0 });
  const from = checkRate("cosineRestarts: from", options.from);
  const to = checkRate("cosineRestarts: to", options.to ?? 0);
  const period = checkInteger("cosineRestarts: period", options.period);
  const multiplier = checkInteger("cosineRestarts: multiplier", options.multiplier ?? 1);
  return (step) => {
    let done = step - 1;
    let length = period;
    if (multiplier === 1) done %= period;
    else for (; done >= length; length *= multiplier) done -= length;
    return halfCosine(from, to, done / length);
  };
}

/** Options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** The highest value, ≥ 0. */
  readonly peak: number;
  /** Steps of the whole cycle; the value of its last stays. */
  readonly steps: number;
  /** Share of the steps in which the value rises, 0 … 1, with three phases 0 … 0.5. Default: 0.3. */
  readonly rise?: number;
  /** The line from one value to the next. Default: "cosine". */
  readonly anneal?: "cosine" | "linear";
  /** 2: up, and down to the last value. 3: up, down to the first value in as many steps, on to the last. Default: 2. */
  readonly phases?: 2 | 3;
  /** The first value is the peak divided by this, ≥ 1. Default: 25. */
  readonly startDivisor?: number;
  /** The last value is the first divided by this, ≥ 1. Default: 1e4. */
  readonly endDivisor?: number;
}

/**
 * One rise and one fall, the fall far below the start. Smith and Topin 2018; PyTorch's OneCycleLR.
 * @throws OptionError for a number out of range or a choice that is not known.
 * @example sgd({ learningRate: oneCycle({ peak: 0.1, steps: 5000 }), momentum: 0.9 })
 */
export function oneCycle(options: OneCycleOptions): (step: number) => number {
  checkOptions("oneCycle", options, {
    peak: 0,
    steps: 0,
    rise: 0,
    anneal: 0,
    phases: 0,
    startDivisor: 0,
    endDivisor: 0,
  });
  const peak = checkRate("oneCycle: peak", options.peak);
  const steps = checkInteger("oneCycle: steps", options.steps);
  const phases = oneOf("oneCycle: phases", options.phases ?? 2, [2, 3]);
  const rise = checkShare("oneCycle: rise", options.rise ?? 0.3, phases === 3 ? 0.5 : 1);
  const anneal = oneOf("oneCycle: anneal", options.anneal ?? "cosine", ["cosine", "linear"]);
  const curve = anneal === "cosine" ? halfCosine : straight;
  const start = peak / checkRate("oneCycle: startDivisor", options.startDivisor ?? 25, 1);
  const end = start / checkRate("oneCycle: endDivisor", options.endDivisor ?? 1e4, 1);
  // PyTorch's phases end on the last step of each, counted from 0, which need not be whole.
  const top = rise * steps - 1;
  const legs = [{ from: start, to: peak, begin: 0, end: top }];
  if (phases === 3) legs.push({ from: peak, to: start, begin: top, end: 2 * rise * steps - 2 });
  const last = legs.at(-1)!;
  const fall = { from: last.to, to: end, begin: last.end, end: steps - 1 };
  return (step) => {
    const done = step - 1;
    const leg = legs.find((each) => done <= each.end) ?? fall;
    // A leg without length is at its end.
    const share = leg.end > leg.begin ? (done - leg.begin) / (leg.end - leg.begin) : 1;
    return curve(leg.from, leg.to, share);
  };
}

/** Options of {@link cyclic}. */
export interface CyclicOptions {
  /** Value at the start of each cycle, ≥ 0. */
  readonly low: number;
  /** Value at the top of the first cycle, not below `low`. */
  readonly high: number;
  /** Steps from low to high. Default: 2000. */
  readonly up?: number;
  /** Steps from high to low. Default: as many as up. */
  readonly down?: number;
  /**
   * What becomes of the height, high − low:
   * - "triangular": it stays. The default.
   * - "triangular2": it is halved after each cycle.
   * - "exponential": it is multiplied by `factor` after each step; the paper's exp_range.
   */
  readonly mode?: "triangular" | "triangular2" | "exponential";
  /** For the exponential mode, 0 … 1. Default: 1. */
  readonly factor?: number;
}

/**
 * Straight up and down between two values, again and again. Smith 2017; PyTorch's CyclicLR.
 * @throws OptionError for a number out of range or an unknown mode.
 * @example sgd({ learningRate: cyclic({ low: 1e-3, high: 0.1, up: 500, mode: "triangular2" }) })
 */
export function cyclic(options: CyclicOptions): (step: number) => number {
  checkOptions("cyclic", options, { low: 0, high: 0, up: 0, down: 0, mode: 0, factor: 0 });
  const low = checkRate("cyclic: low", options.low);
  const high = checkRate("cyclic: high", options.high, low);
  const up = checkInteger("cyclic: up", options.up ?? 2000);
  const down = checkInteger("cyclic: down", options.down ?? up);
  const mode = oneOf("cyclic: mode", options.mode ?? "triangular", [
    "triangular",
    "triangular2",
    "exponential",
  ]);
  const factor = checkShare("cyclic: factor", options.factor ?? 1);
  if (options.factor !== undefined && mode !== "exponential")
    throw new OptionError(`cyclic: factor: only the exponential mode has it, got ${mode}`);
  return (step) => {
    const done = step - 1;
    const cycle = Math.floor(done / (up + down));
    const place = done - cycle * (up + down);
    const share = place <= up ? place / up : (up + down - place) / down;
    const height = mode === "triangular2" ? pow(0.5, cycle) : mode === "exponential" ? pow(factor, done) : 1;
    return low + (high - low) * share * height;
  };
}
