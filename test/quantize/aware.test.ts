// A training that is aware of quantization: PyTorch's fake quantization, its gradients, ten of its steps. See test/golden/quantization.py.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import {
  createEngine,
  createTrainer,
  defineModel,
  dense,
  dropout,
  flatten,
  type Layer,
  type Model,
  meanSquaredError,
  relu,
  sequential,
  sgd,
} from "#src/index";
import { batchNorm, checkpoint, conv2d, embedding, maxPool2d } from "#src/layers";
import { fromOnnx, toOnnx } from "#src/onnx/index";
import { mul, round } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { straightThrough } from "#src/ops/straight-through";
import { quantizationAware } from "#src/quantize/aware";
import { fakeActivations, fakeQuantize, fakeWeights } from "#src/quantize/fake";
import { runEverywhere } from "../support/check-op.ts";
import { Trial } from "../support/run.ts";
import { numbers, setWeights } from "../train/setting.ts";

const golden = JSON.parse(readFileSync(new URL("../golden/quantization.json", import.meta.url), "utf8"));
const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

interface Wanted {
  readonly name: string;
  readonly tensor: Tensor;
  readonly values: readonly number[];
}

/** Runs a graph on all engines and compares. */
async function expectValues(given: Map<Tensor, ArrayLike<number>>, wanted: readonly Wanted[]): Promise<void> {
  const trial = new Trial(
    given,
    wanted.map(({ tensor }) => tensor),
  );
  await runEverywhere(trial, wanted, (where, k, got) => {
    // A few units in the last place: PyTorch multiplies by a reciprocal.
    for (const [index, value] of wanted[k]!.values.entries())
      expect(Math.abs(got[index]! - value), `${where}: element ${index}`).toBeLessThanOrEqual(
        2e-6 * Math.max(1, Math.abs(value)),
      );
  });
}

describe("fake quantization", () => {
  test("of weights that have next to vanished is 0", async () => {
    const graph = new Graph();
    const weight = graph.input("weight", [3, 2]);
    const tensor = fakeWeights(weight, 1);
    const given = new Map([[weight, [1e-44, 127, -1e-44, 63.4, 0, 1]]]);
    await expectValues(given, [{ name: "y", tensor, values: [0, 127, 0, 63, 0, 1] }]);
  });
  test("of channels has PyTorch's values and gradients", async () => {
    const graph = new Graph();
    const given = new Map<Tensor, ArrayLike<number>>();
    const wanted = golden.channels.flatMap(
      ({ axis, w, scale, dy, y, dw }: Record<string, number[]> & { axis: number }, k: number): Wanted[] => {
        const shape = [3, 2, 2, 5];
        const x = graph.input(`w${k}`, shape);
        const scales = graph.input(
          `scale${k}`,
          shape.map((size, each) => (each === axis ? size : 1)),
        );
        const slopes = graph.input(`dy${k}`, shape);
        given.set(x, w!).set(scales, scale!).set(slopes, dy!);
        const rounded = fakeQuantize(x, { scale: scales, zeroPoint: 0, least: -127, most: 127 });
        const [dx] = gradients(sum(mul(rounded, slopes)), [x]);
        expect(dw!.filter((each) => each === 0).length).toBeGreaterThan(2);
        return [
          { name: `axis ${axis}`, tensor: rounded, values: y! },
          { name: `axis ${axis}, gradient`, tensor: dx!, values: dw! },
        ];
      },
    );
    await expectValues(given, wanted);
  });
  test("of activations has PyTorch's values and gradients", async () => {
    const graph = new Graph();
    const given = new Map<Tensor, ArrayLike<number>>();
    const wanted = golden.activations.flatMap(
      ({ x, min, max, dy, y, dx }: Record<string, number[]>, k: number): Wanted[] => {
        const [input, slopes] = [graph.input(`x${k}`, [40]), graph.input(`dy${k}`, [40])];
        const [low, high] = [graph.input(`low${k}`, []), graph.input(`high${k}`, [])];
        given.set(input, x!).set(slopes, dy!);
        given.set(low, [Math.min(0, min![0]!)]).set(high, [Math.max(0, max![0]!)]);
        const rounded = fakeActivations(input, { min: low, max: high, name: "x" });
        const [slope] = gradients(sum(mul(rounded, slopes)), [input]);
        return [
          { name: `range ${k}`, tensor: rounded, values: y! },
          { name: `range ${k}, gradient`, tensor: slope!, values: dx! },
        ];
      },
    );
    await expectValues(given, wanted);
  });
});

