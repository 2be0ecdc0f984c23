// Everything that may come in wrong ends in a typed error that names what it was, what was got and what was wanted,
// and leaves the model and the process usable.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { dataset, fromIterable, parseIdx } from "#src/data/index";
import {
  accuracy,
  activation,
  adam,
  createEngine,
  createTrainer,
  DataError,
  defineModel,
  dense,
  dropout,
  evaluate,
  FormatError,
  MemoryError,
  type Model,
  meanSquaredError,
  NonFiniteError,
  OptionError,
  ShapeError,
  sequential,
  sgd,
  softmaxCrossEntropy,
  train,
} from "#src/index";
import { bits, classes, classifier, curve, numbers, regressor, weightsOf } from "./setting.ts";

const engine = await createEngine({ threads: 2 });
engine.soloWork = 0;
afterAll(() => engine.close());
const directory = mkdtempSync(join(tmpdir(), "downhill-"));
afterAll(() => rmSync(directory, { recursive: true }));

const data = classes(40);
const options = { loss: softmaxCrossEntropy, metrics: [accuracy], optimizer: adam(), batchSize: 16, engine };
const [batch] = data.batch(8);

/** The error of something that must fail. */
async function errorOf(attempt: () => unknown): Promise<Error & Record<string, unknown>> {
  try {
    await attempt();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("nothing was thrown");
}

/** Expects a failure of a class whose message says all of some things, and a model that has not changed and still works. */
async function refuses(
  model: Model,
  attempt: () => unknown,
  type: new (...parts: never[]) => Error,
  says: (string | RegExp)[],
) {
  const before = bits(weightsOf(model));
  const memory = engine.memoryUsed;
  const error = await errorOf(attempt);
  expect(error).toBeInstanceOf(type);
  for (const text of says) expect(error.message).toMatch(typeof text === "string" ? escaped(text) : text);
  expect(bits(weightsOf(model))).toEqual(before);
  // The weights may have come into the engine; nothing else stays.
  expect(engine.memoryUsed - memory).toBeLessThanOrEqual(model.weights.length * 4 + 64);
  await works(model);
}
const escaped = (text: string) => new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));

async function works(model: Model) {
  const good = model.outputShape[0] === 4 ? data : curve(40);
  const loss = good === data ? softmaxCrossEntropy : meanSquaredError;
  const { history } = await train(model, {
    loss,
    optimizer: adam(),
    data: good,
    batchSize: 16,
    engine,
    epochs: 2,
  });
  expect(Number.isFinite(history[1]!.loss)).toBe(true);
  expect((await model.predict(good)).every(Number.isFinite)).toBe(true);
}

