import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import { exp, mul } from "#src/ops/arithmetic";
import { equalLabels, gather, oneHot } from "#src/ops/gather";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { reshape } from "#src/ops/reshape";
import { checkOp, type OpCase, SIZES } from "../support/check-op.ts";
import { given, labels, uniform } from "../support/draw.ts";

/** Shapes of x and of the indices; where there are more indices than rows, some rows come more than once. */
const SHAPES: readonly (readonly [readonly number[], readonly number[]])[] = [
  ...SIZES.map((n) => [[5, n], [7]] as const),
  ...SIZES.map((n) => [[n, 3], [n]] as const),
  ...SIZES.map((n) => [[2, 4], [n]] as const),
  [[6], [9]],
  [[4, 2, 3], [5]],
  [
    [4, 3],
    [2, 3],
  ],
  [[4, 2, 2], []],
  [[1, 1], [1]],
];
checkOp(
  "gather",
  SHAPES.map(
    ([shape, indices]): OpCase => ({
      inputs: [uniform(shape), labels(indices, shape[0]!)],
      build: (x, at) => gather(x!, at!),
      want: (x = [], at = []) => {
        const columns = x.length / shape[0]!;
        return at.flatMap((row) => x.slice(row * columns, (row + 1) * columns));
      },
    }),
  ),
);
checkOp("gather with repeats", [
  {
    inputs: [uniform([3, 5]), given([8], [2, 2, 0, 2, 0, 2, 2, 2], "i32")],
    build: (x, at) => gather(x!, at!),
  },
  // Columns for every thread, and not for all.
  { inputs: [uniform([3, 64]), labels([9], 3)], build: (x, at) => gather(x!, at!) },
  { inputs: [uniform([3, 41]), labels([9], 3)], build: (x, at) => gather(x!, at!) },
  // Behind a computation, and twice over: its gradient's gradient is a gather again.
  { inputs: [uniform([3, 5]), labels([8], 3)], build: (x, at) => exp(gather(mul(x!, x!), at!)) },
  {
    inputs: [uniform([3, 5]), labels([8], 3), uniform([8, 5])],
    build: (x, at, weight) => gradients(sum(mul(exp(gather(x!, at!)), weight!)), [x!])[0]!,
  },
]);

checkOp("oneHot", [
  ...SIZES.map(
    (n): OpCase => ({ inputs: [labels([n], 10)], build: (at) => oneHot(at!, 10), gradient: false }),
  ),
  ...SIZES.map((n): OpCase => ({ inputs: [labels([4], n)], build: (at) => oneHot(at!, n), gradient: false })),
  { inputs: [labels([2, 3], 4)], build: (at) => oneHot(at!, 4), gradient: false },
  { inputs: [labels([], 4)], build: (at) => oneHot(at!, 4), gradient: false },
]);

checkOp("equalLabels", [
  ...SIZES.map(
    (n): OpCase => ({
      inputs: [labels([n], 3, 1), labels([n], 3, 2)],
      build: (a, b) => equalLabels(a!, b!),
      gradient: false,
    }),
  ),
  {
    inputs: [given([3], [0, 2 ** 31 - 1, -1], "i32"), given([3], [0, -(2 ** 31), -1], "i32")],
    build: (a, b) => equalLabels(a!, b!),
    gradient: false,
  },
]);

test("indices and labels are limited where the host gives them", () => {
  const graph = new Graph();
  const limitOf = (name: string) => (graph.inputs.get(name)!.node.source as { labels?: number }).labels;
  const at = graph.input("at", [2, 3], "i32");
  gather(graph.input("x", [7, 2]), reshape(at, [6]));
  expect(limitOf("at")).toBe(7);
  oneHot(at, 5);
  expect(limitOf("at")).toBe(5);
  oneHot(at, 9);
  expect(limitOf("at")).toBe(5);
});

test("what goes by integers names what does not fit", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 3]);
  const at = graph.input("at", [2], "i32");
  expect(() => gather(x, x)).toThrow(
    new ShapeError("gather: wanted an f32 tensor of rank 1 or more and i32 indices, got f32 [4, 3] and f32"),
  );
  expect(() => gather(at, at)).toThrow(
    new ShapeError("gather: wanted an f32 tensor of rank 1 or more and i32 indices, got i32 [2] and i32"),
  );
  expect(() => gather(sum(x), at)).toThrow(
    new ShapeError("gather: wanted an f32 tensor of rank 1 or more and i32 indices, got f32 [] and i32"),
  );
  expect(() => oneHot(x, 3)).toThrow(new ShapeError("oneHot: wanted i32 labels, got f32"));
  expect(() => oneHot(at, 0)).toThrow(
    new ShapeError("oneHot: sizes must be positive integers: got 0 at axis 0 of [0]"),
  );
  expect(() => oneHot(at, 2.5)).toThrow(ShapeError);
  expect(() => equalLabels(x, at)).toThrow(
    new ShapeError("equalLabels: wanted two i32 tensors of one shape, got f32 [4, 3] and i32 [2]"),
  );
  expect(() => equalLabels(at, graph.input("other", [3], "i32"))).toThrow(
    new ShapeError("equalLabels: wanted two i32 tensors of one shape, got i32 [2] and i32 [3]"),
  );
});
