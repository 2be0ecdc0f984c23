// A frozen model predicts what the model does, with less to compute.
import { afterAll, describe, expect, test } from "vitest";
import { createEngine, dense, dropout, flatten, type Model, relu, sequential } from "#src/index";
import { freeze, predictor } from "#src/inference/frozen";
import { batchNorm, conv1d, conv2d, conv2dTranspose, globalAveragePool2d, lstm } from "#src/layers";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

/** Numbers like those of a trained model, for running statistics too. */
async function trained(model: Model): Promise<Model> {
  await model.initialize({ engine, seed: 3 });
  const parameters = model.parameters();
  for (const [name, { values }] of parameters)
    values.forEach((value, index) => {
      values[index] = name.endsWith("variance") ? 0.5 + (index % 5) / 4 : value + 0.1 * Math.sin(index + 1);
    });
  model.setParameters(parameters);
  return model;
}

async function run(model: Model, inputs: Float32Array, batchSize: number): Promise<Float32Array> {
  const frozen = await freeze(model, { batchSize, engine });
  const loaded = engine.load(predictor(frozen));
  loaded.floats("input", 0, inputs.length).set(inputs);
  await engine.run(loaded);
  const result = loaded.floats("output", 0, frozen.output.size).slice();
  loaded.release();
  return result;
}

const input = [8, 8, 3];
const models: [string, Model, string[]][] = [
  [
    "dense",
    sequential({ input }, flatten(), dense(5), batchNorm(), dropout(0.5), dense(3)),
    ["reshape", "matmul", "matmul"],
  ],
  [
    "a convolution without bias",
    sequential({ input }, conv2d(4, 3, { bias: false }), batchNorm(), relu, globalAveragePool2d()),
    ["convolution", "relu", "sum"],
  ],
  [
    "a transposed convolution",
    sequential({ input }, conv2dTranspose(4, 3), batchNorm(), flatten()),
    ["convolutionTransposed", "reshape"],
  ],
  [
    "a convolution in groups",
    sequential({ input: [6, 6, 4] }, conv2d(8, 3, { groups: 2 }), batchNorm()),
    ["convolution"],
  ],
  [
    "rows under another shape",
    sequential({ input: [6, 4] }, dense(8), batchNorm(), conv1d(3, 2), batchNorm()),
    ["reshape", "matmul", "reshape", "reshape", "convolution", "reshape"],
  ],
  [
    "recurrent",
    sequential({ input: [6, 4] }, lstm(5), dense(2)),
    ["permute", "reshape", "matmul", "reshape", "recurrence", "matmul"],
  ],
  [
    "a scale before the product stays",
    sequential({ input }, batchNorm(), conv2d(2, 3)),
    ["mul", "add", "convolution"],
  ],
];

describe.each(models)("%s", (_, model, ops) => {
  test("predicts the same", async () => {
    await trained(model);
    for (const batchSize of [1, 5]) {
      const size = batchSize * model.inputShape.reduce((product, each) => product * each, 1);
      const inputs = Float32Array.from({ length: size }, (_, index) => Math.sin(index * 1.7));
      const wanted = await model.predict(inputs, { engine });
      const got = await run(model, inputs, batchSize);
      expect(got.length).toBe(wanted.length);
      for (const [index, value] of got.entries()) expect(value).toBeCloseTo(wanted[index]!, 5);
    }
  });
  test("has the same names at every batch size, each once", async () => {
    const [one, five] = [await freeze(model, { engine }), await freeze(model, { batchSize: 5, engine })];
    const names = [...one.names.values()];
    expect([...five.names.values()]).toEqual(names);
    expect(new Set(names).size).toBe(names.length);
  });
  test("has no scale behind a product", async () => {
    const { nodes } = await freeze(model, { engine });
    const found = nodes.flatMap(({ op }) => op?.name ?? []);
    expect(found).toEqual(ops);
  });
});
