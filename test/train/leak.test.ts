// Long runs leave nothing behind: memory of the engine, handles of the process, objects of the host.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import {
  adam,
  chain,
  clipByGlobalNorm,
  createEngine,
  createTrainer,
  dense,
  evaluate,
  sequential,
  softmaxCrossEntropy,
  train,
} from "#src/index";
import { classes, classifier, numbers } from "./setting.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");
const heap = async () => {
  // Finalizers run between turns of the event loop.
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return process.memoryUsage().heapUsed;
};
const handles = () =>
  process
    .getActiveResourcesInfo()
    .filter((name) => name !== "Timeout" && name !== "Immediate")
    .sort();

const data = classes(64);
const optimizer = () => chain(clipByGlobalNorm(1), adam());
const options = { loss: softmaxCrossEntropy, optimizer: optimizer() };

test("10,000 steps of one's own: engine, handles and heap stay flat", { timeout: 60_000 }, async () => {
  const engine = await createEngine({ threads: 2 });
  const model = classifier();
  const trainer = await createTrainer(model, { ...options, engine });
  const batches = [...data.batch(8), ...data.batch(12)];
  const round = async (steps: number) => {
    for (let step = 0; step < steps; step++) await trainer.step(batches[step % batches.length]!);
    await model.predict(numbers(6 * 7), { engine });
  };
  await round(1000);
  const before = {
    used: engine.memoryUsed,
    size: engine.memory.buffer.byteLength,
    handles: handles(),
    heap: await heap(),
  };
  await round(10_000);
  expect(engine.memoryUsed).toBe(before.used);
  expect(engine.memory.buffer.byteLength).toBe(before.size);
  expect(handles()).toEqual(before.handles);
  // 100 bytes a step would be a megabyte.
  expect((await heap()) - before.heap).toBeLessThan(500_000);
  expect(trainer.steps).toBe(11_000);
  await engine.close();
});

test("10,000 steps of training loops, with validation", { timeout: 60_000 }, async () => {
  const engine = await createEngine({ threads: 2 });
  const model = classifier();
  const round = async () => {
    await train(model, { ...options, data, validation: data, batchSize: 1, epochs: 8, engine });
    await evaluate(model, data, { loss: softmaxCrossEntropy, engine });
  };
  // Compiled code counts as heap, and comes with use.
  for (let run = 0; run < 10; run++) await round();
  const before = {
    used: engine.memoryUsed,
    size: engine.memory.buffer.byteLength,
    handles: handles(),
    heap: await heap(),
  };
  for (let run = 0; run < 20; run++) {
    await round();
    expect(engine.memoryUsed).toBe(before.used);
  }
  expect(engine.memory.buffer.byteLength).toBe(before.size);
  expect(handles()).toEqual(before.handles);
  expect((await heap()) - before.heap).toBeLessThan(500_000);
  await engine.close();
});

test("models and trainers that nobody holds give their memory back", async () => {
  const engine = await createEngine({ threads: 1 });
  const make = async () => {
    const model = sequential({ input: [6] }, dense(64), dense(4));
    const trainer = await createTrainer(model, { ...options, engine });
    for (const batch of data.batch(20)) await trainer.step(batch);
    await model.predict(data, { engine });
    return { model, trainer };
  };
  const held = await make();
  const one = engine.memoryUsed;
  expect(one).toBeGreaterThan(0);
  for (let round = 0; round < 8; round++) {
    for (let k = 0; k < 5; k++) await make();
    await heap();
    // A few may still be held by a register or a stack slot.
    expect(engine.memoryUsed).toBeLessThan(5 * one);
  }
  expect(held.model.parameterCount).toBeGreaterThan(0);
  await engine.close();
});

test("engines that are closed leave no thread and no handle", async () => {
  const round = async () => {
    const engine = await createEngine({ threads: 3 });
    await train(classifier(), { ...options, data, engine });
    await engine.close();
  };
  await round();
  const before = { handles: handles(), heap: await heap() };
  for (let k = 0; k < 5; k++) await round();
  expect(handles()).toEqual(before.handles);
  expect((await heap()) - before.heap).toBeLessThan(1_000_000);
});
