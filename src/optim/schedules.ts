// Schedules made of others. What is right for one schedule in turn is said here; the curves lie in decay.ts and cycles.ts.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { checkInteger, checkList, checkRate, checkRising, checkSchedule } from "./check.ts";
import { cosineDecay, linear } from "./decay.ts";
import { type Schedule, valueAt } from "./transform.ts";

/** A value, and the step from which it holds. */
export interface Piece {
  /** Counted from 1. */
  readonly from: number;
  /** ≥ 0. */
  readonly value: number;
}

/**
 * Constant in pieces: each value from its step on, until the next one's. The first is from step 1.
 * @throws OptionError for a number out of range, or a list that is empty, does not begin at 1 or does not rise.
 * @example sgd({ learningRate: piecewise([{ from: 1, value: 0.1 }, { from: 3001, value: 0.01 }]) })
 */
export function piecewise(pieces: readonly Piece[]): (step: number) => number {
  const list = checkList("piecewise", pieces).map(({ from, value }, i) => ({
    from,
    value: checkRate(`piecewise: value[${i}]`, value),
  }));
  const starts = list.map(({ from }) => from);
  if (starts[0] !== 1)
    throw new OptionError(`piecewise: from[0]: wanted 1, the first step, got ${starts[0]}`);
  checkRising("piecewise: from", starts, 1);
  return (step) => list.findLast(({ from }) => from <= step)!.value;
}

/** A schedule, and for how many steps it is asked. */
export interface Stage {
  readonly schedule: Schedule;
  /** The last stage needs none: it goes on for ever. */
  readonly steps?: number;
}

/**
 * Schedules one after the other, each of which counts its own steps from 1. The last goes on for ever. PyTorch's
 * SequentialLR.
 * @throws OptionError for an empty list, a stage before the last without a number of steps ≥ 1, or a stage that gives a
 * number below 0 or not finite.
 * @example
 * const learningRate = sequence([
 *   { schedule: linear({ from: 0, to: 1e-3, steps: 100 }), steps: 100 },
 *   { schedule: 1e-3, steps: 2000 },
 *   { schedule: exponentialDecay({ from: 1e-3, factor: 0.999 }) },
 * ]);
 * adam({ learningRate });
 */
export function sequence(stages: readonly Stage[]): (step: number) => number {
  let begin = 0;
  const list = checkList("sequence", stages).map(({ schedule, steps }, i) => {
    const where = `sequence: stage ${i + 1}`;
    const stage = { where, schedule: checkSchedule(`${where}: schedule`, schedule), begin };
    if (i + 1 < stages.length) begin += checkInteger(`${where}: steps`, steps!);
    return stage;
  });
  return (step) => {
    const stage = list.findLast((each) => each.begin < step)!;
    return valueAt(stage.where, stage.schedule, step - stage.begin);
  };
}

/**
 * The product of schedules that all count the same steps. PyTorch's ChainedScheduler.
 * @throws OptionError without a schedule, or where one gives a number below 0 or not finite.
 * @example adam({ learningRate: multiply(warmup(1, { steps: 100 }), inverseTimeDecay({ from: 1e-3, rate: 0.01 })) })
 */
export function multiply(...schedules: readonly Schedule[]): (step: number) => number {
  const list = checkList("multiply: schedules", schedules);
  list.forEach((schedule, i) => {
    checkSchedule(`multiply: schedules[${i}]`, schedule);
  });
  return (step) =>
    list.reduce<number>(
      (product, schedule, i) => product * valueAt(`multiply: schedules[${i}]`, schedule, step),
      1,
    );
}

/** Options of {@link warmup}. */
export interface WarmupOptions {
  /** Steps before the schedule's own first. */
  readonly steps: number;
  /** Value of the first step, ≥ 0. Default: 0. */
  readonly from?: number;
}

/**
 * A straight line up to a schedule's first value, then the schedule, which counts its own steps from 1 behind it.
 * @throws OptionError for a number out of range.
 * @example adamW({ learningRate: warmup(cosineDecay({ from: 1e-3, steps: 900 }), { steps: 100 }) })
 */
export function warmup(schedule: Schedule, options: WarmupOptions): (step: number) => number {
  checkOptions("warmup", options, { steps: 0, from: 0 });
  const steps = checkInteger("warmup: steps", options.steps);
  const from = checkRate("warmup: from", options.from ?? 0);
  const to = valueAt("warmup: schedule", checkSchedule("warmup: schedule", schedule), 1);
  return sequence([{ schedule: linear({ from, to, steps }), steps }, { schedule }]);
}

/** Options of {@link warmupCosine}. */
export interface WarmupCosineOptions {
  /** The highest value, ≥ 0: that of the first step behind the warm-up. */
  readonly peak: number;
  /** Steps of the way up, fewer than `total`; the first of them has the value 0. */
  readonly warmup: number;
  /** Steps of the way up and down together. */
  readonly total: number;
  /** Value from then on, ≥ 0. Default: 0. */
  readonly floor?: number;
}

/**
 * Up to the peak in a straight line, down from it along half a period of a cosine: the usual schedule of a transformer.
 * @throws OptionError for a number out of range, or a warm-up that leaves no step to come down.
 * @example adamW({ learningRate: warmupCosine({ peak: 3e-4, warmup: 100, total: 2000 }) })
 */
export function warmupCosine(options: WarmupCosineOptions): (step: number) => number {
  checkOptions("warmupCosine", options, { peak: 0, warmup: 0, total: 0, floor: 0 });
  const from = checkRate("warmupCosine: peak", options.peak);
  const steps = checkInteger("warmupCosine: warmup", options.warmup);
  const total = checkInteger("warmupCosine: total", options.total, steps + 1);
  const to = checkRate("warmupCosine: floor", options.floor ?? 0);
  return warmup(cosineDecay({ from, to, steps: total - steps }), { steps });
}
