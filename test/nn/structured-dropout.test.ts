// Dropout of whole channels and of whole branches.
import { describe, expect, test } from "vitest";
import { OptionError, ShapeError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import type { Layer } from "#src/index";
import { spatialDropout1d, spatialDropout2d, stochasticDepth } from "#src/layers";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { runEverywhere } from "../support/check-op.ts";
import { Trial } from "../support/run.ts";

const RATE = 0.25;

/** What a layer, applied twice to ones, makes at a step, with the gradient of the first. */
async function run(layer: Layer, shape: readonly number[], step: number): Promise<number[][]> {
  const graph = new Graph("train", 3);
  const x = graph.input("x", shape);
  const [first, second] = [layer(x), layer(x)];
  const tensors = [first, second, gradients(sum(first), [x])[0]!];
  const trial = new Trial(new Map([[x, new Float32Array(x.size).fill(1)]]), tensors);
  trial.step = step;
  const results: number[][] = [];
  const outputs = tensors.map((tensor, k) => ({ name: `${k}`, tensor }));
  await runEverywhere(trial, outputs, (_, k, got) => {
    results[k] = Array.from(got);
  });
  return results;
}

describe.each<[string, (rate: number) => Layer, readonly number[], (at: readonly number[]) => string]>([
  ["spatialDropout2d", spatialDropout2d, [40, 2, 3, 25], ([n, , , c]) => `${n} ${c}`],
  ["spatialDropout1d", spatialDropout1d, [40, 4, 25], ([n, , c]) => `${n} ${c}`],
  ["stochasticDepth", stochasticDepth, [1000, 2, 3], ([n]) => `${n}`],
])("%s", (name, make, shape, groupOf) => {
  const size = shape.reduce((product, n) => product * n, 1);
  const positions = Array.from({ length: size }, (_, i) => {
    let rest = i;
    return shape
      .toReversed()
      .map((n) => {
        const at = rest % n;
        rest = Math.floor(rest / n);
        return at;
      })
      .toReversed();
  });
  test("drops all that belongs together or nothing of it, and scales the rest", async () => {
    const [y] = await run(make(RATE), shape, 1);
    const groups = new Map<string, Set<number>>();
    for (const [i, value] of y!.entries()) {
      const group = groupOf(positions[i]!);
      groups.set(group, (groups.get(group) ?? new Set()).add(value));
    }
    expect(groups.size).toBe(1000);
    const kept = [...groups.values()].filter((values) => values.has(Math.fround(1 / (1 - RATE))));
    const dropped = [...groups.values()].filter((values) => values.has(0));
    expect([...groups.values()].every((values) => values.size === 1)).toBe(true);
    expect(kept.length + dropped.length).toBe(1000);
    // A thousand draws: four deviations of 14 around 250.
    expect(Math.abs(dropped.length - 250)).toBeLessThan(56);
  });
  test("draws anew at each step and each use; the gradient has the same mask", async () => {
    const layer = make(RATE);
    const [first, second, gradient] = await run(layer, shape, 1);
    const [later] = await run(layer, shape, 2);
    const [again] = await run(make(RATE), shape, 1);
    expect(gradient).toEqual(first);
    expect(again).toEqual(first);
    expect(second).not.toEqual(first);
    expect(later).not.toEqual(first);
  });
  test("does nothing in prediction and without a rate", () => {
    const predict = new Graph("predict").input("x", shape);
    expect(make(RATE)(predict)).toBe(predict);
    const train = new Graph("train").input("x", shape);
    expect(make(0)(train)).toBe(train);
  });
  test.each([-0.1, 1, Number.NaN])("refuses the rate %s", (rate) => {
    expect(() => make(rate)).toThrow(new OptionError(`${name}: rate: wanted 0 ≤ rate < 1, got ${rate}`));
  });
});

test("channels are those of one rank", () => {
  for (const mode of ["train", "predict"] as const) {
    const matrix: Tensor = new Graph(mode).input("x", [3, 4]);
    expect(() => spatialDropout2d(0.5)(matrix)).toThrow(
      new ShapeError("spatialDropout2d: wanted f32 [batch, height, width, channels], got f32 [3, 4]"),
    );
    expect(() => spatialDropout1d(0.5)(matrix)).toThrow(ShapeError);
  }
});
