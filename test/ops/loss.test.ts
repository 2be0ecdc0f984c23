import { expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { binaryCrossEntropy, huber, meanAbsoluteError, meanSquaredError } from "#src/ops/loss";
import { checkOp, type OpCase, SIZES } from "../support/check-op.ts";
import { given, uniform } from "../support/draw.ts";

type Loss = (output: Tensor, target: Tensor) => Tensor;

type Formula = (output: number, target: number) => number;
const meanOf =
  (formula: Formula): NonNullable<OpCase["want"]> =>
  (output = [], target = []) => [
    output.reduce((sum, x, i) => sum + formula(x, target[i]!), 0) / output.length,
  ];
const huberOf = (delta: number) =>
  meanOf((x, t) => (Math.abs(x - t) <= delta ? (x - t) ** 2 / 2 : delta * (Math.abs(x - t) - delta / 2)));

const over = (loss: Loss, want: NonNullable<OpCase["want"]>): OpCase[] =>
  [...SIZES.map((n) => [n]), [7, 5], [2, 3, 4], [33, 65], []].map((shape) => ({
    inputs: [uniform(shape, -3, 3, 1), uniform(shape, -3, 3, 2)],
    build: (output, target) => loss(output!, target!),
    want,
  }));

checkOp(
  "meanSquaredError",
  over(
    meanSquaredError,
    meanOf((x, t) => (x - t) ** 2),
  ),
);
checkOp(
  "meanAbsoluteError",
  over(
    meanAbsoluteError,
    meanOf((x, t) => Math.abs(x - t)),
  ),
);
checkOp(
  "huber",
  over((output, target) => huber(output, target), huberOf(1)),
);
checkOp(
  "huber with a delta",
  over((output, target) => huber(output, target, 2.5), huberOf(2.5)),
);

/** The target is a constant: it must not depend on parameters. */
const against = (target: (shape: readonly number[]) => readonly number[]): OpCase[] =>
  [...SIZES.map((n) => [n]), [7, 5]].map((shape) => ({
    inputs: [uniform(shape, -4, 4)],
    build: (x) => binaryCrossEntropy(x!, x!.graph.constant(target(shape), shape)),
    want: (x) => meanOf((z, t) => Math.log1p(Math.exp(z)) - z * t)(x!, target(shape)),
  }));
checkOp("binaryCrossEntropy", [
  ...against((shape) => uniform(shape, 0, 1).values),
  ...against((shape) => uniform(shape).values.map((x) => Number(x > 0))),
  {
    label: "large logits",
    inputs: [given([6], [100, -100, 1e4, -1e4, 0, 3e38]), given([6], [1, 0, 0, 1, 1, 1])],
    build: (x, target) => binaryCrossEntropy(x!, target!),
    gradient: false,
  },
]);

test("losses want a target of the output's shape", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 1]);
  const losses = { meanSquaredError, meanAbsoluteError, huber, binaryCrossEntropy };
  for (const [name, loss] of Object.entries(losses)) {
    expect(() => loss(x, graph.input("flat", [4]))).toThrow(
      new ShapeError(`${name}: wanted an f32 target of shape [4, 1], got f32 [4]`),
    );
    expect(() => loss(x, graph.input("labels", [4, 1], "i32"))).toThrow(
      new ShapeError(`${name}: wanted an f32 target of shape [4, 1], got i32 [4, 1]`),
    );
  }
});

test("a target that depends on what is trained is refused", () => {
  const x = new Graph().input("x", [3]);
  expect(() => gradients(binaryCrossEntropy(x, mul(x, 2)), [x])).toThrow(
    new ShapeError("binaryCrossEntropy: the target must not depend on parameters"),
  );
});

test("huber wants a delta above 0", () => {
  const x = new Graph().input("x", [3]);
  for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => huber(x, x, bad)).toThrow(
      new OptionError(`huber: delta: wanted a finite number > 0, got ${bad}`),
    );
  }
});
