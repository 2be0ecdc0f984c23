// Schedule-free SGD and AdamW against the authors', in 64 bits: what is trained and what is evaluated.
import { describe, expect, test } from "vitest";
import { createEngineSync, createTrainerSync, meanSquaredError, OptionError } from "#src/index";
import { asgd, type ScheduleFreeAdamWOptions, scheduleFreeAdamW, scheduleFreeSgd } from "#src/optim/index";
import { bits, curve, regressor, weightsOf } from "../train/setting.ts";
import { apart, checkOptimizer, reference, run, type Update64 } from "./network.ts";

/**
 * facebookresearch/schedule_free, adamw_schedulefree.py, and sgd_schedulefree.py without `adam`; by the sequences x and z
 * of the paper, not by the update of y in place. Sets `average` to x.
 */
function scheduleFreeAuthors(
  options: ScheduleFreeAdamWOptions & { adam?: boolean },
  average: Map<string, Float64Array> = new Map(),
): Update64 {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, warmupSteps = 0 } = options;
  const { stepPower = 0, ratePower = 2, adam = false } = options;
  const states = new Map<string, { v: Float64Array; z: Float64Array }>();
  let largest = 0;
  let sum = 0;
  return (parameters, t) => {
    const warm = t <= warmupSteps ? t / warmupSteps : 1;
    const rate = (options.learningRate as number) * warm * (adam ? Math.sqrt(1 - beta2 ** t) : 1);
    largest = Math.max(largest, rate);
    const weight = t ** stepPower * largest ** ratePower;
    sum += weight;
    const c = weight / sum;
    for (const { name, theta: y, gradient } of parameters) {
      const state = states.get(name) ?? { v: new Float64Array(y.length), z: y.slice() };
      const x = average.get(name) ?? y.slice();
      states.set(name, state);
      average.set(name, x);
      for (const [i, g] of gradient.entries()) {
        state.v[i] = beta2 * state.v[i]! + (1 - beta2) * g * g;
        const u = (adam ? g / (Math.sqrt(state.v[i]!) + epsilon) : g) + weightDecay * y[i]!;
        state.z[i]! -= rate * u;
        x[i] = (1 - c) * x[i]! + c * state.z[i]!;
        y[i] = (1 - beta1) * state.z[i]! + beta1 * x[i]!;
      }
    }
  };
}

// Weights below 1, sums of 60 steps of 0.05 and averages of them: some roundings of 6e-8 each, as for Adam; x is y − z
// over β, which doubles it.
const tolerance = 2e-5;

const cases: [string, ScheduleFreeAdamWOptions & { adam?: boolean }][] = [
  ["scheduleFreeSgd", { learningRate: 0.2 }],
  ["scheduleFreeSgd, warm-up, decay", { learningRate: 0.3, warmupSteps: 10, weightDecay: 0.02, beta1: 0.8 }],
  ["scheduleFreeSgd, powers", { learningRate: 0.2, warmupSteps: 5, stepPower: 1.5, ratePower: 1 }],
  ["scheduleFreeAdamW", { learningRate: 0.02, adam: true }],
  [
    "scheduleFreeAdamW, warm-up, decay",
    { learningRate: 0.03, warmupSteps: 10, weightDecay: 0.1, beta2: 0.99, adam: true },
  ],
];
for (const [name, { adam, ...options }] of cases) {
  const make = adam ? scheduleFreeAdamW : scheduleFreeSgd;
  checkOptimizer(name, make(options), () => scheduleFreeAuthors({ ...options, adam: adam ?? false }), {
    tolerance,
    still: make({ ...options, learningRate: 0 }),
  });
  test(`${name}: what is evaluated is the average`, () => {
    const average = new Map<string, Float64Array>();
    const { theta } = reference(scheduleFreeAuthors({ ...options, adam: adam ?? false }, average), 60);
    const wanted = [...average.values()].flatMap((x) => [...x]);
    const evaluated = flat(run(make(options), 60).trainer.average());
    expect(apart(evaluated, wanted)).toBeLessThan(tolerance);
    // It is another than what is trained.
    expect(apart(theta, wanted)).toBeGreaterThan(100 * tolerance);
  });
}

