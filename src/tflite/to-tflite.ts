// Models as TFLite files.
import { OptionError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import type { Engine } from "../engine/engine.ts";
import { type Freezable, frozenOf } from "../inference/freezable.ts";
import type { Ranges } from "../quantize/calibrate.ts";
import type { TfliteQuantization } from "./quantization.ts";
import { translate } from "./translate.ts";
import { writeTflite } from "./write.ts";

/** Options of {@link toTflite}. */
export interface TfliteOptions {
  /** Examples at a time. Default: 1. */
  readonly batchSize?: number | undefined;
  /** Whether the batch may be resized: its size is −1 in the tensors' signatures. Default: false. */
  readonly dynamicBatch?: boolean | undefined;
  /** What is applied to the output, over its last axis or to each number. Default: nothing. */
  readonly activation?: "softmax" | "sigmoid" | undefined;
  /** Integers of 8 bits instead of floats: ranges, or where they come from. Default: floats. */
  readonly quantization?: Ranges | TfliteQuantization | undefined;
  /** What the input is called. Default: "input". */
  readonly inputName?: string | undefined;
  /** What the output is called. Default: "output". */
  readonly outputName?: string | undefined;
  /** A sentence about the model. Default: none. */
  readonly description?: string | undefined;
  /** Where constants are computed and ranges found. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine | undefined;
}

const OPTIONS: OptionNames<TfliteOptions> = {
  batchSize: 0,
  dynamicBatch: 0,
  activation: 0,
  quantization: 0,
  inputName: 0,
  outputName: 0,
  description: 0,
  engine: 0,
};

/**
 * A model as the bytes of a TFLite file (schema 3), which LiteRT runs on phones, microcontrollers and in browsers: as it
 * predicts, with its weights, for `batchSize` examples at a time. Input [batch, ...inputShape] and output
 * [batch, ...outputShape] are as `predict` has them. Images are [batch, height, width, channels] there too; what TFLite has
 * no operator for is said by several.
 * With `quantization` it computes in integers of 8 bits by LiteRT's specification.
 * @throws FormatError naming an op that has no translation, or one without integers; for a file of more than 2 GiB.
 * @throws OptionError for an option out of range, and for `dynamicBatch` where constants depend on the batch.
 * @throws EngineError where the model has no weights yet.
 * @example
 * await model.initialize(); // or train it, or load its weights
 * const file = await toTflite(model, { activation: "softmax", description: "Reads digits." });
 * const small = await toTflite(model, { quantization: { calibration: images } });
 */
export async function toTflite(model: Freezable, options: TfliteOptions = {}): Promise<Uint8Array> {
  const given = checkOptions("toTflite", options, OPTIONS);
  const { batchSize = 1, dynamicBatch = false, activation: ending, engine } = given;
  const { inputName = "input", outputName = "output", description = "" } = given;
  if (ending !== undefined && !["softmax", "sigmoid"].includes(ending)) {
    throw new OptionError(
      `toTflite: activation: got ${JSON.stringify(ending)}, wanted "softmax" or "sigmoid"`,
    );
  }
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new OptionError(`toTflite: batchSize: wanted a positive integer, got ${batchSize}`);
  for (const [what, text] of Object.entries({ inputName, outputName, description }))
    if (typeof text !== "string" || (text === "" && what !== "description"))
      throw new OptionError(`toTflite: ${what}: got ${JSON.stringify(text)}, wanted text`);
  const quantization =
    given.quantization && (await import("./quantization.ts")).quantizationOf(given.quantization);
  const spans = await quantization?.spans(model, engine);
  const said = async (size: number) => {
    const frozen = await frozenOf(model, { batchSize: size, engine });
    return translate(frozen, { ...(spans && { spans }), ending });
  };
  const anyBatch = async () => {
    const { atAnyBatch } = await import("./any-batch.ts");
    const any = atAnyBatch(await said(2), await said(3), batchSize);
    if (any) return any;
    throw new OptionError(
      "toTflite: dynamicBatch: got true, but constants of this model depend on the batch, wanted false and a batchSize",
    );
  };
  let translation = dynamicBatch ? await anyBatch() : await said(batchSize);
  translation = quantization?.integers(translation) ?? translation;
  return writeTflite(translation, { description, input: inputName, output: outputName });
}
