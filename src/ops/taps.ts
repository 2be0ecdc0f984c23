// What each position of a result takes of an axis: windows of pooling, taps of resizing, and the reverse of both.
import { ShapeError } from "../core/errors.ts";
import { checkOptions, type OptionNames } from "../core/options.ts";
import { type Shape, showShape } from "../core/shape.ts";
import { type Emitter, nothing, type Operand, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { reshape } from "./reshape.ts";
import { type Around, aroundOf, type Padding, perAxis, spanOf, widthsOf } from "./window.ts";

/** Elements along an axis, from the first on, with a weight for each; there may be none. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** One axis: how many elements there are, and what each position of the result takes of them. */
export interface Axis {
  readonly size: number;
  /** From one element that is taken to the next. Default: 1, neighbours. */
  readonly step?: number;
  readonly taps: readonly Taps[];
}

/** Rows and columns of images. */
export type Axes = readonly [Axis, Axis];

/** Where the windows of a pool lie. */
export interface WindowOptions {
  /** From one window to the next, for all axes or each. Default: the window. */
  readonly stride?: number | readonly number[] | undefined;
  /**
   * "valid": none. "same": ⌈size / stride⌉ windows, the odd element behind, as TensorFlow has it. A number: so many
   * elements on each side, as in PyTorch; a list: of each axis a number, or a pair of before and after. All below the
   * window. Default: "valid".
   */
  readonly padding?: Padding | undefined;
  /**
   * Whether a last window that does not fit is kept, if it begins before the padding behind; it is cut off at the end.
   * PyTorch's `ceil_mode`; nothing to "same". Default: false.
   */
  readonly ceilMode?: boolean | undefined;
}

/** Where the windows of a pool of maxima lie. */
export interface MaxPoolOptions extends WindowOptions {
  /** From one element of a window to the next, for all axes or each. Default: 1. */
  readonly dilation?: number | readonly number[] | undefined;
}

/** The names of these. */
export const WINDOW_OPTIONS = { stride: 0, padding: 0, ceilMode: 0 } as const;

/** Windows along one axis, as asked for. */
interface Span {
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  readonly around: Around;
  readonly ceilMode: boolean;
}

/** The windows of `count` axes. @throws OptionError for what is out of range or not known. */
export function spansOf<Options extends MaxPoolOptions>(
  where: string,
  window: number | readonly number[],
  options: Options,
  { count, known }: { readonly count: number; readonly known: OptionNames<Options> },
): Span[] {
  checkOptions<Options>(where, options, known);
  const { stride = window, dilation = 1, padding = "valid", ceilMode = false } = options;
  const windows = perAxis(where, "window", window, { count });
  const strides = perAxis(where, "stride", stride, { count });
  const dilations = perAxis(where, "dilation", dilation, { count });
  const around = aroundOf(where, padding, { count, windows });
  return windows.map((each, axis) => ({
    window: each,
    stride: strides[axis]!,
    dilation: dilations[axis]!,
    around: typeof around === "string" ? around : [around[axis]!],
    ceilMode,
  }));
}

/** A window's elements on the axis: the first, how many; and how many it has with its padding. */
interface Placed {
  readonly first: number;
  readonly count: number;
  readonly padded: number;
}

function windowsOn(
  where: string,
  size: number,
  { window, stride, dilation, around, ceilMode }: Span,
): Placed[] {
  const span = spanOf(window, dilation);
  const [[before, after]] = widthsOf(around, { size: [size], span: [span], stride: [stride] }) as [
    readonly [number, number],
  ];
  const padded = size + before + after;
  if (span > padded) {
    throw new ShapeError(
      `${where}: the window is larger than the padded input: got ${span} on ${padded}, wanted at most ${padded}`,
    );
  }
  const fitting = (padded - span) / stride;
  // One that begins in the padding behind would have nothing of the axis.
  const last =
    ceilMode && around !== "same"
      ? Math.min(Math.ceil(fitting), Math.ceil((size + before) / stride) - 1)
      : Math.floor(fitting);
  return Array.from({ length: last + 1 }, (_, k) => {
    const start = k * stride - before;
    const skipped = Math.max(0, Math.ceil(-start / dilation));
    const count = Math.min(window, Math.ceil((size - start) / dilation)) - skipped;
    if (count < 1) {
      throw new ShapeError(
        `${where}: a window lies in the padding alone: got dilation ${dilation} on ${size} padded by ${showShape([before, after])}`,
      );
    }
    return { first: start + skipped * dilation, count, padded: Math.min(start + span, size + after) - start };
  });
}

/** Windows whose elements count 1/n each: of all elements of the window, or of those that are no padding. */
export function averagingAxis(where: string, size: number, span: Span, countPadding: boolean): Axis {
  const taps = windowsOn(where, size, span).map(({ first, count, padded }) => {
    const weight = Math.fround(1 / (countPadding ? padded : count));
    return { first, weights: new Array<number>(count).fill(weight) };
  });
  return { size, step: span.dilation, taps };
}

/** As many windows as asked for, that together cover the axis: PyTorch's bins ⌊k·size/n⌋ to ⌈(k+1)·size/n⌉. */
export function adaptiveAxis(size: number, positions: number): Axis {
  const taps = Array.from({ length: positions }, (_, k) => {
    const first = Math.floor((k * size) / positions);
    const length = Math.ceil(((k + 1) * size) / positions) - first;
    return { first, weights: new Array<number>(length).fill(Math.fround(1 / length)) };
  });
  return { size, taps };
}

/** An axis of one element, which images of one row have. */
const SINGLE: Axis = { size: 1, taps: [{ first: 0, weights: [1] }] };

/**
 * What each element gives to the positions of the result: neighbours again, since no end of the taps ever goes back.
 * Between those that take it, dilated windows pass it over: their weight is 0.
 */
export function reversed({ size, step = 1, taps }: Axis): Axis {
  const back = Array.from({ length: size }, () => ({ first: 0, weights: [] as number[] }));
  for (const [position, { first, weights }] of taps.entries()) {
    for (const [k, weight] of weights.entries()) {
      const own = back[first + k * step]!;
      if (own.weights.length === 0) own.first = position;
      while (own.weights.length < position - own.first) own.weights.push(0);
      own.weights.push(weight);
    }
  }
  return { size: taps.length, taps: back };
}

/** As the kernels read it: first, count and the byte of the weights of each position, then the weights. */
function tableOf({ taps }: Axis): number[] {
  const entries: number[] = [];
  const weights: number[] = [];
  for (const { first, weights: own } of taps) {
    entries.push(first, own.length, (3 * taps.length + weights.length) * 4);
    weights.push(...own);
  }
  return [...entries, ...new Int32Array(Float32Array.from(weights).buffer)];
}

/** The shape of what axes make of images [n, height, width, channels]. */
export function shapeOf(x: Tensor, [rowAxis, columnAxis]: Axes): Shape {
  return [x.shape[0]!, rowAxis.taps.length, columnAxis.taps.length, x.shape[3]!];
}

/** Calls a kernel of windows: y of x, pixel by pixel. */
export function emitWindows(
  emitter: Emitter,
  kernel: string,
  {
    x,
    y,
    axes: [rowAxis, columnAxis],
    indices = nothing,
  }: { x: Tensor; y: Tensor; axes: Axes; indices?: Operand },
): void {
  const [n, height, width, channels] = y.shape as [number, number, number, number];
  const pixels = n * height * width;
  const operands = [
    pixels,
    height,
    width,
    x.shape[1]!,
    x.shape[2]!,
    channels,
    rowAxis.step ?? 1,
    columnAxis.step ?? 1,
    read(emitter.table("rows", tableOf(rowAxis))),
    read(emitter.table("columns", tableOf(columnAxis))),
    read(emitter.buffer(x)),
    indices,
    write(emitter.buffer(y), pixelsOf(y)),
  ];
  emitter.call(kernel, operands, { head: y });
}

/** How threads share the pixels of images. */
export function pixelsOf({ shape, size }: Tensor) {
  return rows(size / shape[3]!, shape[3]! * 4);
}

/** Axes of images [batch, height, width, channels] or sequences [batch, length, channels]. @throws ShapeError */
export function spatialRank(where: string, x: Tensor, rank?: number): number {
  const fits = x.dtype === "f32" && (rank === undefined ? x.rank === 3 || x.rank === 4 : x.rank === rank + 2);
  if (!fits) {
    const [sequences, images] = ["[batch, length, channels]", "[batch, height, width, channels]"];
    const wanted = rank === undefined ? `${sequences} or ${images}` : rank === 1 ? sequences : images;
    throw new ShapeError(`${where}: wanted f32 ${wanted}, got ${x.dtype} ${showShape(x.shape)}`);
  }
  return x.rank - 2;
}

/** Does to sequences what is done to images of one row. `axisOf` is asked for each axis of x. */
export function asImages(
  x: Tensor,
  axisOf: (size: number, axis: number) => Axis,
  work: (images: Tensor, axes: Axes) => Tensor,
): Tensor {
  if (x.rank === 4) return work(x, [axisOf(x.shape[1]!, 0), axisOf(x.shape[2]!, 1)]);
  const [batch, length, channels] = x.shape as [number, number, number];
  const axis = axisOf(length, 0);
  const y = work(reshape(x, [batch, 1, length, channels]), [SINGLE, axis]);
  return reshape(y, [batch, axis.taps.length, channels]);
}
