// Transforms around another one: accumulation, lookahead, averages of the weights, SAM.
import { describe, expect, test } from "vitest";
import {
  adam,
  chain,
  clipByGlobalNorm,
  createTrainer,
  createTrainerSync,
  defineModel,
  dense,
  EngineError,
  evaluate,
  meanSquaredError,
  OptionError,
  sgd,
  type Transform,
  train,
} from "#src/index";
import {
  accumulate,
  clampWeights,
  ema,
  frozen,
  l2,
  lookahead,
  parameterGroups,
  sam,
  swa,
} from "#src/optim/index";
import { engineOf } from "../support/engines.ts";
import { bits, curve, setWeights, weightsOf } from "../train/setting.ts";
import {
  batches,
  type Case,
  checkTransform,
  engine,
  expectClose,
  inners,
  length,
  line,
  type Rule,
  run,
  slope,
} from "./least-squares.ts";

/** Means of n gradients, and n − 1 steps in which nothing happens. */
const accumulated =
  (n: number) =>
  (inner: Rule): Rule => {
    let sum: Float64Array | undefined;
    return (theta, gradient, step, batch) => {
      const sofar = sum;
      sum = gradient.map((g, i) => g + (sofar?.[i] ?? 0));
      if (step % n > 0) return;
      inner(
        theta,
        sum.map((g) => g / n),
        step / n,
        batch,
      );
      sum = undefined;
    };
  };

const lookingAhead =
  (every: number, share: number) =>
  (inner: Rule): Rule => {
    let slow: Float64Array | undefined;
    return (theta, gradient, step, batch) => {
      slow ??= theta.slice();
      inner(theta, gradient, step, batch);
      if (step % every > 0) return;
      for (const i of theta.keys()) theta[i] = slow[i]! += share * (theta[i]! - slow[i]!);
    };
  };

const sharpnessAware =
  (radius: number, adaptive: boolean) =>
  (inner: Rule): Rule =>
  (theta, gradient, step, batch) => {
    const sizes = theta.map((value) => (adaptive ? Math.abs(value) : 1));
    const norm = length(gradient.map((g, i) => g * sizes[i]!));
    const there = theta.map((value, i) => value + (radius * sizes[i]! ** 2 * gradient[i]!) / norm);
    inner(theta, slope(there, batch).gradient, step, batch);
  };

const cases: Case[] = [
  ["accumulate 1", (inner) => accumulate(inner, { every: 1 }), (inner) => inner],
  ["accumulate 3", (inner) => accumulate(inner, { every: 3 }), accumulated(3)],
  [
    "accumulate 4 around a clip and a constraint",
    (inner) => accumulate(chain(clipByGlobalNorm(0.1), inner, clampWeights(-0.3, 0.3)), { every: 4 }),
    (inner) =>
      accumulated(4)((theta, gradient, step, batch) => {
        const scale = Math.min(1, 0.1 / (length(gradient) + 1e-6));
        inner(
          theta,
          gradient.map((g) => g * scale),
          step,
          batch,
        );
        for (let i = 0; i < 10; i++) theta[i] = Math.min(Math.max(theta[i]!, -0.3), 0.3);
      }),
  ],
  ["lookahead", (inner) => lookahead(inner), lookingAhead(5, 0.5)],
  ["lookahead, other numbers", (inner) => lookahead(inner, { every: 3, share: 0.8 }), lookingAhead(3, 0.8)],
  [
    "accumulate around lookahead",
    (inner) => accumulate(lookahead(inner, { every: 2 }), { every: 3 }),
    (inner) => accumulated(3)(lookingAhead(2, 0.5)(inner)),
  ],
  ["ema, which leaves the training alone", (inner) => ema(inner), (inner) => inner],
  ["swa, which leaves the training alone", (inner) => swa(inner, { start: 3, every: 4 }), (inner) => inner],
  ["sam", (inner) => sam(inner), sharpnessAware(0.05, false)],
  ["sam, adaptive", (inner) => sam(inner, { radius: 0.5, adaptive: true }), sharpnessAware(0.5, true)],
  [
    "sam around a penalty and accumulation",
    (inner) => sam(accumulate(chain(l2(0.1, { parameters: "*" }), inner), { every: 2 }), { radius: 0.2 }),
    (inner) => {
      const outer = accumulated(2)((theta, gradient, step, batch) =>
        inner(
          theta,
          gradient.map((g, i) => g + 0.1 * theta[i]!),
          step,
          batch,
        ),
      );
      return sharpnessAware(0.2, false)(outer);
    },
  ],
];

