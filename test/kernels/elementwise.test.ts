// Elementwise kernels, called without a program: definitions, gradients, NaN, broadcasting, threads.
import { describe, expect, test } from "vitest";
import { erf } from "../support/erf.ts";
import { type Broadcast, kernelModules } from "../support/kernel.ts";

const modules = kernelModules();

const SAMPLES = 1 << 15;
/** Evenly spaced numbers. */
const evenly = (low: number, high: number) =>
  Float32Array.from({ length: SAMPLES }, (_, i) => low + ((high - low) * (i + 0.37)) / SAMPLES);
/** Numbers spread over a range by a fixed sequence that hits no pattern. */
const scattered = (low: number, high: number, stride: number) =>
  Float32Array.from({ length: SAMPLES }, (_, i) => low + (high - low) * ((i * stride) % 1));

interface Definition {
  readonly kernel: string;
  readonly reference: (x: number, alpha: number, beta: number) => number;
  /** What the gradient takes beside dy. */
  readonly gradient?: "x" | "y";
  readonly alpha?: number;
  readonly beta?: number;
  /** Only positive x. */
  readonly positive?: true;
  /** Where the slope jumps. */
  readonly kinks?: readonly number[];
}
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const relu6 = (x: number) => Math.min(Math.max(x, 0), 6);
const SCALE = 1.0507009873554805;
const ALPHA = 1.6732632423543772;
const definitions: Definition[] = [
  { kernel: "relu", gradient: "y", kinks: [0], reference: (x) => Math.max(x, 0) },
  { kernel: "leakyRelu", gradient: "y", alpha: 0.2, kinks: [0], reference: (x, a) => (x > 0 ? x : a * x) },
  {
    kernel: "elu",
    gradient: "y",
    alpha: 0.7,
    kinks: [0],
    reference: (x, a) => (x > 0 ? x : a * Math.expm1(x)),
  },
  {
    kernel: "selu",
    gradient: "y",
    kinks: [0],
    reference: (x) => SCALE * (x > 0 ? x : ALPHA * Math.expm1(x)),
  },
  { kernel: "gelu", gradient: "x", reference: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)) },
  {
    kernel: "geluTanh",
    gradient: "x",
    reference: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  },
  { kernel: "silu", gradient: "x", reference: (x) => x * sigmoid(x) },
  { kernel: "sigmoid", gradient: "y", reference: sigmoid },
  { kernel: "tanh", gradient: "y", reference: Math.tanh },
  { kernel: "softplus", gradient: "y", reference: (x) => Math.log1p(Math.exp(x)) },
  { kernel: "hardSigmoid", gradient: "y", kinks: [-3, 3], reference: (x) => relu6(x + 3) / 6 },
  { kernel: "hardSwish", gradient: "x", kinks: [-3, 3], reference: (x) => (x * relu6(x + 3)) / 6 },
  {
    kernel: "hardTanh",
    gradient: "y",
    alpha: -1,
    beta: 2,
    kinks: [-1, 2],
    reference: (x, a, b) => Math.min(Math.max(x, a), b),
  },
  { kernel: "relu6", gradient: "y", kinks: [0, 6], reference: relu6 },
  { kernel: "softsign", gradient: "x", reference: (x) => x / (1 + Math.abs(x)) },
  { kernel: "mish", gradient: "x", reference: (x) => x * Math.tanh(Math.log1p(Math.exp(x))) },
  { kernel: "neg", reference: (x) => -x },
  { kernel: "abs", gradient: "x", kinks: [0], reference: Math.abs },
  { kernel: "square", gradient: "x", reference: (x) => x * x },
  { kernel: "sqrt", gradient: "y", positive: true, reference: Math.sqrt },
  { kernel: "rsqrt", gradient: "y", positive: true, reference: (x) => 1 / Math.sqrt(x) },
  { kernel: "reciprocal", gradient: "y", positive: true, reference: (x) => 1 / x },
  { kernel: "erf", gradient: "x", reference: erf },
  { kernel: "affine", alpha: 3, beta: -2, reference: (x, a, b) => a * x + b },
  {
    kernel: "clamp",
    gradient: "x",
    alpha: -1,
    beta: 2,
    kinks: [-1, 2],
    reference: (x, a, b) => Math.min(Math.max(x, a), b),
  },
  {
    kernel: "huber",
    gradient: "x",
    alpha: 1.5,
    reference: (x, a) => (Math.abs(x) < a ? (x * x) / 2 : a * (Math.abs(x) - a / 2)),
  },
];

