// Elementwise ops, by their names: one operator of TFLite, or several where it has no such one.
import { broadcastShapes } from "../core/shape.ts";
import { float32, int8 } from "../formats/flatbuffers.ts";
import type { BinaryName, Details, Network, Value } from "./network.ts";
import { type OperatorName, TYPES } from "./schema.ts";

/** Up to two numbers that an op takes beside its operands. */
type Parameters = readonly [number, number?];
type Unary = (network: Network, x: Value, parameters: Parameters) => Value;
type Several = (network: Network, inputs: readonly Value[]) => Value;

const one =
  (name: OperatorName, details: Details = {}): Unary =>
  (network, x) =>
    network.unary(name, x, details);

const relu = one("RELU");
const logistic = one("LOGISTIC", { span: { min: 0, max: 1 } });
const tanh = one("TANH", { span: { min: -1, max: 1 } });
const abs = one("ABS");
const exp = one("EXP");

/** alpha (eˣ − 1) below zero; TFLite's own has no other alpha than 1. */
function belowZero(network: Network, x: Value, alpha: number): Value {
  const y = network.unary("ELU", network.binary("MINIMUM", x, network.number(0)));
  return network.binary("MUL", y, network.number(alpha));
}

/** log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|), which does not overflow. */
const softplus: Unary = (network, x, parameters) => {
  const less = exp(network, network.unary("NEG", abs(network, x, parameters)), parameters);
  const rest = network.unary("LOG", network.binary("ADD", less, network.number(1)));
  return network.binary("ADD", relu(network, x, parameters), rest);
};

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

const clamp: Unary = (network, x, [low, high = Number.POSITIVE_INFINITY]) => {
  if (low === 0 && high === 6) return network.unary("RELU6", x);
  if (low === -1 && high === 1) return network.unary("RELU_N1_TO_1", x);
  if (low === 0 && high === Number.POSITIVE_INFINITY) return network.unary("RELU", x);
  const above = low > Number.NEGATIVE_INFINITY ? network.binary("MAXIMUM", x, network.number(low)) : x;
  return network.binary("MINIMUM", above, network.number(high));
};

const UNARY: Readonly<Record<string, Unary>> = {
  relu,
  relu6: one("RELU6"),
  sigmoid: logistic,
  tanh,
  hardSwish: one("HARD_SWISH"),
  gelu: one("GELU", { options: [int8(0)] }),
  geluTanh: one("GELU", { options: [int8(1)] }),
  leakyRelu: (network, x, [slope]) => network.unary("LEAKY_RELU", x, { options: [float32(slope)] }),
  elu: (network, x, [alpha]) =>
    alpha === 1
      ? network.unary("ELU", x)
      : network.binary("ADD", network.unary("RELU", x), belowZero(network, x, alpha)),
  selu: (network, x) => {
    const line = network.binary("MUL", network.unary("RELU", x), network.number(SELU_SCALE));
    return network.binary("ADD", line, belowZero(network, x, SELU_SCALE * SELU_ALPHA));
  },
  silu: (network, x, parameters) => network.binary("MUL", x, logistic(network, x, parameters)),
  softplus,
  mish: (network, x, parameters) =>
    network.binary("MUL", x, tanh(network, softplus(network, x, parameters), parameters)),
  hardSigmoid: (network, x) => {
    const inside = { span: { min: 0, max: 6 } };
    const shifted = network.unary("RELU6", network.binary("ADD", x, network.number(3)), inside);
    return network.binary("MUL", shifted, network.number(1 / 6));
  },
  hardTanh: clamp,
  clamp,
  softsign: (network, x, parameters) =>
    network.binary("DIV", x, network.binary("ADD", abs(network, x, parameters), network.number(1))),
  abs,
  neg: one("NEG"),
  sign: one("SIGN"),
  square: one("SQUARE"),
  sqrt: one("SQRT"),
  rsqrt: one("RSQRT"),
  reciprocal: (network, x) => network.binary("DIV", network.number(1), x),
  exp,
  log: one("LOG"),
  sin: one("SIN"),
  cos: one("COS"),
  floor: one("FLOOR"),
  ceil: one("CEIL"),
  round: one("ROUND"),
  identity: (network, x) => network.binary("ADD", x, network.number(0)),
};

const two =
  (name: BinaryName): Several =>
  (network, [a, b]) =>
    network.binary(name, a!, b!);

/** Truth as 0 and 1. */
export function asFloat(network: Network, truth: Value): Value {
  const options = [int8(TYPES.bool), int8(TYPES.float32)];
  return network.unary("CAST", truth, { options, span: { min: 0, max: 1 } });
}

const compared =
  (name: BinaryName): Several =>
  (network, [a, b]) =>
    asFloat(network, network.binary(name, a!, b!, { type: "bool" }));

const SEVERAL: Readonly<Record<string, Several>> = {
  add: two("ADD"),
  sub: two("SUB"),
  mul: two("MUL"),
  div: two("DIV"),
  pow: two("POW"),
  maximum: two("MAXIMUM"),
  minimum: two("MINIMUM"),
  equal: compared("EQUAL"),
  equalLabels: compared("EQUAL"),
  notEqual: compared("NOT_EQUAL"),
  greater: compared("GREATER"),
  greaterEqual: compared("GREATER_EQUAL"),
  less: compared("LESS"),
  lessEqual: compared("LESS_EQUAL"),
  where: (network, [condition, a, b]) => {
    const truth = network.binary("NOT_EQUAL", condition!, network.number(0), { type: "bool" });
    const shape = [a!, b!].reduce(
      (wide, { shape: each }) => broadcastShapes("where", wide, each),
      truth.shape,
    );
    return network.apply("SELECT_V2", [truth, a!, b!], shape);
  },
};

/** What an elementwise op of a name becomes, or undefined. */
export function elementwise(
  name: string,
): ((network: Network, inputs: readonly Value[], parameters: Parameters) => Value) | undefined {
  const own = Object.hasOwn(UNARY, name) ? UNARY[name] : undefined;
  if (own) return (network, [x], parameters) => own(network, x!, parameters);
  return Object.hasOwn(SEVERAL, name) ? SEVERAL[name] : undefined;
}
