// Ops that go by integers: gather rows, one-hot, comparison of labels.
import { ShapeError } from "../core/errors.ts";
import { checkShape, sameShape, showShape } from "../core/shape.ts";
import { defineOp, elements, read, rows, write } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { reshape } from "./reshape.ts";
import { limitLabels } from "./softmax.ts";

/** Adds rows of dy [n, columns] to those of a zero [rows, columns] that the indices name, in order. */
const scatterAddOp = defineOp<number>({
  name: "scatterAdd",
  shape: ([dy], count) => ({ shape: [count, dy!.shape[1]!], dtype: "f32" }),
  gradient: ({ inputs: [, indices], dy }) => [gather(dy, indices!), undefined],
  emit(emitter, { inputs: [dy, indices], outputs: [y], attributes: count }) {
    const [n, columns] = dy!.shape as [number, number];
    emitter.call("scatterAdd", [
      n,
      columns,
      count,
      read(emitter.buffer(dy!)),
      read(emitter.buffer(indices!)),
      // How the threads share it depends on how many they are.
      write(emitter.buffer(y!)),
    ]);
  },
});

const gatherOp = defineOp({
  name: "gather",
  shape: ([x, indices]) => ({ shape: [indices!.size, x!.shape[1]!], dtype: "f32" }),
  gradient: ({ inputs: [x, indices], dy }) => [
    x!.graph.apply(scatterAddOp, [dy, indices!], x!.shape[0]!)[0],
    undefined,
  ],
  emit(emitter, { inputs: [x, indices], outputs: [y] }) {
    const [count, columns] = x!.shape as [number, number];
    emitter.call("gather", [
      indices!.size,
      columns,
      count,
      read(emitter.buffer(x!)),
      read(emitter.buffer(indices!), rows(indices!.size, 4)),
      write(emitter.buffer(y!), rows(indices!.size, columns * 4)),
    ]);
  },
});

/**
 * Rows of x by number: x [rows, ...], indices i32 of any shape → [...indices, ...].
 * The gradient adds up the rows that are taken more than once, in the order of the indices.
 */
export function gather(x: Tensor, indices: Tensor): Tensor {
  if (x.rank < 1 || x.dtype !== "f32" || indices.dtype !== "i32") {
    throw new ShapeError(
      `gather: wanted an f32 tensor of rank 1 or more and i32 indices, got ${x.dtype} ${showShape(x.shape)} and ${indices.dtype}`,
    );
  }
  limitLabels(indices, x.shape[0]!);
  const flat = reshape(x, [x.shape[0]!, x.size / x.shape[0]!]);
  return reshape(x.graph.apply(gatherOp, [flat, indices], undefined)[0]!, [
    ...indices.shape,
    ...x.shape.slice(1),
  ]);
}

/** Without a limit: a label that names no class has zeros only. */
export const oneHotOp = defineOp<number>({
  name: "oneHot",
  shape: ([labels], classes) => ({ shape: [...labels!.shape, classes], dtype: "f32" }),
  gradient: "none",
  emit(emitter, { inputs: [labels], outputs: [y], attributes: classes }) {
    const n = labels!.size;
    const cut = rows(n, classes * 4);
    emitter.call("oneHot", [
      n,
      classes,
      read(emitter.buffer(labels!), rows(n, 4)),
      write(emitter.buffer(y!), cut),
    ]);
  },
});

/**
 * 1 at each label and 0 elsewhere: labels i32 [...] → f32 [..., classes].
 * @throws ShapeError where the labels are not i32 or there is no class.
 */
export function oneHot(labels: Tensor, classes: number): Tensor {
  checkShape("oneHot", [classes]);
  if (labels.dtype !== "i32") throw new ShapeError(`oneHot: wanted i32 labels, got ${labels.dtype}`);
  limitLabels(labels, classes);
  return labels.graph.apply(oneHotOp, [labels], classes)[0]!;
}

const equalLabelsOp = defineOp({
  name: "equalLabels",
  shape: ([a]) => ({ shape: a!.shape, dtype: "f32" }),
  gradient: "none",
  emit(emitter, { inputs: [a, b], outputs: [y] }) {
    const n = a!.size;
    const cut = elements(n);
    const operands = [
      read(emitter.buffer(a!), cut),
      read(emitter.buffer(b!), cut),
      write(emitter.buffer(y!), cut),
    ];
    emitter.call("equalLabels", [n, ...operands]);
  },
});

/** 1 where two i32 tensors of one shape agree, else 0. */
export function equalLabels(a: Tensor, b: Tensor): Tensor {
  if (a.dtype !== "i32" || b.dtype !== "i32" || !sameShape(a.shape, b.shape)) {
    throw new ShapeError(
      `equalLabels: wanted two i32 tensors of one shape, got ${a.dtype} ${showShape(a.shape)} and ${b.dtype} ${showShape(b.shape)}`,
    );
  }
  return a.graph.apply(equalLabelsOp, [a, b], undefined)[0]!;
}
