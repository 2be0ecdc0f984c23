import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import { mul } from "#src/ops/arithmetic";
import { batchMatmul } from "#src/ops/batch-matmul";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { checkOp, type OpCase } from "../support/check-op.ts";
import { uniform } from "../support/draw.ts";

/** batch, m, k, n: around tiles and vectors, thin ones, and more batches than threads. */
const SIZES: readonly (readonly [number, number, number, number])[] = [
  [1, 1, 1, 1],
  [2, 3, 4, 5],
  [3, 1, 7, 9],
  [5, 4, 3, 17],
  [2, 7, 5, 8],
  [3, 6, 16, 16],
  [2, 13, 33, 15],
  [7, 5, 8, 1],
  [2, 31, 300, 9],
  [1, 65, 17, 63],
];
checkOp(
  "batchMatmul",
  SIZES.flatMap(([batch, m, k, n]) =>
    (
      [
        [false, false],
        [false, true],
        [true, false],
        [true, true],
      ] as const
    ).map(
      ([transposeA, transposeB]): OpCase => ({
        label: `${transposeA ? "T" : "N"}${transposeB ? "T" : "N"}`,
        inputs: [
          uniform(transposeA ? [batch, k, m] : [batch, m, k], -2, 2, 1),
          uniform(transposeB ? [batch, n, k] : [batch, k, n], -2, 2, 2),
        ],
        build: (a, b) => batchMatmul(a!, b!, { transposeA, transposeB }),
        want: (a = [], b = []) => {
          const c: number[] = [];
          for (let at = 0; at < batch; at++)
            for (let i = 0; i < m; i++)
              for (let j = 0; j < n; j++) {
                let total = 0;
                for (let p = 0; p < k; p++)
                  total +=
                    a[at * m * k + (transposeA ? p * m + i : i * k + p)]! *
                    b[at * k * n + (transposeB ? j * k + p : p * n + j)]!;
                c.push(total);
              }
          return c;
        },
      }),
    ),
  ),
);

checkOp("batchMatmul over leading axes", [
  { inputs: [uniform([2, 3, 4, 5]), uniform([2, 3, 5, 6])], build: (a, b) => batchMatmul(a!, b!) },
  { inputs: [uniform([4, 5]), uniform([5, 6])], build: (a, b) => batchMatmul(a!, b!) },
  { inputs: [uniform([3, 1, 4, 5]), uniform([2, 5, 6])], build: (a, b) => batchMatmul(a!, b!) },
  // Its gradient's gradient is products again.
  {
    inputs: [uniform([2, 3, 4]), uniform([2, 5, 4])],
    build: (a, b) => {
      const c = batchMatmul(a!, b!, { transposeB: true });
      return gradients(sum(mul(c, mul(c, c))), [a!, b!]).map((each) => each!);
    },
  },
]);

test("batchMatmul names what does not fit", () => {
  const graph = new Graph();
  const a = graph.input("a", [2, 3, 4]);
  expect(() => batchMatmul(a, a)).toThrow(
    new ShapeError("batchMatmul: inner sizes differ: [2, 3, 4] × [2, 3, 4] (4 ≠ 3)"),
  );
  expect(() => batchMatmul(a, graph.input("b", [3, 4, 5]))).toThrow(
    new ShapeError("batchMatmul: shapes do not broadcast: [2] and [3] (2 ≠ 3 at axis 0)"),
  );
  expect(() => batchMatmul(a, graph.input("c", [4]))).toThrow(
    new ShapeError("batchMatmul: wanted f32 [..., m, k] × [..., k, n], got f32 [2, 3, 4] × f32 [4]"),
  );
});