describe("shapes that do not fit", () => {
  test("a dataset for another model", async () => {
    const model = classifier(6);
    const wrong = classes(20, 7);
    await refuses(model, () => train(model, { ...options, data: wrong }), ShapeError, [
      "inputs",
      "[7]",
      "[6]",
    ]);
    await refuses(model, () => train(model, { ...options, data: wrong.lazy() }), ShapeError, [
      "inputs",
      "[6]",
    ]);
    await refuses(model, () => evaluate(model, wrong, options), ShapeError, ["[7]", "[6]"]);
    await refuses(model, () => model.predict(wrong, { engine }), ShapeError, ["predict", "[7]", "[6]"]);
    await refuses(model, () => train(model, { ...options, data, validation: wrong }), ShapeError, [
      "[7]",
      "[6]",
    ]);
  });
  test("a batch whose arrays have other lengths", async () => {
    const model = classifier();
    const trainer = await createTrainer(model, options);
    const says = ["step: inputs: got 47 numbers, wanted 8 × [6]"];
    await refuses(model, () => trainer.step({ ...batch!, inputs: numbers(47) }), ShapeError, says);
    await refuses(model, () => trainer.step({ ...batch!, labels: new Int32Array(9) }), ShapeError, [
      "targets",
      "got 9",
    ]);
    await refuses(model, () => trainer.step({ ...batch!, size: 7 }), ShapeError, [
      "inputs",
      "got 48",
      "7 × [6]",
    ]);
    for (const size of [0, -1, 1.5, Number.NaN]) {
      const error = await errorOf(() => trainer.step({ ...batch!, size }));
      expect(error).toBeInstanceOf(ShapeError);
    }
    expect((await trainer.step(batch!)).step).toBe(1);
  });
  test("targets for another output, or of another kind", async () => {
    const model = regressor(5);
    const setting = { ...options, loss: meanSquaredError, metrics: [] };
    const wide = dataset({
      inputs: { values: numbers(50), shape: [5] },
      targets: { values: numbers(30), shape: [3] },
    });
    await refuses(model, () => train(model, { ...setting, data: wide }), ShapeError, [
      "meanSquaredError",
      "[10, 2]",
      "[10, 3]",
    ]);
    await refuses(model, () => train(model, { ...setting, data: classes(10, 5) }), ShapeError, [
      "meanSquaredError",
      "i32",
    ]);
    const labels = { ...options, metrics: [] };
    await refuses(model, () => train(model, { ...labels, data: wide }), ShapeError, [
      "softmaxCrossEntropy",
      "f32 [10, 3]",
    ]);
    const none = dataset({ inputs: [[1, 2, 3, 4, 5]] });
    await refuses(model, () => train(model, { ...setting, data: none }), DataError, ["targets", "labels"]);
    await refuses(model, () => train(model, { ...setting, data: none.lazy() }), DataError, [
      "targets",
      "labels",
    ]);
  });
  test("inputs of a prediction", async () => {
    const model = classifier();
    await refuses(model, () => model.predict(numbers(13), { engine }), ShapeError, [
      "predict: got 13 numbers",
      "multiple of 6",
    ]);
    await refuses(model, () => model.predict([], { engine }), ShapeError, ["predict: got 0 numbers"]);
    await refuses(model, () => model.predict([[1, 2, 3]], { engine }), ShapeError, [
      "predict: got 3 numbers",
    ]);
  });
  test("parameters: missing, unknown, of another shape", async () => {
    const model = classifier();
    const good = [...model.parameters()];
    const set = (entries: typeof good) => () => model.setParameters(new Map(entries));
    await refuses(model, set(good.slice(1)), ShapeError, ["parameters: dense.weight [6, 12] is missing"]);
    await refuses(model, set([...good, ["extra", good[0]![1]]]), ShapeError, [
      "the model has no extra",
      "dense.weight",
    ]);
    const turned = { shape: [12, 6], values: new Float32Array(72) };
    await refuses(model, set([["dense.weight", turned], ...good.slice(1)]), ShapeError, [
      "dense.weight",
      "[12, 6]",
      "[6, 12]",
    ]);
    const short = { shape: [6, 12], values: new Float32Array(71) };
    await refuses(model, set([["dense.weight", short], ...good.slice(1)]), ShapeError, ["dense.weight"]);
  });
  test("a loss or a metric that is no scalar", async () => {
    const model = classifier();
    await refuses(model, () => train(model, { ...options, loss: (output) => output, data }), ShapeError, [
      "loss",
      "scalar",
      "[16, 4]",
    ]);
    const metrics = [{ name: "scores", measure: (output: Parameters<typeof accuracy.measure>[0]) => output }];
    await refuses(model, () => train(model, { ...options, metrics, data }), ShapeError, ["scores", "scalar"]);
  });
  test("a model whose output loses the batch, or is of another graph", async () => {
    const error = await errorOf(() => sequential({ input: [] }, dense(3)));
    expect(error).toBeInstanceOf(ShapeError);
    expect(error.message).toMatch(/dense: wanted \[batch, \.\.\., in\], got \[1\]/);
    let kept: Parameters<Parameters<typeof defineModel>[1]>[0];
    defineModel({ input: [3] }, (x) => (kept = x));
    expect(await errorOf(() => defineModel({ input: [3] }, () => kept))).toBeInstanceOf(ShapeError);
    for (const input of [[0], [-1], [2.5], [Number.NaN]]) {
      expect(await errorOf(() => sequential({ input }, dense(1)))).toBeInstanceOf(ShapeError);
    }
  });
});

