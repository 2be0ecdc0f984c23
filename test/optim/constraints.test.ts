// Constraints behind the update, and the order of what changes parameters.
import { describe, expect, test } from "vitest";
import {
  chain,
  createTrainerSync,
  meanSquaredError,
  mul,
  OptionError,
  sgd,
  type Tensor,
  type Transform,
} from "#src/index";
import { clampWeights, l2, maxNorm, nonNegative, parameterGroups, unitNorm } from "#src/optim/index";
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

const cases: Case[] = [
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

test("a unit within maxNorm keeps its bits", () => {
  const inner = () => sgd({ learningRate: 0.05 });
  expect(bits(run(chain(inner(), maxNorm(1e6))).theta)).toEqual(bits(run(inner()).theta));
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
    ["nonNegative: parameters", () => run(chain(sgd(), nonNegative({ parameters: "conv.*" })), 1)],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted .* got/);
  });
});
