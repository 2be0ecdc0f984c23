// Activations, by the definitions of PyTorch, and the table of their names.
import { OptionError } from "../core/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { abs, add, div, exp, greater, less, mul, neg, pow, sign, square, sub } from "./arithmetic.ts";
import { applyElementwise, type Bend, type Parameters, withGradientKernel } from "./elementwise.ts";

/** An activation as a function. */
function activation(
  name: string,
  from: "input" | "output",
  bend: Bend,
): (x: Tensor, parameters?: Parameters) => Tensor {
  const op = withGradientKernel(name, from, bend);
  return (x, parameters) => applyElementwise(op, [x], parameters);
}

/** A bend by a factor that depends on where it is. */
const by =
  (factor: (at: Tensor) => Tensor): Bend =>
  (gradient, dy, at) =>
    mul(mul(gradient, dy), factor(at));

/** Of an exponential below zero and a line above. */
const belowZero = by((y) => less(y, 0));

const apply = {
  relu: activation("relu", "output", "flat"),
  leakyRelu: activation("leakyRelu", "output", "flat"),
  elu: activation("elu", "output", belowZero),
  selu: activation("selu", "output", belowZero),
  // φ(x) (2 − x²), with φ the density of the normal distribution.
  gelu: activation(
    "gelu",
    "input",
    by((x) => mul(mul(exp(mul(square(x), -0.5)), 0.3989422804014327), sub(2, square(x)))),
  ),
  geluTanh: activation("geluTanh", "input", "none"),
  silu: activation(
    "silu",
    "input",
    by((x) => {
      const s = sigmoid(x);
      return mul(mul(s, sub(1, s)), add(2, mul(x, sub(1, mul(s, 2)))));
    }),
  ),
  sigmoid: activation(
    "sigmoid",
    "output",
    by((y) => sub(1, mul(y, 2))),
  ),
  tanh: activation(
    "tanh",
    "output",
    by((y) => mul(y, -2)),
  ),
  softplus: activation(
    "softplus",
    "output",
    by((y) => exp(neg(y))),
  ),
  hardSigmoid: activation("hardSigmoid", "output", "flat"),
  hardSwish: activation(
    "hardSwish",
    "input",
    by((x) => mul(mul(greater(x, -3), less(x, 3)), 1 / 3)),
  ),
  hardTanh: activation("hardTanh", "output", "flat"),
  relu6: activation("relu6", "output", "flat"),
  softsign: activation(
    "softsign",
    "input",
    by((x) => div(mul(sign(x), -2), pow(add(abs(x), 1), 3))),
  ),
  mish: activation("mish", "input", "none"),
};

/** Gradients are taken from the output, whose sign would not tell that of x below 0. */
function checkNotNegative(where: string, value: number): number {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw new OptionError(`${where}: wanted a finite number ≥ 0, got ${value}`);
  return value;
}

/** max(x, 0). */
export const relu = (x: Tensor): Tensor => apply.relu(x);
/** x where x > 0, else slope · x; slope ≥ 0, by default 0.01. @throws OptionError */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor =>
  apply.leakyRelu(x, [checkNotNegative("leakyRelu: slope", slope)]);
/** x where x > 0, else alpha (eˣ − 1); alpha ≥ 0, by default 1. Clevert et al. 2016. @throws OptionError */
export const elu = (x: Tensor, alpha = 1): Tensor => apply.elu(x, [checkNotNegative("elu: alpha", alpha)]);
/** Scaled ELU with its two fixed constants. Klambauer et al. 2017. */
export const selu = (x: Tensor): Tensor => apply.selu(x);
/** x Φ(x) with the exact normal distribution. Hendrycks and Gimpel 2016. */
export const gelu = (x: Tensor): Tensor => apply.gelu(x);
/** GELU by its tanh approximation. Hendrycks and Gimpel 2016. */
export const geluTanh = (x: Tensor): Tensor => apply.geluTanh(x);
/** x σ(x), also called swish. */
export const silu = (x: Tensor): Tensor => apply.silu(x);
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => apply.sigmoid(x);
/** Hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => apply.tanh(x);
/** log(1 + eˣ). */
export const softplus = (x: Tensor): Tensor => apply.softplus(x);
/** min(max(x + 3, 0), 6) / 6. */
export const hardSigmoid = (x: Tensor): Tensor => apply.hardSigmoid(x);
/** x · hardSigmoid(x). Howard et al. 2019. */
export const hardSwish = (x: Tensor): Tensor => apply.hardSwish(x);
/** x held between −1 and 1. */
export const hardTanh = (x: Tensor): Tensor => apply.hardTanh(x, [-1, 1]);
/** min(max(x, 0), 6). */
export const relu6 = (x: Tensor): Tensor => apply.relu6(x);
/** x / (1 + |x|). */
export const softsign = (x: Tensor): Tensor => apply.softsign(x);
/** x tanh(softplus(x)). Misra 2019. */
export const mish = (x: Tensor): Tensor => apply.mish(x);

/** Activations by name, with their default parameters. */
export const activations = {
  relu,
  leakyRelu: (x: Tensor) => leakyRelu(x),
  elu: (x: Tensor) => elu(x),
  selu,
  gelu,
  geluTanh,
  silu,
  sigmoid,
  tanh,
  softplus,
  hardSigmoid,
  hardSwish,
  hardTanh,
  relu6,
  softsign,
  mish,
} as const satisfies Record<string, (x: Tensor) => Tensor>;

/** The name of an activation. */
export type ActivationName = keyof typeof activations;
