// Quantized models: near the model in floats, the integers of the training that was aware of them, files that come back whole.
import { afterAll, describe, expect, test } from "vitest";
import { DataError, EngineError, FormatError, OptionError, ShapeError } from "#src/core/errors";
import { sizeOf } from "#src/core/shape";
import { readSafetensors } from "#src/formats/safetensors";
import { type SafetensorsSource, writeSafetensors } from "#src/formats/safetensors-writer";
import {
  activation,
  add,
  createEngine,
  createTrainer,
  defineModel,
  dense,
  dropout,
  flatten,
  type Model,
  meanSquaredError,
  relu,
  sequential,
  sgd,
} from "#src/index";
import {
  batchNorm,
  bidirectional,
  branches,
  conv1d,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  embedding,
  globalAveragePool2d,
  gru,
  layerNorm,
  lstm,
  maxPool2d,
  residual,
  transformerEncoderBlock,
} from "#src/layers";
import { relu6 } from "#src/ops/activation";
import { clamp } from "#src/ops/arithmetic";
import { pad } from "#src/ops/movement";
import { type QuantizeOptions, quantizationAware, quantize, quantizedFromBytes } from "#src/quantize/index";
import { numbers, setWeights } from "../train/setting.ts";

const engine = await createEngine({ numerics: "exact", threads: 1 });
afterAll(() => engine.close());

/** A ratio of signal to noise, in decibels. */
function decibels(wanted: Float32Array, got: Float32Array): number {
  const power = (values: Float32Array) => values.reduce((sum, each) => sum + each ** 2, 0);
  return 10 * Math.log10(power(wanted) / power(wanted.map((each, index) => each - got[index]!)));
}

/** Weights like those of a trained model. */
function trained(model: Model): Model {
  setWeights(model);
  const parameters = model.parameters();
  for (const [name, { values }] of parameters)
    if (/variance|scale/.test(name))
      for (const [index] of values.entries()) values[index] = 0.6 + (index % 5) / 5;
  model.setParameters(parameters);
  return model;
}

const inputsOf = (model: Model, count: number) =>
  model.inputType === "i32"
    ? Array.from({ length: count * model.inputShape[0]! }, (_, index) => (index * 7) % 5)
    : numbers(count * model.inputShape.reduce((a, b) => a * b, 1), 40);

