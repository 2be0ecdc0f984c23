// Functions of one number in 64 bits, by the names of their ops: what tables of bytes are made of. Seven bits of a result are
// the same on every host, whatever its Math does in the last place.
import type { Parameters } from "../ops/elementwise.ts";

/** Abramowitz and Stegun 1964, 7.1.26: off by 1.5 · 10⁻⁷ at most. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const tail =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - tail * Math.exp(-x * x));
}
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const held = (x: number, least: number, most: number) => Math.min(Math.max(x, least), most);
/** √(2 / π). */
const GELU = 0.7978845608028654;
const [SELU_SCALE, SELU_ALPHA] = [1.0507009873554805, 1.6732632423543772];

/** The parameters are those of the op. */
type FunctionOfOne = (x: number, alpha: number, beta: number) => number;

const FUNCTIONS: Readonly<Record<string, FunctionOfOne>> = {
  relu: (x) => Math.max(x, 0),
  leakyRelu: (x, slope) => (x > 0 ? x : slope * x),
  elu: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)),
  selu: (x) => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x)),
  gelu: (x) => (x * (1 + erf(x * Math.SQRT1_2))) / 2,
  geluTanh: (x) => (x * (1 + Math.tanh(GELU * (x + 0.044715 * x ** 3)))) / 2,
  silu: (x) => x * sigmoid(x),
  sigmoid,
  tanh: Math.tanh,
  softplus,
  hardSigmoid: (x) => held(x + 3, 0, 6) / 6,
  hardSwish: (x) => (x * held(x + 3, 0, 6)) / 6,
  hardTanh: held,
  relu6: (x) => held(x, 0, 6),
  softsign: (x) => x / (1 + Math.abs(x)),
  mish: (x) => x * Math.tanh(softplus(x)),
  clamp: held,
  neg: (x) => -x,
  abs: Math.abs,
  square: (x) => x * x,
  exp: Math.exp,
  sin: Math.sin,
  cos: Math.cos,
  erf,
};

/** The function that an op is, if it is one of one number. */
export function functionOf(name: string, attributes: unknown): ((x: number) => number) | undefined {
  if (!Object.hasOwn(FUNCTIONS, name)) return undefined;
  const [alpha = 0, beta = 0] = attributes as Parameters;
  return (x) => FUNCTIONS[name]!(x, alpha, beta);
}
