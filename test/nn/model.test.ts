// Models: names and sharing of parameters, prediction in every form, saving and loading.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { dataset } from "#src/data/index";
import {
  activation,
  add,
  createEngine,
  createEngineSync,
  createTrainerSync,
  defineLayer,
  defineModel,
  dense,
  dropout,
  type Engine,
  flatten,
  meanSquaredError,
  mul,
  sequential,
  sgd,
  softmaxCrossEntropy,
  tanh,
  zeros,
} from "#src/index";
import { concatenate } from "#src/layers";
import { bits, classes, classifier, numbers, setWeights, weightsOf } from "../train/setting.ts";

const engine = createEngineSync({ numerics: "exact" });
const open: Engine[] = [];
afterAll(async () => {
  for (const each of open) await each.close();
});
const names = (model: ReturnType<typeof classifier>) => [...model.weights.segments].map(({ name }) => name);

/** y = x·W + b in 64 bits. */
function affine(x: ArrayLike<number>, model: ReturnType<typeof classifier>, name: string): number[] {
  const { shape, values: weight } = model.parameters().get(`${name}.weight`)!;
  const bias = model.parameters().get(`${name}.bias`)?.values;
  const [fanIn, units] = shape as [number, number];
  return Array.from({ length: units }, (_, unit) => {
    let sum = bias?.[unit] ?? 0;
    for (let k = 0; k < fanIn; k++) sum += x[k]! * weight[k * units + unit]!;
    return sum;
  });
}
/** Sums of a few products below 1 in 32 bits: a few roundings of 6e-8. */
function near(got: ArrayLike<number>, wanted: readonly number[]) {
  expect(got.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(got[i]! - value)).toBeLessThan(2e-6);
}

describe("names and parameters", () => {
  test("layers are counted by kind in the order in which they are applied", () => {
    const model = sequential(
      { input: [3] },
      dense(4),
      activation("relu"),
      dense(4),
      dense(2, { bias: false }),
    );
    expect(names(model)).toEqual([
      "dense.weight",
      "dense.bias",
      "dense_1.weight",
      "dense_1.bias",
      "dense_2.weight",
    ]);
    expect(model.parameterCount).toBe(3 * 4 + 4 + 4 * 4 + 4 + 4 * 2);
    expect(model.inputShape).toEqual([3]);
    expect(model.outputShape).toEqual([2]);
  });
  test("order counts, not where a layer was made", () => {
    const [a, b] = [dense(2), dense(5)];
    const model = defineModel({ input: [3] }, (x) => a(b(x)));
    expect(model.weights.segments.map(({ name, shape }) => [name, shape])).toEqual([
      ["dense.weight", [3, 5]],
      ["dense.bias", [5]],
      ["dense_1.weight", [5, 2]],
      ["dense_1.bias", [2]],
    ]);
  });
  test("a name of one's own", () => {
    expect(names(sequential({ input: [3] }, dense(2, { name: "head" }), dense(2)))).toEqual([
      "head.weight",
      "head.bias",
      "dense.weight",
      "dense.bias",
    ]);
  });
  test("a layer applied twice shares its parameters, and learns from both uses", () => {
    const make = () => {
      const shared = dense(3);
      return defineModel({ input: [3] }, (x) => shared(tanh(shared(x))));
    };
    const model = make();
    expect(names(model)).toEqual(["dense.weight", "dense.bias"]);
    setWeights(model);
    const x = numbers(3);
    near(model.predictSync(x, { engine }), affine(affine(x, model, "dense").map(Math.tanh), model, "dense"));

    // The gradient of the shared weight is the sum of those of two weights that are equal.
    const twice = defineModel({ input: [3] }, (input) => dense(3)(tanh(dense(3)(input))));
    const start = model.parameters();
    twice.setParameters(
      new Map(
        ["dense", "dense_1"].flatMap((name) =>
          ["weight", "bias"].map((part) => [`${name}.${part}`, start.get(`dense.${part}`)!]),
        ),
      ),
    );
    const batch = { inputs: numbers(6, 50), targets: numbers(6, 90), labels: undefined, size: 2 };
    const options = { loss: meanSquaredError, optimizer: sgd({ learningRate: 1 }), engine };
    for (const each of [model, twice]) createTrainerSync(each, options).stepSync(batch);
    const moved = (of: typeof model, name: string) => {
      const now = of.parameters().get(name)!.values;
      const part = name.endsWith("weight") ? "dense.weight" : "dense.bias";
      return Array.from(now, (value, i) => value - start.get(part)!.values[i]!);
    };
    for (const part of ["weight", "bias"]) {
      const [one, two] = [moved(twice, `dense.${part}`), moved(twice, `dense_1.${part}`)];
      near(
        moved(model, `dense.${part}`),
        one.map((value, i) => value + two[i]!),
      );
    }
  });
  test("the same layer in two models has weights of its own in each", () => {
    const layer = dense(2);
    const [one, two] = [sequential({ input: [3] }, layer), sequential({ input: [3] }, dense(4), layer)];
    setWeights(one, 1);
    setWeights(two, 2);
    expect(names(two).at(-1)).toBe("dense_1.bias");
    near(one.predictSync(numbers(3), { engine }), affine(numbers(3), one, "dense"));
  });
  test("a layer of one's own", () => {
    const scale = defineLayer("scale", (x, { name, parameter }) => {
      expect(name).toBe("scale");
      return mul(x, parameter("factor", [x.shape.at(-1)!], zeros));
    });
    const model = sequential({ input: [3] }, scale);
    expect(names(model)).toEqual(["scale.factor"]);
    model.setParameters(new Map([["scale.factor", { shape: [3], values: [1, 2, 3] }]]));
    expect([...model.predictSync([1, 1, 1, 2, 2, 2], { engine })]).toEqual([1, 2, 3, 2, 4, 6]);
  });
  test("any graph: residuals and branches", () => {
    const model = defineModel({ input: [4] }, (x) => {
      const h = dense(4)(x);
      return concatenate([add(h, x), dense(2)(x)]);
    });
    setWeights(model);
    const x = numbers(4);
    const h = affine(x, model, "dense");
    near(model.predictSync(x, { engine }), [
      ...h.map((value, i) => value + x[i]!),
      ...affine(x, model, "dense_1"),
    ]);
  });
  test("parameters are copies", () => {
    const model = classifier();
    const before = bits(weightsOf(model));
    for (const { values } of model.parameters().values()) values.fill(7);
    expect(bits(weightsOf(model))).toEqual(before);
  });
});