describe("the straight-through estimator", () => {
  test("has the numbers of one tensor and the gradient of another", async () => {
    const graph = new Graph();
    const [x, share, dy] = ["x", "share", "dy"].map((name) => graph.input(name, [5])) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const plain = straightThrough(round(x), { to: x });
    const shared = straightThrough(round(x), { to: x, share });
    const [slope] = gradients(sum(mul(plain, dy)), [x]);
    const [part] = gradients(sum(mul(shared, dy)), [x]);
    const given = new Map<Tensor, ArrayLike<number>>([
      [x, [0.4, 0.6, -1.5, 2.5, 8]],
      [share, [1, 0, 0.5, 1, 0]],
      [dy, [1, 2, 3, 4, 5]],
    ]);
    await expectValues(given, [
      { name: "values", tensor: plain, values: [0, 1, -2, 2, 8] },
      { name: "gradient", tensor: slope!, values: [1, 2, 3, 4, 5] },
      { name: "a share of it", tensor: part!, values: [1, 0, 1.5, 4, 0] },
    ]);
  });
  test("wants equal shapes", () => {
    const graph = new Graph();
    expect(() => straightThrough(graph.input("a", [2]), { to: graph.input("b", [3]) })).toThrow(ShapeError);
  });
});

/** Trains on batches given one after the other. */
async function steps(model: Model, batches: readonly (readonly [ArrayLike<number>, ArrayLike<number>])[]) {
  const trainer = await createTrainer(model, {
    loss: meanSquaredError,
    optimizer: sgd({ learningRate: 0.1 }),
    engine,
  });
  const size = batches[0]![0].length / model.inputShape.reduce((a, b) => a * b, 1);
  const losses: number[] = [];
  for (const [inputs, targets] of batches)
    losses.push((await trainer.step({ inputs, targets, size } as never)).loss);
  trainer.close();
  return losses;
}

test("ten steps are PyTorch's: losses, weights and ranges", async () => {
  const { start, x, target, losses, end, ranges } = golden.training;
  const original = sequential({ input: [5] }, dense(8, { activation: "relu" }), dense(3));
  const names = ["dense.weight", "dense_1.weight", "dense.bias", "dense_1.bias"];
  const shapeOf = (name: string) => original.weights.segments.find((each) => each.name === name)!.shape;
  original.setParameters(
    new Map(names.map((name, k) => [name, { shape: shapeOf(name), values: start[k] }] as const)),
  );
  const aware = quantizationAware(original, { smoothing: 0.2 });
  const batches = Array.from(
    { length: 10 },
    (_, step) => [x.slice(step * 20, step * 20 + 20), target.slice(step * 12, step * 12 + 12)] as const,
  );
  const got = await steps(aware, batches);
  for (const [step, loss] of got.entries()) expect(loss).toBeCloseTo(losses[step], 5);
  const parameters = aware.parameters();
  for (const [k, name] of names.entries())
    for (const [index, value] of parameters.get(name)!.values.entries())
      expect(value).toBeCloseTo(end[k][index], 5);
  for (const [k, name] of ["quantization", "quantization_1"].entries()) {
    expect(parameters.get(`${name}.min`)!.values[0]).toBeCloseTo(ranges[k][0], 5);
    expect(parameters.get(`${name}.max`)!.values[0]).toBeCloseTo(ranges[k][1], 5);
    expect(parameters.get(`${name}.batches`)!.values[0]).toBe(10);
  }
});

