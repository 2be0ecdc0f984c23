// What transforms do beside their formulas: schedules, clips, and options out of range.
import { describe, expect, test } from "vitest";
import { power } from "#src/core/math";
import {
  createEngineSync,
  createTrainerSync,
  dense,
  meanSquaredError,
  OptionError,
  sequential,
} from "#src/index";
import {
  adabelief,
  adadelta,
  adagrad,
  adam,
  adamax,
  adamW,
  adan,
  ademamix,
  adopt,
  asgd,
  chain,
  clipByGlobalNorm,
  lamb,
  lars,
  lion,
  nadam,
  novograd,
  radam,
  rmsprop,
  rprop,
  sgd,
  signSgd,
  type Transform,
  yogi,
} from "#src/optim/index";
import { bits, curve, numbers, setWeights, weightsOf } from "../train/setting.ts";

const STEPS = 50;
const engine = createEngineSync({ numerics: "exact" });
const batches = [...curve(32).batch(8)];

const line = () => {
  const model = sequential({ input: [5] }, dense(2));
  setWeights(model);
  return model;
};

function run(optimizer: Transform): Float32Array {
  const model = line();
  const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine });
  for (let step = 0; step < STEPS; step++) trainer.stepSync(batches[step % batches.length]!);
  trainer.close();
  return weightsOf(model);
}

const falling = (step: number) => 0.1 / (1 + step / 10);
const apart = (a: Float32Array, b: Float32Array) =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

test.each<[string, (convention: "torch" | "difference", learningRate: typeof falling) => Transform]>([
  ["sgd", (convention, learningRate) => sgd({ learningRate, momentum: 0.9, convention })],
  ["rmsprop", (convention, learningRate) => rmsprop({ learningRate, momentum: 0.9, convention })],
])("%s: difference and torch are the same while the rate is, and differ when it changes", (_, make) => {
  const differ = (rate: typeof falling) => apart(run(make("torch", rate)), run(make("difference", rate)));
  // 50 steps of a few roundings of 6e-8 each, of weights near 1.
  expect(differ(() => 0.02)).toBeLessThan(1e-5);
  expect(differ(falling)).toBeGreaterThan(1e-3);
});

test("a schedule is asked for each step, counted from 1", () => {
  const asked: number[] = [];
  const learningRate = (step: number) => {
    asked.push(step);
    return 0.01;
  };
  run(sgd({ learningRate }));
  expect(asked).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
});

test("a clip leaves the direction and shortens to the maximum", () => {
  const one = (optimizer: Transform) => {
    const model = line();
    const before = weightsOf(model);
    createTrainerSync(model, { loss: meanSquaredError, optimizer, engine }).stepSync(batches[0]!);
    return weightsOf(model).map((value, i) => before[i]! - value);
  };
  const whole = one(sgd({ learningRate: 1 }));
  const short = one(chain(clipByGlobalNorm(0.01), sgd({ learningRate: 1 })));
  const norm = (v: Float32Array) => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
  // Differences of weights near 1: absolute error 1e-7 of a length of 0.01.
  expect(Math.abs(norm(short) - 0.01)).toBeLessThan(1e-6);
  for (const [i, x] of short.entries())
    expect(Math.abs(x / norm(short) - whole[i]! / norm(whole))).toBeLessThan(1e-4);
});

test("a clip sees the gradients of all parameters, more than one block of the reduction", () => {
  const wide = sequential({ input: [300] }, dense(40));
  setWeights(wide);
  const before = weightsOf(wide);
  const optimizer = chain(clipByGlobalNorm(0.5), sgd({ learningRate: 1 }));
  const trainer = createTrainerSync(wide, { loss: meanSquaredError, optimizer, engine });
  trainer.stepSync({ inputs: numbers(600), targets: numbers(80, 900), labels: undefined, size: 2 });
  const moved = weightsOf(wide).reduce((sum, value, i) => sum + (before[i]! - value) ** 2, 0);
  expect(Math.abs(Math.sqrt(moved) - 0.5)).toBeLessThan(1e-5);
});

