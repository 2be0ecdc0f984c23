// Constraints behind the update, and the order of what changes parameters.
import { describe, expect, test } from "vitest";
import {
  chain,
  createTrainerSync,
  dense,
  meanSquaredError,
  mul,
  OptionError,
  sequential,
  sgd,
  type Tensor,
  type Transform,
} from "#src/index";
import {
  clampWeights,
  l1Ball,
  l2,
  l2Ball,
  maxNorm,
  nonNegative,
  parameterGroups,
  simplex,
  unitNorm,
} from "#src/optim/index";
import { bits } from "../train/setting.ts";
import {
  batches,
  biasIndices,
  type Case,
  checkTransform,
  columns,
  engine,
  FEATURES,
  length,
  line,
  type Rule,
  run,
  UNITS,
  weightIndices,
} from "./least-squares.ts";

const behind =
  (...transforms: Transform[]) =>
  (inner: Transform) =>
    chain(inner, ...transforms);
/** A rule, and then something done to θ. */
const then =
  (change: (theta: Float64Array) => void) =>
  (inner: Rule): Rule =>
  (theta, gradient, step, batch) => {
    inner(theta, gradient, step, batch);
    change(theta);
  };
const clampTo = (theta: Float64Array, indices: readonly number[], low: number, high: number) => {
  for (const i of indices) theta[i] = Math.min(Math.max(theta[i]!, low), high);
};
const scaleTo = (
  theta: Float64Array,
  units: readonly (readonly number[])[],
  to: (size: number) => number,
) => {
  for (const unit of units) {
    const size = length(unit.map((i) => theta[i]!));
    for (const i of unit) theta[i]! *= to(size) / (size + 1e-7);
  }
};
const rows = Array.from({ length: FEATURES }, (_, k) =>
  Array.from({ length: UNITS }, (_, unit) => k * UNITS + unit),
);

/** The nearest point of the simplex, by sorting: Duchi et al. 2008, figure 1. */
function onSimplex(given: readonly number[], total: number): number[] {
  // Moving all alike moves nothing.
  const most = Math.max(...given);
  const x = given.map((value) => value - most);
  const falling = [...x].sort((a, b) => b - a);
  let sum = 0;
  let off = 0;
  for (const [k, value] of falling.entries()) {
    sum += value;
    if (value - (sum - total) / (k + 1) > 0) off = (sum - total) / (k + 1);
  }
  return x.map((value) => Math.max(value - off, 0));
}
const onL1Ball = (x: readonly number[], radius: number): number[] => {
  const sizes = x.map(Math.abs);
  if (sizes.reduce((sum, size) => sum + size, 0) <= radius) return [...x];
  return onSimplex(sizes, radius).map((size, i) => Math.sign(x[i]!) * size);
};
const onUnits =
  (units: readonly (readonly number[])[], project: (x: readonly number[]) => readonly number[]) =>
  (theta: Float64Array) => {
    for (const unit of units) {
      const moved = project(unit.map((i) => theta[i]!));
      for (const [k, i] of unit.entries()) theta[i] = moved[k]!;
    }
  };
const onL2Ball = (radius: number) => (x: readonly number[]) => {
  const size = length(x);
  return size > radius ? x.map((value) => (value * radius) / size) : x;
};

const cases: Case[] = [
  ["l2Ball", behind(l2Ball(0.3)), then(onUnits(columns, onL2Ball(0.3)))],
  [
    "l2Ball of a parameter",
    behind(l2Ball(0.5, { axes: [0, 1] })),
    then(onUnits([weightIndices], onL2Ball(0.5))),
  ],
  ["simplex", behind(simplex()), then(onUnits(columns, (x) => onSimplex(x, 1)))],
  [
    "simplex of another total, along the outputs",
    behind(simplex({ total: 0.4, axes: -1 })),
    then(onUnits(rows, (x) => onSimplex(x, 0.4))),
  ],
  ["l1Ball", behind(l1Ball(0.4)), then(onUnits(columns, (x) => onL1Ball(x, 0.4)))],
  [
    "l1Ball of a parameter",
    behind(l1Ball(1, { axes: [0, 1] })),
    then(onUnits([weightIndices], (x) => onL1Ball(x, 1))),
  ],
  [
    "clampWeights",
    behind(clampWeights(-0.2, 0.25)),
    then((theta) => clampTo(theta, weightIndices, -0.2, 0.25)),
  ],
  [
    "clampWeights of the biases",
    behind(clampWeights(0, 0.05, { parameters: "*.bias" })),
    then((theta) => clampTo(theta, biasIndices, 0, 0.05)),
  ],
  ["nonNegative", behind(nonNegative()), then((theta) => clampTo(theta, weightIndices, 0, 1e9))],
  ["maxNorm", behind(maxNorm(0.3)), then((theta) => scaleTo(theta, columns, (size) => Math.min(size, 0.3)))],
  [
    "maxNorm along the outputs",
    behind(maxNorm(0.3, { axes: 1 })),
    then((theta) => scaleTo(theta, rows, (size) => Math.min(size, 0.3))),
  ],
  ["unitNorm", behind(unitNorm()), then((theta) => scaleTo(theta, columns, () => 1))],
  [
    "unitNorm of everything",
    behind(unitNorm({ axes: [], parameters: "*.bias" }), unitNorm({ axes: [0, 1] })),
    then((theta) => {
      for (const i of biasIndices) theta[i]! /= Math.abs(theta[i]!) + 1e-7;
      scaleTo(theta, [weightIndices], () => 1);
    }),
  ],
  [
    "two constraints, in their order",
    behind(unitNorm(), nonNegative()),
    then((theta) => {
      scaleTo(theta, columns, () => 1);
      clampTo(theta, weightIndices, 0, 1e9);
    }),
  ],
  [
    "two constraints, in the other order",
    behind(nonNegative(), unitNorm()),
    then((theta) => {
      clampTo(theta, weightIndices, 0, 1e9);
      scaleTo(theta, columns, () => 1);
    }),
  ],
  [
    "a constraint before the update",
    (inner) => chain(clampWeights(-0.2, 0.25), inner),
    (inner) => (theta, gradient, step, batch) => {
      clampTo(theta, weightIndices, -0.2, 0.25);
      inner(theta, gradient, step, batch);
    },
  ],
  [
    "a penalty between a constraint and the update reads what the constraint has left",
    (inner) => chain(clampWeights(-0.2, 0.25), l2(0.5), inner),
    (inner) => (theta, gradient, step, batch) => {
      clampTo(theta, weightIndices, -0.2, 0.25);
      const own = gradient.map((g, i) => (i < weightIndices.length ? g + 0.5 * theta[i]! : g));
      inner(theta, own, step, batch);
    },
  ],
];

