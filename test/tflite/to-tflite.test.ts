// Models as TFLite files: which operators they become, and what is refused. That they compute alike the runtime shows, in
// test/deploy/tflite.js.
import { afterAll, describe, expect, test } from "vitest";
import { EngineError, FormatError, OptionError } from "#src/core/errors";
import {
  activation,
  add,
  clamp,
  createEngine,
  defineModel,
  dense,
  erf,
  flatten,
  leakyRelu,
  type Model,
  mul,
  reshape,
  sequential,
  softmax,
  type Tensor,
} from "#src/index";
import { freeze } from "#src/inference/frozen";
import {
  averagePool2d,
  batchNorm,
  conv2d,
  conv2dTranspose,
  convolution2d,
  depthwiseConv2d,
  embedding,
  lstm,
  maxPool2d,
  slice,
} from "#src/layers";
import { ELEMENTWISE } from "#src/tflite/elementwise";
import { type TfliteOptions, toTflite } from "#src/tflite/index";
import { MOVEMENT } from "#src/tflite/movement";
import { PRODUCTS } from "#src/tflite/products";
import { ROOMS } from "#src/tflite/translate";
import { opNames, trainsOnly } from "../support/op-names.ts";
import { floatsOf, readFile } from "./network.ts";

const engine = await createEngine({ threads: 1 });
afterAll(() => engine.close());

async function written(model: Model, options: TfliteOptions = {}) {
  await model.initialize({ engine, seed: 1 });
  return readFile(await toTflite(model, { engine, ...options }));
}
const image = { input: [8, 9, 3] };

describe("a dense network", () => {
  const model = sequential({ input: [4] }, dense(3, { activation: "relu" }), dense(2));

  test("is two fully connected layers, the first with its activation", async () => {
    const { names, operators, input, output, ...file } = await written(model);
    expect(names).toEqual(["FULLY_CONNECTED", "FULLY_CONNECTED"]);
    expect(operators.map(({ options }) => options.int8(0))).toEqual([1, undefined]);
    expect([input.name, output.name]).toEqual(["input", "output"]);
    expect([input.shape, output.shape]).toEqual([
      [1, 4],
      [1, 2],
    ]);
    expect(input.signature).toEqual([]);
    expect([file.version, file.identifier, file.description]).toEqual([3, "TFL3", ""]);
    expect(file.runtime).toEqual(["min_runtime_version", "1.5.0"]);
    expect(file.signature).toEqual({ key: "serving_default", input: "input", output: "output" });
  });
  test("has its weights as [out, in]", async () => {
    const { operators } = await written(model);
    const weight = model.parameters().get("dense.weight")!.values;
    const [, rows, bias] = operators[0]!.inputs;
    expect([rows!.shape, bias!.shape]).toEqual([[3, 4], [3]]);
    const turned = Array.from({ length: 12 }, (_, k) => weight[(k % 4) * 3 + Math.floor(k / 4)]);
    expect(floatsOf(rows!)).toEqual(turned);
  });
  test("takes names, a description, a batch size and an ending", async () => {
    const file = await written(model, {
      inputName: "pixels",
      outputName: "scores",
      description: "Reads.",
      batchSize: 5,
      activation: "softmax",
    });
    expect(file.names.at(-1)).toBe("SOFTMAX");
    expect(file.operators.at(-1)!.options.float32(0)).toBe(1);
    expect([file.input.shape, file.output.shape]).toEqual([
      [5, 4],
      [5, 2],
    ]);
    expect([file.description, file.signature.input, file.signature.output]).toEqual([
      "Reads.",
      "pixels",
      "scores",
    ]);
    expect([file.input.name, file.output.name]).toEqual(["pixels", "scores"]);
    expect((await written(model, { activation: "sigmoid" })).names.at(-1)).toBe("LOGISTIC");
  });
  test("is the same file every time", async () => {
    expect(await toTflite(model, { engine })).toEqual(await toTflite(model, { engine }));
  });
  test("may be anything that freezes", async () => {
    const frozen = (batchSize: number) => freeze(model, { batchSize, engine });
    expect(await toTflite({ frozen }, { engine })).toEqual(await toTflite(model, { engine }));
  });
});