const input = [8, 8, 4];
const table = embedding(5, 8);
const bounded = (x: Parameters<typeof relu>[0]) => clamp(x, -0.3, 0.4);
const models: [name: string, model: Model, ops: string][] = [
  [
    "dense",
    sequential(
      { input: [20] },
      dense(16, { activation: "relu" }),
      dropout(0.5),
      dense(8, { activation: "tanh" }),
      dense(3),
    ),
    "quantizeLinear quantizedMatmul quantizedMatmul quantizedLookup quantizedMatmul",
  ],
  [
    "convolutions, folded, pooled and bounded",
    sequential(
      { input },
      conv2d(8, 3, { padding: "same" }),
      batchNorm(),
      relu,
      maxPool2d(2),
      conv2d(6, 3),
      relu6,
      flatten(),
      dense(4),
    ),
    "quantizeLinear quantizedConvolution quantizedMaxPool quantizedConvolution reshape quantizedMatmul",
  ],
  [
    "groups, strides and depthwise",
    sequential(
      { input },
      conv2d(8, 3, { groups: 2, stride: 2, padding: "same", activation: "relu" }),
      depthwiseConv2d(3, { padding: 1 }),
      bounded,
      conv2d(4, 1),
      globalAveragePool2d(),
    ),
    "quantizeLinear quantizedConvolution quantizedConvolution reshape quantizedMatmul reshape sum",
  ],
  [
    "sequences",
    sequential(
      { input: [10, 4] },
      conv1d(8, 3, { dilation: 2, activation: "relu" }),
      dense(5, { activation: "relu" }),
      flatten(),
      dense(2),
    ),
    "quantizeLinear reshape quantizedConvolution reshape reshape quantizedMatmul reshape reshape quantizedMatmul",
  ],
  [
    "branches and padding",
    sequential(
      { input },
      branches(conv2d(3, 1, { activation: "relu" }), conv2d(5, 1)),
      (x) =>
        pad(x, [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]),
      conv2d(4, 3),
    ),
    "quantizeLinear reshape quantizedMatmul reshape reshape quantizedMatmul reshape concatenate pad quantizedConvolution",
  ],
  [
    "a residual",
    sequential(
      { input: [12] },
      dense(12, { activation: "relu" }),
      residual(dense(12)),
      activation("relu"),
      dense(3),
    ),
    "quantizeLinear quantizedMatmul quantizedMatmul quantizedAdd quantizedMatmul",
  ],
  [
    "what bytes do not know, and what makes bytes of it",
    sequential({ input }, conv2dTranspose(4, 3), layerNorm(), globalAveragePool2d(), dense(3)),
    "convolutionTransposed reshape quantizedRowNorm reshape reshape quantizedMean quantizedMatmul",
  ],
  [
    "branches of convolutions and their means",
    defineModel({ input }, (x) => {
      const h = conv2d(6, 3, { padding: "same", activation: "relu" })(x);
      const inner = conv2d(6, 3, { padding: "same", activation: "silu" })(h);
      return dense(3)(globalAveragePool2d()(relu(add(h, conv2d(6, 1)(inner)))));
    }),
    "quantizeLinear quantizedConvolution quantizedConvolution quantizedLookup reshape quantizedMatmul reshape quantizedAdd reshape quantizedMean quantizedMatmul",
  ],
  [
    "what is read as floats too stays in floats",
    defineModel({ input: [12] }, (x) => {
      const h = layerNorm()(dense(12)(x));
      return dense(3)(layerNorm()(add(h, dense(12, { activation: "gelu" })(h))));
    }),
    "quantizeLinear quantizedMatmul rowNorm quantizeLinear quantizedMatmul gelu add quantizedRowNorm quantizedMatmul",
  ],
  [
    "words with a tied table",
    sequential({ input: [6], inputType: "i32" }, table, dense(8), table.attend),
    "",
  ],
  [
    "an LSTM",
    sequential({ input: [6, 4] }, lstm(8), dense(2)),
    "quantizeLinear permute reshape reshape quantizedRecurrence quantizeLinear quantizedMatmul",
  ],
  [
    "recurrent layers in both directions",
    sequential({ input: [6, 4] }, bidirectional(gru(5, { returnSequences: true })), gru(9), dense(2)),
    "",
  ],
  ["a transformer", sequential({ input: [6, 8] }, transformerEncoderBlock({ heads: 2 }), dense(2)), ""],
];
for (const [, model] of models) trained(model);

const variants: readonly [string, QuantizeOptions, number][] = [
  ["int8", { method: "minMax" }, 26],
  ["int4", { weights: "int4" }, 12],
  ["int8, one scale a tensor", { activations: "int8", granularity: "tensor" }, 24],
  ["int8, dynamic", { activations: "dynamic" }, 30],
  ["int8 weights alone", { activations: "float" }, 34],
  ["int4 in short blocks", { weights: "int4", blockSize: 8 }, 13],
  ["f16", { weights: "f16" }, 55],
  ["bf16", { weights: "bf16" }, 44],
];

