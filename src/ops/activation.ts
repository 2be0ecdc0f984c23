// Activations, by the definitions of PyTorch, and the table of their names.
import { OptionError } from "../core/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { applyElementwise, type Parameters, withGradientKernel } from "./elementwise.ts";

/** An activation as a function. */
function activation(name: string, from: "input" | "output"): (x: Tensor, parameters?: Parameters) => Tensor {
  const op = withGradientKernel(name, from);
  return (x, parameters) => applyElementwise(op, [x], parameters);
}

const apply = {
  relu: activation("relu", "output"),
  leakyRelu: activation("leakyRelu", "output"),
  elu: activation("elu", "output"),
  selu: activation("selu", "output"),
  gelu: activation("gelu", "input"),
  geluTanh: activation("geluTanh", "input"),
  silu: activation("silu", "input"),
  sigmoid: activation("sigmoid", "output"),
  tanh: activation("tanh", "output"),
  softplus: activation("softplus", "output"),
  hardSigmoid: activation("hardSigmoid", "output"),
  hardSwish: activation("hardSwish", "input"),
  hardTanh: activation("hardTanh", "output"),
  relu6: activation("relu6", "output"),
  softsign: activation("softsign", "input"),
  mish: activation("mish", "input"),
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
