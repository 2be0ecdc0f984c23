// A layer: a function from Tensor to Tensor that owns its parameters. Applied twice, it shares them.
import { OptionError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Initializer, Tensor } from "../graph/tensor.ts";
import { type ActivationName, activations } from "../ops/activation.ts";

/** A function from Tensor to Tensor. Its name counts where it is first applied: dense, dense_1, … */
export type Layer = (x: Tensor) => Tensor;

/** What a layer's body is given: its name in this model, and parameters and state under that name. */
export interface LayerScope {
  readonly name: string;
  parameter(name: string, shape: Shape, initializer: Initializer): Tensor;
  /** A value that is the model's but not trained; `graph.renew` says what it becomes. */
  state(name: string, shape: Shape, initializer: Initializer): Tensor;
}

/** Makes a layer of a kind from its body; `name` replaces the counted one. */
export function defineLayer(
  kind: string,
  body: (x: Tensor, scope: LayerScope) => Tensor,
  name?: string,
): Layer {
  const layer: Layer = (x) => {
    const { graph } = x;
    const own = name ?? graph.nameFor(kind, layer);
    return body(x, {
      name: own,
      parameter: (part, ...rest) => graph.parameter(`${own}.${part}`, ...rest),
      state: (part, ...rest) => graph.state(`${own}.${part}`, ...rest),
    });
  };
  return layer;
}

/** The activation of a name. @throws OptionError that lists the known names. */
export function activationOf(
  where: string,
  name: ActivationName | ((x: Tensor) => Tensor),
): (x: Tensor) => Tensor {
  if (typeof name === "function") return name;
  if (!Object.hasOwn(activations, name)) {
    const known = Object.keys(activations).join(", ");
    throw new OptionError(`${where}: activation: got ${JSON.stringify(name)}, wanted one of ${known}`);
  }
  return activations[name];
}
