import { expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import { add, exp, floor, greater, mul, sin, square, sub } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { matmul } from "#src/ops/matmul";
import { permute } from "#src/ops/movement";
import { sum } from "#src/ops/reduce";
import { softmaxCrossEntropy } from "#src/ops/softmax";
import { checkOp } from "../support/check-op.ts";
import { uniform } from "../support/draw.ts";

checkOp("gradients of what is used more than once", [
  { label: "x x", inputs: [uniform([7])], build: (x) => mul(x!, x!) },
  { label: "x + x", inputs: [uniform([7])], build: (x) => add(x!, x!) },
  { label: "three ways", inputs: [uniform([3, 4])], build: (x) => add(mul(sin(x!), exp(x!)), square(x!)) },
  {
    label: "one value, two results",
    inputs: [uniform([4, 4], -1, 1)],
    build: (x) => {
      const shared = sin(x!);
      return [matmul(shared, permute(shared)), sum(mul(shared, x!), { axes: 0 })];
    },
  },
  {
    label: "one weight in three layers",
    inputs: [uniform([5, 3], -1, 1), uniform([3, 3], -1, 1, 2), uniform([3], -1, 1, 3)],
    build: (x, w, b) => matmul(sin(matmul(sin(matmul(x!, w!, b!)), w!, b!)), w!, b!),
  },
]);
checkOp("gradients of gradients", [
  { inputs: [uniform([5])], build: (x) => gradients(sum(sin(mul(x!, x!))), [x!])[0]! },
  {
    inputs: [uniform([5])],
    build: (x) => gradients(sum(gradients(sum(exp(mul(x!, x!))), [x!])[0]!), [x!])[0]!,
  },
]);

test("there is no gradient where nothing depends", () => {
  const graph = new Graph();
  const [x, y] = [graph.input("x", [3]), graph.input("y", [3])];
  const later = sin(y);
  expect(gradients(sum(x), [y, later])).toEqual([undefined, undefined]);
  expect(gradients(sum(floor(x)), [x])).toEqual([undefined]);
  // A value in between can be asked for, and the scalar itself has the gradient 1.
  const z = sin(x);
  const total = sum(mul(z, z));
  const [dz, dTotal] = gradients(total, [z, total]);
  expect(dz?.shape).toEqual([3]);
  expect(dTotal?.node.source).toMatchObject({ values: Float32Array.of(1) });
});

test("an op without a gradient is named, but only where its gradient is wanted", () => {
  const graph = new Graph();
  const [x, y] = [graph.input("x", [3]), graph.input("y", [3])];
  const loss = sum(mul(greater(x, 0), y));
  expect(() => gradients(loss, [x])).toThrow(
    new OptionError("greater: has no gradient, but the loss depends on parameters through it"),
  );
  expect(gradients(loss, [y])[0]?.shape).toEqual([3]);
});

test("gradients are of a scalar", () => {
  const x = new Graph().input("x", [3]);
  expect(() => gradients(sub(x, 1), [x])).toThrow(
    new ShapeError("gradients: wanted a scalar, got shape [3]"),
  );
});

test("a residual carries no gradient", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 3]);
  const [dx] = gradients(softmaxCrossEntropy(x, graph.input("labels", [4], "i32")), [x]);
  expect(() => gradients(sum(square(dx!)), [x])).toThrow(
    new OptionError("softmaxCrossEntropy: not differentiable twice: mul depends on its residual"),
  );
});