describe("convolutions", () => {
  const paddings: [string, Parameters<typeof conv2d>[2], string[], number][] = [
    ["valid", {}, ["CONV_2D"], 1],
    ["same", { padding: "same", stride: 2 }, ["CONV_2D"], 0],
    // Half of two, and of one the odd behind: what "same" means here and there.
    [
      "by hand as same",
      {
        padding: [
          [1, 1],
          [1, 1],
        ],
      },
      ["CONV_2D"],
      0,
    ],
    ["by 1 at stride 2", { padding: 1, stride: 2 }, ["PAD", "CONV_2D"], 1],
    [
      "in front alone",
      {
        padding: [
          [2, 0],
          [0, 0],
        ],
      },
      ["PAD", "CONV_2D"],
      1,
    ],
  ];
  test.each(paddings)("padded %s", async (_, options, names, padding) => {
    const file = await written(sequential(image, conv2d(4, 3, options)));
    expect(file.names).toEqual(names);
    expect(file.operators.at(-1)!.options.int8(0)).toBe(padding);
  });
  test("have weights [out, height, width, in], normalization folded into them", async () => {
    const { names, operators } = await written(
      sequential(image, conv2d(5, [3, 2], { dilation: [2, 1] }), batchNorm(), activation("relu6")),
    );
    expect(names).toEqual(["CONV_2D"]);
    const [{ inputs, options }] = operators as [(typeof operators)[0]];
    expect(inputs[1]!.shape).toEqual([5, 3, 2, 3]);
    expect([1, 2, 4, 5].map((field) => options.int32(field))).toEqual([1, 1, 1, 2]);
    expect(options.int8(3)).toBe(3);
  });
  test("of single channels are depthwise, several outputs of each without a copy", async () => {
    const { names, operators, runtime } = await written(
      sequential(image, depthwiseConv2d(3, { multiplier: 2, padding: "same", dilation: 2 })),
    );
    expect(names).toEqual(["DEPTHWISE_CONV_2D"]);
    expect(operators[0]!.inputs[1]!.shape).toEqual([1, 3, 3, 6]);
    expect(operators[0]!.options.int32(3)).toBe(2);
    expect([operators[0]!.version, runtime[1]]).toEqual([2, "1.12.0"]);
  });
  test("in groups want a runtime that has them", async () => {
    const { operators, runtime } = await written(
      sequential({ input: [4, 4, 4] }, conv2d(4, 3, { groups: 2 })),
    );
    expect([operators[0]!.version, runtime[1]]).toEqual([6, "2.9.0"]);
    expect(operators[0]!.inputs[1]!.shape).toEqual([4, 3, 3, 2]);
  });
  test("transposed know the size of their result", async () => {
    const { names, operators } = await written(
      sequential({ input: [4, 5, 3] }, conv2dTranspose(2, 3, { stride: 2, padding: 1 })),
    );
    expect(names).toEqual(["TRANSPOSE_CONV", "SLICE"]);
    expect([...new Int32Array(operators[0]!.inputs[0]!.bytes.slice().buffer)]).toEqual([1, 9, 11, 2]);
    expect(operators[1]!.output.shape).toEqual([1, 7, 9, 2]);
  });
});

describe("pools", () => {
  test.each([
    ["max", maxPool2d(2), ["MAX_POOL_2D"], 1],
    ["max, same", maxPool2d(3, { stride: 2, padding: "same" }), ["MAX_POOL_2D"], 0],
    ["max, padded by 1", maxPool2d(3, { stride: 2, padding: 1 }), ["PADV2", "MAX_POOL_2D"], 1],
    ["average, same", averagePool2d(3, { stride: 2, padding: "same" }), ["AVERAGE_POOL_2D"], 0],
    [
      "average, zeros counted",
      averagePool2d(3, { stride: 2, padding: 1, countPadding: true }),
      ["PAD", "AVERAGE_POOL_2D"],
      1,
    ],
  ] as const)("%s", async (_, layer, names, padding) => {
    const file = await written(sequential({ input: [8, 8, 3] }, conv2d(3, 1), layer));
    expect(file.names.slice(-names.length)).toEqual(names);
    expect(file.operators.at(-1)!.options.int8(0)).toBe(padding);
  });
});

