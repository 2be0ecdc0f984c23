// The basic layers: dense, activation, dropout, flatten.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape, sizeOf } from "../core/shape.ts";
import type { Initializer, Tensor } from "../graph/tensor.ts";
import type { ActivationName } from "../ops/activation.ts";
import { matmul } from "../ops/matmul.ts";
import { dropoutMask } from "../ops/random.ts";
import { reshape } from "../ops/reshape.ts";
import { glorotUniform, heNormal, zeros } from "./initializers.ts";
import { activationOf, defineLayer, type Layer } from "./layer.ts";

/** Options of {@link dense}. */
export interface DenseOptions {
  /** Applied to the result, by name or as a function. Default: none. */
  readonly activation?: ActivationName | ((x: Tensor) => Tensor);
  /** Whether a bias is added. Default: true. */
  readonly bias?: boolean;
  /** What the weight [in, units] starts from. Default: heNormal before ReLU and its kin, else glorotUniform. */
  readonly initializer?: Initializer;
  readonly name?: string;
}

const RECTIFIERS: readonly unknown[] = [
  "relu",
  "leakyRelu",
  "relu6",
  "elu",
  "gelu",
  "geluTanh",
  "silu",
  "mish",
];

/** What a weight starts from before an activation. */
export const startOf = (activation: unknown, initializer: Initializer | undefined): Initializer =>
  initializer ?? (RECTIFIERS.includes(activation) ? heNormal : glorotUniform);

/**
 * Fully connected: y = activation(x · weight + bias), [batch, ..., in] → [batch, ..., units].
 * @throws OptionError for units that are not a positive integer or an unknown activation.
 * @throws ShapeError where the input has no axis beside the batch.
 * @example dense(64, { activation: "relu" })
 */
export function dense(units: number, options: DenseOptions = {}): Layer {
  if (!Number.isSafeInteger(units) || units < 1) {
    throw new OptionError(`dense: units: wanted a positive integer, got ${units}`);
  }
  const known = { activation: 0, bias: 0, initializer: 0, name: 0 } as const;
  const { activation, bias = true, initializer } = checkOptions("dense", options, known);
  const act = activation && activationOf("dense", activation);
  const start = startOf(activation, initializer);
  return defineLayer(
    "dense",
    (x, { name, parameter }) => {
      if (x.rank < 2) throw new ShapeError(`${name}: wanted [batch, ..., in], got ${showShape(x.shape)}`);
      const weight = parameter("weight", [x.shape.at(-1)!, units], start);
      const y = matmul(x, weight, bias ? parameter("bias", [units], zeros) : undefined);
      return act ? act(y) : y;
    },
    options.name,
  );
}

/** An activation as a layer. @example activation("relu") */
export function activation(name: ActivationName): Layer {
  const act = activationOf("activation", name);
  return defineLayer(name, (x) => act(x));
}

/**
 * In training, sets each element to 0 with probability `rate` and scales the others by 1 / (1 − rate); else does nothing.
 * @throws OptionError where the rate is not in 0 ≤ rate < 1.
 */
export function dropout(rate: number): Layer {
  if (!(rate >= 0 && rate < 1)) throw new OptionError(`dropout: rate: wanted 0 ≤ rate < 1, got ${rate}`);
  // A layer applied twice draws two masks.
  return defineLayer("dropout", (x, { name }) =>
    x.graph.mode === "train" ? dropoutMask(x, rate, x.graph.stream(name)) : x,
  );
}

/** [batch, ...] → [batch, everything else]. */
export function flatten(): Layer {
  return defineLayer("flatten", (x) => reshape(x, [x.shape[0]!, sizeOf(x.shape.slice(1))]));
}
