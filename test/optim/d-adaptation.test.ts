// D-Adaptation and Prodigy against the authors', in 64 bits.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/index";
import {
  type DAdaptAdamOptions,
  type DAdaptSgdOptions,
  dAdaptAdam,
  dAdaptSgd,
  type ProdigyOptions,
  prodigy,
  type Schedule,
} from "#src/optim/index";
import { bits } from "../train/setting.ts";
import { checkOptimizer, type Parameter64, run, sumSquares64, type Update64 } from "./network.ts";

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);
const lengthOf = (a: ArrayLike<number>) => Array.from(a).reduce((sum, x) => sum + Math.abs(x), 0);

/** A record of vectors for each parameter, made when it is first asked for. */
function stateOf(parameters: readonly Parameter64[], known: Map<string, State>): State[] {
  return parameters.map(({ name, theta }) => {
    const zeros = () => new Float64Array(theta.length);
    const state = known.get(name) ?? { m: zeros(), v: zeros(), s: zeros(), start: theta.slice() };
    known.set(name, state);
    return state;
  });
}
interface State {
  readonly m: Float64Array;
  readonly v: Float64Array;
  readonly s: Float64Array;
  readonly start: Float64Array;
}

/** facebookresearch/dadaptation, dadapt_sgd.py; weight decay joins the first norm too, as its in-place twin does. */
function sgdAuthors(options: DAdaptSgdOptions): Update64 {
  const {
    momentum = 0,
    weightDecay = 0,
    growth = Number.POSITIVE_INFINITY,
    initialDistance = 1e-6,
  } = options;
  const known = new Map<string, State>();
  let d = initialDistance;
  let numerator = 0;
  let firstNorm = 0;
  return (parameters) => {
    const states = stateOf(parameters, known);
    for (const { theta, gradient } of parameters)
      for (const [i, x] of theta.entries()) gradient[i]! += weightDecay * x;
    firstNorm ||= Math.sqrt(sumSquares64(...parameters.map(({ gradient }) => gradient)));
    const rate = (d * ((options.learningRate as number) ?? 1)) / firstNorm;
    for (const [index, { gradient }] of parameters.entries()) {
      const { s } = states[index]!;
      numerator += rate * dot(gradient, s);
      for (const [i, g] of gradient.entries()) s[i]! += rate * g;
    }
    const found = (2 * numerator) / Math.sqrt(sumSquares64(...states.map(({ s }) => s)));
    d = Math.max(d, Math.min(found, d * growth));
    for (const [index, { theta }] of parameters.entries()) {
      const { s, start } = states[index]!;
      for (const [i, x] of theta.entries()) theta[i] = momentum * x + (1 - momentum) * (start[i]! - s[i]!);
    }
  };
}

/** The same, dadapt_adam.py. */
function adamAuthors(options: DAdaptAdamOptions): Update64 {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, initialDistance = 1e-6 } = options;
  const { decoupled = false, biasCorrection = false, growth = Number.POSITIVE_INFINITY } = options;
  const known = new Map<string, State>();
  let d = initialDistance;
  let numerator = 0;
  return (parameters, t) => {
    const states = stateOf(parameters, known);
    const correction = biasCorrection ? Math.sqrt(1 - beta2 ** t) / (1 - beta1 ** t) : 1;
    const rate = d * ((options.learningRate as number) ?? 1) * correction;
    const root = Math.sqrt(beta2);
    let along = 0;
    let size = 0;
    for (const [index, { theta, gradient }] of parameters.entries()) {
      const { m, v, s } = states[index]!;
      if (!decoupled) for (const [i, x] of theta.entries()) gradient[i]! += weightDecay * x;
      along +=
        rate *
        dot(
          gradient,
          s.map((x, i) => x / (Math.sqrt(v[i]!) + epsilon)),
        );
      for (const [i, g] of gradient.entries()) {
        m[i] = beta1 * m[i]! + rate * (1 - beta1) * g;
        v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
        s[i] = root * s[i]! + rate * (1 - root) * g;
      }
      size += lengthOf(s);
    }
    numerator = root * numerator + (1 - root) * along;
    d = Math.max(d, Math.min(numerator / ((1 - root) * size), d * growth));
    for (const [index, { theta }] of parameters.entries()) {
      const { m, v } = states[index]!;
      for (const [i, x] of theta.entries()) {
        const kept = decoupled ? x - weightDecay * rate * x : x;
        theta[i] = kept - m[i]! / (Math.sqrt(v[i]!) + epsilon);
      }
    }
  };
}

/** konstmish/prodigy, prodigyopt/prodigy.py. */
function prodigyAuthors(options: ProdigyOptions): Update64 {
  const { beta1 = 0.9, beta2 = 0.999, beta3 = Math.sqrt(beta2), epsilon = 1e-8, weightDecay = 0 } = options;
  const { initialDistance: first = 1e-6, coefficient = 1, growth = Number.POSITIVE_INFINITY } = options;
  const { decoupled = true, biasCorrection = false, safeguardWarmup = false } = options;
  const known = new Map<string, State>();
  let d = first;
  let most = first;
  let numerator = 0;
  return (parameters, t) => {
    const states = stateOf(parameters, known);
    const correction = biasCorrection ? Math.sqrt(1 - beta2 ** t) / (1 - beta1 ** t) : 1;
    const rate = d * ((options.learningRate as number) ?? 1) * correction;
    numerator *= beta3;
    let size = 0;
    for (const [index, { theta, gradient }] of parameters.entries()) {
      const { m, v, s, start } = states[index]!;
      if (!decoupled) for (const [i, x] of theta.entries()) gradient[i]! += weightDecay * x;
      numerator +=
        (d / first) *
        rate *
        dot(
          gradient,
          start.map((x, i) => x - theta[i]!),
        );
      for (const [i, g] of gradient.entries()) {
        m[i] = beta1 * m[i]! + d * (1 - beta1) * g;
        v[i] = beta2 * v[i]! + d * d * (1 - beta2) * g * g;
        s[i] = beta3 * s[i]! + (d / first) * (safeguardWarmup ? d : rate) * g;
      }
      size += lengthOf(s);
    }
    const found = (coefficient * numerator) / size;
    if (d === first) d = Math.max(d, found);
    most = Math.max(most, found);
    d = Math.min(most, d * growth);
    for (const [index, { theta }] of parameters.entries()) {
      const { m, v } = states[index]!;
      for (const [i, x] of theta.entries()) {
        const kept = decoupled ? x - weightDecay * rate * x : x;
        theta[i] = kept - (rate * m[i]!) / (Math.sqrt(v[i]!) + d * epsilon);
      }
    }
  };
}

