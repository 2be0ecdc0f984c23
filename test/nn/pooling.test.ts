// Layers of pooling and resizing: PyTorch's values, gradients and trainings, and what they refuse. See test/golden/pooling.py.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { createTrainerSync, dense, flatten, type Layer, meanSquaredError, sequential, sgd } from "#src/index";
import * as layers from "#src/layers";
import { mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { runEverywhere } from "../support/check-op.ts";
import { engineOf } from "../support/engines.ts";
import { Trial } from "../support/run.ts";
import { numbers, setWeights } from "../train/setting.ts";

interface Case {
  readonly shape: readonly number[];
  readonly layer: string;
  readonly arguments: readonly unknown[];
  readonly output: readonly number[];
  readonly values: readonly number[];
  readonly gradient: readonly number[];
  readonly losses: readonly number[];
}
const golden: { cases: readonly Case[]; steps: number; learningRate: number } = JSON.parse(
  readFileSync(new URL("../golden/pooling.json", import.meta.url), "utf8"),
);

const make = (name: string, list: readonly unknown[]): Layer =>
  (layers as unknown as Record<string, (...list: readonly unknown[]) => Layer>)[name]!(...list);
const nameOf = (each: Case) =>
  `${each.layer}(${each.arguments.map((one) => JSON.stringify(one)).join(", ")})`;
const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

test("values and gradients are PyTorch's", async () => {
  const graph = new Graph();
  const given = new Map<Tensor, ArrayLike<number>>();
  const outputs = golden.cases.flatMap((each, k) => {
    const x = graph.input(`x${k}`, each.shape);
    given.set(x, numbers(size(each.shape)));
    const y = make(each.layer, each.arguments)(x);
    expect(y.shape, nameOf(each)).toEqual(each.output);
    const weights = graph.input(`weights${k}`, y.shape);
    given.set(weights, numbers(y.size, 5000));
    const [dx] = gradients(sum(mul(y, weights)), [x]);
    return [
      { name: nameOf(each), tensor: y, wanted: each.values },
      { name: `${nameOf(each)}: gradient`, tensor: dx!, wanted: each.gradient },
    ];
  });
  const trial = new Trial(
    given,
    outputs.map(({ tensor }) => tensor),
  );
  await runEverywhere(trial, outputs, (where, k, got) => {
    const { wanted } = outputs[k]!;
    expect(got.length, where).toBe(wanted.length);
    // Numbers below 1 in size, added up 12 at most: each sum is off by a few of its 2⁻²⁴, PyTorch's too.
    const wrong = wanted.findIndex((value, i) => !(Math.abs(got[i]! - value) <= 1e-6));
    if (wrong >= 0) expect.fail(`${where}: element ${wrong}: got ${got[wrong]}, wanted ${wanted[wrong]}`);
  });
});

test("ten steps of training are PyTorch's", async () => {
  const engine = await engineOf(1);
  for (const each of golden.cases) {
    const input = each.shape.slice(1);
    const model = sequential({ input }, dense(4), make(each.layer, each.arguments), flatten(), dense(2));
    model.initializeSync({ engine });
    setWeights(model);
    const batch = {
      inputs: numbers(4 * size(input), 100),
      targets: numbers(8, 9000),
      labels: undefined,
      size: 4,
    };
    const optimizer = sgd({ learningRate: golden.learningRate });
    const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine });
    for (const [step, wanted] of each.losses.entries()) {
      const { loss } = trainer.stepSync(batch);
      // Ten steps carry each other's roundings.
      expect(Math.abs(loss / wanted - 1), `${nameOf(each)}: step ${step + 1}: ${loss}`).toBeLessThan(1e-5);
    }
    trainer.close();
  }
});

test("global pooling drops the axes unless told", () => {
  const graph = new Graph();
  const [images, sequences] = [graph.input("images", [2, 4, 3, 5]), graph.input("sequences", [2, 4, 5])];
  for (const name of ["globalAveragePool", "globalMaxPool"]) {
    expect(make(`${name}2d`, [])(images).shape).toEqual([2, 5]);
    expect(make(`${name}1d`, [])(sequences).shape).toEqual([2, 5]);
  }
});

describe("bad input", () => {
  const graph = new Graph();
  const [images, sequences] = [graph.input("images", [2, 4, 3, 5]), graph.input("sequences", [2, 4, 5])];
  test.each<[string, () => unknown, Error]>([
    [
      "a window of nothing, before there is an input",
      () => layers.maxPool2d(0),
      new OptionError("maxPool2d: window: got 0, wanted a positive integer or 2 of them"),
    ],
    [
      "a pair of one axis",
      () => layers.averagePool1d([2, 2] as never),
      new OptionError("averagePool1d: window: got [2,2], wanted a positive integer"),
    ],
    ["padding", () => layers.averagePool2d(2, { padding: -1 }), new OptionError("averagePool2d: padding")],
    [
      "a window that is too large",
      () => layers.averagePool2d(4)(new Graph().input("x", [2, 4, 3, 5])),
      new ShapeError(
        "averagePool2d: the window is larger than the padded input: got 4 on 3, wanted at most 3",
      ),
    ],
    ...[
      "maxPool2d",
      "averagePool2d",
      "adaptiveMaxPool2d",
      "adaptiveAveragePool2d",
      "resize2d",
      "upsample2d",
    ].map((name): [string, () => unknown, Error] => [
      `${name} of sequences`,
      () => make(name, [2])(sequences),
      new ShapeError(`${name}: wanted f32 [batch, height, width, channels], got f32 [2, 4, 5]`),
    ]),
    ...["maxPool1d", "averagePool1d", "upsample1d"].map((name): [string, () => unknown, Error] => [
      `${name} of images`,
      () => make(name, [2])(images),
      new ShapeError(`${name}: wanted f32 [batch, length, channels], got f32 [2, 4, 3, 5]`),
    ]),
    ...["globalMaxPool", "globalAveragePool"].flatMap((name): [string, () => unknown, Error][] => [
      [
        `${name}2d of sequences`,
        () => make(`${name}2d`, [])(sequences),
        new ShapeError(`${name}2d: wanted f32`),
      ],
      [`${name}1d of images`, () => make(`${name}1d`, [])(images), new ShapeError(`${name}1d: wanted f32`)],
    ]),
    ["a scale of a half", () => layers.upsample2d(1.5), new OptionError("upsample2d: scale: got 1.5")],
    ["no scale", () => layers.upsample1d(0), new OptionError("upsample1d: scale: got 0")],
    ["a size", () => layers.resize2d([2, -1]), new OptionError("resize2d: size: got [2,-1]")],
    [
      "a method",
      () => layers.upsample2d(2, { method: "cubic" as never }),
      new OptionError('upsample2d: method: got "cubic", wanted "nearest" or "bilinear"'),
    ],
    ["bins", () => layers.adaptiveMaxPool2d(0), new OptionError("adaptiveMaxPool2d: size: got 0")],
  ])("%s", (_, build, error) => {
    let thrown: unknown;
    try {
      build();
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBeInstanceOf(error.constructor);
    expect((thrown as Error).message).toContain(error.message);
  });
});
