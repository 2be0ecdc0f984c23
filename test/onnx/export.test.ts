// What stands in an ONNX file: the graph without what only training needs, turned as little as can be, and its heading.
// That it computes the same is tested where a runtime for it is installed: test/deploy.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import {
  activation,
  add,
  clamp,
  createEngine,
  defineModel,
  dense,
  dropout,
  EngineError,
  FormatError,
  flatten,
  type Layer,
  leakyRelu,
  type Model,
  mul,
  OptionError,
  relu,
  reshape,
  sequential,
  softmaxCrossEntropy,
  type Tensor,
} from "#src/index";
import { freeze } from "#src/inference/frozen";
import {
  batchNorm,
  bidirectional,
  conv1d,
  conv2d,
  depthwiseConv2d,
  embedding,
  globalAveragePool2d,
  gru,
  lstm,
  maxPool2d,
  pad,
  permute,
  residual,
  slice,
  transformerEncoderBlock,
  upsample2d,
} from "#src/layers";
import { exporters } from "#src/onnx/export/table";
import { toOnnx } from "#src/onnx/index";
import { floatsOf, readOnnx, sizesOf, typesOf } from "../support/onnx.ts";
import { opNames, trainsOnly } from "../support/op-names.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

async function initialized(model: Model): Promise<Model> {
  await model.initialize({ engine, seed: 5 });
  const parameters = model.parameters();
  for (const [name, { values }] of parameters)
    for (let k = 0; k < values.length; k++)
      values[k]! += name.endsWith("variance") ? 0.5 : 0.1 * Math.sin(k + 1);
  model.setParameters(parameters);
  return model;
}
const chain =
  (...layers: readonly Layer[]): Layer =>
  (x) =>
    layers.reduce((h, layer) => layer(h), x);
const model = async (input: readonly number[], ...layers: readonly Layer[]) =>
  initialized(sequential({ input }, ...layers));
const file = async (input: readonly number[], ...layers: readonly Layer[]) =>
  readOnnx(await toOnnx(await model(input, ...layers)));
const types = async (input: readonly number[], ...layers: readonly Layer[]) =>
  typesOf(await file(input, ...layers));

describe("channels", () => {
  const image = [8, 8, 3];
  const same = { padding: "same" } as const;
  test("are turned once before convolutions and once behind them", async () => {
    const deep = await types(
      image,
      conv2d(4, 3, same),
      relu,
      maxPool2d(2),
      conv2d(6, 3, same),
      batchNorm(),
      activation("silu"),
      residual(chain(conv2d(6, 3, same), batchNorm(), relu)),
      upsample2d(2),
      conv2d(2, 1),
    );
    expect(deep).toEqual([
      ...["Transpose", "Conv", "Relu", "MaxPool", "Conv", "Sigmoid", "Mul"],
      ...["Conv", "Relu", "Add", "Resize", "Conv", "Transpose"],
    ]);
  });
  test("are not turned behind a pool of everything", async () => {
    expect(await types(image, conv2d(4, 3), globalAveragePool2d(), dense(2))).toEqual([
      "Transpose",
      "Conv",
      "ReduceMean",
      "Gemm",
    ]);
  });
  test("are not turned where there is one", async () => {
    const { graph } = await file([8, 8, 1], conv2d(4, 3), flatten());
    expect(graph.node.map(({ opType }) => opType)).toEqual(["Reshape", "Conv", "Transpose", "Reshape"]);
  });
  test("are not turned by a permutation that asks for the order in which they are", async () => {
    const asked: Layer = (x) => permute(x, [0, 3, 1, 2]);
    expect(await types(image, conv2d(4, 3), asked)).toEqual(["Transpose", "Conv"]);
    const back: Layer = (x) => permute(x, [0, 2, 3, 1]);
    expect(await types([3, 8, 8], back, conv2d(4, 3), asked)).toEqual(["Conv"]);
  });
  test("stay first between convolutions along time", async () => {
    const two = await types([12, 3], conv1d(4, 3), relu, conv1d(4, 3), relu, conv1d(2, 3));
    expect(two.filter((type) => type === "Transpose")).toHaveLength(2);
    expect(two.filter((type) => type === "Conv")).toHaveLength(3);
  });
  test("are spread over by what has one number a channel", async () => {
    const scaled = await file(image, conv2d(4, 3), relu, (x) => mul(x, [1, 2, 3, 4]), conv2d(2, 3));
    expect(typesOf(scaled)).toEqual(["Transpose", "Conv", "Relu", "Mul", "Conv", "Transpose"]);
    const by = scaled.graph.node[3]!.input[1];
    expect(scaled.graph.initializer.find(({ name }) => name === by)!.dims).toEqual([1, 4, 1, 1]);
  });
});

