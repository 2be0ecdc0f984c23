// Layers that normalize: over the batch, with running statistics for prediction, or within each example.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, mul, rsqrt, sub } from "../ops/arithmetic.ts";
import { channelNorm, rowNorm } from "../ops/normalization.ts";
import { reshape } from "../ops/reshape.ts";
import { ones, zeros } from "./initializers.ts";
import { defineLayer, type Layer, type LayerScope } from "./layer.ts";

/** Options of {@link groupNorm} and {@link instanceNorm}. */
export interface NormalizationOptions {
  /** Added to the variance, > 0. Default: 1e-5; of rmsNorm: 1e-6. */
  readonly epsilon?: number;
  /** Whether the result is multiplied by a trained scale, 1 at first. Default: true. */
  readonly scale?: boolean;
  /** Whether a trained offset is added, 0 at first. Default: true. */
  readonly offset?: boolean;
  readonly name?: string;
}

/** Options of {@link batchNorm}. */
export interface BatchNormOptions extends NormalizationOptions {
  /**
   * Share of the running statistics that stays at each step, 0 ≤ decay < 1: Keras's momentum, and 1 − PyTorch's.
   * Default: 0.9.
   */
  readonly decay?: number;
  /**
   * What goes into the running variance: the batch's Σ (x − mean)² divided by n − 1, "unbiased", as in PyTorch, or by n,
   * "biased", as in Keras. The batch itself is always normalized by the biased one. Default: "unbiased".
   */
  readonly runningVariance?: "unbiased" | "biased";
  /**
   * What a training normalizes by: the batch, or the running statistics, which then stay as they are: for a model that is
   * trained further on batches that are too small. Default: "batch".
   */
  readonly statistics?: "batch" | "running";
}

/** Options of {@link layerNorm} and {@link rmsNorm}. */
export interface LayerNormOptions extends NormalizationOptions {
  /** How many of the last axes are normalized together, and have a scale and an offset each. Default: 1. */
  readonly axes?: number;
}

const COMMON = { epsilon: 0, scale: 0, offset: 0, name: 0 } as const;
const BATCH_NORM = { ...COMMON, decay: 0, runningVariance: 0, statistics: 0 } as const;
const RMS_NORM = { epsilon: 0, scale: 0, axes: 0, name: 0 } as const;
const LAYER_NORM = { ...RMS_NORM, offset: 0 } as const;

/** The epsilon of options whose names are known. */
function epsilonOf<Options extends NormalizationOptions>(
  where: string,
  options: Options,
  known: OptionNames<Options>,
  fallback = 1e-5,
): number {
  const { epsilon = fallback } = checkOptions<Options>(where, options, known);
  if (!(epsilon > 0 && epsilon < Number.POSITIVE_INFINITY))
    throw new OptionError(`${where}: epsilon: wanted a finite number > 0, got ${epsilon}`);
  return epsilon;
}

function checkChoice(where: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) {
    const list = known.map((each) => JSON.stringify(each)).join(" or ");
    throw new OptionError(`${where}: wanted ${list}, got ${JSON.stringify(value)}`);
  }
}

const checkRank = (x: Tensor, name: string, least: number) => {
  if (x.rank < least) {
    const wanted = least === 2 ? "[batch, ..., channels]" : "[batch, ..., rows, channels]";
    throw new ShapeError(`${name}: wanted ${wanted}, got ${showShape(x.shape)}`);
  }
};

/** The scale and the offset of a layer, or what does nothing in their place. */
function affine(
  { graph }: Tensor,
  { parameter }: LayerScope,
  shape: readonly number[],
  { scale = true, offset = true }: NormalizationOptions,
): { scale: Tensor; offset: Tensor } {
  const fixed = (value: number) => {
    const size = shape.reduce((product, each) => product * each, 1);
    return graph.constant(new Float32Array(size).fill(value), shape);
  };
  return {
    scale: scale ? parameter("scale", shape, ones) : fixed(1),
    offset: offset ? parameter("offset", shape, zeros) : fixed(0),
  };
}

/** Subnormal numbers would stay in a mean, and are slow: below 2⁻¹⁰³ it is rounded to 0. */
const TINY = 2 ** -80;

/**
 * Batch normalization of each channel, the last axis, over all others: (x − mean) / √(variance + ε) · scale + offset,
 * [batch, ..., channels]. A training takes the statistics of the batch and keeps running ones as state: `mean` and
 * `variance`, renewed at each step that is not left out because of its loss, in micro-steps of an accumulation too.
 * Prediction takes those, as one factor and one offset a channel. A batch with one number a channel has no variance: it is
 * normalized to the offset and leaves the running statistics alone. Not differentiable twice. Ioffe and Szegedy 2015.
 * @throws OptionError for an option out of range. @throws ShapeError where the input has no axis beside the batch.
 * @example
 * const model = sequential({ input: [784] }, dense(64, { bias: false }), batchNorm(), activation("relu"), dense(10));
 */
