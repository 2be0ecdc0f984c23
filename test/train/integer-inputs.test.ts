// Models of tokens: integers as inputs, and labels for each place.
import { describe, expect, test } from "vitest";
import { DataError } from "#src/core/errors";
import { dataset, fromIterable } from "#src/data/index";
import { embedding } from "#src/nn/embedding";
import { dense, flatten } from "#src/nn/layers";
import { sequential } from "#src/nn/model";
import { softmaxCrossEntropy } from "#src/ops/softmax";
import { adam } from "#src/optim/adam";
import { evaluate } from "#src/train/evaluate";
import { accuracy } from "#src/train/loss";
import { train } from "#src/train/train";
import { createTrainer } from "#src/train/trainer";
import { engineOf } from "../support/engines.ts";

const [VOCABULARY, TIME, EXAMPLES] = [7, 3, 20];
const tokens = Array.from({ length: EXAMPLES }, (_, n) =>
  Array.from({ length: TIME }, (_, t) => (n * 5 + t * 3) % VOCABULARY),
);
/** Each place's label depends on its own token alone. */
const labels = tokens.map((row) => row.map((token) => (token * token) % 4));
const inputs = Int32Array.from(tokens.flat());
const engine = await engineOf(2);
const tagger = () => sequential({ input: [TIME], inputType: "i32" }, embedding(VOCABULARY, 8), dense(4));
const options = {
  loss: softmaxCrossEntropy,
  metrics: [accuracy],
  optimizer: adam({ learningRate: 0.1 }),
  epochs: 12,
  batchSize: 8,
  engine,
};
const inMemory = dataset({ inputs: { values: inputs, shape: [TIME] }, labels });

describe("a label for each place is learned", () => {
  test.each([
    ["integers in memory", inMemory],
    ["bytes in memory", dataset({ inputs: { values: Uint8Array.from(inputs), shape: [TIME] }, labels })],
    ["arrays in memory", dataset({ inputs: tokens, labels })],
    ["a stream", inMemory.lazy()],
  ])("from %s", async (_, data) => {
    const model = tagger();
    const run = await train(model, { ...options, data, validation: data });
    expect(run.history.at(-1)!.metrics.accuracy).toBe(1);
    const { metrics, loss } = await evaluate(model, data, options);
    expect(metrics.accuracy).toBe(1);
    expect(loss).toBe(run.history.at(-1)!.validation!.loss);
    const scores = await model.predict(inputs);
    const best = Array.from({ length: EXAMPLES * TIME }, (_, k) => {
      const row = scores.subarray(k * 4, k * 4 + 4);
      return row.indexOf(Math.max(...row));
    });
    expect(best).toEqual(labels.flat());
    for (const same of [tokens, tokens.map((row) => Int32Array.from(row)), inMemory])
      expect(await model.predict(same)).toEqual(scores);
  });

  test("the same bits from memory and from batches", async () => {
    const [one, other] = [tagger(), tagger()];
    await train(one, { ...options, data: inMemory, sampling: "in-order", epochs: 1 });
    const trainer = await createTrainer(other, options);
    for (const batch of inMemory.batch(8))
      await trainer.step({ ...batch, inputs: Int32Array.from(batch.inputs) });
    expect(other.parameters()).toEqual(one.parameters());
    trainer.close();
  });
});

test("one place with a label of its own is measured", async () => {
  const model = sequential({ input: [1], inputType: "i32" }, embedding(3, 4), dense(3));
  const trainer = await createTrainer(model, options);
  const { metrics } = await trainer.step({
    inputs: Int32Array.of(0, 2),
    labels: Int32Array.of(1, 0),
    targets: undefined,
    size: 2,
  });
  expect(metrics.accuracy).toBeGreaterThanOrEqual(0);
  trainer.close();
});

describe("a token out of range is named with its place, and training goes on", () => {
  const bad = (token: number) => Int32Array.from(inputs).fill(token, 7, 8);
  const says = (where: string, token: number) =>
    new DataError(`${where}: example 2, element 1: got ${token}, wanted 0 to 6`);
  test.each([7, -1])("%i", async (token) => {
    const model = tagger();
    await expect(model.predict(bad(token), { engine })).rejects.toThrow(says("predict", token));
    const data = dataset({ inputs: { values: bad(token), shape: [TIME] }, labels });
    await expect(model.predict(data, { engine })).rejects.toThrow(says("predict", token));
    await expect(train(model, { ...options, data })).rejects.toThrow(says("inputs", token));
    await expect(evaluate(model, data, options)).rejects.toThrow(says("inputs", token));
    const stream = fromIterable(
      () => tokens.map((row, n) => ({ input: n === 2 ? row.with(1, token) : row, label: labels[n] })),
      { inputShape: [TIME], classes: 4 },
    );
    await expect(train(model, { ...options, data: stream })).rejects.toThrow(says("step: inputs", token));
    const trainer = await createTrainer(model, options);
    const batch = { labels: Int32Array.from(labels.flat()), targets: undefined, size: EXAMPLES };
    await expect(trainer.step({ ...batch, inputs: bad(token) })).rejects.toThrow(says("step: inputs", token));
    expect((await trainer.step({ ...batch, inputs })).step).toBe(1);
    trainer.close();
  });
  test("a number that is no integer", async () => {
    await expect(tagger().predict([1, 2, 0.5], { engine })).rejects.toThrow(
      new DataError("predict: example 0, element 2: got 0.5, wanted 0 to 6"),
    );
  });
  test("a label", async () => {
    const wrong = labels.map((row, n) => (n === 4 ? row.with(2, 5) : row));
    const data = dataset({ inputs: tokens, labels: wrong });
    await expect(train(tagger(), { ...options, data })).rejects.toThrow(
      new DataError("labels: example 4, element 2: got 5, wanted 0 to 3 for 4 outputs"),
    );
  });
});

test("the limit is the smallest table's, and there is one without a table", () => {
  const small = sequential({ input: [2], inputType: "i32" }, embedding(5, 2), flatten(), dense(1));
  expect([small.inputType, small.inputLimit]).toEqual(["i32", 5]);
  expect(sequential({ input: [2] }, dense(1)).inputLimit).toBe(undefined);
});
