import { expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import {
  type Convolution1dOptions,
  type Convolution2dOptions,
  type Convolution2dTransposeOptions,
  convolution1d,
  convolution1dTranspose,
  convolution2d,
  convolution2dTranspose,
} from "#src/layers";
import { tanh } from "#src/ops/activation";
import { mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { checkOp, type OpCase } from "../support/check-op.ts";
import { given, uniform } from "../support/draw.ts";

type Shape = readonly number[];

const draw = (x: Shape, weight: Shape, bias: number) => [
  uniform(x, -1, 1, 1),
  uniform(weight, -0.5, 0.5, 2),
  uniform([bias], -1, 1, 3),
];

/** [batch, height, width, in], [kernel height, kernel width, in / groups, out] and how. */
const CASES: readonly (readonly [Shape, Shape, Convolution2dOptions?])[] = [
  [
    [1, 1, 1, 1],
    [1, 1, 1, 1],
  ],
  [
    [1, 3, 3, 1],
    [3, 3, 1, 1],
  ],
  [[2, 5, 4, 1], [3, 3, 1, 5], { padding: "same" }],
  [[1, 6, 7, 2], [2, 3, 2, 3], { padding: 1 }],
  [
    [3, 4, 5, 3],
    [3, 2, 3, 8],
    {
      padding: [
        [2, 0],
        [1, 3],
      ],
    },
  ],
  [[2, 7, 5, 4], [3, 3, 4, 9], { stride: 2, padding: "same" }],
  [[2, 8, 6, 3], [3, 3, 3, 7], { stride: [2, 3], padding: "same" }],
  [[1, 9, 8, 5], [2, 2, 5, 4], { stride: 3 }],
  [[2, 9, 8, 2], [3, 3, 2, 4], { dilation: 2, padding: 2 }],
  [[2, 10, 9, 3], [3, 2, 3, 5], { dilation: [3, 2], stride: [2, 2], padding: [3, 1] }],
  [[1, 11, 12, 2], [3, 3, 2, 2], { dilation: 4, stride: 6, padding: 4 }],
  [[2, 5, 5, 16], [3, 3, 16, 17], { padding: "same" }],
  [[1, 4, 4, 33], [3, 3, 33, 8], { padding: "same" }],
  [[2, 5, 4, 6], [3, 3, 2, 9], { groups: 3, padding: "same" }],
  [[1, 5, 6, 8], [2, 2, 4, 34], { groups: 2, stride: 2 }],
  [[2, 6, 5, 9], [3, 3, 1, 9], { groups: 9, padding: "same" }],
  [[1, 7, 12, 16], [3, 3, 1, 16], { groups: 16, padding: "same" }],
  [[2, 7, 6, 5], [3, 2, 1, 5], { groups: 5, stride: 2, dilation: [1, 2], padding: 1 }],
  [[1, 6, 7, 23], [3, 3, 1, 23], { groups: 23, stride: [3, 2], padding: 2 }],
  [[2, 4, 5, 3], [3, 3, 1, 6], { groups: 3, padding: "same" }],
  [
    [2, 3, 4, 7],
    [1, 1, 7, 5],
  ],
  [[2, 5, 4, 7], [1, 1, 7, 5], { stride: 2 }],
  [[1, 4, 5, 3], [1, 1, 3, 4], { padding: 1 }],
  [[2, 4, 5, 2], [3, 3, 2, 3], { padding: 1, paddingMode: "reflect" }],
  [
    [1, 5, 4, 3],
    [5, 4, 3, 4],
    {
      padding: [
        [3, 4],
        [0, 2],
      ],
      paddingMode: "reflect",
      stride: 2,
    },
  ],
  [[2, 3, 2, 5], [3, 3, 5, 2], { padding: [4, [0, 3]], paddingMode: "edge" }],
  [[1, 2, 2, 1], [1, 7, 1, 2], { padding: "same", dilation: 2 }],
  // More columns than a block has, of the product and of the gradient's; sums of parts; many rows of pixels.
  [[1, 2, 2, 2], [1, 2, 2, 523], { padding: "same" }],
  [[1, 2, 3, 61], [3, 3, 61, 5], { padding: 1 }],
  [[2, 26, 27, 1], [3, 3, 1, 2], { padding: "same" }],
  // By minimal filtering: whole and half tiles, one image in several runs, several images in one, padding on one side.
  [[2, 4, 6, 16], [3, 3, 16, 16], { padding: "same" }],
  [
    [5, 3, 4, 24],
    [3, 3, 24, 16],
  ],
  [
    [1, 5, 7, 16],
    [3, 3, 16, 24],
    {
      padding: [
        [2, 0],
        [0, 3],
      ],
    },
  ],
  [[1, 3, 101, 16], [3, 3, 16, 16], { padding: 1 }],
];

const told = (options: object | undefined) => (options ? JSON.stringify(options) : "");

const cases = (build: (x: Tensor, weight: Tensor, bias: Tensor, options: Convolution2dOptions) => Tensor) =>
  CASES.map(
    ([x, weight, options = {}]): OpCase => ({
      inputs: draw(x, weight, weight[3]!),
      label: told(options),
      build: (a, b, c) => build(a!, b!, c!, options),
    }),
  );

checkOp(
  "convolution2d",
  cases((x, weight, _, options) => convolution2d(x, weight, options)),
);
checkOp(
  "convolution2d with bias and activation",
  cases((x, weight, bias, options) => tanh(convolution2d(x, weight, { ...options, bias }))).filter(
    (_, k) => k % 2 === 0,
  ),
);

const alongOne: readonly (readonly [Shape, Shape, Convolution1dOptions?])[] = [
  [[2, 9, 1], [3, 1, 4], { padding: "same" }],
  [[3, 17, 5], [4, 5, 9], { stride: 3, padding: [1, 2], dilation: 2 }],
  [[2, 8, 6], [3, 1, 6], { groups: 6, padding: [2, 0], paddingMode: "reflect" }],
];
checkOp(
  "convolution1d",
  alongOne.map(([x, weight, options = {}]) => ({
    inputs: draw(x, weight, weight[2]!),
    label: told(options),
    build: (a, b, bias) => convolution1d(a!, b!, { ...options, ...(bias && { bias }) }),
  })),
);

/** [batch, height, width, in], [kernel height, kernel width, out / groups, in] and how. */
const TRANSPOSED: readonly (readonly [Shape, Shape, Convolution2dTransposeOptions?])[] = [
  [
    [1, 1, 1, 1],
    [1, 1, 1, 1],
  ],
  [[2, 3, 4, 3], [3, 3, 5, 3], { stride: 2, padding: 1, outputPadding: 1 }],
  [[2, 3, 3, 2], [2, 2, 9, 2], { stride: 3 }],
  [[1, 4, 3, 33], [3, 3, 8, 33], { stride: [2, 1], padding: "same" }],
  [[1, 3, 4, 4], [3, 2, 3, 4], { stride: 2, dilation: [2, 3], groups: 2, outputPadding: [1, 2] }],
  [
    [2, 3, 3, 6],
    [3, 3, 1, 6],
    {
      groups: 6,
      stride: 2,
      padding: [
        [1, 0],
        [0, 1],
      ],
    },
  ],
  [[1, 4, 4, 5], [3, 3, 2, 5], { padding: 2 }],
];
checkOp(
  "convolution2dTranspose",
  TRANSPOSED.map(([x, weight, options = {}]) => ({
    inputs: draw(x, weight, weight[2]! * (options.groups ?? 1)),
    label: told(options),
    build: (a, b, bias) => tanh(convolution2dTranspose(a!, b!, { ...options, ...(bias && { bias }) })),
  })),
);
checkOp("convolution1dTranspose", [
  {
    inputs: draw([2, 5, 3], [4, 2, 3], 2),
    build: (x, weight, bias) => convolution1dTranspose(x!, weight!, { stride: 3, padding: 1, bias: bias! }),
  },
]);

const squared = (y: Tensor) => mul(y, y);
// A gradient is a convolution again, so it has gradients.
checkOp(
  "gradients of a convolution",
  [CASES[4]!, CASES[9]!, CASES[15]!, CASES[17]!, CASES[24]!].map(([x, weight, options]) => ({
    inputs: draw(x, weight, 1).slice(0, 2),
    label: told(options),
    build: (a, b) => gradients(sum(squared(convolution2d(a!, b!, options))), [a!, b!]).map((each) => each!),
  })),
);
checkOp("gradients of a transposed convolution", [
  {
    inputs: draw([1, 3, 2, 2], [3, 3, 3, 2], 1).slice(0, 2),
    build: (x, weight) =>
      gradients(sum(squared(convolution2dTranspose(x!, weight!, { stride: 2 }))), [x!, weight!]).map(
        (each) => each!,
      ),
  },
]);

const counting = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
checkOp("convolutions written out", [
  {
    // 1 2 3 / 4 5 6 / 7 8 9: an odd pixel of padding stands at the end.
    inputs: [given([1, 3, 3, 1], counting(9)), given([2, 2, 1, 1], [1, 10, 100, 1000])],
    build: (x, weight) => convolution2d(x!, weight!, { padding: "same" }),
    want: () => [5421, 6532, 603, 8754, 9865, 906, 87, 98, 9],
  },
  {
    inputs: [given([1, 4, 1], counting(4)), given([3, 1, 1], [1, 10, 100])],
    build: (x, weight) => convolution1d(x!, weight!, { padding: 2, paddingMode: "reflect" }),
    want: () => [123, 212, 321, 432, 343, 234],
  },
  {
    inputs: [given([1, 2, 1], [1, 2]), given([3, 1, 1], [1, 10, 100])],
    build: (x, weight) => convolution1d(x!, weight!, { padding: 3, paddingMode: "edge" }),
    want: () => [111, 111, 211, 221, 222, 222],
  },
  {
    // Each channel by itself: pairs of outputs.
    inputs: [given([1, 1, 2, 2], [1, 2, 3, 4]), given([1, 1, 1, 4], [1, 10, 100, 1000])],
    build: (x, weight) => convolution2d(x!, weight!, { groups: 2 }),
    want: () => [1, 10, 200, 2000, 3, 30, 400, 4000],
  },
  {
    inputs: [given([1, 2, 1], [1, 2]), given([2, 1, 1], [1, 10])],
    build: (x, weight) => convolution1dTranspose(x!, weight!, { stride: 3 }),
    want: () => [1, 10, 0, 2, 20],
  },
]);

test("no patches are written out: a convolution takes the memory of its operands and a fixed scratch", () => {
  const memoryOf = (batch: number) => {
    const graph = new Graph();
    const x = graph.input("x", [batch, 28, 28, 16]);
    const weight = graph.input("weight", [3, 3, 16, 16]);
    const y = convolution2d(x, weight, { padding: "same" });
    const [dx, dw] = gradients(sum(squared(y)), [x, weight]);
    const at = (region: string) => ({ region, offset: 0 });
    const placements = new Map([x, weight, dx!, dw!].map((tensor, k) => [tensor, at(`${k}`)]));
    return compile({ graph, placements }).memory;
  };
  const image = 16 * 28 * 28 * 16 * 4;
  const memory = memoryOf(16);
  // The output, its gradient, and copies of the weight: the patches would be nine images.
  expect(memory.activations).toBeLessThan(2.1 * image);
  expect(memory.scratch).toBe(memoryOf(2).scratch);
  expect(memory.scratch).toBeLessThan(image);
});

test("convolutions name what does not fit", () => {
  const graph = new Graph();
  const x = (...shape: number[]) => graph.input(`x${shape}`, shape);
  const refuse = (build: () => Tensor, error: Error) => expect(build).toThrow(error);
  const images = x(1, 4, 5, 6);
  refuse(
    () => convolution2d(images, x(5, 3, 6, 8)),
    new ShapeError("convolution2d: the kernel is larger than the padded input: it spans [5, 3], got [4, 5]"),
  );
  refuse(
    () => convolution2d(images, x(3, 3, 6, 8), { dilation: 2, padding: [0, 1] }),
    new ShapeError("convolution2d: the kernel is larger than the padded input: it spans [5, 5], got [4, 7]"),
  );
  refuse(
    () => convolution2d(images, x(3, 3, 4, 8)),
    new ShapeError(
      "convolution2d: channels differ: an input [1, 4, 5, 6] in 1 groups, a weight [3, 3, 4, 8] (6 ≠ 4)",
    ),
  );
  refuse(
    () => convolution2d(images, x(3, 3, 2, 8), { groups: 4 }),
    new ShapeError("convolution2d: groups must divide the input channels: got 4 groups of 6"),
  );
  refuse(
    () => convolution2d(images, x(3, 3, 2, 8), { groups: 3 }),
    new ShapeError("convolution2d: groups must divide the output channels: got 3 groups of 8"),
  );
  refuse(
    () => convolution2d(x(1, 4, 6), x(3, 3, 6, 8)),
    new ShapeError(
      "convolution2d: wanted [batch, height, width, channels] and a weight of rank 4, got [1, 4, 6] and [3, 3, 6, 8]",
    ),
  );
  refuse(
    () => convolution1d(images, x(3, 6, 8)),
    new ShapeError(
      "convolution1d: wanted [batch, length, channels] and a weight of rank 3, got [1, 4, 5, 6] and [3, 6, 8]",
    ),
  );
  refuse(
    () => convolution2d(graph.input("i", [1, 4, 5, 6], "i32"), x(1, 2, 6, 8)),
    new ShapeError("convolution2d: wanted f32 operands, got i32"),
  );
  refuse(
    () => convolution2d(images, x(3, 3, 6, 7), { bias: x(6) }),
    new ShapeError("convolution2d: bias has shape [6], wanted [7]"),
  );
  refuse(
    () => convolution2d(images, x(3, 3, 6, 9), { padding: [[1, 4], 0], paddingMode: "reflect" }),
    new ShapeError(
      "convolution2d: padding by reflection must be narrower than the input: got [1, 4] beside 4 of axis 1",
    ),
  );
  for (const [name, options] of [
    ["stride", { stride: 0 }],
    ["stride", { stride: [1, 1.5] }],
    ["dilation", { dilation: -1 }],
    ["padding", { padding: -1 }],
    ["padding", { padding: [[1, 1]] }],
    ["padding", { padding: "full" }],
    ["paddingMode", { paddingMode: "wrap" }],
    ["groups", { groups: 0.5 }],
  ] as [string, Convolution2dOptions][]) {
    expect(() => convolution2d(images, x(3, 3, 6, 10), options), name).toThrow(OptionError);
    expect(() => convolution2d(images, x(3, 3, 6, 10), options), name).toThrow(`convolution2d: ${name}: got`);
  }
  refuse(
    () => convolution2dTranspose(images, x(3, 3, 5, 5)),
    new ShapeError("convolution2dTranspose: channels differ: [1, 4, 5, 6] and a weight [3, 3, 5, 5] (6 ≠ 5)"),
  );
  refuse(
    () => convolution2dTranspose(images, x(3, 3, 4, 6), { stride: 2, outputPadding: 2 }),
    new ShapeError(
      'convolution2dTranspose: outputPadding must be smaller than the stride or the dilation, and 0 beside "same": got [2, 2]',
    ),
  );
  refuse(
    () => convolution2dTranspose(images, x(1, 1, 4, 6), { padding: 2 }),
    new ShapeError("convolution2dTranspose: the padding leaves nothing of the result: got [0, 1]"),
  );
});
