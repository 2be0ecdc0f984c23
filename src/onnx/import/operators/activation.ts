// Functions of one number, activations before all: in ops alone, as no shape is reckoned with them (but for Relu).
import type { Tensor } from "../../../graph/tensor.ts";
import * as activation from "../../../ops/activation.ts";
import * as ops from "../../../ops/arithmetic.ts";
import type { Call, Operator } from "../call.ts";
import { BOOL } from "../numbers.ts";
import type { Value } from "../value.ts";
import { broadcast, one as known, reshaped } from "./elementwise.ts";

/** Of one operand; numbers beside it are attributes. */
const one =
  (device: (x: Tensor, call: Call) => Tensor, type?: number): Operator =>
  (call) => {
    const { x, like } = call.input(0).lying;
    return like(device(x, call), type);
  };

/** x where it is not below 0, else slope · x. */
const prelu: Operator = (call) => {
  const [x, given] = [call.input(0), call.input(1)];
  // Before opset 7, and in many files since, one slope a channel stands without axes behind it.
  const isChannels = given.rank === 1 && x.rank > 2 && given.size === x.shape[1] && given.size > 1;
  const isBare = isChannels && (call.opset < 7 || x.shape.at(-1) !== given.size);
  const slope: Value = isBare
    ? reshaped(call, given, [given.size, ...new Array<number>(x.rank - 2).fill(1)])
    : given;
  const device = (a: Tensor, b: Tensor) => ops.add(activation.relu(a), ops.mul(b, ops.minimum(a, 0)));
  return broadcast(call, [x, slope], device, x.type);
};

/** What is x above 0, and something else below. */
const bent = (x: Tensor, below: (x: Tensor) => Tensor) =>
  ops.add(activation.relu(x), below(ops.minimum(x, 0)));

/** exp(x) − 1 for x ≤ 0 from functions that lose nothing near 0: 2 t / (1 − t) with t = tanh(x / 2). */
const exponentialLess1 = (x: Tensor): Tensor => {
  const t = activation.tanh(ops.mul(x, 0.5));
  return ops.div(ops.mul(t, 2), ops.sub(1, t));
};
const cosh = (x: Tensor): Tensor => ops.mul(ops.add(ops.exp(x), ops.exp(ops.neg(x))), 0.5);

/** Klambauer et al. 2017. */
const SELU = { alpha: 1.6732631921768188, gamma: 1.0507010221481323 };

const infinite: Operator = one((x, call) => {
  const [up, down] = [call.integer("detect_positive", 1), call.integer("detect_negative", 1)];
  if (up && down) return ops.equal(ops.abs(x), Number.POSITIVE_INFINITY);
  const which = up ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return up || down ? ops.equal(x, which) : ops.mul(ops.notEqual(x, x), 0);
}, BOOL);

export const activations: Readonly<Record<string, Operator>> = {
  Relu: known((x) => Math.max(x, 0), activation.relu),
  LeakyRelu: one((x, call) => {
    const alpha = call.float("alpha", 0.01);
    return alpha >= 0 ? activation.leakyRelu(x, alpha) : bent(x, (y) => ops.mul(y, alpha));
  }),
  PRelu: prelu,
  ThresholdedRelu: one((x, call) => ops.mul(x, ops.greater(x, call.float("alpha", 1)))),
  Elu: one((x, call) => activation.elu(x, call.float("alpha", 1))),
  Selu: one((x, call) => {
    const [alpha, gamma] = [call.float("alpha", SELU.alpha), call.float("gamma", SELU.gamma)];
    const isOwn = Math.abs(alpha - SELU.alpha) + Math.abs(gamma - SELU.gamma) < 1e-6;
    return isOwn ? activation.selu(x) : ops.mul(activation.elu(x, alpha), gamma);
  }),
  Celu: one((x, call) => {
    const alpha = call.float("alpha", 1);
    return bent(x, (y) => ops.mul(exponentialLess1(ops.mul(y, 1 / alpha)), alpha));
  }),
  Gelu: one((x, call) => {
    const isTanh = call.choice("approximate", ["none", "tanh"], "none") === "tanh";
    return isTanh ? activation.geluTanh(x) : activation.gelu(x);
  }),
  Sigmoid: one(activation.sigmoid),
  Tanh: one(activation.tanh),
  Softplus: one(activation.softplus),
  Softsign: one(activation.softsign),
  HardSigmoid: one((x, call) => {
    const [alpha, beta] = [call.float("alpha", 0.2), call.float("beta", 0.5)];
    if (Math.abs(alpha - 1 / 6) < 1e-7 && beta === 0.5) return activation.hardSigmoid(x);
    return ops.clamp(ops.add(ops.mul(x, alpha), beta), 0, 1);
  }),
  HardSwish: one(activation.hardSwish),
  Mish: one(activation.mish),
  Shrink: one((x, call) => {
    const [lambda, bias] = [call.float("lambd", 0.5), call.float("bias", 0)];
    return ops.where(ops.greater(ops.abs(x), lambda), ops.sub(x, ops.mul(ops.sign(x), bias)), 0);
  }),
  Exp: one(ops.exp),
  Log: one(ops.log),
  Reciprocal: one(ops.reciprocal),
  Erf: one(ops.erf),
  Sin: one(ops.sin),
  Cos: one(ops.cos),
  Tan: one((x) => ops.div(ops.sin(x), ops.cos(x))),
  Sinh: one((x) => ops.mul(activation.tanh(x), cosh(x))),
  Cosh: one(cosh),
  Asinh: one((x) => {
    const size = ops.abs(x);
    return ops.mul(ops.sign(x), ops.log(ops.add(size, ops.sqrt(ops.add(ops.square(x), 1)))));
  }),
  Acosh: one((x) => ops.log(ops.add(x, ops.sqrt(ops.sub(ops.square(x), 1))))),
  Atanh: one((x) => ops.mul(ops.log(ops.div(ops.add(x, 1), ops.sub(1, x))), 0.5)),
  IsNaN: one((x) => ops.notEqual(x, x), BOOL),
  IsInf: infinite,
};
