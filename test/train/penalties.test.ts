// What is added to the loss: by layers that penalize their activity, and by losses that take gradients of gradients.
// Against the same network in 64 bits, whose gradient is taken by differences.
import { afterAll, describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import {
  add,
  createEngineSync,
  createTrainerSync,
  defineLayer,
  dense,
  evaluate,
  gradients,
  type Layer,
  type Loss,
  meanSquaredError,
  mul,
  sequential,
  sgd,
  sum,
  sumSquares,
  type Transform,
  train,
} from "#src/index";
import { type ActivityPenaltyOptions, activityPenalty } from "#src/nn/activity-penalty";
import { sam } from "#src/optim/index";
import { bits, curve, setWeights, weightsOf } from "./setting.ts";

const engine = createEngineSync({ numerics: "exact" });
afterAll(() => engine.close());

const [FEATURES, UNITS, OUTPUTS, BATCH] = [3, 4, 2, 6];
const RATE = 0.1;
const data = curve(24, FEATURES);
const batches = [...data.batch(BATCH)];

function network(...between: Layer[]) {
  const model = sequential(
    { input: [FEATURES] },
    dense(UNITS, { activation: "tanh" }),
    ...between,
    dense(OUTPUTS),
  );
  setWeights(model);
  return model;
}

/** One example's way through the network in 64 bits: the hidden layer, and the output less the target. */
function forward(theta: Float64Array, batch: number, row: number) {
  const { inputs, targets } = batches[batch]!;
  const [bias, weight2] = [FEATURES * UNITS, FEATURES * UNITS + UNITS];
  const bias2 = weight2 + UNITS * OUTPUTS;
  const hidden = Array.from({ length: UNITS }, (_, j) => {
    let z = theta[bias + j]!;
    for (let i = 0; i < FEATURES; i++) z += inputs[row * FEATURES + i]! * theta[i * UNITS + j]!;
    return Math.tanh(z);
  });
  const errors = Array.from({ length: OUTPUTS }, (_, k) => {
    let y = theta[bias2 + k]!;
    for (let j = 0; j < UNITS; j++) y += hidden[j]! * theta[weight2 + j * OUTPUTS + k]!;
    return y - targets![row * OUTPUTS + k]!;
  });
  return { hidden, errors, weight2 };
}

/** What is trained on, in 64 bits. */
type Objective = (theta: Float64Array, batch: number) => number;
const rows = [...Array(BATCH).keys()];
const over = (each: (row: number) => number) => rows.reduce((total, row) => total + each(row), 0);

const squaredError: Objective = (theta, batch) =>
  over((row) => forward(theta, batch, row).errors.reduce((total, e) => total + e * e, 0)) / (BATCH * OUTPUTS);

const withActivity =
  ({ l1 = 0, l2 = 0 }: ActivityPenaltyOptions, times = 1): Objective =>
  (theta, batch) =>
    squaredError(theta, batch) +
    (times / BATCH) *
      over((row) =>
        forward(theta, batch, row).hidden.reduce((total, h) => total + l1 * Math.abs(h) + l2 * h * h, 0),
      );

/** λ Σ (∂ squaredError / ∂ input)², the inner gradient by hand. */
const withGradient =
  (lambda: number): Objective =>
  (theta, batch) =>
    squaredError(theta, batch) +
    lambda *
      over((row) => {
        const { hidden, errors, weight2 } = forward(theta, batch, row);
        let total = 0;
        for (let i = 0; i < FEATURES; i++) {
          let slope = 0;
          for (const [j, h] of hidden.entries())
            for (const [k, e] of errors.entries())
              slope +=
                ((2 * e) / (BATCH * OUTPUTS)) *
                theta[weight2 + j * OUTPUTS + k]! *
                (1 - h * h) *
                theta[i * UNITS + j]!;
          total += slope * slope;
        }
        return total;
      });

/** By differences of 64-bit numbers: within 1e-9. */
function slope(objective: Objective, theta: Float64Array, batch: number): Float64Array {
  const step = 1e-5;
  return theta.map((_, i) => {
    const [above, below] = [step, -step].map((d) => {
      const moved = theta.slice();
      moved[i]! += d;
      return objective(moved, batch);
    });
    return (above! - below!) / (2 * step);
  });
}

type Rule = (objective: Objective, theta: Float64Array, batch: number) => Float64Array;
const descent: Rule = slope;
const RADIUS = 0.2;
const sharpnessAware: Rule = (objective, theta, batch) => {
  const gradient = slope(objective, theta, batch);
  const norm = Math.hypot(...gradient);
  return slope(
    objective,
    theta.map((value, i) => value + (RADIUS * gradient[i]!) / norm),
    batch,
  );
};

const penalty = (options: ActivityPenaltyOptions) => [activityPenalty(options)];
const twice = activityPenalty({ l2: 0.3 });
const gradientPenalty =
  (lambda: number): Loss =>
  (output, target) => {
    const loss = meanSquaredError(output, target);
    const [slopes] = gradients(loss, [output.graph.inputs.get("input")!]);
    return add(loss, mul(sumSquares(slopes!), lambda));
  };

const cases: [string, Layer[], Loss, Objective][] = [
  ["l1", penalty({ l1: 0.5 }), meanSquaredError, withActivity({ l1: 0.5 })],
  ["l2", penalty({ l2: 0.25 }), meanSquaredError, withActivity({ l2: 0.25 })],
  ["both", penalty({ l1: 0.1, l2: 0.2 }), meanSquaredError, withActivity({ l1: 0.1, l2: 0.2 })],
  ["weights of 0", penalty({}), meanSquaredError, squaredError],
  ["a layer applied twice", [twice, twice], meanSquaredError, withActivity({ l2: 0.3 }, 2)],
  [
    "a layer of one's own",
    [
      defineLayer("own", (x) => {
        x.graph.penalize(mul(sumSquares(x), 0.5 / BATCH));
        return x;
      }),
    ],
    meanSquaredError,
    withActivity({ l2: 0.5 }),
  ],
  ["the gradient by the input", [], gradientPenalty(2), withGradient(2)],
];
const optimizers: [string, () => Transform, Rule][] = [
  ["sgd", () => sgd({ learningRate: RATE }), descent],
  ["sam", () => sam(sgd({ learningRate: RATE }), { radius: RADIUS }), sharpnessAware],
];

describe.each(optimizers)("with %s", (_, optimizer, rule) => {
  test.each(cases)(
    "a penalty on %s is trained on and reported, as in 64 bits",
    (_name, between, loss, objective) => {
      const model = network(...between);
      const theta = Float64Array.from(weightsOf(model));
      const trainer = createTrainerSync(model, { loss, optimizer: optimizer(), engine });
      for (const [batch, each] of batches.entries()) {
        const { loss: got } = trainer.stepSync(each);
        // Some tens of roundings of 6e-8 of numbers about 1.
        expect(Math.abs(got - objective(theta, batch))).toBeLessThan(2e-6);
        for (const [i, g] of rule(objective, theta, batch).entries()) theta[i]! -= RATE * g;
      }
      trainer.close();
      for (const [i, got] of weightsOf(model).entries()) expect(Math.abs(got - theta[i]!)).toBeLessThan(2e-6);
    },
  );
});

test("measuring and prediction know nothing of a layer's penalty", async () => {
  const [plain, penalized] = [network(), network(activityPenalty({ l2: 100 }))];
  const setting = { loss: meanSquaredError, engine };
  const want = await evaluate(plain, data, setting);
  expect(await evaluate(penalized, data, setting)).toEqual(want);
  const { values } = data.inputs;
  const inputs = Float32Array.from(values);
  expect(bits(penalized.predictSync(inputs, { engine }))).toEqual(
    bits(plain.predictSync(inputs, { engine })),
  );
  const run = await train(penalized, {
    ...setting,
    data,
    validation: data,
    optimizer: sgd({ learningRate: 0 }),
    batchSize: 8,
  });
  const [record] = run.history;
  expect(record!.validation!.loss).toBeCloseTo(want.loss, 6);
  expect(record!.loss).toBeGreaterThan(want.loss + 1);
});

test("a penalty is noted where it is said, anew each time that a graph is traced", () => {
  const graph = new Graph("train");
  const x = graph.input("x", [2, 3]);
  const layer = activityPenalty({ l1: 1 });
  expect(layer(x)).toBe(x);
  const before = graph.penalties;
  expect(before.length).toBe(1);
  const inside = graph.again(new Map<string, Tensor>(), () => {
    layer(x);
    layer(x);
    return graph.penalties;
  });
  expect(inside.length).toBe(2);
  expect(inside).not.toContain(before[0]);
  expect(graph.penalties).toBe(before);
  const prediction = new Graph("predict");
  layer(prediction.input("x", [2, 3]));
  expect(prediction.penalties).toEqual([]);
});

test("what does not fit is refused", () => {
  const graph = new Graph();
  expect(() => graph.penalize(graph.input("x", [2, 3]))).toThrow(
    new ShapeError("penalize: wanted a scalar, got shape [2, 3]"),
  );
  expect(() => graph.penalize(sum(graph.input("y", [2])))).not.toThrow();
  for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => activityPenalty({ l1: bad })).toThrow(
      new OptionError(`activityPenalty: l1: wanted a finite number ≥ 0, got ${bad}`),
    );
    expect(() => activityPenalty({ l2: bad })).toThrow(
      new OptionError(`activityPenalty: l2: wanted a finite number ≥ 0, got ${bad}`),
    );
  }
});
