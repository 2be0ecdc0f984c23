// The training loop: epochs of steps over a dataset in memory or a stream, with validation and callbacks between.
import { DataError, NonFiniteError, OptionError } from "../core/errors.ts";
import { integers, permutation } from "../core/random.ts";
import { Dataset, type IterableDataset } from "../data/index.ts";
import type { Model } from "../nn/model.ts";
import { checkCount, oneOf } from "../optim/transform.ts";
import { ahead } from "./ahead.ts";
import type { Callback, EpochRecord, TrainingControl } from "./callbacks.ts";
import { Evaluator } from "./evaluate.ts";
import { Mean } from "./mean.ts";
import type { Row, StepRunner } from "./runner.ts";
import { createTrainer, type Trainer, type TrainerOptions } from "./trainer.ts";

/** Options of {@link train}. */
export interface TrainOptions extends TrainerOptions {
  readonly data: Dataset | IterableDataset;
  /** Measured after each epoch. Default: none. */
  readonly validation?: Dataset | IterableDataset;
  /** Passes over the data. Default: 1. */
  readonly epochs?: number;
  /** Examples a step, or all of them with "full"; the last batch of an epoch may be smaller. Default: 32. */
  readonly batchSize?: number | "full";
  /**
   * Order of the examples of a dataset in memory: "shuffled" anew each epoch, drawn "with-replacement", or "in-order".
   * A stream keeps its own order. Default: "shuffled".
   */
  readonly sampling?: "shuffled" | "with-replacement" | "in-order";
  /**
   * Validates, tells callbacks of epochs and leaves in the model the average of the weights that the optimizer keeps, as
   * `ema`, `swa` and the schedule-free ones do, not the weights that are trained. Default: false.
   */
  readonly average?: boolean;
  readonly callbacks?: readonly Callback[];
}

/** What a training came to. */
export interface TrainResult {
  /** One record an epoch. */
  readonly history: readonly EpochRecord[];
  /** Steps taken. */
  readonly steps: number;
  /** Why it ended: "epochs", or what a callback said. */
  readonly reason: string;
  readonly seconds: number;
}

/** Milliseconds of steps between two looks at the rest of the world. */
const SLICE = 25;

/**
 * Trains a model; the model holds the result.
 * @throws OptionError, ShapeError, DataError where options, model and data do not fit together.
 * @throws NonFiniteError by policy, unless a callback answers it. After any error the model keeps the weights that it has and can be used.
 * @example
 * const run = await train(model, {
 *   data: digits.train, loss: softmaxCrossEntropy, metrics: [accuracy],
 *   optimizer: adam(), batchSize: 128, epochs: 5, seed: 1,
 * });
 */