// From a first d of 1e-3: weights near 0.5 are known to 3e-8, so what the first steps moved to 3e-5 of itself, and d with
// it, which multiplies all later steps. Those come to about 1 together. A false term is off by more than 1e-2. Rounding
// the weights of the reference to 32 bits has the same effect (Adam: 2e-4 after 40 steps, 2e-3 after 80), so 40 it is.
const tolerance = 2e-4;
const steps = 40;
const initialDistance = 1e-3;

const sgdCases: [string, DAdaptSgdOptions][] = [
  ["dAdaptSgd", { initialDistance }],
  ["dAdaptSgd, momentum, weight decay", { initialDistance, momentum: 0.9, weightDecay: 0.01 }],
  ["dAdaptSgd, bounded growth", { initialDistance, growth: 1.3, learningRate: 0.5 }],
];
for (const [name, options] of sgdCases) {
  checkOptimizer(name, dAdaptSgd(options), () => sgdAuthors(options), {
    tolerance,
    steps,
    still: dAdaptSgd({ ...options, learningRate: 0 }),
  });
}

const adamCases: [string, DAdaptAdamOptions][] = [
  ["dAdaptAdam", { initialDistance, learningRate: 0.3 }],
  ["dAdaptAdam, corrected", { initialDistance, biasCorrection: true, beta2: 0.99, weightDecay: 0.01 }],
  [
    "dAdaptAdam, decoupled, bounded growth",
    { initialDistance, decoupled: true, weightDecay: 1, growth: 1.1 },
  ],
];
for (const [name, options] of adamCases) {
  checkOptimizer(name, dAdaptAdam(options), () => adamAuthors(options), {
    tolerance,
    steps,
    still: dAdaptAdam({ ...options, learningRate: 0 }),
  });
}

const prodigyCases: [string, ProdigyOptions][] = [
  ["prodigy", { initialDistance }],
  ["prodigy, decay and correction", { initialDistance, weightDecay: 0.5, biasCorrection: true, beta2: 0.99 }],
  [
    "prodigy, bounded growth",
    { initialDistance, growth: 1.1, coefficient: 2, decoupled: false, weightDecay: 0.01 },
  ],
  ["prodigy, safeguard", { initialDistance, safeguardWarmup: true, learningRate: 0.7, beta3: 0.9 }],
];
for (const [name, options] of prodigyCases) {
  checkOptimizer(name, prodigy(options), () => prodigyAuthors(options), {
    tolerance,
    steps,
    still: prodigy({ ...options, learningRate: 0 }),
  });
}

test.each([
  ["dAdaptSgd", dAdaptSgd()],
  ["dAdaptAdam", dAdaptAdam()],
  ["prodigy", prodigy()],
])("%s finds its step size from the default distance", (_, optimizer) => {
  const { losses } = run(optimizer, 300);
  expect(Math.min(...losses.slice(-4))).toBeLessThan(0.5 * losses[0]!);
});

test.each([
  ["dAdaptSgd", (learningRate: Schedule) => dAdaptSgd({ learningRate, momentum: 0.9, initialDistance })],
  ["dAdaptAdam", (learningRate: Schedule) => dAdaptAdam({ learningRate, initialDistance })],
  ["prodigy", (learningRate: Schedule) => prodigy({ learningRate, initialDistance })],
])("%s stands still from where its learning rate is 0, whatever its momentum", (_, make) => {
  const thetaOf = (end: number) =>
    run(
      make((step) => (step <= 10 ? 1 : 0)),
      end,
    ).theta;
  expect(bits(thetaOf(10))).not.toEqual(bits(thetaOf(9)));
  expect(bits(thetaOf(14))).toEqual(bits(thetaOf(10)));
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["dAdaptSgd: learningRate", () => dAdaptSgd({ learningRate: -1 })],
    ["dAdaptSgd: momentum", () => dAdaptSgd({ momentum: 1 })],
    ["dAdaptSgd: growth", () => dAdaptSgd({ growth: 0.9 })],
    ["dAdaptAdam: initialDistance", () => dAdaptAdam({ initialDistance: 0 })],
    ["dAdaptAdam: beta1", () => dAdaptAdam({ beta1: 1 })],
    ["dAdaptAdam: beta2", () => dAdaptAdam({ beta2: 1 })],
    ["dAdaptAdam: epsilon", () => dAdaptAdam({ epsilon: -1 })],
    ["prodigy: weightDecay", () => prodigy({ weightDecay: -1 })],
    ["prodigy: beta3", () => prodigy({ beta3: 1 })],
    ["prodigy: coefficient", () => prodigy({ coefficient: Number.NaN })],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted.*got/);
  });
});
