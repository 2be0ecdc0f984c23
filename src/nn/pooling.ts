// Layers that pool and resize: images [batch, height, width, channels], sequences [batch, length, channels].
import { checkOptions, type OptionNames } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { adaptiveMaxPool, MAX_POOL, maxPoolAs } from "../ops/max-pool.ts";
import { mean } from "../ops/reduce.ts";
import {
  AVERAGE_POOL,
  type AveragePoolOptions,
  adaptiveAveragePool,
  averagePoolAs,
  checkResize,
  type ResizeOptions,
  resize,
} from "../ops/resample.ts";
import { reshape } from "../ops/reshape.ts";
import { type MaxPoolOptions, spansOf, spatialRank } from "../ops/taps.ts";
import { type Pair, perAxis } from "../ops/window.ts";
import { defineLayer, type Layer } from "./layer.ts";

/** A kind of pooling: over how many axes, its op under a layer's name, the options that it knows. */
interface Pool<Options> {
  readonly kind: string;
  readonly rank: number;
  readonly known: OptionNames<Options>;
  pool(where: string, x: Tensor, window: number | readonly number[], options: Options): Tensor;
}

const maximum = { known: MAX_POOL, pool: maxPoolAs };
const average = { known: AVERAGE_POOL, pool: averagePoolAs };

/** A layer of windows; options are looked at now, sizes when there is an input. */
function poolLayer<Options extends MaxPoolOptions>(
  { kind, rank, known, pool }: Pool<Options>,
  window: number | readonly number[],
  options: Options,
): Layer {
  spansOf(kind, window, options, { count: rank, known });
  return defineLayer(kind, (x, { name }) => {
    spatialRank(name, x, rank);
    return pool(name, x, window, options);
  });
}

/**
 * Largest elements of windows: [batch, length, channels] → [batch, windows, channels]. Stride: the window, unless given.
 * PyTorch's `MaxPool1d`, Keras's `MaxPooling1D`.
 * @throws OptionError for a window, stride or padding out of range; ShapeError for another rank, or a window larger than
 * the padded input.
 * @example maxPool1d(2)
 */
export function maxPool1d(window: number, options: MaxPoolOptions = {}): Layer {
  return poolLayer({ ...maximum, kind: "maxPool1d", rank: 1 }, window, options);
}

/**
 * Largest elements of windows: [batch, height, width, channels] → [batch, rows, columns, channels]. Stride: the window,
 * unless given. The gradient goes to the first of equal ones; a NaN counts as largest.
 * PyTorch's `MaxPool2d`, Keras's `MaxPooling2D`.
 * @throws OptionError for a window, stride or padding out of range; ShapeError for another rank, or a window larger than
 * the padded input.
 * @example maxPool2d(3, { stride: 2, padding: "same" })
 */
export function maxPool2d(window: Pair, options: MaxPoolOptions = {}): Layer {
  return poolLayer({ ...maximum, kind: "maxPool2d", rank: 2 }, window, options);
}

/**
 * Means of windows: [batch, length, channels] → [batch, windows, channels]. Stride: the window, unless given.
 * @throws OptionError, ShapeError as `maxPool1d`.
 * @example averagePool1d(3, { stride: 1, padding: "same" })
 */
export function averagePool1d(window: number, options: AveragePoolOptions = {}): Layer {
  return poolLayer({ ...average, kind: "averagePool1d", rank: 1 }, window, options);
}

/**
 * Means of windows: [batch, height, width, channels] → [batch, rows, columns, channels]. Stride: the window, unless given.
 * Padding does not count, unless `countPadding` says so. PyTorch's `AvgPool2d`, Keras's `AveragePooling2D`.
 * @throws OptionError, ShapeError as `maxPool2d`.
 * @example averagePool2d(2)
 */
export function averagePool2d(window: Pair, options: AveragePoolOptions = {}): Layer {
  return poolLayer({ ...average, kind: "averagePool2d", rank: 2 }, window, options);
}

/** Options of {@link globalAveragePool1d}, {@link globalAveragePool2d}, {@link globalMaxPool1d} and {@link globalMaxPool2d}. */
export interface GlobalPoolOptions {
  /** Keep the pooled axes with size 1. Default: false. */
  readonly keepDims?: boolean | undefined;
}

/** A layer that leaves one element a channel. */
function globalLayer(
  kind: string,
  rank: number,
  pool: (x: Tensor) => Tensor,
  options: GlobalPoolOptions,
): Layer {
  const { keepDims = false } = checkOptions(kind, options, { keepDims: 0 });
  return defineLayer(kind, (x, { name }) => {
    spatialRank(name, x, rank);
    const [batch, channels] = [x.shape[0]!, x.shape.at(-1)!];
    const ones = new Array<number>(keepDims ? rank : 0).fill(1);
    return reshape(pool(x), [batch, ...ones, channels]);
  });
}
const meanOf = (x: Tensor) => mean(x, { axes: x.rank === 4 ? [1, 2] : 1 });
const largestOf = (x: Tensor) => adaptiveMaxPool(x, 1);

