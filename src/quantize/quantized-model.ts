// A quantized model: what is stored of the weights, and how it predicts.

import type { Program } from "../compile/program.ts";
import { sizeOf } from "../core/shape.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import { type Frozen, freeze, predictor } from "../inference/frozen.ts";
import { type Inputs, readInputs } from "../nn/inputs.ts";
import { type Model, type RunOptions, viewOf } from "../nn/model.ts";
import type { ParameterValues } from "../nn/weights.ts";
import { equip } from "./activations.ts";
import { writePlan } from "./file.ts";
import type { Affine } from "./numbers.ts";
import { type Plan, rewritten } from "./rewriting.ts";
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

/** Examples that one program takes at a time, and programs that are kept. */
const BATCH = 256;
const PREDICTORS = 4;

/** Frees the programs of models that nobody holds any more. */
const abandoned = new FinalizationRegistry<Map<number, LoadedProgram>>((programs) => {
  for (const program of programs.values()) program.release();
});

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
  /** By batch size, the one used last at the end. */
  readonly #programs = new Map<number, LoadedProgram>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(model: Model, plan: Plan, report: readonly LayerReport[] = []) {
    this.#model = model;
    this.#plan = plan;
    this.report = report;
    abandoned.register(this, this.#programs);
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
    return rewritten(await freeze(this.#model, { batchSize, engine: where, parameters }), this.#plan).frozen;
  }

  /**
   * Outputs for some inputs, example after example: [n, ...outputShape].
   * @throws ShapeError where the inputs do not fit. @throws DataError naming the place of a number that is not finite.
   * @example
   * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam(), epochs: 1 });
   * const quantized = await quantize(model, { calibration: data });
   * const scores = await quantized.predict(images); // Float32Array of n · 10
   */
  predict(inputs: Inputs, options: RunOptions = {}): Promise<Float32Array> {
    // One after the other: a program that waits for its turn is not one to be put away.
    const result = this.#last.then(() => this.#predict(inputs, options));
    this.#last = result.catch(() => {});
    return result;
  }

  async #predict(inputs: Inputs, { engine }: RunOptions): Promise<Float32Array> {
    const { inputShape, inputLimit, outputShape, inputType } = this.#model;
    const reader = readInputs("predict", inputs, inputShape, inputLimit);
    const where = engine ?? (await defaultEngine());
    const [inputSize, outputSize] = [sizeOf(inputShape), sizeOf(outputShape)];
    const result = new Float32Array(reader.length * outputSize);
    for (let from = 0; from < reader.length; from += BATCH) {
      const batch = Math.min(BATCH, reader.length - from);
      const isNew = this.#programs.get(batch)?.engine !== where;
      const program = isNew ? predictor(await this.frozen(batch, where)) : undefined;
      if (program) await equip(where, program);
      await where.turn(async (run) => {
        const loaded = this.#loaded(where, batch, program);
        reader.read(from, from + batch, loaded[viewOf(inputType)]("input", 0, batch * inputSize));
        await run(loaded);
        result.set(loaded.floats("output", 0, batch * outputSize), from * outputSize);
      });
    }
    return result;
  }

  /** The model as the bytes of a safetensors file, whose layout is docs/quantization.md. */
  toBytes(): Uint8Array {
    return writePlan(this.#plan);
  }

  /** The program for a batch size; those used last are kept. */
  #loaded(engine: Engine, batch: number, program: Program | undefined): LoadedProgram {
    const known = this.#programs.get(batch);
    this.#programs.delete(batch);
    if (program) known?.release();
    const loaded = program ? engine.load(program) : known!;
    this.#programs.set(batch, loaded);
    const [oldest] = this.#programs;
    if (oldest && this.#programs.size > PREDICTORS) {
      this.#programs.delete(oldest[0]);
      oldest[1].release();
    }
    return loaded;
  }
}
