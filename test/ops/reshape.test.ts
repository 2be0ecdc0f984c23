import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import { exp, mul } from "#src/ops/arithmetic";
import { broadcastTo } from "#src/ops/broadcast";
import { sum } from "#src/ops/reduce";
import { reshape } from "#src/ops/reshape";
import { checkOp, SIZES } from "../support/check-op.ts";
import { labels, uniform } from "../support/draw.ts";

checkOp("reshape", [
  ...SIZES.map((n) => ({
    inputs: [uniform([2, n])],
    build: (x: Parameters<typeof reshape>[0]) => reshape(x, [n, 2]),
  })),
  { inputs: [uniform([2, 3, 4])], build: (x) => reshape(x!, [-1, 2]) },
  { inputs: [uniform([])], build: (x) => reshape(x!, [1, 1]) },
  { inputs: [uniform([1, 1])], build: (x) => reshape(x!, []) },
  { inputs: [labels([2, 3], 5)], build: (x) => reshape(x!, [6]), gradient: false },
  {
    label: "between computations",
    inputs: [uniform([4, 6])],
    build: (x) => mul(reshape(exp(x!), [3, 8]), reshape(x!, [3, 8])),
  },
  {
    label: "of a number that was spread",
    inputs: [uniform([5])],
    build: (x) => reshape(broadcastTo(sum(x!), [2, 3]), [6]),
  },
  {
    label: "of a row that was spread",
    inputs: [uniform([3])],
    build: (x) => reshape(broadcastTo(x!, [2, 3]), [6]),
  },
]);

test("reshape to the same shape is nothing", () => {
  const x = new Graph().input("x", [2, 3]);
  expect(reshape(x, [2, 3])).toBe(x);
  expect(reshape(x, [2, -1])).toBe(x);
});

test("reshape names sizes that do not fit", () => {
  const x = new Graph().input("x", [2, 3]);
  const wrong = (...shape: number[]) =>
    expect(() => reshape(x, shape)).toThrow(
      new ShapeError(`reshape: sizes do not fit: [2, 3] has 6 elements, wanted [${shape.join(", ")}]`),
    );
  wrong(5);
  wrong();
  wrong(4, -1);
  wrong(-1, -1);
  wrong(0, -1);
  wrong(-2, -3);
  wrong(1.5, 4);
  wrong(-6, -1);
});
