// What differs between surroundings. Each family of them has a file beside this one; the one that a build is for is
// imported as `#host`, and no other file knows where it runs.

/** Multiply and add in one rounding or in two. */
export type InstructionSet = "relaxed" | "plain";

/** One of the compiled modules. */
export interface Variant {
  readonly instructionSet: InstructionSet;
  /** Whether its memory can be shared with workers. */
  readonly shared: boolean;
}

export interface Host {
  /** Whether the module with an instruction set is at hand, where the runtime could run it. */
  offers(instructionSet: InstructionSet): boolean;
  /** A compiled module. @throws EngineError where it cannot be had. */
  compile(variant: Variant): Promise<WebAssembly.Module>;
  /** The same without a promise. @throws EngineError where it cannot be had so. */
  compileSync(variant: Variant): WebAssembly.Module;
  /** Whether the calling thread is a page's or the like: it may not wait, and may not be kept busy for long. */
  isPage(): boolean;
  /** Threads that "auto" stands for; undefined where memory cannot be shared with workers. */
  cores(): number | undefined;
  /** Starts a worker, from its script's usual place if no other is given. Rejects where there are no workers. */
  startWorker?(task: WorkerTask, events: WorkerEvents, url?: string | URL): Promise<Worker>;
  /** Switches on the joining of vector operations, see engine/wide.ts; answers whether the runtime has it. */
  allowWide?(): Promise<boolean>;
  files?(): Promise<FileSystem>;
  /** The package that draws bars on a terminal; undefined where it is not installed. */
  bars?(): Promise<{ readonly default: { readonly SingleBar: new (options: object) => Bar } } | undefined>;
  /** The folder of an installed npm package. */
  packageDirectory?(name: string): string | undefined;
}

/** What the engine gives a worker. */
export interface WorkerTask {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly index: number;
  readonly count: number;
  /** Modules with further kernels. */
  readonly extensions?: readonly WebAssembly.Module[];
}

/** What a worker's starter is told. */
export interface WorkerEvents {
  message(message: unknown): void;
  /** It has ended, or never began. */
  ended(reason: string): void;
}

export interface Worker {
  /** Ends it, also one that no longer listens. */
  terminate(): unknown;
}

/** What is asked of a bar: this much of one of cli-progress. */
export interface Bar {
  readonly isActive: boolean;
  start(total: number, value: number, payload: object): void;
  update(value: number, payload: object): void;
  stop(): void;
}

/** What is asked of a file system: this much of Node's. */
export interface FileSystem {
  access(path: string): Promise<void>;
  mkdir(path: string, options: { recursive: boolean }): Promise<unknown>;
  open(path: string | URL, flags?: string): Promise<FileHandle>;
  readdir(path: string): Promise<string[]>;
  readFile(path: string): Promise<Uint8Array>;
  readFile(path: string, encoding: "utf8"): Promise<string>;
  realpath(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { force: boolean }): Promise<void>;
  stat(path: string): Promise<{ readonly mode: number }>;
}

export interface FileHandle {
  appendFile(data: string | Uint8Array): Promise<void>;
  chmod(mode: number): Promise<void>;
  close(): Promise<void>;
  createReadStream(options: { autoClose: boolean }): AsyncIterable<Uint8Array>;
  datasync(): Promise<void>;
  read(target: Uint8Array, offset: number, length: number, position: number): Promise<unknown>;
  stat(): Promise<{ readonly size: number }>;
  sync(): Promise<void>;
  writeFile(bytes: Uint8Array): Promise<void>;
}
