// The learning-rate range test: one short training whose rate grows at every step, to find a rate to begin with.
import { DataError, NonFiniteError, OptionError } from "../core/errors.ts";
import { exp, log } from "../core/math.ts";
import { Dataset, type IterableDataset } from "../data/index.ts";
import type { Model } from "../nn/model.ts";
import type { Transform } from "../optim/transform.ts";
import { createTrainer, type TrainerOptions } from "./trainer.ts";

/** Options of {@link learningRateRangeTest}. */
export interface RangeTestOptions extends Pick<TrainerOptions, "loss" | "seed" | "engine"> {
  readonly data: Dataset | IterableDataset;
  /** The optimizer with the rates of the test, a function of the step. */
  readonly optimizer: (learningRate: (step: number) => number) => Transform;
  /** First rate. Default: 1e-6. */
  readonly from?: number;
  /** Last rate. Default: 1. */
  readonly to?: number;
  /** Rates to try, each larger than the one before by the same factor; an epoch that ends begins anew. Default: 100. */
  readonly steps?: number;
  /** Examples a step; fewer at the end of an epoch are left out. Default: 32. */
  readonly batchSize?: number;
  /** Share of the past in the smoothed losses, 0 ≤ x < 1. More of it shifts the curve to larger rates. Default: 0.9. */
  readonly smoothing?: number;
}

/** What {@link learningRateRangeTest} has found. */
export interface RangeTest {
  /** Those that were tried: the test ends where the smoothed loss is four times the least, or is not finite. */
  readonly rates: readonly number[];
  /** Smoothed losses, each before the step with its rate. */
  readonly losses: readonly number[];
  /** The rate at which the smoothed loss falls fastest; undefined where it never falls. */
  readonly suggestion: number | undefined;
  /** The losses over the rates as text, the suggestion marked below; empty where not even the first loss was finite. */
  readonly chart: string;
}

/**
 * Trains some steps with rates that grow from very small to too large, and puts the weights back; a model without weights
 * keeps the initial ones. The losses' mean is exponential, corrected for its start as in Adam.
 * Smith, "Cyclical Learning Rates for Training Neural Networks" (2017), section 3.3; the suggestion is the steepest descent.
 * @throws OptionError for an option out of range; ShapeError, DataError where model and data do not fit together.
 * @example
 * const test = await learningRateRangeTest(model, {
 *   data: digits.train, loss: softmaxCrossEntropy, optimizer: (learningRate) => adam({ learningRate }),
 * });
 * console.log(test.chart, test.suggestion);
 */
export async function learningRateRangeTest(model: Model, options: RangeTestOptions): Promise<RangeTest> {
  const { from = 1e-6, to = 1, steps = 100, smoothing = 0.9, ...rest } = options;
  const { data, optimizer, batchSize = 32 } = rest;
  const check = (fits: boolean, what: string, wanted: string, got: unknown) => {
    if (!fits) throw new OptionError(`learningRateRangeTest: ${what}: wanted ${wanted}, got ${got}`);
  };
  check(from > 0 && Number.isFinite(from), "from", "a finite number > 0", from);
  check(to > from && Number.isFinite(to), "to", `a finite number > ${from}`, to);
  check(Number.isInteger(steps) && steps >= 3, "steps", "an integer ≥ 3", steps);
  check(Number.isInteger(batchSize) && batchSize >= 1, "batchSize", "a positive integer", batchSize);
  check(smoothing >= 0 && smoothing < 1, "smoothing", "0 ≤ x < 1", smoothing);
  check(typeof optimizer === "function", "optimizer", "a function of the rates", optimizer);
  const rate = (step: number) => exp(log(from) + (log(to / from) * (step - 1)) / (steps - 1));
  const training = { ...rest, metrics: [], onNonFinite: "stop", optimizer: optimizer(rate) } as const;
  const trainer = await createTrainer(model, training);
  const before = model.weights.snapshot();
  const losses: number[] = [];
  let mean = 0;
  let weight = 0;
  try {
    for await (const batch of batches(data, batchSize, options.seed ?? 0)) {
      const { loss } = await trainer.step(batch);
      mean = smoothing * mean + (1 - smoothing) * loss;
      weight = smoothing * weight + (1 - smoothing);
      losses.push(mean / weight);
      const least = losses.reduce((a, b) => Math.min(a, b));
      if (losses.length === steps || mean / weight > least + 3 * Math.abs(least)) break;
    }
  } catch (error) {
    // The end of what can be learned with; the guard let no update through.
    if (!(error instanceof NonFiniteError)) throw error;
  } finally {
    model.weights.restore(before);
    trainer.close();
  }
  const rates = losses.map((_, index) => rate(index + 1));
  const best = steepest(losses, smoothing);
  return {
    rates,
    losses,
    suggestion: best === undefined ? undefined : rates[best],
    chart: draw(rates, losses, best),
  };
}

/** Batches without end, all of one size: a few examples more than a whole number of batches would be a noisy loss. */
async function* batches(data: RangeTestOptions["data"], size: number, seed: number) {
  let whole = 0;
  for (let epoch = 1; ; epoch++) {
    const some = data instanceof Dataset ? data.batch(size, { seed, epoch }) : data.batch(size, { epoch });
    for await (const batch of some) {
      whole ||= batch.size;
      if (batch.size === whole) yield batch;
    }
    if (whole === 0) throw new DataError("learningRateRangeTest: the dataset is empty: wanted an example");
  }
}

/**
 * Where the losses fall fastest; the rates' logarithms are evenly spaced. Measured over as many steps as the mean remembers
 * and after as many, or the noise of single batches would decide.
 */
function steepest(losses: readonly number[], smoothing: number): number | undefined {
  const memory = Math.max(1, Math.min(Math.round(1 / (1 - smoothing)), Math.floor(losses.length / 8)));
  const half = Math.ceil(memory / 2);
  let best: number | undefined;
  let least = 0;
  for (let i = memory; i + half < losses.length; i++) {
    const slope = losses[i + half]! - losses[i - half]!;
    if (slope < least) {
      least = slope;
      best = i;
    }
  }
  return best;
}

/** At most 60 columns of dots in ten lines; above the losses that came before the least, the end's rise is cut off. */
function draw(rates: readonly number[], losses: readonly number[], mark: number | undefined): string {
  if (losses.length === 0) return "";
  const width = Math.min(60, losses.length);
  const column = (index: number) => Math.floor((index * width) / losses.length);
  const low = Math.min(...losses);
  const fall = Math.max(...losses.slice(0, losses.indexOf(low) + 1));
  const high = fall > low ? fall : Math.max(...losses);
  const rows = Array.from({ length: 10 }, () => Array<string>(width).fill(" "));
  for (const [index, loss] of losses.entries()) {
    rows[Math.round((Math.max(0, high - loss) / (high - low || 1)) * 9)]![column(index)] = "•";
  }
  const show = (value: number | undefined) => value?.toPrecision(3) ?? "";
  const labels = [show(high), ...Array<string>(8).fill(""), show(low)];
  const ends = `${show(rates[0])}${show(rates.at(-1)).padStart(width - show(rates[0]).length)}`;
  return [
    ...rows.map((row, index) => `${labels[index]!.padStart(9)} ┤${row.join("")}`.trimEnd()),
    `${" ".repeat(10)}└${Array.from({ length: width }, (_, i) => (mark !== undefined && column(mark) === i ? "▲" : "─")).join("")}`,
    `${" ".repeat(11)}${ends}`,
  ].join("\n");
}
