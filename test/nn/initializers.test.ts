// Initial weights: their distributions by their moments, their seeds, and that they are the same everywhere.
import { describe, expect, test } from "vitest";
import {
  constant,
  createEngineSync,
  dense,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  lecunNormal,
  lecunUniform,
  normal,
  ones,
  orthogonal,
  sequential,
  truncatedNormal,
  uniform,
  zeros,
} from "#src/index";
import { bits, weightsOf } from "../train/setting.ts";

const engine = createEngineSync({ numerics: "exact" });
const IN = 200;
const OUT = 300;

function draw(
  initializer: Initializer,
  shape: readonly [number, number] = [IN, OUT],
  seed = 1,
): Float32Array {
  const model = sequential({ input: [shape[0]] }, dense(shape[1], { initializer, bias: false }));
  model.initializeSync({ engine, seed });
  return model.parameters().get("dense.weight")!.values;
}

function moments(values: Float32Array) {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const central = (power: number) => values.reduce((sum, x) => sum + (x - mean) ** power, 0) / values.length;
  return { mean, variance: central(2), kurtosis: central(4) / central(2) ** 2 };
}

/** Fourth moment over the squared second: of an even distribution, a normal one, and one cut off at two deviations. */
const KURTOSIS = { even: 1.8, normal: 3, truncated: 2.37 };
const truncatedShrink = 0.7737;

describe.each<[string, Initializer, number, number, keyof typeof KURTOSIS, number]>([
  ["uniform", uniform(), 0, 0.05 ** 2 / 3, "even", 0.05],
  ["uniform(-1, 3)", uniform(-1, 3), 1, 16 / 12, "even", 3],
  ["normal", normal(), 0, 0.05 ** 2, "normal", Number.POSITIVE_INFINITY],
  ["normal(2, 0.5)", normal(2, 0.5), 2, 0.25, "normal", Number.POSITIVE_INFINITY],
  ["truncatedNormal(0, 1)", truncatedNormal(0, 1), 0, truncatedShrink, "truncated", 2],
  ["glorotUniform", glorotUniform, 0, 2 / (IN + OUT), "even", Math.sqrt(6 / (IN + OUT))],
  ["glorotNormal", glorotNormal, 0, 2 / (IN + OUT), "normal", Number.POSITIVE_INFINITY],
  ["heUniform", heUniform, 0, 2 / IN, "even", Math.sqrt(6 / IN)],
  ["heNormal", heNormal, 0, 2 / IN, "normal", Number.POSITIVE_INFINITY],
  ["lecunUniform", lecunUniform, 0, 1 / IN, "even", Math.sqrt(3 / IN)],
  ["lecunNormal", lecunNormal, 0, 1 / IN, "normal", Number.POSITIVE_INFINITY],
])("%s", (_, initializer, mean, variance, shape, limit) => {
  const values = draw(initializer);
  const found = moments(values);
  // 60,000 draws of a fixed seed; tolerances of five deviations of each estimate.
  test("mean", () => {
    expect(Math.abs(found.mean - mean)).toBeLessThan(5 * Math.sqrt(variance / values.length));
  });
  test("variance", () => {
    expect(Math.abs(found.variance / variance - 1)).toBeLessThan(
      5 * Math.sqrt((KURTOSIS[shape] - 1) / values.length),
    );
  });
  test("shape", () => {
    expect(Math.abs(found.kurtosis - KURTOSIS[shape])).toBeLessThan(0.12);
    // Rounded to 32 bits, a limit may be passed by half a unit in the last place.
    const most = values.reduce((most, x) => Math.max(most, x), Number.NEGATIVE_INFINITY);
    expect(most).toBeLessThanOrEqual(limit * (1 + 1e-7));
    if (Number.isFinite(limit))
      expect(most).toBeGreaterThan(limit - 0.01 * Math.sqrt(variance) - 0.02 * Math.abs(limit - mean));
  });
  test("neighbours know nothing of each other", () => {
    const along = values.reduce((sum, x, i) => sum + (i > 0 ? (x - mean) * (values[i - 1]! - mean) : 0), 0);
    const across = values.reduce(
      (sum, x, i) => sum + (i >= OUT ? (x - mean) * (values[i - OUT]! - mean) : 0),
      0,
    );
    for (const sum of [along, across])
      expect(Math.abs(sum / (values.length * variance))).toBeLessThan(5 / Math.sqrt(values.length));
  });
});

test("constants", () => {
  expect(new Set(draw(zeros))).toEqual(new Set([0]));
  expect(new Set(draw(ones))).toEqual(new Set([1]));
  expect(new Set(draw(constant(0.25)))).toEqual(new Set([0.25]));
});

test.each([
  [[40, 40], 1],
  [[24, 60], 1],
  [[60, 24], 1],
  [[17, 33], Math.SQRT2],
  [[1, 9], 1],
  [[9, 1], 1],
] as const)(
  "orthogonal %o: the rows or columns, whichever are fewer, are orthonormal times %d",
  ([rows, columns], gain) => {
    const values = draw(orthogonal(gain), [rows, columns]);
    const short = Math.min(rows, columns);
    const at = (i: number, k: number) => values[rows <= columns ? i * columns + k : k * columns + i]!;
    for (let i = 0; i < short; i++) {
      for (let j = 0; j <= i; j++) {
        let dot = 0;
        for (let k = 0; k < Math.max(rows, columns); k++) dot += at(i, k) * at(j, k);
        expect(Math.abs(dot - (i === j ? gain ** 2 : 0))).toBeLessThan(1e-5);
      }
    }
  },
);

describe("seeds", () => {
  const model = () => sequential({ input: [20] }, dense(20), dense(20));
  const initial = (seed: number) => {
    const one = model();
    one.initializeSync({ engine, seed });
    return one;
  };
  test("the same again, others from another", () => {
    expect(bits(weightsOf(initial(3)))).toEqual(bits(weightsOf(initial(3))));
    expect(bits(weightsOf(initial(4)))).not.toEqual(bits(weightsOf(initial(3))));
  });
  test("each parameter has numbers of its own; biases begin at zero", () => {
    const parameters = initial(3).parameters();
    const [one, two] = [parameters.get("dense.weight")!.values, parameters.get("dense_1.weight")!.values];
    expect(one.filter((value, i) => value === two[i]).length).toBeLessThan(3);
    expect(new Set(parameters.get("dense.bias")!.values)).toEqual(new Set([0]));
  });
  test("the plain and the relaxed instructions draw almost the same", () => {
    const one = model();
    one.initializeSync({ engine: createEngineSync({ numerics: "fast" }), seed: 3 });
    const exact = weightsOf(initial(3));
    for (const [i, value] of weightsOf(one).entries()) expect(Math.abs(value - exact[i]!)).toBeLessThan(1e-6);
  });
  test("dense begins from He's before rectifiers, else from Glorot's", () => {
    const spreadOf = (activation?: "relu" | "tanh") => {
      const one = sequential({ input: [IN] }, dense(OUT, activation ? { activation } : {}));
      one.initializeSync({ engine, seed: 1 });
      return moments(one.parameters().get("dense.weight")!.values).variance;
    };
    expect(spreadOf("relu")).toBeCloseTo(2 / IN, 3);
    expect(spreadOf("tanh")).toBeCloseTo(2 / (IN + OUT), 3);
    expect(spreadOf()).toBeCloseTo(2 / (IN + OUT), 3);
  });
});