export function batchNorm(options: BatchNormOptions = {}): Layer {
  const { decay = 0.9, runningVariance = "unbiased", statistics = "batch" } = options;
  const epsilon = epsilonOf("batchNorm", options, BATCH_NORM);
  if (!(decay >= 0 && decay < 1)) throw new OptionError(`batchNorm: decay: wanted 0 ≤ x < 1, got ${decay}`);
  checkChoice("batchNorm: runningVariance", runningVariance, ["unbiased", "biased"]);
  checkChoice("batchNorm: statistics", statistics, ["batch", "running"]);
  const running = (before: Tensor, sample: Tensor) =>
    sub(add(add(mul(before, decay), mul(sample, 1 - decay)), TINY), TINY);
  return defineLayer(
    "batchNorm",
    (x, scope) => {
      checkRank(x, scope.name, 2);
      const { graph } = x;
      const shape = [x.shape.at(-1)!];
      const { scale, offset } = affine(x, scope, shape, options);
      const means = scope.state("mean", shape, zeros);
      const variances = scope.state("variance", shape, ones);
      if (graph.mode === "predict" || statistics === "running") {
        const factor = mul(scale, rsqrt(add(variances, epsilon)));
        return add(mul(x, factor), sub(offset, mul(means, factor)));
      }
      const { y, mean, variance } = channelNorm(x, scale, offset, { outer: 1, width: 1, epsilon });
      const n = x.size / shape[0]!;
      if (n > 1) {
        const factor = runningVariance === "unbiased" ? n / (n - 1) : 1;
        graph.renew(means, reshape(mean, shape), running);
        graph.renew(variances, mul(reshape(variance, shape), factor), running);
      }
      return y;
    },
    options.name,
  );
}

/**
 * Group normalization: each example's channels, the last axis, in groups of neighbours, each normalized over its channels
 * and all other axes; scale and offset are by channel. [batch, ..., channels]. The same in training and prediction.
 * Not differentiable twice. Wu and He 2018.
 * @throws OptionError for a number of groups that is no positive integer, or an option out of range.
 * @throws ShapeError where the groups do not divide the channels.
 * @example defineModel({ input: [8, 8, 4] }, (x) => dense(2)(flatten()(groupNorm(2)(x))))
 */
export function groupNorm(groups: number, options: NormalizationOptions = {}): Layer {
  if (!(Number.isSafeInteger(groups) && groups >= 1))
    throw new OptionError(`groupNorm: groups: wanted a positive integer, got ${groups}`);
  const epsilon = epsilonOf("groupNorm", options, COMMON);
  return defineLayer(
    "groupNorm",
    (x, scope) => {
      checkRank(x, scope.name, 2);
      const channels = x.shape.at(-1)!;
      const width = channels / groups;
      if (!Number.isInteger(width))
        throw new ShapeError(
          `${scope.name}: wanted a multiple of ${groups} channels, got ${showShape(x.shape)}`,
        );
      const { scale, offset } = affine(x, scope, [channels], options);
      return channelNorm(x, scale, offset, { outer: x.shape[0]!, width, epsilon }).y;
    },
    options.name,
  );
}

/**
 * Instance normalization: each channel of each example over all other axes, [batch, ..., rows, channels]. The same in
 * training and prediction: no running statistics. Not differentiable twice. Ulyanov, Vedaldi and Lempitsky 2016.
 * @throws OptionError for an option out of range. @throws ShapeError where there is no axis to normalize over.
 * @example defineModel({ input: [8, 8, 4] }, (x) => dense(2)(flatten()(instanceNorm()(x))))
 */
export function instanceNorm(options: NormalizationOptions = {}): Layer {
  const epsilon = epsilonOf("instanceNorm", options, COMMON);
  return defineLayer(
    "instanceNorm",
    (x, scope) => {
      checkRank(x, scope.name, 3);
      const { scale, offset } = affine(x, scope, [x.shape.at(-1)!], options);
      return channelNorm(x, scale, offset, { outer: x.shape[0]!, width: 1, epsilon }).y;
    },
    options.name,
  );
}

/** The last axes of a layer's input, without its batch. */
function lastAxes(x: Tensor, name: string, axes: number): readonly number[] {
  if (x.rank <= axes) {
    throw new ShapeError(
      `${name}: wanted a batch and ${axes} ${axes === 1 ? "axis" : "axes"} or more, got ${showShape(x.shape)}`,
    );
  }
  return x.shape.slice(-axes);
}

function checkAxes(where: string, axes: number): number {
  if (!(Number.isSafeInteger(axes) && axes >= 1))
    throw new OptionError(`${where}: axes: wanted a positive integer, got ${axes}`);
  return axes;
}

/**
 * Layer normalization over the last axes of each row: (x − mean) / √(variance + ε) · scale + offset, with a scale and an
 * offset for each element. The same in training and prediction. Not differentiable twice. Ba, Kiros and Hinton 2016.
 * @throws OptionError for an option out of range. @throws ShapeError where the input has not as many axes beside the batch.
 * @example sequential({ input: [784] }, dense(64), layerNorm(), dense(10))
 */
export function layerNorm(options: LayerNormOptions = {}): Layer {
  const axes = checkAxes("layerNorm", options.axes ?? 1);
  const epsilon = epsilonOf("layerNorm", options, LAYER_NORM);
  return defineLayer(
    "layerNorm",
    (x, scope) => {
      const { scale, offset } = affine(x, scope, lastAxes(x, scope.name, axes), options);
      const added = options.offset === false ? undefined : offset;
      return rowNorm(x, scale, added, { centered: true, epsilon });
    },
    options.name,
  );
}

/**
 * Root mean square normalization over the last axes of each row: x / √(mean(x²) + ε) · scale. The same in training and
 * prediction. Not differentiable twice. Zhang and Sennrich 2019.
 * @throws OptionError for an option out of range. @throws ShapeError where the input has not as many axes beside the batch.
 * @example sequential({ input: [784] }, dense(64), rmsNorm(), dense(10))
 */
export function rmsNorm(options: Omit<LayerNormOptions, "offset"> = {}): Layer {
  const axes = checkAxes("rmsNorm", options.axes ?? 1);
  const epsilon = epsilonOf("rmsNorm", options, RMS_NORM, 1e-6);
  return defineLayer(
    "rmsNorm",
    (x, scope) => {
      const shape = lastAxes(x, scope.name, axes);
      const { scale } = affine(x, scope, shape, { ...options, offset: false });
      return rowNorm(x, scale, undefined, { centered: false, epsilon });
    },
    options.name,
  );
}
