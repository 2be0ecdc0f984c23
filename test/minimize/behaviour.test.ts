// What sets each method apart: invariances, schedules, custom parts, curvature, and the pieces beneath.
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/index";
import { eigen } from "#src/minimize/eigen";
import {
  annealing,
  antitheticEvolution,
  cmaEs,
  evolutionStrategy,
  lbfgs,
  type Method,
  minimize,
  minimizeSync,
  nelderMead,
  newtonCg,
  quadratic,
  rosenbrock,
  sphere,
} from "#src/minimize/index";
import { draws } from "./draws.ts";

const ones = (n: number) => new Array<number>(n).fill(1);

describe("eigen", () => {
  test.each([1, 2, 3, 8, 20])("of %i dimensions gives the matrix back, by orthonormal vectors", (n) => {
    const random = draws(n);
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = i; j < n; j++) matrix[i * n + j] = matrix[j * n + i] = random.uniform(-1, 1);
    const before = matrix.slice();
    const { values, vectors } = eigen(matrix, n);
    expect(matrix).toEqual(before);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        let product = 0;
        let square = 0;
        for (let k = 0; k < n; k++) {
          product += vectors[i * n + k]! * values[k]! * vectors[j * n + k]!;
          square += vectors[k * n + i]! * vectors[k * n + j]!;
        }
        // Backward stable: n ε ‖A‖, with room.
        expect(Math.abs(product - matrix[i * n + j]!)).toBeLessThan(1e-13 * n);
        expect(Math.abs(square - (i === j ? 1 : 0))).toBeLessThan(1e-14 * n);
      }
    }
  });
  test("bears equal, zero and far apart values", () => {
    expect([...eigen(new Float64Array(9), 3).values]).toEqual([0, 0, 0]);
    expect([...eigen(Float64Array.of(2, 0, 0, 2), 2).values]).toEqual([2, 2]);
    const [a, b] = eigen(Float64Array.of(1e12, 1, 1, 1), 2).values;
    expect([a, b! * (1 + 1e-12)]).toEqual([1e12, expect.closeTo(1, 10)]);
  });
});

describe("CMA-ES", () => {
  const n = 8;
  /** An ellipsoid of condition 1e6 across the axes. */
  function turned(point: Float64Array): number {
    const { value } = quadratic({ dimensions: n, condition: 1e6 });
    const mean = (2 / n) * point.reduce((sum, x) => sum + x, 0);
    // Householder's reflection at the plane across (1, …, 1).
    return value(point.map((x) => x - mean));
  }
  const run = (method: Method, objective: (point: Float64Array) => number) =>
    minimizeSync(objective, ones(n), method, { target: 1e-8, maxEvaluations: 20_000, seed: 1 });

  test("learns the shape of a valley across the axes as fast as along them", () => {
    const along = run(cmaEs(), quadratic({ dimensions: n, condition: 1e6 }).value);
    const across = run(cmaEs(), turned);
    expect([along.reason, across.reason]).toEqual(["target", "target"]);
    expect(across.evaluations).toBeLessThan(1.3 * along.evaluations);
  });
  test("diagonal is faster along the axes, and not across", () => {
    const full = run(cmaEs(), quadratic({ dimensions: n, condition: 1e6 }).value);
    const along = run(cmaEs({ covariance: "diagonal" }), quadratic({ dimensions: n, condition: 1e6 }).value);
    expect(along.reason).toBe("target");
    expect(along.evaluations).toBeLessThan(full.evaluations);
    expect(run(cmaEs({ covariance: "diagonal" }), turned).reason).toBe("evaluations");
  });
  test("learns from the path of the mean and from the samples of large generations", () => {
    const cigar = (x: Float64Array) =>
      1e6 * x.reduce((sum, each) => sum + each * each, 0) - (1e6 - 1) * x[0]! * x[0]!;
    const one = minimizeSync(cigar, ones(10), cmaEs(), { target: 1e-8, maxEvaluations: 20_000 });
    // 4200; without the path (c₁ = 0) it takes 10 000.
    expect(one.evaluations).toBeLessThan(6000);
    const many = minimizeSync(
      quadratic({ dimensions: 10, condition: 1e6 }),
      ones(10),
      cmaEs({ population: 100 }),
      {
        target: 1e-8,
        maxSteps: 600,
      },
    );
    // 110 generations; without the samples (c_μ = 0) it takes 480.
    expect(many.steps).toBeLessThan(200);
  });
  test("sees ranks alone", () => {
    const { value } = rosenbrock();
    const plain = minimizeSync(value, [-1, 1], cmaEs(), { trajectory: true, maxSteps: 60 });
    const squashed = minimizeSync((x) => Math.sqrt(value(x)), [-1, 1], cmaEs(), {
      trajectory: true,
      maxSteps: 60,
    });
    expect(squashed.trajectory!.map(({ point }) => point)).toEqual(
      plain.trajectory!.map(({ point }) => point),
    );
  });
  test("takes about as many evaluations as are published for the sphere", () => {
    const found = minimizeSync(sphere({ dimensions: 10 }), ones(10), cmaEs({ sigma: 0.3 }), {
      target: 1e-9,
      seed: 2,
    });
    // Hansen & Ostermeier 2001 and pycma: 1500 to 2100 evaluations down to 1e-9 or 1e-10 in ten dimensions.
    expect(found.evaluations).toBeGreaterThan(1000);
    expect(found.evaluations).toBeLessThan(2200);
  });
  test("a flat function is converged, not for ever", () => {
    expect(minimizeSync(() => 1, [1, 2], cmaEs()).reason).toBe("converged");
  });
});

