// What is asked of integers, checked; it is loaded with all that makes them.
import { OptionError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import type { Engine } from "../engine/engine.ts";
import type { Freezable } from "../inference/freezable.ts";
import type { Inputs } from "../nn/inputs.ts";
import { Model } from "../nn/model.ts";
import { type CalibrateOptions, calibrate, type Ranges } from "../quantize/calibrate.ts";
import { integrated } from "./integers.ts";
import type { Translation } from "./translate.ts";

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

/** @throws OptionError for what is no map, and naming a range that a scale of 32 bits cannot be made of */
function checkRanges(ranges: Ranges): void {
  if (!(ranges instanceof Map))
    throw new OptionError(
      `toTflite: quantization: ranges: got ${typeof ranges}, wanted a Map, as calibrate gives it`,
    );
  const isGood = (value: unknown) => typeof value === "number" && Number.isFinite(Math.fround(value));
  for (const [name, range] of ranges)
    if (!(isGood(range?.min) && isGood(range.max) && range.min <= range.max))
      throw new OptionError(
        `toTflite: quantization: ranges: ${name}: got ${range?.min} to ${range?.max}, wanted finite numbers, the smaller first`,
      );
}

/** A quantization as asked for. */
interface Quantizing {
  /** The ranges, by names of tensors. */
  spans(model: Freezable, engine: Engine | undefined): Promise<Ranges>;
  /** A network of floats as one of integers. */
  integers(translation: Translation): Translation;
}

/** What is asked for in either form. @throws OptionError */
export function quantizationOf(quantization: Ranges | TfliteQuantization): Quantizing {
  const asked = quantization instanceof Map ? { ranges: quantization as Ranges } : quantization;
  const given = checkOptions("toTflite: quantization", asked as TfliteQuantization, QUANTIZATION);
  for (const which of ["input", "output"] as const)
    checkOneOf(`quantization: ${which}`, given[which], ["float32", "int8"]);
  checkOneOf("quantization: fallback", given.fallback, ["error", "float32"]);
  checkOneOf("quantization: dense", given.dense, ["perChannel", "perTensor"]);
  const { ranges, calibration, method, percentile } = given;
  if (!ranges === !calibration) {
    throw new OptionError(
      `toTflite: quantization: got ${ranges ? "both" : "neither"}, wanted either ranges or calibration`,
    );
  }
  if (ranges) checkRanges(ranges);
  return {
    async spans(model, engine) {
      if (ranges) return ranges;
      if (model instanceof Model) return calibrate(model, calibration!, { method, percentile, engine });
      throw new OptionError(
        "toTflite: quantization: got calibration for a model that is quantized already, wanted ranges",
      );
    },
    integers: (translation) =>
      integrated(translation, {
        integerInput: given.input === "int8",
        integerOutput: given.output === "int8",
        floats: given.fallback === "float32",
        denseByChannel: given.dense !== "perTensor",
      }),
  };
}
