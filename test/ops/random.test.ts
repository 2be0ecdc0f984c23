import { expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { mul } from "#src/ops/arithmetic";
import { gradients } from "#src/ops/gradients";
import { dropoutMask, randomNormal, randomOrthogonal, randomUniform } from "#src/ops/random";
import { sum } from "#src/ops/reduce";
import { numbersOf, runEverywhere } from "../support/check-op.ts";
import { engineOf } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

/** What a graph of random numbers comes to on one thread. */
async function valuesOf(trial: Trial, tensors: readonly Tensor[], step = 1): Promise<number[][]> {
  trial.step = step;
  const words = await trial.run(await engineOf(1));
  return tensors.map((tensor, k) => [...(numbersOf(tensor, words[k]!) as Float32Array)]);
}

test("numbers depend on seed and stream, not on what else is drawn", async () => {
  const draw = async (seed: number, ...streams: string[]) => {
    const graph = new Graph("train", seed);
    const tensors = streams.map((stream) => randomUniform(graph, [100], stream, 2, 3));
    return valuesOf(new Trial(new Map(), tensors), tensors);
  };
  const [a, b] = await draw(1, "a", "b");
  expect(await draw(1, "b", "c", "a")).toMatchObject([b, {}, a]);
  expect(a).not.toEqual(b);
  expect((await draw(2, "a"))[0]).not.toEqual(a);
  expect(a!.every((x) => x >= 2 && x < 3)).toBe(true);
});

test("every number of threads draws the same", async () => {
  const graph = new Graph("train", 3);
  const x = graph.input("x", [1000]);
  const tensors = [
    randomUniform(graph, [257], "a"),
    randomNormal(graph, [33, 7], "b", 5, 0.5),
    randomOrthogonal(graph, [5, 9], "c"),
    dropoutMask(x, 0.5, "d"),
    // As few elements as one thread takes: it must be the one that makes them orthogonal.
    ...Array.from({ length: 20 }, (_, i) => randomOrthogonal(graph, [3, 3], `small ${i}`)),
  ];
  const trial = new Trial(new Map([[x, new Array(1000).fill(1)]]), tensors);
  let checked = 0;
  await runEverywhere(
    trial,
    tensors.map((tensor) => ({ name: tensor.node.op!.name, tensor })),
    (_, k, numbers) => {
      checked++;
      if (k === 3) expect(new Set(numbers as Float32Array)).toEqual(new Set([0, 2]));
    },
  );
  expect(checked).toBeGreaterThanOrEqual(tensors.length);
});

test("a step draws another mask, and its gradient has the same", async () => {
  const graph = new Graph("train", 1);
  const x = graph.input("x", [64]);
  const y = dropoutMask(x, 0.25, "dropout");
  const [dx] = gradients(sum(mul(y, x)), [x]);
  const [dy] = gradients(sum(y), [x]);
  const tensors = [y, dy!, dx!];
  const trial = new Trial(new Map([[x, new Array(64).fill(1)]]), tensors);
  const [mask, gradient] = await valuesOf(trial, tensors, 1);
  expect(gradient).toEqual(mask);
  expect((await valuesOf(trial, tensors, 2))[0]).not.toEqual(mask);
  expect((await valuesOf(trial, tensors, 1))[0]).toEqual(mask);
});

test("rates are from 0 to below 1", () => {
  const x = new Graph().input("x", [3]);
  expect(dropoutMask(x, 0, "a")).toBe(x);
  for (const rate of [-0.1, 1, Number.NaN]) {
    expect(() => dropoutMask(x, rate, "a")).toThrow(
      new OptionError(`dropout: rate: wanted 0 ≤ rate < 1, got ${rate}`),
    );
  }
});
