// A model without parameters: there is nothing to draw, to keep or to train, and everything else works.
import { expect, test } from "vitest";
import { dataset } from "#src/data/index";
import {
  createEngineSync,
  createTrainerSync,
  defineModel,
  evaluate,
  meanSquaredError,
  mul,
  OptionError,
  relu,
  sgd,
  train,
} from "#src/index";

const engine = createEngineSync({ numerics: "exact" });
const create = () => defineModel({ input: [3] }, (x) => mul(relu(x), 2));
const data = dataset({ inputs: [[1, -2, 3]], targets: [[2, 0, 3]] });
const options = { loss: meanSquaredError, engine };

test("is initialized, predicts and is evaluated", async () => {
  const model = create();
  await model.initialize();
  await model.initialize({ engine, seed: 7 });
  model.initializeSync({ engine });
  for (let again = 0; again < 2; again++) {
    expect([...(await model.predict([[1, -2, 3]], { engine }))]).toEqual([2, 0, 6]);
    expect([...model.predictSync([[1, -2, 3]], { engine })]).toEqual([2, 0, 6]);
  }
  expect((await evaluate(model, data, options)).loss).toBe(3);
  expect(model.parameters().size).toBe(0);
  const copy = create();
  copy.fromBytes(model.toBytes());
  expect([...copy.predictSync([[1, -2, 3]], { engine })]).toEqual([2, 0, 6]);
});

test("has nothing to train, and training says so; a step tells its loss", async () => {
  const wanted = new OptionError("train: model: got one without parameters, wanted something to train");
  const training = { ...options, optimizer: sgd() };
  await expect(train(create(), { ...training, data })).rejects.toThrow(wanted);
  const batch = {
    inputs: Float32Array.of(1, -2, 3),
    targets: Float32Array.of(2, 0, 3),
    labels: undefined,
    size: 1,
  };
  expect(createTrainerSync(create(), training).stepSync(batch).loss).toBe(3);
});
