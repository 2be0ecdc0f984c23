// Every method times every check: it finds minima, repeats itself to the bit, ends for each reason, and bears bad input.
import { describe, expect, test } from "vitest";
import { NonFiniteError, OptionError, ShapeError } from "#src/index";
import {
  ackley,
  annealing,
  antitheticEvolution,
  cmaEs,
  type EndReason,
  evolutionStrategy,
  lbfgs,
  type Method,
  type MinimizeOptions,
  minimize,
  minimizeSync,
  nelderMead,
  newtonCg,
  type Objective,
  rastrigin,
  rosenbrock,
} from "#src/minimize/index";

interface Row {
  readonly method: Method;
  /** What it gets for the easy problems. */
  readonly limits?: MinimizeOptions;
  /** How near its values come to the minimum. */
  readonly within: number;
  readonly random?: boolean;
  /** Whether it finds the lowest of many minima in two dimensions; those that go downhill alone do not. */
  readonly global?: boolean;
}

const METHODS: Record<string, Row> = {
  nelderMead: { method: nelderMead(), within: 1e-7 },
  "nelderMead, adaptive": { method: nelderMead({ coefficients: "adaptive", edge: 0.5 }), within: 1e-7 },
  cmaEs: { method: cmaEs({ sigma: 1.5, population: 30 }), within: 1e-12, random: true, global: true },
  "cmaEs, diagonal": {
    method: cmaEs({ sigma: 1.5, population: 30, covariance: "diagonal" }),
    within: 1e-9,
    random: true,
    global: true,
  },
  "annealing, gaussian": {
    method: annealing({ temperature: 1, scale: 2 }),
    limits: { maxSteps: 20_000 },
    within: 1e-6,
    random: true,
    global: true,
  },
  "annealing, cauchy": {
    method: annealing({ temperature: 1, scale: 1, neighbour: "cauchy" }),
    limits: { maxSteps: 20_000 },
    within: 1e-6,
    random: true,
    global: true,
  },
  evolutionStrategy: {
    method: evolutionStrategy({ parents: 10, sigma: 2 }),
    limits: { maxSteps: 5000 },
    within: 1e-9,
    random: true,
    global: true,
  },
  antitheticEvolution: {
    method: antitheticEvolution({
      population: 40,
      momentum: 0.9,
      sigma: (step) => 1.5 * 0.99 ** step + 0.01,
      learningRate: (step) => 0.2 * 0.985 ** step + 1e-4,
    }),
    limits: { maxSteps: 1500 },
    within: 1e-3,
    random: true,
    global: true,
  },
  lbfgs: { method: lbfgs(), within: 1e-9 },
  "lbfgs, strong Wolfe": { method: lbfgs({ lineSearch: "strong-wolfe", historySize: 5 }), within: 1e-9 },
  newtonCg: { method: newtonCg(), within: 1e-12 },
};
const rows = Object.entries(METHODS);

/** (x − 1)² + 3 (y + 2)² + 5, lowest at (1, −2). */
const parabola: Objective = {
  value: ([x, y]) => (x! - 1) * (x! - 1) + 3 * (y! + 2) * (y! + 2) + 5,
  valueAndGradient: (point) => ({
    value: parabola.value!(point),
    gradient: [2 * (point[0]! - 1), 6 * (point[1]! + 2)],
  }),
  hessianVector: (_, [v, w]) => [2 * v!, 6 * w!],
};

/** x − log x, lowest at 1; NaN below 0, where the methods are led by long first steps. */
const fenced: Objective = {
  value: ([x]) => x! - Math.log(x!),
  valueAndGradient: ([x]) => ({ value: x! - Math.log(x!), gradient: [1 - 1 / x!] }),
  hessianVector: ([x], [v]) => [v! / (x! * x!)],
};

