// A model: a function from input to output, the weights that it has, and what can be done with them.
import { compile, type Program } from "../compile/program.ts";
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { checkShape, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import { readFile, writeFileAtomically } from "../formats/file.ts";
import { readSafetensors, toFloat32 } from "../formats/safetensors.ts";
import { writeSafetensors } from "../formats/safetensors-writer.ts";
import { type DType, Graph, type Tensor } from "../graph/tensor.ts";
import { maximum } from "../ops/arithmetic.ts";
import { type InputReader, type Inputs, readInputs } from "./inputs.ts";
import type { Layer } from "./layer.ts";
import { type Batch, Predictors } from "./predictors.ts";
import { type ParameterValues, Weights } from "./weights.ts";

/** Options of {@link sequential} and {@link defineModel}. */
export interface ModelOptions {
  /** Shape of one input, without the batch. */
  readonly input: Shape;
  /** "i32" where inputs are integers from 0, such as tokens. Default: "f32". */
  readonly inputType?: Exclude<DType, "i8"> | undefined;
}

/** Options of {@link Model.predict}. */
export interface RunOptions {
  /** Where to compute. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine;
}

/** Options of {@link Model.initialize}. */
export interface InitializeOptions extends RunOptions {
  /** Seed of the initial weights. Default: 0. */
  readonly seed?: number;
}

const RUN = { engine: 0 } as const;
const INITIALIZE = { seed: 0, engine: 0 } as const;

/** A model; made by `sequential` or `defineModel`. */
export class Model {
  /** Shape of one input, without the batch. */
  readonly inputShape: Shape;
  readonly inputType: Exclude<DType, "i8">;
  /** Inputs are integers below this; undefined: they are floats. */
  readonly inputLimit: number | undefined;
  /** Shape of one output, without the batch. */
  readonly outputShape: Shape;
  readonly weights: Weights;
  readonly #apply: (x: Tensor) => Tensor;
  readonly #predictors: Predictors;

  constructor({ input, inputType = "f32" }: ModelOptions, apply: (x: Tensor) => Tensor) {
    this.inputShape = checkShape("model: input", input);
    this.inputType = inputType;
    this.#apply = apply;
    const graph = new Graph("train");
    const x = graph.input("input", [1, ...input], inputType);
    const output = this.trace(graph, x);
    if (output.shape[0] !== 1) {
      throw new ShapeError(
        `model: the output must keep the batch as its first axis, got ${showShape(output.shape)}`,
      );
    }
    this.outputShape = output.shape.slice(1);
    this.#predictors = new Predictors(sizeOf(this.outputShape));
    this.inputLimit =
      inputType === "i32" ? ((x.node.source as { labels?: number }).labels ?? 2 ** 31) : undefined;
    this.weights = new Weights(graph.parameters.values());
  }

  /** Number of trained numbers. */
  get parameterCount(): number {
    return this.weights.segments.reduce((sum, { size, trained }) => sum + (trained ? size : 0), 0);
  }

  /** The model's output for an input [batch, ...inputShape], in a graph. */
  trace(graph: Graph, x: Tensor): Tensor {
    const y = this.#apply(x);
    if (y.graph !== graph) throw new ShapeError("model: its function gave back a tensor of another graph");
    return y;
  }

  /** Draws initial weights, where the model has any; without it, training and prediction do so at their start. */
  async initialize(options: InitializeOptions = {}): Promise<void> {
    const { seed = 0, engine } = checkOptions("initialize", options, INITIALIZE);
    if (this.weights.segments.length === 0) return;
    const where = engine ?? this.weights.engine ?? (await defaultEngine());
    await where.turn(async (run) => {
      const loaded = this.weights.load(where, seed);
      await run(loaded);
      this.weights.take(loaded);
    });
  }

  /** The same without a promise, on an engine of one thread. */
  initializeSync(options: InitializeOptions & { readonly engine: Engine }): void {
    const { seed = 0, engine } = checkOptions("initialize", options, INITIALIZE);
    if (this.weights.segments.length === 0) return;
    engine.turnSync((run) => {
      const loaded = this.weights.load(engine, seed);
      run(loaded);
      this.weights.take(loaded);
    });
  }

  /**
   * Outputs for some inputs, example after example: [n, ...outputShape].
   * @throws OptionError for an unknown option. @throws ShapeError where the inputs do not fit. @throws DataError naming the place of a number that is not finite.
   * @example const scores = await model.predict(images); // Float32Array of n · 10
   */
  async predict(inputs: Inputs, options: RunOptions = {}): Promise<Float32Array> {
    const { engine } = checkOptions("predict", options, RUN);
    const reader = readInputs("predict", inputs, this);
    const where = engine ?? this.weights.engine ?? (await defaultEngine());
    if (!this.weights.initialized) await this.initialize({ engine: where });
    const result = new Float32Array(reader.length * sizeOf(this.outputShape));
    for (const batch of this.#predictors.batches(reader.length)) {
      await where.turn(async (run) => {
        await this.weights.available(where);
        const loaded = this.#begin(where, reader, batch);
        await run(loaded);
        this.#predictors.read(loaded, batch, result);
      });
    }
    return result;
  }

  /** The same without a promise, on an engine of one thread. */
  predictSync(inputs: Inputs, options: { readonly engine: Engine }): Float32Array {
    const { engine } = checkOptions("predict", options, RUN);
    const reader = readInputs("predict", inputs, this);
    if (!this.weights.initialized) this.initializeSync({ engine });
    const result = new Float32Array(reader.length * sizeOf(this.outputShape));
    return engine.turnSync((run) => {
      for (const batch of this.#predictors.batches(reader.length)) {
        const loaded = this.#begin(engine, reader, batch);
        run(loaded);
        this.#predictors.read(loaded, batch, result);
      }
      return result;
    });
  }

  /** Copies of the parameters, and of state, by name, such as dense.weight. */
  parameters(): Map<string, ParameterValues> {
    return this.weights.read();
  }

  /** Sets every parameter, and all state. @throws ShapeError naming one that is missing, unknown or of another shape; then nothing is changed. */
  setParameters(
    parameters: ReadonlyMap<string, { readonly shape: Shape; readonly values: ArrayLike<number> }>,
  ): void {
    this.weights.set(parameters);
  }

  /** The parameters as the bytes of a safetensors file. */
  toBytes(): Uint8Array {
    const tensors = [...this.parameters()].map(
      ([name, { shape, values }]) => [name, { dtype: "F32", shape, values }] as const,
    );
    return writeSafetensors(new Map(tensors), new Map([["format", "downhill"]]));
  }

  /** Takes the parameters from the bytes of a safetensors file. @throws FormatError, ShapeError; then nothing is changed. */
  fromBytes(bytes: Uint8Array): void {
    const { tensors } = readSafetensors(bytes);
    this.setParameters(
      new Map(
        [...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, values: toFloat32(tensor) }]),
      ),
    );
  }

  /** Writes the parameters to a safetensors file; a crash leaves the old file or the new one, never half of one. */
  async save(path: string): Promise<void> {
    await writeFileAtomically(path, this.toBytes());
  }

  /** Reads the parameters from a safetensors file. @throws FormatError, ShapeError; then nothing is changed. */
  async load(path: string): Promise<void> {
    this.fromBytes(await readFile(path));
  }

  /** Compiles the prediction for a batch: from the region "input" and the weights in "parameters" to "output". */
  predictor(batch: number): Program {
    const graph = new Graph("predict");
    const input = graph.input("input", [batch, ...this.inputShape], this.inputType);
    const traced = this.trace(graph, input);
    // A model that does nothing still has to bring its numbers from one place to the other.
    const output = traced === input ? maximum(input, input) : traced;
    const placements = new Map([
      [input, { region: "input", offset: 0 }],
      [output, { region: "output", offset: 0 }],
      ...this.place(graph),
    ]);
    return compile({ graph, placements });
  }

  /** The program for a batch, whose inputs are in place. */
  #begin(engine: Engine, reader: InputReader, batch: Batch): LoadedProgram {
    const size = batch.to - batch.from;
    const parameters = this.weights.bind(engine);
    const known = this.#predictors.get(size, engine);
    const loaded =
      known?.region("parameters") === parameters
        ? known
        : engine.load(this.predictor(size), new Map([["parameters", parameters]]));
    this.#predictors.write(loaded, reader, batch);
    return loaded;
  }

  /** Where the parameters of a traced graph lie. */
  place(graph: Graph): [Tensor, { region: string; offset: number }][] {
    return this.weights.segments.flatMap(({ name, offset }) => {
      const tensor = graph.parameters.get(name);
      return tensor
        ? [
            [tensor, { region: "parameters", offset: offset * 4 }] as [
              Tensor,
              { region: string; offset: number },
            ],
          ]
        : [];
    });
  }
}

/**
 * A model of layers one after the other.
 * @throws OptionError for no layer. @throws ShapeError naming the layer whose input does not fit.
 * @example const model = sequential({ input: [784] }, dense(64, { activation: "relu" }), dense(10));
 */
export function sequential(options: ModelOptions, ...layers: readonly Layer[]): Model {
  if (layers.length === 0) throw new OptionError("sequential: wanted at least one layer, got none");
  return new Model(options, (x) => layers.reduce((h, layer) => layer(h), x));
}

/**
 * A model that is any function of its input. A layer applied twice shares its parameters; layers made inside the
 * function are told apart by the order in which they are applied.
 * @example
 * const model = defineModel({ input: [8] }, (x) => {
 *   const h = dense(16, { activation: "relu" })(x);
 *   return dense(1)(add(h, dense(16)(h)));
 * });
 */
export function defineModel(options: ModelOptions, apply: (x: Tensor) => Tensor): Model {
  return new Model(options, apply);
}
