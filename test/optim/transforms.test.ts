// Every optimizer against its published formula in 64 bits, on a least-squares problem, 50 steps.
import { describe, expect, test } from "vitest";
import { power } from "#src/core/math";
import {
  adam,
  adamW,
  chain,
  clipByGlobalNorm,
  createEngineSync,
  createTrainer,
  createTrainerSync,
  dense,
  meanSquaredError,
  OptionError,
  type SgdOptions,
  sequential,
  sgd,
  softmaxCrossEntropy,
  type Transform,
} from "#src/index";
import { engineOf, numericsToTest } from "../support/engines.ts";
import { bits, classes, curve, numbers, setWeights, weightsOf } from "../train/setting.ts";

const FEATURES = 5;
const UNITS = 2;
const BATCH = 8;
const STEPS = 50;
const engine = createEngineSync({ numerics: "exact" });

/** Changes θ in place, given the gradient and the number of the step. */
type Update = (theta: Float64Array, gradient: Float64Array, step: number) => void;

const line = () => {
  const model = sequential({ input: [FEATURES] }, dense(UNITS));
  setWeights(model);
  return model;
};

const examples = curve(BATCH * 4);
const batches = [...examples.batch(BATCH)];

/** Losses and final weights of the reference: y = xW + b, mean over all (y − t)². */
function reference(update: Update) {
  const theta = Float64Array.from(weightsOf(line()));
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const { inputs, targets } = batches[(step - 1) % batches.length]!;
    const gradient = new Float64Array(theta.length);
    let loss = 0;
    for (let row = 0; row < BATCH; row++) {
      for (let unit = 0; unit < UNITS; unit++) {
        let y = theta[FEATURES * UNITS + unit]!;
        for (let k = 0; k < FEATURES; k++) y += inputs[row * FEATURES + k]! * theta[k * UNITS + unit]!;
        const error = y - targets![row * UNITS + unit]!;
        loss += error ** 2 / (BATCH * UNITS);
        const slope = (2 * error) / (BATCH * UNITS);
        gradient[FEATURES * UNITS + unit]! += slope;
        for (let k = 0; k < FEATURES; k++) {
          gradient[k * UNITS + unit]! += slope * inputs[row * FEATURES + k]!;
        }
      }
    }
    losses.push(loss);
    update(theta, gradient, step);
  }
  return { losses, theta };
}

function run(optimizer: Transform) {
  const model = line();
  const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine });
  const used: number[] = [];
  const losses = Array.from({ length: STEPS }, (_, step) => {
    const { loss } = trainer.stepSync(batches[step % batches.length]!);
    used.push(engine.memoryUsed);
    return loss;
  });
  trainer.close();
  const theta = weightsOf(model);
  return { losses, theta, used };
}

/** The published forms, each written by itself. `g` is the gradient with weight decay joined to it. */
const momentum = (options: SgdOptions, rate: (step: number) => number): Update => {
  const {
    momentum: beta = 0,
    dampening = 0,
    weightDecay = 0,
    nesterov = false,
    convention = "torch",
  } = options;
  let velocity: Float64Array | undefined;
  return (theta, gradient, step) => {
    const first = velocity === undefined;
    velocity ??= new Float64Array(theta.length);
    const gamma = rate(step);
    for (let i = 0; i < theta.length; i++) {
      const g = gradient[i]! + weightDecay * theta[i]!;
      const v = velocity[i]!;
      if (beta === 0) theta[i]! -= gamma * g;
      else if (convention === "torch") {
        velocity[i] = first ? g : beta * v + (1 - dampening) * g;
        theta[i]! -= gamma * (nesterov ? g + beta * velocity[i]! : velocity[i]!);
      } else if (convention === "difference") {
        velocity[i] = beta * v - gamma * g;
        theta[i]! += nesterov ? beta * velocity[i]! - gamma * g : velocity[i]!;
      } else {
        velocity[i] = beta * v + (1 - beta) * g;
        theta[i]! -= gamma * (nesterov ? beta * velocity[i]! + (1 - beta) * g : velocity[i]!);
      }
    }
  };
};