for (const each of cases) checkTransform(each);

test("schedules inside accumulate are asked for the steps that it takes", () => {
  const asked: number[] = [];
  const learningRate = (step: number) => {
    asked.push(step);
    return 0.01;
  };
  run(accumulate(sgd({ learningRate }), { every: 3 }), 7);
  expect(asked).toEqual([1, 1, 1, 2, 2, 2, 3]);
});

test("between its steps accumulate changes no bit", () => {
  const bitsAfter = (steps: number) => bits(run(accumulate(adam(), { every: 3 }), steps).theta);
  expect(bitsAfter(2)).toEqual(bits(weightsOf(line())));
  expect(bitsAfter(5)).toEqual(bitsAfter(3));
  expect(bitsAfter(3)).not.toEqual(bitsAfter(2));
});

describe("sam", () => {
  test("traces a model once more whose layers are made inside its function", () => {
    const model = defineModel({ input: [5] }, (x) => dense(2)(dense(9, { activation: "tanh" })(x)));
    setWeights(model);
    const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer: sam(sgd()), engine });
    const first = trainer.stepSync(batches[0]!).loss;
    expect(model.parameters().size).toBe(4);
    for (let step = 0; step < 20; step++) trainer.stepSync(batches[0]!);
    expect(trainer.stepSync(batches[0]!).loss).toBeLessThan(first);
  });
  test("in a group perturbs the group alone", () => {
    const optimizer = parameterGroups({ biases: { parameters: "*.bias", optimizer: frozen() } }, sam(sgd()));
    const theta = Float64Array.from(weightsOf(line()));
    const { gradient } = slope(theta, 1);
    const norm = length(gradient.slice(0, 10));
    const there = theta.map((value, i) => (i < 10 ? value + (0.05 * gradient[i]!) / norm : value));
    const wanted = slope(there, 1).gradient.map((g, i) => theta[i]! - (i < 10 ? 0.01 * g : 0));
    expectClose(run(optimizer, 1).theta, wanted);
  });
});

