// The engine: one memory, one compiled module, some threads. It loads programs and runs their steps.
import { host } from "#host";
import {
  CONTROL_LENGTH,
  CONTROL_PROGRAM,
  CONTROL_SCRATCH,
  CONTROL_SCRATCH_BYTES,
  CONTROL_STEPS,
  INSTRUCTION_BYTES,
  STATUS_HALTED,
  STATUS_WAITING,
} from "../../assembly/abi.ts";
import type { Program } from "../compile/program.ts";
import { EngineError, MemoryError, OptionError } from "../core/errors.ts";
import type { InstructionSet } from "../host/host.ts";
import { type Instance, instantiate } from "../host/instance.ts";
import { Crew } from "./crew.ts";
import { Allocator, type Block } from "./memory.ts";
import { relaxedSupported } from "./variant.ts";

/** How an engine is made. */
export interface EngineOptions {
  /** Threads, the calling one included. "auto": one a core, where memory can be shared. Results do not depend on it. Default: "auto". */
  readonly threads?: number | "auto";
  /** "fast": the best instructions that the runtime has. "exact": those that give the same bits everywhere. Default: "fast". */
  readonly numerics?: "fast" | "exact";
  /** Most bytes that the engine's memory may grow to, at most 4 GiB. Default: 2 GiB. */
  readonly memoryLimit?: number;
  /**
   * Node 26 and newer: has V8 join pairs of vector instructions into wider ones, for this whole process, and uses
   * matrix tiles shaped for it. Kept only if it gives the same bits as without, see `engine.wide`. Default: false.
   */
  readonly wide?: boolean;
}

/** What a run came to. */
export interface RunResult {
  /** Steps that were done; fewer than asked for where a guard stopped. */
  readonly steps: number;
  readonly halted: boolean;
}

/** Work below which waking a worker costs more than it saves: multiply-adds, some 30 µs of them. */
const SOLO_WORK = 300_000;
const GIB = 2 ** 30;
const PAGE = 65_536;
/** Pages of a shared memory at its start: 128 MiB. */
const SHARED_PAGES = 2048;
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

  /** Gives back the memory that is the program's own. */
  release(): void {
    for (const block of this.#own) this.engine.free(block);
  }
}

/** One memory, one module, some threads; made by createEngine or createEngineSync. */
export class Engine {
  readonly instructionSet: InstructionSet;
  readonly threads: number;
  /** Whether the wide tiles are in use: asked for, possible, and checked. */
  readonly wide: boolean;
  readonly memory: WebAssembly.Memory;
  /** Work below which a run stays on the calling thread; 0 has every thread take part in the smallest one. */
  soloWork = SOLO_WORK;
  readonly #instance: Instance;
  readonly #allocator: Allocator;
  readonly #crew: Crew | undefined;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();
  #busy = false;
  readonly #beforeClose = new Set<() => void>();

  constructor(parts: {
    instructionSet: InstructionSet;
    memory: WebAssembly.Memory;
    memoryLimit: number;
    instance: Instance;
    crew?: Crew | undefined;
    wide: boolean;
  }) {
    this.instructionSet = parts.instructionSet;
    this.memory = parts.memory;
    this.#instance = parts.instance;
    this.#crew = parts.crew;
    this.wide = parts.wide;
    this.threads = 1 + (parts.crew?.size ?? 0);
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
    return !this.#closed && this.#crew?.failure === undefined;
  }

  /** Whether a run is under way. */
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

  free(block: Block): void {
    if (!this.#closed) this.#allocator.free(block);
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
      this.#write(loaded);
      return loaded;
    } catch (error) {
      for (const block of own) this.free(block);
      throw error;
    }
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
    const turn = this.#last.then(() => work((loaded, steps = 1) => this.#run(loaded, steps)));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Runs without a promise; for engines of one thread. */
  runSync(loaded: LoadedProgram, steps = 1): RunResult {
    if (this.threads > 1)
      throw new EngineError(`engine: has ${this.threads} threads; only one thread can run without a promise`);
    if (this.#busy) throw new EngineError("engine: another run is under way");
    this.#start(loaded, steps);
    this.#busy = false;
    return this.#result(this.#instance.exports.proceed());
  }

  /** Ends every worker; what models hold is saved first. A closed engine runs nothing more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.usable) await this.#last;
    for (const save of this.#beforeClose) save();
    this.#beforeClose.clear();
    this.#closed = true;
    if (this.threads > 1) this.#instance.exports.dismiss();
    await this.#crew?.close();
  }

  async #run(loaded: LoadedProgram, steps: number): Promise<RunResult> {
    const together = this.#start(loaded, steps);
    try {
      let status = this.#instance.exports.proceed();
      while (status === STATUS_WAITING) {
        // Lets the event loop bring the news of a worker's death.
        await new Promise((resolve) => setTimeout(resolve));
        this.#check();
        status = this.#instance.exports.proceed();
      }
      return this.#result(status);
    } finally {
      this.#busy = false;
      if (!together) this.#instance.exports.attach(0, this.threads);
    }
  }

  #check(): void {
    if (this.#closed) throw new EngineError("engine: it is closed");
    if (this.#crew?.failure) throw this.#crew.failure;
  }

  /** Makes ready for a run; answers whether all threads take part. */
  #start(loaded: LoadedProgram, steps: number): boolean {
    this.#check();
    const { program, code, scratch } = loaded;
    const control = new Int32Array(this.memory.buffer, 0, 1024);
    control[CONTROL_PROGRAM >> 2] = code.address;
    control[CONTROL_LENGTH >> 2] = program.words.byteLength;
    control[CONTROL_STEPS >> 2] = steps;
    control[CONTROL_SCRATCH >> 2] = scratch.address;
    control[CONTROL_SCRATCH_BYTES >> 2] = program.scratchBytes;
    const { exports } = this.#instance;
    const together = program.work >= this.soloWork || this.threads === 1;
    if (!together) exports.attach(0, 1);
    exports.begin();
    if (together && this.threads > 1) exports.wake();
    this.#busy = true;
    return together;
  }

  #result(status: number): RunResult {
    return { steps: this.#instance.exports.stepsDone(), halted: status === STATUS_HALTED };
  }

  /** Writes the instructions with their slots and addresses, and the constants. */
  #write(loaded: LoadedProgram): void {
    const { program, code } = loaded;
    const words = new Int32Array(this.memory.buffer, code.address, program.words.length);
    words.set(program.words);
    for (const [index, kernel] of program.kernels.entries()) {
      words[index * INSTRUCTION_WORDS] = this.#slot(kernel);
    }
    for (const { word, region, offset } of program.relocations)
      words[word] = loaded.region(region).address + offset;
    for (const { place, bytes } of program.constants) {
      new Uint8Array(
        this.memory.buffer,
        loaded.region(place.region).address + place.offset,
        bytes.length,
      ).set(bytes);
    }
  }

