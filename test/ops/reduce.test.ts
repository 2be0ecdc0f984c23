import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { add, mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { argmax, max, mean, min, norm, type ReduceOptions, sum } from "#src/ops/reduce";
import { checkOp, numbersOf, type OpCase, SIZES } from "../support/check-op.ts";
import { type Drawn, distinct, given, uniform } from "../support/draw.ts";
import { positionOf } from "../support/elements.ts";
import { engineOf } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

type Reduction = (x: Tensor, options?: ReduceOptions) => Tensor;

/** A shape, and the axes to reduce; beyond 8192 a sum goes in two stages. */
const CASES: readonly (readonly [readonly number[], ReduceOptions])[] = [
  ...SIZES.map((n) => [[n], {}] as const),
  ...SIZES.map((n) => [[3, n], { axes: 1 }] as const),
  ...SIZES.map((n) => [[n, 5], { axes: 0 }] as const),
  ...SIZES.map((n) => [[4, n], { axes: 0 }] as const),
  [[], {}],
  [[], { keepDims: true }],
  [[1, 1], { axes: 0 }],
  [[2, 3, 4], {}],
  [[2, 3, 4], { keepDims: true }],
  [[2, 3, 4], { axes: -1 }],
  [[2, 3, 4], { axes: -2 }],
  [[2, 3, 4], { axes: -3, keepDims: true }],
  [[2, 3, 4], { axes: [0, 2] }],
  [[2, 3, 4], { axes: [2, 0], keepDims: true }],
  [[2, 3, 4], { axes: [0, 1] }],
  [[2, 3, 4], { axes: [1, 1, -2] }],
  [[2, 3, 4], { axes: [] }],
  [[3, 2, 17, 2, 5], { axes: [1, 3] }],
  [[3, 1, 17, 1], { axes: [1, 2] }],
  [[5, 33, 20], { axes: 1 }],
  [[2, 9, 16], { axes: 1 }],
];
const LARGE: typeof CASES = [
  [[8191], {}],
  [[8192], {}],
  [[12289], {}],
  [[8200, 3], { axes: 0 }],
  [[8200, 17], { axes: 0 }],
];

/** A reduction by its definition: every element goes to the result whose other axes it shares. */
function reduceOf(
  combine: (run: readonly number[]) => number,
  shape: readonly number[],
  { axes }: ReduceOptions,
) {
  const list = axes === undefined ? shape.map((_, axis) => axis) : [axes].flat();
  const reduced = new Set(list.map((axis) => (axis < 0 ? axis + shape.length : axis)));
  return (x: readonly number[] = []): number[] => {
    const runs = new Map<string, number[]>();
    for (const [index, value] of x.entries()) {
      const key = positionOf(index, shape)
        .filter((_, axis) => !reduced.has(axis))
        .join();
      runs.set(key, [...(runs.get(key) ?? []), value]);
    }
    return [...runs.values()].map(combine);
  };
}
const sumOf = (run: readonly number[]) => run.reduce((a, b) => a + b, 0);
const combinations = new Map<Reduction, (run: readonly number[]) => number>([
  [sum, sumOf],
  [mean, (run) => sumOf(run) / run.length],
  [max, (run) => Math.max(...run)],
  [min, (run) => Math.min(...run)],
  [norm, (run) => Math.hypot(...run)],
]);

function over(apply: Reduction, draw: (shape: readonly number[]) => Drawn, cases = CASES): OpCase[] {
  return cases.map(([shape, options]) => ({
    label: JSON.stringify(options),
    inputs: [draw(shape)],
    build: (x) => apply(x!, options),
    // Not of the longest: every run is copied once for each of its elements.
    ...(shape.reduce((a, b) => a * b, 1) < 3000
      ? { want: reduceOf(combinations.get(apply)!, shape, options) }
      : {}),
  }));
}
const anything = (shape: readonly number[]) => uniform(shape);
const unlike = (shape: readonly number[]) => distinct(shape);

checkOp("sum", over(sum, anything, [...CASES, ...LARGE]));
checkOp("mean", over(mean, anything, [...CASES, ...LARGE]));
checkOp("max", over(max, unlike));
checkOp("min", over(min, unlike));
checkOp(
  "norm",
  over(norm, (shape) => uniform(shape, 0.5, 2)),
);

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
for (const [name, apply] of [
  ["max", max],
  ["min", min],
  ["sum", sum],
] as const) {
  checkOp(`${name} of what is not finite`, [
    {
      inputs: [given([3, 4], [1, nan, 3, 4, 1, 2, infinity, 0, -infinity, 2, 0, 0])],
      build: (x) => [apply(x!), apply(x!, { axes: 1 }), apply(x!, { axes: 0 })],
      gradient: false,
    },
    {
      inputs: [given([2, 17], [...new Array(16).fill(1), nan, ...new Array(17).fill(-infinity)])],
      build: (x) => apply(x!, { axes: 1 }),
      gradient: false,
    },
  ]);
}

checkOp("reductions inside a group", [
  { inputs: [uniform([33, 17])], build: (x) => mul(add(x!, mean(x!)), sum(x!, { axes: 1, keepDims: true })) },
  { inputs: [uniform([33, 17])], build: (x) => mul(x!, max(mul(x!, x!), { axes: 0 })), gradient: false },
]);

/** Ties: the first counts. */
const few = (shape: readonly number[]) => given(shape, uniform(shape).values.map(Math.round));
checkOp(
  "argmax",
  [
    ...SIZES.flatMap((n): [readonly number[], number][] => [
      [[n], 0],
      [[3, n], -1],
      [[n, 4], 0],
    ]),
    [[2, 3, 4], 1] as const,
    [[2, 3, 4], -3] as const,
  ].flatMap(([shape, axis]) =>
    [unlike(shape), few(shape)].map((drawn) => ({
      inputs: [drawn],
      build: (x: Tensor) => argmax(x, axis),
      want: reduceOf((run) => run.indexOf(Math.max(...run)), shape, { axes: axis }),
      gradient: false,
    })),
  ),
);
checkOp("argmax counts NaN as largest", [
  { inputs: [given([2, 3], [5, nan, nan, -1, -infinity, nan])], build: (x) => argmax(x!), gradient: false },
]);

test("equal extremes share the gradient", async () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 4]);
  const [dx] = gradients(sum(mul(max(x, { axes: 1 }), [6, 5])), [x]);
  const [dz] = gradients(sum(min(x, { axes: 1 })), [x]);
  const trial = new Trial(new Map([[x, [1, 3, 3, 3, 2, 0, 1, 0]]]), [dx!, dz!]);
  const words = await trial.run(await engineOf(2));
  expect([...(numbersOf(dx!, words[0]!) as Float32Array)]).toEqual([0, 2, 2, 2, 5, 0, 0, 0]);
  expect([...(numbersOf(dz!, words[1]!) as Float32Array)]).toEqual([1, 0, 0, 0, 0, 0.5, 0, 0.5]);
});