describe.each(models)("%s", (name, model, ops) => {
  const inputs = inputsOf(model, 24);
  const tried = /folded|tied|transformer|directions/.test(name) ? variants : variants.slice(0, 2);
  test.each(tried)(
    "%s: near the model in floats, and back from a file to the bit",
    async (_, chosen, least) => {
      const isStatic = chosen.weights === undefined && /undefined|int8/.test(`${chosen.activations}`);
      const options = isStatic ? { ...chosen, calibration: inputs } : chosen;
      const wanted = await model.predict(inputs, { engine });
      const quantized = await quantize(model, { ...options, engine });
      const got = await quantized.predict(inputs, { engine });
      expect(decibels(wanted, got)).toBeGreaterThan(least);
      const again = await quantizedFromBytes(quantized.toBytes(), model, { engine });
      expect(again.bytes).toBe(quantized.bytes);
      expect(await again.predict(inputs, { engine })).toEqual(got);
      for (const { weightDecibels, weights, outputDecibels } of quantized.report) {
        expect(weights).toBe(options.weights ?? "int8");
        expect(weightDecibels).toBeGreaterThan(weights === "int4" ? 17 : 35);
        if (isStatic) expect(outputDecibels).toBeGreaterThan(20);
        else expect(outputDecibels).toBeUndefined();
      }
      const calibrated = isStatic && options.granularity === undefined;
      if (ops === "" || !calibrated) return;
      const { nodes } = await quantized.frozen(3, engine);
      expect(nodes.flatMap(({ op }) => op?.name ?? []).join(" ")).toBe(ops);
    },
  );
});

describe("a quantized model", () => {
  const model = models[1]![1];
  const inputs = inputsOf(model, 40);
  test("has the bits of one thread with two", async () => {
    const two = await createEngine({ numerics: "exact", threads: 2 });
    two.soloWork = 0;
    for (const options of [
      { calibration: inputs },
      { activations: "dynamic" },
      { weights: "int4" },
    ] as const) {
      const quantized = await quantize(model, { ...options, engine });
      const wanted = await quantized.predict(inputs, { engine });
      expect(await quantized.predict(inputs, { engine: two })).toEqual(wanted);
    }
    await two.close();
  });
  test("predicts without a promise what it predicts with one, once it is prepared", async () => {
    const quantized = await quantize(model, { calibration: inputs, engine });
    const wanted = await quantized.predict(inputs, { engine });
    const size = sizeOf(quantized.inputShape);
    const some = inputs.slice(0, 3 * size);
    expect(() => quantized.predictSync(some, { engine })).toThrow(EngineError);
    await quantized.prepare({ batchSize: 3, engine });
    expect(quantized.predictSync(some, { engine })).toEqual(
      wanted.slice(0, 3 * sizeOf(quantized.outputShape)),
    );
    await expect(quantized.prepare({ batchSize: 0, engine })).rejects.toThrow(OptionError);
  });
  test("keeps what it has when the model learns on", async () => {
    const own = trained(sequential({ input: [4] }, dense(3)));
    const quantized = await quantize(own, { activations: "float", engine });
    const before = await quantized.predict([1, 2, 3, 4], { engine });
    setWeights(own, 77);
    expect(await quantized.predict([1, 2, 3, 4], { engine })).toEqual(before);
    expect((await quantized.predict(numbers(4 * 300), { engine })).length).toBe(900);
  });
  test("has the same tensors at every size of a batch", async () => {
    const quantized = await quantize(model, { calibration: inputs, engine });
    const names = async (batchSize: number) => [
      ...(await quantized.frozen(batchSize, engine)).names.values(),
    ];
    expect(await names(4)).toEqual(await names(2));
  });
  test("is a quarter of its weights, or an eighth", async () => {
    const wide = trained(sequential({ input: [128] }, dense(128, { bias: false })));
    const bytes = async (options: QuantizeOptions) => (await quantize(wide, { ...options, engine })).bytes;
    expect(await bytes({ activations: "float" })).toBe(128 * 128 + 128 * 4);
    expect(await bytes({ weights: "int4" })).toBe((128 * 128) / 2 + 4 * 128 * 2);
    expect(await bytes({ weights: "bf16" })).toBe(128 * 128 * 2);
  });
  test("stores a tied table once", async () => {
    const [, tied] = models.find(([name]) => name === "words with a tied table")!;
    const quantized = await quantize(tied, { activations: "float", engine });
    // Table [5, 8], weight [8, 8] and bias.
    expect(quantized.bytes).toBe(40 + 5 * 4 + 64 + 8 * 4 + 8 * 4);
  });
  test("leaves layers in floats that it is told to", async () => {
    const quantized = await quantize(model, { calibration: inputs, skip: ["conv2d"], engine });
    expect(quantized.report.map(({ name }) => name)).toEqual(["conv2d_1.weight", "dense.weight"]);
    const { nodes } = await quantized.frozen(1, engine);
    expect(nodes.flatMap(({ op }) => op?.name ?? []).slice(0, 3)).toEqual([
      "convolution",
      "relu",
      "quantizeLinear",
    ]);
  });
});

