// Activations by Keras's names and formulas.
import type { Tensor } from "../graph/tensor.ts";
import {
  elu,
  gelu,
  geluTanh,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softsign,
  tanh,
} from "../ops/activation.ts";
import { add, clamp, exp, greaterEqual, minimum, mul, sub, where } from "../ops/arithmetic.ts";
import { permute } from "../ops/movement.ts";
import { logSoftmax, softmax } from "../ops/softmax.ts";
import type { Config } from "./config.ts";

type Activation = (x: Tensor) => Tensor;

/** By their names in files: those of Python, where TensorFlow.js has others too. */
const activations: ReadonlyMap<unknown, Activation> = new Map<unknown, Activation>([
  ["linear", (x) => x],
  ["relu", relu],
  ["relu6", relu6],
  ["elu", (x) => elu(x)],
  ["selu", selu],
  ["sigmoid", sigmoid],
  ["tanh", tanh],
  ["softplus", softplus],
  ["softsign", softsign],
  ["swish", silu],
  ["silu", silu],
  ["mish", mish],
  ["gelu", gelu],
  ["gelu_new", geluTanh],
  ["exponential", exp],
  ["softmax", softmax],
  ["log_softmax", logSoftmax],
  ["hard_silu", hardSwish],
  ["hard_swish", hardSwish],
  // Steeper than PyTorch's, which has 1/6; so does Keras from 3 on.
  ["hard_sigmoid", (x) => clamp(add(mul(x, 0.2), 0.5), 0, 1)],
]);

/** A layer's activation. */
export function activationOf(config: Config, field = "activation", fallback = "linear"): Activation {
  const name = config.fields[field] ?? fallback;
  if (name === "hard_sigmoid" && config.modern) return hardSigmoid;
  const found = activations.get(name);
  if (!found) throw config.wrong(field, [...activations.keys()].join(", "));
  return found;
}

/** Softmax over any axis. */
export function softmaxLayer(config: Config): Activation {
  const axis = config.number("axis", -1);
  return (x) => {
    const at = axis < 0 ? axis + x.rank : axis;
    if (!Number.isInteger(at) || at < 1 || at >= x.rank) throw config.wrong("axis", "an axis of the input");
    const order = x.shape.map((_, k) => (k === at ? x.rank - 1 : k === x.rank - 1 ? at : k));
    return permute(softmax(permute(x, order)), order);
  };
}

/** The layer ReLU: a slope below a threshold, a line above, and an end of it. */
export function reluLayer(config: Config): Activation {
  const [slope, threshold] = [config.number("negative_slope", 0), config.number("threshold", 0)];
  const most = config.number("max_value", Number.MAX_VALUE);
  return (x) => {
    const y =
      threshold === 0
        ? leakyRelu(x, slope)
        : where(greaterEqual(x, threshold), x, mul(sub(x, threshold), slope));
    return config.fields.max_value == null ? y : minimum(y, most);
  };
}