describe("nodes", () => {
  test("what only training needs is gone, and a normalization is part of the product before it", async () => {
    expect(await types([6], dense(4), batchNorm(), relu, dropout(0.5), dense(2))).toEqual([
      "Gemm",
      "Relu",
      "Gemm",
    ]);
  });
  test("rows of frames need no other shape", async () => {
    expect(await types([5, 6], dense(4), dense(2))).toEqual(["MatMul", "Add", "MatMul", "Add"]);
  });
  test("a kernel of one pixel stays a convolution", async () => {
    expect(await types([8, 8, 3], conv2d(4, 3), conv2d(5, 1), conv2d(2, 3))).toEqual([
      ...["Transpose", "Conv", "Conv", "Conv", "Transpose"],
    ]);
  });
  test("several outputs of a channel are one convolution in groups", async () => {
    const { graph } = await file([8, 8, 3], depthwiseConv2d(3, { multiplier: 2 }));
    const [, convolution] = graph.node;
    expect(graph.node).toHaveLength(3);
    expect(convolution!.attribute.find(({ name }) => name === "group")!.i).toBe(3);
    expect(graph.initializer[0]!.dims).toEqual([6, 1, 3, 3]);
  });
  test("recurrences are the format's own, which take the product before them", async () => {
    const long = await file([7, 3], bidirectional(lstm(4, { returnSequences: true })), gru(5), dense(2));
    const counted = typesOf(long).filter((type) => !/Reshape|Transpose/.test(type));
    expect(counted).toEqual(["LSTM", "LSTM", "Concat", "GRU", "Gemm"]);
    const gates = long.graph.initializer.find(({ name }) => name === "lstm.weight")!;
    expect(gates.dims).toEqual([1, 16, 3]);
  });
  test("with a mask they are a loop over the cell", async () => {
    const masked = await initialized(
      defineModel({ input: [6], inputType: "i32" }, (tokens) =>
        gru(3)(embedding(9, 4)(tokens), { mask: tokens }),
      ),
    );
    const read = readOnnx(await toOnnx(masked));
    const scan = read.graph.node.find(({ opType }) => opType === "Scan")!;
    const { node } = scan.attribute.find(({ name }) => name === "body")!.g!;
    expect(node.map(({ opType }) => opType)).toContain("Where");
    expect(read.graph.input[0]!.type.tensorType.elemType).toBe(6);
  });
  test("a model that does nothing has a node", async () => {
    const nothing = defineModel({ input: [3] }, (x) => x);
    expect(typesOf(readOnnx(await toOnnx(nothing, { engine })))).toHaveLength(1);
  });
  test("every name is there once, and everything read is made before", async () => {
    const { graph } = await file([6, 8], transformerEncoderBlock({ heads: 2 }), flatten(), dense(3));
    const made = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
    for (const { input, output } of graph.node) {
      for (const name of input) expect(made.has(name) || name === "").toBe(true);
      for (const name of output) {
        expect(made.has(name)).toBe(false);
        made.add(name);
      }
    }
    expect(made.has(graph.output[0]!.name)).toBe(true);
    const read = new Set(graph.node.flatMap(({ input }) => input));
    expect(graph.initializer.filter(({ name }) => !read.has(name))).toEqual([]);
  });
});

describe("sizes", () => {
  test("the batch is an axis with a name", async () => {
    const { graph } = await file([6, 5], lstm(4, { returnSequences: true }));
    expect(sizesOf(graph.input[0]!)).toEqual(["batch", 6, 5]);
    expect(sizesOf(graph.output[0]!)).toEqual(["batch", 6, 4]);
  });
  test("or a number", async () => {
    const { graph } = readOnnx(await toOnnx(await model([6], dense(2)), { batchSize: 4 }));
    expect([...graph.input, ...graph.output].map(sizesOf)).toEqual([
      [4, 6],
      [4, 2],
    ]);
  });
  test("what depends on it in another way is refused, unless it is a number", async () => {
    const odd = await initialized(defineModel({ input: [3] }, (x) => mul(dense(2)(x), 1 / x.shape[0]!)));
    await expect(toOnnx(odd)).rejects.toThrow(FormatError);
    await expect(toOnnx(odd)).rejects.toThrow(
      /^toOnnx: .*: depends on the batch in more than its sizes: wanted batchSize$/,
    );
    expect(typesOf(readOnnx(await toOnnx(odd, { batchSize: 2 })))).toEqual(["Gemm"]);
    const square = defineModel({ input: [3] }, (x) => {
      const [batch] = x.shape as [number];
      const all = add(reshape(x, [batch, 1, 3]), reshape(x, [1, batch, 3]));
      return reshape(slice(reshape(all, [batch * batch, 3]), [batch * batch - batch, 0], [batch, 3]), [
        batch,
        3,
      ]);
    });
    await expect(toOnnx(square, { engine })).rejects.toThrow(/in no straight line/);
  });
  const numbers: [string, (x: Tensor, batch: number) => Tensor][] = [
    ["limits", (x, batch) => clamp(x, 0, batch)],
    ["slopes", (x, batch) => leakyRelu(x, 1 / batch)],
    [
      "what surrounds",
      (x, batch) =>
        pad(
          x,
          [
            [0, 0],
            [1, 1],
          ],
          batch,
        ),
    ],
    ["constants", (x, batch) => mul(x, 1 / batch)],
  ];
  test.each(numbers)("may not be among %s", async (_, of) => {
    const odd = await initialized(defineModel({ input: [3] }, (x) => of(x, x.shape[0]!)));
    await expect(toOnnx(odd, { engine })).rejects.toThrow(/depends on the batch in more than its sizes/);
    expect((await toOnnx(odd, { engine, batchSize: 2 })).length).toBeGreaterThan(0);
  });
});

