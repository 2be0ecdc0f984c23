// Any surroundings whose own code brings the module: `init` takes it in whatever form it is there.
import { EngineError, OptionError } from "../core/errors.ts";
import { compileBytes, compileStreaming } from "./compile.ts";
import type { InstructionSet } from "./host.ts";
import { instantiate } from "./instance.ts";
import { hostOf } from "./threadless.ts";

type Modules = Partial<Record<InstructionSet, WebAssembly.Module>>;

const modules: Modules = {};
/** Those of the kernels on bytes. */
export const quantized: Modules = {};

export const host = hostOf(
  modules,
  (instructionSet) => `wanted init({ url }) of downhill/wasm/${instructionSet}.wasm before`,
);

/** Where a module comes from: exactly one of these. */
export type ModuleSource =
  | { readonly module: WebAssembly.Module }
  | { readonly bytes: BufferSource }
  | { readonly url: string | URL }
  | { readonly response: Response | PromiseLike<Response> };

/**
 * Gives `downhill/slim` one of the modules `downhill/wasm/plain.wasm` and `downhill/wasm/relaxed.wasm`, from which its
 * engines of one thread are then made; called again it adds the other, or one of `downhill/wasm/quantized-plain.wasm` and
 * `downhill/wasm/quantized-relaxed.wasm`, which quantized models need beside it. Answers which it was. A response of another type than
 * `application/wasm` is read as bytes.
 * @throws OptionError for no source or several; EngineError for what is not one of these modules, or cannot be fetched.
 * @example await init({ response: fetch("plain.wasm") });
 */
export async function init(source: ModuleSource): Promise<InstructionSet> {
  const module = await compiled(source);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
  const instance = await instantiate(module, memory).catch((cause) => {
    // That of something else, or for shared memory.
    throw new EngineError("init: module: got another, wanted plain.wasm or relaxed.wasm of downhill/wasm", {
      cause,
    });
  });
  const instructionSet = instance.exports.relaxed() ? "relaxed" : "plain";
  (instance.slots.has("matmulBytes") ? quantized : modules)[instructionSet] = module;
  return instructionSet;
}

async function compiled(source: ModuleSource): Promise<WebAssembly.Module> {
  const given = ["module", "bytes", "url", "response"].filter((name) => name in (source ?? {}));
  if (given.length !== 1) {
    throw new OptionError(
      `init: got ${given.join(" and ") || "nothing"}, wanted a module, bytes, url or response`,
    );
  }
  if ("module" in source) return source.module;
  if ("bytes" in source) return compileBytes(source.bytes);
  const answer = "url" in source ? fetch(source.url) : source.response;
  const response = await Promise.resolve(answer).catch((cause) => {
    throw new EngineError("init: got no answer, wanted a module", { cause });
  });
  if (!response.ok)
    throw new EngineError(`init: got status ${response.status} of ${response.url}, wanted a module`);
  // Compiles while it loads, but only what is served as the right type.
  const typed = /^application\/wasm$/i.test(response.headers.get("content-type") ?? "");
  return typed ? compileStreaming(response) : compileBytes(await response.arrayBuffer());
}
