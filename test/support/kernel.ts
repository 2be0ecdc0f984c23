// Calls one kernel directly, on arrays, with no program around it.
import { readFileSync } from "node:fs";
import { INSTRUCTION_BYTES } from "#abi";

/** An operand that is broadcast: element i of the pass reads values[floor(i / repeat) % period]. */
export interface Broadcast {
  readonly values: Float32Array;
  readonly repeat: number;
  readonly period: number;
}

export interface ElementwiseCall {
  readonly alpha?: number;
  readonly beta?: number;
  /** Elements of the pass, where no operand has as many. */
  readonly n?: number;
  readonly threads?: number;
}

type Kernels = Record<string, (...words: number[]) => void>;

const INSTRUCTION = 64 * 1024;
const DATA = 128 * 1024;
/** Lies around every output, and must still lie there afterwards. */
const CANARY = 0x7fabcdef;

/** One WebAssembly variant with a memory of its own. */
export class KernelModule {
  readonly words: Int32Array;
  readonly floats: Float32Array;
  readonly #exports: Kernels & { table: WebAssembly.Table };
  readonly #slots = new Map<string, number>();
  #next = DATA;

  constructor(bytes: BufferSource) {
    const memory = new WebAssembly.Memory({ initial: 256, maximum: 65536 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    this.#exports = exports as unknown as Kernels & { table: WebAssembly.Table };
    this.words = new Int32Array(memory.buffer);
    this.floats = new Float32Array(memory.buffer);
  }

  slot(kernel: string): number {
    let slot = this.#slots.get(kernel);
    if (slot === undefined) {
      slot = this.#exports.table.grow(1);
      this.#exports.table.set(slot, this.#exports[kernel]!);
      this.#slots.set(kernel, slot);
    }
    return slot;
  }

  /** Calls an export, as each of so many threads after the other. */
  call(name: string, threads: number, ...operands: number[]): void {
    for (let thread = 0; thread < threads; thread++) {
      this.#exports.attach!(thread, threads);
      this.#exports[name]!(...operands);
    }
  }

  /** Room for n floats from a cache line on, between canaries. */
  allocate(n: number): number {
    const address = this.#next + 64;
    this.words.fill(CANARY, this.#next / 4, this.#next / 4 + 32 + n + 16);
    this.#next = address + Math.ceil(n / 16) * 64 + 64;
    return address;
  }

  place(values: ArrayLike<number>): number {
    const address = this.allocate(values.length);
    this.floats.set(values, address / 4);
    return address;
  }

  /** The n floats at an address; throws where something was written beside them. */
  take(address: number, n: number): Float32Array<ArrayBuffer> {
    const at = address / 4;
    for (const word of [at - 1, at + n]) {
      if (this.words[word] !== CANARY) throw new Error(`written beside the output, at element ${word - at}`);
    }
    return new Float32Array(this.floats.subarray(at, at + n));
  }

  /** Gives back everything allocated. */
  clear(): void {
    this.#next = DATA;
  }

  /** Writes an instruction behind the others; operands that are no integers are floats. */
  instruction(index: number, words: readonly (number | readonly [float: number])[]): number {
    const address = INSTRUCTION + index * INSTRUCTION_BYTES;
    words.forEach((word, k) => {
      if (typeof word === "number") this.words[address / 4 + k] = word;
      else this.floats[address / 4 + k] = word[0];
    });
    return address;
  }

  /** Runs a kernel of one instruction that is not elementwise. */
  run(kernel: string, threads: number, ...operands: (number | readonly [float: number])[]): void {
    this.call(kernel, threads, this.instruction(0, [this.slot(kernel), 0, ...operands]));
  }

  /** y = kernel(a, b, c); an array of one element is broadcast. */
  elementwise(
    kernel: string,
    inputs: readonly (Float32Array | Broadcast)[],
    { alpha = 0, beta = 0, n = 0, threads = 1 }: ElementwiseCall = {},
  ): Float32Array<ArrayBuffer> {
    this.clear();
    const count = Math.max(n, ...inputs.map((input) => (input instanceof Float32Array ? input.length : 0)));
    const operands = inputs.flatMap((input) =>
      input instanceof Float32Array
        ? [this.place(input), 1, input.length === 1 && count > 1 ? 1 : 0]
        : [this.place(input.values), input.repeat, input.period],
    );
    const y = this.allocate(count);
    const head = this.instruction(0, [this.slot("map"), 1, count]);
    this.instruction(1, [this.slot(kernel), 0, 0, [alpha], [beta], y, ...operands]);
    this.call("map", threads, head);
    return this.take(y, count);
  }
}

/** Every variant without shared memory that this runtime accepts. */
export function kernelModules(): [string, KernelModule][] {
  return ["plain", "relaxed"].flatMap((variant): [string, KernelModule][] => {
    const bytes = readFileSync(`build/wasm/${variant}.wasm`);
    return WebAssembly.validate(bytes) ? [[variant, new KernelModule(bytes)]] : [];
  });
}
