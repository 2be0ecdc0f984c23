// The soft Dice loss: how little what is marked and what should be overlap.
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sigmoid } from "./activation.ts";
import { add, div, mul, square, sub } from "./arithmetic.ts";
import { checkSame } from "./loss.ts";
import { mean, sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { softmax } from "./softmax.ts";
import { checkOption, sharesOf } from "./targets.ts";

/** Options of {@link dice}. */
export interface DiceOptions {
  /** s > 0: makes the loss 0 where nothing is to be marked and nothing is. Default: 1. */
  readonly smooth?: number;
  /** Squares in the sums below the line: Milletari et al. 2016. Default: false. */
  readonly squared?: boolean;
}

/**
 * Soft Dice loss of logits: the mean of 1 − (2 Σ p t + s) / (Σ p + Σ t + s). Targets f32 of the logits' shape between 0 and 1:
 * p = σ(logit), one such number an example, with sums over all its elements. Labels i32 for logits [batch, ..., classes]:
 * p = softmax, one an example and class, with sums over the axes between.
 * @throws OptionError for an s that is not above 0. @throws ShapeError where the shapes do not fit.
 * @example dice({ smooth: 0.1 })(logits, target)
 */
export function dice(options: DiceOptions = {}): (output: Tensor, target: Tensor) => Tensor {
  const { smooth = 1, squared = false } = checkOptions("dice", options, { smooth: 0, squared: 0 });
  checkOption("dice: smooth", smooth, { above: 0 });
  const size = (x: Tensor) => (squared ? square(x) : x);
  return (output, target) => {
    const classes = target.dtype === "i32";
    if (!classes) checkSame("dice", output, target);
    const p = classes ? softmax(output) : sigmoid(output);
    const t = classes ? reshape(sharesOf("dice", output, target), output.shape) : target;
    const axes = output.shape.map((_, axis) => axis).slice(1, classes ? -1 : undefined);
    const both = sum(mul(p, t), { axes });
    const either = add(sum(size(p), { axes }), sum(size(t), { axes }));
    return sub(1, mean(div(add(mul(both, 2), smooth), add(either, smooth))));
  };
}