describe("layers", () => {
  test("dense keeps all axes but the last", () => {
    const model = sequential({ input: [2, 3] }, dense(4));
    setWeights(model);
    expect(model.outputShape).toEqual([2, 4]);
    const x = numbers(6);
    near(model.predictSync(x, { engine }), [
      ...affine(x.subarray(0, 3), model, "dense"),
      ...affine(x.subarray(3), model, "dense"),
    ]);
  });
  test("flatten", () => {
    const model = sequential({ input: [2, 3, 4] }, flatten(), dense(1));
    expect(model.weights.segments[0]!.shape).toEqual([24, 1]);
    expect(sequential({ input: [2, 3, 4] }, flatten()).predictSync(numbers(24), { engine })).toEqual(
      numbers(24),
    );
  });
  test("an activation as a layer, by name, as an option or as a function is the same", () => {
    const make = [
      sequential({ input: [5] }, dense(7, { activation: "gelu" })),
      sequential({ input: [5] }, dense(7), activation("gelu")),
    ];
    const [one, two] = make.map((model) => {
      setWeights(model);
      return bits(model.predictSync(numbers(15), { engine }));
    });
    expect(two).toEqual(one);
  });
  test("dropout does nothing in prediction; in training it draws anew each step, by the seed", () => {
    const still = { loss: meanSquaredError, optimizer: sgd({ learningRate: 0 }), engine };
    const model = sequential({ input: [200] }, dropout(0.5));
    const x = new Float32Array(200).fill(1);
    expect(model.predictSync(x, { engine })).toEqual(x);
    // With targets of 0 the loss is the mean square: of ones kept with 0.5 and doubled, 4 · share.
    const batch = { inputs: x, targets: new Float32Array(200), labels: undefined, size: 1 };
    const losses = (seed: number) => {
      const trainer = createTrainerSync(model, { ...still, seed });
      return Array.from({ length: 30 }, () => trainer.stepSync(batch).loss);
    };
    const first = losses(1);
    expect(losses(1)).toEqual(first);
    expect(losses(2)).not.toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(5);
    // 6000 draws: the share of those kept has a deviation of 0.0065.
    const share = first.reduce((sum, loss) => sum + loss / 4, 0) / first.length;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.04);
  });
  test("dropout applied twice draws two masks, and a rate of 0 is nothing", () => {
    const drop = dropout(0.5);
    const model = defineModel({ input: [400] }, (x) => mul(drop(x), drop(x)));
    const batch = {
      inputs: new Float32Array(400).fill(1),
      targets: new Float32Array(400),
      labels: undefined,
      size: 1,
    };
    const options = { loss: meanSquaredError, optimizer: sgd(), engine };
    // Kept by both with 1/4, each then 4: a mean square of 4; with one mask it would be 8.
    const { loss } = createTrainerSync(model, options).stepSync(batch);
    expect(Math.abs(loss - 4)).toBeLessThan(1.8);
    const none = sequential({ input: [400] }, dropout(0));
    expect(createTrainerSync(none, options).stepSync(batch).loss).toBe(1);
  });
});

