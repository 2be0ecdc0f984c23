// Transforms of the gradient: clipping, penalties, decay, centralization, noise, scale, and gradients that are not finite.
import { describe, expect, test } from "vitest";
import {
  add,
  chain,
  createTrainerSync,
  dense,
  meanSquaredError,
  mul,
  norm,
  OptionError,
  sequential,
  sgd,
  sub,
  type Tensor,
  type Transform,
} from "#src/index";
import {
  accumulate,
  adam,
  adaptiveClip,
  addGradientNoise,
  centralizeGradients,
  clipByNorm,
  clipByValue,
  decoupledDecay,
  elasticNet,
  l1,
  l2,
  parameterGroups,
  scaleGradient,
  skipNonFinite,
} from "#src/optim/index";
import { bits, setWeights, weightsOf } from "../train/setting.ts";
import {
  batches,
  biasIndices,
  type Case,
  checkTransform,
  columns,
  engine,
  expectClose,
  inners,
  length,
  line,
  type Rule,
  run,
  slope,
  weightIndices,
} from "./least-squares.ts";

/** A rule by a changed gradient. */
const by =
  (change: (gradient: Float64Array, theta: Float64Array, step: number) => void) =>
  (inner: Rule): Rule =>
  (theta, gradient, step, batch) => {
    const own = gradient.slice();
    change(own, theta, step);
    inner(theta, own, step, batch);
  };
const before =
  (...transforms: Transform[]) =>
  (inner: Transform) =>
    chain(...transforms, inner);
const shrink = (gradient: Float64Array, indices: readonly number[], scale: number) => {
  for (const i of indices) gradient[i]! *= scale;
};
const at = (values: Float64Array, indices: readonly number[]) => indices.map((i) => values[i]!);
const falling = (step: number) => 0.1 / step;

const cases: Case[] = [
  [
    "clipByValue",
    before(clipByValue(0.05)),
    by((g) => {
      for (const [i, value] of g.entries()) g[i] = Math.min(Math.max(value, -0.05), 0.05);
    }),
  ],
  [
    "clipByNorm",
    before(clipByNorm(0.1)),
    by((g) => {
      for (const indices of [weightIndices, biasIndices])
        shrink(g, indices, Math.min(1, 0.1 / (length(at(g, indices)) + 1e-6)));
    }),
  ],
  [
    "adaptiveClip",
    before(adaptiveClip({ clipping: 0.1 })),
    by((g, theta) => {
      for (const unit of [...columns, biasIndices]) {
        const most = 0.1 * Math.max(length(at(theta, unit)), 1e-3);
        const size = length(at(g, unit));
        if (size >= most) shrink(g, unit, most / Math.max(size, 1e-6));
      }
    }),
  ],
  [
    "l2",
    before(l2(0.1)),
    by((g, theta) => {
      for (const i of weightIndices) g[i]! += 0.1 * theta[i]!;
    }),
  ],
  [
    "l2 of all parameters, schedule",
    before(l2(falling, { parameters: "*" })),
    by((g, theta, step) => {
      for (const [i, value] of theta.entries()) g[i]! += falling(step) * value;
    }),
  ],
  [
    "l1",
    before(l1(0.01)),
    by((g, theta) => {
      for (const i of weightIndices) g[i]! += 0.01 * Math.sign(theta[i]!);
    }),
  ],
  [
    "elasticNet of the biases",
    before(elasticNet({ l1: 0.01, l2: falling, parameters: /bias$/ })),
    by((g, theta, step) => {
      for (const i of biasIndices) g[i]! += 0.01 * Math.sign(theta[i]!) + falling(step) * theta[i]!;
    }),
  ],
  [
    "decoupledDecay before",
    before(decoupledDecay({ rate: 0.03 })),
    (inner) => (theta, gradient, step, batch) => {
      for (const i of weightIndices) theta[i]! *= 1 - 0.03;
      inner(theta, gradient, step, batch);
    },
  ],
  [
    "decoupledDecay behind, schedule",
    (inner) => chain(inner, decoupledDecay({ rate: falling, parameters: "*" })),
    (inner) => (theta, gradient, step, batch) => {
      inner(theta, gradient, step, batch);
      for (const i of theta.keys()) theta[i]! *= 1 - falling(step);
    },
  ],
  [
    "centralizeGradients",
    before(centralizeGradients()),
    by((g) => {
      for (const unit of columns) {
        const mean = at(g, unit).reduce((sum, value) => sum + value, 0) / unit.length;
        for (const i of unit) g[i]! -= mean;
      }
    }),
  ],
  [
    "scaleGradient, schedule",
    before(scaleGradient(falling)),
    by((g, _, step) => {
      for (const i of g.keys()) g[i]! *= falling(step);
    }),
  ],
  ["skipNonFinite where all is finite", before(skipNonFinite()), (inner) => inner],
];

