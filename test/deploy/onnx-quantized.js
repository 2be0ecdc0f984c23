// Quantized models in onnxruntime-web: bytes, products of bytes, and products of floats by bytes and half bytes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-web";
import { extendQuantized } from "../../build/src/engine/extend.js";
import { createEngine, defineModel, flatten, reshape } from "../../build/src/index.js";
import { permute, slice } from "../../build/src/layers.js";
import { toOnnx } from "../../build/src/onnx/index.js";
import { dequantizeLinear, quantizedMatmul, quantizeLinear } from "../../build/src/ops/quantized.js";
import { quantizedConvolution } from "../../build/src/ops/quantized-convolution.js";
import {
  quantizedAdd,
  quantizedLookup,
  quantizedMean,
  quantizedRowNorm,
} from "../../build/src/ops/quantized-elements.js";
import { dynamicQuantizedMatmul, int4Matmul } from "../../build/src/ops/quantized-floats.js";
import { quantizedMaxPool } from "../../build/src/ops/quantized-max-pool.js";
import { toInt4 } from "../../build/src/quantize/int4.js";
import { check, finish } from "./support/check.js";
import { accepted } from "./support/checker.js";
import { inputsFor, randomFrom } from "./support/models.js";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";
const engine = await createEngine({ threads: 1 });
await extendQuantized(engine);
const folder = mkdtempSync(join(tmpdir(), "downhill-onnx-"));
const written = [];

const random = randomFrom(5);
const bytes = (n) => Int8Array.from({ length: n }, () => Math.round(254 * random() - 127));
const numbers = (n, from = -1) => Float32Array.from({ length: n }, () => from + (1 - from) * random());
const input = { scale: 4 / 127, zeroPoint: 64 };
const coarse = { scale: 1 / 8, zeroPoint: 50 };
const scalesOf = (n) => numbers(n, 0.2).map((value) => value / 400);
const asBytes = (x) => quantizeLinear(x, input);
const convolution = (channels, out, options, groups = 1) => {
  const shape = [3, 3, channels / groups, out];
  const weight = bytes((9 * channels * out) / groups);
  const given = { shape, input, weightScales: scalesOf(out), bias: numbers(out), groups, ...options };
  return (q) => quantizedConvolution(q, weight, given);
};
const product = (k, n, options) => {
  const weight = bytes(k * n);
  const given = { input, weightScales: scalesOf(n), bias: numbers(n), ...options };
  return (q) => quantizedMatmul(q, weight, given);
};
const normalized = (centered) => {
  const given = { scale: numbers(12, 0.5), offset: numbers(12), centered, epsilon: 1e-5, output: coarse };
  return (x) => quantizedRowNorm(x, given);
};
const dynamic = { weight: bytes(12 * 7), weightScales: scalesOf(7), bias: numbers(7) };
const image = [8, 6, 4];

/** The weights of each are drawn once. */
const chain =
  (...layers) =>
  (x) =>
    layers.reduce((h, layer) => layer(h), x);
const fromBytes = (as) => (q) => dequantizeLinear(q, as);
const { packed, scales } = toInt4(numbers(40 * 7), { k: 40, n: 7, blockSize: 32 });
const half = { shape: [40, 7], bytes: packed, scales };
const bias = numbers(7);

