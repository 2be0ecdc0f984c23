// FTRL-Proximal against Keras's, in 64 bits.
import { describe, expect, test } from "vitest";
import {
  createEngineSync,
  createTrainerSync,
  dense,
  meanSquaredError,
  OptionError,
  sequential,
} from "#src/index";
import { type FtrlOptions, ftrl } from "#src/optim/index";
import { numbers, setWeights } from "../train/setting.ts";
import { checkOptimizer, run, type Update64 } from "./network.ts";

/** keras/src/optimizers/ftrl.py, update_step; the power here is minus Keras's. */
function ftrlKeras(options: FtrlOptions): Update64 {
  const { power = 0.5, initialSum = 0.1, l1 = 0, l2 = 0, shrinkage = 0, beta = 0 } = options;
  const rate = options.learningRate as number;
  const states = new Map<string, { sum: Float64Array; linear: Float64Array }>();
  return (parameters) => {
    for (const { name, theta, gradient } of parameters) {
      const state = states.get(name) ?? {
        sum: new Float64Array(theta.length).fill(initialSum),
        linear: new Float64Array(theta.length),
      };
      states.set(name, state);
      for (const [i, g] of gradient.entries()) {
        const w = theta[i]!;
        const more = state.sum[i]! + g * g;
        state.linear[i]! += g + 2 * shrinkage * w - ((more ** power - state.sum[i]! ** power) / rate) * w;
        const z = state.linear[i]!;
        const quadratic = more ** power / rate + 2 * (l2 + beta / (2 * rate));
        theta[i] = (Math.min(Math.max(z, -l1), l1) - z) / quadratic;
        state.sum[i] = more;
      }
    }
  };
}

// Sums of 60 terms below 1, divided by a root of 0.3 over a rate of 0.1: 60 roundings of 6e-8 at most, some of them of
// terms ten times as large as the weights.
const tolerance = 3e-5;

const cases: [string, FtrlOptions][] = [
  ["ftrl", { learningRate: 0.1 }],
  ["ftrl, penalties", { learningRate: 0.1, l1: 0.02, l2: 0.1, shrinkage: 0.01, beta: 0.5 }],
  ["ftrl, another power", { learningRate: 0.1, power: 0.7, l1: 0.01, initialSum: 0.3 }],
  ["ftrl, schedule that stands still", { learningRate: () => 0.05 }],
];
for (const [name, options] of cases) {
  const { learningRate } = options;
  const rate = typeof learningRate === "function" ? learningRate(1) : learningRate;
  checkOptimizer(name, ftrl(options), () => ftrlKeras({ ...options, learningRate: rate! }), { tolerance });
}

test("a penalty gives exact zeros, and no others", () => {
  const zeros = (l1: number) => run(ftrl({ learningRate: 0.1, l1 }), 60).theta.filter((x) => x === 0).length;
  expect(zeros(0)).toBe(0);
  expect(zeros(0.3)).toBeGreaterThan(10);
});

test.each([0.5, 0.7])("without a sum at the start, no gradient leaves 0, not NaN; power %f", (power) => {
  const model = sequential({ input: [3] }, dense(2));
  setWeights(model);
  const options = { loss: meanSquaredError, engine: createEngineSync() };
  const trainer = createTrainerSync(model, { ...options, optimizer: ftrl({ initialSum: 0, power }) });
  const [inputs, targets] = [new Float32Array(12), numbers(8)];
  for (let i = 0; i < 3; i++) trainer.stepSync({ inputs, targets, labels: undefined, size: 4 });
  const { weight, bias } = Object.fromEntries(
    [...model.parameters()].map(([name, { values }]) => [name.replace("dense.", ""), [...values]]),
  );
  expect(weight).toEqual([0, 0, 0, 0, 0, 0]);
  expect(bias!.every((x) => Number.isFinite(x) && x !== 0)).toBe(true);
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["ftrl: learningRate", () => ftrl({ learningRate: 0 })],
    ["ftrl: learningRate", () => ftrl({ learningRate: -1 })],
    ["ftrl: power", () => ftrl({ power: -0.5 })],
    ["ftrl: initialSum", () => ftrl({ initialSum: -1 })],
    ["ftrl: l1", () => ftrl({ l1: -1 })],
    ["ftrl: l2", () => ftrl({ l2: Number.NaN })],
    ["ftrl: shrinkage", () => ftrl({ shrinkage: -1 })],
    ["ftrl: beta", () => ftrl({ beta: Number.POSITIVE_INFINITY })],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted.*got/);
  });
});
