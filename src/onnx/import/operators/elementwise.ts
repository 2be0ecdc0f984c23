// Operators element by element: of known numbers on the host, of tensors in ops; numpy's broadcasting either way.
import { broadcastShapes, type Shape } from "../../../core/shape.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import * as activation from "../../../ops/activation.ts";
import * as ops from "../../../ops/arithmetic.ts";
import { reshape } from "../../../ops/reshape.ts";
import type { Call, Operator } from "../call.ts";
import { BOOL, fit, isFloat, repeated, roomFor } from "../numbers.ts";
import { lastAxes, turned, Value } from "../value.ts";

/** The same function twice: of numbers, and of tensors. */
export interface Both {
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
export function apply(call: Call, values: readonly Value[], { host, device, type }: Both): Value {
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
      store[at] = fit(`onnx: ${call.node.place}`, result, host(...row));
    }
    return call.known(shape, store, result);
  }
  if (shape.length > 2 && values.some((value) => value.isLast))
    return call.images(device(...alike(values, shape.length)), result);
  return call.value(device(...values.map((value) => value.tensor)), result);
}

/** Whole numbers in a tensor: towards 0, as a division of them goes. */
export const truncate = (x: Tensor): Tensor => ops.where(ops.less(x, 0), ops.ceil(x), ops.floor(x));

