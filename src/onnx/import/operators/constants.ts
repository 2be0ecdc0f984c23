// Operators that give numbers known at import: constants, shapes, ranges; and casts.
import type { Tensor } from "../../../graph/tensor.ts";
import { notEqual, sub } from "../../../ops/arithmetic.ts";
import type { Call, Operator } from "../call.ts";
import { BOOL, FLOAT, INT64, isFloat, roomFor, wrapped } from "../numbers.ts";
import { Value } from "../value.ts";
import { truncate } from "./elementwise.ts";
import { agreement, isInteger } from "./selection.ts";

const constant: Operator = (call) => {
  const { attributes } = call.node;
  const { tensor } = call.attribute("value") ?? {};
  if (tensor) return call.known(tensor.shape, tensor.numbers(), tensor.type);
  if (attributes.has("value_float")) return call.known([], [call.float("value_float")], FLOAT);
  if (attributes.has("value_int")) return call.known([], [call.integer("value_int")]);
  const floats = call.floats("value_floats");
  if (floats) return call.known([floats.length], floats, FLOAT);
  const integers = call.integers("value_ints");
  if (integers) return call.known([integers.length], integers);
  throw call.unsupported(`a constant of ${[...attributes.keys()].join(", ") || "nothing"}`);
};

const constantOfShape: Operator = (call) => {
  const shape = call.list(0).map((size) => call.size("shape", size));
  const { tensor } = call.attribute("value") ?? {};
  const { type, value } = tensor
    ? { type: tensor.type, value: tensor.numbers() }
    : { type: FLOAT, value: [0] };
  if (value.length !== 1) throw call.fail("attribute value", `${value.length} numbers`, "one");
  return call.known(shape, roomFor(type, call.spend(shape)).fill(value[0]!), type);
};

const range: Operator = (call) => {
  const [start, limit, step] = [call.number(0), call.number(1), call.number(2)];
  const count = Math.max(0, Math.ceil((limit - start) / step));
  if (!Number.isSafeInteger(count)) throw call.fail("range", `${start} to ${limit} by ${step}`, "an end");
  call.spend([count]);
  const { type } = call.input(0);
  return call.known(
    [count],
    Float64Array.from({ length: count }, (_, k) => start + k * step),
    type,
  );
};

const shape: Operator = (call) => {
  const { shape: own, rank } = call.input(0);
  const at = (axis: number) => Math.min(Math.max(axis < 0 ? axis + rank : axis, 0), rank);
  const sizes = own.slice(at(call.integer("start", 0)), at(call.integer("end", rank)));
  return call.known([sizes.length], sizes);
};

/** To the nearest float of 16 bits, ties to even. */
function rounded(x: number, type: number): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const [digits, low, high] = type === 10 ? [11, -24, 65_504] : [8, -133, 3.3895313892515355e38];
  const unit = 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - digits + 1, low);
  const share = x / unit;
  const near = Math.round(share);
  const even = Math.abs(share % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
  return Math.abs(even * unit) > high ? Math.sign(x) * Number.POSITIVE_INFINITY : even * unit;
}

function cast(call: Call, value: Value, type: number): Value {
  if (type === value.type) return value;
  const { fixed, shape: own, limit } = value;
  if (fixed) {
    const size = call.spend(own);
    const store = roomFor(type, size);
    for (let k = 0; k < size; k++) {
      const x = fixed[k]!;
      const whole = isFloat(type)
        ? type === 10 || type === 16
          ? rounded(x, type)
          : x
        : type === BOOL
          ? x
          : Math.trunc(x);
      store[k] = wrapped(`onnx: ${call.node.place}`, type, whole);
    }
    return call.known(own, store, type);
  }
  if (!isFloat(type) && type !== BOOL && value.plain.dtype === "i32")
    return new Value(call.scope, own, { type, first: value.plain, limit });
  if (type === BOOL && isInteger(value)) {
    const zero = agreement(call, value, call.known([], [0]));
    return call.value(sub(1, zero.tensor), BOOL);
  }
  const { x, like } = value.lying;
  const isExact = isFloat(type) || value.type === BOOL;
  return like(
    isExact ? x : type === BOOL ? (notEqual(x, 0) as Tensor) : isFloat(value.type) ? truncate(x) : x,
    type,
  );
}

/** Ones along a diagonal. */
const eye: Operator = (call) => {
  const { shape: own, rank, type } = call.input(0);
  if (rank !== 2) throw call.fail("input", call.input(0), "a matrix");
  const diagonal = call.integer("k", 0);
  const columns = own[1]!;
  const ones = roomFor(FLOAT, call.spend(own)).map((_, at) =>
    Number((at % columns) - Math.floor(at / columns) === diagonal),
  );
  return call.known(own, ones, call.elementType("dtype", type));
};

export const constants: Readonly<Record<string, Operator>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Shape: shape,
  Size: (call) => call.known([], [call.input(0).size], INT64),
  Cast: (call) => cast(call, call.input(0), call.elementType("to")),
  CastLike: (call) => cast(call, call.input(0), call.input(1).type),
  EyeLike: eye,
};
