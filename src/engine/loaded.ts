// A program in an engine's memory: what the layers above write before a run and read after it.
import type { Program } from "../compile/program.ts";
import { EngineError } from "../core/errors.ts";
import type { Engine } from "./engine.ts";
import type { Block } from "./memory.ts";

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

  /** Gives back the memory that is the program's own. */
  release(): void {
    for (const block of this.#own) this.engine.free(block);
  }
}
