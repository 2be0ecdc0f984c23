// Layers models by hand: how files put layers together, what TensorFlow.js cannot make, and what is refused. That imported
// models compute what TensorFlow.js does, test/deploy/keras.js shows.
import { describe, expect, test } from "vitest";
import { FormatError } from "#src/core/errors";
import { createEngineSync } from "#src/engine/engine";
import { dense, type Model, sequential } from "#src/index";
import { fromKeras } from "#src/keras/index";
import { conv1d, conv1dTranspose, groupNorm } from "#src/layers";

const engine = createEngineSync({ numerics: "exact" });

interface Entry {
  readonly class_name: string;
  readonly config: Record<string, unknown>;
  readonly [other: string]: unknown;
}
type Weights = Record<string, readonly number[]>;

/** Numbers without a pattern. */
const noise = (i: number) => ((Math.abs(Math.sin(i * 1.7 + 0.3)) * 43758.5453) % 2) - 1;
const numbers = (n: number, from = 0) => Float32Array.from({ length: n }, (_, i) => noise(i + from));
const product = (shape: readonly number[]) => shape.reduce((size, each) => size * each, 1);

function fileOf(modelTopology: unknown, weights: Weights = {}) {
  const specs = Object.entries(weights).map(([name, shape]) => ({ name, shape, dtype: "float32" }));
  const total = specs.reduce((sum, { shape }) => sum + product(shape), 0);
  const json = {
    format: "layers-model",
    modelTopology,
    weightsManifest: [{ paths: ["a.bin"], weights: specs }],
  };
  return { json, bytes: new Uint8Array(numbers(total).buffer) };
}
const sequentialOf = (...layers: Entry[]) => ({
  class_name: "Sequential",
  config: { name: "model", layers },
});
const layer = (class_name: string, name: string, config: Record<string, unknown> = {}): Entry => ({
  class_name,
  config: { name, ...config },
});
const input = (...shape: (number | null)[]) =>
  layer("InputLayer", "input", { batch_input_shape: [null, ...shape] });
function imported(topology: unknown, weights?: Weights, options?: Parameters<typeof fromKeras>[2]): Model {
  const { json, bytes } = fileOf(topology, weights);
  return fromKeras(json, bytes, options);
}
const outputs = (model: Model, inputs: Float32Array | Int32Array) => [
  ...model.predictSync(inputs, { engine }),
];
const denseOf = (name: string, units: number, config = {}) => layer("Dense", name, { units, ...config });
const denseWeights = (name: string, from: number, to: number): Weights => ({
  [`${name}/kernel`]: [from, to],
  [`${name}/bias`]: [to],
});
/** Ours with the numbers of a file. */
function ours(model: Model): Model {
  const all = numbers(model.weights.segments.reduce((sum, { size }) => sum + size, 0));
  let at = 0;
  model.setParameters(
    new Map(
      model.weights.segments.map(({ name, shape, size }) => {
        at += size;
        return [name, { shape, values: all.slice(at - size, at) }];
      }),
    ),
  );
  return model;
}

