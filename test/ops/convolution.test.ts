import { describe, expect, test } from "vitest";
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
import { relu, tanh } from "#src/ops/activation";
import { add, mul } from "#src/ops/arithmetic";
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
  cases((x, weight, bias, options) => tanh(convolution2d(x, weight, { ...options, bias }))),
);
