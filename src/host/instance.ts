// One instance of the module: each thread has its own, over the same memory.
import { SLOT_BARRIER } from "../../assembly/abi.ts";

/** What run.ts and thread.ts of the module export. */
interface Exports {
  readonly table: WebAssembly.Table;
  /** The first byte that the host may hand out. */
  freeMemory(): number;
  attach(index: number, count: number): void;
  begin(): void;
  proceed(): number;
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

/** Makes an instance and fills its function table: kernels by name, in one order everywhere. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Instance {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
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
