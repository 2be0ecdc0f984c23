// The training loop of the page, without the page: it takes steps, counts epochs, and says what there is to see.
//
// The same settings and the same seed give the same weights as `train` of the library, in Node as in a browser.
import {
  accuracy,
  chain,
  createTrainer,
  type Engine,
  type Model,
  meanSquaredError,
  softmaxCrossEntropy,
  type Trainer,
  type Transform,
} from "downhill";
import { type Dataset, dataset } from "downhill/data";
import type { TrainingData } from "../data/training-data.ts";
import { type Histogram, histogram, type Measured, measureClasses, measureNumbers } from "./measure.ts";
import { entryOf, type OptimizerName } from "./optimizers.ts";
import { SCHEDULES, type ScheduleName } from "./schedules.ts";

export interface RunSettings {
  readonly optimizer: OptimizerName;
  readonly knobs: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly schedule: ScheduleName;
  readonly batchSize: number;
  readonly epochs: number;
  readonly seed: number;
}

/** One epoch's numbers: the means over its batches, and where it was measured what the held-out examples gave. */
export interface EpochNumbers {
  readonly epoch: number;
  readonly loss: number;
  readonly accuracy: number | undefined;
  validation: Measured | undefined;
}

/** A layer's numbers at a glance. */
export interface LayerNumbers {
  readonly name: string;
  readonly weights: Histogram;
  readonly gradients: Histogram;
}

/** Milliseconds of steps between two looks at the rest of the world. */
const SLICE = 20;

/** Examples that are measured at a time. */
const PART = 100;

/** Keeps each step's gradients as a part of the optimizer's state, so that they can be looked at. */
const keepGradients: Transform = {
  name: "seen",
  hyperWords: 0,
  hyper: () => [],
  apply(context) {
    for (const each of context.parameters) context.assign(context.slot(each, "gradient"), each.gradient);
  },
};

/** A training that can be taken further, step by step or epoch by epoch. */
export class Run {
  readonly model: Model;
  readonly data: TrainingData;
  readonly settings: RunSettings;
  readonly history: EpochNumbers[] = [];
  /** Epochs after which it ends; a schedule that was made for another number keeps to that. */
  epochs: number;
  /** At the schedule's highest; read before every step. */
  learningRate: number;
  /** Loss of the last step. */
  lastLoss = Number.NaN;
  /** Examples a second while steps were taken. */
  speed = 0;
  readonly #trainer: Trainer;
  readonly #runner: ReturnType<Trainer["runner"]>;
  /** Its inputs are the places of the examples: batches of it are the order of an epoch. */
  readonly #places: Dataset;
  readonly #shape: (step: number) => number;
  #order = new Int32Array();
  #at = 0;
  #sums = { loss: 0, accuracy: 0 };
  /** Steps of one call. */
  #stride = 1;

  private constructor(model: Model, data: TrainingData, settings: RunSettings, parts: Parts) {
    this.model = model;
    this.data = data;
    this.settings = settings;
    this.epochs = settings.epochs;
    this.learningRate = settings.learningRate;
    this.#trainer = parts.trainer;
    this.#runner = parts.trainer.runner(data.train.materialize());
    this.#shape = parts.shape;
    parts.rate.at = (step) => this.rateAt(step);
    this.#places = dataset({ inputs: Array.from({ length: data.train.length }, (_, place) => [place]) });
  }

  /** Begins a training of a model whose weights are still to be drawn. Throws what the library does. */
  static async begin(model: Model, data: TrainingData, settings: RunSettings, engine: Engine): Promise<Run> {
    const { optimizer, knobs, schedule, seed, epochs, batchSize } = settings;
    const shape = SCHEDULES[schedule](Math.max(1, epochs * Math.ceil(data.train.length / batchSize)));
    const rate = { at: (_: number) => settings.learningRate };
    const trainer = await createTrainer(model, {
      loss: data.task === "classes" ? softmaxCrossEntropy : meanSquaredError,
      metrics: data.task === "classes" ? [accuracy] : [],
      optimizer: chain(
        keepGradients,
        entryOf(optimizer).make((step) => rate.at(step), knobs),
      ),
      seed,
      engine,
    });
    return new Run(model, data, settings, { trainer, shape, rate });
  }

  get steps(): number {
    return this.#trainer.steps;
  }

