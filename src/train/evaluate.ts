// Measures a model on data, without training it.
import { DataError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { type Shape, showShape, sizeOf } from "../core/shape.ts";
import { Dataset, type IterableDataset } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { Model } from "../nn/model.ts";
import { checkCount } from "../optim/transform.ts";
import { ahead } from "./ahead.ts";
import type { Loss, Metric } from "./loss.ts";
import { Mean } from "./mean.ts";
import { StepRunner } from "./runner.ts";
import { TRAINING } from "./trainer.ts";

/** Options of {@link evaluate}. */
export interface EvaluateOptions {
  readonly loss: Loss;
  /** Default: none. */
  readonly metrics?: readonly Metric[];
  /** Examples at a time; the result does not depend on it but for rounding. Default: 256. */
  readonly batchSize?: number;
  /** Where to compute. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine;
}

/** What an evaluation came to. */
export interface Evaluation {
  /** Mean over all examples. */
  readonly loss: number;
  /** Means over all examples, or what a metric makes of all of them. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly examples: number;
}

/** Batches of one call into the engine, so that others get their turn. */
const BATCHES = 64;

/** Measures again and again on the same data; a dataset in memory is brought to the engine once. */
export class Evaluator {
  readonly #data: Dataset | IterableDataset;
  readonly #runner: StepRunner;
  readonly #batchSize: number;
  readonly #inputShape: Shape;
  readonly #metrics: readonly Metric[];

  constructor(model: Model, engine: Engine, data: Dataset | IterableDataset, options: EvaluateOptions) {
    const { loss, metrics = [], batchSize = 256 } = checkOptions("evaluate", options, TRAINING);
    checkCount("evaluate: batchSize", batchSize);
    this.#data = data instanceof Dataset ? data.materialize() : data;
    this.#runner = new StepRunner(
      { model, engine, loss, metrics },
      this.#data instanceof Dataset ? this.#data : undefined,
    );
    this.#batchSize = batchSize;
    this.#inputShape = model.inputShape;
    this.#metrics = metrics;
  }

  /** Finds before anything runs what does not fit. @throws ShapeError, DataError, MemoryError */
  async prepare(): Promise<void> {
    const { inputShape } = this.#data;
    if (this.#data instanceof Dataset)
      await this.#runner.prepare(Math.min(this.#batchSize, this.#data.length));
    else if (sizeOf(inputShape) !== sizeOf(this.#inputShape)) {
      throw new ShapeError(
        `data: inputs have shape ${showShape(inputShape)}, the model wants ${showShape(this.#inputShape)}`,
      );
    }
  }

  async run(): Promise<Evaluation> {
    const mean = new Mean(this.#metrics);
    if (this.#data instanceof Dataset) await this.#resident(this.#data.length, mean);
    else
      for await (const batch of ahead(this.#data.batch(this.#batchSize)))
        mean.add(await this.#runner.step(batch, () => 1), batch.size);
    if (mean.examples === 0)
      throw new DataError("evaluate: the dataset is empty: wanted at least one example");
    return { ...mean.result(), examples: mean.examples };
  }

  /** Gives back the memory. */
  release(): void {
    this.#runner.release();
  }

  async #resident(length: number, mean: Mean): Promise<void> {
    const order = Int32Array.from({ length }, (_, row) => row);
    await this.prepare();
    const most = Math.min(BATCHES, this.#runner.capacity);
    for (let at = 0; at < length; ) {
      const batch = Math.min(this.#batchSize, length - at);
      const end = at + batch * Math.min(most, Math.floor((length - at) / batch));
      for (const row of await this.#runner.run(batch, order.subarray(at, end), 1)) mean.add(row, batch);
      at = end;
    }
  }
}

/**
 * Mean loss and metrics of a model over a dataset; layers such as dropout do nothing here.
 * @throws OptionError for an option out of range or unknown. @throws ShapeError, DataError where model and data do not fit together.
 * @example const { metrics } = await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [accuracy] });
 */
export async function evaluate(
  model: Model,
  data: Dataset | IterableDataset,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const engine = options.engine ?? model.weights.engine ?? (await defaultEngine());
  if (!model.weights.initialized) await model.initialize({ engine });
  const evaluator = new Evaluator(model, engine, data, options);
  try {
    return await evaluator.run();
  } finally {
    evaluator.release();
  }
}
