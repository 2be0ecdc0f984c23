// Weights said with fewer numbers: singular values, factors in the place of weights, codebooks.
import { afterAll, describe, expect, test } from "vitest";
import { kMeans, sharedWeights } from "#src/compress/cluster";
import {
  clusterWeights,
  lowRank,
  prune,
  reparametrize,
  settle,
  shrink,
  sparsityOf,
} from "#src/compress/index";
import { singularValues } from "#src/compress/svd";
import {
  createEngine,
  createTrainer,
  defineModel,
  dense,
  dropout,
  flatten,
  type Model,
  matmul,
  mul,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  train,
} from "#src/index";
import { batchNorm, checkpoint, conv1d, conv2d, depthwiseConv2d, globalAveragePool2d } from "#src/layers";
import { activityPenalty } from "#src/regularize";
import golden from "../golden/compression.json" with { type: "json" };
import { checkOp, type OpCase, SIZES } from "../support/check-op.ts";
import { uniform } from "../support/draw.ts";
import {
  batchOf,
  bits,
  classes,
  classifier,
  numbers,
  setWeights,
  training,
  weightsOf,
} from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
const two = await createEngine({ numerics: "exact", threads: 2 });
afterAll(() => Promise.all([engine.close(), two.close()]));

const near = (got: ArrayLike<number>, wanted: ArrayLike<number>, bound: number) => {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < got.length; i++) expect(Math.abs(got[i]! - wanted[i]!)).toBeLessThan(bound);
};

describe("singularValues", () => {
  test.each(golden.decomposition)(
    "are numpy's: $rows × $columns",
    ({ rows, columns, matrix, values, half, truncated }) => {
      const { values: sigma, left, right } = singularValues(matrix, rows, columns);
      near(sigma, values, 1e-13 * values[0]!);
      const product = (rank: number) =>
        Array.from({ length: rows * columns }, (_, at) => {
          let sum = 0;
          for (let k = 0; k < rank; k++)
            sum += sigma[k]! * left[k]![Math.floor(at / columns)]! * right[k]![at % columns]!;
          return sum;
        });
      near(product(sigma.length), matrix, 1e-13 * values[0]!);
      near(product(half), truncated, 1e-13 * values[0]!);
    },
  );
  test("of nothing are 0", () => {
    expect([...singularValues(new Float32Array(6), 2, 3).values]).toEqual([0, 0]);
  });
});

