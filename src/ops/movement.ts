// Ops that move numbers: permute, slice, pad, concatenate. Each is one or more strided copies.
import { ShapeError } from "../core/errors.ts";
import { normalizeAxes, type Shape, sameShape, showShape, stridesOf } from "../core/shape.ts";
import { defineOp, elements, float, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { emitCopy } from "./copy.ts";

const permuteOp = defineOp<readonly number[]>({
  name: "permute",
  bytes: true,
  shape: ([x], axes) => ({ shape: axes.map((axis) => x!.shape[axis]!), dtype: x!.dtype }),
  gradient: ({ attributes: axes, dy }) => [
    permute(
      dy,
      axes.map((_, axis) => axes.indexOf(axis)),
    ),
  ],
  emit(emitter, { inputs: [x], outputs: [y], attributes: axes }) {
    const strides = stridesOf(x!.shape);
    const shape = y!.shape;
    const xStrides = axes.map((axis) => strides[axis]!);
    const box = { shape, xStart: 0, xStrides, yStart: 0, yStrides: stridesOf(shape) };
    emitCopy(emitter, box, x!, y!);
  },
});

/**
 * Reorders the axes: axis k of the result is axis axes[k] of x. Default: reversed, a transposition.
 * @example permute(images, [0, 3, 1, 2])
 */
export function permute(
  x: Tensor,
  axes: readonly number[] = x.shape.map((_, axis) => x.rank - 1 - axis),
): Tensor {
  if (axes.length !== x.rank || normalizeAxes("permute", axes, x.rank).length !== x.rank) {
    throw new ShapeError(`permute: wanted each axis of ${showShape(x.shape)} once, got [${axes.join(", ")}]`);
  }
  const positive = axes.map((axis) => (axis < 0 ? axis + x.rank : axis));
  if (positive.every((axis, at) => axis === at)) return x;
  return x.graph.apply(permuteOp, [x], positive)[0]!;
}

interface Slice {
  readonly start: readonly number[];
  readonly size: Shape;
}

const sliceOp = defineOp<Slice>({
  name: "slice",
  bytes: true,
  shape: ([x], { size }) => ({ shape: size, dtype: x!.dtype }),
  gradient: ({ inputs: [x], attributes: { start, size }, dy }) => [
    pad(
      dy,
      start.map((from, axis): [number, number] => [from, x!.shape[axis]! - from - size[axis]!]),
    ),
  ],
  emit(emitter, { inputs: [x], outputs: [y], attributes: { start, size } }) {
    const xStrides = stridesOf(x!.shape);
    const xStart = start.reduce((sum, from, axis) => sum + from * xStrides[axis]!, 0);
    const box = { shape: size, xStart, xStrides, yStart: 0, yStrides: stridesOf(size) };
    emitCopy(emitter, box, x!, y!);
  },
});

/**
 * A box out of x: from start[k] on, size[k] elements of axis k.
 * @throws ShapeError where the box does not lie inside x.
 * @example slice(x, [0, 1], [32, 4])
 */
export function slice(x: Tensor, start: readonly number[], size: Shape): Tensor {
  const fits =
    start.length === x.rank &&
    size.length === x.rank &&
    [...start, ...size].every(Number.isInteger) &&
    start.every((from, axis) => from >= 0 && size[axis]! >= 1 && from + size[axis]! <= x.shape[axis]!);
  if (!fits) {
    throw new ShapeError(
      `slice: start ${showShape(start)} with size ${showShape(size)} does not lie inside ${showShape(x.shape)}`,
    );
  }
  return sameShape(size, x.shape) ? x : x.graph.apply(sliceOp, [x], { start, size })[0]!;
}

interface Padding {
  readonly widths: readonly (readonly [number, number])[];
  readonly value: number;
}

const padOp = defineOp<Padding>({
  name: "pad",
  bytes: true,
  shape: ([x], { widths }) => ({
    shape: x!.shape.map((size, axis) => size + widths[axis]![0] + widths[axis]![1]),
    dtype: x!.dtype,
  }),
  gradient: ({ inputs: [x], attributes: { widths }, dy }) => [
    slice(
      dy,
      widths.map(([before]) => before),
      x!.shape,
    ),
  ],
  emit(emitter, { inputs: [x], outputs: [y], attributes: { widths, value } }) {
    const to = emitter.buffer(y!);
    const yStrides = stridesOf(y!.shape);
    const isBytes = y!.dtype === "i8";
    const yStart = widths.reduce((sum, [before], axis) => sum + before * yStrides[axis]!, 0);
    emitter.call(isBytes ? "fillBytes" : "fill", [
      y!.size,
      isBytes ? value : float(value),
      write(to, isBytes ? undefined : elements(y!.size)),
    ]);
    emitCopy(
      emitter,
      { shape: x!.shape, xStart: 0, xStrides: stridesOf(x!.shape), yStart, yStrides },
      x!,
      y!,
    );
  },
});

/**
 * Surrounds x by a value, by default 0: widths[k] elements before and after axis k.
 * @example pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]])
 */
export function pad(x: Tensor, widths: readonly (readonly [number, number])[], value = 0): Tensor {
  if (
    widths.length !== x.rank ||
    widths.some((pair) => pair.some((width) => !Number.isInteger(width) || width < 0))
  ) {
    throw new ShapeError(
      `pad: wanted a pair of widths ≥ 0 for each axis of ${showShape(x.shape)}, got ${JSON.stringify(widths)}`,
    );
  }
  if (widths.every(([before, after]) => before + after === 0)) return x;
  return x.graph.apply(padOp, [x], { widths, value })[0]!;
}

const concatenateOp = defineOp<number>({
  name: "concatenate",
  bytes: true,
  shape: (inputs, axis) => ({
    shape: inputs[0]!.shape.with(
      axis,
      inputs.reduce((sum, input) => sum + input.shape[axis]!, 0),
    ),
    dtype: inputs[0]!.dtype,
  }),
  gradient({ inputs, attributes: axis, dy }) {
    let from = 0;
    return inputs.map((input) => {
      const start = input.shape.map((_, k) => (k === axis ? from : 0));
      from += input.shape[axis]!;
      return slice(dy, start, input.shape);
    });
  },
  emit(emitter, { inputs, outputs: [y], attributes: axis }) {
    const yStrides = stridesOf(y!.shape);
    let from = 0;
    for (const input of inputs) {
      const box = {
        shape: input.shape,
        xStart: 0,
        xStrides: stridesOf(input.shape),
        yStart: from * yStrides[axis]!,
        yStrides,
      };
      emitCopy(emitter, box, input, y!);
      from += input.shape[axis]!;
    }
  },
});

/**
 * Joins tensors along an axis, by default the last; the other sizes must agree.
 * @example concatenate([a, b], 0)
 */
export function concatenate(tensors: readonly Tensor[], axis = -1): Tensor {
  const [x] = tensors;
  if (!x) throw new ShapeError("concatenate: wanted at least one tensor, got none");
  const [at] = normalizeAxes("concatenate", axis, x.rank) as [number];
  for (const tensor of tensors) {
    const fits = tensor.rank === x.rank && tensor.dtype === x.dtype;
    if (!fits || tensor.shape.some((size, k) => k !== at && size !== x.shape[k])) {
      throw new ShapeError(
        `concatenate: ${showShape(tensor.shape)} ${tensor.dtype} does not join ${showShape(x.shape)} ${x.dtype} along axis ${at}`,
      );
    }
  }
  return tensors.length === 1 ? x : x.graph.apply(concatenateOp, tensors, at)[0]!;
}
