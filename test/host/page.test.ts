// An engine in a page: all threads workers where they can share memory, else slices of the page's own thread.
import { afterEach, describe, expect, test, vi } from "vitest";
import { createEngine as createNodeEngine } from "#src/index";
import { bits, classes, classifier, setWeights, weightsOf } from "../train/setting.ts";
import { isolate, PageWorker, page, pageData } from "./page.ts";

const open: { close(): Promise<void> }[] = [];
async function engineOf(options?: Parameters<typeof page.createEngine>[0]) {
  const engine = await page.createEngine({ numerics: "exact", ...options });
  engine.soloWork = 0;
  open.push(engine);
  return engine;
}
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const features = 6;
const { inputs, labels } = classes(100, features);
const data = pageData.dataset({
  inputs: { values: inputs.values, shape: [features] },
  labels: labels!.values,
  classes: 4,
});

function model() {
  const { sequential, dense } = page;
  const made = sequential({ input: [features] }, dense(12, { activation: "relu" }), dense(4));
  setWeights(made);
  return made;
}
const options = () => ({
  ...{ data, batchSize: 24, epochs: 3, seed: 5 },
  ...{ loss: page.softmaxCrossEntropy, metrics: [page.accuracy], optimizer: page.adam() },
});

/** The bits of the weights after a training, and of what they predict. */
async function trained(engine: Awaited<ReturnType<typeof engineOf>>) {
  const made = model();
  await page.train(made, { ...options(), engine });
  return [bits(weightsOf(made)), bits(await made.predict(data, { engine }))];
}

/** The same on Node. */
async function wanted() {
  const { train, softmaxCrossEntropy, accuracy, adam } = await import("#src/index");
  const engine = await createNodeEngine({ threads: 1, numerics: "exact" });
  open.push(engine);
  const made = classifier(features);
  const set = classes(100, features);
  await train(made, {
    ...{ data: set, batchSize: 24, epochs: 3, seed: 5, engine },
    ...{ loss: softmaxCrossEntropy, metrics: [accuracy], optimizer: adam() },
  });
  return [bits(weightsOf(made)), bits(await made.predict(set, { engine }))];
}

/** How often the page is let in while something works, by a clock that goes on by a millisecond a look. */
async function breathsDuring(work: () => Promise<unknown>): Promise<number> {
  let now = 1e9;
  vi.spyOn(performance, "now").mockImplementation(() => now++);
  let breaths = 0;
  // What an engine waits for is a message to itself, which comes after the tasks that are there already.
  class Counted extends MessageChannel {
    constructor() {
      super();
      breaths++;
    }
  }
  vi.stubGlobal("MessageChannel", Counted);
  await work();
  return breaths;
}

describe("without cross-origin isolation", () => {
  test("one thread, the page's, comes to the same bits", async () => {
    const engine = await engineOf();
    expect(engine.threads).toBe(1);
    expect(engine.memory.buffer).toBeInstanceOf(ArrayBuffer);
    expect(await trained(engine)).toEqual(await wanted());
  });
  test("it lets the page in between instructions, and comes to the same bits", async () => {
    const engine = await engineOf();
    const layers = Array.from({ length: 60 }, () => page.dense(4, { activation: "tanh" }));
    const deep = page.sequential({ input: [4] }, ...layers);
    await deep.initialize({ seed: 1, engine });
    const input = Float32Array.of(1, 2, 3, 4);
    const scores = bits(deep.predictSync(input, { engine }));
    let predicted: Float32Array | undefined;
    const breaths = await breathsDuring(async () => {
      predicted = await deep.predict(input, { engine });
    });
    expect(bits(predicted!)).toEqual(scores);
    // One run of sixty instructions, ten looks at the clock a slice.
    expect(breaths).toBeGreaterThan(4);
  });
  test("a training with breaks comes to the same bits", async () => {
    const engine = await engineOf();
    const whole = await wanted();
    await breathsDuring(async () => {
      expect(await trained(engine)).toEqual(whole);
    });
  });
  test("many short turns, each begun by the end of another, let the page in too", async () => {
    const engine = await engineOf();
    const breaths = await breathsDuring(async () => {
      for (let i = 0; i < 100; i++) await engine.turn(async () => {});
    });
    expect(breaths).toBeGreaterThan(4);
  });
  test("what is done without a promise is done in one go", async () => {
    const engine = await engineOf();
    const made = model();
    const scores = bits(await made.predict(data, { engine }));
    const breaths = await breathsDuring(async () => {
      expect(bits(made.predictSync(data, { engine }))).toEqual(scores);
    });
    expect(breaths).toBe(0);
  });
  test("threads that are asked for cannot be had", async () => {
    const attempt = page.createEngine({ threads: 2 });
    await expect(attempt).rejects.toBeInstanceOf(page.EngineError);
    await expect(attempt).rejects.toThrow("threads: got 2");
  });
  test("an engine without a promise is refused, with the way out", () => {
    expect(() => page.createEngineSync()).toThrow(page.EngineError);
    expect(() => page.createEngineSync()).toThrow(/use createEngine, or downhill\/slim/);
  });
});

