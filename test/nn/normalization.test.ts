// The normalization layers: PyTorch's numbers, what is state and what is trained, and what their options mean.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { dataset, fromIterable } from "#src/data/index";
import { Graph, type Tensor } from "#src/graph/tensor";
import {
  activation,
  createEngine,
  createTrainer,
  dense,
  gradients,
  type Layer,
  meanSquaredError,
  mul,
  OptionError,
  relu,
  ShapeError,
  sequential,
  sgd,
  sum,
} from "#src/index";
import { batchNorm, groupNorm, instanceNorm, layerNorm, refreshStatistics, rmsNorm } from "#src/layers";
import { adamW, chain, decoupledDecay, l2, swa } from "#src/optim/index";
import { bits, numbers, weightsOf } from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
const two = await createEngine({ numerics: "exact", threads: 2 });
afterAll(() => Promise.all([engine.close(), two.close()]));

type Numbers = readonly number[];
interface Trained extends Record<string, Numbers | undefined | Record<string, Numbers>> {
  readonly losses: Numbers;
  readonly predicted: Numbers;
  readonly refreshed?: Record<string, Numbers>;
}
const golden: {
  readonly gradients: Record<
    string,
    { shape: Numbers; y: Numbers; dx: Numbers; scale: Numbers; offset?: Numbers }
  >;
  readonly training: Record<string, Trained>;
} = JSON.parse(readFileSync(new URL("../golden/normalization.json", import.meta.url), "utf8"));

/** Both sides round each of a few dozen operations once, to 32 bits: some 1e-6 of the largest number that goes in. */
const expectClose = (where: string, got: ArrayLike<number>, want: Numbers, tolerance = 3e-6) => {
  expect(got.length, where).toBe(want.length);
  const largest = want.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  for (const [i, x] of want.entries()) {
    if (!(Math.abs(got[i]! - x) <= tolerance * largest))
      expect.fail(`${where}: element ${i}: got ${got[i]}, wanted ${x} ± ${tolerance * largest}`);
  }
};

const layers: Record<string, () => Layer> = {
  batchNorm: () => batchNorm(),
  "batchNorm of images": () => batchNorm(),
  groupNorm: () => groupNorm(2),
  instanceNorm: () => instanceNorm(),
  layerNorm: () => layerNorm(),
  "layerNorm of two axes": () => layerNorm({ axes: 2 }),
  rmsNorm: () => rmsNorm(),
};

/** Computes tensors of a graph from the numbers of others. */
async function compute(
  graph: Graph,
  given: ReadonlyMap<Tensor, ArrayLike<number>>,
  wanted: readonly Tensor[],
) {
  const all = [...given.keys(), ...wanted];
  const placements = new Map(all.map((tensor, k) => [tensor, { region: `r${k}`, offset: 0 }]));
  const loaded = engine.load(compile({ graph, placements, step: { region: "step", offset: 0 } }));
  for (const [k, values] of [...given.values()].entries())
    if (loaded.program.regions.has(`r${k}`)) loaded.floats(`r${k}`).set(values);
  await engine.run(loaded);
  const results = wanted.map(({ size }, k) => loaded.floats(`r${given.size + k}`, 0, size).slice());
  loaded.release();
  return results;
}

