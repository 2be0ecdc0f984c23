// Broadcast: the same numbers repeated along axes.
import { ShapeError } from "../core/errors.ts";
import { broadcastShapes, checkShape, type Shape, sameShape, showShape, stridesOf } from "../core/shape.ts";
import { defineOp } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { emitCopy } from "./copy.ts";
import { sumTo } from "./elementwise.ts";

const broadcastOp = defineOp<Shape>({
  name: "broadcastTo",
  bytes: true,
  shape: ([x], shape) => ({ shape, dtype: x!.dtype }),
  gradient: ({ inputs: [x], dy }) => [sumTo(dy, x!.shape)],
  emit(emitter, { inputs: [x], outputs: [y], attributes: shape }) {
    const pad = shape.length - x!.rank;
    const strides = stridesOf(x!.shape);
    const xStrides = shape.map((_, axis) => ((x!.shape[axis - pad] ?? 1) === 1 ? 0 : strides[axis - pad]!));
    const box = { shape, xStart: 0, xStrides, yStart: 0, yStrides: stridesOf(shape) };
    emitCopy(emitter, box, x!, y!);
  },
});

/**
 * Repeats x along axes of size 1, and along new leading axes, up to a shape.
 * @throws ShapeError where x does not broadcast to it.
 */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, checkShape("broadcastTo", shape))) return x;
  if (!sameShape(broadcastShapes("broadcastTo", x.shape, shape), shape)) {
    throw new ShapeError(`broadcastTo: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}`);
  }
  return x.graph.apply(broadcastOp, [x], shape)[0]!;
}

/** What a tensor was broadcast from, or itself. */
export function beforeBroadcast(x: Tensor): Tensor {
  return x.node.op === (broadcastOp as unknown) ? x.node.inputs[0]! : x;
}