describe("with cross-origin isolation", () => {
  test.each([1, 2, 3])("all threads are workers, of %i, and come to the same bits", async (threads) => {
    isolate();
    const engine = await engineOf({ threads });
    expect(engine.threads).toBe(threads);
    expect(PageWorker.started.length).toBe(threads);
    expect(PageWorker.started[0]!.url).toMatch(/shared\/worker\.js$/);
    expect(await trained(engine)).toEqual(await wanted());
  });
  test("by default: one a core", async () => {
    isolate({ cores: 3 });
    expect((await engineOf()).threads).toBe(3);
  });
  test("little work stays in the page, and comes to the same bits", async () => {
    isolate();
    const engine = await engineOf();
    engine.soloWork = Number.POSITIVE_INFINITY;
    expect(await trained(engine)).toEqual(await wanted());
  });
  test("a guard that stops is told of, with the step", async () => {
    isolate();
    const engine = await engineOf();
    const made = model();
    const trainer = await page.createTrainer(made, { ...options(), engine });
    const [batch] = data.batch(20);
    await trainer.step(batch!);
    made.setParameters(
      new Map(
        [...made.parameters()].map(([name, { shape, values }]) => [
          name,
          { shape, values: new Float32Array(values.length).fill(Number.POSITIVE_INFINITY) },
        ]),
      ),
    );
    const error = await trainer.step(batch!).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(page.NonFiniteError);
    expect((error as InstanceType<typeof page.NonFiniteError>).step).toBe(2);
  });
  test("one worker can also run without a promise", async () => {
    isolate();
    const engine = await engineOf({ threads: 1 });
    const made = model();
    const scores = bits(await made.predict(data, { engine }));
    expect(bits(made.predictSync(data, { engine }))).toEqual(scores);
  });
  test("a worker that dies ends the run, and the engine says so from then on", async () => {
    isolate();
    const engine = await engineOf();
    const made = model();
    const running = page.train(made, { ...options(), epochs: 1e6, engine });
    setTimeout(() => PageWorker.started[1]!.fail("gone"), 20);
    await expect(running).rejects.toThrow("engine: worker 1 ended during its work: gone");
    expect(engine.usable).toBe(false);
    await expect(made.predict(data, { engine })).rejects.toBeInstanceOf(page.EngineError);
  });
  test("the script of the workers can lie elsewhere", async () => {
    isolate();
    const workerUrl = new URL("../../build/bundle/shared/worker.js?elsewhere", import.meta.url);
    await engineOf({ workerUrl });
    expect(PageWorker.started.map(({ url }) => url)).toEqual([workerUrl.href, workerUrl.href]);
  });
});

test("inside a dedicated worker the calling thread takes part", async () => {
  isolate();
  vi.stubGlobal("DedicatedWorkerGlobalScope", class {});
  const engine = await engineOf({ threads: 2 });
  expect(engine.threads).toBe(2);
  expect(PageWorker.started.length).toBe(1);
  expect(await trained(engine)).toEqual(await wanted());
});
