// The module of the kernels on bytes for Node, Deno and Bun: a file.
import type { Variant } from "./host.ts";
import { bytesOf, moduleOf } from "./node.ts";

export const compile = async (variant: Variant): Promise<WebAssembly.Module> =>
  moduleOf(variant, "quantized-");

export const bytes = async (variant: Variant): Promise<Uint8Array<ArrayBuffer>> =>
  bytesOf(variant, "quantized-");
