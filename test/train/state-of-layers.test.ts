// State that a model has beside its parameters: who renews it, who leaves it alone, where it is saved.
import { afterAll, describe, expect, test } from "vitest";
import { dataset } from "#src/data/index";
import { Graph, type Tensor } from "#src/graph/tensor";
import {
  add,
  createEngine,
  createTrainer,
  defineLayer,
  dense,
  earlyStopping,
  evaluate,
  type Layer,
  mean,
  meanSquaredError,
  mul,
  NonFiniteError,
  ones,
  sequential,
  sgd,
  sub,
  train,
  zeros,
} from "#src/index";
import { learningRateRangeTest } from "#src/instruments";
import { repeatable } from "#src/ops/checkpoint";
import { accumulate, decoupledDecay, ema, frozen, l2, parameterGroups, sam, swa } from "#src/optim/index";
import { bits, weightsOf } from "./setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
const two = await createEngine({ numerics: "exact", threads: 2 });
afterAll(() => Promise.all([engine.close(), two.close()]));

/** Subtracts the mean of the batch, in prediction a running one. */
const centred = (): Layer =>
  defineLayer("centred", (x, { state }) => {
    const running = state("mean", [x.shape[1]!], ones);
    const batch = mean(x, { axes: 0 });
    x.graph.renew(running, batch, (before, sample) => add(mul(before, 0.75), mul(sample, 0.25)));
    return sub(x, x.graph.mode === "train" ? batch : running);
  });
const network = (layer = centred()) => sequential({ input: [2] }, layer, dense(2), layer, dense(1));
const batch = (k: number) => ({
  inputs: Float32Array.from({ length: 8 }, (_, i) => ((i * 7 + k * 3) % 5) / 2 + k),
  targets: Float32Array.of(1, 0, k, 2),
  labels: undefined,
  size: 4,
});
const meanOf = ({ inputs }: ReturnType<typeof batch>) =>
  [0, 1].map((c) => [0, 1, 2, 3].reduce((sum, row) => sum + inputs[2 * row + c]! / 4, 0));
const options = { loss: meanSquaredError, engine, seed: 1 };
const stateOf = (model: ReturnType<typeof network>) => [...model.parameters().get("centred.mean")!.values];
const one = () => sequential({ input: [2] }, centred(), dense(1));
const rounded = (values: readonly number[]) => values.map((x) => expect.closeTo(x, 5));

