// Weights as PyTorch names and lays them out; that PyTorch computes the same with them, test/deploy/torch.js shows.
import { describe, expect, test } from "vitest";
import { FormatError, OptionError, ShapeError } from "#src/core/errors";
import { createEngineSync } from "#src/engine/engine";
import { readSafetensors } from "#src/formats/safetensors";
import { type SafetensorsSource, writeSafetensors } from "#src/formats/safetensors-writer";
import {
  activation,
  defineModel,
  dense,
  dropout,
  flatten,
  type Layer,
  type Model,
  relu,
  reshape,
  sequential,
} from "#src/index";
import * as layers from "#src/layers";
import { fromPyTorch, type PyTorchOptions, toPyTorch } from "#src/torch/index";

const { batchNorm, conv2d, embedding, gru, lstm, multiHeadAttention, bidirectional } = layers;
const engine = createEngineSync({ numerics: "exact" });

/** A model whose parameters are their own places: 0, 1, 2, … */
function counted(model: Model): Model {
  model.setParameters(
    new Map(
      model.weights.segments.map(({ name, shape, size }) => [
        name,
        { shape, values: Float32Array.from({ length: size }, (_, i) => i) },
      ]),
    ),
  );
  return model;
}
const written = (model: Model, options?: PyTorchOptions) =>
  readSafetensors(toPyTorch(counted(model), options)).tensors;
const shapesOf = (model: Model, options?: PyTorchOptions) =>
  Object.fromEntries([...written(model, options)].map(([name, { shape }]) => [name, [...shape]]));
const layered = (...list: Layer[]) => sequential({ input: [4, 4, 2] }, ...list);

describe("names", () => {
  test("of a Sequential count every layer, and activations that are options here", () => {
    const model = sequential(
      { input: [5] },
      dense(4, { activation: "relu" }),
      dropout(0.1),
      batchNorm({ name: "norm" }),
      activation("tanh"),
      dense(3, { bias: false, activation: "gelu" }),
      dense(2),
    );
    expect(shapesOf(model)).toEqual({
      "0.weight": [4, 5],
      "0.bias": [4],
      "3.weight": [4],
      "3.bias": [4],
      "3.running_mean": [4],
      "3.running_var": [4],
      "3.num_batches_tracked": [],
      "5.weight": [3, 4],
      "7.weight": [2, 3],
      "7.bias": [2],
    });
  });
  test("of modules, by ours or in order; the root is an empty one", () => {
    const model = sequential({ input: [5] }, dense(4), dense(3, { name: "head.last" }));
    const wanted = { weight: [4, 5], bias: [4], "out.weight": [3, 4], "out.bias": [3] };
    expect(shapesOf(model, { names: { dense: "", "head.last": "out" } })).toEqual(wanted);
    expect(shapesOf(model, { names: ["", "out"] })).toEqual(wanted);
  });
  test("of recurrences: both biases, layers of a stack, directions", () => {
    const model = sequential(
      { input: [6, 5] },
      bidirectional(lstm(2, { returnSequences: true })),
      gru(3, { bias: false, name: "last" }),
    );
    const shapes = shapesOf(model, { names: { lstm: "rnn", last: { module: "rnn", layer: 1 } } });
    const lstmShapes = { weight_ih: [8, 5], weight_hh: [8, 2], bias_ih: [8], bias_hh: [8] };
    expect(shapes).toEqual({
      ...Object.fromEntries(
        Object.entries(lstmShapes).flatMap(([name, shape]) => [
          [`rnn.${name}_l0`, shape],
          [`rnn.${name}_l0_reverse`, shape],
        ]),
      ),
      "rnn.weight_ih_l1": [9, 4],
      "rnn.weight_hh_l1": [9, 3],
    });
  });
  test("of attention: one projection, or three where the context has another width", () => {
    const model = (width: number) =>
      defineModel({ input: [3, 4] }, (x) => multiHeadAttention(2)(x, { context: dense(width)(x) }));
    const own = sequential({ input: [3, 4] }, multiHeadAttention(2, { name: "decoder.output" }));
    const packed = {
      in_proj_weight: [12, 4],
      in_proj_bias: [12],
      "out_proj.weight": [4, 4],
      "out_proj.bias": [4],
    };
    expect(shapesOf(own, { names: [""] })).toEqual(packed);
    expect(shapesOf(model(4), { names: ["d", ""] })).toMatchObject(packed);
    const shapes = shapesOf(model(6), { names: ["d", ""] });
    expect(shapes).toMatchObject({
      q_proj_weight: [4, 4],
      k_proj_weight: [4, 6],
      v_proj_weight: [4, 6],
      in_proj_bias: [12],
    });
    expect(shapes.in_proj_weight).toBeUndefined();
  });
});

