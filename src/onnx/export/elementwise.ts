// Ops element by element: most are one node, the others a few.
import type { Node } from "../../graph/tensor.ts";
import { BOOL, FLOAT, float, type GraphNode, type Value } from "./graph.ts";
import { type Exporter, Translation } from "./translation.ts";

/** Writes nodes of the op's own sizes. */
type Apply = (
  type: string,
  inputs: readonly (Value | number)[],
  attributes?: GraphNode["attributes"],
) => Value;
type Compose = (apply: Apply, x: readonly Value[], parameters: readonly number[]) => Value;

/** An exporter from the nodes of which the op consists. */
const composed =
  (compose: Compose): Exporter =>
  (to, { inputs, outputs: [y], attributes }: Node<readonly number[]>, twin: Node<readonly number[]>) => {
    const { graph } = to;
    to.checkFixed(attributes, twin.attributes);
    const isFirst = to.wantsFirst(inputs, y!.rank);
    const sizes = to.sizes(y!);
    const own = isFirst ? [sizes[0]!, sizes.at(-1)!, ...sizes.slice(1, -1)] : sizes;
    const apply: Apply = (type, operands, given) => {
      const values = operands.map((each) => (typeof each === "number" ? graph.number(each) : each));
      const isTruth = /^(Equal|Less|Greater|Not)/.test(type);
      const kind = isTruth ? BOOL : type === "Cast" ? FLOAT : Translation.typeOf(y!);
      return graph.add(type, values, own, given, { type: kind });
    };
    const value = compose(
      apply,
      inputs.map((x) => to.along(x, y!.rank, isFirst)),
      attributes,
    );
    if (isFirst) to.setFirst(y!, value);
    else to.set(y!, value);
  };

/** One node, whose attributes are the op's parameters. */
const one = (type: string, attributes?: (...parameters: number[]) => GraphNode["attributes"]) =>
  composed((apply, x, parameters) => apply(type, x, attributes?.(...parameters)));

const asNumber = (apply: Apply, truth: Value) => apply("Cast", [truth], { to: FLOAT });
const compared = (type: string) => composed((apply, x) => asNumber(apply, apply(type, x)));
const sigmoid = (apply: Apply, x: Value) => apply("Sigmoid", [x]);
const scaled = (apply: Apply, x: Value, by: number) => apply("Mul", [x, by]);

/** x · (1 + g) / 2, as both forms of GELU are. */
const gelu = (apply: Apply, x: Value, g: Value) =>
  apply("Mul", [scaled(apply, x, 0.5), apply("Add", [g, 1])]);

export const elementwise: Readonly<Record<string, Exporter>> = {
  add: one("Add"),
  sub: one("Sub"),
  mul: one("Mul"),
  div: one("Div"),
  pow: one("Pow"),
  maximum: one("Max"),
  minimum: one("Min"),
  equal: compared("Equal"),
  notEqual: composed((apply, x) => asNumber(apply, apply("Not", [apply("Equal", x)]))),
  greater: compared("Greater"),
  greaterEqual: compared("GreaterOrEqual"),
  less: compared("Less"),
  lessEqual: compared("LessOrEqual"),
  equalLabels: compared("Equal"),
  where(to, node, twin) {
    composed((apply, [condition, a, b]) => apply("Where", [to.graph.truth(condition!), a!, b!]))(
      to,
      node,
      twin,
    );
  },
  neg: one("Neg"),
  abs: one("Abs"),
  sign: one("Sign"),
  square: composed((apply, [x]) => apply("Mul", [x!, x!])),
  sqrt: one("Sqrt"),
  rsqrt: composed((apply, x) => apply("Reciprocal", [apply("Sqrt", x)])),
  reciprocal: one("Reciprocal"),
  exp: one("Exp"),
  log: one("Log"),
  sin: one("Sin"),
  cos: one("Cos"),
  erf: one("Erf"),
  floor: one("Floor"),
  ceil: one("Ceil"),
  round: one("Round"),
  clamp: composed((apply, [x], [low, high]) => apply("Clip", [x!, low!, high!])),
  relu: one("Relu"),
  leakyRelu: one("LeakyRelu", (slope) => ({ alpha: float(slope!) })),
  elu: one("Elu", (alpha) => ({ alpha: float(alpha!) })),
  selu: one("Selu"),
  gelu: composed((apply, [x]) => gelu(apply, x!, apply("Erf", [scaled(apply, x!, Math.SQRT1_2)]))),
  geluTanh: composed((apply, [x]) => {
    const cube = apply("Mul", [apply("Mul", [x!, x!]), x!]);
    const inner = apply("Add", [x!, scaled(apply, cube, 0.044715)]);
    return gelu(apply, x!, apply("Tanh", [scaled(apply, inner, Math.sqrt(2 / Math.PI))]));
  }),
  silu: composed((apply, [x]) => apply("Mul", [x!, sigmoid(apply, x!)])),
  sigmoid: one("Sigmoid"),
  tanh: one("Tanh"),
  softplus: one("Softplus"),
  hardSigmoid: one("HardSigmoid", () => ({ alpha: float(1 / 6), beta: float(0.5) })),
  hardSwish: one("HardSwish"),
  hardTanh: composed((apply, [x]) => apply("Clip", [x!, -1, 1])),
  relu6: composed((apply, [x]) => apply("Clip", [x!, 0, 6])),
  softsign: one("Softsign"),
  mish: composed((apply, x) => apply("Mul", [x[0]!, apply("Tanh", [apply("Softplus", x)])])),
};
