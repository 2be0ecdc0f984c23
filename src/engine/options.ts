// How an engine is made: what can be asked for, and what it comes to in this runtime.
import { host } from "#host";
import { EngineError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { InstructionSet } from "../host/host.ts";
import { PAGE } from "./memory.ts";
import { relaxedSupported, simdSupported } from "./variant.ts";

/** How an engine is made. */
export interface EngineOptions {
  /** Threads, the calling one included unless it is a page's. "auto": one a core, where memory can be shared. Results do not depend on it. Default: "auto". */
  readonly threads?: number | "auto";
  /** "fast": the best instructions that the runtime has. "exact": those that give the same bits everywhere. Default: "fast". */
  readonly numerics?: "fast" | "exact";
  /** Most bytes that the engine's memory may grow to, at most 4 GiB. Default: 2 GiB. */
  readonly memoryLimit?: number;
  /**
   * Node 26 and newer: has V8 join pairs of vector instructions into wider ones, for this whole process, and uses
   * matrix tiles shaped for it. Kept only if it gives the same bits as without, see `engine.wide`. Default: false.
   */
  readonly wide?: boolean;
  /** Where the workers' script lies, `downhill/worker.js`, if a bundler has moved it or a page may load it only from its own origin. Default: beside this one. */
  readonly workerUrl?: string | URL;
}

const GIB = 2 ** 30;

/** Checks the options that do not depend on the runtime. */
export function settle(options: EngineOptions) {
  const {
    threads = "auto",
    numerics = "fast",
    memoryLimit = 2 * GIB,
    wide = false,
    workerUrl,
  } = checkOptions("createEngine", options, {
    threads: 0,
    numerics: 0,
    memoryLimit: 0,
    wide: 0,
    workerUrl: 0,
  });
  if (threads !== "auto" && !(Number.isInteger(threads) && threads >= 1 && threads <= 64)) {
    throw new OptionError(`createEngine: threads: wanted "auto" or 1 to 64, got ${threads}`);
  }
  if (numerics !== "fast" && numerics !== "exact") {
    throw new OptionError(
      `createEngine: numerics: wanted "fast" or "exact", got ${JSON.stringify(numerics)}`,
    );
  }
  if (!(memoryLimit >= PAGE && memoryLimit <= 4 * GIB)) {
    throw new OptionError(
      `createEngine: memoryLimit: wanted ${PAGE} to ${4 * GIB} bytes, got ${memoryLimit}`,
    );
  }
  if (!simdSupported())
    throw new EngineError("engine: WebAssembly: got none with SIMD, wanted a runtime that has it");
  const instructionSet: InstructionSet =
    numerics === "fast" && relaxedSupported() && host.offers("relaxed") ? "relaxed" : "plain";
  return { threads, instructionSet, memoryLimit, wide, workerUrl };
}
