// A compiled model gives, without downhill, the bits that the model gives on an engine, and refuses what is not its own.
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { relaxedSupported } from "#src/engine/variant";
import { createEngine, dense, EngineError, flatten, type Model, OptionError, sequential } from "#src/index";
import { freeze, predictor } from "#src/inference/frozen";
import { conv2d, embedding, maxPool2d } from "#src/layers";
import { type QuantizeOptions, quantize } from "#src/quantize/index";
import { type CompiledModel, type CompileModelOptions, compileModel } from "#src/standalone/index";
import { networks } from "./networks.ts";

const sets = relaxedSupported() ? (["plain", "relaxed"] as const) : (["plain"] as const);
const engines = {
  plain: await createEngine({ numerics: "exact", threads: 1 }),
  relaxed: await createEngine({ numerics: "fast", threads: 1 }),
};
afterAll(() => Promise.all(Object.values(engines).map((engine) => engine.close())));

/** Weights that no one else has, running statistics too. */
async function trained(model: Model): Promise<Model> {
  if (model.parameterCount === 0) return model;
  await model.initialize({ engine: engines.plain, seed: 3 });
  const parameters = model.parameters();
  for (const [name, { values }] of parameters)
    values.forEach((value, index) => {
      values[index] = name.endsWith("variance") ? 0.5 + (index % 5) / 4 : value + 0.1 * Math.sin(index + 1);
    });
  model.setParameters(parameters);
  return model;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, each) => product * each, 1);
/** So many examples for a model. */
const inputsFor = ({ inputShape, inputLimit }: Model, examples: number) =>
  Float32Array.from({ length: examples * sizeOf(inputShape) }, (_, i) =>
    inputLimit === undefined ? Math.sin(1.7 * i + examples) : (i * 5 + examples) % inputLimit,
  );
const bits = (values: Float32Array) => [...new Int32Array(values.buffer, values.byteOffset, values.length)];

