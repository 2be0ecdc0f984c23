// Losses that ask for a margin and no more: hinges of scores, and distances of triplets.

import { ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { relu } from "./activation.ts";
import { add, greater, maximum, minimum, mul, sqrt, square, sub, where } from "./arithmetic.ts";
import { checkSame } from "./loss.ts";
import { slice } from "./movement.ts";
import { max, mean, sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { checkOption, rowsOf, sharesOf } from "./targets.ts";

const shortfall = (name: string, output: Tensor, target: Tensor) => {
  checkSame(name, output, target);
  return relu(sub(1, mul(target, output)));
};

/**
 * Mean of max(0, 1 − target · output); targets are −1 and 1, not 0 and 1.
 * @throws ShapeError where the shapes differ.
 * @example hinge(x, target)
 */
export const hinge = (output: Tensor, target: Tensor): Tensor => mean(shortfall("hinge", output, target));

/**
 * Mean of max(0, 1 − target · output)²; targets are −1 and 1, not 0 and 1.
 * @throws ShapeError where the shapes differ.
 * @example squaredHinge(x, target)
 */
export const squaredHinge = (output: Tensor, target: Tensor): Tensor =>
  mean(square(shortfall("squaredHinge", output, target)));

/** Below every score. */
const LOWEST = -1e30;

/**
 * Hinge over classes: the mean over rows of max(0, 1 + the largest other score − the target's), scores [..., classes] with
 * labels i32 [...] or one-hot rows. Crammer and Singer 2001. Keras counts a 0 among the other scores; PyTorch's
 * MultiMarginLoss adds up all classes in place of the worst.
 * @throws ShapeError where the shapes do not fit.
 * @example categoricalHinge(logits, labels)
 */
export function categoricalHinge(output: Tensor, target: Tensor): Tensor {
  const { count, classes } = rowsOf("categoricalHinge", output, target);
  const shares = sharesOf("categoricalHinge", output, target);
  const scores = reshape(output, [count, classes]);
  const others = max(where(greater(shares, 0.5), LOWEST, scores), { axes: -1 });
  return mean(relu(add(sub(others, sum(mul(shares, scores), { axes: -1 })), 1)));
}

/** Options of {@link tripletMargin}. */
export interface TripletMarginOptions {
  /** How much farther the negative is to be than the positive, > 0. Default: 1. */
  readonly margin?: number;
  /** Takes the negative's distance from the positive where that is less: Balntas et al. 2016. Default: false. */
  readonly swap?: boolean;
}

/** Added to differences, as PyTorch does, and the least square of a distance: its root has no slope at 0. */
const EPSILON = 1e-6;
const LEAST = 1e-30;
const distance = (a: Tensor, b: Tensor) =>
  sqrt(maximum(sum(square(add(sub(a, b), EPSILON)), { axes: -1 }), LEAST));

/**
 * Triplet loss of embeddings [batch, 3, ...], an anchor, a positive and a negative each: the mean of
 * max(0, ‖a − p‖ − ‖a − n‖ + margin), as PyTorch's TripletMarginLoss. The target is not looked at.
 * @throws OptionError for a margin out of range. @throws ShapeError where the outputs are no triplets.
 * @example tripletMargin({ margin: 0.2 })(triplets, target)
 */
export function tripletMargin(
  options: TripletMarginOptions = {},
): (output: Tensor, target: Tensor) => Tensor {
  const { margin = 1, swap = false } = checkOptions("tripletMargin", options, { margin: 0, swap: 0 });
  checkOption("tripletMargin: margin", margin, { above: 0 });
  return (output) => {
    const [count, three] = output.shape;
    if (output.rank < 3 || three !== 3)
      throw new ShapeError(`tripletMargin: wanted outputs [batch, 3, ...], got ${showShape(output.shape)}`);
    const size = output.size / (3 * count!);
    const rows = reshape(output, [count!, 3, size]);
    const [a, p, n] = [0, 1, 2].map((k) =>
      reshape(slice(rows, [0, k, 0], [count!, 1, size]), [count!, size]),
    ) as [Tensor, Tensor, Tensor];
    const away = swap ? minimum(distance(a, n), distance(p, n)) : distance(a, n);
    return mean(relu(add(sub(distance(a, p), away), margin)));
  };
}
