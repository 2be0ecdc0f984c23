// A small network in 64 bits, and what every optimizer composed of ops is held against: its formula, written again.
import { describe, expect, test } from "vitest";
import {
  createEngineSync,
  createTrainer,
  createTrainerSync,
  dense,
  meanSquaredError,
  sequential,
} from "#src/index";
import { chain, clipByGlobalNorm, parameterGroups, sgd, type Transform } from "#src/optim/index";
import { engineOf } from "../support/engines.ts";
import { bits, curve, numbers, regressor, setWeights, weightsOf } from "../train/setting.ts";

/** A parameter and its gradient. */
export interface Parameter64 {
  readonly name: string;
  readonly shape: readonly number[];
  readonly theta: Float64Array;
  readonly gradient: Float64Array;
}

/** Changes all θ in place; `step` counts from 1. What it gives to `last` is done when all others have changed theirs. */
export type Update64 = (
  parameters: readonly Parameter64[],
  step: number,
  loss: number,
  last?: Last64,
) => void;
type Last64 = (work: (all: readonly Parameter64[]) => void) => void;

/** What an example's outputs cost, and the slopes of that. */
export type Cost64 = (
  y: Float64Array,
  row: number,
) => { readonly loss: number; readonly slopes: ArrayLike<number> };

const FEATURES = 5;
const HIDDEN = 9;
export const UNITS = 2;
export const BATCH = 16;
const batches = [...curve(BATCH * 4).batch(BATCH)];

function parametersOf(): Parameter64[] {
  return [...regressor().parameters()].map(([name, { shape, values }]) => ({
    name,
    shape,
    theta: Float64Array.from(values),
    gradient: new Float64Array(values.length),
  }));
}

/** The share of (y − t)² in its mean over a step's batch. */
function squaredError(step: number): Cost64 {
  const { targets } = batches[(step - 1) % batches.length]!;
  return (y, row) => {
    const errors = y.map((each, k) => each - targets![row * UNITS + k]!);
    const loss = errors.reduce((sum, error) => sum + error ** 2 / (BATCH * UNITS), 0);
    return { loss, slopes: errors.map((error) => (2 * error) / (BATCH * UNITS)) };
  };
}

/** Sets the gradients of the summed costs of the outputs tanh(xW + b)V + c; answers the sum. */
export function backward(
  parameters: readonly Parameter64[],
  step: number,
  cost = squaredError(step),
): number {
  const [w, b, v, c] = parameters as [Parameter64, Parameter64, Parameter64, Parameter64];
  const { inputs } = batches[(step - 1) % batches.length]!;
  for (const { gradient } of parameters) gradient.fill(0);
  let loss = 0;
  for (let row = 0; row < BATCH; row++) {
    const x = inputs.subarray(row * FEATURES, (row + 1) * FEATURES);
    const h = Float64Array.from({ length: HIDDEN }, (_, j) =>
      Math.tanh(x.reduce((sum, each, i) => sum + each * w.theta[i * HIDDEN + j]!, b.theta[j]!)),
    );
    const dh = new Float64Array(HIDDEN);
    const y = Float64Array.from({ length: UNITS }, (_, k) =>
      h.reduce((sum, each, j) => sum + each * v.theta[j * UNITS + k]!, c.theta[k]!),
    );
    const { loss: part, slopes } = cost(y, row);
    loss += part;
    for (let k = 0; k < UNITS; k++) {
      const slope = slopes[k]!;
      c.gradient[k]! += slope;
      for (let j = 0; j < HIDDEN; j++) {
        v.gradient[j * UNITS + k]! += slope * h[j]!;
        dh[j]! += slope * v.theta[j * UNITS + k]!;
      }
    }
    for (let j = 0; j < HIDDEN; j++) {
      const slope = dh[j]! * (1 - h[j]! ** 2);
      b.gradient[j]! += slope;
      for (let i = 0; i < FEATURES; i++) w.gradient[i * HIDDEN + j]! += slope * x[i]!;
    }
  }
  return loss;
}

/** Losses and final weights in 64 bits. */
export function reference(update: Update64, steps: number) {
  const parameters = parametersOf();
  const losses = Array.from({ length: steps }, (_, index) => {
    const loss = backward(parameters, index + 1);
    const waiting: Parameters<Last64>[0][] = [];
    update(parameters, index + 1, loss, (work) => waiting.push(work));
    for (const work of waiting) work(parameters);
    return loss;
  });
  return { losses, theta: parameters.flatMap(({ theta }) => [...theta]) };
}

const engine = createEngineSync({ numerics: "exact" });

/** Losses and final weights of an optimizer, and the memory used after each step. */
export function run(optimizer: Transform, steps: number) {
  const model = regressor();
  const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine });
  const used: number[] = [];
  const losses = Array.from({ length: steps }, (_, step) => {
    const { loss } = trainer.stepSync(batches[step % batches.length]!);
    used.push(engine.memoryUsed);
    return loss;
  });
  return { losses, theta: weightsOf(model), used, trainer };
}