for (const each of cases) checkTransform(each);

test("a unit that adaptiveClip need not clip keeps its bits", () => {
  const plain = run(sgd({ learningRate: 0.05 }));
  const loose = run(chain(adaptiveClip({ clipping: 1e6 }), sgd({ learningRate: 0.05 })));
  expect(bits(loose.theta)).toEqual(bits(plain.theta));
});

describe("addGradientNoise", () => {
  const wide = () => {
    const model = sequential({ input: [300] }, dense(40));
    setWeights(model);
    return model;
  };
  const batch = { inputs: new Float32Array(600), targets: new Float32Array(80), labels: undefined, size: 2 };
  /** The noise of each of two steps. Gradients of the weights are 0, since the inputs are. */
  function noise(options: Parameters<typeof addGradientNoise>[0], seed = 0) {
    const model = wide();
    const optimizer = chain(addGradientNoise(options), sgd({ learningRate: 1 }));
    const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine, seed });
    return [0, 1].map(() => {
      const old = model.parameters().get("dense.weight")!.values;
      trainer.stepSync(batch);
      const { values } = model.parameters().get("dense.weight")!;
      return values.map((value, i) => old[i]! - value);
    });
  }
  test("has mean 0 and variance η / tᵞ", () => {
    for (const [index, values] of noise({ eta: 0.5, gamma: 2 }).entries()) {
      const variance = 0.5 / (index + 1) ** 2;
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      // 12000 draws: the mean's deviation is 0.009 of the noise's, the variance's 0.013 of itself; five of each.
      expect(Math.abs(mean)).toBeLessThan(0.046 * Math.sqrt(variance));
      expect(Math.abs(length(values) ** 2 / values.length / variance - 1)).toBeLessThan(0.065);
    }
  });
  test("depends on step and seed alone", () => {
    const [first, second] = noise({ seed: 7 }) as [Float32Array, Float32Array];
    expect(noise({ seed: 7 }, 3)).toEqual([first, second]);
    expect(noise({ seed: 8 })[0]).not.toEqual(first);
    expect(noise({}, 1)[0]).not.toEqual(noise({}, 2)[0]);
    // No multiple of the first: the directions differ.
    const along = first.reduce((sum, value, i) => sum + value * second[i]!, 0);
    expect(Math.abs(along / length(first) / length(second))).toBeLessThan(0.05);
  });
});