describe("state", () => {
  test("is renewed by each step, and by nothing else", async () => {
    const model = one();
    const trainer = await createTrainer(model, { ...options, optimizer: sgd({ learningRate: 0.1 }) });
    expect(stateOf(model)).toEqual([1, 1]);
    let wanted = [1, 1];
    for (const k of [1, 2, 3]) {
      await trainer.step(batch(k));
      wanted = meanOf(batch(k)).map((x, c) => 0.75 * wanted[c]! + 0.25 * x);
      expect(stateOf(model)).toEqual(rounded(wanted));
      await model.predict([1, 2]);
      expect(stateOf(model)).toEqual(rounded(wanted));
    }
    trainer.close();
  });

  test("is used by prediction, saved and loaded, but is no parameter", async () => {
    const [model, other] = [one(), one()];
    await model.initialize({ engine });
    expect(model.parameterCount).toBe(3);
    model.setParameters(
      model.parameters().set("centred.mean", { shape: [2], values: Float32Array.of(4, 5) }),
    );
    other.fromBytes(model.toBytes());
    const { values } = other.parameters().get("dense.weight")!;
    const [at] = await other.predict([4, 5], { engine });
    const [next] = await other.predict([5, 5], { engine });
    expect(at).toBe(0);
    expect(next).toBeCloseTo(values[0]!, 6);
  });

  test("goes on from where it is where a layer is applied twice", () => {
    const graph = new Graph();
    const layer = centred();
    layer(layer(graph.input("x", [4, 2])));
    const [[, { next, samples }]] = [...graph.renewals] as [[Tensor, { next: Tensor; samples: Tensor[] }]];
    expect(samples.length).toBe(2);
    expect(next.node.inputs[0]!.node.inputs[0]!.node.op!.name).toBe("add");
    expect(new Graph("predict").renewals.size).toBe(0);
  });

  test("stays where a step is left out because of its loss, and where it stops there", async () => {
    for (const onNonFinite of ["skip", "stop"] as const) {
      const model = one();
      const trainer = await createTrainer(model, {
        ...options,
        optimizer: sgd({ learningRate: 0.1 }),
        loss: (y, t) => mul(meanSquaredError(y, t), 3e38),
        onNonFinite,
      });
      const before = bits(weightsOf(model));
      const step = trainer.step({ ...batch(1), targets: new Float32Array(4).fill(1e10) });
      if (onNonFinite === "stop") await expect(step).rejects.toThrow(NonFiniteError);
      else await step;
      expect(bits(weightsOf(model))).toEqual(before);
      trainer.close();
    }
  });

  test.each([
    ["decay", () => decoupledDecay({ rate: 0.5, parameters: /.*/ })],
    ["sam", () => sam(sgd({ learningRate: 0.1 }))],
    ["an average", () => ema(sgd({ learningRate: 0.1 }))],
    ["a penalty", () => l2(0.5, { parameters: /.*/ })],
    ["frozen parameters", () => parameterGroups({ all: { parameters: "*", optimizer: frozen() } })],
    ["accumulation, between its steps too", () => accumulate(sgd({ learningRate: 0.1 }), { every: 4 })],
  ])("is renewed once a step beside %s", async (_, optimizer) => {
    const model = one();
    const trainer = await createTrainer(model, { ...options, optimizer: optimizer() });
    await trainer.step(batch(1));
    await trainer.step(batch(2));
    const once = meanOf(batch(1)).map((x) => 0.75 + 0.25 * x);
    const twice = meanOf(batch(2)).map((x, c) => 0.75 * once[c]! + 0.25 * x);
    expect(stateOf(model)).toEqual(rounded(twice));
    expect(trainer.stateToBytes().length).toBeGreaterThan(0);
    const text = new TextDecoder().decode(trainer.stateToBytes());
    expect(text).not.toContain("centred");
    trainer.close();
  });

  test.each([
    ["ema", () => ema(sgd({ learningRate: 0.1 }), { decay: 0.5 })],
    ["swa", () => swa(sgd({ learningRate: 0.1 }))],
  ])("%s: the average of the weights has it as it is", async (_, optimizer) => {
    const model = one();
    const trainer = await createTrainer(model, { ...options, optimizer: optimizer() });
    for (const k of [1, 2, 3]) await trainer.step(batch(k));
    const live = stateOf(model);
    const average = trainer.average();
    expect([...average.get("centred.mean")!.values]).toEqual(live);
    expect([...average.get("dense.weight")!.values]).not.toEqual([
      ...model.parameters().get("dense.weight")!.values,
    ]);
    await trainer.withAverage(() => expect(stateOf(model)).toEqual(live));
    trainer.close();
  });

  test("is the same to the bit on two threads", async () => {
    const trained = async (on: typeof engine) => {
      const model = network();
      const trainer = await createTrainer(model, {
        ...options,
        engine: on,
        optimizer: sgd({ learningRate: 0.1 }),
      });
      for (const k of [1, 2, 3]) await trainer.step(batch(k));
      const result = bits(weightsOf(model));
      trainer.close();
      return result;
    };
    expect(await trained(two)).toEqual(await trained(engine));
  });

  test("is put back with the weights by early stopping and the range test", async () => {
    const model = one();
    const data = Array.from({ length: 6 }, (_, k) => batch(k));
    const all = dataset({
      inputs: data.flatMap(({ inputs }) => [0, 1, 2, 3].map((r) => [inputs[2 * r]!, inputs[2 * r + 1]!])),
      targets: data.flatMap(({ targets }) => [...targets].map((t) => [t])),
    });
    await model.initialize({ engine });
    const before = bits(weightsOf(model));
    await learningRateRangeTest(model, {
      ...options,
      data: all,
      optimizer: (learningRate) => sgd({ learningRate }),
      steps: 5,
    });
    expect(bits(weightsOf(model))).toEqual(before);
    const losses: number[] = [];
    const states: number[][] = [];
    await train(model, {
      ...options,
      data: all,
      validation: all,
      optimizer: sgd({ learningRate: 0.9 }),
      epochs: 4,
      batchSize: 4,
      callbacks: [
        {
          onEpoch: ({ validation }) => {
            losses.push(validation!.loss);
            states.push(stateOf(model));
          },
        },
        earlyStopping({ monitor: "validation.loss", patience: 9 }),
      ],
    });
    const best = losses.indexOf(Math.min(...losses));
    expect(stateOf(model)).toEqual(states[best]);
    expect((await evaluate(model, all, { loss: meanSquaredError, engine })).loss).toBe(losses[best]);
  });
});

test("a trace that is repeated has the names, the random numbers and the parameters of the first", () => {
  const graph = new Graph();
  const x = graph.input("x", [4, 2]);
  dense(2)(x);
  const block = (h: Tensor) => {
    const seen = [graph.stream("noise")];
    const layer = defineLayer("dense", (z, { name, parameter }) => {
      seen.push(name, graph.stream("noise"));
      return add(z, parameter("bias", [2], zeros));
    });
    graph.penalize(mean(layer(h)));
    return seen;
  };
  const { result, repeat } = repeatable(graph, () => block(x));
  dense(2)(x);
  const parameters = graph.parameters.size;
  expect(repeat(() => block(x))).toEqual(result);
  expect(repeat(() => block(x))).toEqual(result);
  expect(result[1]).toBe("dense_1");
  expect(graph.parameters.size).toBe(parameters);
  expect(graph.penalties.length).toBe(1);
  expect(block(x)).not.toEqual(result);
});
