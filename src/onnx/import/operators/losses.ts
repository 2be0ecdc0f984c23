// ONNX's losses: the negative logarithm of the share of each label, weighted, some labels ignored.
import type { Tensor } from "../../../graph/tensor.ts";
import { div, mul, neg } from "../../../ops/arithmetic.ts";
import { sum } from "../../../ops/reduce.ts";
import { reshape } from "../../../ops/reshape.ts";
import { logSoftmax } from "../../../ops/softmax.ts";
import type { Call, Operator } from "../call.ts";
import type { Value } from "../value.ts";

/** Of logarithms [rows, classes], row by row of the file's [batch, classes, ...]. */
function loss(call: Call, logarithms: Tensor): Value {
  const labels = call.input(1);
  const classes = logarithms.shape[1]!;
  const reduction = call.choice("reduction", ["mean", "sum", "none"], "mean");
  const ignored = call.node.attributes.has("ignore_index") ? call.integer("ignore_index") : undefined;
  const numbers = call.numbers(1);
  call.spend([numbers.length, classes]);
  const shares = new Float32Array(numbers.length * classes);
  for (const [row, label] of numbers.entries()) {
    if (label === ignored) continue;
    if (!(label >= 0 && label < classes)) throw call.fail(`label ${row}`, label, `0 to ${classes - 1}`);
    shares[row * classes + label] = 1;
  }
  const known = call.graph.constant(shares, [numbers.length, classes]);
  const weights = call.has(2) ? mul(known, call.tensor(2)) : known;
  const losses = neg(sum(mul(weights, logarithms), { axes: 1 }));
  if (reduction === "none") return call.value(reshape(losses, labels.shape));
  return call.value(reduction === "sum" ? sum(losses) : div(sum(losses), sum(weights)));
}

/** [batch, classes, ...] as rows of classes, and back. */
function rowsOf(call: Call): { x: Tensor; back: (y: Tensor) => Value } {
  const { x: images, like } = call.input(0).asImages;
  const classes = call.input(0).shape[1]!;
  const x = reshape(images, [images.size / classes, classes]);
  return { x, back: (y) => like(reshape(y, images.shape)) };
}

export const losses: Readonly<Record<string, Operator>> = {
  NegativeLogLikelihoodLoss: (call) => loss(call, rowsOf(call).x),
  SoftmaxCrossEntropyLoss: (call) => {
    const { x, back } = rowsOf(call);
    const logarithms = logSoftmax(x);
    return [loss(call, logarithms), call.wants(1) ? back(logarithms) : undefined];
  },
};
