// What can be written to a program file: the program that predicts with a model, and that of its training steps.
import { ACTIVATIONS } from "../compile/instruction.ts";
import type { Program } from "../compile/program.ts";
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Dataset, Field } from "../data/index.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Model } from "../nn/model.ts";
import { StepRunner } from "../train/runner.ts";
import { readState, stateLayout } from "../train/state.ts";
import { dataRegion, REGION } from "../train/step.ts";
import type { TrainerOptions } from "../train/trainer.ts";
import type { Place } from "./program-file.ts";

/** A program with all that lies in its memory; made by `predictionProgram` or `trainingProgram`. */
export interface Replayable {
  readonly program: Program;
  /** Its weights are those at the time of writing. Programs of one model in one file share them. */
  readonly model: Model;
  /** Most steps of one run. */
  readonly steps: number;
  /** What regions hold at the start; others hold zeros, and all hold the program's constants. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** What a host may read and write, by the names that it has in the file. */
  readonly places: Readonly<Record<string, Omit<Place, "address"> & { readonly region: string }>>;
}

/** What the steps of `trainingProgram` are. */
export interface TrainingProgramOptions extends TrainerOptions {
  /** Lies in the file as it is: bytes stay bytes. */
  readonly data: Dataset;
  /** Examples a step: in the order of the data, from the start again behind the last. Default: 32. */
  readonly batchSize?: number;
  /** Most steps of one run, up to 1,024. Default: those of one pass over the data. */
  readonly steps?: number;
  /** What `trainer.stateToBytes()` gave, to go on from there. Default: the first step. */
  readonly state?: Uint8Array;
}

/** What every step makes anew. */
const MADE: ReadonlySet<string> = new Set([ACTIVATIONS, REGION.log]);
/** A step that depends on nothing but its input can be repeated as often as its number can be counted. */
const ANY_STEPS = 2 ** 31 - 1;

/**
 * The program that predicts with a model, for a program file. Its places: "input" [batch, ...inputShape], "output"
 * [batch, ...outputShape] and the parameters by name; each step of a run computes the same again.
 * Throws `OptionError` for a batch size (default: 1) that is none.
 * @example
 * await model.initialize();
 * const file = writePrograms({ predict: predictionProgram(model, { batchSize: 4 }) });
 */
export function predictionProgram(model: Model, options: { readonly batchSize?: number } = {}): Replayable {
  const { batchSize = 1 } = checkOptions("predictionProgram", options, { batchSize: 0 });
  checkCount("predictionProgram: batchSize", batchSize);
  const { inputShape, inputType, outputShape } = model;
  return {
    program: model.predictor(batchSize),
    model,
    steps: ANY_STEPS,
    contents: new Map(),
    places: {
      input: { role: "input", type: inputType, shape: [batchSize, ...inputShape], region: "input" },
      output: { role: "output", type: "f32", shape: [batchSize, ...outputShape], region: "output" },
    },
  };
}

/**
 * The program of training steps over a dataset, for a program file. A run of n steps takes the first n rows of what the
 * file holds: batches, hyper-parameters and step numbers. Run again, it takes the same rows again, with the weights
 * and the optimizer's state as they have become. Its places: "inputs" [examples, ...], "labels" or "targets", "order" [steps,
 * batch] with the examples that each step takes, "log" [steps, n] with the loss and then the metrics of each step,
 * and the parameters by name.
 * Throws `OptionError`, `ShapeError`, `DataError`, `FormatError` where options, model, data and state do not fit together.
 * @example
 * const options = { data: digits.train, loss: softmaxCrossEntropy, optimizer: adam(), batchSize: 50, steps: 20 };
 * const file = writePrograms({
 *   train: await trainingProgram(model, options),
 *   predict: predictionProgram(model),
 * });
 */
export async function trainingProgram(model: Model, options: TrainingProgramOptions): Promise<Replayable> {
  const {
    loss,
    optimizer,
    metrics = [],
    seed = 0,
    onNonFinite = "stop",
    batchSize = 32,
  } = checkOptions("trainingProgram", options, {
    data: 0,
    loss: 0,
    optimizer: 0,
    metrics: 0,
    seed: 0,
    onNonFinite: 0,
    engine: 0,
    batchSize: 0,
    steps: 0,
    state: 0,
  });
  const data = options.data.materialize();
  const { steps = Math.min(Math.ceil(data.length / batchSize), 1024) } = options;
  checkCount("trainingProgram: batchSize", batchSize);
  checkCount("trainingProgram: steps", steps);
  const engine = options.engine ?? model.weights.engine ?? (await defaultEngine());
  if (!model.weights.initialized) await model.initialize({ engine, seed });
  const state = options.state && readState(stateLayout(optimizer, model.weights), options.state);
  const training = { optimizer, seed, onNonFinite };
  const runner = new StepRunner({ engine, model, loss, metrics, training }, data);
  try {
    await runner.prepare(batchSize);
    if (steps > runner.capacity) {
      throw new OptionError(`trainingProgram: steps: got ${steps}, wanted up to ${runner.capacity}`);
    }
    const order = Int32Array.from({ length: steps * batchSize }, (_, row) => row % data.length);
    const loaded = await runner.load(batchSize, order, 1 + (state?.steps ?? 0));
    const { program } = loaded;
    const contents = new Map<string, Uint8Array>();
    for (const [region, bytes] of program.regions) {
      const { address } = loaded.region(region);
      if (region !== REGION.parameters && !MADE.has(region))
        contents.set(region, new Uint8Array(engine.memory.buffer, address, bytes).slice());
    }
    for (const { region, offset, values } of state?.values ?? [])
      contents.get(region)?.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    const places = trainingPlaces(data, model, [steps, batchSize], columnsOf(program, runner.capacity));
    return { program, model, steps, contents, places };
  } finally {
    runner.release();
  }
}

/** Numbers that a step notes; the region has been rounded up to whole cache lines. */
function columnsOf({ regions }: Program, steps: number): number {
  return Math.floor(regions.get(REGION.log)! / 4 / steps);
}

function trainingPlaces(
  { inputs, labels, targets, length }: Dataset,
  { inputType }: Model,
  [steps, batch]: readonly [number, number],
  columns: number,
): Replayable["places"] {
  const stored = (region: string, { values, shape }: Field, integers: boolean) => {
    const type = integers ? "i32" : values instanceof Uint8Array ? "u8" : "f32";
    return { role: "input", type, shape: [length, ...shape], region: dataRegion(region) } as const;
  };
  return {
    inputs: stored(REGION.input, inputs, inputType === "i32"),
    ...(labels ? { labels: stored(REGION.target, labels, true) } : {}),
    ...(targets ? { targets: stored(REGION.target, targets, false) } : {}),
    order: { role: "input", type: "i32", shape: [steps, batch], region: REGION.order },
    log: { role: "output", type: "f32", shape: [steps, columns], region: REGION.log },
  };
}

function checkCount(what: string, count: number): void {
  if (!(Number.isInteger(count) && count >= 1))
    throw new OptionError(`${what}: got ${count}, wanted a positive integer`);
}
