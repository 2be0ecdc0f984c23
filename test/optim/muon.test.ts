// Muon against PyTorch's, in 64 bits in place of bfloat16.
import { describe, expect, test } from "vitest";
import { createEngineSync, createTrainerSync, meanSquaredError, OptionError } from "#src/index";
import { type MuonOptions, muon, muonWithAdamW } from "#src/optim/index";
import { regressor } from "../train/setting.ts";
import { apart, checkOptimizer, type Parameter64, reference, run, type Update64 } from "./network.ts";

type Matrix = number[][];
const transposed = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));
const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, x, k) => sum + x * b[k]![j]!, 0)));
const combined = (s: number, a: Matrix, t: number, b: Matrix): Matrix =>
  a.map((row, i) => row.map((x, j) => s * x + t * b[i]![j]!));

/** torch/optim/_muon.py, _zeropower_via_newtonschulz. */
function zeroPower(gradient: Matrix, [a, b, c]: readonly number[], iterations: number): Matrix {
  const tall = gradient.length > gradient[0]!.length;
  let x = tall ? transposed(gradient) : gradient;
  const norm = Math.sqrt(x.flat().reduce((sum, each) => sum + each * each, 0));
  x = x.map((row) => row.map((each) => each / Math.max(norm, 1e-7)));
  for (let i = 0; i < iterations; i++) {
    const gram = product(x, transposed(x));
    x = combined(a!, x, 1, product(combined(b!, gram, c!, product(gram, gram)), x));
  }
  return tall ? transposed(x) : x;
}

/** torch/optim/_muon.py, _single_tensor_muon, of the transposed weight, as PyTorch's linear layers have it. */
function muonTorch(options: MuonOptions): Update64 {
  const {
    learningRate = 1e-3,
    weightDecay = 0.1,
    momentum = 0.95,
    nesterov = true,
    iterations = 5,
  } = options;
  const { coefficients = [3.4445, -4.775, 2.0315], adjust = "original" } = options;
  const rate = learningRate as number;
  const buffers = new Map<string, Float64Array>();
  return (parameters) => {
    for (const { name, shape, theta, gradient } of parameters) {
      const [inputs, outputs] = shape as [number, number];
      const buffer = buffers.get(name) ?? new Float64Array(theta.length);
      buffers.set(name, buffer);
      for (const [i, g] of gradient.entries()) buffer[i]! += (1 - momentum) * (g - buffer[i]!);
      const u = nesterov ? gradient.map((g, i) => g + momentum * (buffer[i]! - g)) : buffer;
      const matrix: Matrix = Array.from({ length: outputs }, (_, o) =>
        Array.from({ length: inputs }, (_, i) => u[i * outputs + o]!),
      );
      const x = zeroPower(matrix, coefficients, iterations);
      const adjusted =
        adjust === "original"
          ? rate * Math.sqrt(Math.max(1, outputs / inputs))
          : rate * 0.2 * Math.sqrt(Math.max(outputs, inputs));
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) {
          const at = i * outputs + o;
          theta[at] = theta[at]! * (1 - rate * weightDecay) - adjusted * x[o]![i]!;
        }
      }
    }
  };
}

/** torch/optim/adamw.py. */
function adamWTorch(rate: number, decay: number): Update64 {
  const states = new Map<string, [Float64Array, Float64Array]>();
  return (parameters, t) => {
    for (const { name, theta, gradient } of parameters) {
      const state = states.get(name) ?? [new Float64Array(theta.length), new Float64Array(theta.length)];
      states.set(name, state);
      const [m, v] = state;
      for (const [i, g] of gradient.entries()) {
        m[i] = 0.9 * m[i]! + 0.1 * g;
        v[i] = 0.999 * v[i]! + 0.001 * g * g;
        const step = m[i]! / (1 - 0.9 ** t) / (Math.sqrt(v[i]! / (1 - 0.999 ** t)) + 1e-8);
        theta[i] = theta[i]! * (1 - rate * decay) - rate * step;
      }
    }
  };
}

// The iteration multiplies a relative error of 1e-7 in a small singular value by up to 3.4445⁵ = 485: 5e-5 of a step, of
// which 60 of 0.02 add up in part. A false coefficient is off by more than 0.01 after them.
const tolerance = 1e-4;

const cases: [string, MuonOptions][] = [
  ["muon", { learningRate: 0.02 }],
  ["muon, no Nesterov", { learningRate: 0.02, nesterov: false, weightDecay: 0 }],
  ["muon, adjusted to AdamW", { learningRate: 0.05, adjust: "matchRmsAdamW", momentum: 0.8 }],
  ["muon, other coefficients", { learningRate: 0.02, coefficients: [2, -1.5, 0.5], iterations: 8 }],
];
for (const [name, options] of cases) {
  checkOptimizer(name, muon(options), () => muonTorch(options), {
    tolerance,
    matrices: true,
    still: muon({ ...options, learningRate: 0 }),
  });
}

const isMatrix = ({ shape }: Parameter64) => shape.length === 2;

test("muonWithAdamW: matrices by the one, all others by the other", () => {
  const both = muonWithAdamW({ muon: { learningRate: 0.02 }, adamW: { learningRate: 0.01 } });
  const [matrices, others] = [muonTorch({ learningRate: 0.02 }), adamWTorch(0.01, 0.01)];
  const wanted = reference((parameters, step, loss) => {
    matrices(parameters.filter(isMatrix), step, loss);
    others(
      parameters.filter((each) => !isMatrix(each)),
      step,
      loss,
    );
  }, 60);
  expect(apart(run(both, 60).theta, wanted.theta)).toBeLessThan(tolerance);
});

test("muonWithAdamW: a matrix that is excluded is AdamW's", () => {
  const both = muonWithAdamW({
    muon: { learningRate: 0.02 },
    adamW: { learningRate: 0.01 },
    exclude: "dense_1.*",
  });
  const [matrices, others] = [muonTorch({ learningRate: 0.02 }), adamWTorch(0.01, 0.01)];
  const mine = (each: Parameter64) => isMatrix(each) && !each.name.startsWith("dense_1.");
  const wanted = reference((parameters, step, loss) => {
    matrices(parameters.filter(mine), step, loss);
    others(
      parameters.filter((each) => !mine(each)),
      step,
      loss,
    );
  }, 60);
  expect(apart(run(both, 60).theta, wanted.theta)).toBeLessThan(tolerance);
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["muon: learningRate", () => muon({ learningRate: -1 })],
    ["muon: momentum", () => muon({ momentum: 1 })],
    ["muon: weightDecay", () => muon({ weightDecay: -1 })],
    ["muon: epsilon", () => muon({ epsilon: Number.NaN })],
    ["muon: iterations", () => muon({ iterations: 100 })],
    ["muon: iterations", () => muon({ iterations: 2.5 })],
    ["muon: coefficients", () => muon({ coefficients: [1, 2, Number.NaN] })],
    ["muon: adjust", () => muon({ adjust: "spectral" as never })],
    ["adamW: beta1", () => muonWithAdamW({ adamW: { beta1: 1 } })],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted.*got|wanted/);
  });

  test("a parameter that is no matrix is named", () => {
    const options = { loss: meanSquaredError, optimizer: muon(), engine: createEngineSync() };
    const make = () => createTrainerSync(regressor(), options);
    expect(make).toThrow(OptionError);
    expect(make).toThrow("muon: dense.bias has shape [9], wanted a matrix");
  });
});
