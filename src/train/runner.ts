// Runs compiled steps of one model on one engine: keeps a program for each batch size.
import { NonFiniteError } from "../core/errors.ts";
import { type Shape, sameShape, sizeOf } from "../core/shape.ts";
import type { FieldValues } from "../data/index.ts";
import type { RunResult } from "../engine/crew.ts";
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import type { Block } from "../engine/memory.ts";
import type { DType } from "../graph/tensor.ts";
import { checkIntegers } from "../nn/inputs.ts";
import type { Model } from "../nn/model.ts";
import { type Feeds, type Fields, feedsOfBatch, type StepBatch } from "./feeds.ts";
import type { Loss, Metric } from "./loss.ts";
import { Regions } from "./regions.ts";
import { Resident } from "./resident.ts";
import { compileStep, REGION, type StepSpec } from "./step.ts";
import type { Initial } from "./update.ts";

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

/** Frees the programs of runners that nobody holds any more. */
const abandoned = new FinalizationRegistry<Map<number, Prepared>>(release);

function release(programs: Map<number, Prepared>): void {
  for (const { loaded } of programs.values()) loaded.release();
  programs.clear();
}

/** Steps over one source of batches: a dataset in the engine's memory, or batches that the host writes. */
export class StepRunner {
  readonly engine: Engine;
  readonly #options: RunnerOptions;
  readonly #resident: Resident | undefined;
  /** Optimizer state, and whatever else programs of all batch sizes share. */
  readonly #state: Regions;
  /** The state is another's, whose other runners work on it. */
  readonly #lent: boolean;
  readonly #programs = new Map<number, Prepared>();
  #capacity: number;

  /** With fields, steps take their batches from them; `state` is what runners of one training share. */
  constructor(options: RunnerOptions, fields?: Fields, state?: Regions) {
    this.engine = options.engine;
    this.#options = options;
    this.#resident = fields && new Resident(fields, options.model, this.engine);
    this.#state = state ?? new Regions(this.engine);
    this.#lent = state !== undefined;
    this.#capacity = fields ? STEPS : 1;
    abandoned.register(this, this.#programs);
  }

  /** Gives back the memory that is this runner's own. */
  release(): void {
    release(this.#programs);
    this.#resident?.regions.release();
    if (!this.#lent) this.#state.release();
  }

  /** Steps of one run at most; fewer where a program, once made, has no room for as many. */
  get capacity(): number {
    return this.#capacity;
  }

  /** A region that programs share; made where there is none yet. */
  region(name: string, bytes: number, initial: Initial): Block {
    return (
      this.#resident?.region(name, bytes) ??
      this.#state.take(name, bytes, (block) => this.#begin(block, initial))
    );
  }

  /** Finds early what does not fit: compiles the steps over the fields for a batch size. */
  prepare(batch: number): Promise<void> {
    return this.#turn(() => this.#fill(batch));
  }

  /** Runs steps over examples of the fields, `batch` each, as named by `order`; `first` is the number of the first step. */
  run(batch: number, order: Int32Array, first: number): Promise<Row[]> {
    return this.#turn(async (run) => {
      await this.#fill(batch);
      const prepared = this.#order(batch, order, first);
      return this.#rows(prepared, await run(prepared.loaded, order.length / batch), first);
    });
  }

  /** Puts all that `run` would take into memory and runs nothing; answers the program. */
  load(batch: number, order: Int32Array, first: number): Promise<LoadedProgram> {
    return this.#turn(async () => {
      await this.#fill(batch);
      return this.#order(batch, order, first).loaded;
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
    return this.engine.turnSync((run) => {
      const prepared = this.#write(batch, number);
      return this.#rows(prepared, run(prepared.loaded), number)[0]!;
    });
  }

  /** A turn of the engine that begins when the weights may come there. */
  #turn<T>(work: Parameters<typeof this.engine.turn<T>>[0]): Promise<T> {
    return this.engine.turn(async (run) => {
      await this.#options.model.weights.available(this.engine);
      return work(run);
    });
  }

  /** Brings the fields there; others may give memory back meanwhile, so the program is asked for anew behind it. */
  async #fill(batch: number): Promise<void> {
    this.#prepare(batch, this.#resident!.feeds());
    await this.#resident!.filled();
  }

  #order(batch: number, order: Int32Array, first: number): Prepared {
    const prepared = this.#prepare(batch, this.#resident!.feeds());
    prepared.loaded.integers(REGION.order).set(order);
    this.#schedule(prepared.loaded, first, order.length / batch);
    return prepared;
  }

  #write(batch: StepBatch, number: number): Prepared {
    const { model } = this.#options;
    const prepared = this.#prepare(batch.size, feedsOfBatch(model, batch));
    if (batch.labels) prepared.check(batch.labels);
    // A program has no place for what nothing in it reads.
    const { loaded } = prepared;
    const { regions } = loaded.program;
    if (regions.has(REGION.input)) loaded.elements(model.inputType, REGION.input).set(batch.inputs);
    if (regions.has(REGION.target)) {
      if (batch.labels) loaded.integers(REGION.target).set(batch.labels);
      else loaded.floats(REGION.target).set(batch.targets!);
    }
    this.#schedule(prepared.loaded, number, 1);
    return prepared;
  }

  /** The program for a batch size; compiled once. */
  #prepare(batch: number, feeds: Feeds): Prepared {
    this.#state.check();
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
    const { labels, inputs } = this.#resident?.fields ?? {};
    if (labels) check(labels.values);
    if (inputs && model.inputLimit !== undefined)
      checkIntegers("inputs", inputs.values, sizeOf(inputs.shape), model.inputLimit);
    this.#capacity = steps;
    const shared = new Map([[REGION.parameters as string, parameters]]);
    engine.checkRoom(
      program,
      new Map([...this.#state.blocks, ...(this.#resident?.regions.blocks ?? []), ...shared]),
    );
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

/** Checks that labels, so many an example, name classes that the loss has. */
function checkLabels(labels: FieldValues, size: number, classes: number | undefined): void {
  if (classes !== undefined) checkIntegers("labels", labels, size, classes, ` for ${classes} outputs`);
}
