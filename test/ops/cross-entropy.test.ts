// Cross-entropy with shares of classes and with label smoothing: PyTorch's losses and gradients (see
// test/golden/cross-entropy.py), and the checks of every op.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { gradients } from "#src/ops/gradients";
import { labelSmoothing } from "#src/ops/loss";
import { softmax, softmaxCrossEntropy } from "#src/ops/softmax";
import { checkOp, expectClose, type OpCase, runEverywhere, SIZES } from "../support/check-op.ts";
import { given, labels, uniform } from "../support/draw.ts";
import { Trial } from "../support/run.ts";

interface Run {
  readonly smoothing: number;
  readonly shape: readonly number[];
  readonly logits: readonly number[];
  readonly labels?: readonly number[];
  readonly shares?: readonly number[];
  readonly loss: number;
  readonly gradient: readonly number[];
}
const golden = JSON.parse(readFileSync(new URL("../golden/cross-entropy.json", import.meta.url), "utf8"));
const runs: readonly Run[] = golden.runs;

test("the golden runs have both kinds of target", () => {
  expect(runs.filter(({ labels: at }) => at).length).toBe(16);
  expect(runs.filter(({ shares }) => shares).length).toBe(16);
});

const inputsOf = ({ shape, logits, labels: at, shares }: Run) => [
  given(shape, logits),
  at ? given(shape.slice(0, 1), at, "i32") : given(shape, shares!),
];
const labelOf = ({ smoothing, labels: at }: Run) => `${at ? "labels" : "shares"}, smoothing ${smoothing}`;

checkOp(
  "PyTorch's CrossEntropyLoss",
  runs.map((run) => ({
    label: labelOf(run),
    inputs: inputsOf(run),
    build: (x, target) => labelSmoothing(run.smoothing)(x!, target!),
    want: () => [run.loss],
  })),
);
checkOp(
  "PyTorch's CrossEntropyLoss without smoothing",
  runs
    .filter(({ smoothing }) => smoothing === 0)
    .map((run) => ({
      label: labelOf(run),
      inputs: inputsOf(run),
      build: (x, target) => softmaxCrossEntropy(x!, target!),
      want: () => [run.loss],
    })),
);
test("the gradients of PyTorch's CrossEntropyLoss", async () => {
  const graph = new Graph();
  const given = new Map<Tensor, readonly number[]>();
  const outputs = runs.map((run, k) => {
    const [x, target] = inputsOf(run).map(({ shape, dtype, values }, i) => {
      const tensor = graph.input(`${k} ${i}`, shape, dtype);
      given.set(tensor, values);
      return tensor;
    }) as [Tensor, Tensor];
    const [tensor] = gradients(labelSmoothing(run.smoothing)(x, target), [x]);
    return { name: `${labelOf(run)} ${run.shape}`, tensor: tensor! };
  });
  const trial = new Trial(
    given,
    outputs.map(({ tensor }) => tensor),
  );
  await runEverywhere(trial, outputs, (where, k, got) => {
    const { gradient, logits } = runs[k]!;
    // Shares are exponentials of logits taken off one another, which are rounded by half a unit of the largest each.
    const allowed = 2 ** -23 * (4 + Math.max(...logits.map(Math.abs)));
    expectClose(where, got, Float64Array.from(gradient), new Float64Array(gradient.length).fill(allowed));
  });
});

const shapes: readonly (readonly number[])[] = [
  ...SIZES.map((n) => [3, n]),
  ...SIZES.map((n) => [n, 10]),
  [6],
  [2, 3, 4],
];

checkOp(
  "softmaxCrossEntropy with shares",
  shapes.map(
    (shape): OpCase => ({
      inputs: [uniform(shape, -4, 4, 1), uniform(shape, 0, 1, 2)],
      build: (x, shares) => softmaxCrossEntropy(x!, shares!),
      want: (x = [], shares = []) => {
        const columns = shape.at(-1)!;
        const count = x.length / columns;
        let sum = 0;
        for (let row = 0; row < count; row++) {
          const logits = x.slice(row * columns, (row + 1) * columns);
          const total = Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0));
          for (const [k, logit] of logits.entries()) sum += shares[row * columns + k]! * (total - logit);
        }
        return [sum / count];
      },
    }),
  ),
);
checkOp("softmaxCrossEntropy with shares that are computed", [
  {
    inputs: [uniform([5, 4], -2, 2, 1), uniform([5, 4], -2, 2, 2)],
    build: (x, y) => softmaxCrossEntropy(x!, softmax(y!)),
  },
]);
checkOp("labelSmoothing", [
  ...shapes.map(
    (shape): OpCase => ({
      inputs: [uniform(shape, -4, 4), labels(shape.slice(0, -1), shape.at(-1)!)],
      build: (x, at) => labelSmoothing(0.1)(x!, at!),
    }),
  ),
  {
    label: "logits that overflow unless the largest is taken off first",
    inputs: [given([2, 3], [1000, 1001, -1000, -2000, -1000, 1000]), given([2], [0, 1], "i32")],
    build: (x, at) => labelSmoothing(0.1)(x!, at!),
    gradient: false,
  },
]);

describe("labelSmoothing", () => {
  test("limits its labels", () => {
    const graph = new Graph();
    const at = graph.input("at", [4], "i32");
    labelSmoothing(0.1)(graph.input("x", [4, 3]), at);
    expect(at.node.source).toMatchObject({ labels: 3 });
  });
  test.each([-0.1, 1.1, Number.NaN])("refuses the amount %f", (amount) => {
    expect(() => labelSmoothing(amount)).toThrow(
      new OptionError(`labelSmoothing: amount: wanted 0 ≤ amount ≤ 1, got ${amount}`),
    );
  });
});