describe("files", () => {
  const wanted = outputs(
    ours(sequential({ input: [3] }, dense(4, { activation: "relu" }), dense(2))),
    numbers(6),
  );
  const layers = [denseOf("a", 4, { activation: "relu" }), denseOf("b", 2)];
  const weights = { ...denseWeights("a", 3, 4), ...denseWeights("b", 4, 2) };
  const first = { ...layers[0]!, config: { ...layers[0]!.config, batch_input_shape: [null, 3] } };
  test.each<[string, unknown]>([
    ["a Sequential", sequentialOf(input(3), ...layers)],
    ["a Sequential whose first layer has the shape", sequentialOf(first, layers[1]!)],
    [
      "a Sequential that is its list, under model_config",
      { model_config: { class_name: "Sequential", config: [first, layers[1]] } },
    ],
    [
      "a functional model, its layers in any order",
      {
        class_name: "Functional",
        config: {
          layers: [
            { ...layers[1], name: "b", inbound_nodes: [[["a", 0, 0, {}]]] },
            { ...layers[0], name: "a", inbound_nodes: [["input", 0, 0, { training: false }]] },
            { ...input(3), name: "input", inbound_nodes: [] },
          ],
          input_layers: [["input", 0, 0]],
          output_layers: [["b", 0, 0]],
        },
      },
    ],
    [
      "a functional model of Keras 3",
      {
        keras_version: "3.4.1",
        class_name: "Functional",
        config: {
          layers: [
            layer("InputLayer", "input", { batch_shape: [null, 3] }),
            ...layers.map((each, k) => ({
              ...each,
              inbound_nodes: [
                {
                  args: [
                    {
                      class_name: "__keras_tensor__",
                      config: { keras_history: [k === 0 ? "input" : "a", 0, 0] },
                    },
                  ],
                  kwargs: { training: null },
                },
              ],
            })),
          ],
          input_layers: ["input", 0, 0],
          output_layers: ["b", 0, 0],
        },
      },
    ],
  ])("%s", (_, topology) => {
    expect(outputs(imported(topology, weights), numbers(6))).toEqual(wanted);
  });
  test("as text, in shards that cut a number in two", () => {
    const { json, bytes } = fileOf(sequentialOf(first, layers[1]!), weights);
    const shards = [bytes.subarray(0, 5), bytes.subarray(5, 6), bytes.subarray(6)];
    expect(outputs(fromKeras(JSON.stringify(json), shards), numbers(6))).toEqual(wanted);
  });
  test("bytes under another name are refused", () => {
    const { json, bytes } = fileOf(sequentialOf(first, layers[1]!), weights);
    expect(() => fromKeras(json, bytes.buffer as unknown as Uint8Array)).toThrow(FormatError);
    expect(() => fromKeras(json, bytes.buffer as unknown as Uint8Array)).toThrow("wanted a Uint8Array");
  });
  test("sizes that a file leaves open are given", () => {
    const open = sequentialOf(input(null), ...layers);
    expect(() => imported(open, weights)).toThrow("or the option input");
    for (const wrong of [5, [0], [1.5]])
      expect(() => imported(open, weights, { input: wrong as number[] })).toThrow(
        `fromKeras: input: got ${JSON.stringify(wrong)}, wanted a list of positive integers`,
      );
    expect(outputs(imported(open, weights, { input: [3] }), numbers(6))).toEqual(wanted);
  });
  test("parameters have the names of the layers, and of the models that they are in", () => {
    const inner = { class_name: "Sequential", config: { name: "inner", layers: [layers[1]!] } };
    const model = imported(sequentialOf(first, inner), weights);
    expect([...model.parameters().keys()]).toEqual(["a.weight", "a.bias", "inner/b.weight", "inner/b.bias"]);
  });
});