  #slot(kernel: string): number {
    const { slots } = this.#instance;
    const slot = (this.wide ? slots.get(`${kernel}Wide`) : undefined) ?? slots.get(kernel);
    if (slot === undefined) throw new EngineError(`engine: there is no kernel ${kernel}`);
    return slot;
  }
}

/** Checks the options that do not depend on the runtime. */
function settle({ threads = "auto", numerics = "fast", memoryLimit = 2 * GIB, wide = false }: EngineOptions) {
  if (threads !== "auto" && !(Number.isInteger(threads) && threads >= 1 && threads <= 64)) {
    throw new OptionError(`createEngine: threads: wanted "auto" or 1 to 64, got ${threads}`);
  }
  if (numerics !== "fast" && numerics !== "exact") {
    throw new OptionError(
      `createEngine: numerics: wanted "fast" or "exact", got ${JSON.stringify(numerics)}`,
    );
  }
  if (!(memoryLimit >= PAGE && memoryLimit <= 4 * GIB)) {
    throw new OptionError(
      `createEngine: memoryLimit: wanted ${PAGE} to ${4 * GIB} bytes, got ${memoryLimit}`,
    );
  }
  const instructionSet: InstructionSet =
    numerics === "fast" && relaxedSupported() && host.offers("relaxed") ? "relaxed" : "plain";
  return { threads, instructionSet, memoryLimit, wide };
}

function createMemory(limit: number, shared: boolean): WebAssembly.Memory {
  const maximum = Math.floor(limit / PAGE);
  // Pages cost nothing until they are touched, and growth of shared memory has to reach every thread: so there is little.
  const initial = shared ? Math.min(maximum, SHARED_PAGES) : 1;
  return new WebAssembly.Memory({ initial, maximum, shared });
}

/**
 * Makes an engine. Its workers do not keep the process alive; `close` ends them at once.
 * @throws OptionError for an option out of range. @throws EngineError where threads are asked for that the runtime cannot share memory with.
 * @example const engine = await createEngine({ threads: 2, numerics: "exact" });
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const { instructionSet, memoryLimit, ...wanted } = settle(options);
  const cores = host.cores();
  const threads = wanted.threads === "auto" ? Math.min(cores ?? 1, 64) : wanted.threads;
  const shared = threads > 1;
  if (shared && cores === undefined) {
    throw new EngineError(
      `createEngine: threads: got ${threads}, but this runtime cannot share memory among threads`,
    );
  }
  const wide = wanted.wide && (await host.allowWide?.()) === true;
  const module = await host.compile({ instructionSet, shared });
  const memory = createMemory(memoryLimit, shared);
  const instance = instantiate(module, memory);
  const engineOf = (crew: Crew | undefined, isWide: boolean) =>
    new Engine({ instructionSet, memory, memoryLimit, instance, crew, wide: isWide });
  const kept = wide && (await import("./wide.ts")).checkWide(engineOf(undefined, true));
  if (!shared) return engineOf(undefined, kept);
  instance.exports.attach(0, threads);
  return engineOf(await Crew.start(module, memory, threads), kept);
}

/**
 * Makes an engine of one thread without a promise; everything it offers can then be done without one.
 * @throws OptionError for an option out of range. @throws EngineError where the runtime cannot load the module so.
 * @example const engine = createEngineSync({ numerics: "exact" });
 */
export function createEngineSync(options: Omit<EngineOptions, "threads" | "wide"> = {}): Engine {
  const { instructionSet, memoryLimit } = settle(options);
  const module = host.compileSync({ instructionSet, shared: false });
  const memory = createMemory(memoryLimit, false);
  return new Engine({
    instructionSet,
    memory,
    memoryLimit,
    instance: instantiate(module, memory),
    wide: false,
  });
}
