// One instance of the module: each thread has its own, over the same memory.
import { SLOT_BARRIER } from "../../assembly/abi.ts";

/** What finite.ts, run.ts and thread.ts of the module export. */
interface Exports {
  readonly table: WebAssembly.Table;
  /** The first byte that the host may hand out. */
  freeMemory(): number;
  attach(index: number, count: number): void;
  begin(): void;
  countFinite(address: number, count: number): number;
  proceed(): number;
  proceedBy(instructions: number): number;
  relaxed(): number;
  serve(): number;
  stepsDone(): number;
  wake(): void;
  dismiss(): void;
}

export interface Instance {
  readonly exports: Exports;
  /** Slot of each kernel in the function table. */
  readonly slots: ReadonlyMap<string, number>;
}

const imports = (memory: WebAssembly.Memory) => ({ env: { memory } });

/** Makes an instance and fills its function table. */
export async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Instance> {
  return filled(await WebAssembly.instantiate(module, imports(memory)));
}

/** The same without a promise, which browsers do not like a page to do. */
export const instantiateSync = (module: WebAssembly.Module, memory: WebAssembly.Memory): Instance =>
  filled(new WebAssembly.Instance(module, imports(memory)));

/** Kernels by name, in one order everywhere. */
function filled(instance: WebAssembly.Instance): Instance {
  const exports = instance.exports as unknown as Exports;
  const functions = Object.entries(instance.exports)
    .filter(([, value]) => typeof value === "function")
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const start = exports.table.grow(functions.length);
  const slots = new Map([["barrier", SLOT_BARRIER]]);
  for (const [index, [name, kernel]] of functions.entries()) {
    exports.table.set(start + index, kernel);
    slots.set(name, start + index);
  }
  return { exports, slots };
}
