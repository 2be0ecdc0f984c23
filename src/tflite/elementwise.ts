// Elementwise ops that TFLite has an operator for, by their names.
import { int8 } from "../formats/flatbuffers.ts";
import type { BinaryName, Network, Rule, Value } from "./network.ts";
import { type OperatorName, TYPES } from "./schema.ts";

const UNARY: Readonly<Record<string, OperatorName>> = {
  relu: "RELU",
  relu6: "RELU6",
  hardSwish: "HARD_SWISH",
  abs: "ABS",
  neg: "NEG",
  sign: "SIGN",
  square: "SQUARE",
  sqrt: "SQRT",
  rsqrt: "RSQRT",
  exp: "EXP",
  log: "LOG",
  sin: "SIN",
  cos: "COS",
  floor: "FLOOR",
  ceil: "CEIL",
  round: "ROUND",
};

const BINARY: Readonly<Record<string, BinaryName>> = {
  add: "ADD",
  sub: "SUB",
  mul: "MUL",
  div: "DIV",
  pow: "POW",
  maximum: "MAXIMUM",
  minimum: "MINIMUM",
};

const COMPARED: Readonly<Record<string, BinaryName>> = {
  equal: "EQUAL",
  equalLabels: "EQUAL",
  notEqual: "NOT_EQUAL",
  greater: "GREATER",
  greaterEqual: "GREATER_EQUAL",
  less: "LESS",
  lessEqual: "LESS_EQUAL",
};

/** Truth as 0 and 1. */
export function asFloat(network: Network, truth: Value): Value {
  const options = [int8(TYPES.bool), int8(TYPES.float32)];
  return network.unary("CAST", truth, { options, span: { min: 0, max: 1 } });
}

const rulesOf = <Name>(
  names: Readonly<Record<string, Name>>,
  rule: (network: Network, name: Name, inputs: readonly Value[]) => Value,
): Record<string, Rule> =>
  Object.fromEntries(
    Object.entries(names).map(([op, name]): [string, Rule] => [
      op,
      (network, _, inputs) => rule(network, name, inputs),
    ]),
  );

export const ELEMENTWISE: Readonly<Record<string, Rule>> = {
  ...rulesOf(UNARY, (network, name, [x]) => network.unary(name, x!)),
  ...rulesOf(BINARY, (network, name, [a, b]) => network.binary(name, a!, b!)),
  ...rulesOf(COMPARED, (network, name, [a, b]) =>
    asFloat(network, network.binary(name, a!, b!, { type: "bool" })),
  ),
  sigmoid: (network, _, [x]) => network.unary("LOGISTIC", x!, { span: { min: 0, max: 1 } }),
  tanh: (network, _, [x]) => network.unary("TANH", x!, { span: { min: -1, max: 1 } }),
};
