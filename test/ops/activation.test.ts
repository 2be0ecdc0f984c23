import { expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { activations, elu, leakyRelu } from "#src/ops/activation";
import { gradients } from "#src/ops/gradients";
import { sum } from "#src/ops/reduce";
import { checkOp, numbersOf, type OpCase, SIZES } from "../support/check-op.ts";
import { given, uniform } from "../support/draw.ts";
import { engineOf } from "../support/engines.ts";
import { Trial } from "../support/run.ts";

const sizes = (apply: (x: Tensor) => Tensor, low = -8, high = 8): OpCase[] =>
  SIZES.map((n) => ({ inputs: [uniform([n], low, high, n)], build: apply }));

/** Zeros of both signs, huge numbers, and what is not a number: forward only. */
const special = (apply: (x: Tensor) => Tensor): OpCase => {
  const values = [0, -0, 1e-30, -1e-30, 30, -30, 88, -88, 1e4, -1e4, Number.NaN];
  return { label: "special values", inputs: [given([values.length], values)], build: apply, gradient: false };
};

/** By PyTorch's documentation, at −2, −0.5, 0.5 and 4. */
const DEFAULTS: Partial<Record<keyof typeof activations, readonly number[]>> = {
  leakyRelu: [-0.02, -0.005, 0.5, 4],
  elu: [Math.expm1(-2), Math.expm1(-0.5), 0.5, 4],
  hardTanh: [-1, -0.5, 0.5, 1],
  relu6: [0, 0, 0.5, 4],
  hardSigmoid: [1 / 6, 2.5 / 6, 3.5 / 6, 1],
};
checkOp(
  "activations by default",
  Object.entries(DEFAULTS).map(
    ([name, want]): OpCase => ({
      label: name,
      inputs: [given([4], [-2, -0.5, 0.5, 4])],
      build: (x) => activations[name as keyof typeof activations](x!),
      want: () => want,
    }),
  ),
);

for (const [name, apply] of Object.entries(activations)) {
  checkOp(name, [...sizes(apply), { inputs: [uniform([3, 1, 5], -4, 4)], build: apply }, special(apply)]);
}
checkOp(
  "leakyRelu by a slope",
  sizes((x) => leakyRelu(x, 0.3)),
);
checkOp("elu by an alpha", [...sizes((x) => elu(x, 1.7)), ...sizes((x) => elu(x, 0))]);

test("activations take f32 only", () => {
  const labels = new Graph().input("labels", [3], "i32");
  for (const [name, apply] of Object.entries(activations)) {
    expect(() => apply(labels)).toThrow(`${name}: wanted f32 operands, got i32`);
  }
});

test("leakyRelu and elu want parameters that their gradients can stand", () => {
  const x = new Graph().input("x", [3]);
  for (const bad of [-0.1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => leakyRelu(x, bad)).toThrow(
      new OptionError(`leakyRelu: slope: wanted a finite number ≥ 0, got ${bad}`),
    );
    expect(() => elu(x, bad)).toThrow(new OptionError(`elu: alpha: wanted a finite number ≥ 0, got ${bad}`));
  }
});

test("gradients at kinks are PyTorch's", async () => {
  const graph = new Graph();
  const at = [-3, -1, 0, 1, 3, 6];
  const x = graph.input("x", [at.length]);
  const wanted: Partial<Record<keyof typeof activations, number[]>> = {
    relu: [0, 0, 0, 1, 1, 1],
    leakyRelu: [0.01, 0.01, 0.01, 1, 1, 1].map(Math.fround),
    relu6: [0, 0, 0, 1, 1, 0],
    hardTanh: [0, 0, 1, 0, 0, 0],
    hardSigmoid: [0, 1 / 6, 1 / 6, 1 / 6, 0, 0].map(Math.fround),
    hardSwish: [0, 1 / 6, 0.5, 5 / 6, 1, 1].map(Math.fround),
  };
  const names = Object.keys(wanted) as (keyof typeof wanted)[];
  const slopes = names.map((name) => gradients(sum(activations[name](x)), [x])[0]!);
  const words = await new Trial(new Map([[x, at]]), slopes).run(await engineOf(1));
  for (const [k, name] of names.entries()) {
    const numbers = numbersOf(slopes[k]!, words[k]!) as Float32Array;
    for (const [i, slope] of wanted[name]!.entries())
      expect(numbers[i], `${name} at ${at[i]}`).toBeCloseTo(slope, 6);
  }
});
