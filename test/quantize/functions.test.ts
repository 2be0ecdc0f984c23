// Functions that tables of bytes are made of, against the kernels of the same names.
import { expect, test } from "vitest";
import { compile } from "#src/compile/program";
import { Graph, type Tensor } from "#src/graph/tensor";
import { createEngine } from "#src/index";
import * as activations from "#src/ops/activation";
import * as arithmetic from "#src/ops/arithmetic";
import { functionOf } from "#src/quantize/functions";

const { leakyRelu, elu } = activations;
const ops: readonly ((x: Tensor) => Tensor)[] = [
  ...Object.values(activations.activations),
  (x) => leakyRelu(x, 0.3),
  (x) => elu(x, 0.7),
  (x) => arithmetic.clamp(x, -0.4, 1.5),
  ...[arithmetic.neg, arithmetic.abs, arithmetic.square, arithmetic.exp],
  ...[arithmetic.sin, arithmetic.cos, arithmetic.erf],
];

test("they are what the kernels compute", async () => {
  const engine = await createEngine({ threads: 1, numerics: "exact" });
  const values = Float32Array.from({ length: 161 }, (_, k) => (k - 80) / 10);
  const graph = new Graph("predict");
  const x = graph.input("x", [values.length]);
  const results = ops.map((op) => op(x));
  const placements = new Map([[x, { region: "input", offset: 0 }]]);
  for (const [k, y] of results.entries()) placements.set(y, { region: "output", offset: k * 1024 });
  const loaded = engine.load(compile({ graph, placements }));
  loaded.floats("input").set(values);
  await engine.run(loaded);
  for (const [k, { node }] of results.entries()) {
    const of = functionOf(node.op!.name, node.attributes)!;
    const got = loaded.floats("output", k * 1024, values.length);
    for (const [at, value] of values.entries()) {
      const wanted = of(value);
      // A few units in the last place of f32, and erf of the table is off by 1.5 · 10⁻⁷, times 8 / 2 in gelu.
      const far = Math.abs(got[at]! - wanted);
      expect(far, `${node.op!.name} of ${value}`).toBeLessThanOrEqual(1e-6 + 1e-6 * Math.abs(wanted));
    }
  }
  expect(functionOf("softmax", [])).toBeUndefined();
  expect(functionOf("toString", [])).toBeUndefined();
  await engine.close();
});