describe("heading", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  test("says versions and who has made it", async () => {
    const plain = await file([3], dense(2));
    expect([plain.irVersion, plain.opsetImport[0]!.version]).toEqual([8, 17]);
    expect([plain.producerName, plain.producerVersion]).toEqual(["downhill", version]);
    expect(plain.metadataProps).toEqual([]);
    const producer = { name: "somebody", version: "2" };
    const other = readOnnx(await toOnnx(await model([3], dense(2)), { opset: 21, producer }));
    expect([other.irVersion, other.opsetImport[0]!.version]).toEqual([10, 21]);
    expect([other.producerName, other.producerVersion]).toEqual(["somebody", "2"]);
  });
  test("has the metadata", async () => {
    const normalization = { mean: 0.5, standardDeviation: [0.2, 0.3, 0.4] };
    const read = readOnnx(
      await toOnnx(await model([3], dense(2)), {
        classNames: ["no", "yes"],
        normalization,
        metadata: { license: "MIT" },
      }),
    );
    expect(Object.fromEntries(read.metadataProps.map(({ key, value }) => [key, value]))).toEqual({
      license: "MIT",
      classNames: '["no","yes"]',
      normalization: JSON.stringify(normalization),
    });
    expect(typesOf(read)).toEqual(["Gemm"]);
  });
  test("or the normalization as nodes, and an activation behind all", async () => {
    const read = readOnnx(
      await toOnnx(await model([3], dense(2)), {
        normalization: { mean: [1, 2, 3], standardDeviation: 2 },
        includeNormalization: true,
        activation: "softmax",
        inputName: "pixels",
        outputName: "probabilities",
      }),
    );
    expect(typesOf(read)).toEqual(["Sub", "Div", "Gemm", "Softmax"]);
    expect(read.metadataProps).toEqual([]);
    expect([read.graph.input[0]!.name, read.graph.output[0]!.name]).toEqual(["pixels", "probabilities"]);
    expect(floatsOf(read, read.graph.node[0]!.input[1]!)).toEqual(Float32Array.of(1, 2, 3));
  });
});

describe("weights", () => {
  test("have the names of the parameters and their numbers", async () => {
    const small = await model([3], dense(2));
    const read = readOnnx(await toOnnx(small));
    for (const [name, { values }] of small.parameters()) expect(floatsOf(read, name)).toEqual(values);
  });
  test("lie beside the model, aligned, where the caller wants them there", async () => {
    const large = await model([40], dense(50), dense(600), dense(700), dense(3));
    const { model: bytes, weights } = await toOnnx(large, { externalData: "digits.weights" });
    const outside = readOnnx(bytes).graph.initializer.filter(({ dataLocation }) => dataLocation === 1);
    const names = [
      "dense.weight",
      "dense_1.weight",
      "dense_1.bias",
      "dense_2.weight",
      "dense_2.bias",
      "dense_3.weight",
    ];
    expect(outside.map(({ name }) => name).sort()).toEqual(names.sort());
    const parameters = large.parameters();
    for (const { name, externalData, rawData } of outside) {
      const entry = Object.fromEntries(externalData.map(({ key, value }) => [key, value]));
      const [offset, length] = [Number(entry.offset), Number(entry.length)];
      expect(entry.location).toBe("digits.weights");
      expect(offset % (length >= 2 ** 20 ? 4096 : 64)).toBe(0);
      expect(rawData).toHaveLength(0);
      expect(new Float32Array(weights.slice(offset, offset + length).buffer)).toEqual(
        parameters.get(name)!.values,
      );
    }
    expect(bytes.length).toBeLessThan(4000);
  });
  test("what freezes is as good as a model", async () => {
    const small = await model([8, 8, 3], conv2d(4, 3), flatten(), dense(2));
    const frozen = (batchSize: number) => freeze(small, { batchSize, engine });
    expect(await toOnnx({ frozen })).toEqual(await toOnnx(small));
  });
});

