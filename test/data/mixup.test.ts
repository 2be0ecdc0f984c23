// Mixup: pairs, weights, determinism, and training with it.
import { afterAll, describe, expect, test } from "vitest";
import { DataError, OptionError } from "#src/core/errors";
import { permutation } from "#src/core/random";
import { type Dataset, dataset, type Example, fromIterable, type IterableDataset } from "#src/data/index";
import { mixup } from "#src/data/mixup";
import { accuracy, adam, createEngine, softmaxCrossEntropy, train } from "#src/index";
import { bits, classes, classifier, weightsOf } from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 2 });
afterAll(() => engine.close());

async function all(stream: IterableDataset, epoch = 1): Promise<Example[]> {
  const found: Example[] = [];
  for await (const example of stream.examples(epoch)) found.push(example);
  return found;
}

const COUNT = 400;
/** Example i has the input [i, i²] and a class of its own, so that a mixed target tells who was mixed. */
const own = dataset({
  inputs: Array.from({ length: COUNT }, (_, i) => [i, i * i]),
  labels: Array.from({ length: COUNT }, (_, i) => i),
});
const inOrder = () =>
  fromIterable(
    [...own].map(({ input, label }) => ({ input, label: label! })),
    { inputShape: [2], classes: COUNT },
  );

/** Who was mixed, and the weight of the first; in a pair with oneself it is 1. */
function pairOf({ target }: Example, first: number): { partner: number; weight: number } {
  const others = [...target!.keys()].filter((i) => i !== first && target![i]! > 0);
  expect(others.length).toBeLessThanOrEqual(1);
  return { partner: others[0] ?? first, weight: target![first]! };
}