/** Models, and how far off they may be: a step of their last bytes, where one may be rounded the other way. */
const MODELS = {
  "bytes and back": [[12], chain(asBytes, fromBytes(input)), 1e-5],
  product: [[12], chain(asBytes, product(12, 7)), 1e-4],
  "product of one scale": [
    [12],
    chain(asBytes, product(12, 7, { weightScales: Float32Array.of(0.003) })),
    1e-4,
  ],
  "product to bytes": [[12], chain(asBytes, product(12, 7, { output: coarse }), fromBytes(coarse)), 1 / 8],
  "product of frames, held above 0": [
    [5, 12],
    chain(asBytes, product(12, 7, { output: { ...coarse, least: 50 } }), fromBytes(coarse)),
    1 / 8,
  ],
  convolution: [image, chain(asBytes, convolution(4, 6, { padding: "same", stride: 2 })), 1e-4],
  "convolution in groups": [image, chain(asBytes, convolution(4, 6, { padding: 1, dilation: 2 }, 2)), 1e-4],
  depthwise: [image, chain(asBytes, convolution(4, 4, { padding: "same" }, 4)), 1e-4],
  "a network of bytes": [
    image,
    chain(
      asBytes,
      convolution(4, 6, { padding: "same", output: { ...input, least: 64 } }),
      (q) => quantizedMaxPool(q, 2),
      flatten(),
      product(72, 3),
    ),
    0.05,
  ],
  "max pools": [
    image,
    chain(
      asBytes,
      (q) => quantizedMaxPool(q, 3, { padding: 1, stride: 2 }),
      (q) => quantizedMaxPool(q, 2, { stride: 1, dilation: 2, padding: 1 }),
      fromBytes(input),
    ),
    1e-5,
  ],
  "bytes moved": [
    [5, 4],
    chain(
      asBytes,
      (q) => reshape(permute(q, [0, 2, 1]), [q.shape[0], 2, 10]),
      (q) => slice(q, [0, 1, 2], [q.shape[0], 1, 5]),
      fromBytes(input),
    ),
    1e-5,
  ],
  "branches of bytes, and their means": [
    image,
    chain(
      asBytes,
      convolution(4, 4, { padding: "same", output: coarse }),
      (q) => quantizedAdd(q, q, { inputs: [coarse, input], output: { ...coarse, least: 50 } }),
      (q) => quantizedMean(q, { input: coarse, output: input }),
      fromBytes(input),
    ),
    1 / 8,
  ],
  "a table": [
    [5, 4],
    chain(
      asBytes,
      (q) =>
        quantizedLookup(
          q,
          Uint8Array.from({ length: 128 }, (_, at) => (at * 7) % 128),
        ),
      fromBytes(input),
    ),
    1e-5,
  ],
  "rows normalized to bytes": [[3, 12], chain(normalized(true), fromBytes(coarse)), 1 / 8],
  "rows normalized by their root mean square": [[3, 12], chain(normalized(false), fromBytes(coarse)), 1 / 8],
  // Rows stay floats there: here they are rounded to steps of 4 / 127.
  "dynamic product": [[12], (x) => dynamicQuantizedMatmul(x, dynamic.weight, dynamic), 0.05],
  "half bytes": [[3, 40], (x) => int4Matmul(x, half, bias), 1e-4],
};

for (const [name, [shape, body, tolerance]] of Object.entries(MODELS)) {
  for (const opset of [17, 21]) {
    try {
      const model = defineModel({ input: shape }, body);
      const file = await toOnnx(model, { engine, opset });
      if (opset === 17) {
        written.push(join(folder, `${written.length}.onnx`));
        writeFileSync(written.at(-1), file);
      }
      const session = await ort.InferenceSession.create(file);
      let most = 0;
      for (const count of [1, 5]) {
        const inputs = inputsFor(model, count, count);
        const wanted = await model.predict(inputs, { engine });
        const { output } = await session.run({ input: new ort.Tensor("float32", inputs, [count, ...shape]) });
        if (output.data.length !== wanted.length) most = Number.NaN;
        for (const [k, value] of wanted.entries()) most = Math.max(most, Math.abs(output.data[k] - value));
      }
      await session.release();
      check(`${name}, opset ${opset}`, most <= tolerance * 1.0001, most);
    } catch (error) {
      check(`${name}, opset ${opset}`, false, error.message ?? String(error));
    }
  }
}
const refused = await accepted(written);
check(`onnx.checker accepts ${written.length} files`, refused.length === 0, refused);
rmSync(folder, { recursive: true });
await engine.close();
finish();