const [batch] = [...curve(8).batch(8)];
const trainerOf = (optimizer: Parameters<typeof createTrainerSync>[1]["optimizer"]) => {
  const model = regressor();
  const options = { loss: meanSquaredError, optimizer, engine: createEngineSync() };
  return { model, trainer: createTrainerSync(model, options) };
};
const flat = (weights: ReturnType<ReturnType<typeof trainerOf>["trainer"]["average"]>) =>
  Float32Array.from([...weights.values()].flatMap(({ values }) => [...values]));

describe("average", () => {
  test("before the first step they are the parameters", () => {
    const { model, trainer } = trainerOf(scheduleFreeSgd());
    expect(bits(flat(trainer.average()))).toEqual(bits(weightsOf(model)));
  });
  test("of asgd they are its average", () => {
    const { model, trainer } = trainerOf(asgd({ learningRate: 0.1, start: 0 }));
    let mean = new Float64Array(weightsOf(model).length);
    for (let t = 1; t <= 5; t++) {
      trainer.stepSync(batch!);
      const now = weightsOf(model);
      mean = mean.map((m, i) => m + (now[i]! - m) / Math.max(1, t - 1));
    }
    expect(apart(flat(trainer.average()), mean)).toBeLessThan(1e-6);
  });
  test("steps over a dataset in memory count too", async () => {
    const { model, trainer } = trainerOf(scheduleFreeSgd({ learningRate: 0.2 }));
    const same = trainerOf(scheduleFreeSgd({ learningRate: 0.2 })).trainer;
    const runner = trainer.runner(curve(8).materialize());
    await runner.run(
      8,
      Int32Array.from({ length: 40 }, (_, i) => i % 8),
      1,
    );
    trainer.steps += 5;
    for (let t = 0; t < 5; t++) same.stepSync(batch!);
    expect(bits(flat(trainer.average()))).toEqual(bits(flat(same.average())));
    expect(bits(flat(trainer.average()))).not.toEqual(bits(weightsOf(model)));
  });
  test("they go into a model of the same shape", () => {
    const { model, trainer } = trainerOf(scheduleFreeSgd({ learningRate: 0.2 }));
    for (let t = 0; t < 20; t++) trainer.stepSync(batch!);
    const served = regressor();
    served.setParameters(trainer.average());
    expect(bits(weightsOf(served))).not.toEqual(bits(weightsOf(model)));
    expect(bits(weightsOf(served))).toEqual(bits(flat(trainer.average())));
  });
});

test("steps asked for out of order give the same numbers", () => {
  const optimizer = scheduleFreeAdamW({ warmupSteps: 4 });
  const inOrder = Array.from({ length: 9 }, (_, index) => optimizer.hyper(index + 1));
  expect([7, 3, 9].map((step) => optimizer.hyper(step))).toEqual([7, 3, 9].map((step) => inOrder[step - 1]));
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["scheduleFreeSgd: learningRate", () => scheduleFreeSgd({ learningRate: -1 })],
    ["scheduleFreeSgd: beta1", () => scheduleFreeSgd({ beta1: 0 })],
    ["scheduleFreeSgd: beta1", () => scheduleFreeSgd({ beta1: 1 })],
    ["scheduleFreeSgd: weightDecay", () => scheduleFreeSgd({ weightDecay: -1 })],
    ["scheduleFreeSgd: warmupSteps", () => scheduleFreeSgd({ warmupSteps: 1.5 })],
    ["scheduleFreeSgd: stepPower", () => scheduleFreeSgd({ stepPower: -1 })],
    ["scheduleFreeSgd: ratePower", () => scheduleFreeSgd({ ratePower: Number.NaN })],
    ["scheduleFreeAdamW: beta2", () => scheduleFreeAdamW({ beta2: 1 })],
    ["scheduleFreeAdamW: epsilon", () => scheduleFreeAdamW({ epsilon: -1 })],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted.*got/);
  });
});
