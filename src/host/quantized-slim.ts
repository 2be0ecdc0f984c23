// The module of the kernels on bytes for any surroundings: `init` has taken it, too.
import { EngineError } from "../core/errors.ts";
import type { Variant } from "./host.ts";
import { quantized } from "./slim.ts";

export async function compile({ instructionSet }: Variant): Promise<WebAssembly.Module> {
  const module = quantized[instructionSet];
  if (module) return module;
  throw new EngineError(
    `engine: quantized-${instructionSet} module: got none, wanted init({ url }) of downhill/wasm/quantized-${instructionSet}.wasm before`,
  );
}
