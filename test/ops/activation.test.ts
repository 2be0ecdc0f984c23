import { expect, test } from "vitest";
import { OptionError } from "#src/core/errors";
import { Graph, type Tensor } from "#src/graph/tensor";
import { activations, elu, leakyRelu } from "#src/ops/activation";
import { checkOp, type OpCase, SIZES } from "../support/check-op.ts";
import { given, uniform } from "../support/draw.ts";

const sizes = (apply: (x: Tensor) => Tensor, low = -8, high = 8): OpCase[] =>
  SIZES.map((n) => ({ inputs: [uniform([n], low, high, n)], build: apply }));

/** Zeros of both signs, huge numbers, and what is not a number: forward only. */
const special = (apply: (x: Tensor) => Tensor): OpCase => {
  const values = [0, -0, 1e-30, -1e-30, 30, -30, 88, -88, 1e4, -1e4, Number.NaN];
  return { label: "special values", inputs: [given([values.length], values)], build: apply, gradient: false };
};

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
