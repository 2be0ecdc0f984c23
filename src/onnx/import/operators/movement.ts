// Operators that move numbers: another shape, another order of axes, joins, repetitions.
import { broadcastShapes, type Shape, sameShape, showShape, sizeOf } from "../../../core/shape.ts";
import { where } from "../../../ops/arithmetic.ts";
import { broadcastTo } from "../../../ops/broadcast.ts";
import { concatenate, permute } from "../../../ops/movement.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import { repeated } from "../numbers.ts";
import type { Value } from "../value.ts";
import { reshaped } from "./elementwise.ts";

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

/** Values one behind the other along an axis. */
export function joined(call: Call, values: readonly Value[], axis: number): Value {
  const [first] = values as [Value, ...Value[]];
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
}

const concat: Operator = (call) => {
  const values = call.all();
  const axis = call.integer("axis", call.opset < 4 ? 1 : undefined);
  return joined(call, values, call.axis(axis, values[0]!.rank));
};

/** Repeats a value up to a shape. */
function spread(call: Call, value: Value, to: Shape): Value {
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
  Expand: expand,
  Tile: tile,
  DepthToSpace: blocks(false),
  SpaceToDepth: blocks(true),
  Trilu: triangle,
};
