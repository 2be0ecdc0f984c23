// Writes the seeds of corpus/: a good file of each kind, small. `node test/fuzz/corpus.js`, when a format has changed; into
// another folder if one is named.
import { mkdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import * as png from "fast-png";
import { parquetWriteBuffer } from "hyparquet-writer";
import jpeg from "jpeg-js";
import { csvRows } from "../../build/src/data/csv.js";
import { fitEncoder } from "../../build/src/data/encoder-fit.js";
import { dataset } from "../../build/src/data/index.js";
import { readTable } from "../../build/src/data/rows.js";
import { ProtobufMessage } from "../../build/src/formats/protobuf.js";
import { writeSafetensors } from "../../build/src/formats/safetensors-writer.js";
import { adam, meanSquaredError } from "../../build/src/index.js";
import * as quantize from "../../build/src/quantize/index.js";
import { predictionProgram, trainingProgram, writePrograms } from "../../build/src/replay/index.js";
import { toPyTorch } from "../../build/src/torch/index.js";
import { modelOf, trainerOf } from "./subjects.js";

const [, , folder] = process.argv;
const corpus = folder ? pathToFileURL(`${folder}/`) : new URL("corpus/", import.meta.url);
mkdirSync(corpus, { recursive: true });
const put = (name, bytes) => writeFileSync(new URL(name, corpus), bytes);

const model = modelOf();
const floats = (n) => Float32Array.from({ length: n }, (_, i) => i / 4 - 1);
put(
  "safetensors-types.bin",
  writeSafetensors(
    [
      ["double", { shape: [2], values: Float64Array.of(1, 2) }],
      ["half", { dtype: "F16", shape: [3], values: Uint16Array.of(0x3c00, 1, 0x7c00) }],
      ["brain", { dtype: "BF16", shape: [1], values: Uint16Array.of(0x3f80) }],
      ["empty", { shape: [0, 3], values: new Int32Array() }],
      ["number", { shape: [], values: BigInt64Array.of(7n) }],
      ['caf\u00e9 "1"', { dtype: "BOOL", shape: [2], values: Uint8Array.of(0, 1) }],
    ],
    [["format", "seed"]],
  ),
);
put("weights-model.bin", model.toBytes());
put("torch-model.bin", toPyTorch(model));
put("state-adam.bin", trainerOf(model).stateToBytes());
const data = dataset({
  inputs: [
    [0, 1, 2],
    [3, 4, 5],
  ],
  targets: [
    [0, 1],
    [1, 0],
  ],
});
put(
  "programs-both.bin",
  writePrograms({
    predict: predictionProgram(model),
    train: await trainingProgram(model, { data, loss: meanSquaredError, optimizer: adam(), batchSize: 2 }),
  }),
);
put("idx-floats.bin", Uint8Array.of(0, 0, 0x0d, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0x3f, 0x80, 0, 0, 0x40, 0, 0, 0));
const digits = Uint8Array.of(
  0,
  0,
  8,
  3,
  0,
  0,
  0,
  2,
  0,
  0,
  0,
  2,
  0,
  0,
  0,
  3,
  0,
  50,
  255,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  9,
);
put("idx-bytes.bin", digits);
put("mnist-images.bin", digits);

/** A layers model as one file: its JSON, a byte 0, its weights. */
function keras(name, modelTopology, shapes) {
  const weights = Object.entries(shapes).map(([weight, shape]) => ({
    name: weight,
    shape,
    dtype: "float32",
  }));
  const total = weights.reduce((sum, { shape }) => sum + shape.reduce((n, size) => n * size, 1), 0);
  const json = JSON.stringify({ format: "layers-model", modelTopology, weightsManifest: [{ weights }] });
  put(
    `keras-${name}.bin`,
    Buffer.concat([Buffer.from(json), Buffer.of(0), Buffer.from(floats(total).buffer)]),
  );
}
const layer = (class_name, name, config = {}, inbound_nodes) => ({
  class_name,
  name,
  config: { name, ...config },
  inbound_nodes,
});
keras(
  "images",
  {
    class_name: "Sequential",
    config: {
      name: "images",
      layers: [
        layer("InputLayer", "input", { batch_input_shape: [null, 6, 6, 2] }),
        layer("ZeroPadding2D", "pad", {
          padding: [
            [1, 0],
            [0, 1],
          ],
        }),
        layer("Conv2D", "conv", {
          filters: 3,
          kernel_size: [3, 3],
          strides: [2, 2],
          padding: "same",
          activation: "relu",
        }),
        layer("BatchNormalization", "norm", { axis: [3], epsilon: 0.001 }),
        layer("UpSampling2D", "up", { size: [2, 2] }),
        layer("DepthwiseConv2D", "each", { kernel_size: [2, 2], depth_multiplier: 2, use_bias: false }),
        layer("MaxPooling2D", "pool", { pool_size: [2, 2], strides: null }),
        layer("Conv2DTranspose", "grow", {
          filters: 2,
          kernel_size: [3, 3],
          strides: [2, 2],
          padding: "valid",
        }),
        layer("Flatten", "flat"),
        layer("RepeatVector", "again", { n: 3 }),
        layer("Dense", "out", { units: 2, activation: "softmax" }),
      ],
    },
  },
  {
    "conv/kernel": [3, 3, 2, 3],
    "conv/bias": [3],
    "norm/gamma": [3],
    "norm/beta": [3],
    "norm/moving_mean": [3],
    "norm/moving_variance": [3],
    "each/depthwise_kernel": [2, 2, 3, 2],
    "grow/kernel": [3, 3, 2, 6],
    "grow/bias": [2],
    "out/kernel": [98, 2],
    "out/bias": [2],
  },
);
keras(
  "tokens",
  {
    keras_version: "2.15.0",
    model_config: {
      class_name: "Functional",
      config: {
        name: "tokens",
        layers: [
          layer("InputLayer", "input", { batch_input_shape: [null, 5], dtype: "int32" }, []),
          layer("Embedding", "words", { input_dim: 7, output_dim: 4, mask_zero: true }, [
            [["input", 0, 0, {}]],
          ]),
          layer(
            "Bidirectional",
            "both",
            {
              merge_mode: "sum",
              layer: layer("GRU", "gru", { units: 4, return_sequences: true, reset_after: true }),
            },
            [[["words", 0, 0, {}]]],
          ),
          layer("Dense", "shared", { units: 4 }, [[["both", 0, 0, {}]], [["shared", 0, 0, {}]]]),
          layer("Add", "sum", {}, [
            [
              ["shared", 0, 0, {}],
              ["shared", 1, 0, {}],
              ["words", 0, 0, {}],
            ],
          ]),
          layer("LSTM", "last", { units: 2, recurrent_activation: "hard_sigmoid" }, [[["sum", 0, 0, {}]]]),
        ],
        input_layers: [["input", 0, 0]],
        output_layers: [["last", 0, 0]],
      },
    },
  },
  {
    "words/embeddings": [7, 4],
    ...Object.fromEntries(
      ["forward_gru", "backward_gru"].flatMap((name) => [
        [`both/${name}/kernel`, [4, 12]],
        [`both/${name}/recurrent_kernel`, [4, 12]],
        [`both/${name}/bias`, [2, 12]],
      ]),
    ),
    "shared/kernel": [4, 4],
    "shared/bias": [4],
    "last/kernel": [4, 8],
    "last/recurrent_kernel": [2, 8],
    "last/bias": [8],
  },
);

const pixels = Uint8Array.from({ length: 8 * 8 * 4 }, (_, i) => (i * 37) % 256);
put("image-rgba.png", png.encode({ width: 8, height: 8, channels: 4, depth: 8, data: pixels }));
put(
  "image-gray.png",
  png.encode({ width: 8, height: 8, channels: 1, depth: 16, data: Uint16Array.from(pixels.subarray(0, 64)) }),
);
put("image-photo.jpg", jpeg.encode({ width: 8, height: 8, data: Buffer.from(pixels) }, 80).data);
const table = 'age,place,wage\n35,"north, far",5.1\n57,south,NA\n19,"the ""east""",4.95\n';
put("csv-wages.csv", table);
const columnData = [
  { name: "age", data: [35, 57, 19] },
  { name: "place", data: ["north", "south", "north"] },
  { name: "wage", data: [5.1, 4.95, -1] },
];
put("parquet-wages.parquet", new Uint8Array(parquetWriteBuffer({ columnData })));
const encoder = await fitEncoder(await readTable(csvRows(table)), { target: "age", missing: "drop" });
put("encoder-wages.json", JSON.stringify(encoder));
put(
  "tokenizer-small.json",
  JSON.stringify({
    version: "1.0",
    added_tokens: [
      {
        id: 0,
        content: "<pad>",
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
    ],
    normalizer: { type: "Lowercase" },
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      vocab: { "<pad>": 0, l: 1, o: 2, w: 3, e: 4, r: 5, lo: 6, low: 7, er: 8, "\u0120": 9 },
      merges: ["l o", "lo w", "e r"],
    },
  }),
);

// ONNX by its field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3.
const message = () => new ProtobufMessage();
function tensor(name, dims, values) {
  const whole = typeof values[0] === "bigint";
  const numbers = whole ? BigInt64Array.from(values) : Float32Array.from(values);
  return message()
    .integers(1, dims)
    .integer(2, whole ? 7 : 1)
    .string(8, name)
    .bytes(9, new Uint8Array(numbers.buffer));
}
function valueInfo(name, dims) {
  const shape = message();
  for (const size of dims)
    shape.message(1, typeof size === "string" ? message().string(2, size) : message().integer(1, size));
  const type = message().message(1, message().integer(1, 1).message(2, shape));
  return message().string(1, name).message(2, type);
}
function node(operator, inputs, output, attributes = {}) {
  const made = message();
  for (const input of inputs) made.string(1, input);
  made.string(2, output).string(3, `${operator} of ${output}`).string(4, operator);
  for (const [name, value] of Object.entries(attributes)) {
    const attribute = message().string(1, name);
    if (Array.isArray(value)) made.message(5, attribute.integers(8, value).integer(20, 7));
    else if (value instanceof ProtobufMessage) made.message(5, attribute.message(6, value).integer(20, 5));
    else made.message(5, attribute.integer(3, value).integer(20, 2));
  }
  return made;
}
function graph(name, { nodes, initializers, input, output }) {
  const made = message();
  for (const each of nodes) made.message(1, each);
  made.string(2, "seed");
  for (const each of initializers) made.message(5, each);
  made.message(11, valueInfo("x", input)).message(12, valueInfo("y", output));
  const file = message().integer(1, 8).string(2, "downhill").message(7, made);
  put(`onnx-${name}.onnx`, file.message(8, message().string(1, "").integer(2, 17)).toBytes());
}
graph("dense", {
  nodes: [
    node("Gemm", ["x", "w", "b"], "h", { transB: 1 }),
    node("Relu", ["h"], "r"),
    node("Reshape", ["r", "shape"], "s"),
    node("Softmax", ["s"], "y", { axis: -1 }),
  ],
  initializers: [
    tensor("w", [4, 3], floats(12)),
    tensor("b", [4], floats(4)),
    tensor("shape", [2], [-1n, 4n]),
  ],
  input: ["batch", 3],
  output: ["batch", 4],
});
graph("images", {
  nodes: [
    node("Conv", ["x", "k"], "c", { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    node("BatchNormalization", ["c", "scale", "offset", "mean", "variance"], "n"),
    node("MaxPool", ["n"], "p", { kernel_shape: [2, 2] }),
    node("Flatten", ["p"], "f"),
    node("MatMul", ["f", "w"], "y"),
  ],
  initializers: [
    tensor("k", [2, 1, 3, 3], floats(18)),
    ...["scale", "offset", "mean", "variance"].map((name) => tensor(name, [2], [1, 2])),
    tensor("w", [8, 2], floats(16)),
  ],
  input: ["batch", 1, 6, 6],
  output: ["batch", 2],
});
/** What a graph inside a node takes or gives. */
const named = (name) => message().string(1, name);
graph("loops", {
  nodes: [
    node("ReduceMean", ["x"], "start", { axes: [1], keepdims: 0 }),
    node("Scan", ["start", "x"], "end", {
      body: message()
        .message(1, node("Mul", ["now", "w"], "m"))
        .message(1, node("Add", ["h", "m"], "next"))
        .message(11, named("h"))
        .message(11, named("now"))
        .message(12, named("next")),
      num_scan_inputs: 1,
      scan_input_axes: [1],
    }),
    node("Shape", ["end"], "shape"),
    node("Equal", ["shape", "shape"], "equal"),
    node("ReduceMin", ["trips"], "times", { keepdims: 0 }),
    node("Loop", ["times", "", "end"], "looped", {
      body: message()
        .message(1, node("Relu", ["g"], "r"))
        .message(11, named("i"))
        .message(11, named("on"))
        .message(11, named("g"))
        .message(12, named("on"))
        .message(12, named("r")),
    }),
    node("Gather", ["equal", "last"], "is"),
    node("If", ["is"], "y", {
      then_branch: message()
        .message(1, node("Tanh", ["looped"], "t"))
        .message(12, named("t")),
      else_branch: message()
        .message(1, node("Neg", ["looped"], "n"))
        .message(12, named("n")),
    }),
  ],
  initializers: [tensor("w", [2], floats(2)), tensor("trips", [1], [3n]), tensor("last", [1], [-1n])],
  input: ["batch", 3, 2],
  output: ["batch", 2],
});
if (quantize.quantize)
  put("quantized-int8.bin", (await quantize.quantize(model, { weights: "int8" })).toBytes());
