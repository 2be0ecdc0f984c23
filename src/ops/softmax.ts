// Softmax and its logarithm over the last axis, and cross-entropy: with integer labels in one pass, or with shares.
import { ShapeError } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { defineOp, type Emitter, nothing, type Op, read, rows, write } from "../graph/op.ts";
import type { Node, Tensor } from "../graph/tensor.ts";
import { mul } from "./arithmetic.ts";
import { mean, sum } from "./reduce.ts";
import { reshape } from "./reshape.ts";

/** Rows of the last axis. */
function rowsOf(x: Tensor): { count: number; columns: number } {
  const columns = x.shape.at(-1)!;
  return { count: x.size / columns, columns };
}

function emitRows(emitter: Emitter, kernel: string, { inputs, outputs: [y] }: Node): void {
  const { count, columns } = rowsOf(y!);
  const cut = rows(count, columns * 4);
  emitter.call(kernel, [
    count,
    columns,
    ...inputs.map((input) => read(emitter.buffer(input), cut)),
    write(emitter.buffer(y!), cut),
  ]);
}

/** An op over rows whose gradient kernel takes (dy, y). */
function rowsOp(name: string): Op<undefined> {
  const gradientOp = defineOp({
    name: `${name}Gradient`,
    shape: ([dy]) => ({ shape: dy!.shape, dtype: "f32" }),
    gradient: "none",
    emit: (emitter, node) => emitRows(emitter, `${name}Gradient`, node),
  });
  return defineOp({
    name,
    shape([x]) {
      if (x!.dtype !== "f32") throw new ShapeError(`${name}: wanted an f32 tensor, got ${x!.dtype}`);
      if (x!.rank === 0) throw new ShapeError(`${name}: wanted rank 1 or more, got a scalar`);
      return { shape: x!.shape, dtype: "f32" };
    },
    gradient: ({ outputs: [y], dy }) => y!.graph.apply(gradientOp, [dy, y!], undefined),
    emit: (emitter, node) => emitRows(emitter, name, node),
  });
}

const softmaxOp = rowsOp("softmax");
const logSoftmaxOp = rowsOp("logSoftmax");

/** exp(x) / Σ exp(x) over the last axis. */
export function softmax(x: Tensor): Tensor {
  return x.graph.apply(softmaxOp, [x], undefined)[0]!;
}

/** x − log Σ exp(x) over the last axis. */
export function logSoftmax(x: Tensor): Tensor {
  return x.graph.apply(logSoftmaxOp, [x], undefined)[0]!;
}

const crossEntropyOp = defineOp({
  name: "softmaxCrossEntropy",
  shape([x]) {
    const { count, columns } = rowsOf(x!);
    return [
      { shape: [count], dtype: "f32" },
      { shape: [count, columns], dtype: "f32" },
    ];
  },
  gradient: ({ inputs: [x], outputs: [, residual], dy }) => [
    reshape(mul(residual!, dy.rank === 0 ? dy : reshape(dy, [dy.size, 1])), x!.shape),
    undefined,
  ],
  emit(emitter, { inputs: [x, labels], outputs: [losses, residual] }) {
    const { count, columns } = rowsOf(x!);
    const row = rows(count, columns * 4);
    const word = rows(count, 4);
    emitter.call("softmaxCrossEntropy", [
      count,
      columns,
      read(emitter.buffer(x!), row),
      read(emitter.buffer(labels!), word),
      write(emitter.buffer(losses!), word),
      emitter.used(residual!) ? write(emitter.buffer(residual!), row) : nothing,
    ]);
  },
});

/**
 * Mean over all examples of −log softmax(logits)[label]: logits [..., classes], labels i32 [...], result a scalar.
 * Targets f32 [..., classes] are shares of the classes, each row with a sum of 1: the mean of −Σ target · log softmax(logits).
 * @throws ShapeError where the targets are neither one integer a row nor of the logits' shape.
 * @example softmaxCrossEntropy(dense(10)(h), labels)
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  if (logits.rank < 1)
    throw new ShapeError("softmaxCrossEntropy: wanted logits of rank 1 or more, got a scalar");
  if (logits.dtype !== "f32")
    throw new ShapeError(`softmaxCrossEntropy: wanted f32 logits, got ${logits.dtype}`);
  const { count, columns } = rowsOf(logits);
  if (labels.dtype === "f32" && sameShape(labels.shape, logits.shape))
    return mul(sum(mul(labels, logSoftmax(logits))), -1 / count);
  if (labels.dtype !== "i32" || labels.size !== count) {
    throw new ShapeError(
      `softmaxCrossEntropy: wanted ${count} integer labels or f32 ${showShape(logits.shape)} for logits of that shape, got ${labels.dtype} ${showShape(labels.shape)}`,
    );
  }
  limitLabels(labels, columns);
  return mean(logits.graph.apply(crossEntropyOp, [logits, labels], undefined)[0]!);
}

/** Has the host check that labels lie in 0 … classes − 1 before it hands them over. */
export function limitLabels(labels: Tensor, classes: number): void {
  const source = inputOf(labels);
  if (source) source.labels = Math.min(source.labels ?? classes, classes);
}

/** What the host hands over, under whatever shape. */
export function inputOf(tensor: Tensor) {
  let { node } = tensor;
  while (node.op?.name === "reshape") node = node.inputs[0]!.node;
  return node.source?.kind === "input" ? node.source : undefined;
}
