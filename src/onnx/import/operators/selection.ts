// Operators that take a part of a value: slices, splits, and any choice of indices along an axis.
import { broadcastShapes, showShape, stridesOf } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { broadcastTo } from "../../../ops/broadcast.ts";
import { equalLabels, gather } from "../../../ops/gather.ts";
import { concatenate, pad, permute, slice } from "../../../ops/movement.ts";
import { argmax } from "../../../ops/reduce.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import { along, BOOL, collect } from "../numbers.ts";
import type { Value } from "../value.ts";

/** Parts that a choice of indices may be cut into before it is gathered. */
const PARTS = 8;
/** Numbers of a table that stands for constant integers. */
const TABLE = 2 ** 24;

/** Whole numbers below a size as a tensor: there are no constants of integers, but the place of the only 1 of a row is one. */
export function integersOf(call: Call, indices: readonly number[], size: number): Tensor {
  if (indices.length * size > TABLE)
    throw call.unsupported(`a choice of ${indices.length} constant places among ${size}`);
  const table = new Float32Array(indices.length * size);
  for (const [k, index] of indices.entries()) table[k * size + index] = 1;
  return argmax(call.graph.constant(table, [indices.length, size]));
}

/** 1 where whole numbers agree, of which some are known only while running. */
export function agreement(call: Call, a: Value, b: Value): Value {
  const shape = broadcastShapes("shapes", a.shape, b.shape);
  const [left, right] = [a, b].map((value) => {
    const { fixed } = value;
    if (!fixed) return value.plain;
    const list = [...fixed];
    if (!list.every((each) => each >= 0))
      throw call.unsupported("a comparison of the input with negative integers");
    const most = list.reduce((a, b) => Math.max(a, b), 0);
    return reshape(integersOf(call, list, most + 1), value.shape);
  }) as [Tensor, Tensor];
  return call.value(equalLabels(broadcastTo(left, shape), broadcastTo(right, shape)), BOOL);
}

/** Whole numbers of the input, or places, as they run. */
export const isInteger = (value: Value): boolean =>
  !value.fixed && !value.weight && !value.isLast && value.plain.dtype === "i32";

/** Where runs of neighbours begin and how long they are. */
function runsOf(indices: readonly number[]): [from: number, count: number][] {
  const runs: [number, number][] = [];
  for (const index of indices) {
    const last = runs.at(-1);
    if (last && last[0] + last[1] === index) last[1]++;
    else runs.push([index, 1]);
  }
  return runs;
}

/** Elements at some indices of an axis, in their order. */
export function takeAlong(call: Call, value: Value, axis: number, indices: readonly number[]): Value {
  const wrong = indices.find((index) => !(index >= 0 && index < value.shape[axis]!));
  if (wrong !== undefined)
    throw call.fail("index", wrong, `0 to ${value.shape[axis]! - 1} along axis ${axis}`);
  const { fixed, shape } = value;
  if (fixed) {
    const strides = stridesOf(shape);
    const to = shape.with(axis, indices.length);
    call.spend(to);
    const axes = shape.map((size, k) =>
      k === axis ? indices.map((index) => index * strides[k]!) : along(size, strides[k]!),
    );
    return call.known(to, collect(fixed, axes), value.type);
  }
  if (indices.length === 0) throw call.unsupported("a result without elements");
  const { x, at, like } = value.moving;
  return like(taken(call, x, at(axis), indices));
}