describe("lowRank", () => {
  const network = () => {
    const model = sequential(
      { input: [6, 6, 3] },
      conv2d(8, 3, { padding: "same" }),
      batchNorm(),
      relu,
      dropout(0.3),
      activityPenalty({ l2: 1e-3 }),
      conv2d(12, 1),
      depthwiseConv2d(3),
      globalAveragePool2d(),
      dense(20, { activation: "tanh" }),
      dense(4),
    );
    setWeights(model);
    const values = model.parameters();
    const { values: variance } = values.get("batchNorm.variance")!;
    for (const i of variance.keys()) variance[i] = 0.5 + Math.abs(variance[i]!);
    model.setParameters(values);
    return model;
  };
  const inputs = numbers(6 * 6 * 3 * 4);
  const batch = { inputs, labels: Int32Array.of(0, 1, 2, 3), targets: undefined, size: 4 };
  const losses = async (model: Model, count = 6) => {
    const optimizer = sgd({ learningRate: 0.1, momentum: 0.9 });
    const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer, engine, seed: 2 });
    const result: number[] = [];
    for (let step = 0; step < count; step++) result.push((await trainer.step(batch)).loss);
    trainer.close();
    return result;
  };
  const shapeOf = (model: Model, name: string) => model.parameters().get(name)?.shape;

  test("has thin factors, and predicts as the model with their products", async () => {
    const model = network();
    const thin = await lowRank(model, { rank: 3 });
    expect(shapeOf(thin, "conv2d.weight.first")).toEqual([3, 3, 3, 3]);
    expect(shapeOf(thin, "conv2d.weight.second")).toEqual([3, 8]);
    expect(shapeOf(thin, "conv2d_1.weight.first")).toEqual([1, 1, 8, 3]);
    expect(shapeOf(thin, "dense.weight.second")).toEqual([3, 20]);
    expect(shapeOf(thin, "depthwiseConv2d.weight")).toEqual([3, 3, 1, 12]);
    // 20 × 4 with rank 3 is 72 of 80 numbers.
    expect(shapeOf(thin, "dense_1.weight")).toBeUndefined();
    expect(thin.parameterCount).toBeLessThan(model.parameterCount);
    const values = new Map(model.parameters());
    for (const [name, { shape }] of values) {
      const [a, b] = [thin.parameters().get(`${name}.first`), thin.parameters().get(`${name}.second`)];
      if (!a || !b) continue;
      const [rank, columns] = b.shape as [number, number];
      const product = Float32Array.from({ length: (a.values.length / rank) * columns }, (_, at) => {
        let sum = 0;
        for (let k = 0; k < rank; k++)
          sum += a.values[Math.floor(at / columns) * rank + k]! * b.values[k * columns + (at % columns)]!;
        return sum;
      });
      values.set(name, { shape, values: product });
    }
    const whole = await model.predict(inputs, { engine });
    model.setParameters(values);
    const got = await thin.predict(inputs, { engine });
    near(got, await model.predict(inputs, { engine }), 1e-6);
    expect(Math.max(...got.map((x, i) => Math.abs(x - whole[i]!)))).toBeGreaterThan(1e-3);
  });

  test("with all singular values trains nearly as the model does: dropout, penalties and state are its own", async () => {
    const model = network();
    // Of all weights, one alone can be of full rank and smaller: a rank of 1 in the data makes it exact.
    const values = model.parameters();
    const { values: weight } = values.get("dense.weight")!;
    for (const i of weight.keys()) weight[i] = (Math.floor(i / 20) + 1) * 0.02 * ((i % 20) - 9);
    model.setParameters(values);
    const thin = await lowRank(model, { energy: 0.999999, parameters: "dense.weight" });
    expect(shapeOf(thin, "dense.weight.first")).toEqual([12, 1]);
    const [one] = await losses(thin, 1);
    const [other] = await losses(model, 1);
    expect(Math.abs(one! - other!)).toBeLessThan(1e-6);
    near(
      thin.parameters().get("batchNorm.mean")!.values,
      model.parameters().get("batchNorm.mean")!.values,
      1e-6,
    );
    expect(Math.max(...thin.parameters().get("batchNorm.mean")!.values.map(Math.abs))).toBeGreaterThan(0.01);
    const all = await losses(thin, 40);
    expect(Math.min(...all)).toBeLessThan(all[0]! - 0.1);
  });

  test("saves, loads, shrinks, is repeated", async () => {
    const [one, other] = [await lowRank(network(), { rank: 2 }), await lowRank(network(), { rank: 2 })];
    await losses(one, 2);
    other.fromBytes(one.toBytes());
    expect(weightsOf(other)).toEqual(weightsOf(one));
    const repeated = reparametrize(
      one,
      (_, own) =>
        new Map(
          one.weights.segments
            .filter(({ trained }) => trained)
            .map(({ name, shape, initializer }) => [name, mul(own.parameter(name, shape, initializer), 1)]),
        ),
    );
    repeated.setParameters(one.parameters());
    expect(await losses(repeated)).toEqual(await losses(other));
    const smaller = shrink(one, { keep: { "dense.weight.second": 6, "conv2d.weight.first": 1 } });
    expect(shapeOf(smaller, "dense.weight.second")).toEqual([2, 6]);
    expect(shapeOf(smaller, "conv2d.weight.first")).toEqual([3, 3, 3, 1]);
    expect((await smaller.predict(inputs, { engine })).length).toBe(16);
  });

  test("takes ranks by name, sequences, and tokens' models", async () => {
    const model = sequential({ input: [9, 4] }, conv1d(8, 3), flatten(), dense(6), dense(4));
    setWeights(model);
    const thin = await lowRank(model, { rank: { "conv1d.weight": 2, "dense.weight": 1 } });
    expect(shapeOf(thin, "conv1d.weight.first")).toEqual([3, 4, 2]);
    expect(shapeOf(thin, "dense.weight.first")).toEqual([56, 1]);
    expect(shapeOf(thin, "dense_1.weight")).toEqual([6, 4]);
    expect((await thin.predict(numbers(36 * 3), { engine })).length).toBe(12);
  });

  test("says what it cannot do", async () => {
    const tied = defineModel({ input: [6] }, (x) => {
      const weight = x.graph.parameter("weight", [6, 6], (graph, shape) =>
        graph.constant(numbers(36), shape),
      );
      return matmul(mul(matmul(x, weight), 1.5), mul(weight, 0.5));
    });
    setWeights(tied);
    await expect(lowRank(tied, { rank: 2, parameters: "weight" })).rejects.toThrow(
      /weight is not the weight of a product alone/,
    );
    const blocks = sequential({ input: [6] }, checkpoint(dense(12, { activation: "tanh" })), dense(4));
    setWeights(blocks);
    await expect(lowRank(blocks, { rank: 1 })).rejects.toThrow(/checkpoint cannot be said with factors/);
    await expect(lowRank(network(), { rank: 0 })).rejects.toThrow(/rank: wanted a positive integer, got 0/);
    await expect(lowRank(network(), { energy: 2 })).rejects.toThrow(/energy/);
    await expect(lowRank(network(), { rank: { other: 2 } })).rejects.toThrow(
      /rank: wanted one of conv2d.weight/,
    );
    await expect(lowRank(network(), { parameters: "depthwiseConv2d.weight" })).rejects.toThrow(
      /product alone/,
    );
  });
});

