// The layers and their ops against PyTorch: results, every gradient, and ten steps of training. See
// test/golden/convolution.py.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import {
  createEngine,
  createTrainer,
  dense,
  flatten,
  sequential,
  sgd,
  softmaxCrossEntropy,
} from "#src/index";
import {
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  convolution1d,
  convolution1dTranspose,
  convolution2d,
  convolution2dTranspose,
  depthwiseConv2d,
  separableConv2d,
} from "#src/layers";
import { mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { expectClose, numbersOf } from "../support/check-op.ts";
import { enginesWith, numericsToTest } from "../support/engines.ts";
import { Trial } from "../support/run.ts";
import { numbers, weightsOf } from "../train/setting.ts";

const golden = JSON.parse(readFileSync(new URL("../golden/convolution.json", import.meta.url), "utf8"));

/** Tensor number t of a case, in the formula that convolution.py describes. */
const tensorOf = (t: number, size: number, scale = 1) => numbers(size, 1_000_003 * t, scale);
const sizeOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);

// biome-ignore lint/suspicious/noExplicitAny: the options come from the file
type Op = (x: Tensor, weight: Tensor, options: any) => Tensor;
const ops: Record<string, Op> = {
  conv1d: convolution1d,
  conv2d: convolution2d,
  conv1dTranspose: convolution1dTranspose,
  conv2dTranspose: convolution2dTranspose,
};

// At most 100 products of numbers below 1 meet in a sum; 32 bits carry it some 6e-6 from PyTorch's in 64 bits.
const ABSOLUTE = 1e-5;

test("results and gradients as PyTorch's", async () => {
  const graph = new Graph();
  const given = new Map<Tensor, ArrayLike<number>>();
  const draw = (name: string, shape: readonly number[], t: number) => {
    const tensor = graph.input(name, shape);
    given.set(tensor, tensorOf(t, sizeOf(shape)));
    return tensor;
  };
  const wanted: { name: string; tensor: Tensor; values: number[] }[] = [];
  for (const [k, { kind, options, x: xShape, weight: wShape, ...results }] of golden.cases.entries()) {
    const x = draw(`x ${k}`, xShape, 0);
    const weight = draw(`weight ${k}`, wShape, 1);
    const bias = draw(`bias ${k}`, [results.shape.at(-1)], 2);
    const y = ops[kind]!(x, weight, { ...options, bias });
    const name = `${kind} ${k}`;
    expect(y.shape, name).toEqual(results.shape);
    const dy = draw(`dy ${k}`, y.shape, 3);
    const [dx, dw, db] = gradients(sum(mul(y, dy)), [x, weight, bias]);
    wanted.push({ name, tensor: y, values: results.y });
    wanted.push({ name: `${name}: x`, tensor: dx!, values: results.gradients.x });
    wanted.push({ name: `${name}: weight`, tensor: dw!, values: results.gradients.weight });
    wanted.push({ name: `${name}: bias`, tensor: db!, values: results.gradients.bias });
  }
  const tensors = wanted.map(({ tensor }) => tensor);
  const trial = new Trial(given, tensors);
  for (const numerics of numericsToTest) {
    const [engine] = await enginesWith(numerics);
    const got = await trial.run(engine!);
    for (const [k, { name, tensor, values }] of wanted.entries()) {
      const want = Float64Array.from(values);
      expect(tensor.size, name).toBe(want.length);
      expectClose(
        name,
        numbersOf(tensor, got[k]!),
        want,
        want.map(() => ABSOLUTE),
      );
    }
  }
});

