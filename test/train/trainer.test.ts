// A step at a time: what a step answers, batches of any size, with and without promises.
import { afterAll, describe, expect, test } from "vitest";
import {
  accuracy,
  adam,
  add,
  createEngine,
  createEngineSync,
  createTrainer,
  createTrainerSync,
  defineModel,
  dropout,
  type Engine,
  EngineError,
  evaluate,
  huber,
  type Loss,
  type Metric,
  mean,
  meanAbsoluteError,
  meanSquaredError,
  sgd,
  softmaxCrossEntropy,
  square,
  zeros,
} from "#src/index";
import { batchOf, bits, classes, classifier, curve, regressor, weightsOf } from "./setting.ts";

const alone = createEngineSync({ numerics: "exact" });
const open: Engine[] = [];
afterAll(async () => {
  for (const engine of open) await engine.close();
});

const data = classes(60);
const batches = [...data.batch(16)];
const options = { loss: softmaxCrossEntropy, metrics: [accuracy] };

test("the loss and the metrics of a step are those of the weights before it", async () => {
  const model = classifier();
  const trainer = createTrainerSync(model, { ...options, optimizer: adam(), engine: alone });
  for (const [i, batch] of batches.entries()) {
    const rows = Array.from({ length: batch.size }, (_, row) => i * 16 + row);
    const before = await evaluate(model, data.subset(rows), { ...options, engine: alone });
    const { loss, metrics, step } = trainer.stepSync(batch);
    expect(step).toBe(i + 1);
    expect(loss).toBe(Math.fround(before.loss));
    expect(metrics).toEqual({ accuracy: Math.fround(before.metrics.accuracy!) });
  }
  expect(batches.at(-1)!.size).toBe(12);
  expect(trainer.steps).toBe(batches.length);
});

test("a step on some examples is a step of the mean of the steps on each", () => {
  const moved = (rows: number[]) => {
    const model = classifier();
    const before = weightsOf(model);
    const trainer = createTrainerSync(model, {
      ...options,
      optimizer: sgd({ learningRate: 1 }),
      engine: alone,
    });
    trainer.stepSync(batchOf(data, rows));
    return weightsOf(model).map((value, i) => value - before[i]!);
  };
  for (const size of [1, 3, 7, 16, 17]) {
    const rows = Array.from({ length: size }, (_, i) => i * 3);
    const each = rows.map((row) => moved([row]));
    // Differences of weights below 1, so that one rounding is 6e-8.
    for (const [i, value] of moved(rows).entries()) {
      const mean = each.reduce((sum, part) => sum + part[i]!, 0) / size;
      expect(Math.abs(value - mean)).toBeLessThan(5e-7);
    }
  }
});

test("with promises and without: the same bits, for every kind of layer and loss", async () => {
  const engine = await createEngine({ numerics: "exact", threads: 2 });
  engine.soloWork = 0;
  open.push(engine);
  const setting = { ...options, optimizer: adam(), seed: 4 };
  const [one, two] = [classifier(6, dropout(0.3)), classifier(6, dropout(0.3))];
  const sync = createTrainerSync(one, { ...setting, engine: alone });
  const trainer = await createTrainer(two, { ...setting, engine });
  for (const batch of batches) expect(await trainer.step(batch)).toEqual(sync.stepSync(batch));
  expect(bits(weightsOf(two))).toEqual(bits(weightsOf(one)));
  expect(bits(await two.predict(data))).toEqual(bits(one.predictSync(data, { engine: alone })));

  const [three, four] = [regressor(), regressor()];
  one.initializeSync({ engine: alone, seed: 9 });
  await two.initialize({ engine, seed: 9 });
  three.initializeSync({ engine: alone, seed: 9 });
  await four.initialize({ engine, seed: 9 });
  expect(bits(weightsOf(two))).toEqual(bits(weightsOf(one)));
  expect(bits(weightsOf(four))).toEqual(bits(weightsOf(three)));
});

test("a trainer that has no promise needs an engine that needs none", async () => {
  const engine = await createEngine({ threads: 2 });
  open.push(engine);
  const trainer = createTrainerSync(classifier(), { ...options, optimizer: sgd(), engine });
  expect(() => trainer.stepSync(batches[0]!)).toThrow(EngineError);
  await trainer.step(batches[0]!);
});

describe("losses and metrics", () => {
  const numbers = curve(20);
  const sum: Metric = { name: "absolute", measure: meanAbsoluteError };
  test.each<[string, Loss]>([
    ["meanSquaredError", meanSquaredError],
    ["meanAbsoluteError", meanAbsoluteError],
    ["huber", huber],
    ["one's own", (output, target) => huber(output, target, 0.1)],
  ])("%s is trained on", (_, loss) => {
    const model = regressor();
    const trainer = createTrainerSync(model, {
      loss,
      metrics: [sum],
      optimizer: adam({ learningRate: 0.02 }),
      engine: alone,
    });
    const [batch] = numbers.batch("full");
    const first = trainer.stepSync(batch!);
    let last = first;
    for (let step = 0; step < 200; step++) last = trainer.stepSync(batch!);
    expect(last.loss).toBeLessThan(first.loss / 2);
    expect(last.metrics.absolute).toBeLessThan(first.metrics.absolute!);
  });
  test("accuracy is the share of the largest", () => {
    const model = classifier();
    const scores = model.predictSync(data, { engine: alone });
    const right = Array.from({ length: data.length }, (_, i) => {
      const row = scores.subarray(i * 4, i * 4 + 4);
      return row.indexOf(Math.max(...row)) === data.labels!.values[i];
    }).filter(Boolean).length;
    expect(right).toBeGreaterThan(0);
    expect(right).toBeLessThan(data.length);
    const trainer = createTrainerSync(model, { ...options, optimizer: sgd(), engine: alone });
    expect(trainer.stepSync([...data.batch("full")][0]!).metrics.accuracy).toBe(
      Math.fround(right / data.length),
    );
  });
});

test("two trainers of one model have state of their own", () => {
  const run = (count: number) => {
    const model = classifier();
    const trainers = Array.from({ length: count }, () =>
      createTrainerSync(model, {
        ...options,
        optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
        engine: alone,
      }),
    );
    for (const [i, batch] of batches.entries()) trainers[i % count]!.stepSync(batch);
    return bits(weightsOf(model));
  };
  expect(run(2)).not.toEqual(run(1));
});

test("changes of the weights between steps count", () => {
  const model = classifier();
  const trainer = createTrainerSync(model, { ...options, optimizer: sgd(), engine: alone });
  const start = model.parameters();
  const { loss } = trainer.stepSync(batches[0]!);
  trainer.stepSync(batches[0]!);
  model.setParameters(start);
  expect(trainer.stepSync(batches[0]!).loss).toBe(loss);
});

test("a loss that looks at neither target nor input is trained on all the same", () => {
  const alike = defineModel({ input: [1] }, (x) => {
    const weight = x.graph.parameter("weight", [1, 3], zeros);
    return add(weight, 1);
  });
  const trainer = createTrainerSync(alike, {
    loss: (output) => mean(square(output)),
    optimizer: sgd({ learningRate: 0.5 }),
    engine: alone,
  });
  const batch = { inputs: Float32Array.of(7), targets: Float32Array.of(5), labels: undefined, size: 1 };
  const losses = Array.from({ length: 20 }, () => trainer.stepSync(batch).loss);
  expect(losses[0]).toBe(1);
  expect(losses.at(-1)).toBeLessThan(0.01);
});