describe("kMeans", () => {
  test("moves means where their values are, the error never rises", () => {
    const values = numbers(500, 9);
    const { codebook, assignment, errors } = kMeans(values, 8);
    expect(errors.length).toBeGreaterThan(3);
    for (const [i, error] of errors.entries())
      if (i > 0) expect(error).toBeLessThanOrEqual(errors[i - 1]! + 1e-12);
    for (const [i, mean] of codebook.entries()) {
      const own = [...values.keys()].filter((k) => assignment[k] === i).map((k) => values[k]!);
      expect(Math.abs(own.reduce((a, b) => a + b, 0) / own.length - mean)).toBeLessThan(1e-7);
    }
    // Each value has the nearest.
    for (const [k, value] of values.entries()) {
      const gaps = [...codebook].map((mean) => Math.abs(mean - value));
      expect(gaps[assignment[k]!]).toBeLessThanOrEqual(Math.min(...gaps) + 1e-7);
    }
    const total = values.reduce((sum, x, k) => sum + (x - codebook[assignment[k]!]!) ** 2, 0);
    expect(Math.abs(total - errors.at(-1)!)).toBeLessThan(1e-5);
    expect(kMeans(values, 8)).toEqual({ codebook, assignment, errors });
  });
  test("of few values has each", () => {
    const { codebook, errors } = kMeans(Float32Array.of(3, -1, 3, 0.5), 3);
    expect([...codebook]).toEqual([-1, 0.5, 3].map((x) => expect.closeTo(x, 6)));
    expect(errors.at(-1)).toBeCloseTo(0, 12);
    expect([...kMeans(Float32Array.of(2, 4), 1).codebook]).toEqual([3]);
  });
});