test("ten steps of a network of every kind of layer as PyTorch's", async () => {
  const { steps, batchSize, learningRate, momentum, shapes, losses, weights } = golden.training;
  const engine = await createEngine({ threads: 2 });
  try {
    const model = sequential(
      { input: [8, 8, 2] },
      conv2d(8, 3, { padding: "same", activation: "relu" }),
      // The first half by itself, as PyTorch would write a separable convolution.
      separableConv2d(12, 3, { stride: 2, padding: "same", activation: "tanh" }),
      conv2d(12, 3, { dilation: 2, padding: 2, groups: 2, activation: "relu" }),
      conv2dTranspose(4, 3, { stride: 2, padding: 1, outputPadding: 1 }),
      flatten(),
      dense(4),
    );
    const { segments } = model.weights;
    expect(segments.map(({ shape }) => shape)).toEqual(shapes);
    model.setParameters(
      new Map(
        segments.map(({ name, shape, size }, t) => [
          name,
          { shape, values: shape.length === 1 ? new Float32Array(size) : tensorOf(10 + t, size, 0.25) },
        ]),
      ),
    );
    const trainer = await createTrainer(model, {
      loss: softmaxCrossEntropy,
      optimizer: sgd({ learningRate, momentum }),
      engine,
    });
    const labels = Int32Array.from({ length: batchSize }, (_, i) => (7 * i) % 4);
    for (let step = 0; step < steps; step++) {
      const inputs = tensorOf(100 + step, batchSize * 128);
      const { loss } = await trainer.step({ inputs, labels, targets: undefined, size: batchSize });
      expect(Math.abs(loss / losses[step] - 1)).toBeLessThan(1e-5);
    }
    const want = Float64Array.from(weights.flat());
    expectClose(
      "weights",
      weightsOf(model),
      want,
      want.map(() => ABSOLUTE),
    );
  } finally {
    await engine.close();
  }
});

test("layers keep their parameters under their names, and start them as dense does", () => {
  const graph = new Graph();
  const sequences = graph.input("sequences", [2, 10, 3]);
  const pictures = graph.input("pictures", [2, 8, 8, 3]);
  conv1d(4, 3, { name: "first" })(sequences);
  conv1dTranspose(4, 3, { stride: 2 })(sequences);
  depthwiseConv2d([3, 2], { multiplier: 2, activation: "relu" })(pictures);
  conv2d(6, 3, { groups: 3, bias: false })(pictures);
  separableConv2d(5, 3)(pictures);
  expect([...graph.parameters].map(([name, { shape }]) => [name, shape])).toEqual([
    ["first.weight", [3, 3, 4]],
    ["first.bias", [4]],
    ["conv1dTranspose.weight", [3, 4, 3]],
    ["conv1dTranspose.bias", [4]],
    ["depthwiseConv2d.weight", [3, 2, 1, 6]],
    ["depthwiseConv2d.bias", [6]],
    ["conv2d.weight", [3, 3, 1, 6]],
    ["separableConv2d.depthwise", [3, 3, 1, 3]],
    ["separableConv2d.pointwise", [1, 1, 3, 5]],
    ["separableConv2d.bias", [5]],
  ]);
});

test("layers refuse what is no layer, and inputs that do not fit", () => {
  const graph = new Graph();
  const pictures = graph.input("pictures", [2, 8, 8, 3]);
  const sequences = graph.input("sequences", [2, 8, 3]);
  expect(() => conv2d(0, 3)).toThrow(new OptionError("conv2d: filters: got 0, wanted a positive integer"));
  expect(() => conv2d(4, [3, 0])).toThrow(
    new OptionError("conv2d: kernelSize: got [3,0], wanted a positive integer or 2 of them"),
  );
  expect(() => conv1d(4, 1.5)).toThrow(
    new OptionError("conv1d: kernelSize: got 1.5, wanted a positive integer"),
  );
  expect(() => conv2d(4, 3, { groups: 3 })).toThrow(
    new OptionError("conv2d: groups: wanted a divisor of 4 filters, got 3"),
  );
  expect(() => conv2d(4, 3, { activation: "no" as "relu" })).toThrow(OptionError);
  expect(() => depthwiseConv2d(3, { multiplier: 0 })).toThrow(
    new OptionError("depthwiseConv2d: multiplier: got 0, wanted a positive integer"),
  );
  expect(() => conv2d(4, 3)(sequences)).toThrow(
    new ShapeError("conv2d: wanted [batch, height, width, channels], got [2, 8, 3]"),
  );
  expect(() => conv1d(4, 3)(pictures)).toThrow(
    new ShapeError("conv1d: wanted [batch, length, channels], got [2, 8, 8, 3]"),
  );
  expect(() => conv2d(4, 3, { groups: 2 })(pictures)).toThrow(
    new ShapeError("conv2d_1: groups must divide the input channels: got 2 groups of 3"),
  );
});