describe("errors", () => {
  test("name the node and the op that the format has nothing like", async () => {
    const tokens = defineModel({ input: [3], inputType: "i32" }, (x) => {
      const logits = embedding(4, 4)(x);
      return add(reshape(logits, [x.shape[0]!, 12]), softmaxCrossEntropy(logits, x));
    });
    await tokens.initialize({ engine });
    await expect(toOnnx(tokens)).rejects.toThrow(FormatError);
    await expect(toOnnx(tokens)).rejects.toThrow(
      /^toOnnx: softmaxCrossEntropy: the op softmaxCrossEntropy has no like in the format$/,
    );
  });
  test("come before anything is done where a model has no weights", async () => {
    await expect(toOnnx(sequential({ input: [3] }, dense(2)))).rejects.toThrow(EngineError);
  });
  test("refuse what is no model", async () => {
    for (const none of [undefined, null, {}])
      await expect(toOnnx(none as unknown as Model)).rejects.toThrow(OptionError);
    await expect(toOnnx(null as unknown as Model)).rejects.toThrow(/^model: got null, wanted a model$/);
  });
  const wrong: [string, object, RegExp][] = [
    ["an unknown option", { name: "x" }, /^toOnnx: name: unknown option/],
    ["a batch of none", { batchSize: 0 }, /^toOnnx: batchSize: got 0, wanted a positive integer$/],
    ["an old set of operators", { opset: 9 }, /^toOnnx: opset: got 9, wanted 17 or 21$/],
    [
      "an activation",
      { activation: "relu" },
      /^toOnnx: activation: got "relu", wanted "softmax" or "sigmoid"$/,
    ],
    ["one name for both", { inputName: "output" }, /^toOnnx: outputName: /],
    ["no name", { outputName: "" }, /^toOnnx: outputName: got "", wanted a name$/],
    [
      "names for other classes",
      { classNames: ["a"] },
      /^toOnnx: classNames: got 1, wanted 2, one for each output$/,
    ],
    ["a word for names of classes", { classNames: "ab" }, /^toOnnx: classNames: got "ab", wanted a list/],
    [
      "numbers for names of classes",
      { classNames: [0, 1] },
      /^toOnnx: classNames: got \[0,1\], wanted a list/,
    ],
    [
      "metadata that is no text",
      { metadata: { a: 5 } },
      /^toOnnx: metadata: got {"a":5}, wanted pairs of texts$/,
    ],
    [
      "a producer without a version",
      { producer: { name: "x" } },
      /^toOnnx: producer: got {"name":"x"}, wanted/,
    ],
    [
      "weights above the model",
      { externalData: "w/../../x" },
      /^toOnnx: externalData: got "w\/..\/..\/x", wanted/,
    ],
    ["weights anywhere", { externalData: "/tmp/x" }, /^toOnnx: externalData: got "\/tmp\/x", wanted/],
    ["weights on a drive", { externalData: "C:\\x" }, /^toOnnx: externalData: got /],
    ["nothing to include", { includeNormalization: true }, /^toOnnx: normalization: /],
    [
      "a deviation of 0",
      { normalization: { mean: 0, standardDeviation: 0 }, includeNormalization: true },
      /^toOnnx: normalization: standardDeviation: got 0, wanted a number, or one for each of 3 channels$/,
    ],
    [
      "a deviation that is 0 in 32 bits",
      { normalization: { mean: 0, standardDeviation: 1e-60 }, includeNormalization: true },
      /^toOnnx: normalization: standardDeviation: got 1e-60, wanted/,
    ],
    [
      "means of other channels",
      { normalization: { mean: [1, 2], standardDeviation: 1 } },
      /^toOnnx: normalization: mean: got \[1,2\], wanted a number, or one for each of 3 channels$/,
    ],
  ];
  test.each(wrong)("refuse %s", async (_, options, message) => {
    const small = await model([3], dense(2));
    await expect(toOnnx(small, options)).rejects.toThrow(OptionError);
    await expect(toOnnx(small, options)).rejects.toThrow(message);
  });
});

describe("every op", () => {
  const names = opNames();
  test.each(names)("%s is exported, or occurs in training alone", (name) => {
    expect(exporters.has(name)).toBe(trainsOnly(name) === undefined);
  });
  test("of the table is there", () => {
    expect([...exporters.keys()].filter((name) => !names.includes(name))).toEqual([]);
  });
});
