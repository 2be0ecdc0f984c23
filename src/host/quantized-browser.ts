// The module of the kernels on bytes for pages and their workers: text in files of their own.
import { compileBytes } from "./compile.ts";
import type { Variant } from "./host.ts";

/** Written out, for bundlers follow only what they can read. */
const modules = {
  plain: { own: () => import("#wasm/quantized-plain"), shared: () => import("#wasm/quantized-plain-shared") },
  relaxed: {
    own: () => import("#wasm/quantized-relaxed"),
    shared: () => import("#wasm/quantized-relaxed-shared"),
  },
};

export const compile = async ({ instructionSet, shared }: Variant): Promise<WebAssembly.Module> =>
  compileBytes((await modules[instructionSet][shared ? "shared" : "own"]()).default);
