// Gradients of gradients: of the ops whose gradient is a kernel, against differences of the gradient.
import { describe, expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { OptionError } from "#src/core/errors";
import { createEngineSync } from "#src/engine/engine";
import { Graph, type Tensor } from "#src/graph/tensor";
import { activations, elu, leakyRelu } from "#src/ops/activation";
import { abs, clamp, erf, mul, reciprocal, rsqrt, sqrt, square } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";

const engine = createEngineSync({ numerics: "exact" });
const POINTS = [-2.75, -1.5, -0.625, -0.25, 0.375, 0.75, 1.25, 2.5, 3.5, 5];
const WEIGHTS = POINTS.map((_, i) => 1 + (i % 3) / 2);

/** For f(x) weighted at each point: the gradient, and the gradient of that, weighted again. */
function derivatives(f: (x: Tensor) => Tensor, points: readonly number[]) {
  const graph = new Graph();
  const x = graph.input("x", [points.length]);
  const [first] = gradients(sum(mul(f(x), WEIGHTS.slice(0, points.length))), [x]);
  const [second] = gradients(sum(mul(first!, first!)), [x]);
  const placements = new Map(
    [x, first!, ...(second ? [second] : [])].map((tensor, k) => [tensor, { region: `${k}`, offset: 0 }]),
  );
  const loaded = engine.load(compile({ graph, placements }));
  loaded.floats("0").set(points);
  engine.runSync(loaded);
  const read = (region: string) => [...loaded.floats(region, 0, points.length)];
  const answer = { first: read("1"), second: second ? read("2") : points.map(() => 0) };
  loaded.release();
  return answer;
}

const positive = POINTS.map(Math.abs);
const cases: [string, (x: Tensor) => Tensor, readonly number[]][] = [
  ["square", square, POINTS],
  ["sqrt", sqrt, positive],
  ["rsqrt", rsqrt, positive],
  ["reciprocal", reciprocal, POINTS],
  ["erf", erf, POINTS],
  ["abs", abs, POINTS],
  ["clamp", (x) => clamp(x, -1, 2), POINTS],
  ["elu of slope 2", (x) => elu(x, 2), POINTS],
  ["leakyRelu of slope 0.3", (x) => leakyRelu(x, 0.3), POINTS],
  ...Object.entries(activations)
    .filter(([name]) => name !== "geluTanh" && name !== "mish")
    .map(([name, f]): [string, (x: Tensor) => Tensor, readonly number[]] => [name, f as never, POINTS]),
];

describe.each(cases)("%s twice", (_, f, points) => {
  test("is the slope of the gradient", () => {
    const { first, second } = derivatives(f, points);
    // A power of two, so that the points beside each are exact.
    const h = 2 ** -9;
    const [above, below] = [h, -h].map(
      (d) =>
        derivatives(
          f,
          points.map((x) => x + d),
        ).first,
    );
    for (const [i, got] of second.entries()) {
      const slope = (above![i]! - below![i]!) / (2 * h);
      const wanted = 2 * first[i]! * slope;
      // The difference's own error: h² of a third derivative, and roundings of 6e-8 over 2h.
      expect(Math.abs(got - wanted)).toBeLessThan(2e-3 * (1 + Math.abs(wanted)));
    }
  });
});

test.each(["geluTanh", "mish"] as const)("%s is refused by name", (name) => {
  expect(() => derivatives(activations[name], POINTS)).toThrow(
    new OptionError(`${name}Gradient: has no gradient, but the loss depends on parameters through it`),
  );
});
