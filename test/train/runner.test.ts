// Several runners of one training: each has its own data, and all of them the optimizer's state.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { adam, createEngineSync, createTrainer, type Engine, softmaxCrossEntropy } from "#src/index";
import { batchOf, bits, classes, classifier, weightsOf } from "./setting.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const create = async (engine: Engine) => {
  const model = classifier();
  const optimizer = adam({ learningRate: 0.1 });
  return { model, trainer: await createTrainer(model, { loss: softmaxCrossEntropy, optimizer, engine }) };
};
const data = classes(48);
const first = data.subset(Array.from({ length: 24 }, (_, row) => row)).materialize();
const second = data.subset(Array.from({ length: 24 }, (_, row) => 24 + row)).materialize();
const order = Int32Array.from({ length: 24 }, (_, row) => row);

/** The weights after a step on all of the first data and one on all of the second, as batches that the host writes. */
async function wanted() {
  const { model, trainer } = await create(createEngineSync({ numerics: "exact" }));
  for (const each of [first, second]) await trainer.step(batchOf(each, order));
  return bits(weightsOf(model));
}

test("the second of two runners trains on its own data", async () => {
  const engine = createEngineSync({ numerics: "exact" });
  const { model, trainer } = await create(engine);
  const runners = [trainer.runner(first), trainer.runner(second)];
  for (const [i, runner] of runners.entries()) await runner.run(24, order, i + 1);
  expect(bits(weightsOf(model))).toEqual(await wanted());
});

test("a runner that is released leaves the state to the others", async () => {
  const engine = createEngineSync({ numerics: "exact" });
  const { model, trainer } = await create(engine);
  const used = engine.memoryUsed;
  const before = trainer.runner(first);
  await before.run(24, order, 1);
  before.release();
  // What is allocated now would lie where the state was, had it gone, too.
  const others = engine.allocate(4096, "others");
  new Float32Array(engine.memory.buffer, others.address, 1024).fill(NaN);
  const after = trainer.runner(second);
  await after.run(24, order, 2);
  expect(bits(weightsOf(model))).toEqual(await wanted());
  engine.free(others);
  after.release();
  trainer.close();
  expect(engine.memoryUsed).toBe(used + model.weights.length * 4);
});

test("a runner that nobody holds leaves the state to its trainer", async () => {
  const engine = createEngineSync({ numerics: "exact" });
  const { model, trainer } = await create(engine);
  await (async () => {
    await trainer.runner(first).run(24, order, 1);
  })();
  const used = engine.memoryUsed;
  // Finalizers run between turns of the event loop.
  for (let turn = 0; turn < 20 && engine.memoryUsed === used; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(engine.memoryUsed).toBeLessThan(used);
  const others = engine.allocate(4096, "others");
  new Float32Array(engine.memory.buffer, others.address, 1024).fill(NaN);
  trainer.steps = 1;
  await trainer.step(batchOf(second, order));
  expect(bits(weightsOf(model))).toEqual(await wanted());
  engine.free(others);
  trainer.close();
});