describe("layers that TensorFlow.js lacks", () => {
  test("causal convolutions", () => {
    const model = imported(
      sequentialOf(
        input(7, 2),
        layer("Conv1D", "c", { filters: 3, kernel_size: [3], padding: "causal", dilation_rate: [2] }),
      ),
      { "c/kernel": [3, 2, 3], "c/bias": [3] },
    );
    const own = ours(sequential({ input: [7, 2] }, conv1d(3, 3, { padding: [4, 0], dilation: 2 })));
    expect(outputs(model, numbers(14))).toEqual(outputs(own, numbers(14)));
  });
  test("transposed convolutions of sequences, and group normalization", () => {
    const model = imported(
      sequentialOf(
        input(5, 2),
        layer("Conv1DTranspose", "c", { filters: 4, kernel_size: [2], strides: [3] }),
        layer("GroupNormalization", "g", { groups: 2, epsilon: 0.01 }),
      ),
      { "c/kernel": [2, 4, 2], "c/bias": [4], "g/gamma": [4], "g/beta": [4] },
    );
    // With a stride of 3 and a kernel of 2, each window is followed by a gap, the last one too: 5 · 3.
    const own = ours(
      sequential(
        { input: [5, 2] },
        conv1dTranspose(4, 2, { stride: 3, outputPadding: 1 }),
        groupNorm(2, { epsilon: 0.01 }),
      ),
    );
    expect(model.outputShape).toEqual([15, 4]);
    expect(outputs(model, numbers(10))).toEqual(outputs(own, numbers(10)));
  });
  test.each([
    ["2.15.0", 0.4],
    ["3.0.0", 1 / 3],
  ])("the hard sigmoid of %s is %f at −½ and −1", (keras_version, wanted) => {
    const model = imported({
      keras_version,
      ...sequentialOf(input(1), layer("Activation", "h", { activation: "hard_sigmoid" })),
    });
    expect(outputs(model, Float32Array.of(wanted === 0.4 ? -0.5 : -1))[0]).toBeCloseTo(wanted, 6);
  });
  test("rectifiers with a slope, a threshold and an end", () => {
    const settings = { negative_slope: 0.1, threshold: 0.5, max_value: 2 };
    const model = imported(sequentialOf(input(5), layer("ReLU", "r", settings)));
    const values = outputs(model, Float32Array.of(-1.5, 0, 0.5, 1, 3));
    for (const [i, wanted] of [-0.2, -0.05, 0.5, 1, 2].entries()) expect(values[i]).toBeCloseTo(wanted, 6);
  });

  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  const hardSigmoid = (x: number) => Math.min(Math.max(0.2 * x + 0.5, 0), 1);
  /** Keras's GRU in 64 bits: update, reset, new. */
  function gruOf(
    x: number[][],
    [kernel, recurrent, bias]: Float32Array[],
    after: boolean,
    gate: typeof sigmoid,
  ) {
    const units = Math.round((recurrent!.length / 3) ** 0.5);
    const times = (row: number[], weight: Float32Array, column: number) =>
      row.reduce((sum, value, i) => sum + value * weight[i * 3 * units + column]!, 0);
    let h = new Array<number>(units).fill(0);
    for (const row of x) {
      const own = (column: number) => times(row, kernel!, column) + bias![column]!;
      const from = (state: number[], column: number) =>
        times(state, recurrent!, column) + (after ? bias![3 * units + column]! : 0);
      const z = h.map((_, j) => gate(own(j) + from(h, j)));
      const r = h.map((_, j) => gate(own(units + j) + from(h, units + j)));
      const reset = h.map((value, j) => r[j]! * value);
      const before = h;
      h = before.map((value, j) => {
        const heard = after ? r[j]! * from(before, 2 * units + j) : from(reset, 2 * units + j);
        return z[j]! * value + (1 - z[j]!) * Math.tanh(own(2 * units + j) + heard);
      });
    }
    return h;
  }
  test.each([
    [true, "sigmoid"],
    [true, "hard_sigmoid"],
    [false, "sigmoid"],
    [false, "hard_sigmoid"],
  ])("GRU with reset_after %s and a %s", (after, gate) => {
    const [time, width, units] = [6, 2, 3];
    const settings = { units, reset_after: after, recurrent_activation: gate };
    const shapes = {
      "g/gru_cell/kernel:0": [width, 9],
      "g/gru_cell/recurrent_kernel:0": [units, 9],
      "g/gru_cell/bias:0": after ? [2, 9] : [9],
    };
    const model = imported(sequentialOf(input(time, width), layer("GRU", "g", settings)), shapes);
    const all = numbers(18 + 27 + 18);
    const parts = [all.slice(0, 18), all.slice(18, 45), all.slice(45)];
    const x = numbers(time * width, 90);
    const rows = Array.from({ length: time }, (_, t) => [...x.slice(t * width, (t + 1) * width)]);
    const wanted = gruOf(rows, parts, after, gate === "sigmoid" ? sigmoid : hardSigmoid);
    const values = outputs(model, x);
    for (const [j, each] of wanted.entries()) expect(values[j]).toBeCloseTo(each, 5);
  });
});

