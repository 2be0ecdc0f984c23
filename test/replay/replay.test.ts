// What a bare loop makes of a program file has the bits of the engine, and knows the module by its file alone.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { dataset } from "#src/data/index";
import { relaxedSupported } from "#src/engine/variant";
import {
  accuracy,
  adam,
  chain,
  clipByGlobalNorm,
  createEngine,
  createTrainer,
  dense,
  dropout,
  flatten,
  type Layer,
  MemoryError,
  type Model,
  meanSquaredError,
  OptionError,
  sequential,
  sgd,
  softmaxCrossEntropy,
} from "#src/index";
import { batchNorm, conv2d, embedding, gru, maxPool2d } from "#src/layers";
import { predictionProgram, readPrograms, trainingProgram, writePrograms } from "#src/replay/index";
import { PRODUCER } from "#src/replay/program-file";
import { load } from "../../examples/replay/replay.js";

const engine = await createEngine({ numerics: "exact", threads: 2 });
engine.soloWork = 0;
afterAll(() => engine.close());
const moduleOf = (set: string) =>
  new WebAssembly.Module(readFileSync(new URL(`../../build/wasm/${set}.wasm`, import.meta.url)));
const plain = moduleOf("plain");

/** Numbers that differ, between −1 and 1. */
const numbers = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 7919) % 1013) / 507 - 1);
const bits = (values: Float32Array) => [...new Int32Array(values.buffer, values.byteOffset, values.length)];
const weights = (model: Model) => [...model.parameters()].map(([name, { values }]) => [name, bits(values)]);

type Replay = ReturnType<typeof load>;
const floats = ({ memory, programs }: Replay, program: string, name: string) => {
  const { address, shape } = programs[program].places[name];
  return new Float32Array(
    memory.buffer,
    address,
    shape.reduce((a: number, b: number) => a * b, 1),
  );
};
const replayedWeights = (replay: Replay, model: Model) =>
  [...model.parameters().keys()].map((name) => [name, bits(floats(replay, "train", name))]);

const classes = 3;
const labels = (length: number) => Int32Array.from({ length }, (_, i) => (i * i) % classes);
const networks: Record<string, { input: number[]; layers: () => Layer[] }> = {
  "dense with dropout": {
    input: [11],
    layers: () => [dense(17, { activation: "relu" }), dropout(0.3), dense(classes)],
  },
  convolutions: {
    input: [9, 7, 2],
    layers: () => [
      conv2d(5, 3, { padding: "same" }),
      batchNorm(),
      maxPool2d(2),
      conv2d(3, 3, { stride: 2, padding: "same", activation: "relu" }),
      flatten(),
      dense(classes),
    ],
  },
  recurrence: { input: [6, 4], layers: () => [gru(7), dense(classes)] },
};

describe.each(Object.entries(networks))("%s", (_, { input, layers }) => {
  const size = input.reduce((a, b) => a * b);
  const data = dataset({ inputs: { values: numbers(24 * size), shape: input }, labels: labels(24) });
  const options = {
    loss: softmaxCrossEntropy,
    metrics: [accuracy],
    optimizer: chain(clipByGlobalNorm(1), adam({ learningRate: (step) => 0.01 / step })),
    seed: 5,
    engine,
  };

  test("predicts and trains to the bits of the engine, going on from a trainer's state", async () => {
    const model = sequential({ input }, ...layers());
    const trainer = await createTrainer(model, options);
    const batches = [...data.batch(8)];
    for (const batch of batches) await trainer.step(batch);
    const file = writePrograms({
      predict: predictionProgram(model, { batchSize: 4 }),
      train: await trainingProgram(model, {
        ...options,
        data,
        batchSize: 8,
        steps: 7,
        state: trainer.stateToBytes(),
      }),
    });
    const replay = load(plain, file);

    const inputs = numbers(4 * size).map((x) => x / 2);
    floats(replay, "predict", "input").set(inputs);
    expect(replay.run("predict", 2)).toBe(0);
    expect(bits(floats(replay, "predict", "output"))).toEqual(bits(await model.predict(inputs)));

    const results = [];
    for (let step = 0; step < 7; step++) results.push(await trainer.step(batches[step % 3]!));
    expect(replay.run("train", 7)).toBe(0);
    expect(replayedWeights(replay, model)).toEqual(weights(model));
    const log = floats(replay, "train", "log");
    expect(replay.programs.train.places.log.shape).toEqual([7, 2]);
    expect([...log]).toEqual(results.flatMap(({ loss, metrics }) => [loss, metrics.accuracy!]));

    // What one program has trained, the other predicts with.
    replay.run("predict");
    expect(bits(floats(replay, "predict", "output"))).toEqual(bits(await model.predict(inputs)));
  });
});

