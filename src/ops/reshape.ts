// Reshape: the same numbers under another shape. No instruction, only another name for the same memory.
import { ShapeError } from "../core/errors.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../core/shape.ts";
import { defineOp } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { beforeBroadcast, broadcastTo } from "./broadcast.ts";

const reshapeOp = defineOp<Shape>({
  name: "reshape",
  bytes: true,
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
  if (
    shape.filter((size) => size === -1).length > 1 ||
    sizeOf(full) !== x.size ||
    !full.every((size) => Number.isInteger(size) && size > 0)
  ) {
    throw new ShapeError(
      `reshape: sizes do not fit: ${showShape(x.shape)} has ${x.size} elements, wanted ${showShape(shape)}`,
    );
  }
  if (sameShape(full, x.shape)) return x;
  const source = x.node.source;
  if (source?.kind === "constant" && x.dtype === "f32") return x.graph.constant(source.values, full);
  // One number under another shape is still that number.
  const from = beforeBroadcast(x);
  return from.rank === 0 && from !== x ? broadcastTo(from, full) : x.graph.apply(reshapeOp, [x], full)[0]!;
}