test("reductions name what they cannot reduce", () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 3]);
  const labels = graph.input("labels", [2], "i32");
  expect(() => sum(x, { axes: 2 })).toThrow(
    new ShapeError("sum: no such axis: got 2, wanted -2 to 1 for rank 2"),
  );
  expect(() => max(x, { axes: [0, -3] })).toThrow(
    new ShapeError("max: no such axis: got -3, wanted -2 to 1 for rank 2"),
  );
  expect(() => min(x, { axes: 0.5 })).toThrow(
    new ShapeError("min: no such axis: got 0.5, wanted -2 to 1 for rank 2"),
  );
  expect(() => sum(labels)).toThrow(new ShapeError("sum: wanted an f32 tensor, got i32"));
  expect(() => argmax(labels)).toThrow(new ShapeError("argmax: wanted an f32 tensor, got i32"));
  expect(() => argmax(sum(x))).toThrow(new ShapeError("argmax: wanted rank 1 or more, got []"));
  expect(() => argmax(x, 2)).toThrow(
    new ShapeError("argmax: no such axis: got 2, wanted -2 to 1 for rank 2"),
  );
});

test("axes of size 1 need no instruction", () => {
  const x = new Graph().input("x", [1, 3, 1]);
  expect(sum(x, { axes: 0 }).node.op?.name).toBe("reshape");
  expect(sum(x, { axes: [0, 2], keepDims: true })).toBe(x);
});
