// Arithmetic, comparisons and logic element by element: of known numbers on the host, since shapes are reckoned with them,
// of tensors in ops; numpy's broadcasting either way.
import { broadcastShapes, type Shape } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { relu } from "../../../ops/activation.ts";
import * as ops from "../../../ops/arithmetic.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import { BOOL, isFloat, repeated, roomFor, wrapped } from "../numbers.ts";
import { lastAxes, turned, Value } from "../value.ts";
import { agreement, isInteger } from "./selection.ts";

/** The same function twice: of numbers, and of tensors. */
interface Both {
  readonly host: (...numbers: number[]) => number;
  readonly device: (...tensors: Tensor[]) => Tensor;
  /** Element type of the result; default: that of the last operand. */
  readonly type?: number;
}

/** Values as tensors of one rank that lie alike. */
function alike(values: readonly Value[], rank: number): readonly Tensor[] {
  return values.map((value) => {
    if (value.rank === 0) return value.tensor;
    if (value.rank === rank) return value.images;
    const ones = new Array<number>(rank - value.rank).fill(1);
    return turned(reshape(value.tensor, [...ones, ...value.shape]), lastAxes(rank));
  });
}

/** Applies a function to values. */
function apply(call: Call, values: readonly Value[], { host, device, type }: Both): Value {
  const shape = values.reduce<Shape>((all, value) => broadcastShapes("shapes", all, value.shape), []);
  const result = type ?? values.at(-1)!.type;
  const numbers = values.map((value) => value.fixed);
  if (numbers.every((each) => each !== undefined)) {
    const size = call.spend(shape);
    const spread = numbers.map((each, k) => repeated(each, values[k]!.shape, shape));
    const store = roomFor(result, size);
    const row = new Array<number>(values.length);
    for (let at = 0; at < size; at++) {
      for (let k = 0; k < row.length; k++) row[k] = spread[k]![at]!;
      store[at] = wrapped(`onnx: ${call.node.place}`, result, host(...row));
    }
    return call.known(shape, store, result);
  }
  return broadcast(call, values, device, result);
}

/** Applies a function of tensors to values, in the form in which they lie. */
export function broadcast(
  call: Call,
  values: readonly Value[],
  device: (...tensors: Tensor[]) => Tensor,
  type: number,
): Value {
  const rank = Math.max(...values.map((value) => value.rank));
  if (rank > 2 && values.some((value) => value.isLast))
    return call.images(device(...alike(values, rank)), type);
  return call.value(device(...values.map((value) => value.tensor)), type);
}

/** Whole numbers in a tensor: towards 0, as a division of them goes. */
export const truncate = (x: Tensor): Tensor => ops.where(ops.less(x, 0), ops.ceil(x), ops.floor(x));

const round = (x: number): number => {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
};
/** Before opset 7 the second operand was laid along given axes of the first. */
function operands(call: Call): readonly Value[] {
  const values = call.all(2);
  if (call.opset >= 7 || call.integer("broadcast", 0) === 0) return values;
  const [a, b] = values as [Value, Value];
  const axis = call.cut(call.integer("axis", a.rank - b.rank), a.rank);
  return [
    a,
    reshaped(call, b, [...b.shape, ...new Array<number>(Math.max(0, a.rank - axis - b.rank)).fill(1)]),
  ];
}

/** The same elements under another shape. */
export function reshaped(call: Call, value: Value, shape: Shape): Value {
  const { type, fixed } = value;
  if (fixed) return call.known(shape, fixed, type);
  const { plain } = value;
  return new Value(call.scope, shape, { type, first: reshape(plain, shape), limit: value.limit });
}

const two = (
  host: (a: number, b: number) => number,
  device: (a: Tensor, b: Tensor) => Tensor,
  type?: number,
): Operator => {
  return (call) => {
    const values = operands(call);
    return apply(call, values, { host, device, ...(type !== undefined && { type }) });
  };
};

/** Of any number of operands. */
const folded = (
  host: (a: number, b: number) => number,
  device: (a: Tensor, b: Tensor) => Tensor,
): Operator => {
  return (call) => call.all().reduce((a, b) => apply(call, [a, b], { host, device }));
};

/** Of one operand; the numbers beside it are attributes. */
/** Of one operand, on the host where it is known at import. */
export const one = (
  host: (x: number, call: Call) => number,
  device: (x: Tensor, call: Call) => Tensor,
  type?: number,
): Operator => {
  return (call) => {
    const own = { host: (x: number) => host(x, call), device: (x: Tensor) => device(x, call) };
    return apply(call, [call.input(0)], { ...own, ...(type !== undefined && { type }) });
  };
};

