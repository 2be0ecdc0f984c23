// What each position of a result takes of an axis: windows of pooling, taps of resizing, and the reverse of both.
import { OptionError, ShapeError } from "../core/errors.ts";
import { type Shape, showShape } from "../core/shape.ts";
import { type Emitter, nothing, type Operand, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { reshape } from "./reshape.ts";

/** Neighbours along an axis, from the first on, with a weight for each; there may be none. */
interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** One axis: how many elements there are, and what each position of the result takes of them. */
export interface Axis {
  readonly size: number;
  readonly taps: readonly Taps[];
}

/** Rows and columns of images. */
export type Axes = readonly [Axis, Axis];

/** Around an axis: nothing, as much as keeps ⌈size / stride⌉ positions, or so many elements before and after it. */
export type Padding = "valid" | "same" | number | readonly (readonly [number, number])[];

export interface WindowOptions {
  /** From one window to the next, for all axes or each. Default: the window. */
  readonly stride?: number | readonly number[] | undefined;
  /**
   * "valid": none. "same": ⌈size / stride⌉ windows, the odd element behind, as TensorFlow has it. A number: so many
   * elements on each side, as in PyTorch; pairs: before and after each axis. All below the window. Default: "valid".
   */
  readonly padding?: Padding | undefined;
}

/** Windows along one axis, as asked for. */
interface Span {
  readonly window: number;
  readonly stride: number;
  readonly padding: "valid" | "same" | readonly [number, number];
}

/** A positive integer for each of some axes. @throws OptionError */
export function perAxis(
  where: string,
  what: string,
  value: number | readonly number[],
  count: number,
): number[] {
  const list = typeof value === "number" ? new Array<number>(count).fill(value) : [...value];
  if (list.length !== count || list.some((each) => !Number.isSafeInteger(each) || each < 1)) {
    throw new OptionError(
      `${where}: ${what}: got ${JSON.stringify(value)}, wanted a positive integer${count > 1 ? ` or ${count} of them` : ""}`,
    );
  }
  return list;
}

/** The windows of `count` axes. @throws OptionError for what is out of range. */
export function spansOf(
  where: string,
  window: number | readonly number[],
  { stride = window, padding = "valid" }: WindowOptions,
  count: number,
): Span[] {
  const windows = perAxis(where, "window", window, count);
  const strides = perAxis(where, "stride", stride, count);
  const around = typeof padding === "number" ? new Array(count).fill([padding, padding]) : padding;
  const inside = (width: unknown, axis: number) =>
    Number.isSafeInteger(width) && (width as number) >= 0 && (width as number) < windows[axis]!;
  const known =
    around === "valid" ||
    around === "same" ||
    (Array.isArray(around) &&
      around.length === count &&
      around.every(
        (pair, axis) =>
          Array.isArray(pair) && pair.length === 2 && pair.every((width) => inside(width, axis)),
      ));
  if (!known) {
    throw new OptionError(
      `${where}: padding: got ${JSON.stringify(padding)}, wanted "valid", "same", or numbers from 0 to below the window ${showShape(windows)}`,
    );
  }
  return windows.map((each, axis) => ({
    window: each,
    stride: strides[axis]!,
    padding: typeof around === "string" ? around : around[axis]!,
  }));
}

/** The part of each window that lies on the axis, and how long the window is with its padding. */
function windowsOn(where: string, size: number, { window, stride, padding }: Span): [number, number][] {
  const same = Math.ceil(size / stride);
  const missing = Math.max(0, (same - 1) * stride + window - size);
  const [before, after] =
    padding === "valid"
      ? [0, 0]
      : padding === "same"
        ? [Math.floor(missing / 2), Math.ceil(missing / 2)]
        : padding;
  const padded = size + before + after;
  if (window > padded) {
    throw new ShapeError(
      `${where}: the window is larger than the padded input: got ${window} on ${padded}, wanted at most ${padded}`,
    );
  }
  return Array.from({ length: Math.floor((padded - window) / stride) + 1 }, (_, k) => {
    const start = k * stride - before;
    return [Math.max(0, start), Math.min(size, start + window)];
  });
}

/** Windows whose elements count 1/n each: of all elements of the window, or of those that are no padding. */
export function averagingAxis(where: string, size: number, span: Span, countPadding: boolean): Axis {
  const taps = windowsOn(where, size, span).map(([first, end]) => {
    const weight = Math.fround(1 / (countPadding ? span.window : end - first));
    return { first, weights: new Array<number>(end - first).fill(weight) };
  });
  return { size, taps };
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

/** What each element gives to the positions of the result: neighbours again, since no end of the taps ever goes back. */
export function reversed({ size, taps }: Axis): Axis {
  const back = Array.from({ length: size }, () => ({ first: 0, weights: [] as number[] }));
  for (const [position, { first, weights }] of taps.entries()) {
    for (const [k, weight] of weights.entries()) {
      const own = back[first + k]!;
      if (own.weights.length === 0) own.first = position;
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
