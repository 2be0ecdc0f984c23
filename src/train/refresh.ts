// Running statistics anew: where weights did not come from the steps that the statistics went along with.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { Dataset, type IterableDataset } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import { Graph, type Tensor } from "../graph/tensor.ts";
import type { Model } from "../nn/model.ts";
import { add, mul, sub } from "../ops/arithmetic.ts";
import { rounded, type Transform } from "../optim/transform.ts";
import { StepRunner } from "./runner.ts";

/** Options of {@link refreshStatistics}. */
export interface RefreshOptions {
  /** Examples at a time, all batches with the same weight. Default: 256. */
  readonly batchSize?: number;
  /** Seed of dropout. Default: 0. */
  readonly seed?: number;
  /** Where to compute. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine;
}

/** Changes no parameter, and makes each state the mean of what the batches so far would renew it by. */
const means: Transform = {
  name: "refreshStatistics",
  hyperWords: 1,
  hyper: (step) => [1 / step],
  apply({ graph, hyper, assign }) {
    const share = hyper(0);
    for (const [state, { samples }] of graph.renewals) {
      const sample = mul(
        samples.reduce((sum, each) => add(sum, each)),
        1 / samples.length,
      );
      assign(state, rounded(add(mul(state, sub(1, share)), mul(sample, share))));
    }
  },
};

/** Batches of one call into the engine, so that others get their turn. */
const BATCHES = 64;

/**
 * Sets the running statistics of batch norm to the plain mean over the batches of a dataset, in its order, with the weights
 * that the model has; as update_bn of torch.optim.swa_utils. For averaged weights, whose statistics nothing has kept. All
 * state that layers renew is so set; a model without any is left as it is. Trains nothing.
 * @throws OptionError for a batch size that is no positive integer; ShapeError, DataError where model and data do not fit
 * together. After an error the statistics are those before.
 * @example
 * const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer: swa(sgd({ learningRate: 0.1 })) });
 * for (const batch of digits.train.batch(32)) await trainer.step(batch);
 * model.setParameters(trainer.average());
 * await refreshStatistics(model, digits.train);
 */
export async function refreshStatistics(
  model: Model,
  data: Dataset | IterableDataset,
  options: RefreshOptions = {},
): Promise<void> {
  const known = { batchSize: 0, seed: 0, engine: 0 } as const;
  const { batchSize = 256, seed = 0, engine: given } = checkOptions("refreshStatistics", options, known);
  if (!(Number.isInteger(batchSize) && batchSize >= 1))
    throw new OptionError(`refreshStatistics: batchSize: wanted a positive integer, got ${batchSize}`);
  const engine = given ?? model.weights.engine ?? (await defaultEngine());
  if (!model.weights.initialized) await model.initialize({ engine });
  const before = model.weights.snapshot();
  const runner = new StepRunner(
    {
      model,
      engine,
      loss: ({ graph }) => graph.constant(0),
      metrics: [],
      training: { optimizer: means, seed, onNonFinite: "ignore" },
    },
    data instanceof Dataset ? data.materialize() : undefined,
  );
  try {
    clear(model);
    if (data instanceof Dataset) await resident(runner, data.length, batchSize);
    else {
      let step = 0;
      for await (const batch of data.batch(batchSize)) await runner.step(batch, () => ++step);
    }
  } catch (error) {
    model.weights.restore(before);
    throw error;
  } finally {
    runner.release();
  }
}

/** A mean begins at 0 times what was there before, which must be a number. */
function clear(model: Model): void {
  const graph = new Graph();
  // Of two examples, since statistics of one may be none.
  model.trace(graph, graph.input("input", [2, ...model.inputShape]));
  const renewed = new Set<Tensor>(graph.renewals.keys());
  const values = model.weights.snapshot();
  for (const { name, offset, size } of model.weights.segments)
    if (renewed.has(graph.parameters.get(name)!)) values.fill(0, offset, offset + size);
  model.weights.restore(values);
}

async function resident(runner: StepRunner, length: number, batchSize: number): Promise<void> {
  const order = Int32Array.from({ length }, (_, row) => row);
  let step = 1;
  for (let at = 0; at < length; ) {
    const batch = Math.min(batchSize, length - at);
    const count = Math.min(BATCHES, Math.floor((length - at) / batch));
    await runner.run(batch, order.subarray(at, at + count * batch), step);
    step += count;
    at += count * batch;
  }
}