describe("skipNonFinite", () => {
  /** Finite, but its gradient is NaN where every target is 0. */
  const fragile = (y: Tensor, target: Tensor) =>
    add(meanSquaredError(y, target), mul(norm(mul(sub(y, target), target)), 0));
  const good = batches[0]!;
  const bad = { ...good, targets: new Float32Array(good.targets!.length) };
  const trainerOf = (optimizer: Transform) => {
    const model = line();
    return { model, trainer: createTrainerSync(model, { loss: fragile, optimizer, engine }) };
  };

  test.each(inners)("%s: parameters and state keep their bits over such a step", (_, inner, rule) => {
    const { model, trainer } = trainerOf(chain(skipNonFinite(), inner()));
    trainer.stepSync(good);
    const kept = bits(weightsOf(model));
    expect(trainer.stepSync(bad).loss).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(bits(weightsOf(model))).toEqual(kept);
    trainer.stepSync(good);
    const theta = Float64Array.from(weightsOf(line()));
    const wanted = rule();
    for (const step of [1, 3]) wanted(theta, slope(theta, 1).gradient, step, 1);
    expectClose(weightsOf(model), theta);
  });
  test("the steps that it leaves out are counted, in the file of state too", () => {
    const { trainer } = trainerOf(chain(skipNonFinite(), adam()));
    expect(trainer.state("skipped")).toEqual(Float32Array.of(0));
    for (const batch of [good, bad, good, bad, bad, good]) trainer.stepSync(batch);
    expect(trainer.state("skipped")).toEqual(Float32Array.of(3));
    const again = trainerOf(chain(skipNonFinite(), adam())).trainer;
    again.stateFromBytes(trainer.stateToBytes());
    again.stepSync(bad);
    expect(again.state("skipped")).toEqual(Float32Array.of(4));
    expect(() => again.state("left out")).toThrow(OptionError);
    expect(() => again.state("left out")).toThrow(
      /^state: wanted one of skipNonFinite, adam\/0 skipNonFinite skipped, .*, got left out$/,
    );
  });
  test("without it they do not", () => {
    const { model, trainer } = trainerOf(sgd());
    trainer.stepSync(bad);
    expect(weightsOf(model).some(Number.isNaN)).toBe(true);
  });
  test("a finite gradient whose squares overflow is none", () => {
    const { model, trainer } = trainerOf(
      chain(scaleGradient(1e25), skipNonFinite(), scaleGradient(1e-25), sgd({ learningRate: 0.1 })),
    );
    const old = bits(weightsOf(model));
    trainer.stepSync(good);
    expect(bits(weightsOf(model))).not.toEqual(old);
  });
  test.each([
    ["skipNonFinite", skipNonFinite()],
    ["accumulate", accumulate(sgd(), { every: 2 })],
  ])("%s in a group is refused", (name, transform) => {
    const optimizer = parameterGroups({ biases: { parameters: "*.bias", optimizer: transform } }, adam());
    expect(() => trainerOf(optimizer)).toThrow(OptionError);
    expect(() => trainerOf(optimizer)).toThrow(`${name}: wanted all parameters, got the 1 of a group`);
  });
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["clipByValue: limit", () => clipByValue(0)],
    ["clipByNorm: maximum", () => clipByNorm(Number.NaN)],
    ["adaptiveClip: clipping", () => adaptiveClip({ clipping: -1 })],
    ["adaptiveClip: epsilon", () => adaptiveClip({ epsilon: Number.NaN })],
    ["l2: lambda", () => l2(-1)],
    ["l1: lambda", () => l1(Number.POSITIVE_INFINITY)],
    ["elasticNet: l1", () => elasticNet({ l1: -1, l2: 0 })],
    ["elasticNet: l2", () => elasticNet({ l1: 0, l2: -1 })],
    ["decoupledDecay: rate", () => decoupledDecay({ rate: -1 })],
    ["addGradientNoise: eta", () => addGradientNoise({ eta: -1 })],
    ["addGradientNoise: gamma", () => addGradientNoise({ gamma: -1 })],
    ["scaleGradient: scale", () => scaleGradient(-1)],
    [
      "l2: lambda",
      () =>
        run(
          chain(
            l2(() => -1),
            sgd(),
          ),
          1,
        ),
    ],
    ["l2: parameters", () => run(chain(l2(1, { parameters: "conv.*" }), sgd()), 1)],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted .* got/);
  });
});