test("power is the same as repeated multiplication", () => {
  for (const base of [0, 0.5, 0.9, 0.999, 1]) {
    for (const exponent of [0, 1, 2, 3, 7, 64, 1000]) {
      expect(Math.abs(power(base, exponent) - base ** exponent)).toBeLessThanOrEqual(
        1e-13 * base ** exponent,
      );
    }
  }
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["sgd: learningRate", () => sgd({ learningRate: -1 })],
    ["sgd: learningRate", () => sgd({ learningRate: Number.NaN })],
    ["sgd: momentum", () => sgd({ momentum: 1 })],
    ["sgd: momentum", () => sgd({ momentum: -0.1 })],
    ["sgd: dampening", () => sgd({ momentum: 0.9, dampening: 2 })],
    ["sgd: dampening", () => sgd({ momentum: 0.9, dampening: 0.1, convention: "averaging" })],
    ["sgd: nesterov", () => sgd({ nesterov: true })],
    ["sgd: nesterov", () => sgd({ nesterov: true, momentum: 0.9, dampening: 0.5 })],
    ["sgd: weightDecay", () => sgd({ weightDecay: -1 })],
    ["sgd: convention", () => sgd({ convention: "polyak" as never })],
    ["adam: learningRate", () => adam({ learningRate: Number.POSITIVE_INFINITY })],
    ["adam: beta1", () => adam({ beta1: 1 })],
    ["adam: beta2", () => adam({ beta2: -0.5 })],
    ["adam: epsilon", () => adam({ epsilon: -1 })],
    ["adamW: weightDecay", () => adamW({ weightDecay: Number.NaN })],
    ["adam: convention", () => adam({ convention: "optax" as never })],
    ["adam: amsgrad", () => adam({ amsgrad: true as never })],
    ["asgd: start", () => asgd({ start: -1 })],
    ["adagrad: epsilonAt", () => adagrad({ epsilonAt: "below" as never })],
    ["adadelta: rho", () => adadelta({ rho: 1 })],
    ["rmsprop: alpha", () => rmsprop({ alpha: 1 })],
    ["rmsprop: convention", () => rmsprop({ convention: "keras" as never })],
    ["adamax: convention", () => adamax({ convention: "optax" as never })],
    ["nadam: momentumDecay", () => nadam({ momentumDecay: Number.NaN })],
    ["radam: convention", () => radam({ convention: "keras" as never })],
    ["adabelief: epsilonInside", () => adabelief({ epsilonInside: -1 })],
    ["yogi: convention", () => yogi({ convention: "torch" as never })],
    ["yogi: initialAccumulator", () => yogi({ initialAccumulator: -1 })],
    ["ademamix: beta3", () => ademamix({ beta3: 1 }).hyper(1)],
    ["adopt: clip", () => adopt({ clip: -1 }).hyper(2)],
    ["adan: convention", () => adan({ convention: "torch" as never })],
    ["adan: epsilonInside", () => adan({ epsilonInside: -1 })],
    ["lion: beta2", () => lion({ beta2: 1 })],
    ["signSgd: weightDecay", () => signSgd({ weightDecay: -1 })],
    ["rprop: factors", () => rprop({ factors: [1, 1.2] })],
    ["rprop: limits", () => rprop({ limits: [1, 0.5] })],
    ["lars: convention", () => lars({ convention: "torch" as never })],
    ["lamb: epsilon", () => lamb({ epsilon: -1 })],
    ["novograd: beta2", () => novograd({ beta2: 1 })],
    ["clipByGlobalNorm: maximum", () => clipByGlobalNorm(0)],
    ["clipByGlobalNorm: maximum", () => clipByGlobalNorm(Number.POSITIVE_INFINITY)],
    ["chain", () => chain()],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted|only/);
    expect(make).toThrow(/got/);
  });

  test("a schedule that gives no number is found at its step, and changes nothing", () => {
    const model = line();
    const optimizer = sgd({ learningRate: (step) => (step === 3 ? Number.NaN : 0.1) });
    const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine });
    trainer.stepSync(batches[0]!);
    trainer.stepSync(batches[1]!);
    const before = weightsOf(model);
    expect(() => trainer.stepSync(batches[2]!)).toThrow(
      "sgd: learningRate: wanted a finite number ≥ 0, got NaN at step 3",
    );
    expect(bits(weightsOf(model))).toEqual(bits(before));
  });
});
