// Weights exchanged with PyTorch, both ways: models trained here and loaded by support/torch-models.py, models of that loaded here,
// and the same outputs on either side. Needs Debian's python3-torch.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dataset } from "../../build/src/data/index.js";
import * as d from "../../build/src/index.js";
import * as l from "../../build/src/layers.js";
import { fromPyTorch, toPyTorch } from "../../build/src/torch/index.js";
import { check, finish } from "./support/check.js";

const EXAMPLES = 5;
const ACCURACY = 1e-5;

/** Each with the names of the module there; without names it is a torch.nn.Sequential. */
const cases = {
  mlp: {
    model: () =>
      d.sequential(
        { input: [12] },
        d.dense(16, { activation: "relu" }),
        d.dropout(0.1),
        d.dense(9, { bias: false }),
        d.activation("tanh"),
        d.dense(3, { activation: "gelu" }),
      ),
  },
  cnn: {
    model: () =>
      d.sequential(
        { input: [10, 9, 3] },
        l.conv2d(6, [3, 2], { padding: 1 }),
        l.batchNorm(),
        d.activation("relu"),
        l.maxPool2d(2),
        l.conv2d(8, 3, { stride: 2, groups: 2, bias: false }),
        l.batchNorm(),
        d.flatten(),
        d.dropout(0.2),
        d.dense(7, { activation: "relu" }),
        d.dense(4),
      ),
  },
  flatNorm: {
    model: () =>
      d.sequential(
        { input: [4, 5, 3] },
        d.flatten(),
        l.batchNorm(),
        d.activation("relu"),
        d.dense(4),
        l.layerNorm(),
      ),
  },
  mobile: {
    model: () =>
      d.sequential(
        { input: [8, 8, 4] },
        l.depthwiseConv2d(3, { multiplier: 2, padding: 1 }),
        l.groupNorm(2),
        l.separableConv2d(6, 3, { multiplier: 2 }),
        l.globalAveragePool2d(),
        d.dense(3),
      ),
    names: { depthwiseConv2d: "first", groupNorm: "norm", separableConv2d: "second", dense: "head" },
  },
  generator: {
    model: () =>
      d.defineModel({ input: [6] }, (x) => {
        const h = d.relu(l.batchNorm()(d.dense(3 * 4 * 5)(x)));
        const image = d.reshape(h, [x.shape[0], 3, 4, 5]);
        const larger = l.conv2dTranspose(4, 3, {
          stride: 2,
          padding: 1,
          outputPadding: 1,
          activation: "relu",
        })(image);
        return l.conv2dTranspose(2, [2, 3], { activation: "tanh" })(larger);
      }),
    names: { dense: "start", batchNorm: "norm", conv2dTranspose: "up.0", conv2dTranspose_1: "up.1" },
    images: true,
  },
  sequences: {
    model: () =>
      d.sequential(
        { input: [12, 3] },
        l.conv1d(6, 4, { activation: "relu" }),
        l.conv1dTranspose(4, 3, { stride: 2 }),
        d.flatten(),
        d.dense(2),
      ),
    names: ["down", "up", "head"],
    channels: "first",
  },
  rnn: {
    model: () =>
      d.sequential({ input: [7, 5] }, l.simpleRnn(6, { returnSequences: true }), l.simpleRnn(4), d.dense(2)),
    names: { simpleRnn: "rnn", simpleRnn_1: { module: "rnn2", layer: 0 }, dense: "head" },
  },
  lstm: {
    model: () =>
      d.sequential(
        { input: [7, 5] },
        l.lstm(6, { returnSequences: true }),
        l.lstm(6, { name: "upper", returnSequences: true }),
        d.dense(3),
      ),
    names: { lstm: { module: "rnn", layer: 0 }, upper: { module: "rnn", layer: 1 }, dense: "head" },
  },
  bidirectional: {
    model: () =>
      d.sequential({ input: [7, 5] }, l.bidirectional(l.lstm(4, { returnSequences: true })), d.dense(3)),
    names: { lstm: "rnn", dense: "head" },
  },
  gru: {
    model: () =>
      d.sequential(
        { input: [9], inputType: "i32" },
        l.embedding(11, 6, { name: "words" }),
        l.gru(5, { returnSequences: true }),
        d.dense(3),
      ),
    names: { words: "embed", gru: "rnn", dense: "head" },
    tokens: 11,
  },
  transformer: {
    model: () =>
      d.sequential(
        { input: [9], inputType: "i32" },
        l.embedding(13, 16),
        l.learnedPositions(),
        l.transformerEncoderBlock({ heads: 4, hidden: 24 }),
        l.layerNorm(),
        d.dense(5, { bias: false }),
      ),
    names: {
      embedding: "words",
      positions: "positions",
      layerNorm: "block.norm1",
      attention: "block.self_attn",
      layerNorm_1: "block.norm2",
      dense: "block.linear1",
      dense_1: "block.linear2",
      layerNorm_2: "norm",
      dense_2: "head",
    },
    tokens: 13,
  },
  crossAttention: {
    model: () =>
      d.defineModel({ input: [6, 8] }, (x) => {
        const same = l.multiHeadAttention(2)(x, { context: d.dense(8)(x) });
        return l.multiHeadAttention(4)(same, { context: d.dense(5)(x) });
      }),
    names: { dense: "same", attention: "first", dense_1: "other", attention_1: "second" },
  },
};