export async function train(model: Model, options: TrainOptions): Promise<TrainResult> {
  const {
    data,
    epochs = 1,
    batchSize = 32,
    sampling = "shuffled",
    average = false,
    callbacks = [],
    loss,
    metrics = [],
  } = options;
  if (!Number.isInteger(epochs) || epochs < 0)
    throw new OptionError(`train: epochs: wanted an integer ≥ 0, got ${epochs}`);
  if (batchSize !== "full" && !(Number.isInteger(batchSize) && batchSize >= 1)) {
    throw new OptionError(`train: batchSize: wanted a positive integer or "full", got ${batchSize}`);
  }
  oneOf("train: sampling", sampling, ["shuffled", "with-replacement", "in-order"]);
  const stops = callbacks.flatMap(({ every = [] }) => every);
  for (const every of stops) checkCount("train: callbacks: every", every);
  if (model.parameterCount === 0)
    throw new OptionError("train: model: got one without parameters, wanted something to train");
  const trainer = await createTrainer(model, options);
  if (average) trainer.checkAverage("train");
  const runner = trainer.runner(data instanceof Dataset ? data.materialize() : undefined);
  const evaluator =
    options.validation && new Evaluator(model, trainer.engine, options.validation, { loss, metrics });
  const began = performance.now();
  const history: EpochRecord[] = [];
  let reason: string | undefined;
  let cut = false;
  const names = ["loss", ...trainer.metrics.map(({ name }) => name)];
  const control: TrainingControl = {
    model,
    epochs,
    examples: data instanceof Dataset ? data.length : undefined,
    monitors: evaluator ? [...names, ...names.map((name) => `validation.${name}`)] : names,
    stop: (why, when = "after-epoch") => {
      oneOf("stop: when", when, ["after-epoch", "now"]);
      reason ??= why;
      cut ||= when === "now";
    },
    average: () => trainer.average(),
    state: (name) => trainer.state(name),
    withAverage: (work) => trainer.withAverage(work),
  };

  try {
    for (const callback of callbacks) await callback.onBegin?.(control);
    await evaluator?.prepare();
    for (let epoch = 1; epoch <= epochs && reason === undefined; epoch++) {
      const start = performance.now();
      const sum = new Mean(metrics);
      const steps =
        data instanceof Dataset
          ? resident(trainer, runner, orderOf(data, sampling, options.seed ?? 0, epoch), batchSize, stops)
          : streamed(trainer, runner, data.batch(batchSize, { epoch }));
      for await (const { rows, batch } of steps) {
        for (const row of rows) sum.add(row, batch);
        const seconds = (performance.now() - start) / 1000;
        const { loss, metrics } = sum.result();
        const record = { epoch, step: trainer.steps, examples: sum.examples, loss, metrics, seconds };
        for (const callback of callbacks) await callback.onProgress?.(record, control);
        if (cut) break;
      }
      if (sum.examples === 0) throw new DataError("train: the dataset is empty: wanted at least one example");
      const seconds = (performance.now() - start) / 1000;
      const told = async () => {
        const validation = await evaluator?.run();
        const record: EpochRecord = {
          epoch,
          complete: !cut || sum.examples === control.examples,
          step: trainer.steps,
          ...sum.result(),
          validation: validation && { loss: validation.loss, metrics: validation.metrics },
          skipped: sum.skipped,
          seconds,
          examplesPerSecond: sum.examples / seconds,
        };
        history.push(record);
        for (const callback of callbacks) await callback.onEpoch?.(record, control);
      };
      await (average ? trainer.withAverage(told) : told());
    }
    if (average) model.setParameters(trainer.average());
  } catch (error) {
    // Steps of the same run that went well before it have happened too.
    if (error instanceof NonFiniteError) trainer.steps = error.step - 1;
    let answer: string | undefined;
    for (const callback of callbacks) {
      const said = await callback.onError?.(error, control);
      answer ??= said;
    }
    if (answer === undefined) throw error;
    reason ??= answer;
  } finally {
    try {
      for (const callback of callbacks) await callback.onEnd?.(control);
    } finally {
      runner.release();
      evaluator?.release();
      trainer.close();
    }
  }
  return {
    history,
    steps: trainer.steps,
    reason: reason ?? "epochs",
    seconds: (performance.now() - began) / 1000,
  };
}

/** The rows of an epoch, in the order in which they are taken. */
function orderOf(
  data: Dataset,
  sampling: NonNullable<TrainOptions["sampling"]>,
  seed: number,
  epoch: number,
): Int32Array {
  if (sampling === "in-order") return Int32Array.from({ length: data.length }, (_, row) => row);
  if (sampling === "shuffled") return permutation(data.length, seed, epoch);
  return integers(data.length, { below: data.length, seed, stream: `with replacement ${epoch}` });
}

interface Steps {
  readonly rows: readonly Row[];
  readonly batch: number;
}

/** Many steps in one call, as many as fit into a short while or come before a stop; a smaller batch at the end. */
async function* resident(
  trainer: Trainer,
  runner: StepRunner,
  order: Int32Array,
  size: number | "full",
  stops: readonly number[],
): AsyncGenerator<Steps> {
  let at = 0;
  let steps = 1;
  while (at < order.length) {
    const left = order.length - at;
    const batch = Math.min(size === "full" ? left : size, left);
    const next = stops.map((every) => every - (trainer.steps % every));
    const count = Math.min(steps, runner.capacity, Math.floor(left / batch), ...next);
    const start = performance.now();
    const rows = await runner.run(batch, order.subarray(at, at + count * batch), trainer.steps + 1);
    const elapsed = Math.max(performance.now() - start, 0.01);
    steps = Math.max(1, Math.min(Math.round((count * SLICE) / elapsed), 4 * steps));
    trainer.steps += rows.length;
    at += count * batch;
    yield { rows, batch };
    // Timers and input get their turn.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

async function* streamed(
  trainer: Trainer,
  runner: StepRunner,
  batches: ReturnType<IterableDataset["batch"]>,
): AsyncGenerator<Steps> {
  for await (const batch of ahead(batches)) {
    const row = await runner.step(batch, () => trainer.steps + 1);
    trainer.steps++;
    yield { rows: [row], batch: batch.size };
  }
}
