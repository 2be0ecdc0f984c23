// The module of the kernels on bytes for Node, Deno and Bun: a file.
import type { Variant } from "./host.ts";
import { moduleOf } from "./node.ts";

export const compile = async (variant: Variant): Promise<WebAssembly.Module> =>
  moduleOf(variant, "quantized-");