describe.each(rows)("%s", (name, { method, limits, within, random, global }) => {
  const needs = method.needs === "value" ? "value" : "valueAndGradient";

  test("reaches the bottom of a parabola", () => {
    const found = minimizeSync(parabola, [4, 4], method, { ...limits, seed: 1 });
    expect(found.value - 5).toBeLessThan(within);
    expect(Math.abs(found.point[0]! - 1) + Math.abs(found.point[1]! + 2)).toBeLessThan(4 * Math.sqrt(within));
    expect(parabola.value!(found.point)).toBe(found.value);
  });
  test("reaches the end of Rosenbrock's valley", () => {
    const { value, point } = minimizeSync(rosenbrock(), [-1.2, 1], method, { ...limits, seed: 1 });
    // The cautious ones walk the valley for long.
    expect(value).toBeLessThan(name === "antitheticEvolution" ? 0.3 : within);
    expect(value).toBe(rosenbrock().value(point));
  });
  if (global)
    test.each([ackley(), rastrigin()])("finds the lowest of the many minima of $name", (surface) => {
      const found = minimizeSync(surface, surface.start, method, { ...limits, seed: 3 });
      // The second lowest are at 1 and 2. Ackley's is a tip: twice as far is twice as high.
      expect(found.value).toBeLessThan(Math.max(1e-4, 20 * within));
    });

  test("the same seed gives the same bits, another seed others where there is chance", () => {
    const run = (seed?: number) =>
      minimizeSync(rosenbrock(), [-1.2, 1], method, {
        trajectory: true,
        maxSteps: 10,
        ...(seed !== undefined && { seed }),
      });
    expect(run(1)).toEqual(run(1));
    expect(run()).toEqual(run(0));
    if (random) expect(run(1).trajectory).not.toEqual(run(2).trajectory);
    else expect(run(1)).toEqual(run(2));
  });
  test("with promises it goes the same way", async () => {
    const surface = rosenbrock();
    const options = { trajectory: true, maxSteps: 10, seed: 1 };
    const slow = {
      value: async (point: Float64Array) => surface.value(point),
      valueAndGradient: async (point: Float64Array) => surface.valueAndGradient(point),
      hessianVector: async (point: Float64Array, v: Float64Array) => surface.hessianVector(point, v),
    };
    const found = await minimize(slow, [-1.2, 1], method, options);
    expect(found).toEqual(minimizeSync(surface, [-1.2, 1], method, options));
    expect(found).toEqual(await minimize(surface, [-1.2, 1], method, options));
  });

  test.each<[EndReason, MinimizeOptions]>([
    ["target", { target: 5.5 }],
    ["target", { target: 1e9 }],
    ["steps", { maxSteps: 1 }],
    ["steps", { maxSteps: 0 }],
    ["evaluations", { maxEvaluations: 2 }],
    ["evaluations", { maxEvaluations: 1 }],
    ["time", { seconds: 0 }],
    ["stopped", { onStep: ({ step }) => (step === 1 ? "stop" : undefined) }],
  ])("ends for %s: %o", (reason, options) => {
    let calls = 0;
    const counted: Objective = {
      [needs](point: Float64Array) {
        calls++;
        return parabola[needs]!(point);
      },
      hessianVector(point, vector) {
        calls++;
        return parabola.hessianVector!(point, vector);
      },
    };
    const found = minimizeSync(counted, [4, 5], method, { ...limits, ...options });
    expect(found.reason).toBe(reason);
    expect(found.evaluations).toBe(calls);
    if (options.target !== undefined) expect(found.value).toBeLessThanOrEqual(options.target);
    if (options.maxSteps !== undefined) expect(found.steps).toBe(options.maxSteps);
    if (options.maxEvaluations !== undefined) expect(calls).toBe(options.maxEvaluations);
    if (reason === "time") expect(calls).toBe(1);
    if (reason === "stopped") expect(found.steps).toBe(1);
  });
  test("ends by itself if it has a tolerance", () => {
    const wanted = name === "antitheticEvolution" ? ["steps", 100] : ["converged", 30_000];
    const maxSteps = wanted[1] as number;
    expect(minimizeSync(parabola, [4, 4], method, { maxSteps, seed: 1 }).reason).toBe(wanted[0]);
  });
  test("its trajectory is its steps", () => {
    const heard: number[] = [];
    const found = minimizeSync(parabola, [4, 4], method, {
      trajectory: true,
      maxSteps: 3,
      onStep: ({ step }) => void heard.push(step),
    });
    const trajectory = found.trajectory!;
    expect(trajectory.map(({ step }) => step)).toEqual(Array.from({ length: found.steps + 1 }, (_, i) => i));
    expect(heard).toEqual(trajectory.map(({ step }) => step));
    expect([...trajectory[0]!.point]).toEqual([4, 4]);
    for (const { point, value } of trajectory) expect(parabola.value!(point)).toBe(value);
    expect(
      trajectory.every(({ evaluations }, i) => i === 0 || evaluations > trajectory[i - 1]!.evaluations),
    ).toBe(true);
    expect(minimizeSync(parabola, [4, 4], method, { maxSteps: 3 })).not.toHaveProperty("trajectory");
  });

  test("leaves x0 as it is, takes any numbers, and bears a callee that spoils its point and keeps its gradient", () => {
    const x0 = Float64Array.of(4, 4);
    const buffer = new Float64Array(2);
    const rude: Objective = {
      value(point) {
        const value = parabola.value!(point);
        point.fill(Number.NaN);
        return value;
      },
      valueAndGradient(point) {
        const { value, gradient } = parabola.valueAndGradient!(point);
        buffer.set(gradient);
        point.fill(Number.NaN);
        return { value, gradient: buffer };
      },
      hessianVector(point, vector) {
        buffer.set(parabola.hessianVector!(point, vector));
        vector.fill(Number.NaN);
        return buffer;
      },
    };
    const options = { maxSteps: 5, trajectory: true };
    const found = minimizeSync(rude, x0, method, options);
    expect([...x0]).toEqual([4, 4]);
    expect(found).toEqual(minimizeSync(parabola, [4, 4], method, options));
    expect(found).toEqual(minimizeSync(parabola, Float32Array.of(4, 4), method, options));
  });
  test("takes a function for an objective", () => {
    const f = (point: Float64Array) => parabola.valueAndGradient!(point);
    const objective = method.needs === "hessianVector" ? parabola : f;
    expect(minimizeSync(objective, [4, 4], method, { maxSteps: 5 })).toEqual(
      minimizeSync(parabola, [4, 4], method, { maxSteps: 5 }),
    );
  });

  test("a start where nothing is finite is refused, by a typed error", () => {
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      const bad: Objective = {
        value: () => value,
        valueAndGradient: () => ({ value, gradient: [1] }),
        hessianVector: () => [1],
      };
      expect(() => minimizeSync(bad, [1], method)).toThrow(NonFiniteError);
    }
  });
  test("values that are not finite lead it nowhere", () => {
    const found = minimizeSync(fenced, [3], method, { ...limits, seed: 1 });
    expect(found.point[0]).toBeGreaterThan(0);
    // A fixed step cannot go back; its best point is kept.
    if (name === "lbfgs") expect(found.reason).toBe("non-finite");
    else expect(found.value - 1).toBeLessThan(Math.max(within, 1e-8));
  });
  test("whatever is asked is finite, or what it answers is", () => {
    // Nothing but the start is defined.
    const alone: Objective = {
      value: ([x]) => (x === 3 ? 1 : Number.NaN),
      valueAndGradient: ([x]) => ({ value: x === 3 ? 1 : Number.NaN, gradient: [1] }),
      hessianVector: (_, v) => v,
    };
    const found = minimizeSync(alone, [3], method, { maxSteps: 200 });
    expect([...found.point, found.value]).toEqual([3, 1]);
    const reasons = { value: ["steps", "converged", "stuck"], valueAndGradient: ["stuck", "non-finite"] }[
      needs
    ];
    expect(reasons).toContain(found.reason);
  });

  const bounds = { lower: [2, -Infinity], upper: 6 };
  test(needs === "value" ? "stays within bounds and finds a minimum on them" : "refuses bounds", () => {
    let outside = 0;
    const watched: Objective = {
      ...parabola,
      value([x, y]) {
        if (!(x! >= 2 && x! <= 6 && y! <= 6)) outside++;
        return parabola.value!(Float64Array.of(x!, y!));
      },
    };
    const run = () => minimizeSync(watched, [4, 6], method, { ...limits, bounds, seed: 1 });
    if (needs !== "value") return expect(run).toThrow(`bounds: ${method.name} has none`);
    const found = run();
    expect(outside).toBe(0);
    expect(found.value).toBeGreaterThanOrEqual(6);
    expect(found.value - 6).toBeLessThan(Math.max(within, 1e-6));
  });
});

