// A quantized model: what is stored of the weights, and how it predicts.

import { EngineError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { sizeOf } from "../core/shape.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import { type Frozen, freeze } from "../inference/frozen.ts";
import { loadPrepared, prepared } from "../inference/prepared.ts";
import { type InputReader, type Inputs, readInputs } from "../nn/inputs.ts";
import type { Model, RunOptions } from "../nn/model.ts";
import { Predictors } from "../nn/predictors.ts";
import type { ParameterValues } from "../nn/weights.ts";
import { equip } from "./activations.ts";
import { writePlan } from "./file.ts";
import type { Affine } from "./numbers.ts";
import type { Plan } from "./rewriting.ts";
import { bytesOf, type WeightType } from "./stored.ts";

/** One product of a quantized model. */
export interface LayerReport {
  /** The parameter that is its weight. */
  readonly name: string;
  /** What computes it: matmul, convolution, … */
  readonly op: string;
  readonly weights: WeightType;
  /** Scale and zero point of its input's integers; undefined: it reads floats. */
  readonly input: Affine | undefined;
  /** Signal-to-quantization-noise ratio of the weight, in decibels: 6 are a bit. */
  readonly weightDecibels: number;
  /** The same of what the layer makes, with all that came before it quantized; undefined where there were no inputs to try. */
  readonly outputDecibels: number | undefined;
}

/** Options of {@link QuantizedModel.prepare}. */
export interface PrepareOptions extends RunOptions {
  /** Examples at a time. Default: 1. */
  readonly batchSize?: number;
}

/** Numbers for the parameters of a model that has its weights from elsewhere. */
export const placeholders = (model: Model): ReadonlyMap<string, ParameterValues> =>
  new Map(
    model.weights.segments.map(({ name, shape, size }) => [name, { shape, values: new Float32Array(size) }]),
  );

/** A model whose weights are stored in fewer bits; made by `quantize` or read by `quantizedFromBytes`. */
export class QuantizedModel {
  /** A row for each product whose weight has been quantized, in the order in which they are computed; none in a model read from a file. */
  readonly report: readonly LayerReport[];
  readonly #model: Model;
  readonly #plan: Plan;
  readonly #predictors: Predictors;
  #last: Promise<unknown> = Promise.resolve();

  constructor(model: Model, plan: Plan, report: readonly LayerReport[] = []) {
    this.#model = model;
    this.#plan = plan;
    this.report = report;
    this.#predictors = new Predictors(sizeOf(model.outputShape));
  }

  /** Shape of one input, without the batch. */
  get inputShape(): readonly number[] {
    return this.#model.inputShape;
  }

  /** Shape of one output, without the batch. */
  get outputShape(): readonly number[] {
    return this.#model.outputShape;
  }

  /** Bytes of the stored weights, with their scales. */
  get bytes(): number {
    return bytesOf(this.#plan.stored.values());
  }

  /** The graph as it predicts: ops on integers, where they are asked for; all else is floats. For compilers and exporters. */
  async frozen(batchSize = 1, engine?: Engine): Promise<Frozen> {
    const where = engine ?? (await defaultEngine());
    const parameters = placeholders(this.#model);
    const { rewritten } = await import("./rewriting.ts");
    return rewritten(await freeze(this.#model, { batchSize, engine: where, parameters }), this.#plan).frozen;
  }

  /**
   * Makes the program for a batch size, as `predict` does when it meets one, so that `predictSync` has it. A model keeps those
   * of the four batch sizes used last.
   * @throws OptionError for an option out of range or unknown. @throws MemoryError where it needs more than is left.
   * @example
   * await model.initialize();
   * const quantized = await quantize(model, { weights: "int4" });
   * await quantized.prepare({ batchSize: 64 });
   */
  async prepare(options: PrepareOptions = {}): Promise<void> {
    const { batchSize = 1, engine } = checkOptions("prepare", options, { batchSize: 0, engine: 0 });
    if (!(Number.isSafeInteger(batchSize) && batchSize > 0))
      throw new OptionError(`prepare: batchSize: got ${batchSize}, wanted a positive integer`);
    return this.#alone(async () => {
      const where = engine ?? (await defaultEngine());
      for (const { from, to } of this.#predictors.batches(batchSize)) {
        const size = to - from;
        if (!this.#predictors.get(size, where)) this.#predictors.keep(size, await this.#load(where, size));
      }
    });
  }

  /**
   * Outputs for some inputs, example after example: [n, ...outputShape].
   * @throws OptionError for an unknown option. @throws ShapeError where the inputs do not fit. @throws DataError naming the place of a number that is not finite.
   * @example
   * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam(), epochs: 1 });
   * const quantized = await quantize(model, { calibration: data });
   * const scores = await quantized.predict(images); // Float32Array of n · 10
   */
  async predict(inputs: Inputs, options: RunOptions = {}): Promise<Float32Array> {
    const { engine } = checkOptions("predict", options, { engine: 0 });
    return this.#alone(async () => {
      const { reader, result } = this.#read(inputs);
      const where = engine ?? (await defaultEngine());
      for (const batch of this.#predictors.batches(reader.length)) {
        const size = batch.to - batch.from;
        const loaded = this.#predictors.get(size, where) ?? (await this.#load(where, size));
        await where.turn(async (run) => {
          this.#predictors.write(loaded, reader, batch);
          await run(loaded);
          this.#predictors.read(loaded, batch, result);
        });
      }
      return result;
    });
  }

  /**
   * The same without a promise, on an engine of one thread, of as many examples as there is a program for: see `prepare`.
   * @throws EngineError where there is none, or while a run is under way.
   * @example
   * const engine = await createEngine({ threads: 1 });
   * await model.initialize({ engine });
   * const quantized = await quantize(model, { weights: "int4", engine });
   * await quantized.prepare({ engine });
   * const scores = quantized.predictSync(images.subarray(0, 784), { engine });
   * await engine.close();
   */
  predictSync(inputs: Inputs, options: { readonly engine: Engine }): Float32Array {
    const { engine } = checkOptions("predict", options, { engine: 0 });
    const { reader, result } = this.#read(inputs);
    return engine.turnSync((run) => {
      for (const batch of this.#predictors.batches(reader.length)) {
        const loaded = this.#predictors.get(batch.to - batch.from, engine);
        if (!loaded) {
          throw new EngineError(
            `predictSync: there is no program for ${reader.length} examples on this engine, see prepare`,
          );
        }
        this.#predictors.write(loaded, reader, batch);
        run(loaded);
        this.#predictors.read(loaded, batch, result);
      }
      return result;
    });
  }

  #read(inputs: Inputs): { readonly reader: InputReader; readonly result: Float32Array } {
    const reader = readInputs("predict", inputs, this.#model);
    return { reader, result: new Float32Array(reader.length * sizeOf(this.outputShape)) };
  }

  /** One after the other: a program that waits for its turn is not one to be put away. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #load(engine: Engine, batch: number): Promise<LoadedProgram> {
    const programs = prepared(await this.frozen(batch, engine));
    await equip(engine, programs.program);
    return loadPrepared(engine, programs);
  }

  /** The model as the bytes of a safetensors file, whose layout is docs/quantization.md. */
  toBytes(): Uint8Array {
    return writePlan(this.#plan);
  }
}
