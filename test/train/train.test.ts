// The training loop: the same bits as steps by hand, whatever the batch size, the order and the kind of dataset.
import { afterAll, describe, expect, test, vi } from "vitest";
import { integers, permutation } from "#src/core/random";
import { type Dataset, dataset, fromIterable } from "#src/data/index";
import {
  accuracy,
  adam,
  createEngine,
  createTrainer,
  dense,
  dropout,
  evaluate,
  type Model,
  sequential,
  softmaxCrossEntropy,
  train,
} from "#src/index";
import { batchOf, bits, classes, classifier, numbers, weightsOf } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 2 });
engine.soloWork = 0;
afterAll(() => engine.close());

const data = classes(50);
const held = classes(300);
const setting = {
  loss: softmaxCrossEntropy,
  metrics: [accuracy],
  optimizer: adam({ learningRate: 0.01 }),
  engine,
};
const model = () => classifier(6, dropout(0.2));

/** Steps by hand over orders of rows, one an epoch, in batches of a size. */
async function byHand(
  of: Model,
  source: Dataset,
  orders: readonly ArrayLike<number>[],
  size: number,
  seed: number,
) {
  const trainer = await createTrainer(of, { ...setting, seed });
  const epochs = [];
  for (const order of orders) {
    const rows = Array.from(order);
    const sums = { loss: 0, accuracy: 0 };
    for (let at = 0; at < rows.length; at += size) {
      const batch = batchOf(source, rows.slice(at, at + size));
      const { loss, metrics } = await trainer.step(batch);
      sums.loss += loss * batch.size;
      sums.accuracy += metrics.accuracy! * batch.size;
    }
    epochs.push({ loss: sums.loss / rows.length, accuracy: sums.accuracy / rows.length });
  }
  trainer.close();
  return epochs;
}

describe.each([
  ["shuffled", (epoch: number) => Array.from(permutation(50, 3, epoch))],
  ["in-order", () => Array.from({ length: 50 }, (_, i) => i)],
  [
    "with-replacement",
    (epoch: number) => Array.from(integers(50, { below: 50, seed: 3, stream: `with replacement ${epoch}` })),
  ],
] as const)("sampling %s", (sampling, order) => {
  test.each([1, 7, 16, 49, 50, 51, 1000, "full"] as const)(
    "batch size %s: the bits of steps by hand",
    async (batchSize) => {
      const [one, two] = [model(), model()];
      const size = batchSize === "full" ? 50 : batchSize;
      const run = await train(one, { ...setting, data, batchSize, sampling, epochs: 3, seed: 3 });
      const epochs = await byHand(two, data, [1, 2, 3].map(order), size, 3);
      expect(bits(weightsOf(one))).toEqual(bits(weightsOf(two)));
      expect(run.steps).toBe(3 * Math.ceil(50 / size));
      for (const [i, { loss, metrics }] of run.history.entries()) {
        // Sums of a few doubles, in two orders.
        expect(loss).toBeCloseTo(epochs[i]!.loss, 12);
        expect(metrics.accuracy).toBeCloseTo(epochs[i]!.accuracy, 12);
      }
    },
  );
});

test("orders: shuffled takes each example once an epoch, with replacement does not", async () => {
  // A loss per example, the weights standing still.
  const still = { ...setting, optimizer: adam({ learningRate: 0 }), data, batchSize: 1, epochs: 2, seed: 8 };
  const means = async (sampling: "shuffled" | "with-replacement" | "in-order") =>
    (await train(classifier(), { ...still, sampling })).history.map(({ loss }) => loss);
  const [once] = await means("in-order");
  const shuffled = await means("shuffled");
  for (const loss of shuffled) expect(loss).toBeCloseTo(once!, 12);
  const [first, second] = await means("with-replacement");
  expect(Math.abs(first! - once!)).toBeGreaterThan(1e-4);
  expect(Math.abs(second! - first!)).toBeGreaterThan(1e-4);
});

test("a seed gives the same bits again, another seed others", async () => {
  const end = async (seed: number) => {
    const one = model();
    await train(one, { ...setting, data, batchSize: 8, epochs: 2, seed });
    return bits(weightsOf(one));
  };
  const first = await end(1);
  expect(await end(1)).toEqual(first);
  expect(await end(2)).not.toEqual(first);
});

