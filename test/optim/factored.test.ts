// Adafactor and SM3 against what PyTorch and optax compute, in 64 bits.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/index";
import { type AdafactorOptions, adafactor, sm3 } from "#src/optim/index";
import { checkOptimizer, sumSquares64, type Update64 } from "./network.ts";

/** torch/optim/_adafactor.py, _single_tensor_adafactor. */
function adafactorTorch({ learningRate = 0.01, weightDecay = 0, clipThreshold: d = 1 }): Update64 {
  const states = new Map<string, { row: Float64Array; column: Float64Array; whole: Float64Array }>();
  return (parameters, t) => {
    for (const { name, shape, theta, gradient } of parameters) {
      const [n, m] = shape.length === 2 ? (shape as [number, number]) : [1, theta.length];
      const zeros = () => ({
        row: new Float64Array(n),
        column: new Float64Array(m),
        whole: new Float64Array(m),
      });
      const state = states.get(name) ?? zeros();
      states.set(name, state);
      const epsilon = 2 ** -23;
      const share = t ** -0.8;
      const rho = Math.min(learningRate, 1 / Math.sqrt(t));
      const alpha = Math.max(1e-3, Math.sqrt(sumSquares64(theta) / theta.length)) * rho;
      for (const [i, x] of theta.entries()) theta[i] = x * (1 - learningRate * weightDecay);
      for (let i = 0; i < n; i++) {
        const squares = sumSquares64(gradient.subarray(i * m, (i + 1) * m)) / m;
        state.row[i]! += share * (squares - state.row[i]!);
      }
      for (let j = 0; j < m; j++) {
        const squares = sumSquares64(gradient.filter((_, i) => i % m === j)) / n;
        state.column[j]! += share * (squares - state.column[j]!);
        state.whole[j]! += share * (gradient[j]! ** 2 - state.whole[j]!);
      }
      const middle = Math.max(state.row.reduce((sum, x) => sum + x, 0) / n, epsilon);
      const u = gradient.map((g, i) => {
        const row = state.row[Math.floor(i / m)]!;
        const v = shape.length === 2 ? (row * state.column[i % m]!) / middle : state.whole[i]!;
        return g / Math.sqrt(Math.max(v, epsilon ** 2));
      });
      const clip = Math.max(1, Math.sqrt(sumSquares64(u) / u.length) / d);
      for (const [i, each] of u.entries()) theta[i]! -= (alpha / clip) * each;
    }
  };
}

/** optax/_src/factorized.py and alias.py, with every matrix factored or none. */
function adafactorOptax({
  learningRate = 0.01,
  weightDecay = 0,
  momentum = 0,
  leastFactoredSize = 128,
}: AdafactorOptions): Update64 {
  const states = new Map<string, { row: number[]; column: number[]; whole: number[]; mean: number[] }>();
  return (parameters, t) => {
    for (const { name, shape, theta, gradient } of parameters) {
      const [n = 0, m = 0] = shape;
      const factors = shape.length === 2 && Math.min(n, m) >= leastFactoredSize;
      const zeros = (length: number) => Array<number>(length).fill(0);
      const state = states.get(name) ?? {
        row: zeros(n),
        column: zeros(m),
        whole: zeros(theta.length),
        mean: zeros(theta.length),
      };
      states.set(name, state);
      const beta = 1 - t ** -0.8;
      const squares = Array.from(gradient, (g) => g * g + 1e-30);
      const average = (list: number[]) => list.reduce((sum, x) => sum + x, 0) / list.length;
      const u = Array.from(gradient, () => 0);
      if (factors) {
        state.row = state.row.map(
          (r, i) => beta * r + (1 - beta) * average(squares.slice(i * m, (i + 1) * m)),
        );
        state.column = state.column.map(
          (c, j) => beta * c + (1 - beta) * average(squares.filter((_, i) => i % m === j)),
        );
        const middle = average(state.row);
        for (const [i, g] of gradient.entries()) {
          u[i] = g * (state.row[Math.floor(i / m)]! / middle) ** -0.5 * state.column[i % m]! ** -0.5;
        }
      } else {
        state.whole = state.whole.map((v, i) => beta * v + (1 - beta) * squares[i]!);
        for (const [i, g] of gradient.entries()) u[i] = g * state.whole[i]! ** -0.5;
      }
      const clip = Math.max(1, Math.sqrt(sumSquares64(u) / u.length));
      const scale = Math.max(1e-3, Math.sqrt(sumSquares64(theta) / theta.length));
      for (const [i, each] of u.entries()) {
        const step = ((learningRate as number) * each * scale) / clip;
        state.mean[i] = momentum * state.mean[i]! + (1 - momentum) * step;
        theta[i]! -= state.mean[i]! + weightDecay * theta[i]!;
      }
    }
  };
}

