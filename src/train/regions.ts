// Memory that outlives a program: regions by name, which several programs share. Theirs who made them, and given back when
// nobody holds them any more.
import { ALIGNMENT } from "../../assembly/abi.ts";
import { EngineError } from "../core/errors.ts";
import type { Engine } from "../engine/engine.ts";
import type { Block } from "../engine/memory.ts";

interface Held {
  readonly engine: Engine;
  readonly blocks: Map<string, Block>;
}

const abandoned = new FinalizationRegistry<Held>(free);

function free({ engine, blocks }: Held): void {
  for (const block of blocks.values()) engine.free(block);
  blocks.clear();
}

/** Regions in one engine's memory. */
export class Regions {
  readonly #held: Held;
  #released = false;

  constructor(engine: Engine) {
    this.#held = { engine, blocks: new Map() };
    abandoned.register(this, this.#held);
  }

  /** Where those that are there lie. */
  get blocks(): ReadonlyMap<string, Block> {
    return this.#held.blocks;
  }

  /** Whoever knows an address asks before each use: what lies there may be another's by now. @throws EngineError */
  check(): void {
    if (this.#released) throw new EngineError("trainer: it is closed");
  }

  /** A region; made, and begun, where there is none yet. @throws EngineError where they have been given back. */
  take(name: string, bytes: number, begin: (block: Block) => void): Block {
    this.check();
    const { engine, blocks } = this.#held;
    let block = blocks.get(name);
    if (!block) {
      block = engine.allocate(Math.ceil(bytes / ALIGNMENT) * ALIGNMENT, name);
      blocks.set(name, block);
      begin(block);
    }
    return block;
  }

  /** Gives all of them back, for good. */
  release(): void {
    this.#released = true;
    free(this.#held);
  }
}