test("integers in, the rows of an embedding out", async () => {
  const model = sequential({ input: [5], inputType: "i32" }, embedding(13, 4), flatten(), dense(2));
  await model.initialize({ engine });
  const values = Int32Array.from({ length: 6 * 5 }, (_, i) => (i * 5) % 13);
  const data = dataset({ inputs: { values, shape: [5] }, targets: { values: numbers(12), shape: [2] } });
  const options = { loss: meanSquaredError, optimizer: sgd({ learningRate: 0.1 }), engine, data };
  const replay = load(
    plain,
    writePrograms({ train: await trainingProgram(model, { ...options, batchSize: 6 }) }),
  );
  expect(replay.programs.train.places.inputs).toMatchObject({ role: 0, type: 1, shape: [6, 5] });
  expect(replay.programs.train.places.targets).toMatchObject({ role: 0, type: 0, shape: [6, 2] });
  const trainer = await createTrainer(model, options);
  for (const batch of data.batch(6)) await trainer.step(batch);
  replay.run("train");
  expect(replayedWeights(replay, model)).toEqual(weights(model));
});

test.runIf(relaxedSupported())("the relaxed kernels give the bits of a fast engine", async () => {
  const fast = await createEngine({ numerics: "fast", threads: 1 });
  const model = sequential({ input: [19] }, dense(33, { activation: "tanh" }), dense(4));
  await model.initialize({ engine: fast, seed: 3 });
  const file = writePrograms({ predict: predictionProgram(model) }, { numerics: "fast" });
  expect(readPrograms(file).instructionSet).toBe("relaxed");
  const replay = load(moduleOf("relaxed"), file);
  floats(replay, "predict", "input").set(numbers(19));
  replay.run("predict");
  const wanted = bits(await model.predict(numbers(19), { engine: fast }));
  expect(bits(floats(replay, "predict", "output"))).toEqual(wanted);
  // The two instruction sets differ somewhere in so many numbers: the test is not of one with itself.
  expect(wanted).not.toEqual(bits(await model.predict(numbers(19), { engine })));
  await fast.close();
});

test("a loss that is not finite stops the run before it reaches a weight", async () => {
  const model = sequential({ input: [2] }, dense(1));
  const data = dataset({ inputs: [[1, 2]], targets: [[1]] });
  const options = { data, loss: meanSquaredError, optimizer: sgd({ learningRate: 0.1 }), engine, steps: 3 };
  const replay = load(
    plain,
    writePrograms({ train: await trainingProgram(model, { ...options, batchSize: 1 }) }),
  );
  const { address } = replay.programs.train.places.inputs;
  new Float32Array(replay.memory.buffer, address, 1).fill(Number.NaN);
  expect(replay.run("train", 3)).toBe(2);
  expect(replayedWeights(replay, model)).toEqual(weights(model));
});

test("memory that is zeros takes no room in the file", async () => {
  const model = sequential({ input: [784] }, dense(10));
  await model.initialize({ engine });
  const file = writePrograms({ predict: predictionProgram(model, { batchSize: 512 }) });
  const { pages, runs } = readPrograms(file);
  // Inputs alone are 1.6 MB; what there is are 31 kB of weights and the instructions.
  expect(pages * 65_536).toBeGreaterThan(512 * 784 * 4);
  expect(file.length).toBeLessThan(50_000);
  for (const { bytes } of runs) expect(bytes.some((byte) => byte !== 0)).toBe(true);
});

test("a module's own memory and table end before what a file puts there", async () => {
  const model = sequential({ input: [2] }, dense(1));
  await model.initialize({ engine });
  const { firstSlot, runs } = readPrograms(writePrograms({ predict: predictionProgram(model) }));
  for (const set of relaxedSupported() ? ["plain", "relaxed"] : ["plain"]) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    // biome-ignore lint/suspicious/noExplicitAny: exports have no types.
    const exports = new WebAssembly.Instance(moduleOf(set), { env: { memory } }).exports as any;
    expect(exports.table.length).toBeLessThanOrEqual(firstSlot);
    expect(exports.freeMemory()).toBeLessThanOrEqual(runs[0]!.address);
  }
});

test("the file names the version of the package", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(PRODUCER).toBe(`downhill ${version}`);
});

describe("what cannot be written", () => {
  const model = sequential({ input: [784] }, dense(2));
  const data = dataset({ inputs: { values: numbers(784 * 4), shape: [784] }, labels: [0, 1, 0, 1] });
  const options = { data, loss: softmaxCrossEntropy, optimizer: sgd({ learningRate: 0.1 }), engine };

  test("nothing, or what has no name", () => {
    expect(() => writePrograms({})).toThrow(
      new OptionError("writePrograms: programs: got none, wanted one or more"),
    );
    expect(() => writePrograms({ "": predictionProgram(model) })).toThrow(OptionError);
    expect(() => writePrograms({ a: predictionProgram(model) }, { numerics: "other" as "fast" })).toThrow(
      'writePrograms: numerics: wanted "exact" or "fast", got "other"',
    );
  });
  test("counts that are none, and more steps than a run has room for", async () => {
    expect(() => predictionProgram(model, { batchSize: 0 })).toThrow(
      new OptionError("predictionProgram: batchSize: got 0, wanted a positive integer"),
    );
    for (const wrong of [{ batchSize: 1.5 }, { steps: 0 }, { steps: 1025 }])
      await expect(trainingProgram(model, { ...options, ...wrong })).rejects.toThrow(OptionError);
  });
  test("a memory beyond 4 GiB", async () => {
    await model.initialize({ engine });
    const huge = predictionProgram(model, { batchSize: 1_000_000 });
    expect(() => writePrograms({ a: huge, b: huge })).toThrow(MemoryError);
  });
});