/** Largest |y − truth| over elements, with a relative part for large values. */
function distance(y: Float32Array, truth: (i: number) => number): number {
  return y.reduce(
    (worst, value, i) => Math.max(worst, Math.abs(value - truth(i)) / (1 + Math.abs(truth(i)))),
    0,
  );
}

describe.each(modules)("%s: definition", (_, kernels) => {
  test.each(definitions)("of $kernel", (row) => {
    const { kernel, reference, gradient, alpha = 0, beta = 0, positive, kinks = [] } = row;
    const x = (positive ? evenly(0.05, 12) : evenly(-12, 12)).filter((value) =>
      kinks.every((kink) => Math.abs(value - kink) > 1e-3),
    );
    const y = kernels.elementwise(kernel, [x], { alpha, beta });
    expect(distance(y, (i) => reference(x[i]!, alpha, beta))).toBeLessThan(1e-6);
    if (!gradient) return;
    const dy = evenly(-2, 2).subarray(0, x.length);
    const dx = kernels.elementwise(`${kernel}Gradient`, [dy, gradient === "x" ? x : y], { alpha, beta });
    const h = 1e-5;
    // The central difference is exact to about 1e-9; the rest is the rounding of y and of the kernel, larger where
    // the slope is taken from y.
    const slope = (at: number) => (reference(at + h, alpha, beta) - reference(at - h, alpha, beta)) / (2 * h);
    expect(distance(dx, (i) => dy[i]! * slope(x[i]!))).toBeLessThan(2e-6);
  });

  test("of bceWithLogits and its gradient", () => {
    const x = evenly(-60, 60);
    const target = scattered(0, 1, 0.7548776662);
    const dy = evenly(-2, 2);
    const loss = (value: number, i: number) =>
      Math.max(value, 0) - value * target[i]! + Math.log1p(Math.exp(-Math.abs(value)));
    const y = kernels.elementwise("bceWithLogits", [x, target]);
    // Near 0 what is left of x − x target has the rounding of the product: half a unit of 60.
    expect(distance(y, (i) => loss(x[i]!, i))).toBeLessThan(2.5e-6);
    const dx = kernels.elementwise("bceWithLogitsGradient", [dy, x, target]);
    const h = 1e-5;
    const slope = (i: number) => (loss(x[i]! + h, i) - loss(x[i]! - h, i)) / (2 * h);
    expect(distance(dx, (i) => dy[i]! * slope(i))).toBeLessThan(1e-6);
  });

  const values = Float32Array.from([-2, -1, -0.5, 0, 0.5, 1, 2, 3, NaN]);
  const left = Float32Array.from({ length: 81 }, (_, i) => values[Math.floor(i / 9)]!);
  const right = Float32Array.from({ length: 81 }, (_, i) => values[i % 9]!);
  const binaries: [string, (x: number, y: number) => number][] = [
    ["add", (x, y) => x + y],
    ["sub", (x, y) => x - y],
    ["mul", (x, y) => x * y],
    ["div", (x, y) => x / y],
    ["maximum", Math.max],
    ["minimum", Math.min],
    ["equal", (x, y) => Number(x === y)],
    ["notEqual", (x, y) => Number(x !== y)],
    ["greater", (x, y) => Number(x > y)],
    ["greaterEqual", (x, y) => Number(x >= y)],
    ["less", (x, y) => Number(x < y)],
    ["lessEqual", (x, y) => Number(x <= y)],
  ];
  test.each(binaries)("of %s, NaN included", (kernel, reference) => {
    const y = kernels.elementwise(kernel, [left, right]);
    left.forEach((value, i) => {
      expect(y[i], `${value}, ${right[i]}`).toBe(Math.fround(reference(value, right[i]!)));
    });
  });
  test("of where", () => {
    const y = kernels.elementwise("where", [left, right, Float32Array.of(7)]);
    expect([...y]).toEqual([...left].map((value, i) => (value === 0 ? 7 : right[i])));
  });

  const unaries = [
    ...definitions,
    ...["exp", "log", "sin", "cos", "sign", "floor", "ceil", "round"].map((kernel) => ({ kernel })),
  ];
  test.each(unaries)(
    "$kernel keeps a NaN",
    ({ kernel, alpha = 1, beta = 2 }: Partial<Definition> & { kernel: string }) => {
      const y = kernels.elementwise(kernel, [Float32Array.of(NaN, 1, 1, NaN, 1, NaN)], { alpha, beta });
      expect([...y].map(Number.isNaN)).toEqual([true, false, false, true, false, true]);
    },
  );
});

