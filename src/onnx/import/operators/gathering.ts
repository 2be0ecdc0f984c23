// Operators that go by integers: rows by number, elements by place, one-hot.
import { type Shape, sizeOf, stridesOf } from "../../../core/shape.ts";
import { add, mul } from "../../../ops/arithmetic.ts";
import { gather, oneHot } from "../../../ops/gather.ts";
import { permute } from "../../../ops/movement.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import { along, collect, type Numbers } from "../numbers.ts";
import type { Value } from "../value.ts";
import { reshaped } from "./elementwise.ts";
import { gathered, integersOf, takeAlong } from "./selection.ts";

/** Indices from 0 on; negative ones count from the end. */
function inside(call: Call, indices: Numbers, size: number): number[] {
  return Array.from(indices, (index) => {
    if (!(index >= -size && index < size)) throw call.fail("index", index, `${-size} to ${size - 1}`);
    return index < 0 ? index + size : index;
  });
}

const rows: Operator = (call) => {
  const [data, indices] = [call.input(0), call.input(1)];
  const axis = call.axis(call.integer("axis", 0), data.rank);
  const to = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
  if (indices.fixed) {
    const list = inside(call, indices.fixed, data.shape[axis]!);
    return reshaped(call, takeAlong(call, data, axis, list), to);
  }
  const { plain } = indices;
  if (plain.dtype !== "i32") throw call.unsupported("a choice of rows by computed numbers");
  return call.value(gathered(data.tensor, axis, plain), data.type);
};

/** Elements of a value at places of its numbers in a row. */
function at(call: Call, data: Value, places: readonly number[], to: Shape): Value {
  if (data.fixed) {
    call.spend(to);
    return call.known(
      to,
      Float64Array.from(places, (place) => data.fixed![place]!),
      data.type,
    );
  }
  const column = reshape(data.tensor, [data.size, 1]);
  return call.value(reshape(gather(column, integersOf(call, places, data.size)), to), data.type);
}

const elements: Operator = (call) => {
  const [data, indices] = [call.input(0), call.input(1)];
  const axis = call.axis(call.integer("axis", 0), data.rank);
  if (indices.rank !== data.rank) throw call.fail("input 1", indices, `rank ${data.rank}`);
  const list = inside(call, call.numbers(1), data.shape[axis]!);
  const strides = stridesOf(data.shape);
  // Where each element would be with index 0 along the axis.
  const base = collect(
    Float64Array.from({ length: Math.max(data.size, 1) }, (_, k) => k),
    indices.shape.map((size, k) => along(size, k === axis ? 0 : strides[k]!)),
  );
  return at(
    call,
    data,
    list.map((index, k) => base[k]! + index * strides[axis]!),
    indices.shape,
  );
};

const tuples: Operator = (call) => {
  const [data, indices] = [call.input(0), call.input(1)];
  const batch = call.integer("batch_dims", 0);
  const width = indices.shape.at(-1) ?? 0;
  const numbers = call.numbers(1);
  const strides = stridesOf(data.shape);
  const rest = data.shape.slice(batch + width);
  const inner = sizeOf(rest);
  const lead = indices.shape.slice(0, -1);
  if (batch < 0 || batch > lead.length || batch + width > data.rank)
    throw call.fail("input 1", indices, `tuples that fit ${data}`);
  const groups = sizeOf(lead.slice(0, batch));
  const each = sizeOf(lead.slice(batch));
  const group = sizeOf(data.shape.slice(batch));
  const places: number[] = [];
  call.spend([...lead, ...rest]);
  for (let k = 0; k < groups * each; k++) {
    const tuple = [...numbers.subarray(k * width, (k + 1) * width)];
    const from = tuple.reduce(
      (sum, index, axis) => {
        const [own] = inside(call, Float64Array.of(index), data.shape[batch + axis]!) as [number];
        return sum + own * strides[batch + axis]!;
      },
      Math.floor(k / each) * group,
    );
    for (let element = 0; element < inner; element++) places.push(from + element);
  }
  return at(call, data, places, [...lead, ...rest]);
};

