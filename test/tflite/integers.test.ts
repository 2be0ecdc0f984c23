// TFLite files of 8-bit integers: scales, zero points and what the specification ties together. What they compute is shown
// against the runtime in test/deploy/tflite.js.
import { afterAll, describe, expect, test } from "vitest";
import { FormatError, OptionError } from "#src/core/errors";
import {
  activation,
  createEngine,
  defineModel,
  dense,
  flatten,
  type Model,
  mul,
  relu,
  sequential,
  sigmoid,
  softmax,
} from "#src/index";
import { freeze } from "#src/inference/frozen";
import { concatenate, conv2d, depthwiseConv2d, layerNorm, maxPool2d } from "#src/layers";
import { type TfliteQuantization, toTflite } from "#src/tflite/index";
import { readFile } from "./network.ts";

const engine = await createEngine({ threads: 1 });
afterAll(() => engine.close());

const INT8 = 9;
const range = (min: number, max: number) => ({ min, max });

async function written(model: Model, quantization: TfliteQuantization) {
  await model.initialize({ engine, seed: 1 });
  return readFile(await toTflite(model, { engine, quantization }));
}
/** Numbers of a tensor of integers. */
const bytesOf = ({ bytes }: { bytes: Uint8Array }) => [...new Int8Array(bytes.slice().buffer)];
const wordsOf = ({ bytes }: { bytes: Uint8Array }) => [...new Int32Array(bytes.slice().buffer)];

describe("a dense layer", () => {
  const model = sequential({ input: [2] }, dense(2));
  const ranges = new Map([
    ["input", range(-1, 1.55)],
    ["matmul", range(0.5, 5.1)],
  ]);
  const prepared = async (quantization: Partial<TfliteQuantization> = {}) => {
    await model.initialize({ engine });
    model.setParameters(
      new Map([
        ["dense.weight", { shape: [2, 2], values: Float32Array.of(1, 0.254, -0.5, 0.1) }],
        ["dense.bias", { shape: [2], values: Float32Array.of(0.1, -0.2) }],
      ]),
    );
    return readFile(await toTflite(model, { engine, quantization: { ranges, ...quantization } }));
  };

  test("stands between conversions, of scales that the ranges want", async () => {
    const { names, operators, input, output } = await prepared();
    expect(names).toEqual(["QUANTIZE", "FULLY_CONNECTED", "DEQUANTIZE"]);
    expect([input.type, output.type]).toEqual([0, 0]);
    const [x, y] = [operators[0]!.output, operators[1]!.output];
    expect([x.type, y.type]).toEqual([INT8, INT8]);
    // 2.55 in 255 steps, −1 at the lowest; and zero is one of the integers, even where no value is.
    expect(x.scales).toEqual([Math.fround(0.01)]);
    expect(x.zeroPoints).toEqual([-28]);
    expect(y.scales).toEqual([Math.fround(0.02)]);
    expect(y.zeroPoints).toEqual([-128]);
  });
  test("has weights with a scale an output, and biases between", async () => {
    const { operators } = await prepared();
    const [, weight, bias] = operators[1]!.inputs;
    expect(weight!.scales).toEqual([Math.fround(1 / 127), Math.fround(0.254 / 127)]);
    expect([weight!.zeroPoints, weight!.axis]).toEqual([[0, 0], 0]);
    expect(bytesOf(weight!)).toEqual([127, -64, 127, 50]);
    const steps = weight!.scales.map((scale) => Math.fround(Math.fround(0.01) * scale));
    expect(bias!.scales).toEqual(steps);
    expect(wordsOf(bias!)).toEqual([Math.round(0.1 / steps[0]!), Math.round(-0.2 / steps[1]!)]);
  });
  test("or one for all", async () => {
    const { operators } = await prepared({ dense: "perTensor" });
    const [, weight, bias] = operators[1]!.inputs;
    expect(weight!.scales).toEqual([Math.fround(1 / 127)]);
    expect(bytesOf(weight!)).toEqual([127, -64, 32, 13]);
    expect(bias!.scales).toHaveLength(1);
  });
  test("may have integers at both ends", async () => {
    const { names, input, output } = await prepared({ input: "int8", output: "int8" });
    expect(names).toEqual(["FULLY_CONNECTED"]);
    expect([input.type, output.type]).toEqual([INT8, INT8]);
    expect([input.name, output.name]).toEqual(["input", "output"]);
  });
  test("takes a map of ranges as it is, and examples to find them by", async () => {
    await prepared();
    const file = readFile(await toTflite(model, { engine, quantization: ranges }));
    expect(file.names).toEqual(["QUANTIZE", "FULLY_CONNECTED", "DEQUANTIZE"]);
    const calibration = [
      [-1, 1.55],
      [0, 0],
    ];
    const found = readFile(await toTflite(model, { engine, quantization: { calibration } }));
    expect(found.operators[0]!.output.scales).toEqual([Math.fround(2.55 / 255)]);
    const frozen = (batchSize: number) => freeze(model, { batchSize, engine });
    const asked = toTflite({ frozen }, { quantization: { calibration } });
    await expect(asked).rejects.toThrow(
      "toTflite: quantization: got calibration for a model that is quantized already",
    );
  });
  test("a bias that would not fit makes the weight's steps larger", async () => {
    await prepared();
    model.setParameters(
      new Map([
        ["dense.weight", { shape: [2, 2], values: Float32Array.of(1e-6, 1, 1e-6, 1) }],
        ["dense.bias", { shape: [2], values: Float32Array.of(1000, 0) }],
      ]),
    );
    const file = readFile(await toTflite(model, { engine, quantization: ranges }));
    const [, weight, bias] = file.operators[1]!.inputs;
    expect(Math.abs(wordsOf(bias!)[0]! - 2 ** 30)).toBeLessThan(2 ** 8);
    expect(bytesOf(weight!).slice(0, 2)).toEqual([0, 0]);
  });
});