describe("PyTorch's numbers", () => {
  test.each(Object.keys(layers))("%s: forward and every gradient", async (name) => {
    const want = golden.gradients[name]!;
    const graph = new Graph();
    const x = graph.input("x", want.shape);
    const weights = graph.input("weights", want.shape);
    const y = layers[name]!()(x);
    const parameters = [...graph.parameters].filter(
      ([, { node }]) => node.source?.kind === "parameter" && node.source.trained,
    );
    const given = new Map<Tensor, ArrayLike<number>>([
      [x, numbers(x.size, 0, 2)],
      [weights, numbers(x.size, 900)],
      ...parameters.map(([key, tensor]) => {
        const values = key.endsWith("scale")
          ? numbers(tensor.size, 500).map((u) => u + 1.5)
          : numbers(tensor.size, 700);
        return [tensor, values] as const;
      }),
    ]);
    const tensors = parameters.map(([, tensor]) => tensor);
    const slopes = gradients(sum(mul(y, weights)), [x, ...tensors]) as Tensor[];
    const [got, dx, ...others] = await compute(graph, given, [y, ...slopes]);
    expectClose("y", got!, want.y);
    expectClose("dx", dx!, want.dx);
    expect(others.length).toBe(want.offset ? 2 : 1);
    expectClose("scale", others[0]!, want.scale);
    if (want.offset) expectClose("offset", others[1]!, want.offset);
  });

  const trainings: Record<string, () => Layer> = {
    batchNorm: () => batchNorm({ name: "norm" }),
    "batchNorm, decay 0.7": () => batchNorm({ decay: 0.7, epsilon: 1e-3, name: "norm" }),
    layerNorm: () => layerNorm({ name: "norm" }),
    groupNorm: () => groupNorm(2, { name: "norm" }),
    rmsNorm: () => rmsNorm({ name: "norm" }),
  };
  test.each(Object.keys(trainings))(
    "%s: ten training steps, prediction, refreshed statistics",
    async (name) => {
      const want = golden.training[name]!;
      const model = sequential({ input: [5] }, dense(6), trainings[name]!(), activation("relu"), dense(2));
      await model.initialize({ engine });
      const start = model.parameters();
      for (const [key, from] of Object.entries({
        "dense.weight": 2000,
        "dense.bias": 2100,
        "dense_1.weight": 2200,
        "dense_1.bias": 2300,
      }))
        start.get(key)!.values.set(numbers(start.get(key)!.values.length, from));
      model.setParameters(start);
      const trainer = await createTrainer(model, {
        loss: meanSquaredError,
        optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
        engine,
      });
      const losses: number[] = [];
      for (let step = 0; step < 10; step++) {
        const batch = {
          inputs: numbers(40, 3000 + 100 * step),
          targets: numbers(16, 6000 + 100 * step),
          labels: undefined,
          size: 8,
        };
        losses.push((await trainer.step(batch)).loss);
      }
      // Ten steps through a kink each: what differs by a rounding goes apart a little.
      expectClose("losses", losses, want.losses, 1e-5);
      const after = model.parameters();
      for (const key of ["dense.weight", "dense_1.weight", "scale", "offset", "mean", "variance"]) {
        const values = want[key] as Numbers | undefined;
        const own = after.get(key.includes(".") ? key : `norm.${key}`);
        expect(own === undefined).toBe(values === undefined);
        if (values) expectClose(key, own!.values, values, 1e-5);
      }
      expectClose("predicted", await model.predict(numbers(20, 9000)), want.predicted, 1e-5);
      if (want.refreshed) {
        const inputs = Float32Array.from([0, 1, 2].flatMap((step) => [...numbers(40, 3000 + 100 * step)]));
        const data = dataset({
          inputs: { values: inputs, shape: [5] },
          targets: { values: new Float32Array(48), shape: [2] },
        });
        await refreshStatistics(model, data, { batchSize: 8 });
        const fresh = model.parameters();
        for (const key of ["mean", "variance"])
          expectClose(key, fresh.get(`norm.${key}`)!.values, want.refreshed[key]!, 1e-5);
        for (const key of ["dense.weight", "norm.scale"])
          expect(bits(fresh.get(key)!.values)).toEqual(bits(after.get(key)!.values));
      }
      trainer.close();
    },
  );
});

const batchOf = (size: number, from = 0, features = 3) => ({
  inputs: numbers(size * features, from),
  targets: numbers(size, from + 500),
  labels: undefined,
  size,
});
const network = (layer: Layer) => sequential({ input: [3] }, dense(4), layer, dense(1));

