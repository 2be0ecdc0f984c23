// Chains and groups: what fusion makes of elementwise ops must give what they give one by one.
import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { gelu, relu, sigmoid, tanh } from "#src/ops/activation";
import { abs, add, cos, div, exp, maximum, mul, neg, sin, square, sub, where } from "#src/ops/arithmetic";
import { applyElementwise, elementwise, lift, sumTo } from "#src/ops/elementwise";
import { matmul } from "#src/ops/matmul";
import { permute } from "#src/ops/movement";
import { sum } from "#src/ops/reduce";
import { reshape } from "#src/ops/reshape";
import { softmax } from "#src/ops/softmax";
import { checkOp, type OpCase } from "../support/check-op.ts";
import { uniform } from "../support/draw.ts";

/** Around a vector, a grain of 16, a block of 1024, and several blocks. */
const LENGTHS = [1, 3, 16, 17, 65, 1023, 1024, 1025, 2100];
const vectors = (count: number, build: OpCase["build"], lengths = LENGTHS): OpCase[] =>
  lengths.map((n) => ({
    inputs: Array.from({ length: count }, (_, k) => uniform([n], -1, 1, k + 1)),
    build,
  }));

checkOp(
  "a chain whose inner values stay inside",
  vectors(1, (x) => tanh(mul(add(sin(x!), 0.5), x!))),
);
checkOp(
  "a long chain",
  vectors(2, (x, y) => {
    let z: Tensor = x!;
    for (let k = 0; k < 9; k++) z = add(mul(sin(z), 0.9), k % 3 === 0 ? y! : 0.1);
    return z;
  }),
);
checkOp(
  "many inner values alive at once",
  vectors(1, (x) => {
    const parts = Array.from({ length: 9 }, (_, k) => mul(x!, k + 2));
    return parts.map((part, k) => sub(part, parts[8 - k]!)).reduce((a, b) => maximum(a, b));
  }),
);
checkOp(
  "an inner value read twice by one op",
  vectors(1, (x) => mul(exp(x!), exp(x!))),
);
checkOp(
  "one value as both operands",
  vectors(1, (x) => {
    const y = sin(x!);
    return mul(y, y);
  }),
);
checkOp(
  "inner values that are results too",
  vectors(1, (x) => {
    const inner = sin(x!);
    const middle = mul(inner, 3);
    return [inner, add(middle, 1), cos(middle)];
  }),
);
checkOp(
  "a group over a result that is read later",
  vectors(2, (x, y) => {
    const inner = mul(x!, y!);
    return [sigmoid(inner), sum(inner), add(inner, sum(inner))];
  }),
);
checkOp(
  "a result under two names",
  vectors(1, (x) => {
    const y = neg(x!);
    return [y, reshape(y, [1, y.size]), add(y, 1)];
  }),
);
checkOp("an input that is a result", [
  { inputs: [uniform([5])], build: (x) => [x!, reshape(x!, [5, 1]), neg(x!)] },
]);

const rowsAndColumns = [
  [1, 1],
  [2, 3],
  [7, 5],
  [16, 16],
  [33, 65],
  [5, 1024],
  [3, 1030],
  [65, 1],
] as const;
checkOp(
  "broadcasts inside a group",
  rowsAndColumns.map(([m, n]) => ({
    inputs: [uniform([m, n], -1, 1, 1), uniform([n], -1, 1, 2), uniform([m, 1], -1, 1, 3)],
    build: (x, row, column) => div(tanh(add(mul(x!, row!), column!)), add(abs(column!), 1)),
  })),
);
checkOp(
  "a broadcast of what the group before made",
  rowsAndColumns.map(([m, n]) => ({
    inputs: [uniform([m, n], -1, 1, 1), uniform([n], -1, 1, 2)],
    build: (x, row) => {
      const made = sin(row!);
      return [mul(x!, made), add(made, 1)];
    },
  })),
);
checkOp(
  "a residual network's block",
  (
    [
      [1, 4],
      [5, 17],
      [33, 64],
      [70, 30],
    ] as const
  ).map(([m, n]) => ({
    inputs: [
      uniform([m, n], -1, 1, 1),
      uniform([n, n], -0.25, 0.25, 2),
      uniform([n], -1, 1, 3),
      uniform([m, n], -1, 1, 4),
    ],
    build: (x, w, b, other) => {
      const hidden = add(gelu(matmul(x!, w!, b!)), mul(other!, x!));
      return [hidden, softmax(sub(matmul(relu(hidden), w!), hidden))];
    },
  })),
);
checkOp(
  "in place: a value that nobody reads afterwards gives its memory",
  LENGTHS.map((n) => ({
    inputs: [uniform([n, 2], -1, 1, 1)],
    build: (x) => {
      const moved = permute(x!);
      const first = exp(moved);
      const total = sum(first);
      return permute(mul(square(first), total));
    },
  })),
);
checkOp("in place: not where another operand still needs it", [
  {
    inputs: [uniform([40, 40], -1, 1, 1)],
    build: (x) => {
      const moved = permute(x!);
      return [matmul(add(moved, 1), moved), add(mul(moved, 2), moved)];
    },
  },
]);
checkOp(
  "where inside a group",
  vectors(2, (x, y) => where([1], mul(x!, 2), exp(y!))),
);

test("what cannot be lifted says so", () => {
  const graph = new Graph();
  expect(lift("op", graph.input("x", [2]), 3).map((tensor) => tensor.shape)).toEqual([[2], []]);
  expect(() => lift("op", 1, [2])).toThrow(new ShapeError("op: at least one operand must be a tensor"));
  expect(() => lift("op", graph.input("i", [2], "i32"))).toThrow(
    new ShapeError("op: wanted f32 operands, got i32"),
  );
});

test("an operand is copied only where the kernels cannot broadcast it", () => {
  const graph = new Graph();
  const op = elementwise("add", "none");
  const x = graph.input("x", [2, 3, 4, 5]);
  const copied = (...shape: number[]) => {
    const y = graph.input(`y${shape}`, shape);
    return applyElementwise(op, [x, y]).node.inputs[1] !== y;
  };
  expect(copied(5)).toBe(false);
  expect(copied(1, 3, 4, 1)).toBe(false);
  expect(copied(2, 1, 1, 1)).toBe(false);
  expect(copied(1)).toBe(false);
  expect(copied(2, 1, 4, 1)).toBe(true);
  expect(copied(3, 1, 5)).toBe(true);
});

test("sumTo adds up what broadcasting has spread", () => {
  const graph = new Graph();
  const dy = graph.input("dy", [2, 3, 4]);
  expect(sumTo(dy, [2, 3, 4])).toBe(dy);
  expect(sumTo(dy, [3, 1]).shape).toEqual([3, 1]);
  expect(sumTo(dy, []).shape).toEqual([]);
});