describe("weights", () => {
  const topology = sequentialOf(input(2), denseOf("d", 1));
  const manifest = (weights: unknown[]) => ({ modelTopology: topology, weightsManifest: [{ weights }] });
  test("quantized ones stand for q · scale + min", () => {
    const quantization = { dtype: "uint8", scale: 0.5, min: -1 };
    const weights = [
      { name: "d/kernel", shape: [2, 1], dtype: "float32", quantization },
      { name: "d/bias", shape: [1], dtype: "float32", quantization: { dtype: "float16" } },
    ];
    const model = fromKeras(manifest(weights), Uint8Array.of(4, 255, 0, 0x3c));
    expect([...model.parameters().values()].map(({ values }) => [...values])).toEqual([[1, 126.5], [1]]);
  });
  test.each<[string, unknown[], number, string]>([
    [
      "cut off",
      [{ name: "d/kernel", shape: [2, 1], dtype: "float32" }],
      7,
      'weight "d/kernel": bytes: got 7 from byte 0 on, wanted 8',
    ],
    [
      "too many",
      [{ name: "d/kernel", shape: [2, 1], dtype: "float32" }],
      9,
      "weights: bytes: got 9, wanted 8",
    ],
    ["of sizes that overflow", [{ name: "a", shape: [2 ** 40, 2 ** 40], dtype: "uint8" }], 9, "wanted 1.2"],
    [
      "of a size below 0",
      [{ name: "a", shape: [-1, -1], dtype: "uint8" }],
      1,
      'weight "a": shape: got a list, wanted sizes',
    ],
    ["of words", [{ name: "a", shape: [1], dtype: "string" }], 1, 'dtype: got "string", wanted float32'],
    [
      "twice the same",
      [
        { name: "a", shape: [], dtype: "bool" },
        { name: "a", shape: [], dtype: "bool" },
      ],
      2,
      "got it twice",
    ],
    [
      "without a scale",
      [{ name: "a", shape: [1], quantization: { dtype: "uint8" } }],
      1,
      "scale and min: got undefined",
    ],
    [
      "missing",
      [{ name: "d/kernel", shape: [2, 1], dtype: "float32" }],
      8,
      'layer "d" ("Dense"): weight bias: got none',
    ],
    [
      "of another shape",
      [
        { name: "d/kernel", shape: [1, 2], dtype: "float32" },
        { name: "d/bias", shape: [1], dtype: "float32" },
      ],
      12,
      'parameter "d.weight": got [1, 2], wanted [2, 1]',
    ],
  ])("%s", (_, weights, length, message) => {
    expect(() => fromKeras(manifest(weights), new Uint8Array(length))).toThrow(FormatError);
    expect(() => fromKeras(manifest(weights), new Uint8Array(length))).toThrow(message);
  });
});

