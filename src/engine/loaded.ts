// A program in an engine's memory: what the layers above write before a run and read after it.
import { INSTRUCTION_BYTES } from "../../assembly/abi.ts";
import type { Program } from "../compile/program.ts";
import { EngineError } from "../core/errors.ts";
import type { DType } from "../graph/tensor.ts";
import type { Engine } from "./engine.ts";
import type { Block } from "./memory.ts";

const INSTRUCTION_WORDS = INSTRUCTION_BYTES / 4;

/** A program in memory: where its regions lie. */
export class LoadedProgram {
  readonly program: Program;
  readonly engine: Engine;
  readonly #regions: ReadonlyMap<string, Block>;
  readonly #own: readonly Block[];
  readonly code: Block;
  readonly scratch: Block;

  constructor(
    engine: Engine,
    program: Program,
    regions: ReadonlyMap<string, Block>,
    own: Block[],
    code: Block,
    scratch: Block,
  ) {
    this.engine = engine;
    this.program = program;
    this.#regions = regions;
    this.#own = own;
    this.code = code;
    this.scratch = scratch;
  }

  /** Where a region lies. */
  region(name: string): Block {
    const block = this.#regions.get(name);
    if (!block) throw new EngineError(`program: has no region ${name}`);
    return block;
  }

  /** A region as floats, valid until the engine's memory grows: take it anew for each use. */
  floats(name: string, offset = 0, length?: number): Float32Array {
    const { address, bytes } = this.region(name);
    return new Float32Array(this.engine.memory.buffer, address + offset, length ?? (bytes - offset) >> 2);
  }

  /** A region as integers, valid until the engine's memory grows. */
  integers(name: string, offset = 0, length?: number): Int32Array {
    const { address, bytes } = this.region(name);
    return new Int32Array(this.engine.memory.buffer, address + offset, length ?? (bytes - offset) >> 2);
  }

  /** A region as what its elements are. */
  elements(type: DType, name: string, offset = 0, length?: number): Float32Array | Int32Array {
    return type === "i32" ? this.integers(name, offset, length) : this.floats(name, offset, length);
  }

  /** Finite floats at the start of a region, of so many, before the first that is not. */
  countFinite(name: string, count: number): number {
    return this.engine.countFinite(this.region(name).address, count);
  }

  /** Puts it there: the instructions with the slots of their kernels and addresses, and the constants. */
  write(slotOf: (kernel: string) => number): void {
    const { program, code } = this;
    const { memory } = this.engine;
    const words = new Int32Array(memory.buffer, code.address, program.words.length);
    words.set(program.words);
    for (const [index, kernel] of program.kernels.entries()) {
      words[index * INSTRUCTION_WORDS] = slotOf(kernel);
    }
    for (const { word, region, offset } of program.relocations)
      words[word] = this.region(region).address + offset;
    for (const { place, bytes } of program.constants) {
      new Uint8Array(memory.buffer, this.region(place.region).address + place.offset, bytes.length).set(
        bytes,
      );
    }
  }

  /** Gives back the memory that is the program's own. */
  release(): void {
    for (const block of this.#own) this.engine.free(block);
  }
}