describe("labels", () => {
  test("out of the range of the outputs", async () => {
    const model = classifier();
    const five = dataset({ inputs: { values: numbers(30), shape: [6] }, labels: [0, 1, 4, 2, 3] });
    const says = ["labels: example 2: got 4, wanted 0 to 3 for 4 outputs"];
    await refuses(model, () => train(model, { ...options, data: five }), DataError, says);
    await refuses(model, () => train(model, { ...options, data: five.lazy() }), DataError, says);
    await refuses(model, () => evaluate(model, five, options), DataError, says);
    const trainer = await createTrainer(model, options);
    await trainer.step(batch!);
    for (const label of [-1, 4, 2 ** 30]) {
      const labels = Int32Array.from(batch!.labels!);
      labels[5] = label;
      const message = `labels: example 5: got ${label}, wanted 0 to 3 for 4 outputs`;
      await refuses(model, () => trainer.step({ ...batch!, labels }), DataError, [message]);
    }
  });
  test("that are no classes", async () => {
    const inputs = [[1], [2]];
    for (const label of [-1, 0.5, Number.NaN, 2]) {
      const error = await errorOf(() => dataset({ inputs, labels: [0, label], classes: 2 }));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toMatch(/example 1|\[1\]/);
      expect(error.message).toContain(`got ${label}`);
    }
  });
});

test("an empty dataset", async () => {
  const model = classifier();
  const stream = fromIterable([], { inputShape: [6], classes: 4 });
  await refuses(model, () => dataset({ inputs: [], labels: [] }), DataError, [
    "empty dataset",
    "got",
    "wanted 1",
  ]);
  await refuses(model, () => data.slice(7, 7), DataError, ["empty dataset"]);
  await refuses(model, () => data.filter(() => false), DataError, ["empty dataset"]);
  await refuses(model, () => train(model, { ...options, data: stream }), DataError, ["empty", "wanted"]);
  await refuses(model, () => evaluate(model, stream, options), DataError, ["empty", "wanted"]);
});

describe("numbers in the data that are not finite", () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39])(
    "%s, with its place",
    async (value) => {
      const model = classifier();
      const values = Float64Array.from(numbers(5 * 6));
      values[3 * 6 + 2] = value;
      const labels = [0, 1, 2, 3, 0];
      const place = "example 3, element 2";
      const inputs = { values, shape: [6] };
      await refuses(model, () => dataset({ inputs, labels }), DataError, [
        `dataset: inputs: ${place}: got ${value}`,
      ]);
      const rows = labels.map((label, i) => ({
        input: Array.from(values.subarray(i * 6, i * 6 + 6)),
        label,
      }));
      const stream = fromIterable(rows, { inputShape: [6], classes: 4 });
      await refuses(model, () => train(model, { ...options, data: stream }), DataError, ["example 3", "2"]);
      const trainer = await createTrainer(model, options);
      const bad = {
        inputs: Float32Array.from(values),
        labels: Int32Array.from(labels),
        targets: undefined,
        size: 5,
      };
      await refuses(model, () => trainer.step(bad), DataError, [
        `step: inputs: ${place}`,
        "wanted a finite number",
      ]);
      await refuses(model, () => model.predict(Float32Array.from(values), { engine }), DataError, [
        `predict: ${place}`,
      ]);
      await refuses(model, () => model.predict(values, { engine }), DataError, [`predict: ${place}`]);
    },
  );
  test("in the targets", async () => {
    const model = regressor();
    const setting = { ...options, loss: meanSquaredError, metrics: [] };
    const trainer = await createTrainer(model, setting);
    const [good] = curve(4).batch(4);
    const targets = Float32Array.from(good!.targets!);
    targets[5] = Number.NaN;
    await refuses(model, () => trainer.step({ ...good!, targets }), DataError, [
      "step: targets: example 2, element 1",
    ]);
  });
});

