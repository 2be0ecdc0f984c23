// train() with the option average: what is validated, told and left behind are the averaged weights.
import { afterAll, expect, test } from "vitest";
import { createEngine, evaluate, softmaxCrossEntropy, train } from "#src/index";
import { adam, ema, scheduleFreeSgd, sgd, swa, type Transform } from "#src/optim/index";
import { bits, classes, classifier, weightsOf } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const data = classes(64);
const options = { loss: softmaxCrossEntropy, engine };
const run = async (optimizer: Transform, average?: boolean) => {
  const model = classifier();
  const seen: Int32Array[] = [];
  const { history } = await train(model, {
    ...options,
    optimizer,
    data,
    validation: data,
    batchSize: 16,
    epochs: 3,
    seed: 1,
    ...(average === undefined ? {} : { average }),
    callbacks: [{ onEpoch: ({ epoch }) => void (seen[epoch - 1] = bits(weightsOf(model))) }],
  });
  return { model, seen, history };
};

test.each<[string, () => Transform]>([
  ["ema", () => ema(adam({ learningRate: 0.02 }), { decay: 0.9 })],
  ["swa", () => swa(sgd({ learningRate: 0.3 }), { start: 5 })],
  ["scheduleFreeSgd", () => scheduleFreeSgd({ learningRate: 1 })],
])("%s: validation, callbacks and the model at the end have the average", async (_, optimizer) => {
  const trained = await run(optimizer());
  const { model, seen, history } = await run(optimizer(), true);
  expect(seen[2]).toEqual(bits(weightsOf(model)));
  expect(seen[2]).not.toEqual(trained.seen[2]);
  const { loss } = await evaluate(model, data, options);
  expect(history[2]!.validation!.loss).toBe(loss);
  expect(history[2]!.validation!.loss).not.toBe(trained.history[2]!.validation!.loss);
  // What is trained is the same.
  expect(history.map((record) => record.loss)).toEqual(trained.history.map((record) => record.loss));
});

test("an optimizer that keeps none is refused before the first step", async () => {
  const model = classifier();
  const before = bits(weightsOf(model));
  const refused = train(model, { ...options, data, optimizer: adam(), average: true });
  await expect(refused).rejects.toMatchObject({
    name: "OptionError",
    message:
      "train: average: wanted an optimizer that keeps an average of the weights, got one without: put ema or swa around it",
  });
  expect(bits(weightsOf(model))).toEqual(before);
});
