// Operators that move numbers: another shape, another order of axes, parts, joins, repetitions, padding.
import { broadcastShapes, type Shape, sameShape, showShape, sizeOf, stridesOf } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { where } from "../../../ops/arithmetic.ts";
import { gather } from "../../../ops/gather.ts";
import { broadcastTo, concatenate, pad, permute, slice } from "../../../ops/movement.ts";
import { padImages } from "../../../ops/padding.ts";
import { argmax } from "../../../ops/reduce.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import { along, collect, repeated } from "../numbers.ts";
import type { Value } from "../value.ts";
import { reshaped } from "./elementwise.ts";

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

/** The shape that a reshape asks for: 0 is the size that was, −1 follows from the others. */
function wantedShape(call: Call, value: Value): number[] {
  const given = call.opset < 5 ? call.integers("shape", []) : call.list(1);
  const keepsZero = call.integer("allowzero", 0) !== 0;
  const wanted = given.map((size, axis) => (size === 0 && !keepsZero ? (value.shape[axis] ?? 0) : size));
  const { file, now } = call.scope.batch ?? {};
  // A file made for so many examples says so in its shapes.
  if (now !== undefined && file !== undefined && file !== now && wanted.length > 0 && !value.fixed) {
    const size = sizeOf(wanted.with(0, now));
    const fits = wanted.includes(-1) ? value.size % size === 0 : size === value.size;
    if (wanted[0] === file && value.shape[0] === now && fits) wanted[0] = now;
  }
  const known = wanted.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const full = wanted.map((size) => (size === -1 ? value.size / known : size));
  const fits = full.every((size) => Number.isSafeInteger(size) && size >= 0) && sizeOf(full) === value.size;
  if (!fits || wanted.filter((size) => size === -1).length > 1)
    throw call.fail("shape", showShape(given), `sizes that fit ${showShape(value.shape)}`);
  return full;
}

const squeeze: Operator = (call) => {
  const value = call.input(0);
  const given = call.moved("axes", 1);
  const first = call.scope.batch && !value.fixed ? 1 : 0;
  const all = value.shape.flatMap((size, axis) => (size === 1 && axis >= first ? [axis] : []));
  const axes = given ? call.axes(given, value.rank) : all;
  const wrong = axes.find((axis) => value.shape[axis] !== 1);
  if (wrong !== undefined) throw call.fail("axes", wrong, `axes of size 1 of ${showShape(value.shape)}`);
  return reshaped(
    call,
    value,
    value.shape.filter((_, axis) => !axes.includes(axis)),
  );
};

const unsqueeze: Operator = (call) => {
  const value = call.input(0);
  const given = call.moved("axes", 1) ?? [];
  const rank = value.rank + given.length;
  const axes = call.axes(given, rank);
  const rest = [...value.shape];
  return reshaped(
    call,
    value,
    Array.from({ length: rank }, (_, axis) => (axes.includes(axis) ? 1 : rest.shift()!)),
  );
};

const transpose: Operator = (call) => {
  const value = call.input(0);
  const reversed = value.shape.map((_, axis) => value.rank - 1 - axis);
  const axes = call.axes(call.integers("perm", reversed), value.rank);
  if (axes.length !== value.rank) throw call.fail("attribute perm", showShape(axes), `${value.rank} axes`);
  if (value.fixed) call.spend(value.shape);
  return value.turn(axes);
};

const concat: Operator = (call) => {
  const values = call.all();
  const [first] = values as [Value, ...Value[]];
  const axis = call.axis(call.integer("axis", call.opset < 4 ? 1 : undefined), first.rank);
  for (const { shape } of values) {
    if (shape.length !== first.rank || shape.some((size, k) => k !== axis && size !== first.shape[k]))
      throw call.fail("inputs", showShape(shape), `what joins ${showShape(first.shape)} along axis ${axis}`);
  }
  const full = values.filter(({ size }) => size > 0);
  if (full.length === 0) return first;
  const to = first.shape.with(
    axis,
    values.reduce((sum, { shape }) => sum + shape[axis]!, 0),
  );
  if (values.every((value) => value.fixed)) {
    call.spend(to);
    const block = sizeOf(to.slice(axis));
    const result = new Float64Array(sizeOf(to));
    let at = 0;
    for (const { fixed, shape } of full) {
      const own = sizeOf(shape.slice(axis));
      for (let k = 0; k * own < fixed!.length; k++)
        result.set(fixed!.subarray(k * own, (k + 1) * own), k * block + at);
      at += own;
    }
    return call.known(to, result, first.type);
  }
  const lying = full.map((value) => (full.some((each) => each.isLast) ? value.asImages : value.moving));
  const mixed = lying.some(({ x }) => x.dtype !== lying[0]!.x.dtype);
  const tensors = mixed ? full.map(({ tensor }) => tensor) : lying.map(({ x }) => x);
  const { at, like } = mixed ? full[0]!.asPlain : lying[0]!;
  return like(concatenate(tensors, at(axis)));
};

