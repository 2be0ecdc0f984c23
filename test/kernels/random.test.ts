// Random kernels, called without a program: known answers, distributions, independence of threads and of length.
import { describe, expect, test } from "vitest";
import { philox } from "#src/core/random";
import { kernelModules } from "../support/kernel.ts";

const modules = kernelModules();
const N = 100_000;
const KEY = [0x3c6ef372, 0x1b873593] as const;

describe.each(modules)("%s", (_, kernels) => {
  interface Draw {
    readonly n?: number;
    readonly alpha?: number;
    readonly beta?: number;
    readonly key?: readonly [number, number];
    readonly step?: number;
    readonly threads?: number;
  }
  function draw(kernel: string, options: Draw = {}): Float32Array<ArrayBuffer> {
    const { n = N, alpha = 0, beta = 1, key = KEY, step, threads = 1 } = options;
    kernels.clear();
    const y = kernels.allocate(n);
    let pointer = 0;
    if (step !== undefined) {
      pointer = kernels.allocate(1);
      kernels.words[pointer / 4] = step;
    }
    kernels.run(kernel, threads, n, y, key[0] | 0, key[1] | 0, pointer, [alpha], [beta]);
    return kernels.take(y, n);
  }
  function dropout(x: Float32Array, rate: number, scale: number, threads = 1): Float32Array<ArrayBuffer> {
    kernels.clear();
    const from = kernels.place(x);
    const to = kernels.allocate(x.length);
    kernels.run("dropout", threads, x.length, from, to, KEY[0] | 0, KEY[1] | 0, 0, [rate], [scale]);
    return kernels.take(to, x.length);
  }
  const moment = (x: Float32Array, power: number, mean = 0) =>
    x.reduce((sum, value) => sum + (value - mean) ** power, 0) / x.length;
  const share = (x: Float32Array, inside: (value: number) => boolean) => x.filter(inside).length / x.length;

  test("known answer of Philox4x32-10 for counter 0 and key 0", () => {
    const words = new Uint32Array(draw("randomBits", { n: 16, key: [0, 0] }).buffer);
    // kat_vectors of the paper's Random123 distribution; the words of counter 0 lie four apart.
    expect([words[0], words[4], words[8], words[12]]).toEqual([
      0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8,
    ]);
  });

  // core/random.test.ts holds the generator of the host against all known answers.
  test.each([undefined, 0, 1, 0xfffffffe])("the words of the host's generator, at step %j", (step = 0) => {
    const words = new Uint32Array(draw("randomBits", { n: 1000, step }).buffer);
    words.forEach((word, i) => {
      const counter = Uint32Array.of((i >> 4) * 4 + (i & 3), 0, step, 0);
      philox(KEY, counter);
      expect(word).toBe(counter[(i >> 2) & 3]);
    });
  });

  test.each([
    [0, 1],
    [1, 2],
    [-3, 5],
    [-2, -1],
    [-1, 0],
  ])("uniform within %d ≤ u < %d", (alpha, beta) => {
    const u = draw("randomUniform", { alpha, beta });
    for (const value of u) if (!(value >= alpha && value < beta)) throw new Error(`got ${value}`);
    // Five standard errors of the mean and of the variance of N uniform numbers.
    const width = beta - alpha;
    expect(Math.abs(moment(u, 1) - (alpha + beta) / 2)).toBeLessThan((5 * width) / Math.sqrt(12 * N));
    expect(Math.abs(moment(u, 2, (alpha + beta) / 2) - width ** 2 / 12)).toBeLessThan(
      (5 * width ** 2) / Math.sqrt(180 * N),
    );
    expect(Math.max(...u.subarray(0, N / 2))).toBeGreaterThan(beta - width / 1000);
    expect(Math.min(...u.subarray(0, N / 2))).toBeLessThan(alpha + width / 1000);
  });

  test("uniform stays below its upper end where only one float is left", () => {
    // Half of the sums would round up to the end.
    const u = draw("randomUniform", { n: 100, alpha: 1, beta: 1 + 2 ** -23 });
    expect(new Set(u)).toEqual(new Set([1]));
  });

  test("normal", () => {
    const x = draw("randomNormal", { alpha: 3, beta: 2 });
    const z = x.map((value) => (value - 3) / 2);
    // Five standard errors of each moment.
    expect(Math.abs(moment(z, 1))).toBeLessThan(5 / Math.sqrt(N));
    expect(Math.abs(moment(z, 2) - 1)).toBeLessThan(5 * Math.sqrt(2 / N));
    expect(Math.abs(moment(z, 3))).toBeLessThan(5 * Math.sqrt(15 / N));
    expect(Math.abs(moment(z, 4) - 3)).toBeLessThan(5 * Math.sqrt(96 / N));
    for (const [deviations, wanted] of [
      [1, 0.682689],
      [2, 0.954499],
      [3, 0.9973],
    ] as const) {
      const got = share(z, (value) => Math.abs(value) < deviations);
      expect(Math.abs(got - wanted)).toBeLessThan(5 * Math.sqrt((wanted * (1 - wanted)) / N));
    }
    expect(Math.max(...z.subarray(0, N / 2))).toBeGreaterThan(3.8);
    // No two of the numbers that one counter gives hang together.
    for (const lag of [1, 4, 8, 12]) {
      let sum = 0;
      for (let i = lag; i < N; i++) sum += z[i]! * z[i - lag]!;
      expect(Math.abs(sum / N)).toBeLessThan(5 / Math.sqrt(N));
    }
  });

  test("truncated normal", () => {
    const x = draw("randomTruncatedNormal", { alpha: -1, beta: 0.5 });
    const z = x.map((value) => (value + 1) / 0.5);
    for (const value of z) if (!(Math.abs(value) <= 2)) throw new Error(`got ${value}`);
    // Variance given that |z| ≤ 2: 1 − 2 · 2 φ(2) / (Φ(2) − Φ(−2)).
    expect(Math.abs(moment(z, 1))).toBeLessThan(5 / Math.sqrt(N));
    expect(Math.abs(moment(z, 2) - 0.773741)).toBeLessThan(5 * Math.sqrt(0.9 / N));
    const wanted = 0.682689 / 0.954499;
    expect(Math.abs(share(z, (value) => Math.abs(value) < 1) - wanted)).toBeLessThan(5 * Math.sqrt(0.21 / N));
    expect(Math.max(...z.subarray(0, N / 2))).toBeGreaterThan(1.99);
  });

  test("dropout keeps its share, scaled, and the same for a gradient", () => {
    const x = Float32Array.from({ length: N }, (_, i) => 1 + i);
    const y = dropout(x, 0.3, 1 / 0.7);
    const kept = [...y].filter((value) => value !== 0).length / N;
    expect(Math.abs(kept - 0.7)).toBeLessThan(5 * Math.sqrt(0.21 / N));
    const scale = Math.fround(1 / 0.7);
    y.forEach((value, i) => {
      if (value !== 0) expect(value).toBe(Math.fround(x[i]! * scale));
    });
    const dy = dropout(new Float32Array(N).fill(1), 0.3, 1);
    expect(dy.every((value, i) => (value !== 0) === (y[i] !== 0))).toBe(true);
    expect(dropout(x, 0, 1)).toEqual(x);
  });

  test("another step or key gives other numbers", () => {
    const sets = [
      draw("randomUniform", { n: 64 }),
      draw("randomUniform", { n: 64, step: 1 }),
      draw("randomUniform", { n: 64, key: [1, 2] }),
    ];
    const distinct = new Set(sets.flatMap((set) => [...set]));
    expect(distinct.size).toBeGreaterThan(185);
  });

  test.each(["randomUniform", "randomNormal", "randomTruncatedNormal", "randomBits"])(
    "%s: the same bits on any number of threads, and for any length",
    (kernel) => {
      const all = new Uint32Array(draw(kernel, { n: 300 }).buffer);
      for (const n of [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 65, 257, 300]) {
        for (const threads of [1, 2, 3, 4]) {
          expect(new Uint32Array(draw(kernel, { n, threads }).buffer)).toEqual(all.subarray(0, n));
        }
      }
    },
  );

  test("dropout: the same bits on any number of threads, and for any length", () => {
    const x = Float32Array.from({ length: 300 }, (_, i) => 1 + i);
    const all = dropout(x, 0.5, 2);
    for (const n of [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 65, 257]) {
      for (const threads of [1, 2, 3, 4])
        expect(dropout(x.subarray(0, n), 0.5, 2, threads)).toEqual(all.subarray(0, n));
    }
  });

  test.each([
    [1, 1],
    [3, 5],
    [5, 3],
    [17, 17],
    [64, 40],
  ])("orthogonal %d × %d", (rows, columns) => {
    kernels.clear();
    const normal = draw("randomNormal", { n: rows * columns });
    kernels.clear();
    const y = kernels.place(normal);
    kernels.run("orthogonal", 2, rows, columns, [1.5], y);
    const q = kernels.take(y, rows * columns);
    const wide = rows <= columns;
    const [count, length] = wide ? [rows, columns] : [columns, rows];
    const at = (matrix: Float32Array, vector: number, k: number) =>
      wide ? matrix[vector * columns + k]! : matrix[k * columns + vector]!;
    const product = (a: Float32Array, i: number, b: Float32Array, j: number) =>
      Array.from({ length }, (_, k) => at(a, i, k) * at(b, j, k)).reduce((sum, value) => sum + value);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        // Every product of unit vectors of length 64 in floats is within some units of 0 or 1.
        expect(Math.abs(product(q, i, q, j) - (i === j ? 2.25 : 0))).toBeLessThan(2e-6);
        // R is triangular with a positive diagonal.
        if (j < i) expect(Math.abs(product(normal, j, q, i))).toBeLessThan(1e-4);
      }
      expect(product(normal, i, q, i)).toBeGreaterThan(0);
    }
  });
});
