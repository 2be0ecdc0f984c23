// ONNX files that the library writes, in onnxruntime-web: the same numbers at two batch sizes from one file, in Node and in
// Chromium; and what the format's own checker (Debian's python3-onnx) says of every one.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-web";
import { createEngine, defineModel, div, sigmoid, softmax, sub } from "../../build/src/index.js";
import { toOnnx } from "../../build/src/onnx/index.js";
import { check, finish } from "./support/check.js";
import { accepted } from "./support/checker.js";
import { drawn, examples, inputsFor, pieces, randomize } from "./support/models.js";
import { runInChromium } from "./support/pages.js";

/** Of the largest output. */
const TOLERANCE = 1e-5;
const DRAWN = 24;
const BATCHES = [1, 5];
/** Of the examples these run in the browser, too. */
const BROWSED = ["mnist", "cnn", "resnet", "char-lm", "text"];

/** Of the runtime in a page. */
const RUNTIME = {
  imports: { "onnxruntime-web": "/packages/onnxruntime-web/dist/ort.wasm.min.mjs" },
  script: `
import { env, InferenceSession, Tensor } from "onnxruntime-web";
env.wasm.numThreads = 1;
env.wasm.wasmPaths = "/packages/onnxruntime-web/dist/";
export async function run(file, { inputs, shape, type }) {
  const session = await InferenceSession.create(file);
  const Values = type === "int32" ? Int32Array : Float32Array;
  const { output } = await session.run({ input: new Tensor(type, Values.from(inputs), shape) });
  return output.data;
}`,
};

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";
const engine = await createEngine({ threads: 1 });
const folder = mkdtempSync(join(tmpdir(), "downhill-onnx-"));
const written = [];

/** The largest difference, by the largest number wanted. */
function difference(got, wanted) {
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  // A NaN stays one: it is below no tolerance.
  return wanted.reduce((most, value, k) => Math.max(most, Math.abs(got[k] - value) / scale), 0);
}

async function run(bytes, model, inputs, count, options) {
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: "all", ...options });
  const type = model.inputType === "i32" ? "int32" : "float32";
  const results = await session.run({
    [session.inputNames[0]]: new ort.Tensor(type, inputs, [count, ...model.inputShape]),
  });
  const result = results[session.outputNames[0]];
  await session.release();
  return result;
}

/** One file at two batch sizes; answers it. */
async function holds(name, make, options) {
  try {
    const { model, below = 0 } = make();
    await randomize(model, engine);
    const bytes = await toOnnx(model, { engine, ...options });
    // The checker knows none of 21.
    if (options?.opset !== 21) {
      written.push(join(folder, `${written.length}.onnx`));
      writeFileSync(written.at(-1), bytes);
    }
    const found = [];
    for (const count of BATCHES) {
      const inputs = inputsFor(model, count, count + 10, below);
      const wanted = await model.predict(inputs, { engine });
      const got = await run(bytes, model, inputs, count);
      const shape = [count, ...model.outputShape];
      found.push(String(got.dims) === String(shape) ? difference(got.data, wanted) : `shape ${got.dims}`);
    }
    check(
      name,
      found.every((each) => each <= TOLERANCE),
      found,
    );
    return { bytes, model, below };
  } catch (error) {
    check(name, false, error.message ?? String(error));
  }
}

const browsed = [];
for (const [name, make] of Object.entries(examples())) {
  const { bytes, model, below } = (await holds(`example ${name}`, make)) ?? {};
  if (!BROWSED.includes(name) || !bytes) continue;
  const inputs = inputsFor(model, 2, 3, below);
  const wanted = await model.predict(inputs, { engine });
  const type = model.inputType === "i32" ? "int32" : "float32";
  browsed.push({ name, file: bytes, type, inputs, shape: [2, ...model.inputShape], wanted });
}
for (const [name, make] of Object.entries(pieces())) await holds(name, make);
for (let seed = 1; seed <= DRAWN; seed++) await holds(`drawn network ${seed}`, drawn(seed));
for (const [name, make] of Object.entries({ ...examples(), ...pieces() }))
  await holds(`opset 21: ${name}`, make, { opset: 21 });

// What options put around a model, against the same in the engine's own words.
const { cnn, mnist } = examples();
const around = {
  "softmax behind": [mnist, { activation: "softmax" }, (model) => (x) => softmax(model.layer(x))],
  "sigmoid behind": [mnist, { activation: "sigmoid" }, (model) => (x) => sigmoid(model.layer(x))],
  "normalization before": [
    cnn,
    { includeNormalization: true, normalization: { mean: 0.3, standardDeviation: [0.7] } },
    (model) => (x) => model.layer(div(sub(x, 0.3), 0.7)),
  ],
};
for (const [name, [make, options, wrap]] of Object.entries(around)) {
  const { model } = make();
  await randomize(model, engine);
  const layer = (x) => model.trace(x.graph, x);
  const wrapped = defineModel({ input: model.inputShape }, wrap({ layer }));
  wrapped.setParameters(model.parameters());
  const inputs = inputsFor(model, 3, 4);
  const { data } = await run(await toOnnx(model, { engine, ...options }), model, inputs, 3);
  const found = difference(data, await wrapped.predict(inputs, { engine }));
  check(name, found <= TOLERANCE, found);
}
for (const opset of [17, 21]) {
  const { model } = cnn();
  await randomize(model, engine);
  const inputs = inputsFor(model, 4, 4);
  const wanted = await model.predict(inputs, { engine });
  const files = await toOnnx(model, { engine, opset, externalData: "cnn.weights" });
  const externalData = [{ path: "cnn.weights", data: files.weights }];
  const beside = difference((await run(files.model, model, inputs, 4, { externalData })).data, wanted);
  check(`weights beside the model, opset ${opset}`, beside <= TOLERANCE, beside);
  if (opset === 17) {
    writeFileSync(join(folder, "cnn.weights"), files.weights);
    written.push(join(folder, "cnn.onnx"));
    writeFileSync(written.at(-1), files.model);
  }
  const bytes = await toOnnx(model, { engine, opset, batchSize: 4 });
  const fixed = difference((await run(bytes, model, inputs, 4)).data, wanted);
  check(`a batch of 4, opset ${opset}`, fixed <= TOLERANCE, fixed);
  const refusal = await run(bytes, model, inputsFor(model, 3, 4), 3).catch(({ message }) => message);
  check("no other batch", /dimension/i.test(refusal), refusal);
}

const refused = await accepted(written);
check(`onnx.checker accepts ${written.length} files`, refused.length === 0, refused);
for (const [k, got] of (await runInChromium(browsed, RUNTIME)).entries()) {
  const { name, wanted } = browsed[k];
  const found = typeof got === "string" ? got : difference(got, wanted);
  check(`in Chromium: ${name}`, found <= TOLERANCE, found);
}
rmSync(folder, { recursive: true });
await engine.close();
finish();