describe("annealing", () => {
  test("without warmth is a descent", () => {
    const { trajectory } = minimizeSync(
      rosenbrock(),
      [-1, 1],
      annealing({ temperature: () => 0, freezing: 0 }),
      {
        trajectory: true,
        maxSteps: 200,
      },
    );
    expect(trajectory!.every(({ value }, i) => i === 0 || value <= trajectory![i - 1]!.value)).toBe(true);
  });
  test("with warmth goes uphill as often as Metropolis says", () => {
    // From 0 to 1 and back: up with probability 1/e, down always; so it is above for 1 / (1 + e) of the time.
    const toggle = (point: Float64Array) => [1 - point[0]!];
    const method = annealing({ temperature: () => 1, neighbour: toggle });
    const { trajectory } = minimizeSync(([x]) => x!, [0], method, { trajectory: true, maxSteps: 10_000 });
    const above = trajectory!.filter(({ value }) => value === 1).length / trajectory!.length;
    expect(Math.abs(above - 1 / (1 + Math.E))).toBeLessThan(0.02);
  });
  test("a neighbour of one's own gets a copy, the temperature and the seed's numbers", () => {
    const seen: number[] = [];
    const neighbour = (
      point: Float64Array,
      temperature: number,
      random: { uniform(): number; normal(): number },
    ) => {
      seen.push(temperature, random.uniform(), random.normal());
      return point.fill(Math.round(10 * random.uniform()));
    };
    const run = (seed: number) =>
      minimizeSync(([x]) => Math.abs(x! - 7), [0], annealing({ neighbour, cooling: 0.5 }), {
        maxSteps: 25,
        seed,
      });
    expect(run(1).value).toBe(0);
    // One more is made before the limit ends it.
    expect(seen.filter((_, i) => i % 3 === 0).slice(0, 25)).toEqual(
      Array.from({ length: 25 }, (_, i) => 0.5 ** i),
    );
    expect(seen[1]).toBeGreaterThan(0);
    expect(seen[1]).toBeLessThan(1);
  });
  test("a schedule that leaves its range is refused with its step", () => {
    const method = annealing({ temperature: (step) => (step === 1 ? 1 : -1) });
    expect(() => minimizeSync(([x]) => x! * x!, [1], method)).toThrow(OptionError);
    expect(() => minimizeSync(([x]) => x! * x!, [1], method)).toThrow(
      "annealing: temperature: wanted a finite number ≥ 0, got -1 at step 2",
    );
  });
});

