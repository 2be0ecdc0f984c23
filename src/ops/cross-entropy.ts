// Cross-entropy over classes and its kin: with weights, with labels that are ignored, focal, and the divergence.

import { OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import type { Tensor } from "../graph/tensor.ts";
import { sigmoid, softplus } from "./activation.ts";
import { add, clamp, div, greater, log, mul, neg, pow, sub, where } from "./arithmetic.ts";
import { checkSame, labelSmoothing } from "./loss.ts";
import { mean, sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";
import { logSoftmax, softmax, softmaxCrossEntropy } from "./softmax.ts";
import { checkIgnored, checkOption, checkWeights, rowsOf, sharesOf, weighted } from "./targets.ts";

type Loss = (output: Tensor, target: Tensor) => Tensor;

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** Share of every target that is spread evenly over all classes, 0 ≤ ε ≤ 1. Default: 0. */
  readonly smoothing?: number;
  /** A weight ≥ 0 for each class. Default: 1 each. */
  readonly weights?: readonly number[];
  /** A label whose rows count for nothing; it need not be a class. A dataset takes labels from 0 on. Default: none. */
  readonly ignoreIndex?: number;
}

/**
 * Cross-entropy of logits [..., classes] with labels i32 [...] or with shares f32 [..., classes], as PyTorch's
 * CrossEntropyLoss: of labels the mean weighted by their classes' weights, of shares the sum over classes and weights,
 * divided by the rows. 0, with no gradient, where all labels are ignored or weigh nothing, where PyTorch has NaN.
 * @throws OptionError for options out of range. @throws ShapeError where there are not as many weights as classes.
 * @throws DataError for a label that is no class, before the step runs.
 * @example crossEntropy({ weights: [1, 1, 1, 1, 1, 5, 1, 1, 1, 1], smoothing: 0.1 })(logits, labels)
 */
export function crossEntropy(options: CrossEntropyOptions = {}): Loss {
  const {
    smoothing = 0,
    weights,
    ignoreIndex,
  } = checkOptions("crossEntropy", options, { smoothing: 0, weights: 0, ignoreIndex: 0 });
  if (!(smoothing >= 0 && smoothing <= 1))
    throw new OptionError(`crossEntropy: smoothing: wanted 0 ≤ smoothing ≤ 1, got ${smoothing}`);
  checkWeights("crossEntropy", weights);
  checkIgnored("crossEntropy", ignoreIndex);
  return (logits, target) => {
    if (!weights && ignoreIndex === undefined)
      return smoothing === 0
        ? softmaxCrossEntropy(logits, target)
        : labelSmoothing(smoothing)(logits, target);
    const { count, classes } = rowsOf("crossEntropy", logits, target);
    const shares = sharesOf("crossEntropy", logits, target, ignoreIndex);
    const logs = weighted("crossEntropy", reshape(logSoftmax(logits), [count, classes]), weights);
    // Cross-entropy is linear in the target; what is spread over the classes weighs as they do.
    const own = mul(sum(mul(shares, logs)), smoothing - 1);
    const all = smoothing === 0 ? logs : mul(sum(shares, { axes: -1, keepDims: true }), logs);
    const total = smoothing === 0 ? own : sub(own, mul(sum(all), smoothing / classes));
    if (target.dtype === "f32") return mul(total, 1 / count);
    const weight = sum(weighted("crossEntropy", shares, weights));
    return div(total, where(weight, weight, 1));
  };
}

/** Options of {@link focal}. */
export interface FocalOptions {
  /** γ ≥ 0: how little an example counts that is classified well. Default: 2. */
  readonly gamma?: number;
  /** A weight ≥ 0 for each class: the paper's α. Default: 1 each. */
  readonly weights?: readonly number[];
}

/** A probability to be wrong is taken for this at least: powers below 1 have no slope at 0. */
const LEAST = 1e-30;
/** How far from certain, to the power γ. */
const damped = (miss: Tensor, gamma: number) =>
  gamma === 0 ? miss.graph.constant(1) : pow(clamp(miss, LEAST, 1), gamma);

/**
 * Focal loss of logits [..., classes] with labels i32 [...] or shares f32 [..., classes]: the mean over rows of
 * −Σ w t (1 − p)ᵞ log p, p = softmax(logits). Lin et al. 2017, equation 5, for classes. With γ = 0 cross-entropy.
 * @throws OptionError for a γ or weights out of range. @throws ShapeError where there are not as many weights as classes.
 * @example focal({ gamma: 2 })(logits, labels)
 */
export function focal(options: FocalOptions = {}): Loss {
  const { gamma = 2, weights } = checkOptions("focal", options, { gamma: 0, weights: 0 });
  checkOption("focal: gamma", gamma, { from: 0 });
  checkWeights("focal", weights);
  return (logits, target) => {
    const { count, classes } = rowsOf("focal", logits, target);
    const shares = weighted("focal", sharesOf("focal", logits, target), weights);
    const rows = reshape(logits, [count, classes]);
    const factor = mul(shares, damped(sub(1, softmax(rows)), gamma));
    return mul(sum(mul(factor, logSoftmax(rows))), -1 / count);
  };
}

/** Options of {@link binaryFocal}. */
export interface BinaryFocalOptions {
  /** γ ≥ 0: how little an example counts that is classified well. Default: 2. */
  readonly gamma?: number;
  /** Weight of the positive targets, 0 ≤ α ≤ 1; the others have 1 − α. "none": 1 each. Default: 0.25. */
  readonly alpha?: number | "none";
}

/**
 * Focal loss of logits with targets between 0 and 1 of their shape: the mean of αₜ (1 − pₜ)ᵞ times binary cross-entropy,
 * pₜ the share of the target that σ(logit) gives. Lin et al. 2017, equation 5; numbers as torchvision's.
 * @throws OptionError for a γ or α out of range. @throws ShapeError where the shapes differ.
 * @example binaryFocal({ alpha: 0.5 })(x, target)
 */
export function binaryFocal(options: BinaryFocalOptions = {}): Loss {
  const { gamma = 2, alpha = 0.25 } = checkOptions("binaryFocal", options, { gamma: 0, alpha: 0 });
  checkOption("binaryFocal: gamma", gamma, { from: 0 });
  if (alpha !== "none" && !(alpha >= 0 && alpha <= 1))
    throw new OptionError(`binaryFocal: alpha: wanted 0 ≤ alpha ≤ 1 or "none", got ${alpha}`);
  return (logits, target) => {
    checkSame("binaryFocal", logits, target);
    const other = sub(1, target);
    const miss = add(mul(target, sigmoid(neg(logits))), mul(other, sigmoid(logits)));
    const entropy = add(mul(target, softplus(neg(logits))), mul(other, softplus(logits)));
    const each = mul(damped(miss, gamma), entropy);
    return mean(alpha === "none" ? each : mul(each, add(mul(target, alpha), mul(other, 1 - alpha))));
  };
}

/**
 * Kullback and Leibler's divergence of softmax(logits) from shares of classes, both [..., classes]: the mean over rows of
 * Σ t (log t − log softmax(logits)), as PyTorch's kl_div of logarithms with "batchmean". A share of 0 adds 0.
 * @throws ShapeError where the shapes differ.
 * @example klDivergence(logits, softmax(y))
 */
export function klDivergence(logits: Tensor, target: Tensor): Tensor {
  checkSame("klDivergence", logits, target);
  const { count } = rowsOf("klDivergence", logits, target);
  const positive = greater(target, 0);
  const apart = sub(log(where(positive, target, 1)), logSoftmax(logits));
  return mul(sum(mul(target, apart)), 1 / count);
}