test("how many steps a call takes changes no bit", async () => {
  const end = async (milliseconds: number) => {
    // The clock decides how many steps a call takes: slow, one each; standing still, as many as fit.
    let now = 0;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += milliseconds));
    const calls: number[] = [];
    const one = model();
    try {
      await train(one, {
        ...setting,
        data,
        batchSize: 1,
        epochs: 4,
        seed: 6,
        callbacks: [{ onProgress: ({ step }) => void calls.push(step) }],
      });
    } finally {
      clock.mockRestore();
    }
    return { calls: calls.length, weights: bits(weightsOf(one)) };
  };
  const slow = await end(1000);
  const fast = await end(0);
  expect(slow.calls).toBe(200);
  expect(fast.calls).toBeLessThan(30);
  expect(fast.weights).toEqual(slow.weights);
});

describe("kinds of datasets", () => {
  const end = async (source: Parameters<typeof train>[1]["data"], extra = {}) => {
    const one = model();
    const { history } = await train(one, {
      ...setting,
      data: source,
      sampling: "in-order",
      batchSize: 8,
      epochs: 2,
      seed: 2,
      ...extra,
    });
    return { weights: bits(weightsOf(one)), losses: history.map(({ loss }) => loss) };
  };
  test("a stream of the same order gives the bits of the dataset in memory", async () => {
    const memory = await end(data);
    expect(await end(data.lazy())).toEqual(memory);
    const rows = () => [...data].map(({ input, label }) => ({ input, label }));
    expect(await end(fromIterable(rows, { inputShape: [6], classes: 4 }))).toEqual(memory);
  });
  test("a view of rows gives the bits of a dataset of its own with those rows", async () => {
    const rows = [4, 1, 1, 30, 49, 7, 12, 0, 22, 5];
    const view = data.subset(rows);
    const values = Float32Array.from(
      rows.flatMap((row) => [...data.inputs.values.subarray(row * 6, row * 6 + 6)]),
    );
    const labels = rows.map((row) => data.labels!.values[row]!);
    expect(await end(view)).toEqual(
      await end(dataset({ inputs: { values, shape: [6] }, labels, classes: 4 })),
    );
  });
  test("bytes with a scale and an offset give the bits of the floats that they stand for", async () => {
    const bytes = Uint8Array.from({ length: 50 * 6 }, (_, i) => (i * 37) % 256);
    const labels = data.labels!.values;
    const scale = 1 / 255;
    const stored = dataset({
      inputs: { values: bytes, shape: [6], scale, offset: -0.5 },
      labels,
      classes: 4,
    });
    const floats = Float32Array.from(bytes, (byte) => Math.fround(byte * Math.fround(scale)) - 0.5);
    const wanted = await end(dataset({ inputs: { values: floats, shape: [6] }, labels, classes: 4 }));
    expect(await end(stored)).toEqual(wanted);
    expect(await end(stored.lazy())).toEqual(wanted);
    const ints = dataset({
      inputs: { values: Int32Array.from(bytes), shape: [6], scale, offset: -0.5 },
      labels,
      classes: 4,
    });
    expect(await end(ints)).toEqual(wanted);
  });
});

test("validation numbers are those of evaluate, and training does not feel them", async () => {
  const [one, two] = [model(), model()];
  const seen: unknown[] = [];
  const check = {
    onEpoch: async () => {
      const { loss, metrics } = await evaluate(one, held, { ...setting });
      seen.push({ loss, metrics });
    },
  };
  const run = await train(one, {
    ...setting,
    data,
    validation: held,
    epochs: 3,
    seed: 1,
    callbacks: [check],
  });
  expect(run.history.map(({ validation }) => validation)).toEqual(seen);
  const streamed = await train(model(), { ...setting, data, validation: held.lazy(), epochs: 3, seed: 1 });
  expect(streamed.history.map(({ validation }) => validation)).toEqual(seen);
  await train(two, { ...setting, data, epochs: 3, seed: 1 });
  expect(bits(weightsOf(two))).toEqual(bits(weightsOf(one)));
});

