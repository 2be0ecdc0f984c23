// The straight-through estimator: numbers of one tensor, the gradient of another, as what rounds needs it.
import { ShapeError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { defineOp } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mul } from "./arithmetic.ts";

/** The attribute is a name, for who looks for what stands here. */
const straightThroughOp = defineOp<string | undefined>({
  name: "straightThrough",
  shape: ([value]) => value!,
  gradient: ({ inputs: [, , share], dy }) => [undefined, share ? mul(dy, share) : dy, undefined],
  // Not an alias, for which a place could not be given: the copy is fused with what makes the value.
  emit: (emitter, { inputs: [value], outputs: [y] }) => emitter.elementwise("identity", y!, [value!]),
});

/** What {@link straightThrough} takes beside its value. */
export interface StraightThrough {
  /** Gets the gradient; of the value's shape. */
  readonly to: Tensor;
  /** What the gradient is multiplied by, such as 1 and 0. Default: 1. */
  readonly share?: Tensor | undefined;
  /** For who looks through a graph. */
  readonly name?: string | undefined;
}

/**
 * A tensor as it is, whose gradient goes to another tensor: what is rounded learns as if it were not. Bengio, Léonard and
 * Courville 2013.
 * @throws ShapeError where the shapes differ. @throws OptionError for an unknown option.
 * @example straightThrough(round(x), { to: x })
 */
export function straightThrough(value: Tensor, options: StraightThrough): Tensor {
  const { to, share, name } = checkOptions("straightThrough", options, { to: 0, share: 0, name: 0 });
  if (!sameShape(value.shape, to.shape)) {
    throw new ShapeError(
      `straightThrough: shapes differ: ${showShape(value.shape)} and ${showShape(to.shape)}`,
    );
  }
  return value.graph.apply(straightThroughOp, share ? [value, to, share] : [value, to], name)[0]!;
}
