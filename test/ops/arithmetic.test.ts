import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import * as ops from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { checkOp, numbersOf, type OpCase, SIZES } from "../support/check-op.ts";
import { type Drawn, given, uniform } from "../support/draw.ts";
import { engineOf } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

type Unary = (x: Tensor) => Tensor;
type Binary = (a: Tensor, b: Tensor) => Tensor;

const each = (apply: Unary, low: number, high: number): OpCase[] =>
  SIZES.map((n) => ({ inputs: [uniform([n], low, high, n)], build: apply }));

function forward(apply: (...inputs: Tensor[]) => Tensor, ...columns: readonly (readonly number[])[]): OpCase {
  const inputs = columns.map((values) => given([values.length], values));
  return { label: "special values", inputs, build: apply, gradient: false };
}

const infinity = Number.POSITIVE_INFINITY;
const odd = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-42, 3e38, infinity, -infinity, Number.NaN];

const everywhere: Record<string, Unary> = {
  neg: ops.neg,
  abs: ops.abs,
  sign: ops.sign,
  square: ops.square,
  sin: ops.sin,
  cos: ops.cos,
  erf: ops.erf,
  floor: ops.floor,
  ceil: ops.ceil,
  round: ops.round,
};
for (const [name, apply] of Object.entries(everywhere)) {
  checkOp(name, [...each(apply, -4, 4), forward(apply, odd.slice(0, -4))]);
}
checkOp("exp", [...each(ops.exp, -6, 6), forward(ops.exp, [...odd, 88, 89, -87, -104])]);

const positive: Record<string, Unary> = {
  sqrt: ops.sqrt,
  rsqrt: ops.rsqrt,
  reciprocal: ops.reciprocal,
  log: ops.log,
};
for (const [name, apply] of Object.entries(positive)) {
  checkOp(name, [...each(apply, 0.25, 6), forward(apply, [1, 2, 0.75, 1e-30, 1e30, infinity, Number.NaN])]);
}
checkOp("what is not defined is not a number", [
  forward(ops.sqrt, [-1, -0, 0, -infinity]),
  forward(ops.log, [-1, -0, 0, -infinity]),
  forward(ops.rsqrt, [-1, 0]),
  forward(ops.reciprocal, [0, -0]),
]);

checkOp("clamp", [...each((x) => ops.clamp(x, -1.5, 2), -4, 4), forward((x) => ops.clamp(x, -1.5, 2), odd)]);

/** Shapes that broadcast: alike, by a scalar, by leading, trailing and inner axes, against each other. */
const SHAPES: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [[5], []],
  [[], [17]],
  [[1], [33]],
  [[7, 5], [5]],
  [[3], [2, 4, 3]],
  [
    [6, 4],
    [6, 1],
  ],
  [
    [6, 1],
    [6, 65],
  ],
  [
    [2, 3, 5],
    [2, 1, 1],
  ],
  [
    [4, 3, 5],
    [3, 1],
  ],
  [
    [2, 3, 4],
    [2, 1, 4],
  ],
  [
    [5, 1],
    [1, 7],
  ],
  [
    [1, 9],
    [8, 1],
  ],
  [
    [3, 1, 2, 1],
    [1, 4, 1, 5],
  ],
  [
    [2, 1, 17],
    [3, 1],
  ],
  [[1, 1], [4]],
  [[1, 3, 1], [3]],
];

function pairs(apply: Binary, draw: (shape: readonly number[], stream: number) => Drawn): OpCase[] {
  const alike = SIZES.map((n): [readonly number[], readonly number[]] => [[n], [n]]);
  return [...alike, ...SHAPES, ...SHAPES.map(([a, b]): [readonly number[], readonly number[]] => [b, a])].map(
    ([a, b]) => ({
      inputs: [draw(a, 1), draw(b, 2)],
      build: apply as OpCase["build"],
    }),
  );
}

const anywhere = (shape: readonly number[], stream: number) => uniform(shape, -3, 3, stream);
/** Every pair of odd numbers. */
const oddPairs = [odd.flatMap((x) => odd.map(() => x)), odd.flatMap(() => odd)] as const;

const smooth: Record<string, Binary> = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  maximum: ops.maximum,
  minimum: ops.minimum,
};
for (const [name, apply] of Object.entries(smooth)) {
  checkOp(name, [...pairs(apply, anywhere), forward(apply as Unary, ...oddPairs)]);
}
const comparisons: Record<string, Binary> = {
  equal: ops.equal,
  notEqual: ops.notEqual,
  greater: ops.greater,
  greaterEqual: ops.greaterEqual,
  less: ops.less,
  lessEqual: ops.lessEqual,
};
for (const [name, apply] of Object.entries(comparisons)) {
  const cases = pairs(apply, (shape) => uniform(shape, -0.1, 0.1));
  checkOp(name, [
    ...cases.map((each) => ({ ...each, gradient: false })),
    forward(apply as Unary, ...oddPairs),
  ]);
}

const aboveZero = (shape: readonly number[], stream: number) => uniform(shape, 0.5, 3, stream);
checkOp("div", pairs(ops.div, aboveZero));
checkOp("pow", pairs(ops.pow, aboveZero));
checkOp("pow of whole numbers", [
  { label: "x³", inputs: [uniform([17], -3, 3)], build: (x) => ops.pow(x!, 3) },
  { label: "x⁻²", inputs: [uniform([17], -3, 3)], build: (x) => ops.pow(x!, -2) },
  {
    label: "0^x",
    inputs: [given([3], [0, 0, 0]), uniform([3], 1, 3)],
    build: (_, x) => ops.pow(ops.mul(x!, 0), x!),
  },
]);