test("an output without weights has steps that a multiplier can hold", async () => {
  const model = sequential({ input: [2] }, dense(2));
  await model.initialize({ engine });
  model.setParameters(
    new Map([
      ["dense.weight", { shape: [2, 2], values: Float32Array.of(1.27, 0, 0.5, 0) }],
      ["dense.bias", { shape: [2], values: new Float32Array(2) }],
    ]),
  );
  const calibration = [[1, 2]];
  const { operators } = readFile(await toTflite(model, { engine, quantization: { calibration } }));
  const [, weight] = operators[1]!.inputs;
  const most = Math.fround(Math.fround(1.27) / 127);
  expect(weight!.scales).toEqual([most, most / 2 ** 16]);
});

describe("what the specification ties together", () => {
  const inputs = Array.from({ length: 8 }, (_, k) =>
    Array.from({ length: 48 }, (_, i) => Math.sin(k * 48 + i)),
  );

  test("pools, shapes and joins have the scales of their inputs", async () => {
    const model = defineModel({ input: [4, 4, 3] }, (x) => {
      const h = conv2d(4, 3, { padding: "same", activation: "relu" })(x);
      const other = mul(conv2d(4, 1)(x), 3);
      return dense(2)(flatten()(maxPool2d(2)(concatenate([h, other]))));
    });
    const { operators } = await written(model, { calibration: inputs });
    const join = operators.find(({ name }) => name === "CONCATENATION")!;
    const tied = [...join.inputs, join.output];
    for (const name of ["MAX_POOL_2D", "RESHAPE"]) {
      const last = operators.findLast((each) => each.name === name)!;
      tied.push(last.inputs[0]!, last.output);
    }
    expect(new Set(tied.map(({ scales, zeroPoints }) => `${scales} ${zeroPoints}`)).size).toBe(1);
    // Wide enough for both: of the one no value is below 0.
    expect(join.output.zeroPoints[0]).toBeGreaterThan(-128);
  });
  test("convolutions have a scale an output channel, depthwise ones along the last axis", async () => {
    const model = sequential({ input: [4, 4, 3] }, conv2d(5, 3), depthwiseConv2d(2), flatten(), dense(2));
    const { operators } = await written(model, { calibration: inputs });
    const [plain, depthwise] = ["CONV_2D", "DEPTHWISE_CONV_2D"].map(
      (name) => operators.find((each) => each.name === name)!,
    );
    expect([plain!.inputs[1]!.scales.length, plain!.inputs[1]!.axis]).toEqual([5, 0]);
    expect([depthwise!.inputs[1]!.scales.length, depthwise!.inputs[1]!.axis]).toEqual([5, 3]);
    expect([plain!.version, depthwise!.version]).toEqual([3, 3]);
    for (const { inputs: operands } of [plain!, depthwise!])
      expect(Math.max(...bytesOf(operands[1]!).map(Math.abs))).toBe(127);
  });
  test("softmax, sigmoid and tanh say their own", async () => {
    const apply = (of: Parameters<typeof activation>[0] | typeof softmax) =>
      sequential({ input: [48] }, dense(4), typeof of === "string" ? activation(of) : of);
    const fixed = [
      [softmax, 1 / 256, -128],
      ["sigmoid", 1 / 256, -128],
      ["tanh", 1 / 128, 0],
    ] as const;
    for (const [of, scale, zero] of fixed) {
      const { operators } = await written(apply(of), { calibration: inputs });
      const { output } = operators.at(-2)!;
      expect([output.scales, output.zeroPoints]).toEqual([[scale], [zero]]);
    }
  });
  test("and are converted where they meet another", async () => {
    const model = defineModel({ input: [48] }, (x) => {
      const h = dense(4)(x);
      return concatenate([sigmoid(h), relu(mul(h, 5))]);
    });
    const { names, operators } = await written(model, { calibration: inputs });
    const at = names.indexOf("LOGISTIC");
    expect(operators[at]!.output.scales).toEqual([1 / 256]);
    expect(names[at + 1]).toBe("QUANTIZE");
    expect(operators[at + 1]!.output.scales).toEqual(operators.at(-1)!.inputs[0]!.scales);
  });
  test("nothing that a maximum is padded with tells a range", async () => {
    const model = sequential(
      { input: [4, 4, 3] },
      conv2d(3, 1),
      maxPool2d(3, { stride: 2, padding: 1 }),
      flatten(),
      dense(2),
    );
    const { operators } = await written(model, { calibration: inputs });
    const pad = operators.find(({ name }) => name === "PADV2")!;
    expect(pad.output.scales[0]).toBeLessThan(0.1);
    expect(bytesOf(pad.inputs[2]!)).toEqual([-128]);
  });
});