/**
 * The mean of each channel over all positions: [batch, length, channels] → [batch, channels].
 * @throws ShapeError for another rank.
 * @example globalAveragePool1d()
 */
export function globalAveragePool1d(options: GlobalPoolOptions = {}): Layer {
  return globalLayer("globalAveragePool1d", 1, meanOf, options);
}

/**
 * The mean of each channel over all pixels: [batch, height, width, channels] → [batch, channels]. Lin et al. 2014.
 * @throws ShapeError for another rank.
 * @example globalAveragePool2d()
 */
export function globalAveragePool2d(options: GlobalPoolOptions = {}): Layer {
  return globalLayer("globalAveragePool2d", 2, meanOf, options);
}

/**
 * The largest element of each channel: [batch, length, channels] → [batch, channels]. The gradient goes to the first of
 * equal ones.
 * @throws ShapeError for another rank.
 * @example globalMaxPool1d()
 */
export function globalMaxPool1d(options: GlobalPoolOptions = {}): Layer {
  return globalLayer("globalMaxPool1d", 1, largestOf, options);
}

/**
 * The largest element of each channel: [batch, height, width, channels] → [batch, channels]. The gradient goes to the
 * first of equal ones.
 * @throws ShapeError for another rank.
 * @example globalMaxPool2d({ keepDims: true })
 */
export function globalMaxPool2d(options: GlobalPoolOptions = {}): Layer {
  return globalLayer("globalMaxPool2d", 2, largestOf, options);
}

/** A layer of images whose result has the size given. */
function sizedLayer(kind: string, size: Pair, work: (x: Tensor) => Tensor): Layer {
  perAxis(kind, "size", size, { count: 2 });
  return defineLayer(kind, (x, { name }) => {
    spatialRank(name, x, 2);
    return work(x);
  });
}

/**
 * Means of bins that cover the image, whatever its size: [batch, height, width, channels] → [batch, ...size, channels].
 * PyTorch's `AdaptiveAvgPool2d`, with its bins.
 * @throws OptionError for a size that is no positive integer; ShapeError for another rank.
 * @example adaptiveAveragePool2d([7, 7])
 */
export function adaptiveAveragePool2d(size: Pair): Layer {
  return sizedLayer("adaptiveAveragePool2d", size, (x) => adaptiveAveragePool(x, size));
}

/**
 * Largest elements of bins that cover the image: [batch, height, width, channels] → [batch, ...size, channels].
 * PyTorch's `AdaptiveMaxPool2d`, with its bins.
 * @throws OptionError for a size that is no positive integer; ShapeError for another rank.
 * @example adaptiveMaxPool2d(4)
 */
export function adaptiveMaxPool2d(size: Pair): Layer {
  return sizedLayer("adaptiveMaxPool2d", size, (x) => adaptiveMaxPool(x, size));
}

/**
 * Images of another size: [batch, height, width, channels] → [batch, ...size, channels]. Keras's `Resizing`.
 * @throws OptionError for a size or method out of range; ShapeError for another rank.
 * @example resize2d([32, 32], { method: "bilinear" })
 */
export function resize2d(size: Pair, options: ResizeOptions = {}): Layer {
  checkResize("resize2d", options);
  return sizedLayer("resize2d", size, (x) => resize(x, size, options));
}

/**
 * Repeats each element: [batch, length, channels] → [batch, length · scale, channels].
 * @throws OptionError for a scale that is no positive integer; ShapeError for another rank.
 * @example upsample1d(2)
 */
export function upsample1d(scale: number): Layer {
  const [times] = perAxis("upsample1d", "scale", scale, { count: 1 });
  return defineLayer("upsample1d", (x, { name }) => {
    spatialRank(name, x, 1);
    return resize(x, x.shape[1]! * times!);
  });
}

/**
 * Images some times as large: [batch, height, width, channels] → [batch, height · scale, width · scale, channels], each
 * element repeated or, with "bilinear", lines drawn between them. PyTorch's `Upsample`, Keras's `UpSampling2D`.
 * @throws OptionError for a scale that is no positive integer or an unknown method; ShapeError for another rank.
 * @example upsample2d(2, { method: "bilinear" })
 */
export function upsample2d(scale: Pair, options: ResizeOptions = {}): Layer {
  const times = perAxis("upsample2d", "scale", scale, { count: 2 });
  checkResize("upsample2d", options);
  return defineLayer("upsample2d", (x, { name }) => {
    spatialRank(name, x, 2);
    return resize(
      x,
      times.map((each, axis) => each * x.shape[axis + 1]!),
      options,
    );
  });
}
