// Measures a model on data, without training it.
import { DataError } from "../core/errors.ts";
import type { Dataset, IterableDataset } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { Model } from "../nn/model.ts";
import type { Loss, Metric } from "./loss.ts";
import { Mean } from "./mean.ts";
import { StepRunner } from "./runner.ts";

export interface EvaluateOptions {
  readonly loss: Loss;
  /** Default: none. */
  readonly metrics?: readonly Metric[];
  /** Examples at a time; the result does not depend on it but for rounding. Default: 256. */
  readonly batchSize?: number;
  /** Where to compute. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine;
}

export interface Evaluation {
  /** Mean over all examples. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly examples: number;
}

/**
 * Mean loss and metrics of a model over a dataset; layers such as dropout do nothing here.
 * @example const { metrics } = await evaluate(model, digits.test, { loss: softmaxCrossEntropy, metrics: [accuracy] });
 */
export async function evaluate(
  model: Model,
  data: Dataset | IterableDataset,
  { loss, metrics = [], batchSize = 256, engine }: EvaluateOptions,
): Promise<Evaluation> {
  const where = engine ?? model.weights.engine ?? (await defaultEngine());
  if (!model.weights.initialized) await model.initialize({ engine: where });
  const runner = new StepRunner({ model, engine: where, loss, metrics });
  const mean = new Mean(["loss", ...metrics.map(({ name }) => name)]);
  try {
    for await (const batch of data.batch(batchSize)) mean.add(await runner.step(batch, 1), batch.size);
  } finally {
    runner.release();
  }
  if (mean.examples === 0) throw new DataError("evaluate: the dataset is empty: wanted at least one example");
  return { ...mean.result(), examples: mean.examples };
}