const round = (x: number): number => {
  const near = Math.round(x);
  return near - x === 0.5 && near % 2 !== 0 ? near - 1 : near;
};
/** Abramowitz and Stegun 7.1.5 near 0, a continued fraction beyond. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 3) {
    let [term, sum] = [z, z];
    for (let k = 1; Math.abs(term) > 1e-17 * sum; k++) {
      term *= (-z * z) / k;
      sum += term / (2 * k + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}

/** Before opset 7 the second operand was laid along given axes of the first. */
function operands(call: Call): readonly Value[] {
  const values = call.all();
  if (call.opset >= 7 || call.integer("broadcast", 0) === 0 || values.length !== 2) return values;
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
    if (values.length !== 2) throw call.fail("inputs", values.length, "2");
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

/** Operators that have host functions only: nothing computes them while running. */
const hostOnly =
  (name: string, host: (x: number) => number): Operator =>
  (call) =>
    apply(call, [call.input(0)], {
      host,
      device: () => {
        throw call.unsupported(`${name} of what is known only while running`);
      },
    });

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
  return apply(call, call.all(), {
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

/** Of two integers with a direction. */
const shift: Operator = (call) => {
  const by = call.choice("direction", ["LEFT", "RIGHT"], "LEFT") === "LEFT" ? 1 : -1;
  return apply(call, call.all(), {
    host: (a, b) => (by > 0 ? a * 2 ** b : Math.floor(a / 2 ** b)),
    device: () => {
      throw call.unsupported("BitShift of what is known only while running");
    },
  });
};

const clip: Operator = (call) => {
  const limit = (name: string, index: number, open: number): number =>
    call.opset < 11 ? call.float(name, open) : call.number(index, open);
  const low = limit("min", 1, Number.NEGATIVE_INFINITY);
  const high = limit("max", 2, Number.POSITIVE_INFINITY);
  return apply(call, [call.input(0)], {
    host: (x) => Math.min(Math.max(x, low), high),
    device: (x) =>
      low === 0 && high === Number.POSITIVE_INFINITY ? activation.relu(x) : ops.clamp(x, low, high),
  });
};

const mean: Operator = (call) => {
  const sum = call.all().reduce((a, b) => apply(call, [a, b], { host: (x, y) => x + y, device: ops.add }));
  const n = call.inputs.length;
  return apply(call, [sum], { host: (x) => x / n, device: (x) => ops.mul(x, 1 / n) });
};

/** x where it is not below 0, else slope · x. */
const prelu: Operator = (call) => {
  const [x, given] = [call.input(0), call.input(1)];
  // Before opset 7, and in many files since, one slope a channel stands without axes behind it.
  const isChannels = given.rank === 1 && x.rank > 2 && given.size === x.shape[1] && given.size > 1;
  const slope =
    isChannels && (call.opset < 7 || x.shape.at(-1) !== given.size)
      ? reshaped(call, given, [given.size, ...new Array<number>(x.rank - 2).fill(1)])
      : given;
  return apply(call, [x, slope], {
    host: (a, b) => (a < 0 ? a * b : a),
    device: (a, b) => ops.add(activation.relu(a), ops.mul(b, ops.minimum(a, 0))),
    type: x.type,
  });
};

const choose: Operator = (call) =>
  apply(call, [call.input(0), call.input(1), call.input(2)], {
    host: (condition, a, b) => (condition ? a : b),
    device: ops.where,
  });

/** α (e^(x / β) − 1) below 0, and what else leaves x as it is above. */
const above = (below: (x: Tensor) => Tensor) => (x: Tensor) =>
  ops.add(activation.relu(x), below(ops.minimum(x, 0)));
const sign = (x: number) => (Number.isNaN(x) ? x : Math.sign(x));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const hardSigmoid = { host: (x: number, a: number, b: number) => Math.max(0, Math.min(1, a * x + b)) };

/** exp(x) − 1 for x ≤ 0, from functions that lose nothing near 0: 2 t / (1 − t) with t = tanh(x / 2). */
const exponentialLess1 = (x: Tensor): Tensor => {
  const t = activation.tanh(ops.mul(x, 0.5));
  return ops.div(ops.mul(t, 2), ops.sub(1, t));
};
const cosh = (x: Tensor): Tensor => ops.mul(ops.add(ops.exp(x), ops.exp(ops.neg(x))), 0.5);

/** Klambauer et al. 2017. */
const SELU = { alpha: 1.6732631921768188, gamma: 1.0507010221481323 };

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
  Reciprocal: one((x) => 1 / x, ops.reciprocal),
  Exp: one(Math.exp, ops.exp),
  Log: one(Math.log, ops.log),
  Erf: one(erf, ops.erf),
  Floor: one(Math.floor, ops.floor),
  Ceil: one(Math.ceil, ops.ceil),
  Round: one(round, ops.round),
  Sin: one(Math.sin, ops.sin),
  Cos: one(Math.cos, ops.cos),
  Tan: one(Math.tan, (x) => ops.div(ops.sin(x), ops.cos(x))),
  Sinh: one(Math.sinh, (x) => ops.mul(activation.tanh(x), cosh(x))),
  Cosh: one(Math.cosh, cosh),
  Asinh: one(Math.asinh, (x) =>
    ops.mul(ops.sign(x), ops.log(ops.add(ops.abs(x), ops.sqrt(ops.add(ops.square(x), 1))))),
  ),
  Acosh: one(Math.acosh, (x) => ops.log(ops.add(x, ops.sqrt(ops.sub(ops.square(x), 1))))),
  Atanh: one(Math.atanh, (x) => ops.mul(ops.log(ops.div(ops.add(x, 1), ops.sub(1, x))), 0.5)),
  Asin: hostOnly("Asin", Math.asin),
  Acos: hostOnly("Acos", Math.acos),
  Atan: hostOnly("Atan", Math.atan),
  IsNaN: one(
    (x) => Number(Number.isNaN(x)),
    (x) => ops.notEqual(x, x),
    BOOL,
  ),
  IsInf: one(
    (x, call) =>
      Number(
        x === Infinity
          ? call.integer("detect_positive", 1)
          : x === -Infinity && call.integer("detect_negative", 1),
      ),
    (x, call) => {
      const [up, down] = [call.integer("detect_positive", 1), call.integer("detect_negative", 1)];
      if (up && down) return ops.equal(ops.abs(x), Number.POSITIVE_INFINITY);
      return ops.mul(
        ops.equal(x, up ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY),
        up || down ? 1 : 0,
      );
    },
    BOOL,
  ),
  Equal: two((a, b) => Number(a === b), ops.equal, BOOL),
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
  BitShift: shift,
  Where: choose,
  Clip: clip,
  Relu: one((x) => Math.max(x, 0), activation.relu),
  LeakyRelu: one(
    (x, call) => (x < 0 ? x * call.float("alpha", 0.01) : x),
    (x, call) => {
      const alpha = call.float("alpha", 0.01);
      return alpha >= 0 ? activation.leakyRelu(x, alpha) : above((y) => ops.mul(y, alpha))(x);
    },
  ),
  PRelu: prelu,
  ThresholdedRelu: one(
    (x, call) => (x > call.float("alpha", 1) ? x : 0),
    (x, call) => ops.mul(x, ops.greater(x, call.float("alpha", 1))),
  ),
  Elu: one(
    (x, call) => (x < 0 ? call.float("alpha", 1) * Math.expm1(x) : x),
    (x, call) => activation.elu(x, call.float("alpha", 1)),
  ),
  Selu: one(
    (x, call) =>
      call.float("gamma", SELU.gamma) * (x > 0 ? x : call.float("alpha", SELU.alpha) * Math.expm1(x)),
    (x, call) => {
      const [alpha, gamma] = [call.float("alpha", SELU.alpha), call.float("gamma", SELU.gamma)];
      if (Math.fround(alpha) === Math.fround(SELU.alpha) && Math.fround(gamma) === Math.fround(SELU.gamma))
        return activation.selu(x);
      return ops.mul(activation.elu(x, alpha), gamma);
    },
  ),
  Celu: one(
    (x, call) =>
      Math.max(0, x) + Math.min(0, call.float("alpha", 1) * Math.expm1(x / call.float("alpha", 1))),
    (x, call) => {
      const alpha = call.float("alpha", 1);
      return above((y) => ops.mul(exponentialLess1(ops.mul(y, 1 / alpha)), alpha))(x);
    },
  ),
  Gelu: one(
    (x, call) =>
      call.string("approximate", "none") === "tanh"
        ? 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
        : 0.5 * x * (1 + erf(x / Math.SQRT2)),
    (x, call) =>
      call.choice("approximate", ["none", "tanh"], "none") === "tanh"
        ? activation.geluTanh(x)
        : activation.gelu(x),
  ),
  Sigmoid: one(sigmoid, activation.sigmoid),
  Tanh: one(Math.tanh, activation.tanh),
  Softplus: one(softplus, activation.softplus),
  Softsign: one((x) => x / (1 + Math.abs(x)), activation.softsign),
  HardSigmoid: one(
    (x, call) => hardSigmoid.host(x, call.float("alpha", 0.2), call.float("beta", 0.5)),
    (x, call) => {
      const [alpha, beta] = [call.float("alpha", 0.2), call.float("beta", 0.5)];
      if (Math.abs(alpha - 1 / 6) < 1e-7 && beta === 0.5) return activation.hardSigmoid(x);
      return ops.clamp(ops.add(ops.mul(x, alpha), beta), 0, 1);
    },
  ),
  HardSwish: one((x) => x * hardSigmoid.host(x, 1 / 6, 0.5), activation.hardSwish),
  Mish: one((x) => x * Math.tanh(softplus(x)), activation.mish),
  Shrink: one(
    (x, call) => {
      const [lambda, bias] = [call.float("lambd", 0.5), call.float("bias", 0)];
      return x < -lambda ? x + bias : x > lambda ? x - bias : 0;
    },
    (x, call) => {
      const [lambda, bias] = [call.float("lambd", 0.5), call.float("bias", 0)];
      return ops.where(ops.greater(ops.abs(x), lambda), ops.sub(x, ops.mul(ops.sign(x), bias)), 0);
    },
  ),
};