describe("a loss that is not finite", () => {
  /** Five batches of 8; the third is so large that its loss overflows. */
  const values = Float32Array.from(curve(40).inputs.values);
  values.fill(3e38, 16 * 5, 17 * 5);
  const bad = dataset({
    inputs: { values, shape: [5] },
    targets: { values: curve(40).targets!.values, shape: [2] },
  });
  const line = () => {
    const model = sequential({ input: [5] }, dense(2));
    model.setParameters(
      new Map([
        ["dense.weight", { shape: [5, 2], values: numbers(10, 3) }],
        ["dense.bias", { shape: [2], values: numbers(2) }],
      ]),
    );
    return model;
  };
  const setting = {
    loss: meanSquaredError,
    optimizer: sgd({ learningRate: 0.05 }),
    batchSize: 8,
    engine,
    sampling: "in-order",
  } as const;
  /** The weights after steps on some of the batches. */
  const stepped = async (batches: number[]) => {
    const model = line();
    const trainer = await createTrainer(model, setting);
    const all = [...bad.batch(8)];
    for (const at of batches) await trainer.step(all[at]!);
    trainer.close();
    return bits(weightsOf(model));
  };

  test.each([
    ["in memory", bad],
    ["streamed", bad.lazy()],
  ])("stop: the step is named, the weights are those before it (%s)", async (_, source) => {
    const model = line();
    const error = await errorOf(() => train(model, { ...setting, data: source }));
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ step: 3, loss: Number.POSITIVE_INFINITY });
    expect(error.message).toBe("train: the loss of step 3 is Infinity, wanted a finite number");
    expect(bits(weightsOf(model))).toEqual(await stepped([0, 1]));
    await works(model);
  });
  test("stop, in a later epoch: counted over the whole training", async () => {
    const model = line();
    let epoch = 0;
    const stream = fromIterable(
      () => [...bad.slice(0, epoch++ < 2 ? 16 : 40)].map(({ input, target }) => ({ input, target })),
      { inputShape: [5] },
    );
    const error = await errorOf(() => train(model, { ...setting, data: stream, epochs: 5 }));
    expect(error).toMatchObject({ name: "NonFiniteError", step: 7 });
  });
  test.each([
    ["in memory", bad],
    ["streamed", bad.lazy()],
  ])("skip: the update is left out, the record tells (%s)", async (_, source) => {
    const model = line();
    const { history, steps } = await train(model, {
      ...setting,
      data: source,
      onNonFinite: "skip",
      epochs: 1,
    });
    expect(history[0]).toMatchObject({ skipped: 1, step: 5 });
    expect(steps).toBe(5);
    expect(Number.isFinite(history[0]!.loss)).toBe(true);
    expect(bits(weightsOf(model))).toEqual(await stepped([0, 1, 3, 4]));
    await works(model);
  });
  test("ignore: it goes on, and the weights show it", async () => {
    const model = line();
    const { history, steps } = await train(model, { ...setting, data: bad, onNonFinite: "ignore" });
    expect(steps).toBe(5);
    expect(history[0]!.skipped).toBe(3);
    expect(weightsOf(model).every(Number.isFinite)).toBe(false);
  });
  test("of one's own steps", async () => {
    const model = line();
    const trainer = await createTrainer(model, setting);
    const [good, , worse] = [...bad.batch(8)];
    await trainer.step(good!);
    const before = bits(weightsOf(model));
    expect(await errorOf(() => trainer.step(worse!))).toMatchObject({
      step: 2,
      loss: Number.POSITIVE_INFINITY,
    });
    expect(bits(weightsOf(model))).toEqual(before);
    expect((await trainer.step(good!)).step).toBe(2);
  });
  test("an unknown policy", async () => {
    const model = classifier();
    const attempt = () => train(model, { ...options, data, onNonFinite: "warn" as never });
    await refuses(model, attempt, OptionError, [
      'onNonFinite: wanted one of "stop", "skip", "ignore", got "warn"',
    ]);
  });
});

describe("names and options", () => {
  test("an unknown activation lists the known ones", async () => {
    for (const attempt of [
      () => dense(3, { activation: "rleu" as never }),
      () => activation("rleu" as never),
      () => dense(3, { activation: "toString" as never }),
    ]) {
      const error = await errorOf(attempt);
      expect(error).toBeInstanceOf(OptionError);
      expect(error.message).toMatch(/activation: got ".*", wanted one of relu, .*tanh/);
    }
  });
  test("layers", async () => {
    for (const units of [0, -1, 1.5, Number.NaN, "3" as never]) {
      expect((await errorOf(() => dense(units))).message).toBe(
        `dense: units: wanted a positive integer, got ${units}`,
      );
    }
    for (const rate of [-0.1, 1, Number.NaN]) {
      expect((await errorOf(() => dropout(rate))).message).toBe(
        `dropout: rate: wanted 0 ≤ rate < 1, got ${rate}`,
      );
    }
    expect(await errorOf(() => sequential({ input: [3] }))).toBeInstanceOf(OptionError);
  });
  test("of the training", async () => {
    const model = classifier();
    for (const [name, wrong] of [
      ["epochs", { epochs: -1 }],
      ["epochs", { epochs: 1.5 }],
      ["batchSize", { batchSize: 0 }],
      ["batchSize", { batchSize: "all" as never }],
      ["sampling", { sampling: "random" as never }],
      ["seed", { seed: 0.5 }],
    ] as const) {
      await refuses(model, () => train(model, { ...options, data, ...wrong }), OptionError, [
        name,
        "wanted",
        "got",
      ]);
    }
    await refuses(model, () => evaluate(model, data, { ...options, batchSize: -1 }), OptionError, [
      "batchSize",
    ]);
  });
});