describe("behind a training that was aware of it", () => {
  async function aware() {
    const original = sequential(
      { input: [6, 6, 2] },
      conv2d(8, 3, { bias: false }),
      batchNorm(),
      relu,
      maxPool2d(2),
      flatten(),
      dense(3),
    );
    const model = quantizationAware(trained(original));
    const trainer = await createTrainer(model, {
      loss: meanSquaredError,
      optimizer: sgd({ learningRate: 0.05 }),
      engine,
    });
    for (let step = 0; step < 5; step++)
      await trainer.step({
        inputs: numbers(8 * 72, step * 600),
        targets: numbers(24, step),
        size: 8,
      } as never);
    trainer.close();
    return model;
  }
  test("the integers are those that the training saw", async () => {
    const model = await aware();
    const inputs = numbers(64 * 72, 9000);
    const wanted = await model.predict(inputs, { engine });
    const quantized = await quantize(model, { engine });
    const got = await quantized.predict(inputs, { engine });
    // Floats are summed in another order than integers: a number on the edge of a step may fall on the other side.
    const same = got.filter((each, index) => Math.abs(each - wanted[index]!) < 1e-5);
    expect(same.length).toBeGreaterThan(0.9 * got.length);
    expect(decibels(wanted, got)).toBeGreaterThan(50);
    const parameters = model.parameters();
    for (const [index, { input }] of quantized.report.entries()) {
      const name = ["quantization", "quantization_1"][index];
      const width = parameters.get(`${name}.max`)!.values[0]! - parameters.get(`${name}.min`)!.values[0]!;
      expect(input!.scale).toBeCloseTo(width / 127, 7);
    }
    expect(quantized.report[1]!.input!.zeroPoint).toBe(0);
  });
  test("a calibration may replace the ranges, and a file is of the original", async () => {
    const model = await aware();
    const quantized = await quantize(model, { calibration: numbers(10 * 72), engine });
    const inputs = numbers(4 * 72);
    const again = await quantizedFromBytes(quantized.toBytes(), model.original, { engine });
    expect(await again.predict(inputs, { engine })).toEqual(await quantized.predict(inputs, { engine }));
  });
  test("what has seen nothing is refused", async () => {
    const model = quantizationAware(trained(sequential({ input: [4] }, dense(2))));
    await expect(quantize(model, { engine })).rejects.toThrow(/has learned no ranges/);
  });
});