function adaptive(options: {
  rate: (step: number) => number;
  joined?: number;
  decoupled?: number;
  beta1?: number;
}): Update {
  const { rate, joined = 0, decoupled = 0, beta1 = 0.9 } = options;
  const beta2 = 0.999;
  const m = new Float64Array(FEATURES * UNITS + UNITS);
  const v = new Float64Array(m.length);
  return (theta, gradient, t) => {
    for (let i = 0; i < theta.length; i++) {
      const g = gradient[i]! + joined * theta[i]!;
      theta[i]! *= 1 - rate(t) * decoupled;
      m[i] = beta1 * m[i]! + (1 - beta1) * g;
      v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
      theta[i]! -= (rate(t) * (m[i]! / (1 - beta1 ** t))) / (Math.sqrt(v[i]! / (1 - beta2 ** t)) + 1e-8);
    }
  };
}

function clipped(maximum: number, update: Update): Update {
  return (theta, gradient, step) => {
    const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
    const scale = Math.min(1, maximum / (norm + 1e-6));
    update(
      theta,
      gradient.map((g) => g * scale),
      step,
    );
  };
}

const falling = (step: number) => 0.1 / (1 + step / 10);
const always = (rate: number) => () => rate;

const momentumCases: [string, SgdOptions][] = (["torch", "difference", "averaging"] as const).flatMap(
  (convention) =>
    [false, true].map((nesterov) => [
      `sgd, ${convention}${nesterov ? ", Nesterov" : ""}`,
      { convention, nesterov, momentum: 0.8, weightDecay: 0.01 },
    ]),
);
const sgdCases: [string, SgdOptions][] = [
  ["sgd", {}],
  ["sgd, weight decay", { weightDecay: 0.1 }],
  ["sgd, dampening", { momentum: 0.9, dampening: 0.4 }],
  ...momentumCases,
];

const cases: [string, Transform, () => Update][] = [
  ...sgdCases.map(([name, options]): [string, Transform, () => Update] => [
    name,
    sgd({ learningRate: 0.05, ...options }),
    () => momentum(options, always(0.05)),
  ]),
  // The conventions differ where the rate changes.
  ...sgdCases.map(([name, options]): [string, Transform, () => Update] => [
    `${name}, schedule`,
    sgd({ learningRate: falling, ...options }),
    () => momentum(options, falling),
  ]),
  ["adam", adam({ learningRate: 0.02 }), () => adaptive({ rate: always(0.02) })],
  ["adam, schedule", adam({ learningRate: falling }), () => adaptive({ rate: falling })],
  ["adam, β₁ = 0", adam({ learningRate: 0.02, beta1: 0 }), () => adaptive({ rate: always(0.02), beta1: 0 })],
  [
    "adam, weight decay",
    adam({ learningRate: 0.02, weightDecay: 0.1 }),
    () => adaptive({ rate: always(0.02), joined: 0.1 }),
  ],
  ["adamW", adamW({ learningRate: 0.02 }), () => adaptive({ rate: always(0.02), decoupled: 0.01 })],
  [
    "adamW, weight decay",
    adamW({ learningRate: 0.02, weightDecay: 0.3 }),
    () => adaptive({ rate: always(0.02), decoupled: 0.3 }),
  ],
  [
    "clipByGlobalNorm, sgd",
    chain(clipByGlobalNorm(0.2), sgd({ learningRate: 0.1, momentum: 0.9 })),
    () => clipped(0.2, momentum({ momentum: 0.9 }, always(0.1))),
  ],
  [
    "clipByGlobalNorm, adamW",
    chain(clipByGlobalNorm(0.2), adamW({ learningRate: 0.02, weightDecay: 0.1 })),
    () => clipped(0.2, adaptive({ rate: always(0.02), decoupled: 0.1 })),
  ],
  [
    "clipByGlobalNorm above every norm",
    chain(clipByGlobalNorm(1e6), sgd({ learningRate: 0.05 })),
    () => momentum({}, always(0.05)),
  ],
];