describe("batchNorm", () => {
  test("predicts by one factor and one offset a channel, in the epilogue of the product before it", async () => {
    const graph = new Graph("predict");
    const x = graph.input("x", [64, 20]);
    const y = relu(batchNorm()(dense(32)(x)));
    const tensors = [x, y, ...graph.parameters.values()];
    const placements = new Map(tensors.map((tensor, k) => [tensor, { region: `r${k}`, offset: 0 }]));
    const listing = compile({ graph, placements }).listing();
    expect(
      listing
        .split("matmulNN")[1]!
        .trim()
        .split("\n")
        .slice(1)
        .map((line) => line.trim().split(" ")[1]),
    ).toEqual(["mul", "add", "relu"]);
  });

  test("has its running variance by n or by n − 1", async () => {
    const variances = await Promise.all(
      (["biased", "unbiased"] as const).map(async (runningVariance) => {
        const model = sequential({ input: [3] }, batchNorm({ decay: 0, runningVariance }), dense(1));
        const trainer = await createTrainer(model, {
          loss: meanSquaredError,
          optimizer: sgd({ learningRate: 0.1 }),
          engine,
        });
        await trainer.step(batchOf(5));
        trainer.close();
        return model.parameters().get("batchNorm.variance")!.values;
      }),
    );
    for (const c of [0, 1, 2]) {
      expect(variances[1]![c]! / variances[0]![c]!).toBeCloseTo(5 / 4, 5);
      const column = [0, 1, 2, 3, 4].map((row) => batchOf(5).inputs[3 * row + c]!);
      const mean = column.reduce((a, b) => a + b) / 5;
      expect(variances[0]![c]).toBeCloseTo(column.reduce((s, u) => s + (u - mean) ** 2, 0) / 5, 6);
    }
  });

  test("learns nothing from a batch with one number a channel", async () => {
    const model = network(batchNorm({ decay: 0 }));
    const trainer = await createTrainer(model, {
      loss: meanSquaredError,
      optimizer: sgd({ learningRate: 0.1 }),
      engine,
    });
    await trainer.step(batchOf(1));
    expect([...model.parameters().get("batchNorm.mean")!.values]).toEqual([0, 0, 0, 0]);
    expect([...model.parameters().get("batchNorm.variance")!.values]).toEqual([1, 1, 1, 1]);
    expect(weightsOf(model).every(Number.isFinite)).toBe(true);
    await trainer.step(batchOf(2));
    expect([...model.parameters().get("batchNorm.mean")!.values]).not.toContain(0);
    trainer.close();
  });

  test("trained by its running statistics, it leaves them as they are", async () => {
    const model = network(batchNorm({ statistics: "running" }));
    const trainer = await createTrainer(model, {
      loss: meanSquaredError,
      optimizer: sgd({ learningRate: 0.1 }),
      engine,
    });
    const { loss } = await trainer.step(batchOf(6));
    expect([...model.parameters().get("batchNorm.mean")!.values]).toEqual([0, 0, 0, 0]);
    expect([...model.parameters().get("batchNorm.scale")!.values]).not.toContain(1);
    const before = weightsOf(model);
    await refreshStatistics(model, dataset({ inputs: [[1, 2, 3]], targets: [[1]] }));
    expect(bits(weightsOf(model))).toEqual(bits(before));
    expect(loss).toBeGreaterThan(0);
    trainer.close();
  });

  test("trains to the same bits on two threads", async () => {
    const trained = await Promise.all(
      [engine, two].map(async (on) => {
        const model = sequential(
          { input: [3] },
          dense(19),
          batchNorm(),
          activation("relu"),
          dense(19),
          layerNorm(),
          dense(1),
        );
        const trainer = await createTrainer(model, {
          loss: meanSquaredError,
          optimizer: adamW(),
          seed: 3,
          engine: on,
        });
        for (const k of [0, 1, 2]) await trainer.step(batchOf(1000, 100 * k));
        trainer.close();
        return bits(weightsOf(model));
      }),
    );
    expect(trained[1]).toEqual(trained[0]);
  });

  test("counts its scale and offset as parameters, its statistics not", () => {
    expect(network(batchNorm()).parameterCount).toBe(16 + 8 + 5);
    expect(network(batchNorm({ scale: false })).parameterCount).toBe(16 + 4 + 5);
    expect(network(layerNorm({ offset: false })).parameterCount).toBe(16 + 4 + 5);
    expect(network(rmsNorm()).parameterCount).toBe(16 + 4 + 5);
  });
});

