// What transforms are tested on: a least-squares problem whose loss, gradient and optimizers are also here in 64 bits.
import { expect, test } from "vitest";
import {
  adam,
  createEngineSync,
  createTrainer,
  createTrainerSync,
  dense,
  meanSquaredError,
  sequential,
  sgd,
  softmaxCrossEntropy,
  type Transform,
} from "#src/index";
import { engineOf } from "../support/engines.ts";
import { bits, classes, curve, setWeights, weightsOf } from "../train/setting.ts";

export const FEATURES = 5;
export const UNITS = 2;
const WEIGHTS = FEATURES * UNITS;
const BATCH = 8;
const STEPS = 30;

export const engine = createEngineSync({ numerics: "exact" });
export const batches = [...curve(BATCH * 4).batch(BATCH)];

/** y = xW + b. */
export const line = () => {
  const model = sequential({ input: [FEATURES] }, dense(UNITS));
  setWeights(model);
  return model;
};

/** Loss and gradient at θ, the weight and then the bias, for the batch of a step. */
export function slope(theta: Float64Array, step: number) {
  const { inputs, targets } = batches[(step - 1) % batches.length]!;
  const gradient = new Float64Array(theta.length);
  let loss = 0;
  for (let row = 0; row < BATCH; row++) {
    for (let unit = 0; unit < UNITS; unit++) {
      let error = theta[WEIGHTS + unit]! - targets![row * UNITS + unit]!;
      for (let k = 0; k < FEATURES; k++) error += inputs[row * FEATURES + k]! * theta[k * UNITS + unit]!;
      loss += error ** 2 / (BATCH * UNITS);
      const share = (2 * error) / (BATCH * UNITS);
      gradient[WEIGHTS + unit]! += share;
      for (let k = 0; k < FEATURES; k++) gradient[k * UNITS + unit]! += share * inputs[row * FEATURES + k]!;
    }
  }
  return { loss, gradient };
}

/** Changes θ in place by a gradient; `batch` is the number of the step that the batch is of. */
export type Rule = (theta: Float64Array, gradient: Float64Array, step: number, batch: number) => void;

const momentumRule = (): Rule => {
  const v = new Float64Array(WEIGHTS + UNITS);
  return (theta, gradient) => {
    for (let i = 0; i < theta.length; i++) {
      v[i] = 0.9 * v[i]! + gradient[i]!;
      theta[i]! -= 0.02 * v[i]!;
    }
  };
};

const adamRule = (): Rule => {
  const [m, v] = [new Float64Array(WEIGHTS + UNITS), new Float64Array(WEIGHTS + UNITS)];
  return (theta, gradient, t) => {
    for (let i = 0; i < theta.length; i++) {
      m[i] = 0.9 * m[i]! + 0.1 * gradient[i]!;
      v[i] = 0.999 * v[i]! + 0.001 * gradient[i]! ** 2;
      theta[i]! -= (0.02 * m[i]!) / (1 - 0.9 ** t) / (Math.sqrt(v[i]! / (1 - 0.999 ** t)) + 1e-8);
    }
  };
};

/** The optimizers that transforms stand before, behind and around. */
export const inners: [string, () => Transform, () => Rule][] = [
  ["sgd", () => sgd({ learningRate: 0.02, momentum: 0.9 }), momentumRule],
  ["adam", () => adam({ learningRate: 0.02 }), adamRule],
];

/** A transform around an optimizer, and the same in 64 bits. */
export type Case = [string, (inner: Transform) => Transform, (inner: Rule) => Rule];

// 30 steps of a few roundings of 6e-8 each, of weights below 1. Adam divides by a root, so that a small gradient's
// relative error is the step's: 1e-5 of 30 steps of 0.02 at most.
const TOLERANCE = 1e-5;

export function expectClose(got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++)
    expect(Math.abs(got[i]! - wanted[i]!), `element ${i}: ${got[i]}, wanted ${wanted[i]}`).toBeLessThan(
      TOLERANCE,
    );
}

/** The weights after some steps in 64 bits. */
function reference(rule: Rule, steps = STEPS): Float64Array {
  const theta = Float64Array.from(weightsOf(line()));
  for (let step = 1; step <= steps; step++) rule(theta, slope(theta, step).gradient, step, step);
  return theta;
}

/** The weights after some steps, and the engine's memory after each. */
export function run(optimizer: Transform, steps = STEPS) {
  const model = line();
  const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine });
  const used: number[] = [];
  for (let step = 0; step < steps; step++) {
    trainer.stepSync(batches[step % batches.length]!);
    used.push(engine.memoryUsed);
  }
  trainer.close();
  return { theta: weightsOf(model), used };
}

async function bitsOnThreads(optimizer: Transform, threads: number): Promise<Int32Array> {
  const model = sequential({ input: [20] }, dense(70, { activation: "tanh" }), dense(37), dense(4));
  setWeights(model);
  const trainer = await createTrainer(model, {
    loss: softmaxCrossEntropy,
    optimizer,
    engine: await engineOf(threads),
  });
  for (const batch of [...classes(52, 20).batch(13)]) await trainer.step(batch);
  trainer.close();
  return bits(weightsOf(model));
}

/** Tests a transform with each optimizer: numbers, memory, threads. */
export function checkTransform([name, around, rule]: Case): void {
  for (const [inner, make, makeRule] of inners) {
    test(`${name}, ${inner}: as the formula in 64 bits, without new memory after the second step`, () => {
      const { theta, used } = run(around(make()));
      expectClose(theta, reference(rule(makeRule())));
      expect(new Set(used.slice(1)).size).toBe(1);
    });
    test(`${name}, ${inner}: the same bits on 1, 2 and 3 threads`, async () => {
      const one = await bitsOnThreads(around(make()), 1);
      for (const threads of [2, 3]) expect(await bitsOnThreads(around(make()), threads)).toEqual(one);
    });
  }
}

/** Euclidean length. */
export const length = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));

/** Indices of each unit of the weight: a column. */
export const columns = Array.from({ length: UNITS }, (_, unit) =>
  Array.from({ length: FEATURES }, (_, k) => k * UNITS + unit),
);
export const weightIndices = Array.from({ length: WEIGHTS }, (_, i) => i);
export const biasIndices = Array.from({ length: UNITS }, (_, unit) => WEIGHTS + unit);