const condition = (shape: readonly number[]) =>
  given(
    shape,
    uniform(shape).values.map((x) => Math.min(x, 0)),
  );
checkOp("where", [
  ...SIZES.map((n) => ({
    inputs: [condition([n]), uniform([n], -2, 2, 1), uniform([n], -2, 2, 2)],
    build: (c: Tensor, a: Tensor, b: Tensor) => ops.where(c, a, b),
    gradient: false,
  })),
  ...(
    [
      [[5], [3, 5], [3, 1]],
      [[4, 1], [7], []],
      [
        [2, 1, 3],
        [1, 4, 1],
        [4, 3],
      ],
      [[], [9], [9]],
    ] as const
  ).map(([c, a, b]) => ({
    inputs: [condition(c), uniform(a, -2, 2, 1), uniform(b, -2, 2, 2)],
    build: (x: Tensor, y: Tensor, z: Tensor) => ops.where(x, y, z),
    gradient: false,
  })),
  // The condition itself carries no gradient: made from constants, it leaves the others to be checked.
  {
    inputs: [uniform([2, 3], -2, 2, 1), uniform([3], -2, 2, 2)],
    build: (a, b) => ops.where([1, 0, -1], a!, b!),
  },
]);

checkOp("numbers beside tensors", [
  { label: "x + 2", inputs: [uniform([5])], build: (x) => ops.add(x!, 2) },
  { label: "2 − x", inputs: [uniform([5])], build: (x) => ops.sub(2, x!) },
  { label: "x · [1, 2, 3]", inputs: [uniform([4, 3])], build: (x) => ops.mul(x!, [1, 2, 3]) },
  { label: "1 / x", inputs: [uniform([5], 1, 2)], build: (x) => ops.div(1, x!) },
  { label: "x · 1", inputs: [uniform([5])], build: (x) => ops.mul(x!, 1) },
  { label: "1 · x", inputs: [uniform([5])], build: (x) => ops.mul(1, x!) },
  { label: "2ˣ", inputs: [uniform([5])], build: (x) => ops.pow(2, x!) },
]);

test("gradients at kinks are PyTorch's", async () => {
  const graph = new Graph();
  const x = graph.input("x", [3]);
  const y = graph.input("y", [3]);
  const at = [-1, 0, 2];
  const slopes = (build: Unary) => gradients(sum(build(x)), [x])[0]!;
  const wanted: [Tensor, number[]][] = [
    [slopes(ops.abs), [-1, 0, 1]],
    [slopes((z) => ops.clamp(z, -1, 0)), [1, 1, 0]],
    [slopes((z) => ops.maximum(z, y)), [0.5, 0.5, 0.5]],
    [slopes((z) => ops.minimum(z, y)), [0.5, 0.5, 0.5]],
    [slopes((z) => ops.minimum(y, z)), [0.5, 0.5, 0.5]],
    [slopes((z) => ops.maximum(z, 0)), [0, 0.5, 1]],
    [slopes((z) => ops.minimum(z, 0)), [1, 0.5, 0]],
    [slopes((z) => ops.where(z, z, 0)), [1, 0, 1]],
  ];
  const tensors = wanted.map(([tensor]) => tensor);
  const words = await new Trial(
    new Map([
      [x, at],
      [y, at],
    ]),
    tensors,
  ).run(await engineOf(1));
  const numbers = tensors.map((tensor, k) => [...(numbersOf(tensor, words[k]!) as Float32Array)]);
  // The sign of a zero does not matter.
  expect(numbers.map((row) => row.map((each) => each + 0))).toEqual(wanted.map(([, slope]) => slope));
});

test("mul leaves out a factor of one, but not where it spreads", () => {
  const graph = new Graph();
  const x = graph.input("x", [3]);
  expect(ops.mul(x, 1)).toBe(x);
  expect(ops.mul(1, x)).toBe(x);
  expect(ops.mul(x, graph.constant([1], [1, 1])).shape).toEqual([1, 3]);
  expect(ops.mul(x, 2)).not.toBe(x);
  expect(ops.mul(graph.constant(3), 2).node.source).toMatchObject({ values: Float32Array.of(6) });
});

test("operands must be f32 tensors or numbers that broadcast", () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 3]);
  const labels = graph.input("labels", [3], "i32");
  expect(() => ops.add(1, 2)).toThrow(new ShapeError("add: at least one operand must be a tensor"));
  expect(() => ops.mul(1, 2)).toThrow(new ShapeError("mul: at least one operand must be a tensor"));
  expect(() => ops.add(x, labels)).toThrow(new ShapeError("add: wanted f32 operands, got i32"));
  expect(() => ops.sub(x, [1, 2])).toThrow(
    new ShapeError("sub: shapes do not broadcast: [2, 3] and [2] (3 ≠ 2 at axis 1)"),
  );
  expect(() => ops.add(x, new Graph().input("y", [3]))).toThrow(
    new ShapeError("add: a tensor belongs to another model's graph"),
  );
});