const split: Operator = (call) => {
  const value = call.input(0);
  const axis = call.axis(call.integer("axis", 0), value.rank);
  const size = value.shape[axis]!;
  const count = call.node.attributes.has("num_outputs")
    ? call.integer("num_outputs")
    : call.node.outputs.length;
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

/** Repeats a value up to a shape. */
export function spread(call: Call, value: Value, to: Shape): Value {
  if (sameShape(value.shape, to)) return value;
  if (value.fixed) {
    call.spend(to);
    return call.known(to, repeated(value.fixed, value.shape, to), value.type);
  }
  return call.value(broadcastTo(value.tensor, to), value.type);
}

const expand: Operator = (call) => {
  const value = call.input(0);
  const to = broadcastShapes(
    "shape",
    value.shape,
    call.list(1).map((size) => call.size("shape", size)),
  );
  return spread(call, value, to);
};

const tile: Operator = (call) => {
  const value = call.input(0);
  const times = call.list(1).map((each) => call.size("repeats", each));
  if (times.length !== value.rank) throw call.fail("repeats", showShape(times), `${value.rank} of them`);
  const to = value.shape.map((size, axis) => size * times[axis]!);
  if (sameShape(to, value.shape)) return value;
  const between = value.shape.flatMap((size) => [1, size]);
  const wide = value.shape.flatMap((size, axis) => [times[axis]!, size]);
  return reshaped(call, spread(call, reshaped(call, value, between), wide), to);
};

/** What padding holds beside a number. */
const MODES = ["constant", "reflect", "edge", "wrap"] as const;

/** Which element each of a padded axis is; −1: none. */
function padded(
  call: Call,
  size: number,
  [before, behind]: readonly [number, number],
  mode: string,
): number[] {
  const length = before + size + behind;
  if (length < 0) throw call.fail("pads", showShape([before, behind]), `what leaves something of ${size}`);
  if (size < 1) throw call.unsupported("padding of nothing");
  call.spend([length]);
  return Array.from({ length }, (_, k) => {
    const at = k - before;
    if (at >= 0 && at < size) return at;
    if (mode === "constant") return -1;
    if (mode === "edge") return at < 0 ? 0 : size - 1;
    if (mode === "wrap") return ((at % size) + size) % size;
    const turn = Math.max(1, 2 * (size - 1));
    const place = ((at % turn) + turn) % turn;
    return place < size ? place : turn - place;
  });
}

const padding: Operator = (call) => {
  const value = call.input(0);
  const mode = call.choice("mode", MODES, "constant");
  const isOld = call.opset < 11;
  const pads = isOld ? call.integers("pads", call.integers("paddings", [])) : call.list(1);
  const fill = isOld ? call.float("value", 0) : call.number(2, 0);
  const axes =
    !isOld && call.has(3) ? call.axes(call.list(3), value.rank) : value.shape.map((_, axis) => axis);
  if (pads.length !== 2 * axes.length || !pads.every(Number.isSafeInteger))
    throw call.fail("pads", showShape(pads), `${2 * axes.length} whole numbers`);
  const widths = value.shape.map((_, axis): [number, number] => {
    const k = axes.indexOf(axis);
    return k < 0 ? [0, 0] : [pads[k]!, pads[k + axes.length]!];
  });
  const to = value.shape.map((size, axis) => size + widths[axis]![0] + widths[axis]![1]);
  if (sameShape(to, value.shape) && pads.every((width) => width === 0)) return value;
  if (value.fixed) {
    const strides = stridesOf(value.shape);
    const axesOf = value.shape.map((size, axis) =>
      padded(call, size, widths[axis]!, mode).map((at) => (at < 0 ? at : at * strides[axis]!)),
    );
    call.spend(to);
    return call.known(to, collect(value.fixed, axesOf, fill), value.type);
  }
  if (mode === "constant" && pads.every((width) => width >= 0)) {
    const { x, at, like } = value.lying;
    const own = x.shape.map((): [number, number] => [0, 0]);
    for (const [axis, width] of widths.entries()) own[at(axis)] = width;
    return like(pad(x, own, fill));
  }
  return widths.reduce((part, width, axis) => paddedAlong(call, part, axis, { width, mode, fill }), value);
};

/** One axis after the other, seen as the columns of images. */
function paddedAlong(
  call: Call,
  value: Value,
  axis: number,
  { width: [before, behind], mode, fill }: { width: readonly [number, number]; mode: string; fill: number },
): Value {
  if (before === 0 && behind === 0) return value;
  const size = value.shape[axis]!;
  if (Math.min(before, behind) < 0 || mode === "wrap") {
    const [inner, outer]: [[number, number], [number, number]] = [
      [Math.min(before, 0), Math.min(behind, 0)],
      [Math.max(before, 0), Math.max(behind, 0)],
    ];
    if (mode === "wrap" && before >= 0 && behind >= 0)
      return takeAlong(call, value, axis, padded(call, size, [before, behind], mode));
    const less = takeAlong(call, value, axis, padded(call, size, inner, mode));
    return paddedAlong(call, less, axis, { width: outer, mode, fill });
  }
  const { x, at, like } = value.lying;
  const p = at(axis);
  if (mode === "constant")
    return like(
      pad(
        x,
        x.shape.map((_, k): [number, number] => (k === p ? [before, behind] : [0, 0])),
        fill,
      ),
    );
  const image = reshape(x, [sizeOf(x.shape.slice(0, p)), 1, size, sizeOf(x.shape.slice(p + 1))]);
  const widths = [
    [0, 0],
    [before, behind],
  ] as const;
  const y = padImages(call.node.place, image, widths, mode === "edge" ? "edge" : "reflect");
  return like(reshape(y, x.shape.with(p, size + before + behind)));
}

/** Blocks of pixels become channels, or the other way round. */
const blocks =
  (isDeep: boolean): Operator =>
  (call) => {
    const value = call.input(0);
    const side = call.integer("blocksize");
    if (value.rank !== 4 || side < 1) throw call.fail("input", value, "images and a block size from 1 on");
    const { x } = value.asImages;
    const [n, height, width, channels] = x.shape as [number, number, number, number];
    if (isDeep) {
      const split = reshape(x, [n, height / side, side, width / side, side, channels]);
      return call.images(
        reshape(permute(split, [0, 1, 3, 2, 4, 5]), [n, height / side, width / side, side * side * channels]),
        value.type,
      );
    }
    const isDcr = call.choice("mode", ["DCR", "CRD"], "DCR") === "DCR";
    const own = channels / side / side;
    const split = reshape(
      x,
      isDcr ? [n, height, width, side, side, own] : [n, height, width, own, side, side],
    );
    const order = isDcr ? [0, 1, 3, 2, 4, 5] : [0, 1, 4, 2, 5, 3];
    return call.images(reshape(permute(split, order), [n, height * side, width * side, own]), value.type);
  };

/** What lies below or above a diagonal. */
const triangle: Operator = (call) => {
  const value = call.input(0);
  const [rows, columns] = value.shape.slice(-2) as [number, number];
  if (value.rank < 2) throw call.fail("input", value, "matrices");
  const [diagonal, isUpper] = [call.number(1, 0), call.integer("upper", 1) !== 0];
  const keeps = (k: number) => {
    const distance = (k % columns) - (Math.floor(k / columns) % rows);
    return isUpper ? distance >= diagonal : distance <= diagonal;
  };
  const { fixed } = value;
  if (fixed)
    return call.known(
      value.shape,
      fixed.map((x, k) => (keeps(k) ? x : 0)),
      value.type,
    );
  call.spend([rows, columns]);
  const mask = Float32Array.from({ length: rows * columns }, (_, k) => Number(keeps(k)));
  return call.value(where(call.graph.constant(mask, [rows, columns]), value.tensor, 0), value.type);
};

export const movement: Readonly<Record<string, Operator>> = {
  Identity: (call) => call.input(0).copied(call.node.outputs[0]!),
  Reshape: (call) => reshaped(call, call.input(0), wantedShape(call, call.input(0))),
  Flatten: (call) => {
    const value = call.input(0);
    const axis = call.cut(call.integer("axis", 1), value.rank);
    return reshaped(call, value, [sizeOf(value.shape.slice(0, axis)), sizeOf(value.shape.slice(axis))]);
  },
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: cut,
  Expand: expand,
  Tile: tile,
  Pad: padding,
  DepthToSpace: blocks(false),
  SpaceToDepth: blocks(true),
  Trilu: triangle,
};
