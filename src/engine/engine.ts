// The engine: one memory, one compiled module, some threads. It loads programs and runs their steps.
import { host } from "#host";
import {
  CONTROL_LENGTH,
  CONTROL_PROGRAM,
  CONTROL_SCRATCH,
  CONTROL_SCRATCH_BYTES,
  CONTROL_STEPS,
} from "../../assembly/abi.ts";
import type { Program } from "../compile/program.ts";
import { EngineError, MemoryError } from "../core/errors.ts";
import type { InstructionSet } from "../host/host.ts";
import { type Instance, instantiate, instantiateSync } from "../host/instance.ts";
import { Crew, type RunResult } from "./crew.ts";
import { LoadedProgram } from "./loaded.ts";
import { Allocator, type Block, createMemory } from "./memory.ts";
import { type EngineOptions, settle } from "./options.ts";

/** Work below which waking a worker costs more than it saves: multiply-adds, some 30 µs of them. */
const SOLO_WORK = 300_000;

/** One memory, one module, some threads; made by createEngine or createEngineSync. */
export class Engine {
  readonly instructionSet: InstructionSet;
  readonly threads: number;
  /** Whether the wide tiles are in use: asked for, possible, and checked. */
  readonly wide: boolean;
  readonly memory: WebAssembly.Memory;
  /** Work below which a run stays on the calling thread; 0 has every thread take part in the smallest one. */
  soloWork = SOLO_WORK;
  #instance: Instance;
  readonly #allocator: Allocator;
  #crew: Crew;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();
  #busy = false;
  readonly #beforeClose = new Set<() => void>();

  constructor(parts: {
    instructionSet: InstructionSet;
    memory: WebAssembly.Memory;
    memoryLimit: number;
    instance: Instance;
    crew: Crew;
    wide: boolean;
  }) {
    this.instructionSet = parts.instructionSet;
    this.memory = parts.memory;
    this.#instance = parts.instance;
    this.#crew = parts.crew;
    this.wide = parts.wide;
    this.threads = parts.crew.threads;
    this.#allocator = new Allocator(parts.memory, parts.instance.exports.freeMemory(), parts.memoryLimit);
  }