checkOp(
  "sharedWeights",
  SIZES.map(
    (n): OpCase => ({
      inputs: [uniform([5, 1])],
      build: (codebook) =>
        sharedWeights(codebook!, {
          assignment: Int32Array.from({ length: 3 * n }, (_, i) => (i * i) % 5),
          shape: [3, n],
        }),
      want: (codebook = []) => Array.from({ length: 3 * n }, (_, i) => codebook[(i * i) % 5]!),
    }),
  ),
);

describe("clusterWeights", () => {
  test("trains codebooks by the sums of gradients, whatever the threads", async () => {
    const run = async (where: typeof engine) => {
      const model = classifier();
      const { model: shared, assignments, bytes } = clusterWeights(model, { clusters: 4 });
      const start = shared.parameters();
      // 72 and 48 weights of 2 bits, 8 numbers, 16 biases.
      expect(bytes).toBe(18 + 12 + 4 * (8 + 16));
      const optimizer = sgd({ learningRate: 0.1 });
      const trainer = await createTrainer(shared, { loss: softmaxCrossEntropy, optimizer, engine: where });
      await trainer.step(
        batchOf(
          classes(40),
          Int32Array.from({ length: 16 }, (_, i) => i),
        ),
      );
      trainer.close();
      return { model, start, shared, assignments };
    };
    const { model, start, shared, assignments } = await run(engine);
    // The same step of the plain model with these weights.
    const values = model.parameters();
    for (const [name, assignment] of assignments)
      values
        .get(name)!
        .values.set(Float32Array.from(assignment, (k) => start.get(`${name}.codebook`)!.values[k]!));
    model.setParameters(values);
    const plain = await createTrainer(model, {
      loss: softmaxCrossEntropy,
      optimizer: sgd({ learningRate: 1 }),
      engine,
    });
    await plain.step(
      batchOf(
        classes(40),
        Int32Array.from({ length: 16 }, (_, i) => i),
      ),
    );
    plain.close();
    const after = model.parameters();
    for (const [name, assignment] of assignments) {
      const sums = new Float64Array(4);
      for (const [i, k] of assignment.entries())
        sums[k]! += values.get(name)!.values[i]! - after.get(name)!.values[i]!;
      const moved = shared.parameters().get(`${name}.codebook`)!.values;
      near(
        moved,
        start.get(`${name}.codebook`)!.values.map((x, k) => x - 0.1 * sums[k]!),
        1e-6,
      );
      expect(Math.max(...sums.map(Math.abs))).toBeGreaterThan(1e-2);
    }
    const other = await run(two);
    expect(bits(weightsOf(other.shared))).toEqual(bits(weightsOf(shared)));
  });

  test("keeps zeros, saves and loads, and settles to a plain model of as few numbers", async () => {
    const build = () => {
      const model = classifier();
      prune(model, { sparsity: 0.5 });
      return clusterWeights(model, { clusters: 3, parameters: "dense.weight" });
    };
    const [{ model: one, bytes }, { model: other }] = [build(), build()];
    // Three numbers and 0 are two bits.
    expect(bytes).toBe(18 + 4 * (3 + 12 + 48 + 4));
    await train(one, {
      ...training(engine),
      optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
      epochs: 2,
    });
    other.fromBytes(one.toBytes());
    const inputs = numbers(18);
    expect(await other.predict(inputs, { engine })).toEqual(await one.predict(inputs, { engine }));
    const plain = await settle(one, { engine });
    expect(await plain.predict(inputs, { engine })).toEqual(await one.predict(inputs, { engine }));
    const kinds = new Set(plain.parameters().get("dense.weight")!.values);
    expect(kinds.size).toBe(4);
    expect(kinds.has(0)).toBe(true);
    const before = classifier();
    prune(before, { sparsity: 0.5 });
    expect(sparsityOf(plain, "dense.weight")).toBe(sparsityOf(before, "dense.weight"));
    expect(() => clusterWeights(before, { clusters: 0 })).toThrow(/clusters: wanted an integer from 1/);
  });
});
