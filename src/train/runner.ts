// Runs compiled steps of one model on one engine: keeps a program for each batch size, and the memory they share.
import { ALIGNMENT } from "../../assembly/abi.ts";
import { DataError, NonFiniteError, ShapeError } from "../core/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../core/shape.ts";
import type { Batch, Field, FieldValues } from "../data/index.ts";
import type { RunResult } from "../engine/crew.ts";
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import type { Block } from "../engine/memory.ts";
import type { DType } from "../graph/tensor.ts";
import { checkIntegers } from "../nn/inputs.ts";
import { type Model, viewOf } from "../nn/model.ts";
import type { Loss, Metric } from "./loss.ts";
import { compileStep, dataRegion, type FeedSpec, REGION, type StepSpec } from "./step.ts";
import type { Initial } from "./update.ts";

/** A batch that the caller brings: integers or bytes may stand for floats. */
export type StepBatch = Omit<Batch, "inputs"> & { readonly inputs: FieldValues };

/** Examples as fields, all of them, in memory. */
export interface Fields {
  readonly inputs: Field;
  readonly targets: Field | undefined;
  readonly labels: Field | undefined;
}

export interface RunnerOptions {
  readonly engine: Engine;
  readonly model: Model;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  readonly training?: NonNullable<StepSpec["training"]>;
}

/** The numbers of one step: of the loss, then of each metric. */
export type Row = readonly Float32Array[];

/** A program for one batch size. */
interface Prepared {
  readonly loaded: LoadedProgram;
  readonly check: (labels: FieldValues) => void;
  readonly widths: readonly number[];
  readonly parameters: Block;
  readonly target: Shape;
  readonly dtype: DType;
}

/** Most steps of one run over a dataset in memory. */
const STEPS = 1024;
/** Elements that are copied at a time, in some milliseconds. */
const PART = 2 ** 21;
/** Regions that each program has for itself. */
const PRIVATE: ReadonlySet<string> = new Set([
  "activations",
  "constants",
  "log",
  "schedule",
  "order",
  "input",
  "target",
]);

/** Frees the memory of runners that nobody holds any more. */
const abandoned = new FinalizationRegistry<{
  engine: Engine;
  blocks: Map<string, Block>;
  programs: Map<number, Prepared>;
}>(release);

function release({
  engine,
  blocks,
  programs,
}: {
  engine: Engine;
  blocks: Map<string, Block>;
  programs: Map<number, Prepared>;
}): void {
  for (const { loaded } of programs.values()) loaded.release();
  for (const block of blocks.values()) engine.free(block);
  programs.clear();
  blocks.clear();
}

/** Steps over one source of batches: a dataset in the engine's memory, or batches that the host writes. */
export class StepRunner {
  readonly engine: Engine;
  readonly #options: RunnerOptions;
  readonly #fields: Fields | undefined;
  readonly #blocks: Map<string, Block>;
  readonly #programs = new Map<number, Prepared>();
  /** What still has to be copied into regions, part by part. */
  readonly #filling: Iterator<void>[] = [];
  #capacity: number;

