// Everything that reads bytes of strangers: a row each, with its seeds in corpus/. What a reader is made for beside the
// bytes, such as a model, is the same as when the seeds were written: corpus.js makes them of it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { FormatError } from "../../build/src/core/errors.js";
import { bytePairs } from "../../build/src/data/byte-pairs.js";
import { csvRows } from "../../build/src/data/csv.js";
import { decodeImage } from "../../build/src/data/decode-image.js";
import { encoderFrom } from "../../build/src/data/encoder.js";
import { parseIdx } from "../../build/src/data/idx.js";
import { mnistFromBytes } from "../../build/src/data/mnist.js";
import { parquetRows } from "../../build/src/data/parquet.js";
import { readSafetensors, toFloat32 } from "../../build/src/formats/safetensors.js";
import { fromKeras } from "../../build/src/keras/index.js";
import * as onnx from "../../build/src/onnx/index.js";
import * as quantize from "../../build/src/quantize/index.js";
import { readPrograms } from "../../build/src/replay/index.js";
import { fromPyTorch } from "../../build/src/torch/index.js";
import { modelOf, trainerOf } from "./subjects.js";

const corpus = new URL("corpus/", import.meta.url);
const text = (bytes) => new TextDecoder().decode(bytes);
/** Two files in one: what lies before the first byte 0, and behind it. */
function halves(bytes) {
  const end = bytes.indexOf(0);
  return end < 0 ? [bytes, new Uint8Array()] : [bytes.subarray(0, end), bytes.subarray(end + 1)];
}
/** All rows of a table. */
async function walk(rows) {
  for await (const row of rows) row.cells.length;
}
/** JSON that is a caller's to parse: what is none never comes to the reader. */
function json(bytes) {
  try {
    return JSON.parse(text(bytes));
  } catch (cause) {
    throw new FormatError("no JSON", { cause });
  }
}
const model = modelOf();
const trainer = trainerOf(model);

/** What is not there yet has no `run`. */
const rows = [
  {
    name: "safetensors",
    kind: "bytes",
    run(bytes) {
      for (const tensor of readSafetensors(bytes).tensors.values())
        if (/F/.test(tensor.dtype)) toFloat32(tensor);
    },
  },
  { name: "weights", kind: "bytes", run: (bytes) => model.fromBytes(bytes) },
  { name: "torch", kind: "bytes", run: (bytes) => fromPyTorch(model, bytes) },
  { name: "state", kind: "bytes", run: (bytes) => trainer.stateFromBytes(bytes) },
  { name: "programs", kind: "bytes", run: (bytes) => readPrograms(bytes) },
  { name: "idx", kind: "bytes", run: (bytes) => parseIdx(bytes) },
  {
    name: "mnist",
    kind: "bytes",
    run: (bytes) => mnistFromBytes(bytes, Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 3, 4)),
  },
  {
    name: "keras",
    kind: "json",
    run(bytes) {
      const [file, weights] = halves(bytes);
      return fromKeras(text(file), weights);
    },
  },
  { name: "onnx", kind: "bytes", run: onnx.fromOnnx && ((bytes) => onnx.fromOnnx(bytes)) },
  {
    name: "quantized",
    kind: "bytes",
    run: quantize.quantizedFromBytes && ((bytes) => quantize.quantizedFromBytes(bytes, model)),
  },
  { name: "image", kind: "bytes", run: (bytes) => decodeImage(bytes, { maximumPixels: 1e5 }) },
  { name: "csv", kind: "text", run: (bytes) => walk(csvRows(bytes)) },
  { name: "parquet", kind: "bytes", run: (bytes) => walk(parquetRows(bytes)) },
  { name: "encoder", kind: "json", run: (bytes) => encoderFrom(json(bytes)) },
  { name: "tokenizer", kind: "json", run: (bytes) => bytePairs(text(bytes)) },
];

/** The readers, with their seeds. */
export const readers = rows
  .filter(({ run }) => run)
  .map((row) => ({
    ...row,
    seeds: (existsSync(corpus) ? readdirSync(corpus) : [])
      .filter((name) => name.startsWith(`${row.name}-`))
      .sort()
      .map((name) => new Uint8Array(readFileSync(new URL(name, corpus)))),
  }));
