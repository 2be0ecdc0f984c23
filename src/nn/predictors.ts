// How a model predicts: its programs by batch size, and the batches that many examples are cut into.
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import type { InputReader } from "./inputs.ts";

/** Most examples that one program takes. */
const MOST = 256;
/** Programs that a model keeps. */
const KEPT = 4;

/** Examples that one program takes, from one to before another. */
export interface Batch {
  readonly from: number;
  readonly to: number;
}

/** Frees the programs of models that nobody holds any more. */
const abandoned = new FinalizationRegistry<Map<number, LoadedProgram>>((programs) => {
  for (const program of programs.values()) program.release();
});

/** The programs of one model in memory, by the size of their batches. */
export class Predictors {
  readonly #outputSize: number;
  /** By batch size, the one used last at the end. */
  readonly #programs = new Map<number, LoadedProgram>();

  /** Of a model whose outputs have so many numbers each. */
  constructor(outputSize: number) {
    this.#outputSize = outputSize;
    abandoned.register(this, this.#programs);
  }

  /** Cuts n examples into the batches that programs take. */
  *batches(examples: number): Generator<Batch> {
    for (let from = 0; from < examples; from += MOST) yield { from, to: Math.min(from + MOST, examples) };
  }

  /** The program for a batch size, if there is one for this engine. */
  get(batch: number, engine: Engine): LoadedProgram | undefined {
    const program = this.#programs.get(batch);
    if (program?.engine !== engine) return undefined;
    this.#programs.delete(batch);
    this.#programs.set(batch, program);
    return program;
  }

  /** Writes a batch for its program, which is kept; one that was not there yet goes again where the batch is refused. */
  write(loaded: LoadedProgram, reader: InputReader, { from, to }: Batch): void {
    const isNew = this.#programs.get(to - from) !== loaded;
    try {
      reader.write(loaded, from, to);
    } catch (error) {
      if (isNew) loaded.release();
      throw error;
    }
    if (isNew) this.keep(to - from, loaded);
  }

  /** Reads what a batch came to into the results of all examples. */
  read(loaded: LoadedProgram, { from, to }: Batch, results: Float32Array): void {
    const size = this.#outputSize;
    results.set(loaded.floats("output", 0, (to - from) * size), from * size);
  }

  /** Keeps a program in the place of another for its batch size; of too many goes the one that was not used for longest. */
  keep(batch: number, loaded: LoadedProgram): void {
    this.#drop(batch);
    this.#programs.set(batch, loaded);
    const [oldest] = this.#programs.keys();
    if (this.#programs.size > KEPT) this.#drop(oldest!);
  }

  #drop(batch: number): void {
    this.#programs.get(batch)?.release();
    this.#programs.delete(batch);
  }
}