  /** Epochs that are complete. */
  get epoch(): number {
    return this.history.length;
  }

  get finished(): boolean {
    return this.epoch >= this.epochs;
  }

  rateAt(step: number): number {
    return this.learningRate * this.#shape(step);
  }

  /** Takes one step. */
  async step(): Promise<void> {
    await this.#take(1);
  }

  /** Takes steps for a short while, at most to the end of the epoch. */
  async slice(): Promise<void> {
    const began = performance.now();
    const count = await this.#take(this.#stride);
    const elapsed = Math.max(performance.now() - began, 0.01);
    this.#stride = Math.max(1, Math.min(Math.round((count * SLICE) / elapsed), 4 * this.#stride));
  }

  /** Up to so many steps, within the epoch; gives how many. */
  async #take(wanted: number): Promise<number> {
    const { train } = this.data;
    const { length } = train;
    if (this.#at === 0) {
      const [all] = this.#places.batch("full", { seed: this.settings.seed, epoch: this.epoch + 1 });
      this.#order = Int32Array.from(all!.inputs);
    }
    const left = length - this.#at;
    const batch = Math.min(this.settings.batchSize, left);
    const count = Math.max(1, Math.min(wanted, this.#runner.capacity, Math.floor(left / batch)));
    const order = this.#order.subarray(this.#at, this.#at + count * batch);
    const began = performance.now();
    const rows = await this.#runner.run(batch, order, this.#trainer.steps + 1);
    const seconds = Math.max(performance.now() - began, 0.01) / 1000;
    const speed = (count * batch) / seconds;
    this.speed = this.speed === 0 ? speed : this.speed + 0.1 * (speed - this.speed);
    this.#trainer.steps += rows.length;
    for (const [loss, right] of rows) {
      this.#sums.loss += loss![0]! * batch;
      this.#sums.accuracy += (right?.[0] ?? 0) * batch;
    }
    this.lastLoss = rows.at(-1)![0]![0]!;
    this.#at += count * batch;
    if (this.#at === length) {
      this.history.push({
        epoch: this.epoch + 1,
        loss: this.#sums.loss / length,
        accuracy: this.data.task === "classes" ? this.#sums.accuracy / length : undefined,
        validation: undefined,
      });
      this.#sums = { loss: 0, accuracy: 0 };
      this.#at = 0;
    }
    return count;
  }

  /** Whether an epoch has just ended. */
  get between(): boolean {
    return this.#at === 0;
  }

  /** Measures the held-out examples, or where there are none those that it trains on; notes it with the last epoch. */
  async measure(): Promise<Measured & { readonly outputs: Float32Array }> {
    const { train, validation, task } = this.data;
    const data = validation ?? train;
    const outputs = await this.#predict(data);
    const [all] = data.batch("full");
    const measured =
      task === "classes"
        ? measureClasses(outputs, all!.labels!, data.classes!)
        : measureNumbers(outputs, all!.targets!);
    const last = this.history.at(-1);
    if (last && validation && this.#at === 0) last.validation = measured;
    return { ...measured, outputs };
  }

  /** The model's outputs, some examples at a time: all images at once would keep a page waiting for a drawing. */
  async #predict(data: Dataset): Promise<Float32Array> {
    const width = this.model.outputShape.reduce((size, side) => size * side, 1);
    const outputs = new Float32Array(data.length * width);
    for (let from = 0; from < data.length; from += PART)
      outputs.set(await this.model.predict(data.slice(from, from + PART)), from * width);
    return outputs;
  }

  /** Each layer's weights and the gradients of the last step; empty before the first. */
  async layers(): Promise<readonly LayerNumbers[]> {
    if (this.steps === 0) return [];
    return this.#trainer.engine.turn(async () =>
      [...this.model.parameters()].flatMap(([name, { shape, values }]) => {
        // Biases and the like are few; what a layer does is in its weights.
        if (shape.length < 2) return [];
        const gradients = this.#trainer.state(`gradient/${name}`);
        return [{ name, weights: histogram(values), gradients: histogram(gradients) }];
      }),
    );
  }

  /** Gives back the engine's memory. */
  close(): void {
    this.#runner.release();
    this.#trainer.close();
  }
}

interface Parts {
  readonly trainer: Trainer;
  readonly shape: (step: number) => number;
  /** Filled in when the run is there. */
  readonly rate: { at: (step: number) => number };
}