/** Wide matrices, and gradients that are zero, tiny and ordinary, each for some steps. */
export function expectFiniteWeights(optimizer: Transform, stepsEach: number): void {
  const model = sequential({ input: [70] }, dense(90, { activation: "tanh" }), dense(2));
  setWeights(model);
  const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine: createEngineSync() });
  for (const scale of [0, 1e-12, 1, 1]) {
    for (let i = 0; i < stepsEach; i++) {
      const [inputs, targets] = [numbers(8 * 70, 560 * i, scale), numbers(16, 16 * i)];
      trainer.stepSync({ inputs, targets, labels: undefined, size: 8 });
    }
    expect(weightsOf(model).every(Number.isFinite), `inputs of ${scale}`).toBe(true);
  }
}

/** The same steps on an engine of some threads: the bits of the weights. */
async function threaded(optimizer: Transform, threads: number): Promise<Int32Array> {
  const model = regressor();
  const engine = await engineOf(threads);
  const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer, engine });
  for (const batch of [...batches, ...batches]) await trainer.step(batch);
  trainer.close();
  return bits(weightsOf(model));
}

/** The largest difference of two lists. */
export const apart = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, value, i) => {
    const difference = Math.abs(value - b[i]!);
    return Number.isNaN(difference) ? Number.NaN : Math.max(most, difference);
  }, 0);

/** ‖a‖², of several vectors as one. */
export const sumSquares64 = (...all: readonly ArrayLike<number>[]) =>
  all.reduce((sum, each) => sum + Array.from(each).reduce((part, x) => part + x * x, 0), 0);

/** Clips the gradient, then updates. */
function clipped(maximum: number, update: Update64): Update64 {
  return (parameters, step, loss, last) => {
    const norm = Math.sqrt(sumSquares64(...parameters.map(({ gradient }) => gradient)));
    for (const { gradient } of parameters)
      for (const [i, g] of gradient.entries()) gradient[i] = g * Math.min(1, maximum / (norm + 1e-6));
    update(parameters, step, loss, last);
  };
}

/** Weights by one update, biases by gradient descent. */
function grouped(update: Update64): Update64 {
  return (parameters, step, loss, last) => {
    update(
      parameters.filter(({ shape }) => shape.length === 2),
      step,
      loss,
      last,
    );
    for (const { theta, gradient } of parameters.filter(({ shape }) => shape.length === 1))
      for (const [i, g] of gradient.entries()) theta[i]! -= 0.05 * g;
  };
}

export interface CheckOptions {
  /** How far weights and losses may be from those in 64 bits; why stands where it is given. */
  readonly tolerance: number;
  readonly steps?: number;
  /** Only for matrices: the biases are given to gradient descent. */
  readonly matrices?: boolean;
  /** By how much the loss falls at least, as a share. Default: 0.1. */
  readonly falls?: number;
  /** The same with a learning rate of 0. */
  readonly still?: Transform;
}

/** Holds an optimizer against its formula, alone, behind a clip, in a group; and the bits against the threads. */
export function checkOptimizer(
  name: string,
  optimizer: Transform,
  update: () => Update64,
  { tolerance, steps = 60, matrices = false, falls = 0.1, still }: CheckOptions,
): void {
  const some = (each: Transform) =>
    parameterGroups({ weights: { parameters: "*.weight", optimizer: each } }, sgd({ learningRate: 0.05 }));
  const all = (each: Transform) => (matrices ? some(each) : each);
  const reckoned = (each: Update64) => (matrices ? grouped(each) : each);

  describe(name, () => {
    const result = run(all(optimizer), steps);
    const close = (got: { losses: number[]; theta: ArrayLike<number> }, wanted: typeof got) => {
      expect(apart(got.losses, wanted.losses)).toBeLessThan(tolerance);
      expect(apart(got.theta, wanted.theta)).toBeLessThan(tolerance);
    };
    test(`${steps} steps as the formula in 64 bits`, () => {
      close(result, reference(reckoned(update()), steps));
    });
    test("the loss falls", () => {
      const mean = (from: number) => result.losses.slice(from, from + 4).reduce((sum, x) => sum + x, 0);
      expect(mean(steps - 4)).toBeLessThan((1 - falls) * mean(0));
    });
    test("nothing is allocated after the first step", () => {
      expect(new Set(result.used).size).toBe(1);
    });
    test("behind a clip", () => {
      const both = chain(clipByGlobalNorm(0.1), all(optimizer));
      close(run(both, steps), reference(clipped(0.1, reckoned(update())), steps));
    });
    test("in a group beside another", () => {
      close(run(some(optimizer), steps), reference(grouped(update()), steps));
    });
    test("the same bits by one, two and three threads", async () => {
      const [one, ...more] = await Promise.all([1, 2, 3].map((count) => threaded(all(optimizer), count)));
      for (const each of more) expect(each).toEqual(one);
    });
    if (!still) return;
    test("a learning rate of 0 changes no bit", () => {
      const frozen = parameterGroups(
        { weights: { parameters: "*.weight", optimizer: still } },
        sgd({ learningRate: 0 }),
      );
      const before = weightsOf(regressor());
      expect(bits(run(matrices ? frozen : still, 5).theta)).toEqual(bits(before));
    });
  });
}
