// Many examples are cut into batches, each a program of its own size, and come out as they do one by one.
import { afterAll, describe, expect, test } from "vitest";
import { createEngine, createTrainer, DataError, ShapeError, sgd, softmaxCrossEntropy } from "#src/index";
import { Predictors } from "#src/nn/predictors";
import { bits, classifier, numbers } from "../train/setting.ts";

const engine = await createEngine({ threads: 1, numerics: "exact" });
afterAll(() => engine.close());

test.each([
  [5, [5]],
  [256, [256]],
  [600, [256, 256, 88]],
])("of %i examples the batches are %j", (examples, sizes) => {
  const batches = [...new Predictors(1).batches(examples)];
  expect(batches.map(({ from, to }) => to - from)).toEqual(sizes);
  expect(batches.map(({ from }) => from)).toEqual(sizes.map((_, at) => at * 256));
});

describe("more examples than a program takes", () => {
  const model = classifier();
  const inputs = numbers(300 * 6);
  test("give what they give in two calls", async () => {
    const all = await model.predict(inputs, { engine });
    const parts = [inputs.subarray(0, 256 * 6), inputs.subarray(256 * 6)].flatMap((part) => [
      ...bits(model.predictSync(part, { engine })),
    ]);
    expect([...bits(all)]).toEqual(parts);
  });
  test("are refused by the place among all of them", async () => {
    const bad = inputs.slice();
    bad[290 * 6 + 5] = Number.NEGATIVE_INFINITY;
    const refused = expect(model.predict(bad, { engine })).rejects;
    await refused.toThrow(DataError);
    await expect(model.predict(bad, { engine })).rejects.toThrow(
      "predict: example 290, element 5: wanted a finite number, got -Infinity",
    );
    expect([...bits(await model.predict(inputs.subarray(0, 6), { engine }))]).toEqual([
      ...bits(model.predictSync(inputs.subarray(0, 6), { engine })),
    ]);
  });
});

test("no numbers at all are refused, also in an array of their type", async () => {
  const wanted = new ShapeError("predict: got 0 numbers, wanted a multiple of 6 for inputs of shape [6]");
  for (const none of [new Float32Array(0), []])
    await expect(classifier().predict(none, { engine })).rejects.toThrow(wanted);
});

test("of five batch sizes the program of the first is given back", () => {
  const model = classifier();
  const sizes = [1, 2, 3, 4, 5];
  const used = sizes.map((size) => {
    model.predictSync(numbers(size * 6), { engine });
    return engine.memoryUsed;
  });
  const each = used[3]! - used[2]!;
  expect(used[4]! - used[3]!).toBeLessThan(each);
  model.predictSync(numbers(5 * 6), { engine });
  expect(engine.memoryUsed).toBe(used[4]);
});

describe("what cannot run without a promise leaves memory as it is", async () => {
  const two = await createEngine({ threads: 2 });
  afterAll(() => two.close());
  const model = classifier();
  const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer: sgd(), engine: two });
  const labels = Int32Array.of(0, 1);
  const step = (inputs: Float32Array) => ({ inputs, labels, targets: undefined, size: 2 });
  await trainer.step(step(numbers(12)));
  await model.predict(numbers(12), { engine: two });
  test.each([
    ["a prediction", (inputs: Float32Array) => model.predictSync(inputs, { engine: two })],
    ["a step", (inputs: Float32Array) => trainer.stepSync(step(inputs))],
  ])("%s", (_, attempt) => {
    const before = Buffer.from(two.memory.buffer.slice(0) as ArrayBuffer);
    expect(() => attempt(numbers(12, 50))).toThrow("engine: has 2 threads; only one thread can run without");
    expect(before.equals(Buffer.from(two.memory.buffer as ArrayBuffer))).toBe(true);
  });
});

describe("the place of the first number that is not finite", () => {
  const block = engine.allocate(4 * 128, "numbers");
  const view = () => new Float32Array(engine.memory.buffer, block.address, 128);
  test.each([Number.NaN, -Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%s", (value) => {
    for (let count = 1; count <= 50; count++) {
      view().fill(-3.4028234663852886e38);
      expect(engine.countFinite(block.address, count)).toBe(count);
      view()[count] = value;
      expect(engine.countFinite(block.address, count)).toBe(count);
      for (let at = count - 1; at >= 0; at--) {
        view()[at] = value;
        expect(engine.countFinite(block.address, count)).toBe(at);
      }
    }
  });
});