describe("evolution strategies", () => {
  test("the antithetic gradient of a slope points down it, by the length that ranks give", () => {
    const { trajectory } = minimizeSync(
      ([x]) => x!,
      [0, 0],
      antitheticEvolution({ population: 2000, sigma: 0.1, learningRate: 0.01 }),
      {
        maxSteps: 1,
        trajectory: true,
      },
    );
    const [x, y] = trajectory![1]!.point;
    // E[u ε] for centred ranks of a normal number is 1 / (2 √π); the error of the estimate is about 1 %.
    expect(x! / ((-0.01 / 0.1) * (1 / (2 * Math.sqrt(Math.PI))))).toBeCloseTo(1, 1);
    expect(Math.abs(y!)).toBeLessThan(0.1 * Math.abs(x!));
  });
  test("they ask for as many points as they say", () => {
    const { value } = sphere();
    expect(
      minimizeSync(value, [1, 1], antitheticEvolution({ population: 6 }), { maxSteps: 3 }).evaluations,
    ).toBe(1 + 3 * 7);
    expect(
      minimizeSync(value, [1, 1], evolutionStrategy({ parents: 2, offspring: 9 }), { maxSteps: 3 })
        .evaluations,
    ).toBe(1 + 27);
    expect(minimizeSync(value, [1, 1], cmaEs({ population: 9 }), { maxSteps: 3 }).evaluations).toBe(1 + 27);
  });
});

describe("methods with gradients", () => {
  test("Newton-CG solves a quadratic as exactly as it is asked, and takes little of many dimensions", () => {
    const found = minimizeSync(quadratic({ dimensions: 50, condition: 1e3 }), ones(50), newtonCg());
    expect(found.reason).toBe("converged");
    expect(found.value).toBeLessThan(1e-12);
    const valley = rosenbrock({ dimensions: 100 });
    expect(minimizeSync(valley, new Float64Array(100), newtonCg(), { maxSteps: 500 }).value).toBeLessThan(
      1e-12,
    );
  });
  test("Newton-CG leaves a saddle's slope downhill, where the curvature is negative", () => {
    // x² − y² + y⁴ / 4, lowest at y = ±√2.
    const saddle = {
      valueAndGradient: ([x, y]: Float64Array) => ({
        value: x! * x! - y! * y! + (y! * y! * y! * y!) / 4,
        gradient: [2 * x!, -2 * y! + y! * y! * y!],
      }),
      hessianVector: ([, y]: Float64Array, [v, w]: Float64Array) => [2 * v!, (3 * y! * y! - 2) * w!],
    };
    for (const y of [0.01, 0.5, -0.3]) {
      const found = minimizeSync(saddle, [1, y], newtonCg());
      expect(found.reason).toBe("converged");
      expect(found.value).toBeCloseTo(-1, 10);
      expect(Math.sign(found.point[1]!)).toBe(Math.sign(y));
    }
  });
  test("a search keeps the value falling", () => {
    for (const method of [lbfgs({ lineSearch: "strong-wolfe", learningRate: 3 }), newtonCg()]) {
      const { trajectory } = minimizeSync(rosenbrock({ dimensions: 4 }), [-1.2, 1, -1.2, 1], method, {
        trajectory: true,
      });
      expect(trajectory!.length).toBeGreaterThan(10);
      expect(trajectory!.every(({ value }, i) => i === 0 || value < trajectory![i - 1]!.value)).toBe(true);
    }
  });
  test("at the minimum nothing is done", () => {
    for (const method of [lbfgs(), lbfgs({ lineSearch: "strong-wolfe" }), newtonCg()]) {
      expect(minimizeSync(sphere(), [0, 0], method)).toMatchObject({
        steps: 0,
        evaluations: 1,
        reason: "converged",
      });
    }
  });
  test("a gradient of the wrong sign gets stuck instead of climbing", () => {
    const wrong = (point: Float64Array) => ({ value: point[0]! * point[0]!, gradient: [-2 * point[0]!] });
    const found = minimizeSync(wrong, [1], lbfgs({ lineSearch: "strong-wolfe" }));
    expect(found.value).toBe(1);
    expect(found.reason).toBe("stuck");
  });
});

test("Nelder–Mead begins beside a bound, inside the box", () => {
  const found = minimizeSync(sphere(), [5, 5], nelderMead(), { bounds: { lower: -5, upper: 5 } });
  expect(found.value).toBeLessThan(1e-7);
});

test("timers get their turn while it runs", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  await minimize(([x]) => x!, [0], annealing({ freezing: 0, temperature: () => 1 }), {
    maxSteps: 1e9,
    seconds: 0.3,
  });
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(3);
});
