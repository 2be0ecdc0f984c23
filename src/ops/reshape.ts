// Reshape: the same numbers under another shape. No instruction, only another name for the same memory.
import { ShapeError } from "../core/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../core/shape.ts";
import { defineOp } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";

const reshapeOp = defineOp<Shape>({
  name: "reshape",
  shape: ([x], shape) => ({ shape, dtype: x!.dtype }),
  gradient: ({ inputs: [x], dy }) => [reshape(dy, x!.shape)],
  emit: (emitter, node) => emitter.alias(node.outputs[0]!, node.inputs[0]!),
});

/**
 * The same elements in row-major order under another shape; one size may be −1 and follows from the others.
 * @throws ShapeError where the number of elements differs.
 * @example reshape(images, [-1, 784])
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const full = shape.map((size) => (size === -1 ? x.size / known : size));
  if (shape.filter((size) => size === -1).length > 1 || sizeOf(full) !== x.size || !full.every(Number.isInteger)) {
    throw new ShapeError(`reshape: sizes do not fit: ${showShape(x.shape)} has ${x.size} elements, wanted ${showShape(shape)}`);
  }
  return sameShape(full, x.shape) ? x : x.graph.apply(reshapeOp, [x], full)[0]!;
}