const equal: Operator = (call) => {
  const [a, b] = call.all(2) as [Value, Value];
  const others = [a, b].every((value) => isInteger(value) || (value.fixed && !isFloat(value.type)));
  if (others && (isInteger(a) || isInteger(b))) return agreement(call, a, b);
  return two((x, y) => Number(x === y), ops.equal, BOOL)(call);
};

const divide: Operator = (call) => {
  const values = operands(call);
  const isWhole = !isFloat(values[0]!.type);
  return apply(call, values, {
    host: (a, b) => (isWhole ? Math.trunc(a / b) : a / b),
    device: (a, b) => (isWhole ? truncate(ops.div(a, b)) : ops.div(a, b)),
  });
};

/** The remainder: with the sign of the divisor, or with `fmod` of the dividend. */
const modulo: Operator = (call) => {
  const isC = call.integer("fmod", 0) !== 0;
  return apply(call, call.all(2), {
    host: (a, b) => (isC ? a % b : a - b * Math.floor(a / b)),
    device: (a, b) => {
      const share = ops.div(a, b);
      return ops.sub(a, ops.mul(b, isC ? truncate(share) : ops.floor(share)));
    },
  });
};

const power: Operator = (call) => {
  const [base, exponent] = operands(call) as [Value, Value];
  const by = exponent.fixed?.length === 1 ? exponent.fixed[0] : undefined;
  const simple: Readonly<Record<number, (x: Tensor) => Tensor>> = { 2: ops.square, 1: (x) => x };
  const device = by !== undefined && exponent.size === 1 ? simple[by] : undefined;
  const [type] = [base.type];
  if (device && !base.fixed) return apply(call, [base], { host: (x) => x, device, type });
  return apply(call, [base, exponent], { host: (a, b) => a ** b, device: ops.pow, type });
};

const clip: Operator = (call) => {
  const limit = (name: string, index: number, open: number): number =>
    call.opset < 11 ? call.float(name, open) : call.number(index, open);
  const low = limit("min", 1, Number.NEGATIVE_INFINITY);
  const high = limit("max", 2, Number.POSITIVE_INFINITY);
  return apply(call, [call.input(0)], {
    host: (x) => Math.min(Math.max(x, low), high),
    device: (x) => (low === 0 && high === Number.POSITIVE_INFINITY ? relu(x) : ops.clamp(x, low, high)),
  });
};

const mean: Operator = (call) => {
  const sum = call.all().reduce((a, b) => apply(call, [a, b], { host: (x, y) => x + y, device: ops.add }));
  const n = call.inputs.length;
  return apply(call, [sum], { host: (x) => x / n, device: (x) => ops.mul(x, 1 / n) });
};

const choose: Operator = (call) =>
  apply(call, [call.input(0), call.input(1), call.input(2)], {
    host: (condition, a, b) => (condition ? a : b),
    device: ops.where,
  });

const sign = (x: number) => (Number.isNaN(x) ? x : Math.sign(x));

export const elementwise: Readonly<Record<string, Operator>> = {
  Add: two((a, b) => a + b, ops.add),
  Sub: two((a, b) => a - b, ops.sub),
  Mul: two((a, b) => a * b, ops.mul),
  Div: divide,
  Mod: modulo,
  Pow: power,
  Sum: folded((a, b) => a + b, ops.add),
  Max: folded(Math.max, ops.maximum),
  Min: folded(Math.min, ops.minimum),
  Mean: mean,
  Neg: one((x) => -x, ops.neg),
  Abs: one(Math.abs, ops.abs),
  Sign: one(sign, ops.sign),
  Sqrt: one(Math.sqrt, ops.sqrt),
  Floor: one(Math.floor, ops.floor),
  Ceil: one(Math.ceil, ops.ceil),
  Round: one(round, ops.round),
  Equal: equal,
  Greater: two((a, b) => Number(a > b), ops.greater, BOOL),
  GreaterOrEqual: two((a, b) => Number(a >= b), ops.greaterEqual, BOOL),
  Less: two((a, b) => Number(a < b), ops.less, BOOL),
  LessOrEqual: two((a, b) => Number(a <= b), ops.lessEqual, BOOL),
  And: two((a, b) => Number(a && b), ops.mul, BOOL),
  Or: two((a, b) => Number(a || b), ops.maximum, BOOL),
  Xor: two((a, b) => Number(a !== b), ops.notEqual, BOOL),
  Not: one(
    (x) => Number(!x),
    (x) => ops.sub(1, x),
    BOOL,
  ),
  Where: choose,
  Clip: clip,
};