describe("prediction", () => {
  const model = classifier();
  const all = numbers(600 * 6, 31);
  const each = Float32Array.from({ length: 600 }, (_, i) => i).reduce<number[]>((scores, i) => {
    scores.push(...model.predictSync(all.slice(i * 6, i * 6 + 6), { engine }));
    return scores;
  }, []);

  test.each([1, 2, 255, 256, 257, 511, 512, 513, 600])("%i examples at once: the bits of each alone", (n) => {
    const scores = model.predictSync(all.subarray(0, n * 6), { engine });
    expect(bits(scores)).toEqual(bits(Float32Array.from(each.slice(0, n * 4))));
  });

  test("every form of inputs", async () => {
    const wide = await createEngine({ numerics: "exact", threads: 3 });
    wide.soloWork = 0;
    open.push(wide);
    const n = 300;
    const flat = all.slice(0, n * 6);
    const rows = Array.from({ length: n }, (_, i) => flat.slice(i * 6, i * 6 + 6));
    const stored = dataset({ inputs: { values: all, shape: [6] } });
    const wanted = bits(Float32Array.from(each.slice(0, n * 4)));
    const forms = {
      flat,
      doubles: Float64Array.from(flat),
      array: [...flat],
      typedRows: rows,
      rows: rows.map((row) => [...row]),
      deep: rows.map((row) => [[...row.subarray(0, 3)], [...row.subarray(3)]]),
      dataset: stored.slice(0, n),
      view: stored.subset(Int32Array.from({ length: n }, (_, i) => i)),
    };
    for (const [name, inputs] of Object.entries(forms)) {
      expect(bits(model.predictSync(inputs, { engine })), name).toEqual(wanted);
      expect(bits(await model.predict(inputs, { engine: wide })), name).toEqual(wanted);
    }
    const turned = stored.subset(Int32Array.from({ length: n }, (_, i) => n - 1 - i));
    const scores = model.predictSync(turned, { engine });
    expect(bits(scores.slice(0, 4))).toEqual(bits(Float32Array.from(each.slice((n - 1) * 4, n * 4))));
  });

  test("bytes of a dataset are scaled as in training", () => {
    const bytes = Uint8Array.from({ length: 60 }, (_, i) => i * 4);
    const stored = dataset({ inputs: { values: bytes, shape: [6], scale: 1 / 255, offset: -0.5 } });
    const floats = Float32Array.from(bytes, (byte) => Math.fround(byte * Math.fround(1 / 255)) - 0.5);
    expect(bits(model.predictSync(stored, { engine }))).toEqual(bits(model.predictSync(floats, { engine })));
  });

  test("follows the weights: after training, loading and setting", () => {
    const one = classifier();
    const before = bits(one.predictSync(all.subarray(0, 6), { engine }));
    const trainer = createTrainerSync(one, {
      loss: softmaxCrossEntropy,
      optimizer: sgd({ learningRate: 1 }),
      engine,
    });
    trainer.stepSync([...classes(8).batch(8)][0]!);
    expect(bits(one.predictSync(all.subarray(0, 6), { engine }))).not.toEqual(before);
    setWeights(one);
    expect(bits(one.predictSync(all.subarray(0, 6), { engine }))).toEqual(before);
  });

  test("a model of no parameters", () => {
    const plain = sequential({ input: [3] }, activation("relu"));
    expect(plain.parameterCount).toBe(0);
    expect([...plain.predictSync([-1, 0, 2], { engine })]).toEqual([0, 0, 2]);
    const same = defineModel({ input: [3] }, (x) => x);
    expect([...same.predictSync([-1, 0, 2], { engine })]).toEqual([-1, 0, 2]);
    expect(same.parameters().size).toBe(0);
  });
});

describe("saving and loading", () => {
  const directory = mkdtempSync(join(tmpdir(), "downhill-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  test("the same bits, also of numbers that are not finite, small or negative zeros", async () => {
    const model = classifier();
    const odd = model.parameters();
    odd.get("dense.bias")!.values.set([-0, 1e-45, 3.4e38, Number.NaN, Number.NEGATIVE_INFINITY]);
    model.setParameters(odd);
    const path = join(directory, "odd.safetensors");
    await model.save(path);
    const other = classifier();
    setWeights(other, 5);
    await other.load(path);
    expect(bits(weightsOf(other))).toEqual(bits(weightsOf(model)));
    other.fromBytes(model.toBytes());
    expect(other.toBytes()).toEqual(model.toBytes());
  });
  test("into a model that has no weights yet, which then predicts alike", async () => {
    const model = classifier();
    const path = join(directory, "model.safetensors");
    await model.save(path);
    const fresh = sequential({ input: [6] }, dense(12, { activation: "relu" }), dense(4));
    await fresh.load(path);
    expect(bits(fresh.predictSync(numbers(6), { engine }))).toEqual(
      bits(model.predictSync(numbers(6), { engine })),
    );
  });
});
