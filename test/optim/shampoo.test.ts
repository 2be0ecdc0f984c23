// Shampoo against the authors' formula, with roots by eigenvalues in 64 bits.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/index";
import { type ShampooOptions, shampoo } from "#src/optim/index";
import { type Matrix, product, transposed } from "./matrix.ts";
import { checkOptimizer, expectFiniteWeights, sumSquares64, type Update64 } from "./network.ts";

/** A function of a symmetric matrix by its eigenvalues: Jacobi's rotations. */
function functionOf(a: Matrix, f: (eigenvalue: number) => number): Matrix {
  const n = a.length;
  const d = a.map((row) => [...row]);
  const v: Matrix = d.map((_, i) => d.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 40; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (d[p]![q] === 0) continue;
        const theta = (d[q]![q]! - d[p]![p]!) / (2 * d[p]![q]!);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (const rows of [d, v]) {
          for (const row of rows) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
        }
        for (let k = 0; k < n; k++) {
          [d[p]![k], d[q]![k]] = [c * d[p]![k]! - s * d[q]![k]!, s * d[p]![k]! + c * d[q]![k]!];
        }
      }
    }
  }
  const scaled = v.map((row) => row.map((x, k) => x * f(d[k]![k]!)));
  return product(scaled, transposed(v));
}

/** google-research, scalable_shampoo/pytorch/shampoo.py, with the ridge by the trace and Nesterov's momentum as published. */
function shampooAuthors(options: ShampooOptions): Update64 {
  const { momentum = 0.9, beta = 1, weightDecay = 0, graft = "sgd", ridge = 1e-6 } = options;
  const { nesterov = momentum > 0 } = options;
  const states = new Map<string, { l: Matrix; r: Matrix; squares: Float64Array; v: Float64Array }>();
  const zeros = (n: number): Matrix => Array.from({ length: n }, () => Array<number>(n).fill(0));
  const root = (a: Matrix) => {
    const trace = a.reduce((sum, row, i) => sum + row[i]!, 0);
    return functionOf(a, (x) => (Math.max(x, 0) + ridge * trace) ** -0.25);
  };
  const gather = (into: Matrix, g: Matrix) =>
    into.map((row, i) =>
      row.map(
        (x, j) => beta * x + (beta === 1 ? 1 : 1 - beta) * product([g[i]!], transposed([g[j]!]))[0]![0]!,
      ),
    );
  return (parameters) => {
    for (const { name, shape, theta, gradient } of parameters) {
      const [n = 0, m = 0] = shape;
      const vector = () => new Float64Array(theta.length);
      const state = states.get(name) ?? { l: zeros(n), r: zeros(m), squares: vector(), v: vector() };
      states.set(name, state);
      let direction = Array.from(gradient);
      if (shape.length === 2) {
        const g: Matrix = Array.from({ length: n }, (_, i) => [...gradient.subarray(i * m, (i + 1) * m)]);
        state.l = gather(state.l, g);
        state.r = gather(state.r, transposed(g));
        direction = product(product(root(state.l), g), root(state.r)).flat();
      }
      for (const [i, g] of gradient.entries()) state.squares[i]! += g * g;
      const other =
        graft === "adagrad" ? gradient.map((g, i) => g / (Math.sqrt(state.squares[i]!) + 1e-6)) : gradient;
      const length = Math.sqrt(sumSquares64(direction)) + 1e-16;
      const scale = graft === "none" ? 1 : Math.sqrt(sumSquares64(other)) / length;
      for (const [i, each] of direction.entries()) {
        const u = scale * each + weightDecay * theta[i]!;
        state.v[i] = momentum * state.v[i]! + u;
        theta[i]! -= (options.learningRate as number) * (nesterov ? u + momentum * state.v[i]! : state.v[i]!);
      }
    }
  };
}

// 30 steps of roots whose small eigenvalues are known to 1e-7 / ridge of themselves, the root to a quarter of that; they
// belong to directions that hardly count: 5e-6 measured at a ridge of 1e-6. Twice the ridge is off by 4e-4 and more.
const tolerance = 2e-5;

const cases: [string, ShampooOptions][] = [
  ["shampoo", { learningRate: 0.05 }],
  [
    "shampoo, AdaGrad's length, decay",
    { learningRate: 0.02, ridge: 1e-4, graft: "adagrad", beta: 0.9, weightDecay: 0.01 },
  ],
  ["shampoo, its own length", { learningRate: 0.05, ridge: 1e-3, graft: "none", momentum: 0 }],
  ["shampoo, no Nesterov", { learningRate: 0.05, ridge: 1e-3, nesterov: false, momentum: 0.5 }],
];
for (const [name, options] of cases) {
  checkOptimizer(name, shampoo(options), () => shampooAuthors(options), {
    tolerance,
    steps: 30,
    still: shampoo({ ...options, learningRate: 0 }),
  });
}

test("wide matrices, and gradients that are zero or tiny, leave finite weights", () => {
  expectFiniteWeights(shampoo({ learningRate: 0.02, graft: "none" }), 8);
});

describe("options out of range are named, with what was got and wanted", () => {
  test.each([
    ["shampoo: learningRate", () => shampoo({ learningRate: -1 })],
    ["shampoo: momentum", () => shampoo({ momentum: 1 })],
    ["shampoo: beta", () => shampoo({ beta: 0 })],
    ["shampoo: weightDecay", () => shampoo({ weightDecay: -1 })],
    ["shampoo: graft", () => shampoo({ graft: "adam" as never })],
    ["shampoo: ridge", () => shampoo({ ridge: 0 })],
    ["shampoo: iterations", () => shampoo({ iterations: 0 })],
    ["shampoo: largestSize", () => shampoo({ largestSize: 1.5 })],
  ])("%s", (where, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(where);
    expect(make).toThrow(/wanted.*got/);
  });
});
