import { expect, test } from "vitest";
import { ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { exp, mul, neg } from "#src/ops/arithmetic";
import { beforeBroadcast, broadcastTo } from "#src/ops/broadcast";
import { concatenate, pad, permute, slice } from "#src/ops/movement";
import { sum } from "#src/ops/reduce";
import { checkOp, type OpCase, SIZES } from "../support/check-op.ts";
import { given, labels, uniform } from "../support/draw.ts";

const of = (shape: readonly number[], build: (x: Tensor) => Tensor, label = ""): OpCase => ({
  label,
  inputs: [uniform(shape)],
  build: (x) => build(x!),
});

checkOp("broadcastTo", [
  ...SIZES.map((n) => of([n], (x) => broadcastTo(x, [3, n]))),
  ...SIZES.map((n) => of([5, 1], (x) => broadcastTo(x, [5, n]))),
  ...(
    [
      [[], [4]],
      [[1], [7]],
      [
        [2, 1, 3],
        [2, 4, 3],
      ],
      [
        [2, 1, 3, 1],
        [2, 5, 3, 4],
      ],
      [
        [3, 1],
        [2, 2, 3, 4],
      ],
      [
        [1, 1],
        [1, 9],
      ],
      [
        [1, 3, 1, 2, 1],
        [2, 3, 2, 2, 3],
      ],
    ] as const
  ).map(([from, to]) => of(from, (x) => broadcastTo(x, to), `to [${to}]`)),
]);

const orders: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [3, 4],
    [1, 0],
  ],
  [
    [2, 3, 4],
    [0, 2, 1],
  ],
  [
    [2, 3, 4],
    [1, 0, 2],
  ],
  [
    [2, 3, 4],
    [2, 1, 0],
  ],
  [
    [2, 3, 4],
    [1, 2, 0],
  ],
  [
    [2, 3, 4],
    [-1, -3, -2],
  ],
  [
    [2, 3, 4, 5],
    [0, 3, 1, 2],
  ],
  [
    [2, 3, 4, 5],
    [3, 2, 1, 0],
  ],
  [
    [2, 3, 4, 5],
    [2, 3, 0, 1],
  ],
  [
    [2, 1, 4, 1],
    [3, 2, 1, 0],
  ],
  [
    [2, 3, 2, 3, 2, 3],
    [5, 3, 1, 4, 2, 0],
  ],
  [
    [2, 2, 2, 2, 2, 2, 2, 2],
    [7, 5, 3, 1, 6, 4, 2, 0],
  ],
];
checkOp("permute", [
  ...SIZES.map((n) => of([n, 7], (x) => permute(x))),
  ...SIZES.map((n) => of([3, n], (x) => permute(x, [1, 0]))),
  ...orders.map(([shape, axes]) => of(shape, (x) => permute(x, axes), `[${axes}]`)),
]);

const boxes: readonly (readonly [readonly number[], readonly number[], readonly number[]])[] = [
  [[5], [0], [3]],
  [[5], [4], [1]],
  [
    [4, 6],
    [1, 0],
    [2, 6],
  ],
  [
    [4, 6],
    [0, 2],
    [4, 3],
  ],
  [
    [4, 6],
    [3, 5],
    [1, 1],
  ],
  [
    [3, 4, 5],
    [1, 1, 1],
    [2, 2, 3],
  ],
  [
    [3, 4, 5],
    [0, 2, 0],
    [3, 1, 5],
  ],
  [
    [2, 3, 4, 5],
    [1, 0, 2, 1],
    [1, 3, 2, 4],
  ],
];
checkOp("slice", [
  ...SIZES.map((n) => of([n + 1, 3], (x) => slice(x, [1, 1], [n, 2]))),
  ...SIZES.map((n) => of([2, n + 3], (x) => slice(x, [0, 2], [2, n]))),
  ...boxes.map(([shape, start, size]) => of(shape, (x) => slice(x, start, size), `[${start}] [${size}]`)),
]);