describe("a model", () => {
  const images = () =>
    sequential(
      { input: [6, 6, 2] },
      conv2d(8, 3, { bias: false }),
      batchNorm(),
      relu,
      maxPool2d(2),
      flatten(),
      dropout(0.2),
      dense(3),
    );
  const batch = [numbers(4 * 72), numbers(12, 500)] as const;

  test("starts from the weights of the original and leaves those alone", async () => {
    const original = images();
    setWeights(original);
    const before = original.weights.snapshot();
    const aware = quantizationAware(original);
    expect(aware.parameterCount).toBe(original.parameterCount);
    for (const [name, { values }] of original.parameters())
      expect([...aware.parameters().get(name)!.values]).toEqual([...values]);
    await steps(aware, [batch, batch]);
    expect([...original.weights.snapshot()]).toEqual([...before]);
    expect([...aware.weights.snapshot()]).not.toEqual([...before]);
  });
  test("has the bits of one thread with two", async () => {
    const two = await createEngine({ numerics: "exact", threads: 2 });
    two.soloWork = 0;
    const ends = [];
    for (const where of [engine, two]) {
      const aware = quantizationAware(images());
      await aware.initialize({ seed: 4, engine: where });
      const trainer = await createTrainer(aware, {
        loss: meanSquaredError,
        optimizer: sgd({ learningRate: 0.1 }),
        engine: where,
      });
      for (let step = 0; step < 3; step++)
        await trainer.step({ inputs: batch[0], targets: batch[1], size: 4 } as never);
      trainer.close();
      ends.push(new Int32Array(aware.weights.snapshot().buffer));
    }
    await two.close();
    expect(ends[1]).toEqual(ends[0]);
  });
  test("learns the same where a part of it is recomputed", async () => {
    const make = (around: (block: Layer) => Layer) => {
      const layers = [dense(6, { activation: "relu" }), dense(5, { activation: "tanh" })];
      return sequential(
        { input: [4] },
        around((x) => layers.reduce((h, layer) => layer(h), x)),
        dense(3),
      );
    };
    const ends = [];
    for (const model of [make((block) => block), make(checkpoint)]) {
      const aware = quantizationAware(model);
      setWeights(aware);
      await steps(aware, [
        [numbers(16), numbers(12, 9)],
        [numbers(16, 50), numbers(12, 90)],
      ]);
      ends.push(aware.weights.snapshot());
    }
    expect(ends[1]).toEqual(ends[0]);
  });
  test("leaves layers in floats that it is told to, and products that no parameter is in", () => {
    const rangesOf = (model: Model) =>
      model.weights.segments.flatMap(({ name }) => (/quantization.*min$/.test(name) ? [name] : []));
    expect(rangesOf(quantizationAware(images()))).toHaveLength(2);
    expect(rangesOf(quantizationAware(images(), { skip: ["dense"] }))).toHaveLength(1);
    const table = embedding(5, 4);
    const tied = sequential({ input: [3], inputType: "i32" }, table, dense(4), table.attend);
    expect(rangesOf(quantizationAware(tied))).toHaveLength(2);
    const bare = defineModel({ input: [4] }, (x) => mul(x, x));
    expect(rangesOf(quantizationAware(bare))).toEqual([]);
  });
  test("refuses options out of range", () => {
    const model = sequential({ input: [4] }, dense(2));
    expect(() => quantizationAware(model, { skip: ["dense_1"] })).toThrow(OptionError);
    expect(() => quantizationAware(model, { smoothing: 0 })).toThrow(/smoothing: got 0/);
    expect(() => quantizationAware(model, { smooth: 1 } as never)).toThrow(/smooth: unknown option/);
  });
});

test("a model that is aware leaves with its rounding", async () => {
  const model = quantizationAware(
    sequential({ input: [6, 6, 2] }, conv2d(4, 3, { activation: "relu" }), maxPool2d(2), flatten(), dense(3)),
  );
  const size = 6 * 6 * 2;
  const images = Float32Array.from({ length: 8 * size }, (_, index) => Math.sin(index * 0.7));
  const targets = Float32Array.from({ length: 8 * 3 }, (_, index) => Math.cos(index));
  const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer: sgd(), engine });
  for (let step = 0; step < 3; step++)
    trainer.stepSync({ inputs: images, targets, labels: undefined, size: 8 });
  trainer.close();
  const back = await fromOnnx(await toOnnx(model, { engine }));
  const [here, there] = [await model.predict(images, { engine }), await back.predict(images, { engine })];
  expect(Math.max(...here)).toBeGreaterThan(0);
  for (const [index, value] of there.entries()) expect(value).toBeCloseTo(here[index]!, 5);
});