function taken(call: Call, x: Tensor, axis: number, indices: readonly number[]): Tensor {
  const part = (of: Tensor, from: number, count: number) =>
    slice(
      of,
      of.shape.map((_, k) => (k === axis ? from : 0)),
      of.shape.with(axis, count),
    );
  const runs = runsOf(indices);
  if (runs.length === 1) return part(x, ...runs[0]!);
  const [first, second] = indices as [number, number];
  const step = second - first;
  if (step > 1 && indices.every((index, k) => index === first + k * step)) {
    // Every so many: the first column of rows as long as the step.
    const missing = first + indices.length * step - x.shape[axis]!;
    const widths = x.shape.map((_, k): [number, number] => [0, k === axis ? Math.max(0, missing) : 0]);
    const rows = part(pad(x, widths), first, indices.length * step);
    const split = reshape(rows, x.shape.toSpliced(axis, 1, indices.length, step));
    const column = slice(
      split,
      split.shape.map(() => 0),
      split.shape.with(axis + 1, 1),
    );
    return reshape(column, x.shape.with(axis, indices.length));
  }
  if (runs.length <= PARTS)
    return concatenate(
      runs.map((run) => part(x, ...run)),
      axis,
    );
  return gathered(x, axis, integersOf(call, indices, x.shape[axis]!));
}

/** Rows of an axis by number: [...before, ...indices, ...behind]. */
export function gathered(x: Tensor, axis: number, indices: Tensor): Tensor {
  if (axis === 0) return gather(x, indices);
  const rest = Array.from({ length: x.rank }, (_, k) => k).filter((k) => k !== axis);
  const y = gather(permute(x, [axis, ...rest]), indices);
  const n = indices.rank;
  const moved = Array.from({ length: n }, (_, k) => k);
  const others = rest.map((_, k) => k + n);
  return permute(y, [...others.slice(0, axis), ...moved, ...others.slice(axis)]);
}

const split: Operator = (call) => {
  const value = call.input(0);
  const axis = call.axis(call.integer("axis", 0), value.rank);
  const size = value.shape[axis]!;
  const count = call.node.outputs.length;
  const said = call.integer("num_outputs", count);
  if (said !== count) throw call.fail("attribute num_outputs", said, `${count}`);
  const each = Math.ceil(size / count);
  const sizes =
    call.moved("split", 1) ??
    Array.from({ length: count }, (_, k) => (k < count - 1 ? each : size - each * (count - 1)));
  if (
    sizes.reduce((sum, n) => sum + call.size("split", n), 0) !== size ||
    sizes.length < call.node.outputs.length
  )
    throw call.fail("split", showShape(sizes), `${call.node.outputs.length} sizes with a sum of ${size}`);
  let from = 0;
  return sizes.map((n, k) => {
    const start = from;
    from += n;
    return call.wants(k)
      ? takeAlong(
          call,
          value,
          axis,
          Array.from({ length: n }, (_, index) => start + index),
        )
      : undefined;
  });
};

/** Indices of a slice, as numpy has them. */
function sliced(call: Call, size: number, [start, end, step]: readonly [number, number, number]): number[] {
  if (!(Number.isSafeInteger(step) && step !== 0)) throw call.fail("steps", step, "one that is not 0");
  const clamp = (at: number, low: number, high: number) =>
    Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const from = clamp(start, Math.max(low, 0), high);
  const to = clamp(end, low, high);
  const count = Math.max(0, Math.ceil((to - from) / step));
  call.spend([count]);
  return Array.from({ length: count }, (_, k) => from + k * step);
}

const cut: Operator = (call) => {
  const value = call.input(0);
  const isOld = call.opset < 10;
  const starts = isOld ? call.integers("starts", []) : call.list(1);
  const ends = isOld ? call.integers("ends", []) : call.list(2);
  const given = isOld ? call.integers("axes") : call.has(3) ? call.list(3) : undefined;
  const axes = call.axes(given ?? starts.map((_, axis) => axis), value.rank);
  const steps = !isOld && call.has(4) ? call.list(4) : starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length)
    throw call.fail("starts, ends, axes and steps", "other numbers of them", "as many of each");
  return axes.reduce((part, axis, k) => {
    const indices = sliced(call, value.shape[axis]!, [starts[k]!, ends[k]!, steps[k]!]);
    return indices.length === value.shape[axis] && steps[k]! > 0
      ? part
      : takeAlong(call, part, axis, indices);
  }, value);
};

export const selection: Readonly<Record<string, Operator>> = { Split: split, Slice: cut };