type Widths = readonly (readonly [number, number])[];
const frames: readonly (readonly [readonly number[], Widths])[] = [
  [[3], [[0, 2]]],
  [[3], [[4, 0]]],
  [
    [2, 3],
    [
      [0, 0],
      [1, 1],
    ],
  ],
  [
    [2, 3],
    [
      [1, 2],
      [0, 0],
    ],
  ],
  [
    [2, 3, 2],
    [
      [1, 0],
      [0, 1],
      [2, 2],
    ],
  ],
  [
    [1, 4, 4, 2],
    [
      [0, 0],
      [2, 2],
      [2, 2],
      [0, 0],
    ],
  ],
];
checkOp("pad", [
  ...SIZES.map((n) => of([n], (x) => pad(x, [[1, 2]]))),
  ...SIZES.map((n) =>
    of([3, n], (x) =>
      pad(
        x,
        [
          [1, 1],
          [2, 0],
        ],
        -1.5,
      ),
    ),
  ),
  ...frames.map(([shape, widths]) => of(shape, (x) => pad(x, widths, 0.1), JSON.stringify(widths))),
]);

const joined = (axis: number, ...shapes: readonly (readonly number[])[]): OpCase => ({
  label: `axis ${axis}`,
  inputs: shapes.map((shape, k) => uniform(shape, -2, 2, k)),
  build: (...inputs) => concatenate(inputs, axis),
});
checkOp("concatenate", [
  ...SIZES.map((n) => joined(0, [n], [3], [n])),
  ...SIZES.map((n) => joined(-1, [2, n], [2, 5])),
  ...SIZES.map((n) => joined(0, [n, 3], [2, 3])),
  joined(1, [2, 1, 3], [2, 4, 3], [2, 2, 3]),
  joined(-3, [2, 1, 3], [1, 1, 3]),
  joined(0, [1, 1], [1, 1]),
  {
    label: "of one tensor twice",
    inputs: [uniform([3, 2])],
    build: (x) => concatenate([x!, neg(x!), x!], 1),
  },
  { label: "of one", inputs: [uniform([3, 2])], build: (x) => concatenate([x!]) },
]);

/** Small results written out: what the functions make of axes, starts and widths, and in which order. */
const counted = given([2, 3], [1, 2, 3, 4, 5, 6]);
const written: readonly (readonly [string, (x: Tensor) => Tensor, readonly number[]])[] = [
  ["rows spread", (x) => broadcastTo(x, [2, 2, 3]), [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]],
  ["transposed", (x) => permute(x), [1, 4, 2, 5, 3, 6]],
  ["permuted by negative axes", (x) => permute(x, [-1, -2]), [1, 4, 2, 5, 3, 6]],
  ["a box", (x) => slice(x, [0, 1], [2, 2]), [2, 3, 5, 6]],
  [
    "framed",
    (x) =>
      pad(
        x,
        [
          [0, 1],
          [2, 0],
        ],
        9,
      ),
    [9, 9, 1, 2, 3, 9, 9, 4, 5, 6, 9, 9, 9, 9, 9],
  ],
  ["joined along the last axis", (x) => concatenate([x, x]), [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]],
  ["joined along the first", (x) => concatenate([x, x], -2), [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]],
];
checkOp(
  "movement written out",
  written.map(([label, build, want]) => ({
    label,
    inputs: [counted],
    build: (x) => build(x!),
    want: () => want,
  })),
);

checkOp("movement of integers", [
  {
    inputs: [labels([3, 4], 9)],
    build: (x) => [
      permute(x!),
      slice(x!, [1, 1], [2, 3]),
      pad(x!, [
        [1, 0],
        [0, 1],
      ]),
      broadcastTo(x!, [2, 3, 4]),
      concatenate([x!, x!], 0),
    ],
    gradient: false,
  },
]);