  /** With fields, steps take their batches from them; `blocks` is memory that runners of one training share. */
  constructor(options: RunnerOptions, fields?: Fields, blocks = new Map<string, Block>()) {
    this.engine = options.engine;
    this.#options = options;
    this.#fields = fields;
    this.#blocks = blocks;
    this.#capacity = fields ? STEPS : 1;
    abandoned.register(this, { engine: this.engine, blocks, programs: this.#programs }, this);
  }

  /** Gives back the memory. */
  release(): void {
    abandoned.unregister(this);
    release({ engine: this.engine, blocks: this.#blocks, programs: this.#programs });
  }

  /** Steps of one run at most; fewer where a program, once made, has no room for as many. */
  get capacity(): number {
    return this.#capacity;
  }

  /** A region that programs share; made where there is none yet. */
  region(name: string, bytes: number, initial: Initial): Block {
    let block = this.#blocks.get(name);
    if (!block) {
      block = this.engine.allocate(Math.ceil(bytes / ALIGNMENT) * ALIGNMENT, name);
      this.#blocks.set(name, block);
      const field = this.#fieldOf(name);
      if (field) this.#filling.push(this.#fill(field, block));
      this.#begin(block, initial);
    }
    return block;
  }

  /** Finds early what does not fit: compiles the steps over the fields for a batch size. */
  prepare(batch: number): Promise<void> {
    return this.#turn(async () => {
      this.#prepare(batch, this.#specs(this.#fields!));
      await this.#filled();
    });
  }

  /** Runs steps over examples of the fields, `batch` each, as named by `order`; `first` is the number of the first step. */
  run(batch: number, order: Int32Array, first: number): Promise<Row[]> {
    return this.#turn(async (run) => {
      const prepared = this.#order(batch, order, first);
      await this.#filled();
      return this.#rows(prepared, await run(prepared.loaded, order.length / batch), first);
    });
  }

