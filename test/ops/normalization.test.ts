// Normalization by channel and by row, against plain sums in doubles.
import { describe, expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph } from "#src/graph/tensor";
import { relu } from "#src/ops/activation";
import { gradients } from "#src/ops/gradients";
import { channelNorm, rowNorm } from "#src/ops/normalization";
import { sum } from "#src/ops/reduce";
import { checkOp, type OpCase, SIZES } from "../support/check-op.ts";
import { type Drawn, given, uniform } from "../support/draw.ts";

const epsilon = 1e-3;
const parameters = (channels: number) => [uniform([channels], 0.5, 2, 1), uniform([channels], -1, 1, 2)];

interface ChannelCase {
  readonly outer: number;
  readonly size: number;
  readonly channels: number;
  readonly width?: number;
  readonly x?: (shape: readonly number[]) => Drawn;
}

/** The result, and in a case of its own the statistics, through which there is no gradient. */
const byChannel = ({ outer, size, channels, width = 1, x = uniform }: ChannelCase): OpCase[] => {
  const inputs = [x([outer, size, channels]), ...parameters(channels)];
  const label = width > 1 ? `groups of ${width}` : "";
  const run = { outer, width, epsilon };
  return [
    { label, inputs, build: (a, b, c) => channelNorm(a!, b!, c!, run).y },
    {
      label: `${label} statistics`,
      inputs,
      build: (a, b, c) => {
        const { mean, variance } = channelNorm(a!, b!, c!, run);
        return [mean, variance];
      },
      gradient: false,
    },
  ];
};

/** Far from 0: what a sum of squares less a squared mean would get wrong. */
const shifted = (shape: readonly number[]) => {
  const { values } = uniform(shape);
  return given(
    shape,
    values.map((value) => 300 + value),
  );
};

checkOp("channelNorm", [
  ...SIZES.flatMap((channels) => byChannel({ outer: 1, size: 6, channels })),
  // About whole blocks of 32 rows of many channels, and of more rows of few.
  ...[32, 33, 65].flatMap((size) => byChannel({ outer: 1, size, channels: 260 })),
  ...byChannel({ outer: 1, size: 2100, channels: 5 }),
  ...byChannel({ outer: 3, size: 700, channels: 12 }),
  // One number has no deviation: its gradient is 0 as the difference of two numbers that are not small.
  ...byChannel({ outer: 2, size: 1, channels: 3 }).map((each) => ({ ...each, gradient: false })),
  ...byChannel({ outer: 3, size: 5, channels: 12, width: 4 }),
  ...byChannel({ outer: 2, size: 520, channels: 18, width: 9 }),
  ...byChannel({ outer: 4, size: 3, channels: 7, width: 7 }),
  ...byChannel({ outer: 2, size: 70, channels: 9, x: shifted }).map((each) => ({ ...each, gradient: false })),
]);

const byRow = (rows: number, shape: readonly number[], centered: boolean, x = uniform): OpCase => ({
  label: centered ? "centered" : "",
  inputs: [x([rows, ...shape]), uniform(shape, 0.5, 2, 1), ...(centered ? [uniform(shape, -1, 1, 2)] : [])],
  build: (a, b, c) => rowNorm(a!, b!, c, { centered, epsilon }),
});

checkOp("rowNorm", [
  ...SIZES.flatMap((columns) => [byRow(5, [columns], true), byRow(5, [columns], false)]),
  ...[1, 33].flatMap((rows) => [byRow(rows, [300], true), byRow(rows, [300], false)]),
  byRow(3, [2100], true),
  byRow(70, [3, 5], true),
  { ...byRow(4, [70], true, shifted), gradient: false },
]);

describe("in programs", () => {
  test("only what is asked for is computed, and the numbers pass on in scratch", () => {
    const graph = new Graph();
    const x = graph.input("x", [64, 8]);
    const [scale, offset] = [graph.input("scale", [8]), graph.input("offset", [8])];
    const { y } = channelNorm(x, scale, offset, { outer: 1, width: 1, epsilon });
    const loss = sum(relu(y));
    const [slope] = gradients(loss, [scale]);
    const placements = new Map(
      [x, scale, offset, slope!].map((tensor, k) => [tensor, { region: `${k}`, offset: 0 }]),
    );
    const listing = compile({ graph, placements }).listing();
    expect(listing.match(/channelAffine/g)?.length).toBe(1);
    expect(listing).toMatchSnapshot();
  });
  test("it has one gradient, and no second", () => {
    const graph = new Graph();
    const x = graph.input("x", [4, 8]);
    const [scale, offset] = [graph.input("scale", [8]), graph.input("offset", [8])];
    for (const y of [
      channelNorm(x, scale, offset, { outer: 1, width: 1, epsilon }).y,
      rowNorm(x, scale, offset, { centered: true, epsilon }),
    ]) {
      const [slope] = gradients(sum(y), [x]);
      expect(() => gradients(sum(slope!), [x])).toThrow(OptionError);
    }
    expect(() => rowNorm(x, graph.input("other", [7]), undefined, { centered: true, epsilon })).toThrow(
      ShapeError,
    );
  });
});
