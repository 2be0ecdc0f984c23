// The weights of a model, parameters and state: one flat vector. It lives on the host or, while programs work on it, in an engine's memory.
import { ALIGNMENT } from "../../assembly/abi.ts";
import type { Placement } from "../compile/emit.ts";
import { compile } from "../compile/program.ts";
import { EngineError, ShapeError } from "../core/errors.ts";
import { type Shape, sameShape, showShape } from "../core/shape.ts";
import type { Engine } from "../engine/engine.ts";
import type { LoadedProgram } from "../engine/loaded.ts";
import type { Block } from "../engine/memory.ts";
import { Graph, type Initializer, type Tensor } from "../graph/tensor.ts";

/** One parameter's place in the flat vector. */
export interface Segment {
  readonly name: string;
  readonly shape: Shape;
  /** In elements. */
  readonly offset: number;
  readonly size: number;
  readonly initializer: Initializer;
  /** False: state, which layers renew. */
  readonly trained: boolean;
}

/** One parameter's numbers. */
export interface ParameterValues {
  readonly shape: Shape;
  readonly values: Float32Array<ArrayBuffer>;
}

/** Where the weights lie in an engine. */
interface Home {
  readonly engine: Engine;
  readonly block: Block;
  readonly forget: () => void;
}

/** Frees the memory of models that nobody holds any more. */
const abandoned = new FinalizationRegistry<Home>(({ engine, block, forget }) => {
  forget();
  engine.free(block);
});

const LINE = ALIGNMENT / 4;

export class Weights {
  readonly segments: readonly Segment[];
  /** Elements of the flat vector, each parameter rounded up to whole cache lines; the gaps hold zeros. */
  readonly length: number;
  readonly #values: Float32Array;
  #initialized = false;
  #home: Home | undefined;

  constructor(parameters: Iterable<Tensor>) {
    const segments: Segment[] = [];
    let offset = 0;
    for (const { shape, size, node } of parameters) {
      if (node.source?.kind !== "parameter") continue;
      segments.push({ ...node.source, shape, offset, size });
      offset += Math.ceil(size / LINE) * LINE;
    }
    this.segments = segments;
    this.length = Math.max(offset, LINE);
    this.#values = new Float32Array(this.length);
    // Where there is nothing to draw, nothing is missing.
    this.#initialized = segments.length === 0;
  }

  /** Whether there are values yet. */
  get initialized(): boolean {
    return this.#initialized;
  }

  /** The program that draws initial values into the region "parameters". */
  load(engine: Engine, seed: number): LoadedProgram {
    const graph = new Graph("train", seed);
    const placements = new Map<Tensor, Placement>();
    for (const { initializer, shape, name, offset } of this.segments) {
      placements.set(initializer(graph, shape, name), { region: "parameters", offset: offset * 4 });
    }
    return engine.load(compile({ graph, placements }));
  }

  /** Takes initial values from a program that has run. */
  take(loaded: LoadedProgram): void {
    this.#write((values) =>
      values.set(
        loaded.floats("parameters", 0, Math.min(this.length, loaded.region("parameters").bytes >> 2)),
      ),
    );
    loaded.release();
  }

  /** Waits until the weights may be brought into an engine: until no run of another works on them. */
  async available(engine: Engine): Promise<void> {
    while (this.#home && this.#home.engine !== engine && this.#home.engine.busy)
      await this.#home.engine.rest();
  }

  /**
   * Brings the weights into an engine's memory, if they are not there; answers where.
   * @throws EngineError while a run of another engine may work on them.
   */
  bind(engine: Engine): Block {
    if (this.#home?.engine === engine && !engine.closed) return this.#home.block;
    if (this.#home?.engine.busy) throw new EngineError("model: a run of another engine works on its weights");
    this.unbind();
    const block = engine.allocate(this.length * 4, "parameters");
    new Float32Array(engine.memory.buffer, block.address, this.length).set(this.#values);
    const self = new WeakRef(this);
    const home = { engine, block, forget: engine.beforeClose(() => self.deref()?.unbind()) };
    this.#home = home;
    abandoned.register(this, home, this);
    return block;
  }

  /** Brings the weights back to the host. */
  unbind(): void {
    if (!this.#home) return;
    this.#values.set(this.#live());
    abandoned.unregister(this);
    const { engine, block, forget } = this.#home;
    this.#home = undefined;
    forget();
    engine.free(block);
  }

  /** The engine that has them, if it can still run. */
  get engine(): Engine | undefined {
    return this.#home?.engine.usable ? this.#home.engine : undefined;
  }

  /** A copy of the flat vector. */
  snapshot(): Float32Array<ArrayBuffer> {
    this.#check();
    return this.#live().slice();
  }

  /** Puts a snapshot back. */
  restore(snapshot: Float32Array): void {
    this.#write((values) => values.set(snapshot));
  }

  /** Copies of all parameters by name, or of others that lie as they do in a flat vector. */
  read(all: Float32Array<ArrayBuffer> = this.snapshot()): Map<string, ParameterValues> {
    return new Map(
      this.segments.map(({ name, shape, offset, size }) => [
        name,
        { shape, values: all.slice(offset, offset + size) },
      ]),
    );
  }

  /** Sets all parameters. @throws ShapeError naming what is missing, unknown or of another shape; then nothing is changed. */
  set(parameters: ReadonlyMap<string, { readonly shape: Shape; readonly values: ArrayLike<number> }>): void {
    for (const name of parameters.keys()) {
      if (!this.segments.some((segment) => segment.name === name)) {
        throw new ShapeError(
          `parameters: the model has no ${name}; it has ${this.segments.map((each) => each.name).join(", ")}`,
        );
      }
    }
    const next = new Float32Array(this.length);
    for (const { name, shape, offset, size } of this.segments) {
      const given = parameters.get(name);
      if (!given) throw new ShapeError(`parameters: ${name} ${showShape(shape)} is missing`);
      if (!sameShape(given.shape, shape) || given.values.length !== size) {
        throw new ShapeError(
          `parameters: ${name}: got ${showShape(given.shape)}, wanted ${showShape(shape)}`,
        );
      }
      next.set(Float32Array.from(given.values), offset);
    }
    this.restore(next);
  }

  #live(): Float32Array {
    const home = this.#home;
    return home ? new Float32Array(home.engine.memory.buffer, home.block.address, this.length) : this.#values;
  }

  #write(put: (values: Float32Array) => void): void {
    put(this.#live());
    this.#initialized = true;
  }

  #check(): void {
    if (!this.#initialized)
      throw new EngineError("model: it has no weights yet: train, load or initialize it first");
  }
}