describe("what several read is not fused", () => {
  test("an activation beside another reader", async () => {
    const model = defineModel({ input: [4] }, (x) => {
      const h = dense(4)(x);
      return add(activation("relu")(h), h);
    });
    expect((await written(model)).names).toEqual(["FULLY_CONNECTED", "RELU", "ADD"]);
  });
  test("an activation goes through another shape of what it reads", async () => {
    const { names, operators } = await written(
      sequential({ input: [2, 3, 4] }, conv2d(5, 1, { activation: "relu" }), flatten()),
    );
    expect(names).toEqual(["RESHAPE", "FULLY_CONNECTED", "RESHAPE", "RESHAPE"]);
    expect(operators[1]!.options.int8(0)).toBe(1);
  });
});

describe("any batch", () => {
  test("its size is −1 in signatures and shapes that operators take", async () => {
    const model = sequential(image, conv2d(4, 3), flatten(), dense(2));
    const { input, output, operators } = await written(model, { dynamicBatch: true });
    expect([input.signature, output.signature]).toEqual([
      [-1, 8, 9, 3],
      [-1, 2],
    ]);
    expect(input.shape).toEqual([1, 8, 9, 3]);
    const reshape = operators.find(({ name }) => name === "RESHAPE")!;
    expect([...new Int32Array(reshape.inputs[1]!.bytes.slice().buffer)]).toEqual([-1, 168]);
    expect(operators.every(({ inputs }) => inputs[1]!.signature.length === 0)).toBe(true);
  });
  test("is refused where constants depend on it", async () => {
    const model = sequential({ input: [4, 4, 3] }, conv2dTranspose(2, 2));
    await model.initialize({ engine });
    await expect(toTflite(model, { engine, dynamicBatch: true })).rejects.toThrow(
      "constants of this model depend on the batch",
    );
  });
  test.each<[string, (x: Tensor, batch: number) => Tensor]>([
    ["a factor", (x, batch) => mul(x, 1 / batch)],
    ["a limit", (x, batch) => clamp(x, 0, batch)],
    ["an operator's option", (x, batch) => leakyRelu(x, 1 / batch)],
  ])("is refused where %s depends on it", async (_, of) => {
    const model = defineModel({ input: [4] }, (x) => of(x, x.shape[0]!));
    await model.initialize({ engine });
    await expect(toTflite(model, { engine, dynamicBatch: true })).rejects.toThrow(
      "constants of this model depend on the batch",
    );
  });
});

