import { expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { ShapeError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import { add, mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { matmul } from "#src/ops/matmul";
import { sum } from "#src/ops/reduce";
import { reshape } from "#src/ops/reshape";
import { logSoftmax, softmax, softmaxCrossEntropy } from "#src/ops/softmax";
import { checkOp, type OpCase, SIZES } from "../support/check-op.ts";
import { given, labels, uniform } from "../support/draw.ts";

const shapes: readonly (readonly number[])[] = [
  ...SIZES.map((n) => [n]),
  ...SIZES.map((n) => [3, n]),
  ...SIZES.map((n) => [n, 10]),
  [2, 3, 4],
  [2, 1, 5, 3],
];
const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
/** Rows that overflow unless the largest is taken off first, ties, and what is not finite. */
const special = [
  [1000, 1001, 999, 0, -1000],
  [-1000, -1001, -999, -2000, -1000],
  [3e38, -3e38, 0, 3e38, 0],
  [5, 5, 5, 5, 5],
  [0, -infinity, 1, -infinity, 2],
  [1, nan, 2, 3, 4],
  [0, 0, infinity, 0, 0],
];

for (const [name, apply] of [
  ["softmax", softmax],
  ["logSoftmax", logSoftmax],
] as const) {
  checkOp(name, [
    ...shapes.map((shape): OpCase => ({ inputs: [uniform(shape, -4, 4)], build: (x) => apply(x!) })),
    ...special.map(
      (row): OpCase => ({
        label: `${row}`,
        inputs: [given([1, 5], row)],
        build: (x) => apply(x!),
        gradient: false,
      }),
    ),
  ]);
}

checkOp("softmaxCrossEntropy", [
  ...shapes.map(
    (shape): OpCase => ({
      inputs: [uniform(shape, -4, 4), labels(shape.slice(0, -1), shape.at(-1)!)],
      build: (x, at) => softmaxCrossEntropy(x!, at!),
      want: (x = [], at = []) => {
        const columns = shape.at(-1)!;
        const losses = at.map((label, row) => {
          const logits = x.slice(row * columns, (row + 1) * columns);
          return Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0)) - logits[label]!;
        });
        return [losses.reduce((a, b) => a + b) / losses.length];
      },
    }),
  ),
  {
    label: "labels of another shape",
    inputs: [uniform([6, 4]), labels([2, 3], 4)],
    build: (x, at) => softmaxCrossEntropy(x!, at!),
  },
  ...special.slice(0, 4).flatMap((row) =>
    [0, 4].map(
      (label): OpCase => ({
        label: `${row} at ${label}`,
        inputs: [given([1, 5], row), given([1], [label], "i32")],
        build: (x, at) => softmaxCrossEntropy(x!, at!),
        gradient: false,
      }),
    ),
  ),
]);
checkOp("softmaxCrossEntropy among others", [
  {
    inputs: [
      uniform([33, 17], -1, 1, 1),
      uniform([17, 10], -0.5, 0.5, 2),
      uniform([10], -1, 1, 3),
      labels([33], 10),
    ],
    build: (x, w, b, at) => {
      const logits = matmul(x!, w!, b!);
      return add(mul(softmaxCrossEntropy(logits, at!), 2), sum(mul(softmax(logits), 0.125)));
    },
  },
]);

test("softmaxCrossEntropy limits its labels", () => {
  const graph = new Graph();
  const at = graph.input("at", [2, 2], "i32");
  softmaxCrossEntropy(graph.input("x", [4, 3]), reshape(at, [4]));
  expect(at.node.source).toMatchObject({ labels: 3 });
});

test("softmaxCrossEntropy keeps no residual where nobody wants a gradient", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 3]);
  const at = graph.input("at", [4], "i32");
  const loss = softmaxCrossEntropy(x, at);
  const place = (region: string) => ({ region, offset: 0 });
  const inputs = [
    [x, place("x")],
    [at, place("at")],
  ] as const;
  expect(compile({ graph, placements: new Map([...inputs, [loss, place("loss")]]) }).listing()).toMatch(
    /softmaxCrossEntropy .* –$/m,
  );
  const [dx] = gradients(loss, [x]);
  expect(compile({ graph, placements: new Map([...inputs, [dx!, place("dx")]]) }).listing()).not.toContain(
    "–",
  );
});

test("softmax and cross-entropy name what does not fit", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 3]);
  const scalar = sum(x);
  expect(() => softmax(scalar)).toThrow(new ShapeError("softmax: wanted rank 1 or more, got a scalar"));
  expect(() => logSoftmax(scalar)).toThrow(new ShapeError("logSoftmax: wanted rank 1 or more, got a scalar"));
  expect(() => softmaxCrossEntropy(scalar, x)).toThrow(
    new ShapeError("softmaxCrossEntropy: wanted logits of rank 1 or more, got a scalar"),
  );
  expect(() => softmaxCrossEntropy(x, graph.input("f", [4]))).toThrow(
    new ShapeError(
      "softmaxCrossEntropy: wanted 4 integer labels or f32 [4, 3] for logits of that shape, got f32 [4]",
    ),
  );
  expect(() => softmaxCrossEntropy(x, graph.input("five", [5], "i32"))).toThrow(
    new ShapeError(
      "softmaxCrossEntropy: wanted 4 integer labels or f32 [4, 3] for logits of that shape, got i32 [5]",
    ),
  );
  const integers = graph.input("integers", [4, 3], "i32");
  expect(() => softmax(integers)).toThrow(new ShapeError("softmax: wanted an f32 tensor, got i32"));
  expect(() => softmaxCrossEntropy(integers, graph.input("at", [4], "i32"))).toThrow(
    new ShapeError("softmaxCrossEntropy: wanted f32 logits, got i32"),
  );
});
