// Models as TFLite files.
import { OptionError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import type { Engine } from "../engine/engine.ts";
import { type Frozen, freeze } from "../inference/frozen.ts";
import type { Inputs } from "../nn/inputs.ts";
import type { Model } from "../nn/model.ts";
import type { CalibrateOptions, Ranges } from "../quantize/calibrate.ts";
import { type Ending, translate } from "./translate.ts";
import { writeTflite } from "./write.ts";

/** What stands for a model as it predicts: a quantized one does. */
interface Freezable {
  frozen(batchSize: number): Promise<Frozen>;
}

/** Type of what goes in or comes out. */
export type TfliteType = "float32" | "int8";

/** How a model is given integers. */
export interface TfliteQuantization {
  /** Which values each tensor takes, as `calibrate` of downhill/quantize tells. */
  readonly ranges?: Ranges | undefined;
  /** Inputs like those that the model will see, to find the ranges by; a few hundred are enough. */
  readonly calibration?: Inputs | undefined;
  /** How ranges are found from them. Default: the least and the largest value. */
  readonly method?: CalibrateOptions["method"] | undefined;
  /** With "percentile", see `calibrate`. */
  readonly percentile?: number | undefined;
  /** Type of the input; integers stand for its range. Default: "float32", and the file converts. */
  readonly input?: TfliteType | undefined;
  /** Type of the output. Default: "float32". */
  readonly output?: TfliteType | undefined;
  /**
   * What becomes of operators without 8-bit integers, and of those that several operators make whose values between nobody
   * has seen: an error, or floats between two conversions. Default: "error".
   */
  readonly fallback?: "error" | "float32" | undefined;
  /** Scales of dense layers: one an output, or one for the whole weight, as runtimes before 2023 want it. Default: "perChannel". */
  readonly dense?: "perChannel" | "perTensor" | undefined;
}

/** Options of {@link toTflite}. */
export interface TfliteOptions {
  /** Examples at a time. Default: 1. */
  readonly batchSize?: number | undefined;
  /** Whether the batch may be resized: its size is −1 in the tensors' signatures. Default: false. */
  readonly dynamicBatch?: boolean | undefined;
  /** What is applied to the output, over its last axis or to each number. Default: nothing. */
  readonly activation?: Ending | undefined;
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

const QUANTIZATION: OptionNames<TfliteQuantization> = {
  ranges: 0,
  calibration: 0,
  method: 0,
  percentile: 0,
  input: 0,
  output: 0,
  fallback: 0,
  dense: 0,
};

/** @throws OptionError for a value that is none of these */
function checkOneOf(what: string, value: unknown, known: readonly string[]): void {
  if (value !== undefined && !known.includes(value as string)) {
    const wanted = known.map((each) => JSON.stringify(each)).join(" or ");
    throw new OptionError(`toTflite: ${what}: got ${JSON.stringify(value)}, wanted ${wanted}`);
  }
}

/** What is asked for in one form. @throws OptionError */
function quantizationOf({ quantization }: TfliteOptions): TfliteQuantization | undefined {
  if (!quantization) return undefined;
  const asked = quantization instanceof Map ? { ranges: quantization as Ranges } : quantization;
  const given: TfliteQuantization = checkOptions(
    "toTflite: quantization",
    asked as TfliteQuantization,
    QUANTIZATION,
  );
  for (const which of ["input", "output"] as const)
    checkOneOf(`quantization: ${which}`, given[which], ["float32", "int8"]);
  checkOneOf("quantization: fallback", given.fallback, ["error", "float32"]);
  checkOneOf("quantization: dense", given.dense, ["perChannel", "perTensor"]);
  if (!given.ranges === !given.calibration) {
    throw new OptionError(
      `toTflite: quantization: got ${given.ranges ? "both" : "neither"}, wanted either ranges or calibration`,
    );
  }
  return given;
}

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
export async function toTflite(model: Model | Freezable, options: TfliteOptions = {}): Promise<Uint8Array> {
  const given = checkOptions("toTflite", options, OPTIONS);
  const { batchSize = 1, dynamicBatch = false, activation: ending, engine } = given;
  const { inputName = "input", outputName = "output", description = "" } = given;
  checkOneOf("activation", ending, ["softmax", "sigmoid"]);
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw new OptionError(`toTflite: batchSize: wanted a positive integer, got ${batchSize}`);
  const quantization = quantizationOf(given);
  const { calibration, method, percentile } = quantization ?? {};
  if (calibration && "frozen" in model)
    throw new OptionError("toTflite: quantization: got calibration for a model of integers, wanted ranges");
  const spans =
    calibration && !("frozen" in model)
      ? await (await import("../quantize/calibrate.ts")).calibrate(model, calibration, {
          method,
          percentile,
          engine,
        })
      : quantization?.ranges;
  const said = async (size: number) => {
    const frozen =
      "frozen" in model
        ? await model.frozen(size)
        : await freeze(model, { batchSize: size, ...(engine && { engine }) });
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
  if (quantization) {
    const { integrated } = await import("./integers.ts");
    translation = integrated(translation, {
      integerInput: quantization.input === "int8",
      integerOutput: quantization.output === "int8",
      floats: quantization.fallback === "float32",
      denseByChannel: quantization.dense !== "perTensor",
    });
  }
  return writeTflite(translation, { description, input: inputName, output: outputName });
}
