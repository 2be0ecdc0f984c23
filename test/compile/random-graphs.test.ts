// Random graphs: whatever is fused, shared in place and placed, the numbers must be those of the reference.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Graph, type Tensor } from "#src/graph/tensor";
import { gelu, relu, sigmoid, softplus, tanh } from "#src/ops/activation";
import {
  abs,
  add,
  cos,
  div,
  exp,
  greater,
  maximum,
  mul,
  neg,
  round,
  sin,
  square,
  sub,
  where,
} from "#src/ops/arithmetic";
import { broadcastTo } from "#src/ops/broadcast";
import { gather, oneHot } from "#src/ops/gather";
import { gradients } from "#src/ops/gradients";
import { matmul } from "#src/ops/matmul";
import { concatenate, pad, permute, slice } from "#src/ops/movement";
import { argmax, max, mean, min, sum } from "#src/ops/reduce";
import { reshape } from "#src/ops/reshape";
import { logSoftmax, softmax, softmaxCrossEntropy } from "#src/ops/softmax";
import { expectClose, expectGradient, firstDifference, numbersOf, weightedSum } from "../support/check-op.ts";
import { type Drawn, labels, uniform } from "../support/draw.ts";
import { engineOf, numericsToTest } from "../support/engines.ts";
import { evaluate, neededFor } from "../support/reference.ts";
import { roundings } from "../support/rounding.ts";
import { Trial } from "../support/run.ts";

/** Makes a tensor of one or two others, by a choice of its own; undefined where it cannot. */
type Make = (a: Tensor, b: Tensor, choice: number) => Tensor | undefined;

const broadcasts = (a: Tensor, b: Tensor) => {
  const rank = Math.max(a.rank, b.rank);
  const size = (tensor: Tensor, axis: number) => tensor.shape[axis - rank + tensor.rank] ?? 1;
  return Array.from({ length: rank }, (_, axis) => [size(a, axis), size(b, axis)] as const).every(
    ([p, q]) => p === q || p === 1 || q === 1,
  );
};
const both =
  (apply: (a: Tensor, b: Tensor) => Tensor): Make =>
  (a, b) =>
    broadcasts(a, b) ? apply(a, b) : undefined;
const ranked =
  (apply: (a: Tensor, axis: number, b: Tensor, choice: number) => Tensor): Make =>
  (a, b, choice) =>
    a.rank === 0 ? undefined : apply(a, choice % a.rank, b, choice);

/** Results stay within a few units of zero, so that a chain of them stays in range. */
const smooth: Record<string, Make> = {
  tanh: (a) => tanh(a),
  sin: (a) => sin(a),
  cos: (a) => cos(a),
  sigmoid: (a) => sigmoid(a),
  softplus: (a) => softplus(sin(a)),
  gelu: (a) => gelu(tanh(a)),
  exp: (a) => exp(sin(a)),
  neg: (a) => neg(a),
  half: (a) => mul(a, 0.5),
  add: both((a, b) => mul(add(a, b), 0.5)),
  sub: both((a, b) => mul(sub(a, b), 0.5)),
  mul: both((a, b) => tanh(mul(a, b))),
  div: both((a, b) => div(a, add(square(b), 1))),
  matmul: (a, b) => {
    if (a.rank === 0 || b.rank !== 2 || a.shape.at(-1) !== b.shape[0]) return undefined;
    return mul(matmul(a, b), 1 / b.shape[0]!);
  },
  dense: (a, b) => {
    if (a.rank < 2 || b.rank !== 1 || a.shape.at(-1)! * b.size > 400) return undefined;
    const weight = broadcastTo(reshape(sin(b), [1, b.size]), [a.shape.at(-1)!, b.size]);
    return tanh(matmul(a, weight, b));
  },
  mean: ranked((a, axis, _, choice) => mean(a, { axes: axis, keepDims: choice % 2 === 0 })),
  sum: ranked((a, axis) => tanh(sum(a, { axes: axis }))),
  softmax: ranked((a) => softmax(a)),
  logSoftmax: ranked((a) => mul(logSoftmax(a), 0.25)),
  permute: ranked((a, axis) =>
    permute(
      a,
      a.shape.map((_, k) => (k + axis) % a.rank),
    ),
  ),
  reshape: (a) => reshape(a, [a.size]),
  split: (a) => reshape(a, a.size % 2 === 0 ? [2, a.size / 2] : [1, a.size]),
  slice: ranked((a, axis) => {
    const half = Math.ceil(a.shape[axis]! / 2);
    return slice(
      a,
      a.shape.map((size, k) => (k === axis ? size - half : 0)),
      a.shape.with(axis, half),
    );
  }),
  pad: ranked((a, axis, _, choice) =>
    a.size > 600
      ? neg(a)
      : pad(
          a,
          a.shape.map((__, k) => (k === axis ? [1, choice % 3] : [0, 0])),
          0.5,
        ),
  ),
  concatenate: ranked((a, axis) => (a.size > 600 ? neg(a) : concatenate([a, sin(a)], axis))),
  broadcast: (a) => (a.size > 600 ? undefined : broadcastTo(a, [2, ...a.shape])),
  gather: ranked((a) => gather(a, a.graph.inputs.get("zeros")!)),
  crossEntropy: (a) => {
    const classes = a.size / 4;
    if (!Number.isInteger(classes)) return undefined;
    return mul(softmaxCrossEntropy(reshape(a, [4, classes]), a.graph.inputs.get("zeros")!), 0.5);
  },
};
const jumping: Record<string, Make> = {
  ...smooth,
  relu: (a) => relu(a),
  abs: (a) => abs(a),
  round: (a) => round(mul(a, 3)),
  maximum: both((a, b) => maximum(a, b)),
  greater: both((a, b) => greater(a, b)),
  where: both((a, b) => where(greater(a, 0), b, a)),
  max: ranked((a, axis) => max(a, { axes: axis })),
  min: ranked((a, axis) => min(a, { axes: axis, keepDims: true })),
  oneHot: ranked((a, axis) => (a.size > 200 ? neg(a) : oneHot(argmax(a, axis), a.shape[axis]!))),
};