  /** Bytes in use. */
  get memoryUsed(): number {
    return this.#allocator.used;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether runs are still possible: not closed, every worker alive. */
  get usable(): boolean {
    return !this.#closed && this.#crew.failure === undefined;
  }

  /** Whether a run is under way, or what it left is still being read. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Waits until no run is under way. */
  async rest(): Promise<void> {
    while (this.#busy) await new Promise((resolve) => setTimeout(resolve));
  }

  allocate(bytes: number, what: string): Block {
    return this.#allocator.allocate(bytes, what);
  }

  /** Gives memory back; during a run behind its turn, for it may be at work there. */
  free(block: Block): void {
    if (this.#busy) this.#last.then(() => this.free(block));
    else if (!this.#closed) this.#allocator.free(block);
  }

  /** Calls back before the memory goes, so that what lies in it can be saved. Answers how to forget it. */
  beforeClose(save: () => void): () => void {
    this.#beforeClose.add(save);
    return () => this.#beforeClose.delete(save);
  }

  /** Finds before anything is allocated whether a program fits beside the regions that are there. @throws MemoryError */
  checkRoom(program: Program, there: ReadonlyMap<string, Block>): void {
    const missing = [...program.regions].filter(([name]) => !there.has(name));
    const own = program.words.byteLength + program.scratchBytes * this.threads;
    const needed = missing.reduce((sum, [, bytes]) => sum + bytes, own);
    const { limit, used } = this.#allocator;
    if (needed > limit - used) {
      const message = `program: needs ${needed} bytes, ${limit - used} of ${limit} are left`;
      throw new MemoryError(message, needed, limit - used);
    }
  }

  /**
   * Puts a program into memory. Regions in `shared` are used where they lie, the others are allocated.
   * @throws MemoryError where it needs more than is left.
   */
  load(program: Program, shared: ReadonlyMap<string, Block> = new Map()): LoadedProgram {
    this.#check();
    this.checkRoom(program, shared);
    const missing = [...program.regions].filter(([name]) => !shared.has(name));
    const own: Block[] = [];
    const take = (bytes: number, what: string) => {
      const block = this.allocate(bytes, what);
      own.push(block);
      return block;
    };
    try {
      const regions = new Map(shared);
      for (const [name, bytes] of missing) regions.set(name, take(bytes, name));
      const code = take(program.words.byteLength, "program");
      const scratch = take(program.scratchBytes * this.threads, "scratch");
      const loaded = new LoadedProgram(this, program, regions, own, code, scratch);
      loaded.write((kernel) => this.#slot(kernel));
      return loaded;
    } catch (error) {
      for (const block of own) this.free(block);
      throw error;
    }
  }

  /** Finite floats from an address on, of so many, before the first that is not. */
  countFinite(address: number, count: number): number {
    return this.#instance.exports.countFinite(address, count);
  }

  /** Lets a page in that has been kept busy for long; for work on the host between runs. */
  breathe(): Promise<void> {
    return this.#crew.rest();
  }

  /** Runs a program for some steps; runs asked for meanwhile wait for their turn. */
  run(loaded: LoadedProgram, steps = 1): Promise<RunResult> {
    return this.turn((run) => run(loaded, steps));
  }

  /**
   * Has the engine to oneself for a while, so that what is written before a run and read after it is one's own.
   * Turns asked for meanwhile wait, and so would a run that does not go through the function given.
   */
  turn<T>(
    work: (run: (loaded: LoadedProgram, steps?: number) => Promise<RunResult>) => Promise<T>,
  ): Promise<T> {
    const turn = this.#last
      .then(() => this.#crew.rest())
      .then(() => work((loaded, steps = 1) => this.#run(loaded, steps)))
      // Not at the end of a run: a run without a promise would come before what this one left is read.
      .finally(() => {
        this.#busy = false;
      });
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Runs without a promise; for engines of one thread. */
  runSync(loaded: LoadedProgram, steps = 1): RunResult {
    return this.turnSync((run) => run(loaded, steps));
  }

  /**
   * A turn without a promise; for engines of one thread.
   * @throws EngineError where a run is under way, before anything is written that it might read.
   */
  turnSync<T>(work: (run: (loaded: LoadedProgram, steps?: number) => RunResult) => T): T {
    if (this.threads > 1)
      throw new EngineError(`engine: has ${this.threads} threads; only one thread can run without a promise`);
    if (this.#busy) throw new EngineError("engine: another run is under way");
    return work((loaded, steps = 1) => {
      this.#name(loaded, steps);
      return this.#crew.runSync();
    });
  }

  /** Between two runs, has others in the place of the instance and the threads. @internal */
  replace(
    others: (instance: Instance, crew: Crew) => Promise<{ instance: Instance; crew: Crew }>,
  ): Promise<void> {
    return this.turn(async () => {
      this.#check();
      ({ instance: this.#instance, crew: this.#crew } = await others(this.#instance, this.#crew));
    });
  }

  /** Ends every worker; what models hold is saved first. A closed engine runs nothing more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.usable) await this.#last;
    for (const save of this.#beforeClose) save();
    this.#beforeClose.clear();
    this.#closed = true;
    await this.#crew.close();
  }

  async #run(loaded: LoadedProgram, steps: number): Promise<RunResult> {
    this.#name(loaded, steps);
    this.#busy = true;
    return this.#crew.run({ little: loaded.program.work < this.soloWork });
  }

  #check(): void {
    if (this.#closed) throw new EngineError("engine: it is closed");
    if (this.#crew.failure) throw this.#crew.failure;
  }

  /** Names the program and the steps of the next run. */
  #name({ program, code, scratch }: LoadedProgram, steps: number): void {
    this.#check();
    const control = new Int32Array(this.memory.buffer, 0, 1024);
    control[CONTROL_PROGRAM >> 2] = code.address;
    control[CONTROL_LENGTH >> 2] = program.words.byteLength;
    control[CONTROL_STEPS >> 2] = steps;
    control[CONTROL_SCRATCH >> 2] = scratch.address;
    control[CONTROL_SCRATCH_BYTES >> 2] = program.scratchBytes;
  }

  #slot(kernel: string): number {
    const { slots } = this.#instance;
    const slot = (this.wide ? slots.get(`${kernel}Wide`) : undefined) ?? slots.get(kernel);
    if (slot === undefined)
      throw new EngineError(`engine: there is no kernel ${kernel}, see extendQuantized`);
    return slot;
  }
}

/**
 * Makes an engine. Its workers do not keep the process alive; `close` ends them at once. In a page with cross-origin
 * isolation all its threads are workers; without, or where "auto" finds that workers cannot begin, it has one thread, the
 * page's, and lets the page in every 10 ms.
 * @throws OptionError for an option out of range or unknown. @throws EngineError where threads are asked for that the runtime cannot
 * share memory with or start, where it has no SIMD, or may not compile. @throws MemoryError where it gives no memory.
 * @example const engine = await createEngine({ threads: 2, numerics: "exact" });
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const { threads: wanted, instructionSet, ...settled } = settle(options);
  const cores = host.cores();
  const least = wanted === "auto" ? 1 : wanted;
  if (least > 1 && cores === undefined) {
    throw new EngineError(
      `createEngine: threads: got ${wanted}, but this runtime cannot share memory among threads`,
    );
  }
  const threads = wanted === "auto" ? Math.min(cores ?? 1, 64) : wanted;
  const shared = threads > 1 || (cores !== undefined && host.isPage());
  const isWide = settled.wide && (await host.allowWide?.()) === true;
  const module = await host.compile({ instructionSet, shared });
  const inMemory = async () => {
    const made = createMemory(settled.memoryLimit, shared);
    return { instructionSet, ...made, instance: await instantiate(module, made.memory) };
  };
  const parts = await inMemory();
  const engineOf = (crew: Crew, wide: boolean) => new Engine({ ...parts, crew, wide });
  let wide = false;
  if (isWide) {
    // Tried in a memory of its own: an engine takes its memory to be all zeros at first.
    const tried = await inMemory();
    const { checkWide } = await import("./wide.ts");
    wide = checkWide(new Engine({ ...tried, crew: new Crew(tried.instance), wide: true }));
  }
  const alone = new Crew(parts.instance);
  if (!shared) return engineOf(alone, wide);
  const crew = new Crew(parts.instance, threads);
  try {
    await crew.start({ module, memory: parts.memory, url: settled.workerUrl });
  } catch (error) {
    if (least > 1) throw error;
    return engineOf(alone, wide);
  }
  return engineOf(crew, wide);
}

/**
 * Makes an engine of one thread without a promise; everything it offers can then be done without one. Not for pages, unless
 * of `downhill/slim`.
 * @throws OptionError for an option out of range or unknown. @throws EngineError where the runtime cannot load the module so.
 * @example const engine = createEngineSync({ numerics: "exact" });
 */
export function createEngineSync(
  options: Omit<EngineOptions, "threads" | "wide" | "workerUrl"> = {},
): Engine {
  const { instructionSet, ...settled } = settle(options);
  const module = host.compileSync({ instructionSet, shared: false });
  const { memory, memoryLimit } = createMemory(settled.memoryLimit, false);
  const instance = instantiateSync(module, memory);
  return new Engine({ instructionSet, memory, memoryLimit, instance, crew: new Crew(instance), wide: false });
}