/** Numbers between −1 and 1. */
function numbers(n, from) {
  return Float32Array.from(
    { length: n },
    (_, i) => ((Math.abs(Math.sin(from + i * 1.7)) * 43758.5453) % 2) - 1,
  );
}

/** A model that has been trained for a few steps, so that nothing in it is what it starts from. */
async function trained(build, inputs, seed) {
  const model = build();
  const size = inputs.length / EXAMPLES;
  const outputs = model.outputShape.reduce((product, each) => product * each, 1);
  const target = numbers(EXAMPLES * outputs, seed);
  await d.train(model, {
    data: dataset({
      inputs: { values: inputs, shape: model.inputShape },
      targets: { values: target, shape: model.outputShape },
    }),
    loss: d.meanSquaredError,
    optimizer: d.adam({ learningRate: 0.02 }),
    batchSize: EXAMPLES,
    epochs: 4,
    seed,
  });
  if (size !== model.inputShape.reduce((product, each) => product * each, 1)) throw new Error("sizes");
  return model;
}

function python(...given) {
  const script = fileURLToPath(new URL("support/torch-models.py", import.meta.url));
  // The first Python may be one without Debian's packages.
  for (const name of ["python3", "/usr/bin/python3"]) {
    if (spawnSync(name, ["-c", "import torch"]).status !== 0) continue;
    const { status, stderr } = spawnSync(name, [script, ...given], { encoding: "utf8" });
    return status === 0 ? "" : stderr;
  }
  return "no Python with torch: apt-get install python3-torch";
}

const floats = (path) => {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};
/** The largest difference; infinite where lengths differ or a number is none. */
function difference(a, b) {
  if (a.length !== b.length || a.length === 0) return Number.POSITIVE_INFINITY;
  return a.reduce((most, x, i) => {
    const apart = Math.abs(x - b[i]);
    return apart <= most ? most : Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart;
  }, 0);
}

const folder = mkdtempSync(join(tmpdir(), "downhill-torch-"));
const file = (name, kind) => join(folder, `${name}.${kind}`);
const tasks = [];
const predicted = new Map();
for (const [seed, [name, { model: build, names, channels, tokens, images }]] of Object.entries(
  cases,
).entries()) {
  const shape = build().inputShape;
  const raw = numbers(EXAMPLES * shape.reduce((product, each) => product * each, 1), 100 * seed);
  const inputs = tokens ? Int32Array.from(raw, (x) => Math.floor(((x + 1) / 2) * tokens * 0.999)) : raw;
  const model = await trained(build, inputs, seed + 1);
  writeFileSync(file(name, "safetensors"), toPyTorch(model, { names, channels }));
  writeFileSync(file(name, "inputs"), new Uint8Array(inputs.buffer));
  predicted.set(name, { inputs, outputs: await model.predict(inputs) });
  tasks.push({ name, shape: [EXAMPLES, ...shape], tokens: tokens !== undefined, images: images === true });
}
writeFileSync(join(folder, "tasks.json"), JSON.stringify(tasks));
const failure = python(folder);
check("PyTorch runs", failure === "", failure);

for (const [name, { model: build, names, channels }] of failure ? [] : Object.entries(cases)) {
  const { inputs, outputs } = predicted.get(name);
  const there = difference(outputs, floats(file(name, "outputs")));
  check(`${name}: trained here, the same in PyTorch`, there <= ACCURACY, there);
  for (const type of ["F32", "F64", "F16", "BF16"]) {
    const model = build();
    fromPyTorch(model, readFileSync(file(name, `${type}.safetensors`)), { names, channels });
    const here = difference(await model.predict(inputs), floats(file(name, `${type}.outputs`)));
    check(`${name}: ${type} of PyTorch, the same here`, here <= ACCURACY, here);
  }
}
rmSync(folder, { recursive: true });
finish();
