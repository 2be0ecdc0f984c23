// Writes programs and the memory in which they lie to one file.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { encode } from "./encoder.ts";
import { type Imaged, type ImagedPlace, image } from "./image.ts";
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
  const { numerics = "exact" } = checkOptions("writePrograms", options, { numerics: 0 });
  if (numerics !== "exact" && numerics !== "fast") {
    throw new OptionError(
      `writePrograms: numerics: wanted "exact" or "fast", got ${JSON.stringify(numerics)}`,
    );
  }
  if ("" in programs) throw new OptionError('writePrograms: name: got "", wanted one letter or more');
  const instructionSet = numerics === "exact" ? "plain" : "relaxed";
  const imaged = new Map(Object.entries(programs).map(([name, each]) => [name, withWeights(each)]));
  return encode({ producer: PRODUCER, instructionSet, ...image(imaged) });
}

/** A program with the weights of its model, which it shares with the model's other programs. */
function withWeights({ program, model: { weights }, steps, contents, places }: Replayable): Imaged {
  const region = "parameters";
  const parameters = weights.segments.map(({ name, shape, offset }): [string, ImagedPlace] => [
    name,
    { role: "parameter", type: "f32", shape, region, offset: offset * 4 },
  ]);
  return {
    program,
    steps,
    contents: new Map(contents).set(region, new Uint8Array(weights.snapshot().buffer)),
    places: { ...places, ...Object.fromEntries(parameters) },
    shared: new Map([[region, { owner: weights, bytes: weights.length * 4 }]]),
  };
}