describe("what cannot be said", () => {
  test("an op without translation is named with its node", async () => {
    const model = sequential({ input: [4] }, dense(3), (x) => erf(x));
    await model.initialize({ engine });
    await expect(toTflite(model, { engine })).rejects.toThrow(FormatError);
    await expect(toTflite(model, { engine })).rejects.toThrow(
      "toTflite: erf: the op erf has no translation, wanted one that docs/tflite.md lists",
    );
  });
  test("a convolution by what the model computes", async () => {
    // Of one example the batch can be the kernel's height.
    const model = defineModel({ input: [3, 3, 1] }, (x) => {
      const kernel = reshape(slice(mul(dense(1)(x), 2), [0, 0, 0, 0], [1, 2, 2, 1]), [2, 2, 1, 1]);
      return convolution2d(x, kernel);
    });
    await model.initialize({ engine });
    await expect(toTflite(model, { engine })).rejects.toThrow(
      "toTflite: convolution: its weight [2, 2, 1, 1] is computed by the model, wanted numbers",
    );
  });
  test("a model without weights", async () => {
    await expect(toTflite(sequential({ input: [2] }, dense(1)), { engine })).rejects.toThrow(EngineError);
  });
  test("what is no model, with integers too", async () => {
    for (const options of [{}, { quantization: { calibration: [0] } }])
      await expect(toTflite(undefined as unknown as Model, options)).rejects.toThrow(OptionError);
  });
  test.each([
    [{ batchSize: 0 }, "toTflite: batchSize: wanted a positive integer, got 0"],
    [{ activation: "relu" }, 'toTflite: activation: got "relu", wanted "softmax" or "sigmoid"'],
    [{ quantization: {} }, "toTflite: quantization: got neither, wanted either ranges or calibration"],
    [{ quantization: { ranges: new Map(), calibration: [0] } }, "got both, wanted either"],
    [{ quantization: { ranges: new Map(), input: "int4" } }, 'quantization: input: got "int4"'],
    [{ quantization: { ranges: new Map(), fallback: true } }, "quantization: fallback: got true"],
    [{ quantization: { ranges: new Map(), dense: "both" } }, 'quantization: dense: got "both"'],
    [{ quantization: { ranges: {} } }, "quantization: ranges: got object, wanted a Map"],
    [{ quantization: new Map([["input", { min: Number.NaN, max: 1 }]]) }, "ranges: input: got NaN to 1"],
    [{ quantization: new Map([["input", { min: 2, max: 1 }]]) }, "ranges: input: got 2 to 1"],
    [{ quantization: new Map([["input", { min: 0, max: 1e60 }]]) }, "ranges: input: got 0 to 1e+60"],
    [{ quantization: new Map([["input", null]]) }, "ranges: input: got undefined to undefined"],
    [{ inputName: 5 }, "toTflite: inputName: got 5, wanted text"],
    [{ outputName: "" }, 'toTflite: outputName: got "", wanted text'],
    [{ description: 5 }, "toTflite: description: got 5, wanted text"],
    [{ name: "x" }, "toTflite: name: unknown option"],
  ])("options: %o", async (options, message) => {
    const model = sequential({ input: [4] }, dense(3));
    await model.initialize({ engine });
    const made = toTflite(model, { engine, ...options } as TfliteOptions);
    await expect(made).rejects.toThrow(OptionError);
    await expect(made).rejects.toThrow(message);
  });
});

describe("integers at the input", () => {
  test("tokens are 32-bit integers", async () => {
    const model = sequential({ input: [6], inputType: "i32" }, embedding(20, 4), lstm(3), softmax);
    const { input, names } = await written(model);
    expect(input.type).toBe(2);
    expect(names.slice(0, 2)).toEqual(["RESHAPE", "GATHER"]);
    // Six steps, each with its product of the state.
    expect(names.filter((name) => name === "FULLY_CONNECTED")).toHaveLength(7);
  });
});

describe("every op", async () => {
  /** Why an op that predicts is refused by its name. */
  const REFUSED: Readonly<Record<string, string>> = {
    erf: "there is none",
    quantizeLinear: "bytes have ranges of their own here",
    dequantizeLinear: "bytes have ranges of their own here",
    quantizedMatmul: "bytes have ranges of their own here",
    quantizedConvolution: "bytes have ranges of their own here",
    quantizedMaxPool: "bytes have ranges of their own here",
    quantizedAdd: "bytes have ranges of their own here",
    quantizedLookup: "bytes have ranges of their own here",
    quantizedMean: "bytes have ranges of their own here",
    quantizedRowNorm: "bytes have ranges of their own here",
    quantizedRecurrence: "bytes have ranges of their own here",
    dynamicQuantizedMatmul: "bytes have ranges of their own here",
    int4Matmul: "half bytes are no type that LiteRT's interface for JavaScript takes",
  };
  const rooms = await Promise.all(ROOMS.map(async ([ops, load]) => [ops, (await load()).RULES] as const));
  const rules = new Set(
    [ELEMENTWISE, MOVEMENT, PRODUCTS, ...rooms.map(([, own]) => own)].flatMap((own) => Object.keys(own)),
  );
  test("of a room brings it in", () => {
    for (const [ops, own] of rooms) expect([...ops].sort()).toEqual(Object.keys(own).sort());
    expect([...rules].filter((name) => !opNames().includes(name))).toEqual([]);
  });
  test.each(opNames())("%s is written, refused, or occurs in training alone", (name) => {
    expect(rules.has(name)).toBe((trainsOnly(name) ?? REFUSED[name]) === undefined);
  });
});