describe("layouts", () => {
  const valuesOf = (model: Model, name: string, options?: PyTorchOptions) => [
    ...(written(model, options).get(name)!.values as Float32Array),
  ];
  test("weights are turned, tables are not, whatever their names are", () => {
    const tokens = { input: [3], inputType: "i32" } as const;
    expect(valuesOf(sequential({ input: [2] }, dense(3)), "0.weight")).toEqual([0, 3, 1, 4, 2, 5]);
    expect(valuesOf(sequential(tokens, embedding(2, 3, { name: "dense" })), "0.weight")).toEqual([
      0, 1, 2, 3, 4, 5,
    ]);
    const positions = sequential({ input: [2, 3] }, layers.learnedPositions({ length: 3, name: "here" }));
    expect(valuesOf(positions, "0.weight")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
  test("convolutions are OIHW", () => {
    const model = layered(conv2d(2, [1, 2], { bias: false }));
    // [1, 2, 2, 2]: number 4·x + 2·in + out at [out, in, 0, x].
    expect(valuesOf(model, "0.weight")).toEqual([0, 4, 2, 6, 1, 5, 3, 7]);
  });
  test("pixels of a flat image are in PyTorch's order, and through what is between", () => {
    const model = sequential(
      { input: [1, 2, 2] },
      flatten(),
      batchNorm(),
      activation("relu"),
      dense(1, { bias: false }),
    );
    expect(valuesOf(model, "1.running_mean")).toEqual([0, 2, 1, 3]);
    expect(valuesOf(model, "3.weight")).toEqual([0, 2, 1, 3]);
    expect(valuesOf(model, "3.weight", { channels: "last" })).toEqual([0, 1, 2, 3]);
  });
  test("so are those of an image that is made of a row", () => {
    const model = defineModel({ input: [1] }, (x) => reshape(relu(dense(4)(x)), [x.shape[0]!, 1, 2, 2]));
    expect(valuesOf(model, "0.bias")).toEqual([0, 2, 1, 3]);
    expect(valuesOf(model, "0.bias", { channels: "last" })).toEqual([0, 1, 2, 3]);
  });
  test("but what only happens to be as long stays", () => {
    const model = sequential({ input: [1, 2, 2] }, conv2d(2, 1), flatten(), dense(4), dense(4));
    expect(valuesOf(model, "2.bias")).toEqual([0, 1, 2, 3]);
    expect(valuesOf(model, "3.weight")).toEqual([0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]);
  });
  test("one of our biases is the sum of two", () => {
    const model = sequential({ input: [2, 1] }, lstm(1));
    const tensors = written(model, { names: [""] });
    expect([...(tensors.get("bias_hh_l0")!.values as Float32Array)]).toEqual([0, 0, 0, 0]);
    const source = new Map<string, SafetensorsSource>(tensors);
    source.set("bias_hh_l0", { shape: [4], values: Float32Array.of(10, 20, 30, 40) });
    fromPyTorch(model, writeSafetensors(source), { names: [""] });
    expect([...model.parameters().get("lstm.bias")!.values]).toEqual([10, 21, 32, 43]);
  });
});

test("what was written is read back to the bit", () => {
  const models = [
    layered(conv2d(3, 3), batchNorm(), flatten(), dense(4), dense(2)),
    layered(layers.separableConv2d(3, 2), layers.depthwiseConv2d(2), layers.conv2dTranspose(2, 2)),
    sequential({ input: [4, 3] }, lstm(2, { returnSequences: true }), gru(3, { returnSequences: true })),
    sequential({ input: [4, 4] }, multiHeadAttention(2), layers.rmsNorm()),
  ];
  for (const model of models) {
    model.initializeSync({ engine, seed: 3 });
    const before = model.weights.snapshot();
    const bytes = toPyTorch(model);
    counted(model);
    fromPyTorch(model, bytes);
    expect(model.weights.snapshot()).toEqual(before);
  }
});

describe("what does not fit is named, and changes nothing", () => {
  const model = counted(sequential({ input: [2] }, dense(3), dense(1)));
  const names = { dense: "fc1", dense_1: "fc2" };
  const file = () => new Map<string, SafetensorsSource>(readSafetensors(toPyTorch(model, { names })).tensors);
  const reading = (change: (tensors: Map<string, SafetensorsSource>) => void) => () => {
    const tensors = file();
    tensors.set("fc1.bias", { shape: [3], values: Float32Array.of(7, 7, 7) });
    change(tensors);
    fromPyTorch(model, writeSafetensors(tensors), { names });
  };
  test.each<[string, (tensors: Map<string, SafetensorsSource>) => void, typeof FormatError, string]>([
    [
      "missing",
      (tensors) => tensors.delete("fc2.weight"),
      ShapeError,
      'dense_1.weight: "fc2.weight" [1, 3] is missing: the file has "fc1.bias", "fc1.weight", "fc2.bias"',
    ],
    [
      "unknown",
      (tensors) => tensors.set("fc3.weight", { shape: [1], values: new Float32Array(1) }),
      ShapeError,
      'the model has nothing for "fc3.weight": it takes "fc1.weight"',
    ],
    [
      "of another shape",
      (tensors) => tensors.set("fc2.weight", { shape: [3, 1], values: new Float32Array(3) }),
      ShapeError,
      'dense_1.weight: "fc2.weight": got [3, 1], wanted [1, 3]',
    ],
    [
      "of integers",
      (tensors) => tensors.set("fc2.bias", { shape: [1], values: new Int32Array(1) }),
      FormatError,
      'dense_1.bias: "fc2.bias": got I32, wanted F32',
    ],
  ])("a tensor that is %s", (_, change, type, message) => {
    const before = model.weights.snapshot();
    expect(reading(change)).toThrow(type);
    expect(reading(change)).toThrow(message);
    expect(model.weights.snapshot()).toEqual(before);
  });
  test.each<[string, PyTorchOptions, string]>([
    [
      "a layer that is none",
      { names: { ...names, conv: "c" } },
      "conv is no layer: the model has dense, dense_1",
    ],
    ["a layer less", { names: { dense: "fc1" } }, "dense_1 is missing"],
    ["a name less", { names: ["fc1"] }, "got 1, wanted 2: the model has dense, dense_1"],
    ["one name twice", { names: ["fc1", "fc1"] }, '"fc1.weight" twice'],
    ["a number for a name", { names: [1, 2] as unknown as string[] }, "names: dense: got 1, wanted the name"],
    ["nothing for a name", { names: { dense: null, dense_1: "b" } as never }, "names: dense: got null"],
    [
      "a layer below 0",
      { names: { dense: { module: "a", layer: -1 }, dense_1: "b" } },
      'names: dense: got {"module":"a","layer":-1}',
    ],
    ["other channels", { channels: "middle" as "last" }, 'channels: got "middle"'],
    ["another option", { name: {} } as PyTorchOptions, "name: unknown option"],
  ])("%s", (_, options, message) => {
    expect(() => toPyTorch(model, options)).toThrow(OptionError);
    expect(() => toPyTorch(model, options)).toThrow(message);
  });
  test("two layers under one name, while reading", () => {
    expect(() => fromPyTorch(model, toPyTorch(model), { names: ["0", "0"] })).toThrow('"0.weight" twice');
  });
  test("bytes that are no file", () => {
    expect(() => fromPyTorch(model, new Uint8Array(4))).toThrow(FormatError);
    for (const wrong of [undefined, "net.safetensors", new ArrayBuffer(8)])
      expect(() => fromPyTorch(model, wrong as unknown as Uint8Array)).toThrow(OptionError);
  });
  test("a flat image that is a part of something else", () => {
    const joined = defineModel({ input: [1, 2, 2] }, (x) =>
      dense(1)(layers.branches(flatten(), flatten())(x)),
    );
    expect(() => toPyTorch(counted(joined))).toThrow('wanted channels: "last"');
    expect(written(joined, { names: ["fc"], channels: "last" }).size).toBe(2);
  });
});