checkOp("movement between computations", [
  of([6, 5], (x) => exp(permute(mul(permute(exp(x)), 0.5)))),
  of([6, 5], (x) => mul(broadcastTo(sum(x), [6, 5]), x)),
  of([6, 5], (x) => mul(slice(exp(x), [0, 1], [6, 4]), slice(exp(x), [0, 0], [6, 4]))),
]);

test("what changes nothing is left out", () => {
  const x = new Graph().input("x", [2, 3]);
  expect(broadcastTo(x, [2, 3])).toBe(x);
  expect(permute(x, [0, -1])).toBe(x);
  expect(slice(x, [0, 0], [2, 3])).toBe(x);
  expect(
    pad(x, [
      [0, 0],
      [0, 0],
    ]),
  ).toBe(x);
  expect(concatenate([x])).toBe(x);
  expect(beforeBroadcast(broadcastTo(x, [4, 2, 3]))).toBe(x);
  expect(beforeBroadcast(x)).toBe(x);
});

test("movement names what does not fit", () => {
  const graph = new Graph();
  const x = graph.input("x", [2, 3]);
  const error = (message: string) => new ShapeError(message);
  expect(() => broadcastTo(x, [2])).toThrow(
    error("broadcastTo: shapes do not broadcast: [2, 3] and [2] (3 ≠ 2 at axis 1)"),
  );
  expect(() => broadcastTo(x, [3])).toThrow(error("broadcastTo: [2, 3] does not broadcast to [3]"));
  expect(() => broadcastTo(x, [2, 1])).toThrow(error("broadcastTo: [2, 3] does not broadcast to [2, 1]"));
  expect(() => broadcastTo(sum(x, { axes: 1, keepDims: true }), [2, 0])).toThrow(
    error("broadcastTo: sizes must be positive integers: got 0 at axis 1 of [2, 0]"),
  );
  expect(() => permute(x, [0])).toThrow(error("permute: wanted each axis of [2, 3] once, got [0]"));
  expect(() => permute(x, [1, -1])).toThrow(error("permute: wanted each axis of [2, 3] once, got [1, -1]"));
  expect(() => permute(x, [0, 2])).toThrow(error("permute: no such axis: got 2, wanted -2 to 1 for rank 2"));
  const outside = (start: number[], size: number[]) =>
    expect(() => slice(x, start, size)).toThrow(
      error(`slice: start [${start.join(", ")}] with size [${size.join(", ")}] does not lie inside [2, 3]`),
    );
  outside([0], [2]);
  outside([0, 1], [2, 3]);
  outside([-1, 0], [1, 1]);
  outside([0, 0], [0, 3]);
  outside([0, 0], [2]);
  outside([0.5, 0], [1, 1]);
  outside([0, 0], [1, 1.5]);
  outside([Number.NaN, 0], [1, 1]);
  const widths = (...pairs: [number, number][]) =>
    expect(() => pad(x, pairs)).toThrow(
      error(`pad: wanted a pair of widths ≥ 0 for each axis of [2, 3], got ${JSON.stringify(pairs)}`),
    );
  widths([0, 0]);
  widths([0, 0], [-1, 1]);
  widths([0, 0], [0.5, 1]);
  expect(() => concatenate([])).toThrow(error("concatenate: wanted at least one tensor, got none"));
  expect(() => concatenate([x, graph.input("y", [2, 3, 1])])).toThrow(
    error("concatenate: [2, 3, 1] f32 does not join [2, 3] f32 along axis 1"),
  );
  expect(() => concatenate([x, graph.input("z", [4, 3])], 1)).toThrow(
    error("concatenate: [4, 3] f32 does not join [2, 3] f32 along axis 1"),
  );
  expect(() => concatenate([x, graph.input("i", [2, 3], "i32")])).toThrow(
    error("concatenate: [2, 3] i32 does not join [2, 3] f32 along axis 1"),
  );
  expect(() => concatenate([x], 2)).toThrow(
    error("concatenate: no such axis: got 2, wanted -2 to 1 for rank 2"),
  );
});