describe("refreshStatistics", () => {
  test("makes the statistics of averaged weights, from numbers that were not finite too", async () => {
    const model = network(batchNorm());
    const trainer = await createTrainer(model, {
      loss: meanSquaredError,
      optimizer: swa(sgd({ learningRate: 0.5 })),
      engine,
    });
    for (const k of [0, 1, 2, 3]) await trainer.step(batchOf(8, 50 * k));
    model.setParameters(trainer.average());
    const spoilt = model.parameters();
    spoilt.get("batchNorm.mean")!.values.fill(Number.NaN);
    model.setParameters(spoilt);
    const rows = [...batchOf(16, 50).inputs];
    const inputs = Array.from({ length: 16 }, (_, row) => rows.slice(3 * row, 3 * row + 3));
    const targets = inputs.map(() => [0]);
    await refreshStatistics(model, dataset({ inputs, targets }), { batchSize: 8 });
    const after = model.parameters();
    // By hand: the dense layer before it, then the mean of the batches' means.
    const [weight, bias] = ["dense.weight", "dense.bias"].map((name) => after.get(name)!.values) as [
      Float32Array,
      Float32Array,
    ];
    const want = [0, 1, 2, 3].map((c) =>
      inputs.reduce(
        (s, x) => s + (bias[c]! + x[0]! * weight[c]! + x[1]! * weight[4 + c]! + x[2]! * weight[8 + c]!) / 16,
        0,
      ),
    );
    expectClose("mean", after.get("batchNorm.mean")!.values, want);
    const streamed = fromIterable(
      inputs.map((input) => ({ input: Float32Array.from(input), target: Float32Array.of(0) })),
      { inputShape: [3] },
    );
    const before = bits(weightsOf(model));
    await refreshStatistics(model, streamed, { batchSize: 8 });
    expect(bits(weightsOf(model))).toEqual(before);
    trainer.close();
  });

  test("puts the statistics back where the data do not fit", async () => {
    const model = network(batchNorm());
    await model.initialize({ engine });
    const before = bits(weightsOf(model));
    await expect(refreshStatistics(model, dataset({ inputs: [[1, 2]], targets: [[1]] }))).rejects.toThrow(
      ShapeError,
    );
    expect(bits(weightsOf(model))).toEqual(before);
    await expect(
      refreshStatistics(model, dataset({ inputs: [[1, 2, 3]], targets: [[1]] }), { batchSize: 0 }),
    ).rejects.toThrow(OptionError);
  });
});

test.each([
  ["batchNorm", () => batchNorm()],
  ["layerNorm", () => layerNorm()],
  ["groupNorm", () => groupNorm(2)],
])(
  "%s: decay and penalties, which by default spare vectors, spare its scale and offset",
  async (_, layer) => {
    const factors = await Promise.all(
      [decoupledDecay({ rate: 0.5 }), l2(0.5)].map(async (optimizer) => {
        const model = network(layer());
        const loss = (y: Tensor) => mul(sum(y), 0);
        const trainer = await createTrainer(model, {
          loss,
          optimizer: chain(optimizer, sgd({ learningRate: 1 })),
          engine,
        });
        const before = model.parameters();
        await trainer.step(batchOf(4));
        const after = model.parameters();
        trainer.close();
        return [...after].map(([name, { values, shape }]) => ({
          name,
          rank: shape.length,
          same: values.every((v, i) => v === before.get(name)!.values[i]),
        }));
      }),
    );
    for (const list of factors) {
      for (const { name, rank, same } of list.filter(({ name }) => !/mean|variance/.test(name)))
        expect([name, same]).toEqual([name, rank < 2]);
    }
  },
);

test.each<[string, () => unknown, string]>([
  ["a decay of 1", () => batchNorm({ decay: 1 }), "batchNorm: decay: wanted 0 ≤ x < 1, got 1"],
  ["an epsilon of 0", () => rmsNorm({ epsilon: 0 }), "rmsNorm: epsilon: wanted a finite number > 0, got 0"],
  ["no groups", () => groupNorm(0), "groupNorm: groups: wanted a positive integer, got 0"],
  ["no axes", () => layerNorm({ axes: 0 }), "layerNorm: axes: wanted a positive integer, got 0"],
  [
    "an unknown variance",
    () => batchNorm({ runningVariance: "both" as "biased" }),
    'batchNorm: runningVariance: wanted "unbiased" or "biased", got "both"',
  ],
  [
    "groups that do not divide",
    () => network(groupNorm(3)),
    "groupNorm: wanted a multiple of 3 channels, got [1, 4]",
  ],
  ["no rows", () => network(instanceNorm()), "instanceNorm: wanted [batch, ..., rows, channels], got [1, 4]"],
  [
    "too many axes",
    () => network(layerNorm({ axes: 2 })),
    "layerNorm: wanted a batch and 2 axes or more, got [1, 4]",
  ],
])("%s is refused", (_, make, message) => {
  expect(make).toThrow(message);
});