test("evaluate: the batch size changes only rounding, dropout does nothing, the weights stay", async () => {
  const one = model();
  const before = bits(weightsOf(one));
  const whole = await evaluate(one, held, { ...setting, batchSize: 300 });
  expect(whole.examples).toBe(300);
  for (const batchSize of [1, 7, 256, 299, 1000]) {
    const { loss, metrics, examples } = await evaluate(one, held, { ...setting, batchSize });
    expect(examples).toBe(300);
    expect(loss).toBeCloseTo(whole.loss, 6);
    expect(metrics.accuracy).toBeCloseTo(whole.metrics.accuracy!, 6);
  }
  expect(await evaluate(classifier(), held, setting)).toEqual(await evaluate(one, held, setting));
  expect(bits(weightsOf(one))).toEqual(before);
});

test("history: a record an epoch, with steps over the whole training", async () => {
  const { history, steps, reason, seconds } = await train(model(), {
    ...setting,
    data,
    batchSize: 16,
    epochs: 3,
  });
  expect(history.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  expect(history.map(({ step }) => step)).toEqual([4, 8, 12]);
  expect(steps).toBe(12);
  expect(reason).toBe("epochs");
  expect(seconds).toBeGreaterThan(0);
  for (const record of history) {
    expect(record).toMatchObject({ skipped: 0, validation: undefined });
    expect(record.examplesPerSecond).toBeCloseTo(50 / record.seconds, 6);
    expect(Object.keys(record.metrics)).toEqual(["accuracy"]);
  }
});

test("no epochs: nothing but initial weights", async () => {
  const one = model();
  const before = bits(weightsOf(one));
  expect(await train(one, { ...setting, data, epochs: 0 })).toMatchObject({
    history: [],
    steps: 0,
    reason: "epochs",
  });
  expect(bits(weightsOf(one))).toEqual(before);
});

test("it learns", async () => {
  const { history } = await train(classifier(), {
    ...setting,
    data: classes(400),
    validation: held,
    epochs: 40,
  });
  const { metrics, validation } = history.at(-1)!;
  expect(metrics.accuracy).toBeGreaterThan(0.95);
  expect(validation!.metrics.accuracy).toBeGreaterThan(0.9);
});

test("more examples than one call of the engine takes", async () => {
  const many = dataset({
    inputs: { values: numbers(3000 * 6), shape: [6] },
    labels: Int32Array.from({ length: 3000 }, (_, i) => i % 4),
    classes: 4,
  });
  const [one, two] = [classifier(), classifier()];
  const { steps } = await train(one, { ...setting, data: many, batchSize: 1, sampling: "in-order" });
  expect(steps).toBe(3000);
  await train(two, { ...setting, data: many.lazy(), batchSize: 1 });
  expect(bits(weightsOf(two))).toEqual(bits(weightsOf(one)));
});

describe("data that is copied in several parts is all there", () => {
  const [examples, size] = [1000, 4300];
  const value = (index: number) => (Math.imul(index, 2_654_435_761) >>> 24) & 255;
  const bytes = Uint8Array.from({ length: examples * size }, (_, index) => value(index));
  const labels = Array.from({ length: examples }, (_, index) => (bytes[index * size]! > 127 ? 1 : 0));
  test.each([
    ["bytes", { values: bytes, shape: [size], scale: 1 / 255 }],
    ["floats", { values: Float32Array.from(bytes, (byte) => byte / 255), shape: [size] }],
    [
      "floats with a scale",
      { values: Float32Array.from(bytes), shape: [size], scale: 1 / 255, offset: -0.5 },
    ],
  ])("%s", async (_, inputs) => {
    const whole = dataset({ inputs, labels });
    const of = sequential({ input: [size] }, dense(2));
    await of.initialize({ engine });
    const inMemory = await evaluate(of, whole, { ...setting, batchSize: 50 });
    const streamed = await evaluate(of, whole.lazy(), { ...setting, batchSize: 50 });
    expect(inMemory.loss).toBeGreaterThan(0);
    expect(inMemory).toEqual(streamed);
  });
});
