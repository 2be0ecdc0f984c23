// Which of the compiled modules this runtime can run, and where its bytes come from.
import { EngineError } from "../core/errors.ts";

/** Multiply and add in one rounding or in two. */
export type InstructionSet = "relaxed" | "plain";

/** A function of one fused multiply-add and nothing else: valid only where relaxed SIMD is. */
const RELAXED_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 8, 1, 96, 3, 123, 123, 123, 1, 123],
  ...[3, 2, 1, 0],
  ...[10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 0x85, 2, 11],
);

export function relaxedSupported(): boolean {
  return WebAssembly.validate(RELAXED_PROBE);
}

/** Shared memory, and a worker to share it with. */
export function threadsSupported(): boolean {
  return typeof SharedArrayBuffer === "function" && isNode();
}

export function isNode(): boolean {
  return typeof process === "object" && process.versions?.node !== undefined;
}

function locate(set: InstructionSet, shared: boolean): URL {
  return new URL(`../../wasm/${set}${shared ? "-shared" : ""}.wasm`, import.meta.url);
}

/** Compiles a variant. */
export async function compileModule(set: InstructionSet, shared: boolean): Promise<WebAssembly.Module> {
  if (isNode()) return compileModuleSync(set, shared);
  const response = await fetch(locate(set, shared));
  if (!response.ok) throw new EngineError(`engine: ${response.url} answered ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Compiles a variant without a promise: where files can be read so. */
export function compileModuleSync(set: InstructionSet, shared: boolean): WebAssembly.Module {
  const fs = isNode() ? process.getBuiltinModule?.("node:fs") : undefined;
  if (!fs) throw new EngineError("engine: only Node can load the module without a promise; use createEngine");
  return new WebAssembly.Module(fs.readFileSync(locate(set, shared)));
}