describe("what has no integers", () => {
  const model = sequential({ input: [6] }, dense(4), activation("softsign"), dense(2));
  const calibration = [[1, 2, 3, 4, 5, 6]];

  test("is refused by name", async () => {
    await model.initialize({ engine });
    const made = toTflite(model, { engine, quantization: { calibration } });
    await expect(made).rejects.toThrow(FormatError);
    await expect(made).rejects.toThrow(/^toTflite: softsign\S*: quantization: /);
    const normalized = sequential({ input: [6] }, dense(4), layerNorm());
    await normalized.initialize({ engine });
    await expect(toTflite(normalized, { engine, quantization: { calibration } })).rejects.toThrow(
      'wanted one, or fallback: "float32"',
    );
  });
  test("or computes with floats between conversions", async () => {
    const { operators } = await written(model, { calibration, fallback: "float32" });
    const divided = operators.find(({ name }) => name === "DIV")!;
    expect(divided.output.type).toBe(0);
    expect(
      operators.filter(({ name }) => name === "FULLY_CONNECTED").map(({ output }) => output.type),
    ).toEqual([INT8, INT8]);
  });
  test("no range for an input that shall be integers", async () => {
    await model.initialize({ engine });
    const quantization = { ranges: new Map(), input: "int8", fallback: "float32" } as const;
    await expect(toTflite(model, { engine, quantization })).rejects.toThrow(
      "toTflite: input: quantization: got no range for the input",
    );
    await expect(toTflite(model, { engine, quantization: { input: "int8" } })).rejects.toThrow(OptionError);
  });
});