describe("what cannot be done is refused before anything runs, by name, value and range", () => {
  test.each([
    [
      'nelderMead: coefficients: wanted one of "standard", "adaptive", got "x"',
      () => nelderMead({ coefficients: "x" as never }),
    ],
    ["nelderMead: edge: wanted a finite number > 0, got 0", () => nelderMead({ edge: 0 })],
    ["nelderMead: pointTolerance: wanted a number ≥ 0, got -1", () => nelderMead({ pointTolerance: -1 })],
    ["nelderMead: valueTolerance: wanted a number ≥ 0, got NaN", () => nelderMead({ valueTolerance: NaN })],
    ["cmaEs: sigma: wanted a finite number > 0, got Infinity", () => cmaEs({ sigma: Infinity })],
    ["cmaEs: population: wanted an integer ≥ 4, got 3", () => cmaEs({ population: 3 })],
    [
      'cmaEs: covariance: wanted one of "full", "diagonal", got "half"',
      () => cmaEs({ covariance: "half" as never }),
    ],
    ["cmaEs: pointTolerance: wanted a number ≥ 0, got -1", () => cmaEs({ pointTolerance: -1 })],
    ["cmaEs: valueTolerance: wanted a number ≥ 0, got -1", () => cmaEs({ valueTolerance: -1 })],
    ["annealing: temperature: wanted a finite number > 0, got -1", () => annealing({ temperature: -1 })],
    ["annealing: cooling: wanted 0 ≤ x < 1, got 1", () => annealing({ cooling: 1 })],
    ["annealing: cooling: wanted a finite number > 0, got 0", () => annealing({ cooling: 0 })],
    ["annealing: scale: wanted a finite number > 0, got 0", () => annealing({ scale: 0 })],
    ["annealing: freezing: wanted a number ≥ 0, got -1", () => annealing({ freezing: -1 })],
    [
      'annealing: neighbour: wanted one of "gaussian", "cauchy", got "far"',
      () => annealing({ neighbour: "far" as never }),
    ],
    ["evolutionStrategy: parents: wanted an integer ≥ 1, got 0", () => evolutionStrategy({ parents: 0 })],
    ["evolutionStrategy: offspring: wanted an integer ≥ 6, got 5", () => evolutionStrategy({ offspring: 5 })],
    ["evolutionStrategy: sigma: wanted a finite number > 0, got -1", () => evolutionStrategy({ sigma: -1 })],
    [
      "evolutionStrategy: pointTolerance: wanted a number ≥ 0, got -1",
      () => evolutionStrategy({ pointTolerance: -1 }),
    ],
    [
      "evolutionStrategy: valueTolerance: wanted a number ≥ 0, got -1",
      () => evolutionStrategy({ valueTolerance: -1 }),
    ],
    [
      "antitheticEvolution: population: wanted an even number, got 3",
      () => antitheticEvolution({ population: 3 }),
    ],
    [
      "antitheticEvolution: sigma: wanted a finite number > 0, got 0",
      () => antitheticEvolution({ sigma: 0 }),
    ],
    [
      "antitheticEvolution: learningRate: wanted a finite number ≥ 0, got -1",
      () => antitheticEvolution({ learningRate: -1 }),
    ],
    ["antitheticEvolution: momentum: wanted 0 ≤ x < 1, got 1", () => antitheticEvolution({ momentum: 1 })],
    [
      'lbfgs: lineSearch: wanted one of "none", "strong-wolfe", got "weak"',
      () => lbfgs({ lineSearch: "weak" as never }),
    ],
    ["lbfgs: learningRate: wanted a finite number > 0, got 0", () => lbfgs({ learningRate: 0 })],
    ["lbfgs: historySize: wanted an integer ≥ 1, got 0", () => lbfgs({ historySize: 0 })],
    ["lbfgs: gradientTolerance: wanted a number ≥ 0, got -1", () => lbfgs({ gradientTolerance: -1 })],
    ["lbfgs: changeTolerance: wanted a number ≥ 0, got -1", () => lbfgs({ changeTolerance: -1 })],
    ["newtonCg: maxProducts: wanted an integer ≥ 1, got 0", () => newtonCg({ maxProducts: 0 })],
    ["newtonCg: gradientTolerance: wanted a number ≥ 0, got -1", () => newtonCg({ gradientTolerance: -1 })],
    ["newtonCg: changeTolerance: wanted a number ≥ 0, got -1", () => newtonCg({ changeTolerance: -1 })],
  ])("%s", (message, make) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });

  let calls = 0;
  const f = () => ++calls;
  test.each<[string, MinimizeOptions]>([
    ["maxSteps: wanted a number ≥ 0, got -1", { maxSteps: -1 }],
    ["maxEvaluations: wanted a number ≥ 0, got NaN", { maxEvaluations: NaN }],
    ["seconds: wanted a number ≥ 0, got -1", { seconds: -1 }],
    ["seed: wanted an integer", { seed: 0.5 }],
    ["target: wanted a number, got NaN", { target: NaN }],
    ["bounds: wanted 2 ≤ x0[0] ≤ 3, got 1", { bounds: { lower: 2, upper: 3 } }],
    ["bounds: wanted 0 ≤ x0[0] ≤ NaN, got 1", { bounds: { lower: 0, upper: [NaN] } }],
  ])("minimize: %s", (message, options) => {
    expect(() => minimizeSync(f, [1], nelderMead(), options)).toThrow(OptionError);
    expect(() => minimizeSync(f, [1], nelderMead(), options)).toThrow(`minimize: ${message}`);
    expect(calls).toBe(0);
  });
  test("a start without numbers, or with strange ones, and bounds of another length", () => {
    expect(() => minimizeSync(f, [], nelderMead())).toThrow(ShapeError);
    expect(() => minimizeSync(f, [1, NaN], nelderMead())).toThrow("x0: wanted finite numbers, got [1, NaN]");
    expect(() => minimizeSync(f, [1], nelderMead(), { bounds: { lower: [0, 0], upper: 2 } })).toThrow(
      "bounds: wanted 1 numbers, got 2",
    );
    expect(calls).toBe(0);
  });
  test("an objective that lacks what the method needs", async () => {
    const bare = (point: Float64Array) => point[0]!;
    expect(() => minimizeSync(bare, [1], lbfgs())).toThrow("lbfgs needs { value, gradient }, got 1");
    expect(() => minimizeSync({ value: bare }, [1], lbfgs())).toThrow("lbfgs needs valueAndGradient(point)");
    expect(() => minimizeSync({}, [1], nelderMead())).toThrow("nelderMead needs value(point)");
    expect(() => minimizeSync(bare, [1], newtonCg())).toThrow("newtonCg needs hessianVector(point, vector)");
    expect(() => minimizeSync((() => "1") as never, [1], nelderMead())).toThrow("got 1");
    expect(() => minimizeSync((() => undefined) as never, [1], nelderMead())).toThrow(OptionError);
    expect(() => minimizeSync(() => ({ value: 1, gradient: [1, 2] }), [1], lbfgs())).toThrow(
      "gradient: wanted 1 numbers, got 2",
    );
    expect(() => minimizeSync((async () => 1) as never, [1], nelderMead())).toThrow("use minimize");
    await expect(minimize(async () => Promise.reject(new Error("mine")), [1], nelderMead())).rejects.toThrow(
      "mine",
    );
  });
});
