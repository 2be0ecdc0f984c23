// Writes programs and the memory in which they lie to one file.
import { OptionError } from "../core/errors.ts";
import { encode } from "./encoder.ts";
import { image } from "./image.ts";
import { PRODUCER } from "./program-file.ts";
import type { Replayable } from "./replayable.ts";

/** How programs are written. */
export interface WriteProgramsOptions {
  /**
   * "exact": the file wants the plain kernels, with which a replay gives the bits of an engine with exact numerics.
   * "fast": the relaxed ones, where the host has them. Default: "exact".
   */
  readonly numerics?: "exact" | "fast";
}

/**
 * Programs and their one memory as the bytes of a file, which a loop of a few lines replays on any host of WebAssembly:
 * with the kernels of this version of the package, on one thread, and the same bits as an engine. Programs of one model
 * share its weights, so that one can train what the other predicts with. The layout is that of docs/replay.md.
 * Throws `OptionError` without a program, `EngineError` for a model without weights, `MemoryError` where they do not fit
 * into the 4 GiB of a memory.
 * @example
 * await model.initialize();
 * await writeFileAtomically("digits.program", writePrograms({ predict: predictionProgram(model) }));
 */
export function writePrograms(
  programs: Readonly<Record<string, Replayable>>,
  options: WriteProgramsOptions = {},
): Uint8Array<ArrayBuffer> {
  const { numerics = "exact" } = options;
  if (numerics !== "exact" && numerics !== "fast") {
    throw new OptionError(
      `writePrograms: numerics: wanted "exact" or "fast", got ${JSON.stringify(numerics)}`,
    );
  }
  const entries = new Map(Object.entries(programs));
  if (entries.has("")) throw new OptionError('writePrograms: name: got "", wanted one letter or more');
  const instructionSet = numerics === "exact" ? "plain" : "relaxed";
  return encode({ producer: PRODUCER, instructionSet, ...image(entries) });
}