// 50 steps of a few roundings of 6e-8 each, of weights below 1. Adam divides by a root, so that a small gradient's
// relative error is the step's: 1e-5 of 50 steps of 0.1 at most. The nearest false formula is 100 times as far.
const TOLERANCE = 1e-5;

describe.each(cases)("%s", (name, optimizer, update) => {
  const { losses, theta, used } = run(optimizer);
  test("50 steps as the formula in 64 bits", () => {
    const wanted = reference(update());
    for (const [i, loss] of losses.entries())
      expect(Math.abs(loss - wanted.losses[i]!)).toBeLessThan(TOLERANCE);
    for (const [i, value] of theta.entries())
      expect(Math.abs(value - wanted.theta[i]!)).toBeLessThan(TOLERANCE);
  });
  test("the loss falls", () => {
    const mean = (from: number) => losses.slice(from, from + 4).reduce((sum, loss) => sum + loss, 0);
    expect(mean(STEPS - 4)).toBeLessThan(0.9 * mean(0));
  });
  test("nothing is allocated after the first step", () => {
    expect(new Set(used).size, name).toBe(1);
  });
});

test.each([
  ["sgd", sgd({ learningRate: 0, momentum: 0.9, weightDecay: 0.1 })],
  ["sgd, Nesterov", sgd({ learningRate: 0, momentum: 0.9, nesterov: true })],
  ["sgd, difference", sgd({ learningRate: 0, momentum: 0.9, convention: "difference" })],
  ["adam", adam({ learningRate: 0 })],
  ["adamW", adamW({ learningRate: 0, weightDecay: 0.5 })],
  ["a chain", chain(clipByGlobalNorm(0.1), adam({ learningRate: () => 0 }))],
])("%s with a learning rate of 0 changes no bit", (_, optimizer) => {
  const before = weightsOf(line());
  expect(bits(run(optimizer).theta)).toEqual(bits(before));
});

test("difference and torch are the same while the rate is, and differ when it changes", () => {
  const pair = (learningRate: number | ((step: number) => number)) =>
    (["torch", "difference"] as const).map(
      (convention) => run(sgd({ learningRate, momentum: 0.9, convention })).theta,
    );
  const apart = ([a, b]: Float32Array[]) => Math.max(...a!.map((value, i) => Math.abs(value - b![i]!)));
  expect(apart(pair(0.05))).toBeLessThan(TOLERANCE);
  expect(apart(pair(falling))).toBeGreaterThan(100 * TOLERANCE);
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

// A clip above every norm changes no bit, but takes the whole gradient at once: so every update behind it stands by
// itself, over a gradient in memory, while one without it joins the product that makes its gradient.
describe.each(numericsToTest)(
  "an update joined to its gradient's maker, %s: the bits of one by itself",
  (numerics) => {
    const data = classes(40, 20);
    const above = clipByGlobalNorm(1e30);
    const wide = () => {
      const model = sequential({ input: [20] }, dense(600, { activation: "tanh" }), dense(37), dense(4));
      setWeights(model);
      return model;
    };
    async function train(optimizer: Transform, batch: number, threads: number): Promise<Int32Array> {
      const model = wide();
      const engine = await engineOf(threads, numerics);
      const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer, engine });
      const batches = [...data.batch(batch)].slice(0, 3);
      for (const each of batches) await trainer.step(each);
      trainer.close();
      return bits(weightsOf(model));
    }
    test.each<[string, () => Transform]>([
      ["sgd", () => sgd({ learningRate: 0.1 })],
      ["sgd, weight decay", () => sgd({ learningRate: 0.1, weightDecay: 0.1 })],
      ["sgd, momentum", () => sgd({ learningRate: 0.1, momentum: 0.9 })],
      ["adamW", () => adamW({ learningRate: 0.01 })],
    ])("%s", async (_, optimizer) => {
      for (const batch of [1, 3, 13]) {
        const alone = await train(chain(above, optimizer()), batch, 1);
        for (const threads of [1, 2, 3, 4]) {
          const joined = await train(optimizer(), batch, threads);
          expect(
            joined.every((value, i) => value === alone[i]),
            `batch ${batch}, ${threads} threads`,
          ).toBe(true);
        }
      }
    });
  },
);
