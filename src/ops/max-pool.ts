// Maxima of windows. Where each lies is kept for the gradient, which goes to the first of equal ones.
import { defineOp, type Op, read, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  type Axes,
  adaptiveAxis,
  asImages,
  averagingAxis,
  emitWindows,
  type MaxPoolOptions,
  pixelsOf,
  reversed,
  shapeOf,
  spansOf,
  spatialRank,
  WINDOW_OPTIONS,
} from "./taps.ts";
import { perAxis } from "./window.ts";

/** Elements of x at the places where the maxima were: the gradient's gradient. */
const takeMaximaOp: Op<Axes> = defineOp<Axes>({
  name: "takeMaxima",
  shape: ([x], axes) => ({ shape: shapeOf(x!, axes), dtype: "f32" }),
  gradient: ({ inputs: [, indices], attributes: axes, dy }) => [
    dy.graph.apply(maxPoolGradientOp, [dy, indices!], axes)[0],
    undefined,
  ],
  emit(emitter, { inputs: [x, at], outputs: [y], attributes: axes }) {
    const indices = read(emitter.buffer(at!), pixelsOf(y!));
    emitWindows(emitter, "takeMaxima", { x: x!, y: y!, axes, indices });
  },
});

/** Each element pooled is one thread's, who looks at the windows that it lies in: no two threads add to one sum. */
const maxPoolGradientOp: Op<Axes> = defineOp<Axes>({
  name: "maxPoolGradient",
  shape: ([dy], [rows, columns]) => ({
    shape: [dy!.shape[0]!, rows.size, columns.size, dy!.shape[3]!],
    dtype: "f32",
  }),
  gradient: ({ inputs: [, indices], attributes: axes, dy }) => [
    dy.graph.apply(takeMaximaOp, [dy, indices!], axes)[0],
    undefined,
  ],
  emit(emitter, { inputs: [dy, at], outputs: [dx], attributes: [rows, columns] }) {
    emitWindows(emitter, "maxPoolGradient", {
      x: dy!,
      y: dx!,
      axes: [reversed(rows), reversed(columns)],
      indices: read(emitter.buffer(at!)),
    });
  },
});

const maxPoolOp = defineOp<Axes>({
  name: "maxPool",
  shape([x], axes) {
    const shape = shapeOf(x!, axes);
    return [
      { shape, dtype: "f32" },
      { shape, dtype: "i32" },
    ];
  },
  gradient: ({ outputs: [, indices], attributes: axes, dy }) =>
    dy.graph.apply(maxPoolGradientOp, [dy, indices!], axes),
  emit(emitter, { inputs: [x], outputs: [y, at], attributes: axes }) {
    const kept = emitter.used(at!) ? { indices: write(emitter.buffer(at!), pixelsOf(y!)) } : {};
    emitWindows(emitter, "maxPool", { x: x!, y: y!, axes, ...kept });
  },
});

const pooled = (x: Tensor, axes: Axes): Tensor => x.graph.apply(maxPoolOp, [x], axes)[0]!;

/**
 * Largest elements of windows: images [batch, height, width, channels] or sequences [batch, length, channels] → the same
 * with ⌊(size + padding − span) / stride⌋ + 1 positions along each axis between, ⌈…⌉ in `ceilMode`, where a window spans
 * dilation · (window − 1) + 1 elements. Padding is never the largest; a NaN is,
 * and the gradient goes to the first of equal ones, as in PyTorch.
 * @throws OptionError for a window, stride, dilation or padding out of range; ShapeError for another rank, a window larger
 * than the padded input, or one that dilation leaves nothing but padding.
 * @example maxPool(images, 3, { stride: 2, padding: "same" }) // [8, 28, 28, 1] → [8, 14, 14, 1]
 */
export function maxPool(x: Tensor, window: number | readonly number[], options: MaxPoolOptions = {}): Tensor {
  return maxPoolAs("maxPool", x, window, options);
}

/** The names of its options. */
export const MAX_POOL = { ...WINDOW_OPTIONS, dilation: 0 } as const;

/** The same under a layer's name. */
export function maxPoolAs(
  where: string,
  x: Tensor,
  window: number | readonly number[],
  options: MaxPoolOptions,
): Tensor {
  const spans = spansOf(where, window, options, { count: spatialRank(where, x), known: MAX_POOL });
  return asImages(x, (size, axis) => averagingAxis(where, size, spans[axis]!, false), pooled);
}

/**
 * Largest elements of as many bins as asked for along each axis; bin k of n runs from ⌊k·size/n⌋ to ⌈(k+1)·size/n⌉, as in
 * PyTorch.
 * @throws OptionError, ShapeError as `maxPool`.
 * @example adaptiveMaxPool(images, [7, 7]) // [8, 28, 28, 1] → [8, 7, 7, 1]
 */
export function adaptiveMaxPool(x: Tensor, size: number | readonly number[]): Tensor {
  const sizes = perAxis("adaptiveMaxPool", "size", size, { count: spatialRank("adaptiveMaxPool", x) });
  return asImages(x, (length, axis) => adaptiveAxis(length, sizes[axis]!), pooled);
}
