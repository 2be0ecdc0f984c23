// Weighted sums of neighbours along rows and columns: average pooling and resizing. Linear, so the gradient is one again.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { defineOp, type Op } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  type Axes,
  type Axis,
  adaptiveAxis,
  asImages,
  averagingAxis,
  emitWindows,
  reversed,
  shapeOf,
  spansOf,
  spatialRank,
  WINDOW_OPTIONS,
  type WindowOptions,
} from "./taps.ts";
import { perAxis } from "./window.ts";

const resampleOp: Op<Axes> = defineOp<Axes>({
  name: "resample",
  shape: ([x], axes) => ({ shape: shapeOf(x!, axes), dtype: "f32" }),
  gradient: ({ attributes: [rows, columns], dy }) =>
    dy.graph.apply(resampleOp, [dy], [reversed(rows), reversed(columns)]),
  emit: (emitter, { inputs: [x], outputs: [y], attributes: axes }) =>
    emitWindows(emitter, "resample", { x: x!, y: y!, axes }),
});

/** Images whose rows and columns are weighted sums of what axes say. */
export const resampled = (x: Tensor, axes: Axes): Tensor => x.graph.apply(resampleOp, [x], axes)[0]!;

/** Options of {@link averagePool}. */
export interface AveragePoolOptions extends WindowOptions {
  /**
   * Whether padding counts as zeros, as PyTorch's `count_include_pad` does by default; without it a window at the border
   * is the mean of what lies inside, as in Keras. Default: false.
   */
  readonly countPadding?: boolean | undefined;
}

/**
 * Means of windows: images [batch, height, width, channels] or sequences [batch, length, channels] → the same with
 * ⌊(size + padding − window) / stride⌋ + 1 positions along each axis between, ⌈…⌉ in `ceilMode`.
 * @throws OptionError for a window, stride or padding out of range; ShapeError for another rank, or a window larger than
 * the padded input.
 * @example averagePool(images, 2) // [8, 28, 28, 1] → [8, 14, 14, 1]
 */
export function averagePool(
  x: Tensor,
  window: number | readonly number[],
  options: AveragePoolOptions = {},
): Tensor {
  return averagePoolAs("averagePool", x, window, options);
}

/** The names of its options. */
export const AVERAGE_POOL = { ...WINDOW_OPTIONS, countPadding: 0 } as const;

/** The same under a layer's name. */
export function averagePoolAs(
  where: string,
  x: Tensor,
  window: number | readonly number[],
  options: AveragePoolOptions,
): Tensor {
  const spans = spansOf(where, window, options, { count: spatialRank(where, x), known: AVERAGE_POOL });
  const { countPadding = false } = options;
  return asImages(x, (size, axis) => averagingAxis(where, size, spans[axis]!, countPadding), resampled);
}

/**
 * Means of as many bins as asked for along each axis; bin k of n runs from ⌊k·size/n⌋ to ⌈(k+1)·size/n⌉, as in PyTorch.
 * @throws OptionError, ShapeError as `averagePool`.
 * @example adaptiveAveragePool(images, [7, 7]) // [8, 28, 28, 1] → [8, 7, 7, 1]
 */
export function adaptiveAveragePool(x: Tensor, size: number | readonly number[]): Tensor {
  const sizes = perAxis("adaptiveAveragePool", "size", size, {
    count: spatialRank("adaptiveAveragePool", x),
  });
  return asImages(x, (length, axis) => adaptiveAxis(length, sizes[axis]!), resampled);
}

/** How sizes are changed. */
export interface ResizeOptions {
  /** The nearest element, or the straight line between the two nearest along each axis. Default: "nearest". */
  readonly method?: "nearest" | "bilinear" | undefined;
  /**
   * Of "bilinear": whether the centres of the corner elements stay where they are; else those of the corners' outer edges,
   * which is half-pixel centres. PyTorch's `align_corners`. Default: false.
   */
  readonly alignCorners?: boolean | undefined;
}

/** Where position k of the result lies on an axis, counted in centres of its elements. */
function resizedAxis(size: number, positions: number, { method, alignCorners }: ResizeOptions): Axis {
  const taps = Array.from({ length: positions }, (_, k) => {
    // Half-pixel centres, in whole numbers: a tie between two elements goes to the later one.
    if (method !== "bilinear")
      return { first: Math.floor(((2 * k + 1) * size) / (2 * positions)), weights: [1] };
    const at = alignCorners
      ? positions > 1
        ? (k * (size - 1)) / (positions - 1)
        : 0
      : Math.min(Math.max(((2 * k + 1) * size) / (2 * positions) - 0.5, 0), size - 1);
    const first = Math.floor(at);
    const share = Math.fround(at - first);
    return { first, weights: share === 0 ? [1] : [Math.fround(1 - share), share] };
  });
  return { size, taps };
}

/** @throws OptionError for an unknown option or method, or `alignCorners` without "bilinear". */
export function checkResize(where: string, options: ResizeOptions): void {
  const known = { method: 0, alignCorners: 0 } as const;
  const { method = "nearest", alignCorners = false } = checkOptions(where, options, known);
  if (method !== "nearest" && method !== "bilinear") {
    throw new OptionError(`${where}: method: got ${JSON.stringify(method)}, wanted "nearest" or "bilinear"`);
  }
  if (alignCorners && method === "nearest")
    throw new OptionError(`${where}: alignCorners: got true with "nearest", wanted it with "bilinear"`);
}

/**
 * Images [batch, height, width, channels] or sequences [batch, length, channels] with other sizes between. Made smaller,
 * "bilinear" reads two elements an axis still and skips others: `adaptiveAveragePool` does not.
 * @throws OptionError for a size or method out of range; ShapeError for another rank.
 * @example resize(images, [56, 56], { method: "bilinear" })
 */
export function resize(x: Tensor, size: number | readonly number[], options: ResizeOptions = {}): Tensor {
  const sizes = perAxis("resize", "size", size, { count: spatialRank("resize", x) });
  checkResize("resize", options);
  return asImages(x, (length, axis) => resizedAxis(length, sizes[axis]!, options), resampled);
}