describe("what has no equal here, or is no model", () => {
  const functional = (layers: unknown[], output = "x", inputs: unknown = [["input", 0, 0]]) => ({
    class_name: "Functional",
    config: { layers: [input(2), ...layers], input_layers: inputs, output_layers: [[output, 0, 0]] },
  });
  const called = (entry: Entry, ...calls: unknown[]) => ({ ...entry, inbound_nodes: calls });
  const relu = (name: string) => layer("Activation", name, { activation: "relu" });
  const nested = (depth: number): Entry =>
    depth === 0
      ? relu("r")
      : { class_name: "Sequential", config: { name: "s", layers: [nested(depth - 1)] } };
  test.each<[string, unknown, string]>([
    ["no model", { class_name: "Dense", config: {} }, 'modelTopology: class_name: got "Dense"'],
    [
      "an unknown layer",
      sequentialOf(input(2), layer("Lambda", "l")),
      'layer "l" ("Lambda"): has no equal here, wanted',
    ],
    ["a class of the language", sequentialOf(input(2), layer("constructor", "l")), "has no equal here"],
    [
      "another order of channels",
      sequentialOf(input(4, 4, 1), layer("MaxPooling2D", "p", { data_format: "channels_first" })),
      'layer "p" ("MaxPooling2D"): data_format: got "channels_first", wanted channels_last',
    ],
    [
      "an unknown activation",
      sequentialOf(input(2), layer("Activation", "a", { activation: "__proto__" })),
      'activation: got "__proto__", wanted linear',
    ],
    [
      "what does not fit",
      sequentialOf(input(2), layer("Reshape", "r", { target_shape: [3] })),
      'layer "r" ("Reshape"): reshape: sizes do not fit',
    ],
    [
      "a state that lasts",
      sequentialOf(input(2, 2), layer("LSTM", "l", { units: 2, stateful: true })),
      "stateful: got true, wanted false",
    ],
    [
      "a wrapped layer that is unknown",
      sequentialOf(input(2, 2), layer("TimeDistributed", "t", { layer: layer("Lambda", "l") })),
      'layer "l" ("Lambda")',
    ],
    [
      "a setting of another type",
      sequentialOf(input(2), layer("Dropout", "d", { rate: "half" })),
      'rate: got "half", wanted a number',
    ],
    [
      "a row that is repeated too often",
      sequentialOf(input(2), layer("RepeatVector", "r", { n: 2 ** 30 })),
      "n: got 1073741824, wanted an integer from 1 to 65536",
    ],
    [
      "images beyond all bounds",
      sequentialOf(input(9, 9, 9), layer("ZeroPadding2D", "a", { padding: 60000 })),
      "wanted up to 67108864",
    ],
    [
      "a circle",
      functional([called(relu("x"), [["y", 0, 0]]), called(relu("y"), [["x", 0, 0]])]),
      "got a circle",
    ],
    ["a layer that takes its own result", functional([called(relu("x"), [["x", 0, 0]])]), "got a circle"],
    ["a result of nobody", functional([called(relu("x"), [["z", 0, 0]])]), 'layer "z": call 0: got none'],
    ["a layer that is not called", functional([relu("x")]), 'layer "x": call 0: got none'],
    [
      "another input",
      functional([
        called(layer("Add", "x"), [
          ["input", 0, 0],
          ["other", 0, 0],
        ]),
        layer("InputLayer", "other"),
      ]),
      'the only input, "input"',
    ],
    [
      "two inputs",
      functional([], "input", [
        ["input", 0, 0],
        ["other", 0, 0],
      ]),
      "input_layers: got 2, wanted one",
    ],
    ["two layers of a name", functional([called(relu("x"), [["input", 0, 0]]), relu("x")]), "got it twice"],
    ["one of several results", functional([called(relu("x"), [["input", 0, 1]])]), "result: got 1, wanted 0"],
    [
      "a state that begins elsewhere",
      functional([called(relu("x"), [["input", 0, 0, { initial_state: [] }]])]),
      'argument "initial_state"',
    ],
    [
      "two tensors for one layer",
      functional([
        called(relu("x"), [
          ["input", 0, 0],
          ["input", 0, 0],
        ]),
      ]),
      "inputs: got 2, wanted 1",
    ],
    ["models in models in models", sequentialOf(input(2), nested(50)), "models in models: wanted up to 32"],
    [
      "a sum over the batch",
      functional([
        called(layer("Concatenate", "x", { axis: 0 }), [
          ["input", 0, 0],
          ["input", 0, 0],
        ]),
      ]),
      "axis: got 0, wanted another than the batch",
    ],
  ])("%s", (_, topology, message) => {
    expect(() => imported(topology)).toThrow(FormatError);
    expect(() => imported(topology)).toThrow(message);
  });
  test("sizes that no weight has are refused before anything is as large", () => {
    const lstm = (config = {}) => layer("LSTM", "l", { units: 1, ...config });
    const weights = { "l/kernel": [1, 4], "l/recurrent_kernel": [1, 4], "l/bias": [4] };
    const long = sequentialOf(input(3_000_000, 1), lstm({ go_backwards: true, return_sequences: true }));
    expect(() => imported(long, weights)).toThrow(FormatError);
    expect(() => imported(long, weights)).toThrow(
      'layer "l" ("LSTM"): what is turned round in time: got 3000000 steps, wanted up to 2048',
    );
    const tokens = { input_dim: 1e12, output_dim: 1, mask_zero: true, batch_input_shape: [null, 3] };
    const wide = sequentialOf(layer("Embedding", "e", tokens), lstm());
    expect(() => imported(wide, { "e/embeddings": [1, 1], ...weights })).toThrow(FormatError);
    expect(() => imported(wide, { "e/embeddings": [1, 1], ...weights })).toThrow(
      'parameter "e.weight": got [1, 1], wanted [1000000000000, 1]',
    );
  });
  test.each<[string, string | object, string]>([
    ["no JSON", "{", "model.json: got what is no JSON"],
    ["no object", "null", "model.json: got null, wanted an object"],
    ["a graph model", { format: "graph-model" }, "a graph has no layers"],
    ["no topology", { weightsManifest: [] }, "modelTopology: got undefined, wanted an object"],
    [
      "no manifest",
      { modelTopology: sequentialOf(input(2), relu("r")) },
      "weightsManifest: got undefined, wanted a list",
    ],
  ])("%s", (_, json, message) => {
    expect(() => fromKeras(json, new Uint8Array())).toThrow(FormatError);
    expect(() => fromKeras(json, new Uint8Array())).toThrow(message);
  });
});
