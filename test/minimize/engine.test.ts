// What joins minimization to the engine: functions of tensors as objectives, optimizers of training as methods.
import { describe, expect, test } from "vitest";
import { add, createEngineSync, geluTanh, mean, mul, square, sub, sum, type Tensor } from "#src/index";
import { slice } from "#src/layers";
import {
  beale,
  descent,
  differentiable,
  lbfgs,
  minimize,
  minimizeSync,
  newtonCg,
  quadratic,
  rosenbrock,
  sphere,
} from "#src/minimize/index";
import {
  adagrad,
  adam,
  adamW,
  chain,
  clipByGlobalNorm,
  lamb,
  lion,
  nadam,
  polyakSgd,
  rmsprop,
  rprop,
  sam,
  sgd,
  type Transform,
  yogi,
} from "#src/optim/index";

const engine = createEngineSync({ numerics: "exact" });

/** Rosenbrock's valley by ops, for any n. */
const valley = (x: Tensor): Tensor => {
  const [n] = x.shape as [number];
  const left = slice(x, [0], [n - 1]);
  const right = slice(x, [1], [n - 1]);
  return sum(add(mul(square(sub(right, square(left))), 100), square(sub(1, left))));
};

describe("differentiable", () => {
  const objective = differentiable(valley, { engine });
  const surface = rosenbrock({ dimensions: 5 });
  const point = Float64Array.of(0.5, -1.25, 0.75, 1.5, -0.5);

  test("value, gradient and Hessian-vector products are the function's", async () => {
    const near = (got: ArrayLike<number>, wanted: ArrayLike<number>) => {
      expect(got.length).toBe(wanted.length);
      // Some ten roundings of 6e-8 of numbers up to 2000.
      for (let i = 0; i < wanted.length; i++) expect(Math.abs(got[i]! - wanted[i]!)).toBeLessThan(2e-3);
    };
    const { value, gradient } = await objective.valueAndGradient(point);
    const wanted = surface.valueAndGradient(point);
    near([value, await objective.value(point)], [wanted.value, wanted.value]);
    near(gradient, wanted.gradient);
    const vector = Float64Array.of(1, 0.5, -0.25, 2, -1);
    near(await objective.hessianVector(point, vector), surface.hessianVector(point, vector));
  });

  test("methods with gradients and products reach its minimum", async () => {
    for (const method of [lbfgs({ lineSearch: "strong-wolfe", gradientTolerance: 1e-3 }), newtonCg()]) {
      const { point: lowest } = await minimize(objective, [-1.2, 1, -1.2, 1], method, { maxSteps: 500 });
      for (const x of lowest) expect(Math.abs(x - 1)).toBeLessThan(1e-2);
    }
  });

  test("what does not depend on the point has no slope, and a line no curvature", async () => {
    const flat = differentiable((x) => x.graph.constant(3), { engine });
    expect(await flat.valueAndGradient(point)).toEqual({ value: 3, gradient: new Float32Array(5) });
    const line = differentiable((x) => sum(x), { engine });
    expect(await line.hessianVector(point, point)).toEqual(new Float32Array(5));
  });

  test("wants a scalar, and ops that are twice differentiable for a product", async () => {
    await expect(differentiable((x) => x, { engine }).value(point)).rejects.toMatchObject({
      name: "ShapeError",
      message: "differentiable: wanted a scalar, got [5]",
    });
    const once = differentiable((x) => mean(geluTanh(x)), { engine });
    expect((await once.valueAndGradient(point)).gradient.length).toBe(5);
    await expect(once.hessianVector(point, point)).rejects.toMatchObject({
      name: "OptionError",
      message: "geluTanhGradient: has no gradient, but the loss depends on parameters through it",
    });
  });
});

describe("descent", () => {
  test.each<[string, Transform]>([
    ["sgd", sgd({ learningRate: 0.1 })],
    ["momentum", sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true })],
    ["adam", adam({ learningRate: 0.05 })],
    ["adagrad, whose state begins at a number", adagrad({ learningRate: 0.5, initialAccumulator: 0.1 })],
    ["rmsprop", rmsprop({ learningRate: 0.02 })],
    ["rprop", rprop()],
    ["nadam", nadam({ learningRate: 0.05 })],
    ["yogi", yogi({ learningRate: 0.1 })],
    ["lion", lion({ learningRate: (step) => 0.1 / Math.sqrt(step) })],
    ["lamb, by ops", lamb({ learningRate: (step) => 0.1 / Math.sqrt(step) })],
    ["polyakSgd, by the value", polyakSgd({ largestRate: 0.3 })],
    ["a chain", chain(clipByGlobalNorm(1), adamW({ learningRate: 0.05, weightDecay: 0 }))],
  ])("%s comes down a bowl", (_, optimizer) => {
    const x0 = [1, -2, 0.5];
    const method = descent(optimizer, { engine });
    const { value, steps, point } = minimizeSync(sphere({ dimensions: 3 }), x0, method, { maxSteps: 1000 });
    expect(value).toBeLessThan(1e-2);
    expect(steps).toBeGreaterThan(1);
    expect(point.length).toBe(3);
    expect(x0).toEqual([1, -2, 0.5]);
  });

  test("takes the steps of its formula", () => {
    const surface = quadratic({ dimensions: 4, condition: 100 });
    const method = descent(sgd({ learningRate: 0.01, momentum: 0.9 }), { engine });
    const { trajectory } = minimizeSync(surface, surface.start, method, { maxSteps: 50, trajectory: true });
    const x = Float64Array.from(surface.start);
    const v = new Float64Array(4);
    for (const { point } of trajectory!.slice(1)) {
      const { gradient } = surface.valueAndGradient(x);
      for (let i = 0; i < 4; i++) {
        v[i] = 0.9 * v[i]! + gradient[i]!;
        x[i]! -= 0.01 * v[i]!;
        // 50 steps of a few roundings of 6e-8 of numbers near 1.
        expect(Math.abs(point[i]! - x[i]!)).toBeLessThan(1e-5);
      }
    }
    expect(trajectory!.length).toBe(51);
  });

  test("Adam finds the minimum of Rosenbrock's valley and of Beale's plain, without an engine of one's own", () => {
    const method = descent(adam({ learningRate: 0.05 }));
    expect(minimizeSync(rosenbrock(), [-1.2, 1], method, { maxSteps: 5000, target: 1e-5 }).reason).toBe(
      "target",
    );
    expect(minimizeSync(beale(), [1, 1], method, { maxSteps: 5000, target: 1e-5 }).reason).toBe("target");
  });

  test("ends where the gradient is small, or the function leaves the numbers", () => {
    const gentle = descent(sgd({ learningRate: 0.4 }), { engine, gradientTolerance: 1e-3 });
    expect(minimizeSync(sphere(), [1, 1], gentle).reason).toBe("converged");
    const wild = descent(sgd({ learningRate: 10 }), { engine });
    expect(minimizeSync(rosenbrock(), [-1.2, 1], wild).reason).toBe("non-finite");
  });

  test("leaves no memory behind, and wants one gradient a step", () => {
    const before = engine.memoryUsed;
    minimizeSync(sphere(), [1, 1], descent(adam(), { engine }), { maxSteps: 10 });
    expect(engine.memoryUsed).toBe(before);
    expect(() => minimizeSync(sphere(), [1, 1], descent(sam(sgd()), { engine }))).toThrow(
      "descent: sam: wanted an optimizer of one gradient a step",
    );
    expect(engine.memoryUsed).toBe(before);
    expect(() => descent(adam(), { gradientTolerance: -1 })).toThrow("descent: gradientTolerance");
  });
});