const size = fc.constantFrom(1, 2, 3, 4, 5, 8, 16, 17);
const recipe = fc.record({
  shapes: fc.array(fc.array(size, { maxLength: 3 }), { minLength: 2, maxLength: 4 }),
  steps: fc.array(fc.record({ make: fc.nat(), a: fc.nat(), b: fc.nat(), choice: fc.nat(100) }), {
    minLength: 1,
    maxLength: 16,
    size: "max",
  }),
  shown: fc.array(fc.nat(), { maxLength: 2 }),
});

type Recipe = typeof recipe extends fc.Arbitrary<infer T> ? T : never;

interface Built {
  readonly graph: Graph;
  readonly inputs: Map<Tensor, readonly number[]>;
  readonly outputs: Tensor[];
  readonly used: readonly string[];
}

/** Follows a recipe: each step takes two of the tensors made so far, the last ones more often. */
function follow(table: Record<string, Make>, { shapes, steps, shown }: Recipe): Built {
  const graph = new Graph();
  const inputs = new Map<Tensor, readonly number[]>();
  const take = (name: string, { shape, dtype, values }: Drawn) => {
    const tensor = graph.input(name, shape, dtype);
    inputs.set(tensor, values);
    return tensor;
  };
  take("zeros", labels([4], 1));
  const tensors = shapes.map((shape, k) => take(`x${k}`, uniform(shape, -1, 1, k + 1)));
  const names = Object.keys(table);
  const used: string[] = [];
  for (const { make, a, b, choice } of steps) {
    const pick = (at: number) =>
      tensors[tensors.length - 1 - (at % Math.min(tensors.length, at % 3 === 0 ? tensors.length : 3))]!;
    const name = names[make % names.length]!;
    const made = table[name]!(pick(a), pick(b), choice);
    used.push(made ? name : "tanh");
    tensors.push(made ?? tanh(pick(a)));
  }
  const outputs = [tensors.at(-1)!, ...shown.map((at) => tensors[at % tensors.length]!)];
  return { graph, inputs, outputs: [...new Set(outputs)], used };
}

/** Runs on one and on three threads and wants the same bits; answers the numbers of one, of each instruction set. */
async function runOn13(trial: Trial, outputs: readonly Tensor[]): Promise<ArrayLike<number>[][]> {
  const results: ArrayLike<number>[][] = [];
  for (const numerics of numericsToTest) {
    const alone = await trial.run(await engineOf(1, numerics));
    const together = await trial.run(await engineOf(3, numerics));
    for (const [k, tensor] of outputs.entries()) {
      const at = firstDifference(tensor, alone[k]!, together[k]!);
      if (at >= 0) expect.fail(`output ${k}, element ${at}: three threads give other bits than one`);
    }
    results.push(outputs.map((tensor, k) => numbersOf(tensor, alone[k]!)));
  }
  return results;
}

test("values of random graphs are those of the reference", async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(recipe, async (steps) => {
      const { inputs, outputs, used } = follow(jumping, steps);
      for (const name of used) seen.add(name);
      const nodes = neededFor(outputs);
      const values = evaluate(nodes, inputs);
      const allowed = roundings(nodes, values);
      const trial = new Trial(inputs, outputs);
      for (const numbers of await runOn13(trial, outputs)) {
        for (const [k, output] of outputs.entries()) {
          expectClose(
            `output ${k} of\n${trial.program.listing()}\n`,
            numbers[k]!,
            values.get(output)!,
            allowed.get(output)!,
          );
        }
      }
    }),
    { seed: 7, numRuns: 400 },
  );
  // Every kind of step has come up where it fits.
  expect(Object.keys(jumping).filter((name) => !seen.has(name))).toEqual([]);
});

test("gradients of random smooth graphs are the slopes of the reference", async () => {
  await fc.assert(
    fc.asyncProperty(recipe, async (steps) => {
      const { graph, inputs, outputs } = follow(smooth, steps);
      const built = { name: "random graph", inputs, outputs };
      const { loss, given } = weightedSum(graph, built, 1);
      const floats = [...inputs.keys()].filter((tensor) => tensor.dtype === "f32");
      const slopes = gradients(loss, floats).map((slope, k) => slope ?? mul(floats[k]!, 0));
      const trial = new Trial(new Map<Tensor, ArrayLike<number>>([...inputs, ...given]), slopes);
      for (const numbers of await runOn13(trial, slopes)) {
        for (const [k, input] of floats.entries()) {
          // Chains of up to 16 steps carry rounding on: a hundred times what one op is allowed.
          expectGradient(
            `input ${k} of\n${trial.program.listing()}\n`,
            built,
            [...given.values()],
            input,
            numbers[k]!,
            1e-3,
          );
        }
      }
    }),
    { seed: 11, numRuns: 150 },
  );
});
