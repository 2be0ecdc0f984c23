// How layers are put together, beside one after the other: around each other, side by side, recomputed.
import { OptionError, ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { add } from "../ops/arithmetic.ts";
import { recompute } from "../ops/checkpoint.ts";
import { concatenate } from "../ops/movement.ts";
import type { Layer } from "./layer.ts";

/**
 * Activation recomputation: in training the values inside the block do not stay in memory between forward and backward;
 * when the gradients are taken, the block is computed once more from its input, with the same weights and the same dropout.
 * Costs one more forward of the block; `program.memory` tells what it saves. State is renewed once, penalties count once.
 * The block gets what it works on as its argument: what it takes from around itself is kept. Gradients have the bits that
 * they have without, unless the block's input is used elsewhere too, and so their sum goes in another order.
 * Chen, Xu, Zhang and Guestrin 2016.
 * @example
 * const block = (x) => dense(64, { activation: "relu" })(dense(256, { activation: "relu" })(x));
 * const model = sequential({ input: [784] }, checkpoint(block), checkpoint(block), dense(10));
 */
export function checkpoint(block: Layer): Layer {
  return (x) => recompute(x, block);
}

/** Options of {@link residual}. */
export interface ResidualOptions {
  /** What the input goes through on its way around the block, where their shapes differ. Default: nothing. */
  readonly projection?: Layer;
}

/**
 * A residual connection: block(x) + x, or + projection(x). He et al. 2016.
 * @throws ShapeError where the shapes of both differ.
 * @example sequential({ input: [16] }, residual(dense(16)), residual(dense(8), { projection: dense(8, { bias: false }) }))
 */
export function residual(block: Layer, options: ResidualOptions = {}): Layer {
  const { projection } = checkOptions("residual", options, { projection: 0 });
  return (x) => {
    const y = block(x);
    const around = projection ? projection(x) : x;
    if (!sameShape(y.shape, around.shape)) {
      throw new ShapeError(
        `residual: shapes differ: the block gives ${showShape(y.shape)}, ` +
          `${projection ? "the projection" : "its input"} ${showShape(around.shape)}: wanted a projection to the former`,
      );
    }
    return add(y, around);
  };
}

/**
 * Layers side by side on the same input; their results are joined along the last axis.
 * @throws OptionError without a layer. @throws ShapeError where their other axes differ.
 * @example sequential({ input: [16] }, branches(dense(8, { activation: "relu" }), dense(8, { activation: "tanh" })))
 */
export function branches(...layers: readonly Layer[]): Layer {
  if (layers.length === 0) throw new OptionError("branches: wanted at least one layer, got none");
  return (x) => concatenate(layers.map((layer) => layer(x)));
}
