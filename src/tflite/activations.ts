// Activations and other elementwise ops with numbers of their own, or said by several operators.
import { broadcastShapes } from "../core/shape.ts";
import { float32, int8 } from "../formats/flatbuffers.ts";
import type { Network, Rule, Value } from "./network.ts";

/** Up to two numbers that an op takes beside its operand. */
type Unary = (network: Network, x: Value, parameters: readonly [number, number?]) => Value;

const logistic = (network: Network, x: Value) => network.unary("LOGISTIC", x, { span: { min: 0, max: 1 } });

/** alpha (eˣ − 1) below zero; TFLite's own has no other alpha than 1. */
function belowZero(network: Network, x: Value, alpha: number): Value {
  const y = network.unary("ELU", network.binary("MINIMUM", x, network.number(0)));
  return network.binary("MUL", y, network.number(alpha));
}

/** log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|), which does not overflow. */
function softplus(network: Network, x: Value): Value {
  const less = network.unary("EXP", network.unary("NEG", network.unary("ABS", x)));
  const rest = network.unary("LOG", network.binary("ADD", less, network.number(1)));
  return network.binary("ADD", network.unary("RELU", x), rest);
}

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

const clamp: Unary = (network, x, [low, high = Number.POSITIVE_INFINITY]) => {
  if (low === 0 && high === 6) return network.unary("RELU6", x);
  if (low === -1 && high === 1) return network.unary("RELU_N1_TO_1", x);
  const above = low > Number.NEGATIVE_INFINITY ? network.binary("MAXIMUM", x, network.number(low)) : x;
  return high < Number.POSITIVE_INFINITY ? network.binary("MINIMUM", above, network.number(high)) : above;
};

const UNARY: Readonly<Record<string, Unary>> = {
  gelu: (network, x) => network.unary("GELU", x, { options: [int8(0)] }),
  geluTanh: (network, x) => network.unary("GELU", x, { options: [int8(1)] }),
  leakyRelu: (network, x, [slope]) => network.unary("LEAKY_RELU", x, { options: [float32(slope)] }),
  elu: (network, x, [alpha]) =>
    alpha === 1
      ? network.unary("ELU", x)
      : network.binary("ADD", network.unary("RELU", x), belowZero(network, x, alpha)),
  selu: (network, x) => {
    const line = network.binary("MUL", network.unary("RELU", x), network.number(SELU_SCALE));
    return network.binary("ADD", line, belowZero(network, x, SELU_SCALE * SELU_ALPHA));
  },
  silu: (network, x) => network.binary("MUL", x, logistic(network, x)),
  softplus,
  mish: (network, x) =>
    network.binary("MUL", x, network.unary("TANH", softplus(network, x), { span: { min: 0, max: 1 } })),
  hardSigmoid: (network, x) => {
    const inside = { span: { min: 0, max: 6 } };
    const shifted = network.unary("RELU6", network.binary("ADD", x, network.number(3)), inside);
    return network.binary("MUL", shifted, network.number(1 / 6));
  },
  hardTanh: clamp,
  clamp,
  softsign: (network, x) =>
    network.binary("DIV", x, network.binary("ADD", network.unary("ABS", x), network.number(1))),
  reciprocal: (network, x) => network.binary("DIV", network.number(1), x),
};

const where: Rule = (network, _, [condition, a, b]) => {
  const truth = network.binary("NOT_EQUAL", condition!, network.number(0), { type: "bool" });
  const shape = [a!, b!].reduce((wide, { shape: each }) => broadcastShapes("where", wide, each), truth.shape);
  return network.apply("SELECT_V2", [truth, a!, b!], shape);
};

export const RULES: Readonly<Record<string, Rule>> = {
  where,
  ...Object.fromEntries(
    Object.entries(UNARY).map(([op, rule]): [string, Rule] => [
      op,
      (network, { attributes }, [x]) => rule(network, x!, attributes),
    ]),
  ),
};