/** The module's exports, as whoever imports it has them. */
const imported = ({ code }: CompiledModel) =>
  import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`);
const loaded = async (compiled: CompiledModel, ...rest: unknown[]) =>
  (await imported(compiled)).load(compiled.weights, ...rest);

/** What an engine makes of the frozen model. */
async function frozenPredict(
  model: Model,
  set: (typeof sets)[number],
  inputs: Float32Array,
): Promise<Float32Array> {
  const batchSize = inputs.length / sizeOf(model.inputShape);
  const frozen = await freeze(model, { batchSize, engine: engines.plain });
  const program = engines[set].load(predictor(frozen));
  program[model.inputType === "i32" ? "integers" : "floats"]("input", 0, inputs.length).set(inputs);
  engines[set].runSync(program);
  const result = program.floats("output", 0, frozen.output.size).slice();
  program.release();
  return result;
}

describe.each(Object.entries(networks))("%s", (_, { make, folded }) => {
  test.each(sets)("gives the bits of the model: %s", async (instructionSet) => {
    const model = await trained(make());
    const compiled = await compileModel(model, { instructionSet, batchSizes: [1, 3, 5] });
    const { predict } = await loaded(compiled);
    for (const examples of [1, 2, 3, 5, 9]) {
      const inputs = inputsFor(model, examples);
      const got = predict(inputs);
      const engine = engines[instructionSet];
      const wanted = await model.predict(inputs, { engine });
      if (!folded) expect(bits(got)).toEqual(bits(wanted));
      for (const [index, value] of got.entries()) expect(value).toBeCloseTo(wanted[index]!, 5);
      if (folded) expect(bits(got)).toEqual(bits(await frozenPredict(model, instructionSet, inputs)));
    }
  });
  test("has a module that is valid, of its kernels alone", async () => {
    const { wasm, kernels } = await compileModel(await trained(make()), { instructionSet: "both" });
    expect(WebAssembly.validate(wasm.plain!)).toBe(true);
    expect(WebAssembly.validate(wasm.relaxed!)).toBe(relaxedSupported());
    expect(wasm.plain!.length).toBeLessThan(45_000);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm.plain!), {});
    expect(Object.keys(exports).sort()).toEqual(["begin", "memory", "proceed"]);
    expect(kernels).not.toContain("adam");
  });
});

const small = () => trained(sequential({ input: [4] }, dense(3)));

describe("parts", () => {
  test("fewer examples than any batch size has are filled up, and those before them leave no trace", async () => {
    const model = await small();
    const { predict } = await loaded(await compileModel(model, { batchSizes: [4] }));
    predict(inputsFor(model, 4).fill(1e30));
    for (const examples of [1, 4, 6]) {
      const inputs = inputsFor(model, examples);
      expect(bits(predict(inputs))).toEqual(bits(await model.predict(inputs, { engine: engines.plain })));
    }
  });
  test("batch sizes have their weights together", async () => {
    const model = await small();
    const one = await compileModel(model);
    const many = await compileModel(model, { batchSizes: [1, 2, 16, 2] });
    expect(many.weights.length).toBe(one.weights.length);
    expect((await imported(many)).metadata.batchSizes).toEqual([16, 2, 1]);
  });
  test("batch sizes have together what is made of the weights once", async () => {
    const convolutions = await trained(networks["convolutions whose weights are turned beforehand"]!.make());
    const { code } = await compileModel(convolutions, { batchSizes: [1, 3, 5] });
    expect(code.match(/"once"/g)).toHaveLength(1);
  });
  test("numbers of 16 bits lie in two bytes, and come out as they were", async () => {
    for (const round of [
      (x: number) => Math.fround(Math.round(x * 64) / 64),
      (x: number) =>
        new Float32Array(
          Uint32Array.of(new Uint32Array(Float32Array.of(x).buffer)[0]! & 0xffff0000).buffer,
        )[0]!,
      // Below the smallest normal number of 16 bits, and zeros of both signs.
      (x: number) => Math.round(x * 2) * 2 ** -24,
    ]) {
      const model = sequential({ input: [40] }, dense(24));
      await model.initialize({ engine: engines.plain });
      const parameters = model.parameters();
      for (const { values } of parameters.values())
        values.forEach((_, index) => {
          values[index] = round(3 * Math.sin(index * index));
        });
      model.setParameters(parameters);
      const compiled = await compileModel(model);
      expect(compiled.weights.length).toBeLessThan(2 * 41 * 24 + 400);
      const inputs = inputsFor(model, 1);
      const { predict } = await loaded(compiled);
      expect(bits(predict(inputs))).toEqual(bits(await model.predict(inputs, { engine: engines.plain })));
    }
  });
  test("a normalization is taken before anything else", async () => {
    const model = await small();
    const normalization = { mean: [1, -2, 3, 0], deviation: 4 };
    const compiled = await compileModel(model, { normalization, classNames: ["a", "b", "c"] });
    const { metadata } = await imported(compiled);
    expect(metadata).toMatchObject({
      normalization,
      classNames: ["a", "b", "c"],
      inputShape: [4],
      outputShape: [3],
    });
    const inputs = inputsFor(model, 1);
    const changed = inputs.map((value, i) => Math.fround(value - normalization.mean[i]!) / 4);
    const wanted = await model.predict(changed, { engine: engines.plain });
    expect(bits((await loaded(compiled)).predict(inputs))).toEqual(bits(wanted));
    await expect(compileModel(model, { classNames: ["a", "b"] })).rejects.toThrow(
      /^compileModel: classNames: got \["a","b"\], wanted 3 strings/,
    );
  });
  test("WebAssembly lies beside the module if it is to, compiled or as bytes", async () => {
    const model = await small();
    const compiled = await compileModel(model, { wasm: "beside", instructionSet: "both" });
    expect(compiled.code.length).toBeLessThan(6000);
    const plain = compiled.wasm.plain!;
    const inputs = inputsFor(model, 2);
    const wanted = bits(await model.predict(inputs, { engine: engines.plain }));
    for (const given of [plain, plain.buffer, new WebAssembly.Module(plain), new Response(plain)])
      expect(bits((await loaded(compiled, given)).predict(inputs))).toEqual(wanted);
    expect(compiled.types).toContain("wasm: WebAssembly.Module");
  });
  test("of both instruction sets the module takes the one that runs", async () => {
    const model = await small();
    const compiled = await compileModel(model, { instructionSet: "both" });
    const inputs = inputsFor(model, 2);
    const engine = engines[relaxedSupported() ? "relaxed" : "plain"];
    expect(bits((await loaded(compiled)).predict(inputs))).toEqual(
      bits(await model.predict(inputs, { engine })),
    );
  });
});

describe("quantized models", () => {
  const cnn = () =>
    trained(
      sequential(
        { input: [28, 28, 1] },
        conv2d(16, 3, { padding: "same", activation: "relu" }),
        maxPool2d(2),
        conv2d(32, 3, { padding: "same", activation: "relu" }),
        maxPool2d(2),
        flatten(),
        dense(64, { activation: "relu" }),
        dense(10),
      ),
    );
  const tokens = () => trained(networks["a transformer over tokens"]!.make());
  test.each<[string, () => Promise<Model>, QuantizeOptions, string[]]>([
    ["bytes in and out", cnn, { activations: "int8" }, ["convolutionBytes", "matmulBytes"]],
    ["bytes by a scale of each row", cnn, { activations: "dynamic" }, ["matmulDynamic"]],
    [
      "a state of bytes",
      () => trained(networks["long short-term memory"]!.make()),
      { activations: "int8" },
      ["lstmBytes"],
    ],
    ["half bytes", tokens, { weights: "int4" }, ["matmulHalfBytes"]],
    ["floats of 16 bits", tokens, { weights: "f16" }, ["matmulNN"]],
  ])(
    "of %s give the same bits, with the kernels of both modules in one",
    async (_, make, options, wanted) => {
      const model = await make();
      const calibration = inputsFor(model, 12);
      const quantized = await quantize(model, {
        ...options,
        ...(options.activations === "int8" && { calibration }),
        engine: engines.plain,
      });
      for (const instructionSet of sets) {
        const compiled = await compileModel(quantized, { instructionSet, batchSizes: [1, 4] });
        expect(compiled.kernels).toEqual(expect.arrayContaining(wanted));
        const { predict } = await loaded(compiled);
        for (const examples of [1, 6]) {
          const inputs = inputsFor(model, examples);
          const expected = await quantized.predict(inputs, { engine: engines[instructionSet] });
          expect(bits(predict(inputs))).toEqual(bits(expected));
        }
        expect(compiled.weights.length).toBeLessThan(0.6 * 4 * model.parameterCount + 4000);
      }
    },
  );
  test("the network of examples/cnn.js takes at most 150 kB, zipped, in bytes", async () => {
    const model = await cnn();
    const quantized = await quantize(model, { calibration: inputsFor(model, 12), engine: engines.plain });
    const { code, weights } = await compileModel(quantized);
    expect(gzipSync(code).length).toBeLessThan(8_000);
    expect(gzipSync(code).length + gzipSync(weights).length).toBeLessThan(150_000);
    // A byte a weight, and what stands before them in panels.
    expect(weights.length).toBeLessThan(1.05 * model.parameterCount);
  });
  test("tokens outside the table are refused, of a model that only freezes too", async () => {
    const quantized = await quantize(await tokens(), { weights: "int4", engine: engines.plain });
    const { predict } = await loaded(await compileModel(quantized));
    expect(() => predict([0, 1, 2, 3, 4, 13, 0])).toThrow(
      new RangeError("model: input: number 5: got 13, wanted an integer from 0 to 12"),
    );
  });
});

describe("refuses, and can be asked again", () => {
  const refusal = (promise: Promise<unknown>): Promise<unknown> =>
    promise.catch((error: Error) => error.message);

  test("weights that are cut short, damaged, another model's or none", async () => {
    const compiled = await compileModel(await small(), { name: "digits" });
    const { load } = await imported(compiled);
    const { weights } = compiled;
    const damaged = weights.map((byte, index) => (index === 5 ? byte ^ 1 : byte));
    expect(await refusal(load(weights.subarray(1)))).toBe(
      `digits: weights: got ${weights.length - 1} bytes, wanted ${weights.length}`,
    );
    const others =
      "digits: weights: got damaged ones or another model's, wanted those written with this module";
    expect(await refusal(load(damaged))).toBe(others);
    expect(await refusal(load(undefined))).toBe(
      "digits: weights: got undefined, wanted bytes, a URL or a Response",
    );
    expect(await refusal(load(new Response("", { status: 404 })))).toMatch(
      /^digits: weights: got status 404/,
    );
    expect((await load(weights.buffer)).predict([1, 2, 3, 4])).toHaveLength(3);
  });
  test("WebAssembly that is none, or another module's", async () => {
    const compiled = await compileModel(await small(), { wasm: "beside" });
    const other = await compileModel(await trained(sequential({ input: [4] }, dense(2))), { wasm: "beside" });
    const { load } = await imported(compiled);
    const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
    expect(await refusal(load(compiled.weights))).toMatch(
      /^model: wasm: got undefined, wanted the module's \.wasm/,
    );
    expect(await refusal(load(compiled.weights, compiled.weights))).toMatch(/^model: wasm: /);
    for (const wrong of [empty, other.wasm.plain])
      expect(await refusal(load(compiled.weights, wrong))).toBe(
        "model: wasm: got another module's, wanted that written with this module",
      );
  });
  test("inputs that do not fit", async () => {
    const { predict } = await loaded(await compileModel(await small()));
    for (const wrong of [0, 3, 5])
      expect(() => predict(new Float32Array(wrong))).toThrow(
        new RangeError(`model: input: got ${wrong} numbers, wanted a multiple of 4`),
      );
    expect(() => predict(new Float32Array(8), new Float32Array(5))).toThrow(
      new RangeError("model: output: got room for 5 numbers, wanted 6"),
    );
    const room = new Float32Array(6).fill(7);
    expect(predict(new Float32Array(8), room)).toBe(room);
    expect(bits(room)).toEqual(bits(predict(new Float32Array(8))));
    const tokens = sequential({ input: [2], inputType: "i32" }, embedding(5, 2));
    const { predict: read } = await loaded(await compileModel(await trained(tokens)));
    for (const wrong of [5, -1, 0.5, Number.NaN])
      expect(() => read([0, wrong])).toThrow(
        new RangeError(`model: input: number 1: got ${wrong}, wanted an integer from 0 to 4`),
      );
    expect(read([0, 4])).toHaveLength(4);
  });
  test.each<[string, object, string]>([
    ["a name", { name: "my model" }, 'name: got "my model", wanted letters'],
    ["no batch sizes", { batchSizes: [] }, "batchSizes: got [], wanted positive integers"],
    ["a batch size", { batchSizes: [1, 0.5] }, "batchSizes: got [1,0.5], wanted positive integers"],
    ["batch sizes", { batchSizes: 8 }, "batchSizes: got 8, wanted positive integers"],
    ["names of classes", { classNames: "abc" }, 'classNames: got "abc", wanted 3 strings'],
    [
      "a deviation in 32 bits",
      { normalization: { mean: 0, deviation: 1e-60 } },
      "normalization: deviation: got 1e-60, wanted a number or 4",
    ],
    ["an instruction set", { instructionSet: "wide" }, 'instructionSet: got "wide", wanted "plain"'],
    ["a place of the wasm", { wasm: "away" }, 'wasm: got "away", wanted "inline" or "beside"'],
    ["an unknown option", { batchSize: 3 }, "batchSize: unknown option, wanted one of name, batchSizes"],
    [
      "a deviation",
      { normalization: { mean: 0, deviation: 0 } },
      "normalization: deviation: got 0, wanted a number or 4",
    ],
    [
      "means",
      { normalization: { mean: [1], deviation: 1 } },
      "normalization: mean: got [1], wanted a number or 4 of them",
    ],
  ])("%s that is none", async (_, options, message) => {
    const error = await compileModel(await small(), options as CompileModelOptions).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(OptionError);
    expect(error.message).toContain(`compileModel: ${message}`);
  });
  test("a normalization of tokens, and a model without weights", async () => {
    const tokens = await trained(sequential({ input: [2], inputType: "i32" }, embedding(5, 2)));
    await expect(compileModel(tokens, { normalization: { mean: 0, deviation: 1 } })).rejects.toThrow(
      "compileModel: normalization: got an input of i32, wanted f32",
    );
    await expect(compileModel(sequential({ input: [4] }, dense(3)))).rejects.toThrow(EngineError);
  });
});
