// A trainer takes a model a step at a time; train() stands on it.
import { EngineError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { sizeOf } from "../core/shape.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { Block } from "../engine/memory.ts";
import { readFile, writeFileAtomically } from "../formats/file.ts";
import type { Model } from "../nn/model.ts";
import type { ParameterValues } from "../nn/weights.ts";
import { oneOf, type Transform } from "../optim/transform.ts";
import type { Fields, StepBatch } from "./feeds.ts";
import type { Loss, Metric } from "./loss.ts";
import { Regions } from "./regions.ts";
import { type Row, StepRunner } from "./runner.ts";
import { readState, type StateLayout, stateLayout, writeState } from "./state.ts";

/** Options of {@link createTrainer} and {@link createTrainerSync}. */
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

/** What a trainer, a training and an evaluation know: one record of options may serve all of them. */
export const TRAINING = {
  data: 0,
  validation: 0,
  loss: 0,
  metrics: 0,
  optimizer: 0,
  epochs: 0,
  batchSize: 0,
  sampling: 0,
  average: 0,
  callbacks: 0,
  seed: 0,
  onNonFinite: 0,
  engine: 0,
} as const;

/** What one step came to: the loss and the metrics by name, of the batch alone. */
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
  readonly #state: Regions;
  readonly #direct: StepRunner;
  readonly #layout: StateLayout;
  /** The model holds the average at present. */
  #lent = false;

  constructor(model: Model, engine: Engine, options: TrainerOptions) {
    const {
      loss,
      optimizer,
      metrics = [],
      seed = 0,
      onNonFinite = "stop",
    } = checkOptions("train", options, TRAINING);
    oneOf("train: onNonFinite", onNonFinite, ["stop", "skip", "ignore"]);
    this.model = model;
    this.engine = engine;
    this.metrics = metrics;
    this.#options = { model, engine, loss, metrics, training: { optimizer, seed, onNonFinite } };
    this.#state = new Regions(engine);
    this.#direct = this.runner();
    this.#layout = stateLayout(optimizer, model.weights);
  }

  /**
   * One step on a batch: `{ inputs, labels | targets, size }`, as the datasets' batches are.
   * @throws ShapeError or DataError where the batch does not fit; then nothing has changed.
   * @throws NonFiniteError by policy; the parameters are those before the step.
   */
  step(batch: StepBatch): Promise<StepResult> {
    return this.#direct.step(batch, () => this.#next()).then((row) => this.#result(row));
  }

  /** The same without a promise, on an engine of one thread. */
  stepSync(batch: StepBatch): StepResult {
    return this.#result(this.#direct.stepSync(batch, this.#next()));
  }

  /** Steps over a dataset in the engine's memory, with this trainer's optimizer state, which outlives the runner. */
  runner(fields?: Fields): StepRunner {
    return new StepRunner(this.#options, fields, this.#state);
  }

  /**
   * The optimizer's state and the number of steps as the bytes of a safetensors file; with the model's, all that a
   * training needs to go on where it was.
   * @throws EngineError while a run is under way.
   */
  stateToBytes(): Uint8Array {
    this.#atRest();
    return writeState(this.#layout, this.steps, (region, offset, length) => {
      const { address } = this.#region(region);
      return new Float32Array(this.engine.memory.buffer, address + offset, length);
    });
  }

  /**
   * Takes state that a trainer with the same optimizer and a model of the same shapes has written.
   * @throws FormatError or ShapeError where it is another optimizer's or another model's; then nothing is changed.
   * @throws EngineError while a run is under way.
   */
  stateFromBytes(bytes: Uint8Array): void {
    this.#atRest();
    const { steps, values } = readState(this.#layout, bytes);
    for (const { region, offset, values: numbers } of values) {
      const { address } = this.#region(region);
      new Float32Array(this.engine.memory.buffer, address + offset, numbers.length).set(numbers);
    }
    this.steps = steps;
  }

  /** Writes the state to a file; a crash leaves the old file or the new one. @throws EngineError while a run is under way. */
  async saveState(path: string): Promise<void> {
    await writeFileAtomically(path, this.stateToBytes());
  }

  /** Reads the state from a file. @throws FormatError, ShapeError, EngineError; then nothing is changed. */
  async loadState(path: string): Promise<void> {
    this.stateFromBytes(await readFile(path));
  }

  /**
   * Numbers of the optimizer's state, by their name in the file of it or the end of that name.
   * @throws OptionError for an unknown name. @throws EngineError while a run is under way.
   * @example
   * const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer: chain(skipNonFinite(), adam()) });
   * for (const batch of digits.train.batch(32)) await trainer.step(batch);
   * const [leftOut] = trainer.state("skipped");
   */
  state(name: string): Float32Array {
    this.#atRest();
    const { parts } = this.#layout;
    const part = [...parts].find(([each]) => ` ${each}`.endsWith(` ${name}`))?.[1];
    if (!part) throw new OptionError(`state: wanted one of ${[...parts.keys()].join(", ")}, got ${name}`);
    const { address } = this.#region(part.region);
    return new Float32Array(this.engine.memory.buffer, address + part.offset, sizeOf(part.shape)).slice();
  }

  /**
   * The average of the weights that `ema` or `swa` keeps, or that an optimizer finds by itself, as `asgd` and
   * `scheduleFreeSgd` do, by parameter name; before the first step the weights.
   * @throws OptionError where the optimizer keeps none.
   * @example
   * const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer: ema(adam()) });
   * for (const batch of digits.train.batch(32)) await trainer.step(batch);
   * model.setParameters(trainer.average());
   */
  average(): Map<string, ParameterValues> {
    return this.model.weights.read(this.#average());
  }

  /**
   * Lends the average of the weights to the model while some work is done, then puts the weights back.
   * @throws OptionError where the optimizer keeps none; EngineError for a step while the work is under way.
   * @example
   * const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer: ema(adam()) });
   * for (const batch of digits.train.batch(32)) await trainer.step(batch);
   * await trainer.withAverage(() => evaluate(model, digits.test, { loss: softmaxCrossEntropy }));
   */
  async withAverage<T>(work: () => T | Promise<T>): Promise<T> {
    const { weights } = this.model;
    // A step under way is let finish.
    const own = await this.engine.turn(async () => {
      this.#checkOwn();
      const average = this.#average();
      const before = weights.snapshot();
      weights.restore(average);
      this.#lent = true;
      return before;
    });
    try {
      return await work();
    } finally {
      weights.restore(own);
      this.#lent = false;
    }
  }

  /** @throws OptionError where the optimizer keeps no average. */
  checkAverage(where: string): void {
    if (this.#layout.evaluation.length > 0) return;
    throw new OptionError(
      `${where}: average: wanted an optimizer that keeps an average of the weights, got one without: put ema or swa around it`,
    );
  }

  #checkOwn(): void {
    if (this.#lent)
      throw new EngineError("trainer: its model holds the average: wait for withAverage to end");
  }

  /** The number of the next step. */
  #next(): number {
    this.#checkOwn();
    return this.steps + 1;
  }

  /** The flat vector at which the optimizer wants the model evaluated: averages for what it trains, all else as it is. */
  #average(): Float32Array<ArrayBuffer> {
    const values = this.model.weights.snapshot();
    if (this.steps === 0) return values;
    this.checkAverage("trainer");
    for (const { region, offset, size, weight } of this.#layout.evaluation) {
      const slot = new Float32Array(this.engine.memory.buffer, this.#region(region).address + offset, size);
      for (let i = 0, at = offset / 4; i < size; i++, at++) {
        const value = values[at]!;
        // With a weight of 1 the very bits of the slot.
        values[at] = weight === 1 ? slot[i]! : value + weight * (slot[i]! - value);
      }
    }
    return values;
  }

  /**
   * Gives back the memory of the optimizer's state; the model keeps its weights. Done by itself when nobody holds the trainer.
   * A step under way ends as it would have; what needs the state throws EngineError from now on, also of its runners.
   */
  close(): void {
    this.#direct.release();
    this.#state.release();
  }

  /** A region of state; made as it is before the first step where no step has made it. */
  #region(region: string): Block {
    return this.#direct.region(region, this.#layout.bytes.get(region)!, this.#layout.initial.get(region)!);
  }

  #atRest(): void {
    if (this.engine.busy) throw new EngineError("trainer: a run is under way: wait for its step");
  }

  #result(row: Row): StepResult {
    this.steps++;
    const metrics = Object.fromEntries(
      this.metrics.map(({ name, collect }, index) => {
        const numbers = row[index + 1]!;
        const collector = collect?.();
        collector?.add(numbers);
        return [name, collector ? collector.value() : numbers[0]!];
      }),
    );
    return { loss: row[0]![0]!, metrics, step: this.steps };
  }
}

/**
 * A trainer for those who own the loop.
 * @throws OptionError for an option out of range or unknown, or a model without anything to train.
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