describe.each<[string, () => Dataset | IterableDataset, (epoch: number) => number[], number]>([
  ["a dataset in memory", () => own, (epoch) => [...permutation(COUNT, 7, epoch)], COUNT],
  [
    "a view",
    () => own.slice(50).slice(-300),
    (epoch) => [...permutation(300, 7, epoch)].map((i) => i + 100),
    300,
  ],
  ["a stream", inOrder, () => Array.from({ length: COUNT }, (_, i) => i), COUNT],
])("mixup of %s", (_, data, order, length) => {
  test("mixes inputs and targets with the same pairs and weights", async () => {
    const mixed = await all(mixup(data(), { alpha: 1, seed: 7, buffer: 64 }));
    expect(mixed.length).toBe(length);
    for (const [k, example] of mixed.entries()) {
      const first = order(1)[k]!;
      const { partner, weight } = pairOf(example, first);
      expect(example.label).toBe(undefined);
      expect(example.target!.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
      const blend = (power: number) => weight * first ** power + (1 - weight) * partner ** power;
      // The target's weight is rounded to 32 bits, and the input once more.
      expect(Math.abs(example.input[0]! - blend(1))).toBeLessThan(COUNT * 2 ** -23);
      expect(Math.abs(example.input[1]! - blend(2))).toBeLessThan(COUNT ** 2 * 2 ** -23);
    }
  });
  test("takes every example once as the first and once as the partner", async () => {
    const mixed = await all(mixup(data(), { alpha: 1, seed: 7, buffer: 64 }));
    const partners = mixed.map((example, k) => pairOf(example, order(1)[k]!).partner);
    const sorted = (list: number[]) => [...list].sort((a, b) => a - b);
    expect(sorted(partners)).toEqual(sorted(order(1)));
    expect(partners).not.toEqual(order(1));
  });
  test("gives the same for a seed and an epoch, and other pairs and weights for others", async () => {
    const draw = (seed: number, epoch: number) => all(mixup(data(), { alpha: 1, seed, buffer: 64 }), epoch);
    const once = await draw(7, 1);
    expect(await draw(7, 1)).toEqual(once);
    const weights = (mixed: Example[]) => mixed.map(({ target }) => Math.max(...target!));
    for (const other of [await draw(8, 1), await draw(7, 2)]) {
      expect(other).not.toEqual(once);
      const before = weights(once);
      expect(weights(other).filter((weight, k) => weight === before[k]).length).toBeLessThan(length / 10);
    }
  });
});

test("pairs differ from one part of a stream to the next, and from epoch to epoch", async () => {
  const places = async (epoch: number) => {
    const mixed = await all(mixup(inOrder(), { alpha: 1, seed: 7, buffer: 50 }), epoch);
    const partners = mixed.map((example, k) => pairOf(example, k).partner % 50);
    return Array.from({ length: COUNT / 50 }, (_, part) => partners.slice(part * 50, (part + 1) * 50));
  };
  const parts = [...(await places(1)), ...(await places(2))];
  expect(new Set(parts.map(String)).size).toBe(parts.length);
});

test("the weights have the mean and variance of Beta(alpha, alpha)", async () => {
  for (const alpha of [0.2, 1, 4]) {
    const weights: number[] = [];
    for (let epoch = 1; epoch <= 10; epoch++) {
      const mixed = await all(mixup(own, { alpha, seed: 7 }), epoch);
      const order = permutation(COUNT, 7, epoch);
      for (const [k, example] of mixed.entries()) {
        const { partner, weight } = pairOf(example, order[k]!);
        if (partner !== order[k]) weights.push(weight);
      }
    }
    const mean = (values: number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
    const variance = 1 / (4 * (2 * alpha + 1));
    // Four standard errors; pairs with oneself, and weights so near to 1 that no partner shows, are left out: 0.01.
    expect(Math.abs(mean(weights) - 0.5)).toBeLessThan(4 * Math.sqrt(variance / weights.length) + 0.01);
    const squares = weights.map((x) => (x - 0.5) ** 2);
    const spread = mean(squares);
    const fourth = mean(squares.map((x) => x * x));
    expect(Math.abs(spread - variance)).toBeLessThan(
      4 * Math.sqrt((fourth - spread ** 2) / weights.length) + 0.01,
    );
  }
});

test("a stream is paired within its buffer, and its arrays may be used again", async () => {
  const input = new Float32Array(1);
  const target = new Float32Array(1);
  const stream = fromIterable(
    function* () {
      for (let i = 0; i < 10; i++) {
        input[0] = target[0] = i;
        yield { input, target };
      }
    },
    { inputShape: [1], targetShape: [1] },
  );
  const mixed = await all(mixup(stream, { alpha: 1, buffer: 4 }));
  expect(mixed.length).toBe(10);
  for (const [k, example] of mixed.entries()) {
    const from = k - (k % 4);
    expect(example.input).toEqual(example.target);
    expect(example.input[0]).toBeGreaterThanOrEqual(from);
    expect(example.input[0]).toBeLessThanOrEqual(Math.min(from + 3, 9));
  }
  const alone = await all(mixup(stream, { buffer: 1 }));
  expect(alone.map((example) => example.input[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("several labels an example become one-hot one after the other", async () => {
  const data = dataset({ inputs: [5], labels: [[2, 0]], classes: 3 });
  const stream = mixup(data);
  expect([stream.inputShape, stream.targetShape, stream.classes]).toEqual([[1], [2, 3], undefined]);
  const [example] = await all(stream);
  expect([...example!.target!]).toEqual([0, 0, 1, 1, 0, 0]);
  expect(mixup(own).targetShape).toEqual([COUNT]);
});

test("training learns classes from mixed examples, to the same bits again", async () => {
  const data = classes(200);
  const run = async () => {
    const model = classifier();
    const { history } = await train(model, {
      data: mixup(data, { alpha: 0.2, seed: 1 }),
      validation: classes(300),
      loss: softmaxCrossEntropy,
      metrics: [accuracy],
      optimizer: adam({ learningRate: 0.02 }),
      batchSize: 20,
      epochs: 8,
      seed: 1,
      engine,
    });
    return { model, last: history.at(-1)! };
  };
  const [one, two] = [await run(), await run()];
  expect(bits(weightsOf(one.model))).toEqual(bits(weightsOf(two.model)));
  // A quarter by chance.
  expect(one.last.validation!.metrics.accuracy).toBeGreaterThan(0.85);
  // Shares cannot be met: the loss of what is trained on stays above that of what is measured.
  expect(one.last.loss).toBeGreaterThan(one.last.validation!.loss);
});

describe("what does not fit", () => {
  test.each<[Parameters<typeof mixup>[1], string]>([
    [{ alpha: 0 }, "mixup: alpha: got 0, wanted a finite number above 0"],
    [{ alpha: Number.NaN }, "mixup: alpha: got NaN, wanted a finite number above 0"],
    [{ alpha: Number.POSITIVE_INFINITY }, "mixup: alpha: got Infinity, wanted a finite number above 0"],
    [{ seed: 0.5 }, "mixup: seed: got 0.5, wanted a safe integer"],
    [{ buffer: 0 }, "mixup: buffer: got 0, wanted an integer from 1"],
  ])("options %j", (options, message) => {
    expect(() => mixup(own, options)).toThrow(new OptionError(message));
  });
  test("labels without classes", async () => {
    const stream = mixup(fromIterable([{ input: 1, label: 2 }], { inputShape: [1] }));
    await expect(all(stream)).rejects.toThrow(
      new OptionError("mixup: classes: got labels of a stream without, wanted fromIterable(…, { classes })"),
    );
  });
  test("neither target nor label", async () => {
    await expect(all(mixup(dataset({ inputs: [1] })))).rejects.toThrow(
      new DataError("mixup: got an example without target and label, wanted one of them"),
    );
  });
  test("targets of different lengths", async () => {
    const items = Array.from({ length: 8 }, (_, i) => ({ input: 1, target: i < 4 ? [1] : [1, 2] }));
    await expect(all(mixup(fromIterable(items, { inputShape: [1] })))).rejects.toThrow(
      /^mixup: target: got [12] and [12] values, wanted as many$/,
    );
  });
});
