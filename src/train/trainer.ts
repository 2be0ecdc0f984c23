// A trainer takes a model a step at a time; train() stands on it.
import { OptionError } from "../core/errors.ts";
import type { Batch } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { Model } from "../nn/model.ts";
import type { ParameterValues } from "../nn/weights.ts";
import type { Transform } from "../optim/transform.ts";
import type { Loss, Metric } from "./loss.ts";
import { type Fields, type Row, type Shared, StepRunner } from "./runner.ts";

export interface TrainerOptions {
  /** From the model's output and the target to a scalar. */
  readonly loss: Loss;
  readonly optimizer: Transform;
  /** Watched beside the loss. Default: none. */
  readonly metrics?: readonly Metric[];
  /** Seed of initial weights (where the model has none), of dropout and of shuffling. Default: 0. */
  readonly seed?: number;
  /**
   * What a loss that is not finite does, before it reaches a parameter: "stop" throws NonFiniteError,
   * "skip" leaves the update out, "ignore" goes on. Default: "stop".
   */
  readonly onNonFinite?: "stop" | "skip" | "ignore";
  /** Where to compute. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine;
}

/** What one step came to: the loss and the metrics by name, means over the batch. */
export interface StepResult {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Number of the step, counted from 1. */
  readonly step: number;
}

/** Made by createTrainer or createTrainerSync. Batches may differ in size; each size has its program. */
export class Trainer {
  readonly model: Model;
  readonly engine: Engine;
  readonly metrics: readonly Metric[];
  /** Steps taken so far. */
  steps = 0;
  readonly #options: ConstructorParameters<typeof StepRunner>[0];
  readonly #shared: Shared = { blocks: new Map(), evaluation: new Map() };
  readonly #direct: StepRunner;

  constructor(model: Model, engine: Engine, options: TrainerOptions) {
    const { loss, optimizer, metrics = [], seed = 0, onNonFinite = "stop" } = options;
    if (!["stop", "skip", "ignore"].includes(onNonFinite)) {
      throw new OptionError(
        `train: onNonFinite: wanted "stop", "skip" or "ignore", got ${JSON.stringify(onNonFinite)}`,
      );
    }
    this.model = model;
    this.engine = engine;
    this.metrics = metrics;
    this.#options = { model, engine, loss, metrics, training: { optimizer, seed, onNonFinite } };
    this.#direct = this.runner();
  }

  /**
   * One step on a batch: `{ inputs, labels | targets, size }`, as the datasets' batches are.
   * @throws ShapeError or DataError where the batch does not fit; then nothing has changed.
   * @throws NonFiniteError by policy; the parameters are those before the step.
   */
  step(batch: Batch): Promise<StepResult> {
    return this.#direct.step(batch, () => this.steps + 1).then((row) => this.#result(row));
  }

  /** The same without a promise, on an engine of one thread. */
  stepSync(batch: Batch): StepResult {
    return this.#result(this.#direct.stepSync(batch, this.steps + 1));
  }

  /**
   * Copies of all parameters by name, as they are to be evaluated and saved: what is trained, but for optimizers that
   * average, as `scheduleFreeSgd` and `asgd` do. Not while a step runs.
   * @example served.setParameters(trainer.evaluationWeights())
   */
  evaluationWeights(): Map<string, ParameterValues> {
    return this.#direct.evaluationWeights();
  }

  /** Steps over a dataset in the engine's memory, with this trainer's optimizer state. */
  runner(fields?: Fields): StepRunner {
    return new StepRunner(this.#options, fields, this.#shared);
  }

  /** Gives back the memory of the optimizer's state; the model keeps its weights. Done by itself when nobody holds the trainer. */
  close(): void {
    this.#direct.release();
  }

  #result(row: Row): StepResult {
    this.steps++;
    const metrics = Object.fromEntries(this.metrics.map(({ name }, index) => [name, row[index + 1]!]));
    return { loss: row[0]!, metrics, step: this.steps };
  }
}

/**
 * A trainer for those who own the loop.
 * @throws OptionError for an option out of range.
 * @example
 * const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer: sgd({ learningRate: 0.1 }) });
 * for await (const batch of stream.batch(32)) console.log((await trainer.step(batch)).loss);
 */
export async function createTrainer(model: Model, options: TrainerOptions): Promise<Trainer> {
  const engine = options.engine ?? model.weights.engine ?? (await defaultEngine());
  const trainer = new Trainer(model, engine, options);
  if (!model.weights.initialized) await model.initialize({ engine, seed: options.seed ?? 0 });
  return trainer;
}

/**
 * A trainer without promises, on an engine from createEngineSync.
 * @example
 * const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer: adam(), engine: createEngineSync() });
 * const { loss } = trainer.stepSync({ inputs, targets, labels: undefined, size: 8 });
 */
export function createTrainerSync(
  model: Model,
  options: TrainerOptions & { readonly engine: Engine },
): Trainer {
  const trainer = new Trainer(model, options.engine, options);
  if (!model.weights.initialized) model.initializeSync({ engine: options.engine, seed: options.seed ?? 0 });
  return trainer;
}
