// Gradients of a scalar, as tensors of the same graph.
import { reverse } from "../graph/reverse.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add } from "./arithmetic.ts";

/**
 * Gradients of a scalar with respect to each tensor of a list; undefined where it does not depend on one.
 * @throws ShapeError where the first argument is not a scalar. @throws OptionError naming an op without a gradient.
 * @example const [dx] = gradients(sum(square(x)), [x]);
 */
export function gradients(of: Tensor, withRespectTo: readonly Tensor[]): (Tensor | undefined)[] {
  return reverse(of, withRespectTo, add);
}
