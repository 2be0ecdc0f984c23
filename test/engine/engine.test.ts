// The engine: options, memory, turns, its end, and that the number of threads changes nothing.
import { availableParallelism } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { CONTROL_ARRIVED } from "#abi";
import { dataset } from "#src/data/index";
import { defaultEngine } from "#src/engine/default";
import { relaxedSupported } from "#src/engine/variant";
import {
  accuracy,
  adam,
  createEngine,
  createEngineSync,
  createTrainer,
  dense,
  type Engine,
  EngineError,
  MemoryError,
  OptionError,
  sequential,
  softmaxCrossEntropy,
  train,
} from "#src/index";
import { bits, classes, classifier, numbers, setWeights, weightsOf } from "../train/setting.ts";

const open: Engine[] = [];
async function engineOf(options?: Parameters<typeof createEngine>[0]) {
  const engine = await createEngine(options);
  engine.soloWork = 0;
  open.push(engine);
  return engine;
}
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

const data = classes(100);
const options = { loss: softmaxCrossEntropy, metrics: [accuracy], optimizer: adam() };

describe("options", () => {
  test.each([
    ["threads", { threads: 0 }],
    ["threads", { threads: 1.5 }],
    ["threads", { threads: 65 }],
    ["threads", { threads: "many" as never }],
    ["numerics", { numerics: "precise" as never }],
    ["memoryLimit", { memoryLimit: 1000 }],
    ["memoryLimit", { memoryLimit: 2 ** 40 }],
    ["memoryLimit", { memoryLimit: Number.NaN }],
  ])("%s out of range: %o", async (name, wrong) => {
    const attempt = createEngine(wrong);
    await expect(attempt).rejects.toBeInstanceOf(OptionError);
    await expect(attempt).rejects.toThrow(new RegExp(`createEngine: ${name}: wanted .*, got `));
    if (name !== "threads") expect(() => createEngineSync(wrong as object)).toThrow(OptionError);
  });
  test("by default: a thread a core, the best instructions, not wide", async () => {
    const engine = await engineOf();
    expect(engine.threads).toBe(availableParallelism());
    expect(engine.instructionSet).toBe(relaxedSupported() ? "relaxed" : "plain");
    expect(engine.wide).toBe(false);
  });
  test("exact numerics take plain instructions", async () => {
    expect((await engineOf({ numerics: "exact" })).instructionSet).toBe("plain");
    expect(createEngineSync({ numerics: "exact" }).instructionSet).toBe("plain");
  });
  test("the sync engine has one thread and memory of its own", () => {
    const engine = createEngineSync();
    expect(engine.threads).toBe(1);
    expect(engine.memory.buffer).toBeInstanceOf(ArrayBuffer);
  });
});

test("1, 2, 3 and 4 threads give the same bits", async () => {
  const ends: Int32Array[] = [];
  for (const threads of [1, 2, 3, 4]) {
    const engine = await engineOf({ threads });
    const model = classifier();
    await train(model, { ...options, data, batchSize: 24, epochs: 3, seed: 5, engine });
    ends.push(bits(weightsOf(model)), bits(await model.predict(data)));
    await engine.close();
  }
  for (const [i, end] of ends.entries()) expect(end).toEqual(ends[i % 2]);
});

test("whether the workers take part changes no bit, also from step to step", async () => {
  const engine = await engineOf({ threads: 3 });
  const end = async (work: (step: number) => number) => {
    const model = classifier();
    const trainer = await createTrainer(model, { ...options, engine });
    let step = 0;
    for (const batch of data.batch(10)) {
      engine.soloWork = work(step++);
      await trainer.step(batch);
    }
    return bits(weightsOf(model));
  };
  const together = await end(() => 0);
  expect(await end(() => Number.POSITIVE_INFINITY)).toEqual(together);
  expect(await end((step) => (step % 2 ? 0 : Number.POSITIVE_INFINITY))).toEqual(together);
  // Nobody is left waiting at a barrier that the calling thread did not come to.
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(new Int32Array(engine.memory.buffer)[CONTROL_ARRIVED >> 2]).toBe(0);
});