describe("files", () => {
  const [, model] = models[1]!;
  const written = async (options: QuantizeOptions) =>
    (await quantize(model, { ...options, engine })).toBytes();
  const read = (bytes: Uint8Array, of = model) => quantizedFromBytes(bytes, of, { engine });

  test("that are cut off are refused", async () => {
    const bytes = await written({ calibration: inputsOf(model, 8) });
    for (const length of [0, 7, 8, 100, bytes.length - 1])
      await expect(read(bytes.slice(0, length))).rejects.toThrow(FormatError);
  });
  test("of another model are refused", async () => {
    const bytes = await written({ activations: "float" });
    await expect(read(bytes, models[0]![1])).rejects.toThrow(ShapeError);
    const wider = trained(
      sequential(
        { input },
        conv2d(9, 3, { padding: "same" }),
        batchNorm(),
        relu,
        maxPool2d(2),
        conv2d(6, 3),
        relu6,
        flatten(),
        dense(4),
      ),
    );
    await expect(read(bytes, wider)).rejects.toThrow(
      /conv2d.weight: got \[3, 3, 4, 8\], the model wants \[3, 3, 4, 9\]/,
    );
  });
  test("of weights in floats are none", async () => {
    await expect(read(model.toBytes())).rejects.toThrow(
      new FormatError('quantizedFromBytes: format: got "downhill", wanted "downhill quantized 1"'),
    );
  });

  type Change = (tensors: Map<string, SafetensorsSource>, metadata: Map<string, string>) => void;
  const edit = (tensors: Map<string, SafetensorsSource>, name: string, change: (values: never) => void) => {
    const tensor = tensors.get(name)!;
    const values = tensor.values.slice();
    change(values as never);
    tensors.set(name, { ...tensor, values } as SafetensorsSource);
  };
  test.each<[string, Change, RegExp]>([
    ["a tensor too few", (tensors) => tensors.delete("dense.bias"), /dense.bias: the model wants it/],
    [
      "scales too few",
      (tensors) => tensors.delete("dense.weight scales"),
      /dense.weight scales: the model wants it/,
    ],
    [
      "a tensor too many",
      (tensors) => tensors.set("more", { shape: [1], values: new Int8Array(1) }),
      /more: the file has it/,
    ],
    [
      "a scale of 0",
      (tensors) => edit(tensors, "dense.weight scales", (values: Float32Array) => values.fill(0, 0, 1)),
      /finite numbers above 0/,
    ],
    [
      "an integer of −128",
      (tensors) => edit(tensors, "dense.weight", (values: Int8Array) => values.fill(-128, 0, 1)),
      /got -128/,
    ],
    [
      "scales of no number",
      (tensors) => tensors.set("dense.weight scales", { shape: [2], values: Float32Array.of(1, 1) }),
      /got 2 numbers, wanted 1 or 4/,
    ],
    [
      "a range that is none",
      (tensors) => edit(tensors, " ranges", (values: Float32Array) => values.set([2, 1])),
      /2 to 1, wanted finite numbers in order/,
    ],
    [
      "a range of nobody",
      (_, metadata) => metadata.set("ranges", metadata.get("ranges")!.replace("input", "inputs")),
      /wanted each tensor of the model once/,
    ],
    ["ranges that are no list", (_, metadata) => metadata.set("ranges", "{}"), /ranges/],
    [
      "a twin of nobody",
      (_, metadata) => metadata.set("same", '{"dense.bias":"dense.weight"}'),
      /wanted a stored parameter like it/,
    ],
    [
      "activations of no kind",
      (_, metadata) => metadata.set("activations", "int9"),
      /wanted one of int8, dynamic, float/,
    ],
    ["blocks of no size", (_, metadata) => metadata.set("blockSize", "0"), /blockSize: got "0"/],
    ["metadata too few", (_, metadata) => metadata.delete("blockSize"), /metadata/],
    [
      "a type of no weight",
      (tensors) => tensors.set("dense.bias", { shape: [4], values: new Int32Array(4) }),
      /dense.bias: got I32/,
    ],
  ])("with %s are refused", async (_, change, message) => {
    const { tensors, metadata } = readSafetensors(await written({ calibration: inputsOf(model, 8) }));
    const sources = new Map<string, SafetensorsSource>(tensors);
    change(sources, metadata);
    await expect(read(writeSafetensors(sources, metadata))).rejects.toThrow(message);
  });
  test("with half bytes of another number are refused", async () => {
    const { tensors, metadata } = readSafetensors(await written({ weights: "int4" }));
    const sources = new Map<string, SafetensorsSource>(tensors);
    sources.set("dense.weight", { shape: [3], values: new Uint8Array(3) });
    await expect(read(writeSafetensors(sources, metadata))).rejects.toThrow(/got 3 bytes and \d+ scales/);
  });
});

