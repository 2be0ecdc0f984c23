// The elementwise ops as formulas of 64-bit floats: what each op means, written without a thought of how it is computed.

/** One element of the result from one element of each operand and the op's parameters. */
export type Formula = (operands: readonly number[], parameters: readonly number[]) => number;

const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x, low), high);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const elu = (x: number, alpha: number) => (x > 0 ? x : alpha * Math.expm1(x));

/** Halves to the even neighbour. */
function round(x: number): number {
  const low = Math.floor(x);
  if (x - low === 0.5) return low % 2 === 0 ? low : low + 1;
  return Math.round(x);
}

/** erf by its power series, and by the continued fraction of erfc where that converges better. Abramowitz and Stegun 7.1.5, 7.1.14. */
function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  if (Math.abs(x) < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 60; n++) {
      term *= -(x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  const z = Math.abs(x);
  let fraction = z;
  for (let n = 120; n > 0; n--) fraction = z + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction));
}

const unary: Record<string, (x: number, alpha: number, beta: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  square: (x) => x * x,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  cos: Math.cos,
  erf,
  floor: Math.floor,
  ceil: Math.ceil,
  round,
  clamp,
  relu: (x) => Math.max(x, 0),
  leakyRelu: (x, slope) => (x < 0 ? slope * x : x),
  elu,
  selu: (x) => 1.0507009873554805 * elu(x, 1.6732632423543772),
  gelu: (x) => x * 0.5 * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x * sigmoid(x),
  sigmoid,
  tanh: Math.tanh,
  softplus,
  hardSigmoid: (x) => clamp(x + 3, 0, 6) / 6,
  hardSwish: (x) => (x * clamp(x + 3, 0, 6)) / 6,
  hardTanh: clamp,
  relu6: (x) => clamp(x, 0, 6),
  softsign: (x) => x / (1 + Math.abs(x)),
  mish: (x) => x * Math.tanh(softplus(x)),
  huber: (d, delta) => (Math.abs(d) <= delta ? (d * d) / 2 : delta * (Math.abs(d) - delta / 2)),
};

const binary: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => a ** b,
  maximum: Math.max,
  minimum: Math.min,
  equal: (a, b) => Number(a === b),
  notEqual: (a, b) => Number(a !== b),
  greater: (a, b) => Number(a > b),
  greaterEqual: (a, b) => Number(a >= b),
  less: (a, b) => Number(a < b),
  lessEqual: (a, b) => Number(a <= b),
  bceWithLogits: (x, target) => softplus(x) - x * target,
};

/** The formula of an elementwise op, by name. */
export const formulas: ReadonlyMap<string, Formula> = new Map<string, Formula>([
  ...Object.entries(unary).map(([name, f]): [string, Formula] => [name, (x, p) => f(x[0]!, p[0]!, p[1]!)]),
  ...Object.entries(binary).map(([name, f]): [string, Formula] => [name, (x) => f(x[0]!, x[1]!)]),
  ["where", (x) => (x[0] !== 0 ? x[1]! : x[2]!)],
]);
