import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { gelu, relu } from "#src/ops/activation";
import { add, mul, sub } from "#src/ops/arithmetic";
import { matmul } from "#src/ops/matmul";
import { sum } from "#src/ops/reduce";
import { checkOp, type OpCase } from "../support/check-op.ts";
import { given, uniform } from "../support/draw.ts";
import { engineOf } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

/** Each awkward size as m, n and k with others beside it; 520 passes the blocks of columns, 300 and 600 those of k. */
const SIZES: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 17, 5],
  [2, 3, 64],
  [3, 65, 2],
  [4, 4, 4],
  [5, 8, 257],
  [6, 16, 31],
  [7, 15, 33],
  [8, 2, 7],
  [9, 31, 9],
  [12, 24, 3],
  [15, 63, 17],
  [16, 64, 16],
  [17, 5, 1],
  [31, 7, 15],
  [33, 9, 63],
  [63, 33, 8],
  [64, 1, 65],
  [65, 10, 4],
  [257, 3, 5],
  [1, 257, 300],
  [10, 520, 3],
  [5, 12, 600],
  [130, 70, 20],
];
const cases = (build: (a: Tensor, b: Tensor, bias: Tensor) => Tensor): OpCase[] =>
  SIZES.map(([m, n, k]) => ({
    inputs: [uniform([m, k], -0.25, 0.25, 1), uniform([k, n], -1, 1, 2), uniform([n], -1, 1, 3)],
    build: (a, b, bias) => build(a!, b!, bias!),
  }));

checkOp(
  "matmul",
  cases((a, b) => matmul(a, b)),
);
checkOp(
  "matmul with bias",
  cases((a, b, bias) => matmul(a, b, bias)),
);
checkOp(
  "matmul with an epilogue",
  cases((a, b, bias) => gelu(matmul(a, b, bias))),
);
checkOp(
  "matmul with an epilogue of several",
  cases((a, b, bias) => {
    const product = matmul(a, b);
    return add(mul(sub(product, bias), product), 1);
  }),
);
// The gradient of a transposed product is a product again: NT and TN with their own gradients.
checkOp(
  "matmul of transposed operands",
  (
    [
      [3, 5, 7],
      [17, 4, 33],
      [1, 9, 2],
      [8, 16, 4],
    ] as const
  ).map(([m, n, k]) => ({
    inputs: [uniform([m, k], -1, 1, 1), uniform([n, k], -1, 1, 2), uniform([k, m], -1, 1, 3)],
    build: (a, b, c) => {
      const op = matmul(a!, c!).node.op!;
      const apply = (x: Tensor, y: Tensor, layout: string) => x.graph.apply(op, [x, y], layout)[0]!;
      return [apply(a!, b!, "NT"), apply(c!, apply(c!, a!, "NN"), "TN")];
    },
  })),
);
checkOp("matmul of many axes", [
  { inputs: [uniform([2, 3, 4]), uniform([4, 5], -2, 2, 1)], build: (a, b) => matmul(a!, b!) },
  {
    inputs: [uniform([4]), uniform([4, 5], -2, 2, 1), uniform([5], -2, 2, 2)],
    build: (a, b, c) => matmul(a!, b!, c!),
  },
  { inputs: [uniform([2, 1, 3, 4]), uniform([4, 1], -2, 2, 1)], build: (a, b) => relu(matmul(a!, b!)) },
]);
checkOp("matmul written out", [
  {
    inputs: [given([2, 1, 2], [1, 2, 3, 4]), given([2, 3], [1, 0, 2, 0, 1, 3]), given([3], [10, 20, 30])],
    build: (a, b, bias) => matmul(a!, b!, bias!),
    want: () => [11, 22, 38, 13, 24, 48],
  },
]);
checkOp("matmul of a tensor with itself", [
  { inputs: [uniform([5, 5])], build: (a) => matmul(a!, a!) },
  { inputs: [uniform([4, 4])], build: (a) => sum(mul(matmul(a!, a!), a!)) },
]);

test("rows times their tiles may pass 31 bits", async () => {
  const rows = 120_000;
  const graph = new Graph();
  const [a, b] = [graph.input("a", [rows, 1]), graph.input("b", [1, 4])];
  const numbers = Float32Array.from({ length: rows }, (_, row) => row);
  const trial = new Trial(
    new Map<Tensor, ArrayLike<number>>([
      [a, numbers],
      [b, Float32Array.of(1, 2, 3, 4)],
    ]),
    [matmul(a, b)],
  );
  const [words] = await trial.run(await engineOf(1));
  const got = new Float32Array(words!.buffer);
  expect(got.findIndex((value, i) => value !== numbers[i >> 2]! * ((i & 3) + 1))).toBe(-1);
});

test("matmul names sizes that do not fit", () => {
  const graph = new Graph();
  const x = (...shape: number[]) => graph.input(`x${shape}`, shape);
  expect(() => matmul(x(32, 784), x(512, 10))).toThrow(
    new ShapeError("matmul: inner sizes differ: [32, 784] × [512, 10] (784 ≠ 512)"),
  );
  expect(() => matmul(x(2, 3), x(3, 4), x(5))).toThrow(
    new ShapeError("matmul: bias has shape [5], wanted [4]"),
  );
  expect(() => matmul(x(2, 3), x(3, 4), x(1, 4))).toThrow(
    new ShapeError("matmul: bias has shape [1, 4], wanted [4]"),
  );
  expect(() => matmul(x(), x(3, 4))).toThrow(
    new ShapeError("matmul: wanted [..., m, k] × [k, n], got [] × [3, 4]"),
  );
  expect(() => matmul(x(2, 3), x(3))).toThrow(
    new ShapeError("matmul: wanted [..., m, k] × [k, n], got [2, 3] × [3]"),
  );
  expect(() => matmul(x(2, 3), graph.input("i", [3, 4], "i32"))).toThrow(
    new ShapeError("matmul: wanted f32 operands, got i32"),
  );
});
