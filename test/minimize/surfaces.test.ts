// Every surface: its minima are minima, its gradient and Hessian are the derivatives of its value.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/index";
import {
  ackley,
  beale,
  booth,
  himmelblau,
  noisyQuadratic,
  quadratic,
  rastrigin,
  rosenbrock,
  type Surface,
  sphere,
  styblinskiTang,
} from "#src/minimize/index";
import { draws } from "./draws.ts";

/** Made anew for each evaluation, so that the noise is the same. */
const SURFACES: Record<string, () => Surface> = {
  sphere: () => sphere({ dimensions: 3 }),
  quadratic: () => quadratic({ dimensions: 4, condition: 100 }),
  noisyQuadratic: () => noisyQuadratic({ dimensions: 3, condition: 10, seed: 5 }),
  rosenbrock: () => rosenbrock(),
  "rosenbrock of 5": () => rosenbrock({ dimensions: 5 }),
  beale,
  himmelblau,
  booth,
  rastrigin: () => rastrigin({ dimensions: 3 }),
  ackley: () => ackley({ dimensions: 3 }),
  styblinskiTang: () => styblinskiTang({ dimensions: 3 }),
};

const STEP = 1e-5;

/** Central differences along a direction. */
function difference(f: (x: Float64Array) => ArrayLike<number>, x: Float64Array, v: ArrayLike<number>) {
  const [above, below] = [STEP, -STEP].map((h) => f(x.map((each, i) => each + h * v[i]!)));
  return Float64Array.from(above!, (each, i) => (each - below![i]!) / (2 * STEP));
}

function close(found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number) {
  expect(found.length).toBe(wanted.length);
  // Of the largest: where parts cancel, a small element carries the error of large ones.
  const scale = Math.max(1, ...Array.from(wanted, Math.abs));
  Array.from(wanted, (each, i) => expect(Math.abs(found[i]! - each) / scale).toBeLessThan(tolerance));
}

describe.each(Object.entries(SURFACES))("%s", (name, make) => {
  const { dimensions, domain, minimum, start } = make();
  const random = draws(7);
  const points = Array.from({ length: 20 }, () =>
    Float64Array.from({ length: dimensions }, () => random.uniform(domain[0] / 2, domain[1] / 2)),
  );

  test("begins inside its box", () => {
    expect(start.length).toBe(dimensions);
    expect(start.every((x) => x >= domain[0] && x <= domain[1])).toBe(true);
  });
  test("the value is the same with and without the gradient, and so are the bits of the point", () => {
    for (const point of points) {
      const before = point.slice();
      expect(make().valueAndGradient(point).value).toBe(make().value(point));
      expect(point).toEqual(before);
    }
  });
  // Central differences err by h² f‴ / 6 + ε f / h: 1e-7 of the values in these boxes; a wrong sign errs by 1.
  test("the gradient is that of the value", () => {
    for (const point of points) {
      const slopes = Float64Array.from(point, (_, i) => {
        const axis = point.map((_each, j) => (i === j ? 1 : 0));
        return difference((x) => [make().value(x)], point, axis)[0]!;
      });
      close(make().valueAndGradient(point).gradient, slopes, 1e-5);
    }
  });
  test("the product is that of the Hessian", () => {
    for (const point of points) {
      const v = point.map(() => random.uniform(-1, 1));
      close(
        make().hessianVector(point, v),
        difference((x) => make().valueAndGradient(x).gradient, point, v),
        1e-5,
      );
    }
  });
  test("is lowest at its minima, but for noise", () => {
    if (name === "noisyQuadratic") return expect(minimum.value).toBeGreaterThan(0);
    for (const point of minimum.points) {
      expect(make().value(point)).toBeCloseTo(minimum.value, 12);
      close(make().valueAndGradient(point).gradient, new Float64Array(dimensions), 1e-6);
    }
    for (const point of points) expect(make().value(point)).toBeGreaterThan(minimum.value);
  });
});

describe("the noisy quadratic", () => {
  const values = (seed: number) => {
    const surface = noisyQuadratic({ dimensions: 4, condition: 100, noise: 0.5, seed });
    return Array.from({ length: 20_000 }, () => surface.value([0, 0, 0, 0]));
  };
  test("is noisy, and the same for the same seed", () => {
    expect(values(1)).toEqual(values(1));
    expect(values(1).slice(0, 4)).not.toEqual(values(2).slice(0, 4));
    expect(new Set(values(1)).size).toBe(20_000);
  });
  test("is its minimum on average", () => {
    const { minimum } = noisyQuadratic({ dimensions: 4, condition: 100, noise: 0.5 });
    const mean = values(3).reduce((sum, value) => sum + value, 0) / 20_000;
    // The deviation of the mean is 1 % at most: 1.3 % of a value, over √20 000, times four.
    expect(Math.abs(mean / minimum.value - 1)).toBeLessThan(0.04);
  });
});

test.each([
  ["rosenbrock: dimensions: wanted an integer ≥ 2, got 1", () => rosenbrock({ dimensions: 1 })],
  ["sphere: dimensions: wanted an integer ≥ 1, got 0", () => sphere({ dimensions: 0 })],
  ["quadratic: condition: wanted a finite number > 0, got 0", () => quadratic({ condition: 0 })],
  ["noisyQuadratic: noise: wanted a number ≥ 0, got -1", () => noisyQuadratic({ noise: -1 })],
])("refused: %s", (message, make) => {
  expect(make).toThrow(OptionError);
  expect(make).toThrow(message);
});
