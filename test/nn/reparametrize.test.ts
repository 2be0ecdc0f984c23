// A model whose parameters are made of others: it trains, saves and loads as any, and is otherwise what it repeats.
import { afterAll, describe, expect, test } from "vitest";
import {
  createEngine,
  createTrainer,
  defineModel,
  dense,
  dropout,
  type Engine,
  type Model,
  mul,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  zeros,
} from "#src/index";
import { batchNorm, checkpoint } from "#src/layers";
import { reparametrize } from "#src/nn/reparametrize";
import { sam } from "#src/optim/index";
import { batchOf, bits, classes, numbers, setWeights, weightsOf } from "../train/setting.ts";

const engine: Engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

const base = () => {
  const model = sequential(
    { input: [6] },
    dense(12),
    batchNorm(),
    relu,
    dropout(0.5),
    dense(8, { activation: "tanh" }),
    dropout(0.25),
    dense(4),
  );
  setWeights(model);
  return model;
};
const data = classes(40);
const rows = (from: number) =>
  batchOf(
    data,
    Int32Array.from({ length: 16 }, (_, i) => (i + from) % 40),
  );
/** The losses of five steps with dropout. */
async function losses(model: Model, optimizer = sgd({ learningRate: 0.1, momentum: 0.9 })) {
  const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer, engine, seed: 3 });
  const result: number[] = [];
  for (let step = 0; step < 5; step++) result.push((await trainer.step(rows(7 * step))).loss);
  trainer.close();
  return result;
}
/** The same parameters by another way. */
const itself = (model: Model) =>
  reparametrize(
    model,
    (_, own) =>
      new Map(
        model.weights.segments
          .filter(({ trained }) => trained)
          .map(({ name, shape, initializer }) => [name, mul(own.parameter(name, shape, initializer), 1)]),
      ),
  );
/** The first dense layer with three of its twelve outputs, and what follows with three inputs. */
const fewer = (model: Model) =>
  reparametrize(model, (_, own) => {
    const parameter = (name: string, shape: number[]) => [name, own.parameter(name, shape, zeros)] as const;
    const state = (name: string) => [name, own.state(name, [3], zeros)] as const;
    return new Map([
      parameter("dense.weight", [6, 3]),
      parameter("dense.bias", [3]),
      parameter("batchNorm.scale", [3]),
      parameter("batchNorm.offset", [3]),
      state("batchNorm.mean"),
      state("batchNorm.variance"),
      parameter("dense_1.weight", [3, 8]),
    ]);
  });

describe("reparametrize", () => {
  test("keeps names, state and what dropout draws: training has the bits of the model repeated", async () => {
    const [one, other] = [base(), itself(base())];
    const names = (model: Model) => model.weights.segments.map(({ name }) => name).sort();
    expect(names(other)).toEqual(names(one));
    other.setParameters(one.parameters());
    expect(await losses(other)).toEqual(await losses(one));
    const [before, after] = [one.parameters(), other.parameters()];
    for (const [name, { values }] of before)
      expect(bits(after.get(name)!.values), name).toEqual(bits(values));
    const inputs = numbers(6 * 5);
    expect(await other.predict(inputs, { engine })).toEqual(await one.predict(inputs, { engine }));
  });

  test("draws the same behind a block that is recomputed", async () => {
    const build = () => {
      const model = sequential(
        { input: [6] },
        dense(8),
        checkpoint((x) => dropout(0.5)(dense(8, { activation: "tanh" })(x))),
        dropout(0.5),
        dense(4),
      );
      setWeights(model);
      return model;
    };
    const [one, other] = [build(), itself(build())];
    other.setParameters(one.parameters());
    expect(await losses(other)).toEqual(await losses(one));
  });

  test("trains what it is made of: a mask is state and stays", async () => {
    const model = base();
    const name = "dense.weight";
    const masked = reparametrize(model, (_, own) => {
      const { shape, initializer } = model.weights.segments.find((each) => each.name === name)!;
      return new Map([[name, mul(own.parameter(name, shape, initializer), own.state("mask", shape, zeros))]]);
    });
    expect(masked.parameterCount).toBe(model.parameterCount);
    const values = model.parameters();
    const mask = numbers(72).map((x) => (x > 0 ? 1 : 0));
    masked.setParameters(new Map([...values, ["mask", { shape: [6, 12], values: mask }]]));
    await losses(masked);
    const after = masked.parameters();
    expect(after.get("mask")!.values).toEqual(mask);
    const [was, is] = [values.get(name)!.values, after.get(name)!.values];
    const changed = (kept: number) =>
      [...mask.keys()].filter((i) => mask[i] === kept && was[i] !== is[i]).length;
    expect(changed(0)).toBe(0);
    // Units that ReLU has turned off have no gradient.
    expect(changed(1)).toBeGreaterThan(15);
  });

  test("works with an optimizer that asks for gradients elsewhere", async () => {
    const build = () => {
      const model = sequential({ input: [6] }, dense(8, { activation: "tanh" }), dense(4));
      setWeights(model);
      return model;
    };
    const optimizer = () => sam(sgd({ learningRate: 0.1 }), { radius: 0.05 });
    const [one, other] = [build(), itself(build())];
    other.setParameters(one.parameters());
    expect(await losses(other, optimizer())).toEqual(await losses(one, optimizer()));
  });

  test("layers take fewer channels, state included, and renew it", async () => {
    const model = fewer(base());
    setWeights(model);
    expect(model.parameters().get("batchNorm.mean")!.shape).toEqual([3]);
    expect(model.parameters().get("dense_2.weight")!.shape).toEqual([8, 4]);
    const before = weightsOf(model);
    const mean = [...model.parameters().get("batchNorm.mean")!.values];
    await losses(model);
    expect([...model.parameters().get("batchNorm.mean")!.values]).not.toEqual(mean);
    expect(weightsOf(model)).not.toEqual(before);
  });

  test("saves and loads, and is repeated itself", async () => {
    const [one, other] = [fewer(base()), fewer(base())];
    setWeights(one);
    other.fromBytes(one.toBytes());
    expect(weightsOf(other)).toEqual(weightsOf(one));
    const twice = itself(one);
    twice.setParameters(one.parameters());
    const inputs = numbers(6 * 5);
    expect(await twice.predict(inputs, { engine })).toEqual(await one.predict(inputs, { engine }));
    expect(await losses(twice)).toEqual(await losses(one));
  });

  test("starts from its own initializers", async () => {
    const model = itself(sequential({ input: [6] }, dense(8)));
    await model.initialize({ engine, seed: 1 });
    const plain = sequential({ input: [6] }, dense(8));
    await plain.initialize({ engine, seed: 1 });
    expect(weightsOf(model)).toEqual(weightsOf(plain));
  });

  test("names the layer that cannot work with a shape", () => {
    const model = defineModel({ input: [4] }, (x) => dense(2)(dense(3)(x)));
    expect(() =>
      reparametrize(
        model,
        (_, own) => new Map([["dense.weight", own.parameter("dense.weight", [4, 2], zeros)]]),
      ),
    ).toThrow(/inner|sizes|broadcast|\[2\]/);
  });
});
