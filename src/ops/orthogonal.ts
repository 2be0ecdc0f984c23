// Gram and Schmidt's orthogonalization of a matrix: what initializers and eigenbases stand on.
import { defineOp, float, single, update } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";

const orthogonalOp = defineOp<number>({
  name: "orthogonal",
  shape: ([x]) => ({ shape: x!.shape, dtype: "f32" }),
  gradient: "none",
  emit(emitter, { inputs: [x], outputs: [y], attributes: gain }) {
    const [rows, columns] = x!.shape as [number, number];
    emitter.elementwise("identity", y!, [x!]);
    emitter.call("orthogonal", [rows, columns, float(gain), update(emitter.buffer(y!), single)]);
  },
});

/** A matrix with its rows, or its columns where they are fewer, made orthonormal one after the other, times a gain. */
export function orthogonal(x: Tensor, gain = 1): Tensor {
  return x.graph.apply(orthogonalOp, [x], gain)[0]!;
}