for (const each of cases) checkTransform(each);

test.each([
  ["maxNorm", maxNorm(1e6)],
  ["l2Ball", l2Ball(1e6)],
  ["l1Ball", l1Ball(1e6)],
])("a unit within %s keeps its bits", (_, constraint) => {
  const inner = () => sgd({ learningRate: 0.05 });
  expect(bits(run(chain(inner(), constraint)).theta)).toEqual(bits(run(inner()).theta));
});

// What Newton's method has to search longest, numbers over the whole range of floats, and ties.
const vectors: [string, number[]][] = [
  ["falling by halves", Array.from({ length: 40 }, (_, k) => 1 - 2 ** (k - 39))],
  ["falling by parts of 64", Array.from({ length: 1000 }, (_, k) => -(1.02 ** (k - 700)))],
  ["a line", Array.from({ length: 999 }, (_, k) => k / 500)],
  ["all alike", new Array<number>(100).fill(7)],
  ["far from 0", Array.from({ length: 64 }, (_, k) => 1000 + k / 128)],
  ["from the least to the largest", [1e-38, 1e-20, -1e30, 1, 1e5, -1, 1e30]],
  ["one", [-3]],
];
test.each(vectors)("the simplex is met to the last digits: %s", (_, given) => {
  const x = Float32Array.from(given);
  const model = sequential({ input: [1] }, dense(x.length));
  const optimizer = chain(sgd({ learningRate: 0 }), simplex({ axes: -1, parameters: "*.weight" }));
  const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine });
  const values = new Map([
    ["dense.weight", { shape: [1, x.length], values: x }],
    ["dense.bias", { shape: [x.length], values: new Float32Array(x.length) }],
  ]);
  model.setParameters(values);
  // Without an input the loss says nothing of the weights.
  trainer.stepSync({
    inputs: new Float32Array(1),
    targets: new Float32Array(x.length),
    labels: undefined,
    size: 1,
  });
  const got = model.parameters().get("dense.weight")!.values;
  const want = onSimplex([...x], 1);
  const largest = Math.max(...want);
  for (const [i, value] of want.entries())
    expect(Math.abs(got[i]! - value), `element ${i}: ${got[i]}, wanted ${value}`).toBeLessThanOrEqual(
      2 ** -22 * largest,
    );
  expect(got.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
  trainer.close();
});

test("a constraint in a group holds for the group", () => {
  const optimizer = parameterGroups(
    { biases: { parameters: "*.bias", optimizer: chain(sgd(), clampWeights(0, 0.01, { parameters: "*" })) } },
    sgd(),
  );
  const { theta } = run(optimizer);
  expect(biasIndices.every((i) => theta[i]! >= 0 && theta[i]! <= Math.fround(0.01))).toBe(true);
  expect(weightIndices.some((i) => theta[i]! < 0)).toBe(true);
});

describe("order", () => {
  const custom = (apply: Transform["apply"]): Transform => ({
    name: "custom",
    hyperWords: 0,
    hyper: () => [],
    apply,
  });
  const stepWith = (optimizer: Transform) => {
    const trainer = createTrainerSync(line(), { loss: meanSquaredError, optimizer, engine });
    trainer.stepSync(batches[0]!);
  };
  test("a tensor that was asked for before the update must not be read behind it", () => {
    let old: Tensor | undefined;
    const ask = custom(({ parameters }) => {
      old = parameters[0]!.tensor;
    });
    const read = custom(({ parameters, change }) =>
      change(parameters[1]!, mul(parameters[1]!.tensor, mul(old!, 0))),
    );
    const again = custom(({ parameters, change }) => {
      const [first] = parameters;
      change(first!, mul(old!, 2));
    });
    expect(() => stepWith(chain(ask, sgd(), again))).toThrow(
      "mul reads a tensor that has been changed before it",
    );
    expect(() => stepWith(chain(ask, again, sgd()))).not.toThrow();
    expect(() => stepWith(chain(ask, sgd(), read))).toThrow();
  });
  test("a value of another size is refused", () => {
    const wrong = custom(({ parameters, change }) => change(parameters[0]!, parameters[1]!.tensor));
    expect(() => stepWith(chain(sgd(), wrong))).toThrow("update: got 2 elements, wanted 10");
  });
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["clampWeights", () => clampWeights(1, 0)],
    ["clampWeights", () => clampWeights(Number.NaN, 0)],
    ["maxNorm: limit", () => maxNorm(0)],
    ["l2Ball: radius", () => l2Ball(-1)],
    ["l1Ball: radius", () => l1Ball(Number.POSITIVE_INFINITY)],
    ["simplex: total", () => simplex({ total: 0 })],
    ["nonNegative: parameters", () => run(chain(sgd(), nonNegative({ parameters: "conv.*" })), 1)],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted .* got/);
  });
});