const hot: Operator = (call) => {
  const indices = call.input(0);
  const depth = call.size("depth", Math.trunc(call.number(1)));
  const pair = call.numbers(2);
  if (pair.length !== 2) throw call.fail("values", call.input(2), "two numbers");
  const [off, on] = pair as unknown as [number, number];
  const { type } = call.input(2);
  const axis = call.axis(call.integer("axis", -1), indices.rank + 1);
  const order = Array.from({ length: indices.rank }, (_, k) => k).toSpliced(axis, 0, indices.rank);
  const { fixed } = indices;
  if (fixed) {
    const ones = new Float64Array(call.spend([indices.size, depth])).fill(off);
    for (const [k, index] of fixed.entries()) {
      const place = index < 0 ? index + depth : index;
      if (place >= 0 && place < depth) ones[k * depth + place] = on;
    }
    return call.known([...indices.shape, depth], ones, type).turn(order);
  }
  const { plain } = indices;
  if (plain.dtype !== "i32")
    throw call.unsupported("OneHot of computed numbers that are known only while running");
  const y = permute(oneHot(plain, depth), order);
  return call.value(add(mul(y, on - off), off), type);
};

/** The elements that a list of conditions keeps. */
const compress: Operator = (call) => {
  const data = call.input(0);
  const kept = [...call.numbers(1)].flatMap((each, k) => (each ? [k] : []));
  if (!call.node.attributes.has("axis")) return takeAlong(call, reshaped(call, data, [data.size]), 0, kept);
  return takeAlong(call, data, call.axis(call.integer("axis"), data.rank), kept);
};

/** Where numbers that are known are not 0. */
const nonZero: Operator = (call) => {
  const { shape } = call.input(0);
  const numbers = call.numbers(0);
  const places = [...numbers].flatMap((x, k) => (x === 0 ? [] : [k]));
  const strides = stridesOf(shape);
  call.spend([shape.length, places.length]);
  const indices = shape.flatMap((size, axis) => places.map((k) => Math.floor(k / strides[axis]!) % size));
  return call.known([shape.length, places.length], indices);
};

/** The largest, or smallest, of numbers that are known, with their places. */
const top: Operator = (call) => {
  const value = call.input(0);
  const axis = call.axis(call.integer("axis", -1), value.rank);
  const count = call.opset < 10 ? call.integer("k") : call.number(1);
  const size = value.shape[axis]!;
  if (!(count >= 0 && count <= size)) throw call.fail("k", count, `0 to ${size}`);
  if (!value.fixed) throw call.unsupported("TopK of what is known only while running");
  const order = [...value.shape.keys()].filter((k) => k !== axis);
  const rowsFirst = value.turn([...order, axis]);
  const up = call.integer("largest", 1) !== 0 ? 1 : -1;
  const places: number[] = [];
  const numbers = rowsFirst.fixed!;
  call.spend(value.shape);
  for (let from = 0; from < numbers.length; from += size) {
    const row = numbers.subarray(from, from + size);
    const sorted = [...row.keys()].sort((a, b) => up * (row[b]! - row[a]!) || a - b);
    for (let k = 0; k < count; k++) places.push(sorted[k]!);
  }
  const shape = [...order.map((k) => value.shape[k]!), count];
  const back = value.shape.map((_, k) => (k === axis ? order.length : order.indexOf(k)));
  const values = places.map((place, k) => numbers[Math.floor(k / count) * size + place]!);
  return [call.known(shape, values, value.type).turn(back), call.known(shape, places).turn(back)];
};

export const gathering: Readonly<Record<string, Operator>> = {
  Gather: rows,
  GatherElements: elements,
  GatherND: tuples,
  OneHot: hot,
  Compress: compress,
  NonZero: nonZero,
  TopK: top,
};