describe.each(modules)("%s: operands", (_, kernels) => {
  const read = (operand: Float32Array | Broadcast, i: number) =>
    operand instanceof Float32Array
      ? operand[i]!
      : operand.values[Math.floor(i / operand.repeat) % operand.period]!;
  const ramp = (n: number, from: number) => Float32Array.from({ length: n }, (_, i) => from + i / 8);

  test.each([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 257])(
    "broadcast over rows of %d",
    (columns) => {
      // So many rows that a short one, which is repeated before use, still jumps.
      const rows = Math.max(3, Math.ceil(300 / columns));
      const n = columns * rows;
      const full = ramp(n, 1);
      const others: (Float32Array | Broadcast)[] = [
        ramp(n, 2),
        { values: ramp(columns, 5), repeat: 1, period: columns },
        { values: ramp(3, 6), repeat: columns, period: 3 },
        { values: ramp(rows, 6), repeat: columns, period: rows },
        { values: ramp(1, 7), repeat: 1, period: 1 },
      ];
      for (const other of others) {
        const wanted = (f: (x: number, y: number) => number) =>
          [...full].map((x, i) => Math.fround(f(x, read(other, i))));
        expect([...kernels.elementwise("sub", [full, other])]).toEqual(wanted((x, y) => x - y));
        expect([...kernels.elementwise("sub", [other, full])]).toEqual(wanted((x, y) => y - x));
        // No exact reference, so against itself without broadcasting.
        const spread = Float32Array.from({ length: n }, (_, i) => read(other, i));
        expect(kernels.elementwise("siluGradient", [other, full])).toEqual(
          kernels.elementwise("siluGradient", [spread, full]),
        );
        expect(kernels.elementwise("siluGradient", [full, other])).toEqual(
          kernels.elementwise("siluGradient", [full, spread]),
        );
        for (const third of others) {
          const condition = Float32Array.from({ length: n }, (_, i) => i % 3);
          const y = kernels.elementwise("where", [condition, other, third]);
          expect([...y]).toEqual([...condition].map((bit, i) => (bit ? read(other, i) : read(third, i))));
        }
      }
    },
  );

  test.each(["exp", "neg", "add", "geluGradient", "where"])(
    "%s gives the same bits on any number of threads",
    (kernel) => {
      for (const n of [1, 15, 16, 17, 65, 1000]) {
        const inputs = [ramp(n, -3), ramp(n, 1), ramp(n, 2)].slice(
          0,
          kernel === "where" ? 3 : /add|Gradient/.test(kernel) ? 2 : 1,
        );
        const one = kernels.elementwise(kernel, inputs);
        for (const threads of [2, 3, 4])
          expect(kernels.elementwise(kernel, inputs, { threads })).toEqual(one);
      }
    },
  );
});
