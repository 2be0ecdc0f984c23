// The module of the kernels on bytes for Cloudflare's workers: imported, by those alone that quantize.
import plain from "../../wasm/quantized-plain.wasm";
import relaxed from "../../wasm/quantized-relaxed.wasm";
import type { Variant } from "./host.ts";

const modules = { plain, relaxed };

export const compile = async ({ instructionSet }: Variant): Promise<WebAssembly.Module> =>
  modules[instructionSet];
