// Pooling and resizing: values, gradients, gradients of gradients, PyTorch's numbers, bad input.
import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { type DType, Graph, type Tensor } from "#src/graph/tensor";
import { relu } from "#src/ops/activation";
import { exp, mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { adaptiveMaxPool, maxPool } from "#src/ops/max-pool";
import { sum } from "#src/ops/reduce";
import { adaptiveAveragePool, averagePool, resize } from "#src/ops/resample";
import { checkOp, type OpCase, SIZES } from "../support/check-op.ts";
import { distinct, given, uniform } from "../support/draw.ts";
import { engineOf } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

type Build = (x: Tensor) => Tensor;

/** Shapes, and what is done to each; every number of channels goes through every kernel. */
const POOLS: readonly (readonly [string, readonly number[], (pool: typeof maxPool) => Build])[] = [
  ...SIZES.map(
    (c) => [`${c} channels`, [2, 4, 4, c], (pool: typeof maxPool) => (x: Tensor) => pool(x, 2)] as const,
  ),
  ...SIZES.map(
    (n) =>
      [
        `length ${n}`,
        [1, n, 3],
        (p: typeof maxPool) => (x: Tensor) => p(x, 3, { stride: 2, padding: "same" }),
      ] as const,
  ),
  ["a row left over", [3, 5, 7, 4], (pool) => (x) => pool(x, [2, 3])],
  ["overlapping", [2, 7, 6, 5], (pool) => (x) => pool(x, 3, { stride: 2 })],
  ["overlapping by more", [1, 6, 7, 17], (pool) => (x) => pool(x, [3, 5], { stride: [1, 2], padding: 1 })],
  ["with gaps", [2, 9, 8, 3], (pool) => (x) => pool(x, 2, { stride: 3 })],
  [
    "padded before and after",
    [2, 5, 4, 2],
    (p) => (x) =>
      p(x, 3, {
        stride: 2,
        padding: [
          [2, 1],
          [0, 2],
        ],
      }),
  ],
  ["same, odd element behind", [1, 4, 4, 20], (pool) => (x) => pool(x, 3, { stride: 2, padding: "same" })],
  ["all of it", [2, 3, 4, 33], (pool) => (x) => pool(x, [3, 4])],
  ["one element", [1, 1, 1, 1], (pool) => (x) => pool(x, 1)],
  ["window of one, stride of two", [1, 5, 3], (pool) => (x) => pool(x, 1, { stride: 2 })],
  [
    "cut off behind",
    [2, 6, 8, 3],
    (pool) => (x) => pool(x, 3, { stride: [2, 3], padding: 1, ceilMode: true }),
  ],
  [
    "a sequence padded before, as a pair",
    [2, 6, 4],
    (pool) => (x) => pool(x, 3, { stride: 1, padding: [2, 0] }),
  ],
  ["a sequence padded before", [2, 6, 4], (pool) => (x) => pool(x, 3, { stride: 1, padding: [[2, 0]] })],
];
const BINS: readonly (readonly [readonly number[], number | readonly number[]])[] = [
  [
    [2, 7, 5, 3],
    [3, 2],
  ],
  [[1, 4, 4, 16], 1],
  [
    [1, 3, 2, 5],
    [5, 4],
  ],
  [[2, 11, 3], 4],
];

/** Of maxima alone: windows whose elements lie apart. */
const DILATED: typeof POOLS = [
  ...SIZES.filter((c) => c < 40).map(
    (c) =>
      [
        `${c} channels`,
        [1, 6, 5, c],
        (pool: typeof maxPool) => (x: Tensor) => pool(x, 3, { stride: 1, dilation: 2 }),
      ] as const,
  ),
  [
    "by another step each axis",
    [2, 9, 8, 5],
    (pool) => (x) => pool(x, [2, 3], { stride: [3, 1], dilation: [4, 2] }),
  ],
  [
    "padded, wider than the stride",
    [2, 8, 7, 3],
    (pool) => (x) => pool(x, 3, { stride: 2, dilation: 2, padding: 1 }),
  ],
  ["same", [1, 9, 4], (pool) => (x) => pool(x, 3, { stride: 2, dilation: 3, padding: "same" })],
  ["cut off behind", [1, 9, 10, 2], (pool) => (x) => pool(x, 2, { stride: 3, dilation: 2, ceilMode: true })],
];

checkOp("maxPool", [
  ...DILATED.map(
    ([label, shape, make]): OpCase => ({
      label: `dilated: ${label}`,
      inputs: [distinct(shape)],
      build: (x) => make(maxPool)(x!),
    }),
  ),
  ...POOLS.map(
    ([label, shape, make]): OpCase => ({ label, inputs: [distinct(shape)], build: (x) => make(maxPool)(x!) }),
  ),
  // What is pooled lies between computations, and the gradient of the gradient goes through both kernels again.
  {
    label: "between",
    inputs: [distinct([2, 5, 5, 6])],
    build: (x) => exp(maxPool(mul(x!, 2), 3, { stride: 2 })),
  },
  // More than passes at a time, in many pixels and in one; the gradient too has a pass behind it.
  ...[
    [1, 40, 30, 8],
    [1, 2, 6, 2500],
  ].map((shape): OpCase => {
    const build = (x: Tensor) => mul(exp(mul(maxPool(relu(x), 2), 0.1)), 3);
    return { label: "passes", inputs: [distinct(shape)], build: (x) => build(x!) };
  }),
  {
    label: "twice",
    inputs: [distinct([2, 5, 5, 6])],
    build: (x) => gradients(sum(exp(maxPool(x!, 3, { stride: 2 }))), [x!])[0]!,
  },
]);

const averages = (countPadding: boolean) =>
  ((x, window, options) => averagePool(x, window, { ...options, countPadding })) as typeof maxPool;
checkOp("averagePool", [
  ...POOLS.map(
    ([label, shape, make]): OpCase => ({
      label,
      inputs: [uniform(shape)],
      build: (x) => make(averagePool)(x!),
    }),
  ),
  ...POOLS.filter(([label]) => /padded|more|cut/.test(label)).map(
    ([label, shape, make]): OpCase => ({
      label: `${label}, padding counted`,
      inputs: [uniform(shape)],
      build: (x) => make(averages(true))(x!),
    }),
  ),
  {
    label: "twice",
    inputs: [uniform([2, 5, 5, 6])],
    build: (x) => gradients(sum(exp(averagePool(x!, 3, { stride: 2 }))), [x!])[0]!,
  },
]);

checkOp(
  "adaptive pooling",
  BINS.flatMap(([shape, size]): OpCase[] => [
    { label: "max", inputs: [distinct(shape)], build: (x) => adaptiveMaxPool(x!, size) },
    { label: "average", inputs: [uniform(shape)], build: (x) => adaptiveAveragePool(x!, size) },
  ]),
);

checkOp(
  "resize",
  (
    [
      [
        [2, 3, 4, 5],
        [6, 8],
      ],
      [
        [1, 4, 3, 16],
        [7, 2],
      ],
      [
        [1, 1, 1, 3],
        [2, 3],
      ],
      [
        [1, 5, 2, 33],
        [1, 1],
      ],
      [[2, 5, 4], 9],
    ] as const
  ).flatMap(([shape, size]): OpCase[] => [
    { label: "nearest", inputs: [uniform(shape)], build: (x) => resize(x!, size) },
    { label: "bilinear", inputs: [uniform(shape)], build: (x) => resize(x!, size, { method: "bilinear" }) },
    {
      label: "bilinear, corners aligned",
      inputs: [uniform(shape)],
      build: (x) => resize(x!, size, { method: "bilinear", alignCorners: true }),
    },
  ]),
);

/** In plain loops, from what the words say and not from the graph. */
const wanted: readonly OpCase[] = [
  {
    inputs: [given([1, 5, 1], [1, 5, 2, 4, 3])],
    build: (x) => maxPool(x!, 2),
    want: () => [5, 4],
  },
  {
    inputs: [given([1, 5, 1], [-1, -5, -2, -4, -3])],
    // Padding of zeros would be the largest.
    build: (x) => maxPool(x!, 3, { stride: 2, padding: "same" }),
    want: () => [-1, -2, -3],
  },
  {
    inputs: [given([1, 4, 1], [2, 4, 6, 8])],
    // The odd element of padding lies behind.
    build: (x) => averagePool(x!, 3, { stride: 2, padding: "same" }),
    want: () => [4, 7],
  },
  {
    inputs: [given([1, 4, 1], [3, 6, 9, 12])],
    build: (x) => averagePool(x!, 3, { stride: 2, padding: [[0, 1]], countPadding: true }),
    want: () => [6, 7],
  },
  {
    inputs: [given([1, 2, 2, 1], [1, 2, 3, 4])],
    build: (x) => resize(x!, [4, 4]),
    want: () => [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4],
  },
  {
    inputs: [given([1, 2, 1], [0, 4])],
    build: (x) => resize(x!, 4, { method: "bilinear" }),
    want: () => [0, 1, 3, 4],
  },
  {
    inputs: [given([1, 2, 1], [0, 3])],
    build: (x) => resize(x!, 4, { method: "bilinear", alignCorners: true }),
    want: () => [0, 1, 2, 3],
  },
  {
    inputs: [given([1, 5, 1], [9, 2, 3, 8, 5])],
    build: (x) => maxPool(x!, 2, { stride: 1, dilation: 2 }),
    want: () => [9, 8, 5],
  },
  {
    inputs: [given([1, 4, 1], [1, 2, 3, 4])],
    // A third window would begin in the padding behind.
    build: (x) => maxPool(x!, 2, { stride: 3, padding: 1, ceilMode: true }),
    want: () => [1, 4],
  },
  {
    inputs: [given([1, 5, 1], [2, 4, 6, 8, 10])],
    // The last window holds 10, one element of padding, and one of nothing, which does not count.
    build: (x) => averagePool(x!, 4, { stride: 4, padding: [0, 1], ceilMode: true, countPadding: true }),
    want: () => [5, 5],
  },
  { inputs: [given([1, 5, 1], [1, 2, 3, 4, 5])], build: (x) => resize(x!, 3), want: () => [1, 3, 5] },
  { inputs: [given([1, 5, 1], [1, 2, 6, 4, 5])], build: (x) => adaptiveMaxPool(x!, 2), want: () => [6, 6] },
  {
    inputs: [given([1, 5, 1], [1, 2, 6, 4, 8])],
    build: (x) => adaptiveAveragePool(x!, 2),
    want: () => [3, 6],
  },
];
checkOp(
  "windows by hand",
  wanted.map((each, k) => ({ label: `${k}`, gradient: false, ...each })),
);

/** What a function makes of numbers, and the gradient of its sum, in each instruction set. */
async function everywhere(shape: readonly number[], values: readonly number[], build: Build) {
  const graph = new Graph();
  const x = graph.input("x", shape);
  const y = build(x);
  const [dx] = gradients(
    sum(
      mul(
        y,
        graph.constant(
          Array.from({ length: y.size }, (_, k) => k + 1),
          y.shape,
        ),
      ),
    ),
    [x],
  );
  const results = [];
  for (const numerics of ["exact", "fast"] as const) {
    for (const threads of [1, 3]) {
      const words = await new Trial(new Map([[x, values]]), [y, dx!]).run(await engineOf(threads, numerics));
      results.push(words.map((each) => [...new Float32Array(each.buffer, each.byteOffset, each.length)]));
    }
  }
  return results;
}

describe("the largest", () => {
  test("of equal ones the first has the gradient", async () => {
    for (const [y, dx] of await everywhere([1, 2, 4, 1], [7, 7, 3, 3, 7, 7, 3, 3], (x) => maxPool(x, 2))) {
      expect(y).toEqual([7, 3]);
      expect(dx).toEqual([1, 0, 2, 0, 0, 0, 0, 0]);
    }
  });
  test("is NaN where there is one, in a vector and in its tail", async () => {
    const values = Array.from({ length: 4 * 6 }, (_, k) => (k === 6 || k === 4 + 18 ? Number.NaN : -k));
    for (const [y, dx] of await everywhere([1, 2, 2, 6], values, (x) => maxPool(x, 2))) {
      expect(y).toEqual([Number.NaN, -1, -2, -3, Number.NaN, -5]);
      expect(dx!.indexOf(1)).toBe(6);
      expect(dx!.indexOf(5)).toBe(22);
    }
  });
  test("of negative infinities is one of them", async () => {
    const values = new Array<number>(4).fill(Number.NEGATIVE_INFINITY);
    for (const [y, dx] of await everywhere([1, 2, 2, 1], values, (x) => maxPool(x, 2))) {
      expect(y).toEqual([Number.NEGATIVE_INFINITY]);
      expect(dx).toEqual([1, 0, 0, 0]);
    }
  });
});

describe("bad input", () => {
  const graph = new Graph();
  const input = (shape: readonly number[], dtype: DType = "f32") =>
    graph.input(`${graph.nodes.length}`, shape, dtype);
  const images = input([2, 4, 3, 1]);
  test.each<[string, () => Tensor, Error]>([
    [
      "a window larger than the input",
      () => maxPool(images, 4),
      new ShapeError("maxPool: the window is larger than the padded input: got 4 on 3, wanted at most 3"),
    ],
    [
      "a window larger than the padded input",
      () => averagePool(images, 7, { padding: 1 }),
      new ShapeError("averagePool: the window is larger than the padded input: got 7 on 6, wanted at most 6"),
    ],
    [
      "a matrix",
      () => maxPool(input([2, 3]), 1),
      new ShapeError(
        "maxPool: wanted f32 [batch, length, channels] or [batch, height, width, channels], got f32 [2, 3]",
      ),
    ],
    [
      "integers",
      () => resize(input([2, 3, 3], "i32"), 2),
      new ShapeError(
        "resize: wanted f32 [batch, length, channels] or [batch, height, width, channels], got i32 [2, 3, 3]",
      ),
    ],
    [
      "a window of nothing",
      () => maxPool(images, 0),
      new OptionError("maxPool: window: got 0, wanted a positive integer or 2 of them"),
    ],
    [
      "too many sizes",
      () => averagePool(images, [1, 2, 3]),
      new OptionError("averagePool: window: got [1,2,3], wanted a positive integer or 2 of them"),
    ],
    [
      "a stride of a half",
      () => maxPool(input([1, 4, 1]), 2, { stride: 0.5 }),
      new OptionError("maxPool: stride: got 0.5, wanted a positive integer"),
    ],
    [
      "padding as wide as the window",
      () => maxPool(images, 2, { padding: 2 }),
      new OptionError(
        'maxPool: padding: got 2, wanted "valid", "same", or numbers from 0 to below the window [2, 2]',
      ),
    ],
    ["padding of one axis", () => maxPool(images, 2, { padding: [[1, 1]] }), new OptionError("padding")],
    [
      "negative padding",
      () =>
        maxPool(images, 2, {
          padding: [
            [0, -1],
            [0, 0],
          ],
        }),
      new OptionError("padding"),
    ],
    ["unknown padding", () => maxPool(images, 2, { padding: "full" as never }), new OptionError("padding")],
    ["no padding at all", () => maxPool(images, 2, { padding: null as never }), new OptionError("padding")],
    [
      "a dilation of nothing",
      () => maxPool(images, 2, { dilation: 0 }),
      new OptionError("maxPool: dilation: got 0, wanted a positive integer or 2 of them"),
    ],
    [
      "a dilated window larger than the input",
      () => maxPool(images, 2, { dilation: [4, 1] }),
      new ShapeError("maxPool: the window is larger than the padded input: got 5 on 4, wanted at most 4"),
    ],
    [
      "a window of padding alone",
      () => maxPool(input([1, 2, 1]), 2, { dilation: 3, padding: 1 }),
      new ShapeError("maxPool: a window lies in the padding alone: got dilation 3 on 2 padded by [1, 1]"),
    ],
    [
      "dilated means",
      () => averagePool(images, 2, { dilation: 2 } as never),
      new OptionError(
        "averagePool: dilation: unknown option, wanted one of stride, padding, ceilMode, countPadding",
      ),
    ],
    [
      "a size of nothing",
      () => adaptiveMaxPool(images, [0, 1]),
      new OptionError("adaptiveMaxPool: size: got [0,1], wanted a positive integer or 2 of them"),
    ],
    ["a size that is no number", () => resize(images, "2" as never), new OptionError("resize: size")],
    [
      "an unknown method",
      () => resize(images, 2, { method: "cubic" as never }),
      new OptionError('resize: method: got "cubic", wanted "nearest" or "bilinear"'),
    ],
    [
      "aligned corners of the nearest",
      () => resize(images, 2, { alignCorners: true }),
      new OptionError('resize: alignCorners: got true with "nearest", wanted it with "bilinear"'),
    ],
  ])("%s", (_, build, error) => {
    expect(build).toThrow(error.constructor as new () => Error);
    expect(build).toThrow(error.message);
  });
});