describe("averages of the weights", () => {
  const averaged: [string, (inner: Transform) => Transform, (path: Float64Array[]) => Float64Array][] = [
    [
      "ema",
      (inner) => ema(inner, { decay: 0.8 }),
      (path) => {
        const mean = path[0]!.map(() => 0);
        for (const theta of path.slice(1))
          for (const i of mean.keys()) mean[i] = 0.8 * mean[i]! + 0.2 * theta[i]!;
        return mean.map((value) => value / (1 - 0.8 ** (path.length - 1)));
      },
    ],
    [
      "ema from the initial weights",
      (inner) => ema(inner, { decay: 0.8, start: "initial" }),
      (path) => {
        const mean = path[0]!.slice();
        for (const theta of path.slice(1))
          for (const i of mean.keys()) mean[i] = 0.8 * mean[i]! + 0.2 * theta[i]!;
        return mean;
      },
    ],
    [
      "swa",
      (inner) => swa(inner, { start: 4, every: 3 }),
      (path) => {
        const counted = path.filter((_, step) => step >= 4 && (step - 4) % 3 === 0);
        return path[0]!.map((_, i) => counted.reduce((sum, theta) => sum + theta[i]!, 0) / counted.length);
      },
    ],
  ];
  const trainerOf = (optimizer: Transform) => {
    const model = line();
    return { model, trainer: createTrainerSync(model, { loss: meanSquaredError, optimizer, engine }) };
  };
  const flat = (average: ReadonlyMap<string, { values: Float32Array }>) =>
    [...average.values()].flatMap(({ values }) => [...values]);

  for (const [name, around, formula] of averaged) {
    test.each(inners)(`${name}, %s: as the formula in 64 bits`, (_, inner, makeRule) => {
      const { trainer } = trainerOf(around(inner()));
      const rule = makeRule();
      const path = [Float64Array.from(weightsOf(line()))];
      for (let step = 1; step <= 17; step++) {
        trainer.stepSync(batches[(step - 1) % batches.length]!);
        const theta = path.at(-1)!.slice();
        rule(theta, slope(theta, step).gradient, step, step);
        path.push(theta);
      }
      expectClose(flat(trainer.average()), formula(path));
    });
  }

  test("before swa begins, the average is the weights", () => {
    const { model, trainer } = trainerOf(swa(sgd(), { start: 100 }));
    expect(flat(trainer.average())).toEqual([...weightsOf(model)]);
    for (const batch of batches) trainer.stepSync(batch);
    expect(flat(trainer.average())).toEqual([...weightsOf(model)]);
  });

  test("weights that are not trained are in the average as they are", () => {
    const groups = parameterGroups({ biases: { parameters: "*.bias", optimizer: frozen() } }, sgd());
    const { model, trainer } = trainerOf(ema(groups));
    for (const batch of batches) trainer.stepSync(batch);
    const [own, average] = [model.parameters(), trainer.average()];
    expectClose(average.get("dense.bias")!.values, own.get("dense.bias")!.values);
    expect(average.get("dense.weight")!.values).not.toEqual(own.get("dense.weight")!.values);
  });

  test.each([1, 2])("are lent to the model for an evaluation, %i threads", async (threads) => {
    const model = line();
    const engine = await engineOf(threads);
    const optimizer = ema(sgd({ learningRate: 0.1 }), { decay: 0.9 });
    const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer, engine });
    for (const batch of batches) await trainer.step(batch);
    const data = curve(16);
    const own = bits(weightsOf(model));
    const measure = () => evaluate(model, data, { loss: meanSquaredError });
    const { loss } = await measure();
    const lent = await trainer.withAverage(async () => {
      expect([...weightsOf(model)]).toEqual(flat(trainer.average()));
      await expect(trainer.step(batches[0]!)).rejects.toThrow(EngineError);
      await expect(trainer.withAverage(measure)).rejects.toThrow(EngineError);
      return measure();
    });
    expect(bits(weightsOf(model))).toEqual(own);
    const other = line();
    other.setParameters(trainer.average());
    expect(lent.loss).toBe((await evaluate(other, data, { loss: meanSquaredError, engine })).loss);
    expect(lent.loss).not.toBe(loss);
    await expect(
      trainer.withAverage(() => {
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(bits(weightsOf(model))).toEqual(own);
    await trainer.step(batches[0]!);
    trainer.close();
  });

  test("callbacks of a training read and lend them", async () => {
    const model = line();
    let lent = 0;
    await train(model, {
      data: curve(32),
      loss: meanSquaredError,
      optimizer: ema(sgd({ learningRate: 0.05 })),
      engine,
      callbacks: [
        {
          async onEpoch(_, { withAverage }) {
            lent = (await withAverage(() => evaluate(model, curve(16), { loss: meanSquaredError }))).loss;
          },
          onEnd({ average }) {
            model.setParameters(average());
          },
        },
      ],
    });
    expect((await evaluate(model, curve(16), { loss: meanSquaredError })).loss).toBe(lent);
  });

  test("do not sink into the subnormal numbers where weights stay at 0", () => {
    const zero = clampWeights(0, 0, { parameters: "*" });
    const { trainer } = trainerOf(ema(chain(sgd(), zero), { decay: 0.9, start: "initial" }));
    for (let step = 0; step < 1000; step++) trainer.stepSync(batches[0]!);
    for (const value of flat(trainer.average()))
      expect(value === 0 || Math.abs(value) >= 2 ** -126, `${value}`).toBe(true);
  });

  test("an optimizer that keeps none is named", async () => {
    const { trainer } = trainerOf(sgd());
    trainer.stepSync(batches[0]!);
    expect(() => trainer.average()).toThrow(OptionError);
    expect(() => trainer.average()).toThrow("wanted an optimizer that keeps an average");
    await expect(trainer.withAverage(() => 1)).rejects.toThrow(OptionError);
  });

  test("in a group they are refused", () => {
    const optimizer = parameterGroups({ biases: { parameters: "*.bias", optimizer: ema(sgd()) } }, sgd());
    expect(() => run(optimizer, 1)).toThrow("ema: wanted all parameters, got the 1 of a group");
  });
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["accumulate: every", () => accumulate(sgd(), { every: 0 })],
    ["accumulate: every", () => accumulate(sgd(), { every: 1.5 })],
    ["lookahead: every", () => lookahead(sgd(), { every: -1 })],
    ["lookahead: share", () => lookahead(sgd(), { share: 0 })],
    ["lookahead: share", () => lookahead(sgd(), { share: 1.1 })],
    ["ema: decay", () => ema(sgd(), { decay: 1 })],
    ["ema: start", () => ema(sgd(), { start: "zero" as never })],
    ["swa: start", () => swa(sgd(), { start: 0 })],
    ["swa: every", () => swa(sgd(), { every: Number.NaN })],
    ["sam: radius", () => sam(sgd(), { radius: 0 })],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted .* got/);
  });
});