test("a program larger than the memory allowed: needed and allowed bytes, and the model trains where there is room", async () => {
  const small = await createEngine({ threads: 1, memoryLimit: 2 ** 20 });
  try {
    const model = classifier(2000);
    const large = classes(500, 2000);
    const error = await errorOf(() =>
      train(model, { ...options, engine: small, data: large, batchSize: 500 }),
    );
    expect(error).toBeInstanceOf(MemoryError);
    const { neededBytes, allowedBytes } = error as unknown as MemoryError;
    expect(neededBytes).toBeGreaterThan(allowedBytes);
    // All of it: the data in memory, the batch, the parameters' gradients and Adam's two slots.
    expect(neededBytes).toBeGreaterThan(4 * (2 * 500 * 2000 + 3 * 2000 * 12));
    expect(error.message).toBe(`program: needs ${neededBytes} bytes, ${allowedBytes} of ${2 ** 20} are left`);
    // A smaller batch of a stream fits.
    await train(model, { ...options, engine: small, data: large.lazy().take(8), batchSize: 4 });
    await train(model, { ...options, data: large.take(40) });
    expect((await model.predict(large.take(3), { engine: small })).length).toBe(12);
  } finally {
    await small.close();
  }
});

describe("files", () => {
  const path = join(directory, "model.safetensors");
  test("truncated or corrupt safetensors, at any place", async () => {
    const model = classifier();
    const bytes = model.toBytes();
    const header = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    for (const length of [0, 1, 7, 8, 9, 8 + header - 1, 8 + header, bytes.length - 4, bytes.length - 1]) {
      writeFileSync(path, bytes.subarray(0, length));
      await refuses(model, () => model.load(path), FormatError, [/got|wanted/]);
    }
    for (const change of [
      (copy: Uint8Array) => copy.fill(0xff, 0, 8),
      (copy: Uint8Array) => copy.fill(0, 8, 12),
      (copy: Uint8Array) =>
        copy.set(new TextEncoder().encode("F64"), new TextDecoder("latin1").decode(copy).indexOf("F32")),
    ]) {
      const copy = bytes.slice();
      change(copy);
      writeFileSync(path, copy);
      await refuses(model, () => model.load(path), FormatError, [/.+/]);
    }
  });
  test("weights of another model, and no file", async () => {
    const model = classifier();
    await regressor().save(path);
    await refuses(model, () => model.load(path), ShapeError, ["dense.weight", "[5, 9]", "[6, 12]"]);
    const before = bits(weightsOf(model));
    expect(await errorOf(() => model.load(join(directory, "absent")))).toBeInstanceOf(Error);
    expect(bits(weightsOf(model))).toEqual(before);
  });
  test("a truncated or corrupt IDX file", async () => {
    const header = [0, 0, 8, 1, 0, 0, 0, 4];
    for (const bytes of [
      [],
      [0, 0],
      header.slice(0, 7),
      header,
      [...header, 1, 2, 3],
      [...header, 1, 2, 3, 4, 5],
      [0, 0, 7, 1, 0, 0, 0, 0],
    ]) {
      expect(await errorOf(() => parseIdx(Uint8Array.from(bytes)))).toBeInstanceOf(FormatError);
    }
  });
});

describe("a model without weights", () => {
  test("says so where weights are wanted, and draws them where they can be", async () => {
    const model = sequential({ input: [6] }, dense(4));
    for (const attempt of [
      () => model.parameters(),
      () => model.toBytes(),
      () => model.save(join(directory, "none")),
    ]) {
      expect((await errorOf(attempt)).message).toBe(
        "model: it has no weights yet: train, load or initialize it first",
      );
    }
    expect((await model.predict(data, { engine })).length).toBe(160);
    expect(model.parameters().size).toBe(2);
  });
});