describe("weights that there are no fewer bits for", () => {
  const options: QuantizeOptions[] = (["int8", "int4", "f16", "bf16"] as const).map((weights) => ({
    weights,
    activations: "float",
    engine,
  }));
  const of = (value: number) => {
    const model = sequential({ input: [2] }, dense(2, { bias: false }));
    const values = [1, value, 3, 4];
    model.setParameters(new Map([["dense.weight", { shape: [2, 2], values }]]));
    return model;
  };
  test.each(options)("$weights: numbers that are not finite are refused", async (chosen) => {
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY])
      await expect(quantize(of(value), chosen)).rejects.toThrow(
        new DataError(`quantize: dense.weight: got ${value}, wanted finite numbers`),
      );
  });
  test("int4: what is beyond 8 times the largest scale is refused, and what is not comes near", async () => {
    const [, int4] = options;
    await expect(quantize(of(-524_034), int4)).rejects.toThrow(
      new OptionError("quantize: weights: int4 cannot hold -524034 of dense.weight: wanted int8"),
    );
    for (const value of [524_032, -500_000]) {
      const [, got] = await (await quantize(of(value), int4!)).predict([1, 0], { engine });
      expect(Math.abs(got! / value - 1)).toBeLessThan(0.001);
    }
  });
  test("int8: what has next to vanished is 0", async () => {
    const model = sequential({ input: [2] }, dense(2, { bias: false }));
    const values = [1, 1e-44, 3, -1e-44];
    model.setParameters(new Map([["dense.weight", { shape: [2, 2], values }]]));
    const [, got] = await (await quantize(model, { engine })).predict([1, 1], { engine });
    expect(got).toBe(0);
  });
});

test("options that do not fit are refused", async () => {
  const model = trained(sequential({ input: [4] }, dense(2)));
  const tried = (options: object) => quantize(model, { ...options, engine });
  await expect(tried({ weights: "int3" })).rejects.toThrow(OptionError);
  await expect(tried({ granularity: "row" })).rejects.toThrow(/granularity: got "row"/);
  await expect(tried({ activations: "int8" })).rejects.toThrow(/calibration: got none/);
  await expect(tried({ weights: "int4", activations: "dynamic" })).rejects.toThrow(/wanted "float"/);
  await expect(tried({ weights: "int4", method: "median" })).rejects.toThrow(/method: got "median"/);
  await expect(tried({ percentile: 20 })).rejects.toThrow(/percentile: got 20/);
  await expect(tried({ blockSize: 0 })).rejects.toThrow(/blockSize: got 0/);
  await expect(tried({ skip: ["dens"] })).rejects.toThrow(/skip: got "dens"/);
  await expect(tried({ calibrate: [1] })).rejects.toThrow(/calibrate: unknown option/);
  await expect(tried({ calibration: [] })).rejects.toThrow(DataError);
  await expect(quantize(sequential({ input: [4] }, dense(2)), { engine })).rejects.toThrow(EngineError);
  const huge = sequential({ input: [1] }, dense(1));
  huge.setParameters(
    new Map([
      ["dense.weight", { shape: [1, 1], values: [1e6] }],
      ["dense.bias", { shape: [1], values: [0] }],
    ]),
  );
  await expect(quantize(huge, { weights: "f16", engine })).rejects.toThrow(
    /f16 cannot hold 1000000 of dense.weight/,
  );
  const nothing = defineModel({ input: [4] }, (x) => x);
  const quantized = await quantize(nothing, { calibration: [1, 2, 3, 4], engine });
  expect([...(await quantized.predict([1, 2, 3, 4], { engine }))]).toEqual([1, 2, 3, 4]);
});
