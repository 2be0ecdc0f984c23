// Losses: each a scalar, the mean over all elements.
import { OptionError, ShapeError } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { abs, add, mul, square, sub } from "./arithmetic.ts";
import { applyElementwise, elementwise } from "./elementwise.ts";
import { mean } from "./reduce.ts";
import { logSoftmax, softmaxCrossEntropy } from "./softmax.ts";

/** @throws ShapeError where the target is no float tensor of the shape of the output. */
export function checkSame(name: string, output: Tensor, target: Tensor): void {
  if (target.dtype !== "f32" || !sameShape(output.shape, target.shape)) {
    throw new ShapeError(
      `${name}: wanted an f32 target of shape ${showShape(output.shape)}, got ${target.dtype} ${showShape(target.shape)}`,
    );
  }
}

/** Mean of (output − target)². @throws ShapeError where the shapes differ. */
export function meanSquaredError(output: Tensor, target: Tensor): Tensor {
  checkSame("meanSquaredError", output, target);
  return mean(square(sub(output, target)));
}

/** Mean of |output − target|. @throws ShapeError where the shapes differ. */
export function meanAbsoluteError(output: Tensor, target: Tensor): Tensor {
  checkSame("meanAbsoluteError", output, target);
  return mean(abs(sub(output, target)));
}

const huberGradientOp = elementwise("huberGradient", "none");
const huberOp = elementwise("huber", ({ inputs: [d], attributes, dy }) => [
  applyElementwise(huberGradientOp, [dy, d!], attributes),
]);

/** Mean of ½d² where |d| ≤ delta, else delta (|d| − ½ delta), d = output − target; delta by default 1. Huber 1964. @throws OptionError */
export function huber(output: Tensor, target: Tensor, delta = 1): Tensor {
  checkSame("huber", output, target);
  if (!(delta > 0 && delta < Number.POSITIVE_INFINITY))
    throw new OptionError(`huber: delta: wanted a finite number > 0, got ${delta}`);
  return mean(applyElementwise(huberOp, [sub(output, target)], [delta]));
}

const bceGradientOp = elementwise("bceWithLogitsGradient", "none");
const bceOp = elementwise("bceWithLogits", ({ inputs: [x, target], dy, wants }) => {
  if (wants(1)) throw new ShapeError("binaryCrossEntropy: the target must not depend on parameters");
  return [applyElementwise(bceGradientOp, [dy, x!, target!]), undefined];
});

/**
 * Mean binary cross-entropy of logits with targets between 0 and 1, computed without overflow.
 * @throws ShapeError where the shapes differ.
 */
export function binaryCrossEntropy(logits: Tensor, target: Tensor): Tensor {
  checkSame("binaryCrossEntropy", logits, target);
  return mean(applyElementwise(bceOp, [logits, target]));
}

/**
 * softmaxCrossEntropy with this share of every target spread evenly over all classes: labels or shares of classes, as there.
 * Szegedy et al. 2016, section 7; PyTorch's CrossEntropyLoss(label_smoothing).
 * @throws OptionError where the amount is not in 0 ≤ amount ≤ 1.
 * @example labelSmoothing(0.1)(dense(10)(h), labels)
 */
export function labelSmoothing(amount: number): (logits: Tensor, target: Tensor) => Tensor {
  if (!(amount >= 0 && amount <= 1))
    throw new OptionError(`labelSmoothing: amount: wanted 0 ≤ amount ≤ 1, got ${amount}`);
  return (logits, target) =>
    // Cross-entropy is linear in the target.
    add(mul(softmaxCrossEntropy(logits, target), 1 - amount), mul(mean(logSoftmax(logits)), -amount));
}
