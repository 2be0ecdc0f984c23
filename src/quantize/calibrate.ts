// Calibration: which values the tensors of a model take, so that integers can be given to them.
import { DataError, OptionError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import { defaultEngine } from "../engine/default.ts";
import type { Engine } from "../engine/engine.ts";
import { freeze } from "../inference/frozen.ts";
import { type InputReader, type Inputs, readInputs } from "../nn/inputs.ts";
import type { Model } from "../nn/model.ts";
import { type Seen, type Watched, watch } from "./activations.ts";
import { Histogram, leastDivergence, withinShare } from "./thresholds.ts";

/** The values that are told apart; what lies outside becomes the nearest end. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Ranges of tensors, by their names in the frozen model. */
export type Ranges = ReadonlyMap<string, Range>;

/** How ranges are chosen. */
export type CalibrationMethod = "minMax" | "percentile" | "entropy";

/** Options of {@link calibrate}. */
export interface CalibrateOptions {
  /** "minMax": all values; "percentile": all but a few at both ends; "entropy": what loses least information. Default: "minMax". */
  readonly method?: CalibrationMethod | undefined;
  /** With "percentile": percent of the values that are kept, above 50; half of the others lie at each end. Default: 99.99. */
  readonly percentile?: number | undefined;
  /** Where to compute. Default: the engine that has the weights, else the process's own. */
  readonly engine?: Engine | undefined;
}

/** Bins of a range where shares are counted, and of the magnitudes whose divergence is measured, as in TensorRT. */
const SHARE_BINS = 2 ** 16;
const ENTROPY_BINS = 2048;

const OPTIONS: OptionNames<CalibrateOptions> = { method: 0, percentile: 0, engine: 0 };

/** @throws OptionError for an unknown method or a percentile out of range. */
export function checkCalibration(
  where: string,
  { method = "minMax", percentile = 99.99 }: CalibrateOptions,
): void {
  const methods: readonly string[] = ["minMax", "percentile", "entropy"];
  if (!methods.includes(method))
    throw new OptionError(
      `${where}: method: got ${JSON.stringify(method)}, wanted one of ${methods.join(", ")}`,
    );
  if (!(percentile > 50 && percentile <= 100))
    throw new OptionError(`${where}: percentile: got ${percentile}, wanted a number above 50, up to 100`);
}

/** Widens a range by the numbers of a tensor. @throws DataError */
function include(where: string, ranges: Map<string, Range>, { name, values, from, to }: Seen): void {
  let { min, max } = ranges.get(name) ?? { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  for (const value of values) {
    if (!Number.isFinite(value))
      throw new DataError(
        `${where}: ${name}: got ${value} in examples ${from} to ${to - 1}, wanted finite numbers`,
      );
    if (value < min) min = value;
    if (value > max) max = value;
  }
  ranges.set(name, { min, max });
}

/** Examples to calibrate on. @throws DataError for none. @throws ShapeError where they do not fit the model. */
export function readCalibration(where: string, model: Model, inputs: Inputs): InputReader {
  if ((inputs as { length: number }).length === 0)
    throw new DataError(`${where}: got no inputs, wanted examples like those that the model will see`);
  return readInputs(where, inputs, model);
}

/** What {@link calibrate} does, with anything that freezes. */
export async function rangesOf(
  where: string,
  watched: Watched,
  reader: InputReader,
  options: CalibrateOptions,
): Promise<Ranges> {
  const { method = "minMax", percentile = 99.99 } = options;
  const ranges = new Map<string, Range>();
  await watch(watched, reader, (seen) => include(where, ranges, seen));
  const { min, max } = ranges.get("input")!;
  if (min === max) {
    throw new DataError(
      `${where}: every number of the inputs is ${min}, wanted examples like those that the model will see`,
    );
  }
  if (method === "minMax") return ranges;

  const histograms = new Map<string, Histogram>();
  for (const [name, { min, max }] of ranges) {
    const histogram =
      method === "percentile"
        ? new Histogram(SHARE_BINS, min, max)
        : new Histogram(ENTROPY_BINS, 0, Math.max(-min, max));
    histograms.set(name, histogram);
  }
  await watch(watched, reader, ({ name, values }) => {
    const histogram = histograms.get(name)!;
    for (const value of values) histogram.add(method === "percentile" ? value : Math.abs(value));
  });
  for (const [name, histogram] of histograms) {
    const { min, max } = ranges.get(name)!;
    // Every number the same, or all 0: there is nothing to cut.
    if (histogram.high === histogram.low) continue;
    if (method === "percentile") {
      const [low, high] = withinShare(histogram, 1 - percentile / 100);
      ranges.set(name, { min: low, max: high });
    } else {
      const most = leastDivergence(histogram);
      ranges.set(name, { min: Math.max(min, -most), max: Math.min(max, most) });
    }
  }
  return ranges;
}

/**
 * Runs a model as it predicts over some inputs and notes which values its input and every tensor of floats takes: what
 * {@link quantize} and exporters of 8-bit models choose scales from. A few hundred examples like those that the model
 * will see are enough; nobody looks at labels.
 * "percentile" is found in a histogram of 65,536 parts, "entropy" in one of 2,048 magnitudes, on a second run.
 * @throws DataError for no inputs, for inputs that are all the same number, and, naming the tensor and the examples, for
 * numbers that are not finite. @throws OptionError for an unknown method or a percentile out of range.
 * @throws EngineError where the model has no weights yet.
 * @example
 * await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam(), epochs: 1 });
 * const ranges = await calibrate(model, images, { method: "percentile" });
 * ranges.get("input"); // { min: 0, max: 1 }
 */
export async function calibrate(
  model: Model,
  inputs: Inputs,
  options: CalibrateOptions = {},
): Promise<Ranges> {
  const { engine = model.weights.engine ?? (await defaultEngine()) } = checkOptions(
    "calibrate",
    options,
    OPTIONS,
  );
  const watched = { frozenAt: (batchSize: number) => freeze(model, { batchSize, engine }), engine };
  checkCalibration("calibrate", options);
  return rangesOf("calibrate", watched, readCalibration("calibrate", model, inputs), options);
}