  /** Puts all that `run` would take into memory and runs nothing; answers the program. */
  load(batch: number, order: Int32Array, first: number): Promise<LoadedProgram> {
    return this.#turn(async () => {
      const { loaded } = this.#order(batch, order, first);
      await this.#filled();
      return loaded;
    });
  }

  /** Runs one step over a batch that the caller brings; its number is asked for when its turn has come. */
  step(batch: StepBatch, number: () => number): Promise<Row> {
    return this.#turn(async (run) => {
      const step = number();
      const prepared = this.#write(batch, step);
      return this.#rows(prepared, await run(prepared.loaded), step)[0]!;
    });
  }

  stepSync(batch: StepBatch, number: number): Row {
    const prepared = this.#write(batch, number);
    return this.#rows(prepared, this.engine.runSync(prepared.loaded), number)[0]!;
  }

  /** A turn of the engine that begins when the weights may come there. */
  #turn<T>(work: Parameters<typeof this.engine.turn<T>>[0]): Promise<T> {
    return this.engine.turn(async (run) => {
      await this.#options.model.weights.available(this.engine);
      return work(run);
    });
  }

  #order(batch: number, order: Int32Array, first: number): Prepared {
    const prepared = this.#prepare(batch, this.#specs(this.#fields!));
    prepared.loaded.integers(REGION.order).set(order);
    this.#schedule(prepared.loaded, first, order.length / batch);
    return prepared;
  }

  #write(batch: StepBatch, number: number): Prepared {
    const target = batch.labels ?? batch.targets;
    if (!target) throw new DataError("step: the batch has neither targets nor labels");
    const { model } = this.#options;
    const input = {
      shape: model.inputShape,
      dtype: model.inputType,
      resident: undefined,
      examples: batch.size,
    };
    if (!(Number.isInteger(batch.size) && batch.size >= 1)) {
      throw new ShapeError(`step: size: got ${batch.size}, wanted a positive integer`);
    }
    checkLength("inputs", batch.inputs, batch.size, model.inputShape);
    const size = target.length / batch.size;
    if (!(Number.isInteger(size) && size >= 1)) {
      throw new ShapeError(`step: targets: got ${target.length} numbers, wanted a multiple of ${batch.size}`);
    }
    const shape = batch.labels ? (size === 1 ? [] : [size]) : this.#targetShape(size);
    const dtype = batch.labels ? "i32" : "f32";
    if (model.inputLimit === undefined) checkFinite("inputs", batch.inputs, batch.size);
    else checkIntegers("step: inputs", batch.inputs, sizeOf(model.inputShape), model.inputLimit);
    if (batch.targets) checkFinite("targets", batch.targets, batch.size);
    const prepared = this.#prepare(batch.size, {
      input,
      target: { shape, dtype, resident: undefined, examples: batch.size },
    });
    if (batch.labels) prepared.check(batch.labels);
    // A program has no place for what nothing in it reads.
    const { loaded } = prepared;
    const { regions } = loaded.program;
    if (regions.has(REGION.input)) loaded[viewOf(model.inputType)](REGION.input).set(batch.inputs);
    if (regions.has(REGION.target)) {
      if (batch.labels) loaded.integers(REGION.target).set(batch.labels);
      else loaded.floats(REGION.target).set(batch.targets!);
    }
    this.#schedule(prepared.loaded, number, 1);
    return prepared;
  }

  /** Targets shaped as the output where they have its size. */
  #targetShape(size: number): Shape {
    const { outputShape } = this.#options.model;
    return sizeOf(outputShape) === size ? outputShape : [size];
  }

  #specs({ inputs, targets, labels }: Fields): { input: FeedSpec; target: FeedSpec } {
    const { model } = this.#options;
    const size = sizeOf(inputs.shape);
    if (size !== sizeOf(model.inputShape)) {
      throw new ShapeError(
        `data: inputs have shape ${showShape(inputs.shape)}, the model wants ${showShape(model.inputShape)}`,
      );
    }
    const examples = inputs.values.length / size;
    const target = labels ?? targets;
    if (!target) throw new DataError("data: the dataset has neither targets nor labels");
    const targetShape = labels ? target.shape : this.#targetShape(sizeOf(target.shape));
    return {
      input: {
        shape: model.inputShape,
        dtype: model.inputType,
        resident: model.inputType === "i32" ? { kind: "words" } : residence(inputs),
        examples,
      },
      target: {
        shape: targetShape,
        dtype: labels ? "i32" : "f32",
        resident: labels ? { kind: "words" } : residence(target),
        examples,
      },
    };
  }

  /** The program for a batch size; compiled once. */
  #prepare(batch: number, feeds: { input: FeedSpec; target: FeedSpec }): Prepared {
    const { model, engine } = this.#options;
    const parameters = model.weights.bind(engine);
    const known = this.#programs.get(batch);
    if (
      known?.parameters === parameters &&
      sameShape(known.target, feeds.target.shape) &&
      known.dtype === feeds.target.dtype
    )
      return known;
    known?.loaded.release();
    this.#programs.delete(batch);
    const { program, classes, checks, widths, steps, initial } = compileStep({
      ...this.#options,
      batch,
      ...feeds,
      steps: this.#capacity,
    });
    const check = (labels: FieldValues) => {
      checkLabels(labels, sizeOf(feeds.target.shape), classes);
      for (const each of checks) each(labels);
    };
    const { labels, inputs } = this.#fields ?? {};
    if (labels) check(labels.values);
    if (inputs && model.inputLimit !== undefined)
      checkIntegers("inputs", inputs.values, sizeOf(inputs.shape), model.inputLimit);
    this.#capacity = steps;
    const shared = new Map([[REGION.parameters as string, parameters]]);
    engine.checkRoom(program, new Map([...this.#blocks, ...shared]));
    for (const [name, bytes] of program.regions) {
      if (PRIVATE.has(name) || name === REGION.parameters) continue;
      shared.set(name, this.region(name, bytes, initial.get(name) ?? 0));
    }
    const prepared = {
      loaded: engine.load(program, shared),
      check,
      widths,
      parameters,
      target: feeds.target.shape,
      dtype: feeds.target.dtype,
    };
    this.#programs.set(batch, prepared);
    return prepared;
  }

  /** Copies what still has to be copied; a page breathes between the parts. */
  async #filled(): Promise<void> {
    for (const parts of this.#filling.splice(0)) while (!parts.next().done) await this.engine.breathe();
  }

  /** The field that lies in a region. */
  #fieldOf(name: string): Field | undefined {
    const { inputs, labels, targets } = this.#fields ?? {};
    if (name === dataRegion(REGION.input)) return inputs;
    return name === dataRegion(REGION.target) ? (labels ?? targets) : undefined;
  }

  /** Copies a field into its region, a part at a time. */
  *#fill(field: Field, { address }: Block): Iterator<void> {
    const { values, scale, offset } = field;
    const { labels, inputs } = this.#fields!;
    const integers = field === labels || (field === inputs && this.#options.model.inputType === "i32");
    const Kept = integers ? Int32Array : values instanceof Uint8Array ? Uint8Array : Float32Array;
    for (let from = 0; from < values.length; from += PART) {
      const part = values.subarray(from, from + PART);
      // Taken anew for each part: memory may have grown between two.
      const { buffer } = this.engine.memory;
      const kept = new Kept(buffer, address + from * Kept.BYTES_PER_ELEMENT, part.length);
      if (Kept !== Float32Array || (scale === 1 && offset === 0)) kept.set(part);
      else {
        // Rounded after each operation, as the kernel rounds bytes and as batches are rounded: the same bits.
        const factor = Math.fround(scale);
        const shift = Math.fround(offset);
        for (let i = 0; i < part.length; i++) kept[i] = Math.fround(part[i]! * factor) + shift;
      }
      yield;
    }
  }

  /** Sets a region of optimizer state as it is before the first step. */
  #begin({ address, bytes }: Block, initial: Initial): void {
    if (initial === 0) return;
    const values = new Float32Array(this.engine.memory.buffer, address, bytes >> 2);
    if (initial === "parameters") values.set(this.#options.model.weights.snapshot());
    else values.fill(initial);
  }

  /** Writes a row of hyper-parameters for each step of a run. */
  #schedule(loaded: LoadedProgram, first: number, steps: number): void {
    const training = this.#options.training;
    if (!training) return;
    const { optimizer } = training;
    const words = 1 + optimizer.hyperWords;
    const integers = loaded.integers(REGION.schedule, 0, steps * words);
    const floats = loaded.floats(REGION.schedule, 0, steps * words);
    for (let step = 0; step < steps; step++) {
      integers[step * words] = first + step;
      floats.set(optimizer.hyper(first + step), step * words + 1);
    }
  }

  /** What the steps have noted. @throws NonFiniteError where the guard stopped. */
  #rows({ loaded, widths }: Prepared, { steps, halted }: RunResult, first: number): Row[] {
    const log = loaded.floats(REGION.log);
    let at = 0;
    const rows = Array.from({ length: steps + Number(halted) }, () =>
      widths.map((width) => log.slice(at, (at += width))),
    );
    if (halted) {
      const loss = rows.at(-1)![0]![0]!;
      throw new NonFiniteError(
        `train: the loss of step ${first + steps} is ${loss}, wanted a finite number`,
        first + steps,
        loss,
      );
    }
    return rows;
  }
}

/** How a field lies in memory: bytes stay bytes, everything else becomes floats. */
function residence({ values, scale, offset }: Field): FeedSpec["resident"] {
  return values instanceof Uint8Array ? { kind: "bytes", scale, offset } : { kind: "words" };
}

function checkLength(what: string, values: FieldValues, size: number, shape: Shape): void {
  if (values.length !== size * sizeOf(shape)) {
    throw new ShapeError(`step: ${what}: got ${values.length} numbers, wanted ${size} × ${showShape(shape)}`);
  }
}

function checkFinite(what: string, values: FieldValues, size: number): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const width = values.length / size;
  const place = `example ${Math.floor(at / width)}, element ${at % width}`;
  throw new DataError(`step: ${what}: ${place}: wanted a finite number, got ${values[at]}`);
}

/** Checks that labels, so many an example, name classes that the loss has. */
function checkLabels(labels: FieldValues, size: number, classes: number | undefined): void {
  if (classes !== undefined) checkIntegers("labels", labels, size, classes, ` for ${classes} outputs`);
}
