// Operators that reduce axes, and those that add up along one.
import { type Shape, sizeOf, stridesOf } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import * as ops from "../../../ops/arithmetic.ts";
import { matmul } from "../../../ops/matmul.ts";
import { pad, permute, slice } from "../../../ops/movement.ts";
import { argmax, max, mean, min, type ReduceOptions, sum } from "../../../ops/reduce.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Operator } from "../call.ts";
import { along, collect, INT64, type Numbers } from "../numbers.ts";
import { Value } from "../value.ts";

/** A reduction of a tensor's axes, and of the numbers of a row where shapes are reckoned with it. */
interface Reduction {
  readonly host?: (row: readonly number[]) => number;
  readonly device: (x: Tensor, options: ReduceOptions) => Tensor;
}

const total = (row: readonly number[]) => row.reduce((a, b) => a + b, 0);
/** Halves times halves until one is left; what a half is too short by is 1. */
function productOf(x: Tensor, { axes, keepDims }: ReduceOptions): Tensor {
  let y = x;
  for (const axis of axes as readonly number[]) {
    while (y.shape[axis]! > 1) {
      const half = Math.ceil(y.shape[axis]! / 2);
      const missing = 2 * half - y.shape[axis]!;
      const even = pad(
        y,
        y.shape.map((_, k): [number, number] => [0, k === axis ? missing : 0]),
        1,
      );
      const part = (from: number) =>
        slice(
          even,
          y.shape.map((_, k) => (k === axis ? from : 0)),
          y.shape.with(axis, half),
        );
      y = ops.mul(part(0), part(half));
    }
  }
  return keepDims ? y : reshape(y, without(x.shape, axes as readonly number[], false));
}

const reductions: Readonly<Record<string, Reduction>> = {
  Sum: { host: total, device: sum },
  Mean: { host: (row) => total(row) / row.length, device: mean },
  Max: { host: (row) => row.reduce((a, b) => Math.max(a, b), -Infinity), device: max },
  Min: { host: (row) => row.reduce((a, b) => Math.min(a, b), Infinity), device: min },
  Prod: { host: (row) => row.reduce((a, b) => a * b, 1), device: productOf },
  L1: { device: (x, options) => sum(ops.abs(x), options) },
  L2: { device: (x, options) => ops.sqrt(sum(ops.square(x), options)) },
  SumSquare: { device: (x, options) => sum(ops.square(x), options) },
  LogSum: { device: (x, options) => ops.log(sum(x, options)) },
  LogSumExp: {
    device(x, { axes, keepDims = false }) {
      const largest = max(x, { axes, keepDims: true });
      const y = ops.add(largest, ops.log(sum(ops.exp(ops.sub(x, largest)), { axes, keepDims: true })));
      return keepDims ? y : reshape(y, without(x.shape, axes as readonly number[], false));
    },
  },
};

/** Rows of the numbers that are reduced together, result by result. */
function rowsOf(numbers: Numbers, shape: Shape, axes: readonly number[]): { rows: Numbers; length: number } {
  const strides = stridesOf(shape);
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const rows = collect(
    numbers,
    [...kept, ...axes].map((axis) => along(shape[axis]!, strides[axis]!)),
  );
  return { rows, length: sizeOf(axes.map((axis) => shape[axis]!)) };
}

const without = (shape: Shape, axes: readonly number[], keepDims: boolean): number[] =>
  keepDims
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));

const reduce =
  ({ host, device }: Reduction): Operator =>
  (call) => {
    const value = call.input(0);
    const given = call.moved("axes", 1) ?? [];
    if (given.length === 0 && call.integer("noop_with_empty_axes", 0) !== 0) return value;
    const all = value.shape.map((_, axis) => axis);
    const axes = (given.length === 0 ? all : call.axes(given, value.rank)).sort((a, b) => a - b);
    const keepDims = call.integer("keepdims", 1) !== 0;
    const { fixed, shape, type } = value;
    if (fixed && host) {
      const to = without(shape, axes, keepDims);
      call.spend(shape);
      const { rows, length } = rowsOf(fixed, shape, axes);
      const count = sizeOf(to);
      const results = Array.from({ length: count }, (_, k) =>
        host([...rows.subarray(k * length, (k + 1) * length)]),
      );
      return call.known(to, results, type);
    }
    if (axes.length === 0) return call.value(device(value.tensor, { axes, keepDims: true }), type);
    const { x, at, like } = value.lying;
    if (keepDims) return like(device(x, { axes: axes.map(at).sort((a, b) => a - b), keepDims }));
    // Where nothing of an image is left, it does not matter how it lay.
    const isFlat = value.isLast && axes.length === value.rank - 2 && axes[0] === 2;
    if (isFlat) return call.value(device(x, { axes: axes.map(at), keepDims }), type);
    return call.value(device(value.tensor, { axes, keepDims }), type);
  };

/** The place of the largest or smallest along an axis. */
const place =
  (isMax: boolean): Operator =>
  (call) => {
    const value = call.input(0);
    const axis = call.axis(call.integer("axis", 0), value.rank);
    const keepDims = call.integer("keepdims", 1) !== 0;
    const isLast = call.integer("select_last_index", 0) !== 0;
    const to = without(value.shape, [axis], keepDims);
    const size = value.shape[axis]!;
    if (value.fixed) {
      const { rows, length } = rowsOf(value.fixed, value.shape, [axis]);
      const results = Array.from({ length: sizeOf(to) }, (_, k) => {
        const row = rows.subarray(k * length, (k + 1) * length);
        let best = row[0]!;
        for (const x of row) best = isMax ? Math.max(best, x) : Math.min(best, x);
        return isLast ? row.lastIndexOf(best) : row.indexOf(best);
      });
      return call.known(to, results);
    }
    if (isLast) throw call.unsupported("select_last_index of what is known only while running");
    const x = isMax ? value.tensor : ops.neg(value.tensor);
    return new Value(call.scope, to, { type: INT64, first: reshape(argmax(x, axis), to), limit: size });
  };

/** Sums so far along an axis: a product with a triangle of ones. */
const cumulated: Operator = (call) => {
  const value = call.input(0);
  const axis = call.axis(call.number(1), value.rank);
  const isExclusive = call.integer("exclusive", 0) !== 0;
  const isReversed = call.integer("reverse", 0) !== 0;
  const size = value.shape[axis]!;
  call.spend([size, size]);
  const ones = Float32Array.from({ length: size * size }, (_, k) => {
    const [from, to] = [Math.floor(k / size), k % size];
    const distance = isReversed ? from - to : to - from;
    return Number(isExclusive ? distance > 0 : distance >= 0);
  });
  const { tensor: x } = value;
  const swapped = x.shape.map((_, k) => (k === axis ? x.rank - 1 : k === x.rank - 1 ? axis : k));
  return call.value(
    permute(matmul(permute(x, swapped), call.graph.constant(ones, [size, size])), swapped),
    value.type,
  );
};

export const reducing: Readonly<Record<string, Operator>> = {
  ...Object.fromEntries(Object.entries(reductions).map(([name, each]) => [`Reduce${name}`, reduce(each)])),
  ArgMax: place(true),
  ArgMin: place(false),
  CumSum: cumulated,
};