// 60 steps of some roundings of 6e-8, each of steps of 0.05 and weights below 1: 1e-5, as for Adam.
const tolerance = 1e-5;

checkOptimizer("adafactor", adafactor({ learningRate: 0.05 }), () => adafactorTorch({ learningRate: 0.05 }), {
  tolerance,
  still: adafactor({ learningRate: 0, weightDecay: 0.5 }),
});
const decayed = { learningRate: 0.3, weightDecay: 0.02, clipThreshold: 1.5 };
checkOptimizer("adafactor, weight decay", adafactor(decayed), () => adafactorTorch(decayed), { tolerance });
const optax = { learningRate: 0.05, convention: "optax", leastFactoredSize: 2 } as const;
checkOptimizer("adafactor, optax", adafactor(optax), () => adafactorOptax(optax), {
  tolerance,
  still: adafactor({ ...optax, learningRate: 0 }),
});
const whole = { learningRate: 0.05, convention: "optax", momentum: 0.8, weightDecay: 1e-3 } as const;
checkOptimizer("adafactor, optax, not factored, momentum", adafactor(whole), () => adafactorOptax(whole), {
  tolerance,
});

/** optax/_src/transform.py, scale_by_sm3. */
function sm3Optax(learningRate: number, momentum: number): Update64 {
  const states = new Map<string, { rows: Float64Array; columns: Float64Array; velocity: Float64Array }>();
  return (parameters) => {
    for (const { name, shape, theta, gradient } of parameters) {
      const [n, m] = shape.length === 2 ? (shape as [number, number]) : [1, theta.length];
      const state = states.get(name) ?? {
        rows: new Float64Array(n),
        columns: new Float64Array(m),
        velocity: new Float64Array(theta.length),
      };
      states.set(name, state);
      const sum = gradient.map((g, i) => {
        const [row, column] = [state.rows[Math.floor(i / m)]!, state.columns[i % m]!];
        return g * g + (shape.length === 2 ? Math.min(row, column) : column);
      });
      state.rows.fill(0);
      state.columns.fill(0);
      for (const [i, each] of sum.entries()) {
        const [row, column] = [Math.floor(i / m), i % m];
        state.rows[row] = Math.max(state.rows[row]!, each);
        state.columns[column] = Math.max(state.columns[column]!, each);
        const direction = each > 0 ? gradient[i]! / Math.sqrt(each + 1e-8) : 0;
        state.velocity[i] = momentum * state.velocity[i]! + (1 - momentum) * direction;
        theta[i]! -= learningRate * state.velocity[i]!;
      }
    }
  };
}

checkOptimizer("sm3", sm3({ learningRate: 0.1 }), () => sm3Optax(0.1, 0.9), {
  tolerance,
  still: sm3({ learningRate: 0 }),
});
checkOptimizer("sm3, no momentum", sm3({ learningRate: 0.05, momentum: 0 }), () => sm3Optax(0.05, 0), {
  tolerance,
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["adafactor: learningRate", () => adafactor({ learningRate: -1 })],
    ["adafactor: beta2Decay", () => adafactor({ beta2Decay: 0.1 })],
    ["adafactor: epsilon", () => adafactor({ epsilon: -1 })],
    ["adafactor: leastScale", () => adafactor({ leastScale: Number.NaN })],
    ["adafactor: clipThreshold", () => adafactor({ clipThreshold: 0.5 })],
    ["adafactor: weightDecay", () => adafactor({ weightDecay: -1 })],
    ["adafactor: momentum", () => adafactor({ momentum: 1 })],
    ["adafactor: leastFactoredSize", () => adafactor({ leastFactoredSize: 0 })],
    ["adafactor: convention", () => adafactor({ convention: "keras" as never })],
    ["sm3: learningRate", () => sm3({ learningRate: Number.POSITIVE_INFINITY })],
    ["sm3: momentum", () => sm3({ momentum: 1 })],
    ["sm3: epsilon", () => sm3({ epsilon: -1 })],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted.*got/);
  });
});
