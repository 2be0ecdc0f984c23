// The module of the kernels on bytes for Vercel's edge functions: imported, by those alone that quantize.
import plain from "../../wasm/quantized-plain.wasm?module";
import relaxed from "../../wasm/quantized-relaxed.wasm?module";
import type { Variant } from "./host.ts";

const modules = { plain, relaxed };

export const compile = async ({ instructionSet }: Variant): Promise<WebAssembly.Module> =>
  modules[instructionSet];
