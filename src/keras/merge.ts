// Layers of Keras that make one tensor of several.
import { FormatError } from "../core/errors.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, maximum, minimum, mul, sub } from "../ops/arithmetic.ts";
import { concatenate } from "../ops/movement.ts";
import type { Config } from "./config.ts";

/** Makes one tensor of several. */
export type Merge = (tensors: readonly Tensor[]) => Tensor;

const folded =
  (config: Config, work: (a: Tensor, b: Tensor) => Tensor, most = Number.POSITIVE_INFINITY): Merge =>
  (tensors) => {
    if (tensors.length < 2 || tensors.length > most)
      throw new FormatError(`fromKeras: ${config.where}: inputs: got ${tensors.length}, wanted 2`);
    return tensors.reduce(work);
  };

/** By class. */
export const merges: ReadonlyMap<string, (config: Config) => Merge> = new Map<
  string,
  (config: Config) => Merge
>([
  ["Add", (config) => folded(config, add)],
  ["Subtract", (config) => folded(config, sub, 2)],
  ["Multiply", (config) => folded(config, mul)],
  ["Average", (config) => (tensors) => mul(folded(config, add)(tensors), 1 / tensors.length)],
  ["Maximum", (config) => folded(config, maximum)],
  ["Minimum", (config) => folded(config, minimum)],
  [
    "Concatenate",
    (config) => {
      const axis = config.number("axis", -1);
      return (tensors) => {
        if (axis === 0 || axis === -(tensors[0]?.rank ?? 0))
          throw config.wrong("axis", "another than the batch");
        return concatenate(tensors, axis);
      };
    },
  ],
]);
