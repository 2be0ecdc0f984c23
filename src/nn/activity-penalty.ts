// A layer that lets its input through and has its size added to the loss.
import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { abs, add, mul } from "../ops/arithmetic.ts";
import { sum, sumSquares } from "../ops/reduce.ts";
import { defineLayer, type Layer } from "./layer.ts";

/** Options of {@link activityPenalty}. */
export interface ActivityPenaltyOptions {
  /** Weight of Σ |x|. Default: 0. */
  readonly l1?: number;
  /** Weight of Σ x². Default: 0. */
  readonly l2?: number;
}

/**
 * In training, adds (l1 Σ |x| + l2 Σ x²) / batch to what is trained on and reported as the training's loss, as Keras's
 * activity regularizers do; lets x through. Evaluation and prediction know nothing of it.
 * @throws OptionError where a weight is not a finite number ≥ 0.
 * @example
 * const sparse = sequential({ input: [784] }, dense(64, { activation: "relu" }), activityPenalty({ l1: 1e-4 }), dense(10));
 */
export function activityPenalty(options: ActivityPenaltyOptions): Layer {
  const { l1 = 0, l2 = 0 } = checkOptions("activityPenalty", options, { l1: 0, l2: 0 });
  for (const [name, weight] of Object.entries({ l1, l2 })) {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
      throw new OptionError(`activityPenalty: ${name}: wanted a finite number ≥ 0, got ${weight}`);
  }
  return defineLayer("activityPenalty", (x) => {
    const batch = x.shape[0]!;
    const first = l1 > 0 ? mul(sum(abs(x)), l1 / batch) : undefined;
    const second = l2 > 0 ? mul(sumSquares(x), l2 / batch) : undefined;
    const both = first && second ? add(first, second) : (first ?? second);
    if (both) x.graph.penalize(both);
    return x;
  });
}