test("workers see memory that has grown since they began", async () => {
  const engine = await engineOf({ threads: 2 });
  const size = engine.memory.buffer.byteLength;
  // Fills what is there at the start, so that all that follows lies in memory that has grown.
  engine.allocate(size - 2 ** 20, "filler");
  for (let width = 100; width <= 1500; width += 100) {
    const model = sequential({ input: [width] }, dense(width), dense(4));
    setWeights(model);
    const few = dataset({
      inputs: { values: numbers(8 * width), shape: [width] },
      labels: [0, 1, 2, 3, 0, 1, 2, 3],
    });
    const { history } = await train(model, { ...options, data: few, batchSize: 4, engine });
    expect(history[0]!.loss).toBeGreaterThan(0);
  }
  expect(engine.memory.buffer.byteLength).toBeGreaterThan(size + 2 ** 24);
});

describe("memory", () => {
  test("a program larger than what is allowed says what it needs and what there is", async () => {
    const memoryLimit = 4 * 2 ** 20;
    const engine = await engineOf({ threads: 1, memoryLimit });
    const large = sequential({ input: [1000] }, dense(1000), dense(1000), dense(4));
    const small = classifier();
    const error = await large.predict(numbers(1000), { engine }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(MemoryError);
    const { neededBytes, allowedBytes, message } = error as MemoryError;
    expect(neededBytes).toBeGreaterThan(2 * 1000 * 1000 * 4);
    expect(allowedBytes).toBeLessThanOrEqual(memoryLimit);
    expect(message).toContain(`needs ${neededBytes} bytes, ${allowedBytes} of ${memoryLimit} are left`);
    expect(engine.memoryUsed).toBe(0);
    await train(small, { ...options, data, engine });
    expect((await small.predict(data, { engine })).length).toBe(400);
    // The large model works where it may.
    const roomy = await engineOf({ threads: 1 });
    expect((await large.predict(numbers(1000), { engine: roomy })).length).toBe(4);
  });
  test("what a trainer took comes back when it is closed", async () => {
    const engine = await engineOf({ threads: 1 });
    const model = classifier();
    await model.predict(numbers(6), { engine });
    const before = engine.memoryUsed;
    const trainer = await createTrainer(model, { ...options, engine });
    for (const batch of data.batch(30)) await trainer.step(batch);
    expect(engine.memoryUsed).toBeGreaterThan(before);
    trainer.close();
    expect(engine.memoryUsed).toBe(before);
  });
});

describe("turns", () => {
  test("predictions asked for at once each get their own answer", async () => {
    const engine = await engineOf({ threads: 2 });
    const model = classifier();
    const inputs = Array.from({ length: 6 }, (_, i) => numbers(6 * 5, 100 * i));
    const one = [];
    for (const input of inputs) one.push(await model.predict(input, { engine }));
    const all = await Promise.all(inputs.map((input) => model.predict(input, { engine })));
    for (const [i, scores] of all.entries()) expect(bits(scores), `${i}`).toEqual(bits(one[i]!));
  });
  test("steps asked for at once are taken one after the other", async () => {
    const engine = await engineOf({ threads: 2 });
    const end = async (all: boolean) => {
      const model = classifier();
      const trainer = await createTrainer(model, { ...options, engine });
      const results = [];
      const batches = [...data.batch(20)];
      if (all) results.push(...(await Promise.all(batches.map((batch) => trainer.step(batch)))));
      else for (const batch of batches) results.push(await trainer.step(batch));
      return { results, weights: [...weightsOf(model)] };
    };
    expect(await end(true)).toEqual(await end(false));
  });
  test("a prediction in the middle of a training", async () => {
    const engine = await engineOf({ threads: 2 });
    const end = async (look: boolean) => {
      const model = classifier();
      const running = train(model, { ...options, data, batchSize: 5, epochs: 4, seed: 1, engine });
      if (look)
        for (let i = 0; i < 20; i++)
          expect((await model.predict(numbers(6 * 5), { engine })).length).toBe(20);
      await running;
      return bits(weightsOf(model));
    };
    expect(await end(true)).toEqual(await end(false));
  });
  test("a prediction without a promise leaves one that waits its own numbers", async () => {
    const engine = await engineOf({ threads: 1 });
    const model = classifier();
    const [some, others] = [numbers(6, 100), numbers(6, 900)];
    const wanted = bits(await model.predict(some, { engine }));
    const wantedOfOthers = bits(await model.predict(others, { engine }));
    let refused = 0;
    for (let delay = 0; delay < 30; delay++) {
      const waiting = model.predict(some, { engine });
      for (let turn = 0; turn < delay; turn++) await undefined;
      try {
        expect(bits(model.predictSync(others, { engine }))).toEqual(wantedOfOthers);
      } catch (error) {
        expect(error).toEqual(new EngineError("engine: another run is under way"));
        refused++;
      }
      expect(bits(await waiting), `after ${delay}`).toEqual(wanted);
    }
    expect(refused).toBeGreaterThan(0);
  });
  test("only an engine of one thread runs without a promise", async () => {
    const engine = await engineOf({ threads: 2 });
    const model = classifier();
    expect(() => model.predictSync(numbers(6), { engine })).toThrow(EngineError);
    expect(() => model.predictSync(numbers(6), { engine })).toThrow("has 2 threads");
    expect((await model.predict(numbers(6), { engine })).length).toBe(4);
  });
});

describe("the end", () => {
  test("a closed engine runs nothing more, and says so; the model keeps its weights", async () => {
    const engine = await engineOf({ threads: 2 });
    const model = classifier();
    await train(model, { ...options, data, engine });
    const weights = bits(weightsOf(model));
    const scores = bits(await model.predict(data));
    await engine.close();
    await engine.close();
    expect(engine.closed).toBe(true);
    expect(bits(weightsOf(model))).toEqual(weights);
    for (const attempt of [
      model.predict(data, { engine }),
      train(model, { ...options, data, engine }),
      createTrainer(model, { ...options, engine }).then((trainer) => trainer.step([...data.batch(8)][0]!)),
    ]) {
      await expect(attempt).rejects.toBeInstanceOf(EngineError);
      await expect(attempt).rejects.toThrow("closed");
    }
    expect(bits(await model.predict(data))).toEqual(scores);
    expect(bits(weightsOf(model))).toEqual(weights);
  });
  test("closing waits for the run under way", async () => {
    const engine = await engineOf({ threads: 2 });
    const model = classifier();
    const trainer = await createTrainer(model, { ...options, engine });
    const [batch] = data.batch(50);
    const step = trainer.step(batch!);
    await engine.close();
    expect((await step).step).toBe(1);
  });
  test("a training whose engine is closed ends with an error", async () => {
    const engine = await engineOf({ threads: 2 });
    const model = classifier();
    const control = { onProgress: () => engine.close() };
    const running = train(model, {
      ...options,
      data,
      batchSize: 1,
      epochs: 50,
      callbacks: [control],
      engine,
    });
    await expect(running).rejects.toThrow("engine: it is closed");
    expect(weightsOf(model).every(Number.isFinite)).toBe(true);
  });
  test("the process's own engine is made anew after its end", async () => {
    const first = await defaultEngine();
    expect(await defaultEngine()).toBe(first);
    await first.close();
    const second = await defaultEngine();
    expect(second).not.toBe(first);
    expect(second.usable).toBe(true);
    await second.close();
  });
  test("a model moves between engines with its weights", async () => {
    const [one, two] = [
      await engineOf({ threads: 1, numerics: "exact" }),
      await engineOf({ threads: 2, numerics: "exact" }),
    ];
    const model = classifier();
    const scores = bits(await model.predict(data, { engine: one }));
    expect(bits(await model.predict(data, { engine: two }))).toEqual(scores);
    expect(bits(await model.predict(data, { engine: one }))).toEqual(scores);
    await train(model, { ...options, data, engine: two });
    const trained = bits(await model.predict(data, { engine: one }));
    expect(trained).not.toEqual(scores);
    expect(bits(await model.predict(data, { engine: two }))).toEqual(trained);
  });
});
