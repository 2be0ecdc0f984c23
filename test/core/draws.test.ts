import { describe, expect, test } from "vitest";
import { beta, Draws } from "#src/core/draws";

describe("normal draws", () => {
  test("of the normal distribution have its moments", () => {
    const numbers = new Draws(1, "test").normals(100_000);
    const moment = (p: number) => numbers.reduce((sum, x) => sum + x ** p, 0) / numbers.length;
    // Four standard errors: √(var xᵖ / N), with variances 1, 2, 15, 96.
    [0, 1, 0, 3].forEach((wanted, i) => {
      const error = Math.sqrt([1, 2, 15, 96][i]! / numbers.length);
      expect(Math.abs(moment(i + 1) - wanted)).toBeLessThan(4 * error);
    });
    expect(numbers.reduce((sum, x, i) => sum + x * (numbers[i + 1] ?? 0), 0) / numbers.length).toBeCloseTo(
      0,
      1,
    );
  });
});

const COUNT = 40_000;

describe.each([
  [0.05, 0.05],
  [0.2, 0.2],
  [1, 1],
  [2.5, 2.5],
  [40, 40],
  [0.3, 2],
  [5, 1],
])("draws of Beta(%f, %f)", (a, b) => {
  const draws = new Draws(1, `beta ${a} ${b}`);
  const numbers = Float64Array.from({ length: COUNT }, () => beta(draws, a, b));
  const mean = a / (a + b);
  const variance = (a * b) / ((a + b) ** 2 * (a + b + 1));

  test("lie between 0 and 1", () => {
    expect(numbers.every((x) => x >= 0 && x <= 1)).toBe(true);
  });
  test("have its mean and variance", () => {
    const got = numbers.reduce((sum, x) => sum + x, 0) / COUNT;
    // Four standard errors of the mean.
    expect(Math.abs(got - mean)).toBeLessThan(4 * Math.sqrt(variance / COUNT));
    const squares = numbers.map((x) => (x - mean) ** 2);
    const spread = squares.reduce((sum, x) => sum + x, 0) / COUNT;
    // And of the variance, from the sample's own fourth moment.
    const fourth = squares.reduce((sum, x) => sum + x * x, 0) / COUNT;
    expect(Math.abs(spread - variance)).toBeLessThan(4 * Math.sqrt((fourth - spread ** 2) / COUNT));
  });
});

/** Largest distance between the distribution of some draws and its function. Kolmogorov. */
function distance(a: number, b: number, distribution: (x: number) => number): number {
  const draws = new Draws(2, `beta ${a} ${b}`);
  const numbers = Float64Array.from({ length: COUNT }, () => beta(draws, a, b)).sort();
  return numbers.reduce(
    (most, x, i) =>
      Math.max(most, Math.abs(distribution(x) - i / COUNT), Math.abs(distribution(x) - (i + 1) / COUNT)),
    0,
  );
}

test.each<[number, number, (x: number) => number]>([
  [0.5, 0.5, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
  [1, 1, (x) => x],
  [2, 2, (x) => x * x * (3 - 2 * x)],
  [3, 1, (x) => x ** 3],
  [0.25, 1, (x) => x ** 0.25],
])("Beta(%f, %f) is distributed as its function says", (a, b, distribution) => {
  // Larger by chance in one of 3000 samples: 2 exp(−2 · 2.1²).
  expect(distance(a, b, distribution)).toBeLessThan(2.1 / Math.sqrt(COUNT));
});

test("a shape whose gamma-distributed numbers are too small for 64 bits", () => {
  const draws = new Draws(3, "beta");
  const numbers = Array.from({ length: 2000 }, () => beta(draws, 1e-3, 1e-3));
  expect(numbers.some(Number.isNaN)).toBe(false);
  const ones = numbers.filter((x) => x > 0.5).length;
  // Four standard errors of a fair coin.
  expect(Math.abs(ones - 1000)).toBeLessThan(4 * Math.sqrt(500));
});
