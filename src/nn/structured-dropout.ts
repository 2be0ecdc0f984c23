// Dropout of what belongs together: whole channels, whole branches of an example.
import { OptionError } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mul } from "../ops/arithmetic.ts";
import { dropoutMask } from "../ops/random.ts";
import { spatialRank } from "../ops/taps.ts";
import { defineLayer, type Layer } from "./layer.ts";

/** A layer that in training multiplies by 0 or 1 / (1 − rate), one number for all that shares an element of the shape. */
function maskLayer(kind: string, rate: number, shapeOf: (x: Tensor, name: string) => Shape): Layer {
  if (!(rate >= 0 && rate < 1)) throw new OptionError(`${kind}: rate: wanted 0 ≤ rate < 1, got ${rate}`);
  return defineLayer(kind, (x, { name }) => {
    const shape = shapeOf(x, name);
    const { graph } = x;
    if (graph.mode !== "train" || rate === 0) return x;
    const ones = graph.constant(new Float32Array(shape.reduce((n, size) => n * size, 1)).fill(1), shape);
    // A layer applied twice draws two masks.
    return mul(x, dropoutMask(ones, rate, `${name} ${graph.nodes.length}`));
  });
}

/**
 * In training, sets each channel of each example to 0 with probability `rate` and scales the others by 1 / (1 − rate); else
 * does nothing. [batch, length, channels]. Neighbours in a sequence resemble one another, so that dropping one by one
 * drops little. Tompson et al. 2015.
 * @throws OptionError where the rate is not in 0 ≤ rate < 1; ShapeError for another rank.
 * @example spatialDropout1d(0.2)
 */
export function spatialDropout1d(rate: number): Layer {
  return maskLayer("spatialDropout1d", rate, (x, name) => {
    spatialRank(name, x, 1);
    return [x.shape[0]!, 1, x.shape[2]!];
  });
}

/**
 * In training, sets each channel of each image to 0 with probability `rate` and scales the others by 1 / (1 − rate); else
 * does nothing. [batch, height, width, channels]. PyTorch's `Dropout2d`, Keras's `SpatialDropout2D`. Tompson et al. 2015.
 * @throws OptionError where the rate is not in 0 ≤ rate < 1; ShapeError for another rank.
 * @example spatialDropout2d(0.2)
 */
export function spatialDropout2d(rate: number): Layer {
  return maskLayer("spatialDropout2d", rate, (x, name) => {
    spatialRank(name, x, 2);
    return [x.shape[0]!, 1, 1, x.shape[3]!];
  });
}

/**
 * In training, sets all of an example to 0 with probability `rate` and scales the others by 1 / (1 − rate); else does
 * nothing: around the branch of a residual block, [batch, ...]. Huang et al. 2016, who scale in prediction instead; in the
 * mean it is the same.
 * @throws OptionError where the rate is not in 0 ≤ rate < 1.
 * @example
 * const drop = stochasticDepth(0.2);
 * const block = (x) => add(x, drop(dense(16, { activation: "relu" })(x)));
 */
export function stochasticDepth(rate: number): Layer {
  return maskLayer("stochasticDepth", rate, (x) => [x.shape[0]!, ...x.shape.slice(1).map(() => 1)]);
}
