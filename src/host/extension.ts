// A module beside the first: its kernels join the first one's function table, over the same memory.
import type { Instance } from "./instance.ts";

/** What such a module exports beside its kernels. */
interface Attached {
  attach(index: number, count: number): void;
}

/**
 * An instance that has the kernels of another module too. They come to lie behind those that are there, in one order
 * everywhere, so each thread has each at the same slot.
 */
export function extended({ exports, slots }: Instance, other: WebAssembly.Instance): Instance {
  const { attach, ...rest } = other.exports as unknown as Attached & Record<string, unknown>;
  const kernels = Object.entries(rest)
    .filter(([, value]) => typeof value === "function")
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const start = exports.table.grow(kernels.length);
  const all = new Map(slots);
  for (const [index, [name, kernel]] of kernels.entries()) {
    exports.table.set(start + index, kernel);
    all.set(name, start + index);
  }
  return {
    exports: {
      ...exports,
      // Each module has its own record of who the thread is.
      attach(index, count) {
        exports.attach(index, count);
        attach(index, count);
      },
    },
    slots: all,
  };
}
