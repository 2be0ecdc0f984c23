// TFLite files that the library writes, in LiteRT: floats make what `predict` makes, integers what the arithmetic of the
// runtime's kernels makes; in Node and in Chromium. Every file is walked through by the official FlatBuffers reader.
import { mnist } from "../../build/bundle/node/data.js";
import {
  adam,
  createEngine,
  dense,
  flatten,
  sequential,
  softmaxCrossEntropy,
  train,
} from "../../build/bundle/node/index.js";
import { conv2d, maxPool2d } from "../../build/bundle/node/layers.js";
import { toTflite } from "../../build/bundle/node/tflite.js";
import { check, finish } from "./support/check.js";
import { runInChromium } from "./support/pages.js";
import { simulate } from "./support/tflite-integers.js";
import { MODELS, prepared } from "./support/tflite-models.js";
import { checkNumbers, readTflite } from "./support/tflite-reader.js";
import { runIntegers, runResized, runTflite } from "./support/tflite-runtime.js";

/** Of the runtime in a page. */
const RUNTIME = {
  imports: {
    "@litertjs/core": "/packages/@litertjs/core/dist/index.js",
    "@litertjs/wasm-utils": "/packages/@litertjs/wasm-utils/dist/index.js",
  },
  script: `
import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
await loadLiteRt("/packages/@litertjs/core/wasm/");
export async function run(file, { inputs, shape }) {
  const compiled = await loadAndCompile(file, { accelerator: "wasm" });
  const [output] = await compiled.run([new Tensor(Float32Array.from(inputs), shape)]);
  return output.toTypedArray();
}`,
};
/** By the size of the result, where that is above 1. */
const TOLERANCE = 1e-5;
const engine = await createEngine({ threads: 1 });

/** The largest difference of two results. */
function apart(got, wanted) {
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [k, value] of wanted.entries()) {
    const difference = Math.abs(value - got[k]) / Math.max(1, Math.abs(value));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

async function attempt(what, work) {
  try {
    await work();
  } catch (error) {
    check(what, false, String(error.message ?? error));
  }
}
const batchOf = (model) => (values) => ({ values, shape: [1, ...model.inputShape] });
/** A file that has been walked through. */
async function written(model, options) {
  const file = await toTflite(model, { engine, ...options });
  const { model: read } = readTflite(file);
  checkNumbers(read);
  return { file, graph: read.subgraphs[0] };
}

const browsed = [];
const BROWSED = ["mnist", "cnn", "resnet", "attention"];
for (const name of Object.keys(MODELS)) {
  await attempt(name, async () => {
    const { model, inputs } = await prepared(name, engine, 2);
    const { file } = await written(model, {});
    const { results } = await runTflite(file, inputs.map(batchOf(model)));
    const wanted = await model.predict(
      inputs.map((input) => [...input]),
      { engine },
    );
    const size = wanted.length / inputs.length;
    const worst = Math.max(...results.map((got, k) => apart(got, wanted.subarray(k * size, (k + 1) * size))));
    check(name, worst <= TOLERANCE, worst);
    const shape = [1, ...model.inputShape];
    if (BROWSED.includes(name))
      browsed.push({ name, file, inputs: inputs[0], shape, wanted: wanted.slice(0, size) });
  });
}

const RESIZED = [
  "mnist",
  "cnn",
  "resnet",
  "depthwise, multiplier 2, dilated",
  "conv1d causal",
  "layer normalization",
  "attention",
  "char-lm",
];
for (const name of RESIZED) {
  await attempt(`any batch: ${name}`, async () => {
    const { model, inputs } = await prepared(name, engine, 2);
    // The runtime's interface for JavaScript resizes inputs, but leaves outputs as large as they were.
    const { file, graph } = await written(model, { dynamicBatch: true, batchSize: 3 });
    const signatures = [graph.inputs[0], graph.outputs[0]].map(
      (each) => graph.tensors[each].shape_signature[0],
    );
    check(`any batch: ${name}: signatures`, String(signatures) === "-1,-1", signatures);
    const values = inputs[0].constructor.from(inputs.flatMap((input) => [...input]));
    const got = await runResized(file, { values, shape: [2, ...model.inputShape] });
    const wanted = await model.predict(
      inputs.map((input) => [...input]),
      { engine },
    );
    const worst = apart(got.subarray(0, wanted.length), wanted);
    check(`any batch: ${name}: resized from 3 to 2`, worst <= TOLERANCE, worst);
  });
}

/** Models of which all is integers, with what is asked for beside. */
const INTEGERS = [
  ...["mnist", "cnn", "resnet", "autoencoder", "tabular"].map((name) => [name]),
  ["mnist", { dense: "perTensor" }],
  ["mnist", { activation: "softmax" }],
  ["mnist", { activation: "sigmoid" }],
  ["cnn", { method: "percentile", percentile: 99 }],
  ...Object.keys(MODELS)
    .filter((name) =>
      /^(conv|depthwise|separable|transposed|max pool|average pool|global|upsampling to)/.test(name),
    )
    .filter((name) => !/^(max pool dilated|average pool padded)$/.test(name))
    .map((name) => [name]),
  ...["relu6", "sigmoid", "tanh", "leakyRelu", "elu", "silu"].map((name) => [`activation ${name}`]),
  ...["op add", "op sub", "op mul", "moving about", "softmax"].map((name) => [name]),
];

/** Results that differ, and by how many of the output's steps at most. */
function differing(wanted, got, unit) {
  const steps = wanted.map((value, k) => Math.abs(value - got[k]) / unit);
  return {
    count: steps.filter((each) => !(each < 1e-3)).length,
    most: steps.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...steps),
  };
}

for (const [name, { activation, ...how } = {}] of INTEGERS) {
  const what = ["8 bits:", name, activation, ...Object.values(how)].join(" ").trim();
  await attempt(what, async () => {
    const { model, inputs } = await prepared(name, engine, 12);
    const calibration = inputs.map((input) => [...input]);
    const { file, graph } = await written(model, { activation, quantization: { calibration, ...how } });
    const unit = graph.tensors[graph.operators.at(-1).inputs[0]].quantization.scale[0];
    const few = inputs.slice(0, 4);
    const { results } = await runTflite(file, few.map(batchOf(model)));
    const got = results.flatMap((each) => [...each]);
    const simulated = (rounding) => {
      const run = simulate(file, { rounding });
      return few.flatMap((each) => [...run(each).values]);
    };
    const [float, fixed] = ["float", "fixed"].map((each) => differing(simulated(each), got, unit));
    check(`${what}: bit for bit the arithmetic of XNNPACK, ${got.length} numbers`, float.count === 0, float);
    // Two roundings for one, layer after layer.
    const fits = fixed.most < 2.001;
    check(`${what}: ${fixed.count} of them another integer with fixed-point multipliers`, fits, fixed);

    // Integers at both ends are the same network without its conversions.
    const { file: bare, graph: inner } = await written(model, {
      activation,
      quantization: { calibration, ...how, input: "int8", output: "int8" },
    });
    const [start, end] = [inner.inputs[0], inner.outputs[0]].map((each) => inner.tensors[each]);
    const { scale, zero_point: zero } = start.quantization;
    const integers = few.map((each) =>
      Int8Array.from(each, (value) =>
        Math.min(127, Math.max(-128, Math.sign(value) * Math.round(Math.abs(value / scale[0])) + zero[0])),
      ),
    );
    const ends = (await runIntegers(bare, integers)).flatMap((each) =>
      Array.from(each, (value) => (value - end.quantization.zero_point[0]) * end.quantization.scale[0]),
    );
    const { count } = differing(ends, got, unit);
    check(
      `${what}: the same with integers at both ends`,
      count === 0 && start.type === 9 && end.type === 9,
      count,
    );
  });
}

await attempt("floats between integers", async () => {
  const { model, inputs } = await prepared("layer normalization", engine, 12);
  const calibration = inputs.map((input) => [...input]);
  const refused = await toTflite(model, { engine, quantization: { calibration } }).catch((error) => error);
  check("floats between integers are refused", refused.name === "FormatError", refused);
  const { file } = await written(model, { quantization: { calibration, fallback: "float32" } });
  const { results } = await runTflite(file, inputs.map(batchOf(model)));
  const wanted = await model.predict(calibration, { engine });
  const error = apart(
    results.flatMap((each) => [...each]),
    wanted,
  );
  check("floats between integers, where they may be", error < 0.1, error);
});

await attempt("digits", async () => {
  const digits = await mnist({ shape: [28, 28, 1] });
  const model = sequential(
    { input: [28, 28, 1] },
    conv2d(8, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    conv2d(16, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    flatten(),
    dense(32, { activation: "relu" }),
    dense(10),
  );
  const data = digits.train.take(4000);
  const optimizer = adam({ learningRate: 3e-3 });
  await train(model, {
    engine,
    data,
    loss: softmaxCrossEntropy,
    optimizer,
    batchSize: 64,
    epochs: 2,
    seed: 1,
  });
  const calibration = digits.train.take(200);
  const floats = await toTflite(model, { engine });
  const { file } = await written(model, { quantization: { calibration } });
  const tests = [...digits.test.take(1000)];
  const { results } = await runTflite(
    file,
    tests.map(({ input }) => batchOf(model)(Float32Array.from(input))),
  );
  const largest = (scores) => scores.indexOf(Math.max(...scores));
  const wanted = await model.predict(digits.test.take(1000), { engine });
  const count = (is) => tests.filter((each, k) => is(each, k)).length / tests.length;
  const ofFloats = (k) => largest(wanted.subarray(10 * k, 10 * k + 10));
  const alike = count((_, k) => largest(results[k]) === ofFloats(k));
  const [before, after] = [
    count(({ label }, k) => ofFloats(k) === label),
    count(({ label }, k) => largest(results[k]) === label),
  ];
  const ratio = file.length / floats.length;
  console.log(
    `     accuracy ${before} with floats, ${after} with integers; ${ratio.toFixed(2)} of the bytes`,
  );
  check(`digits: the same answer for ${100 * alike} % of 1000`, alike >= 0.97 && before > 0.9, {
    alike,
    before,
  });
  const shape = [1, 28, 28, 1];
  browsed.push({ name: "digits of 8 bits", file, inputs: tests[0].input, shape, wanted: results[0] });
});

await attempt("Chromium", async () => {
  for (const [k, got] of (await runInChromium(browsed, RUNTIME)).entries()) {
    const { name, wanted } = browsed[k];
    check(`Chromium: ${name}`, apart(got, wanted) <= TOLERANCE, got);
  }
});

await engine.close();
finish();
// The runtime holds what would keep the process alive.
process.exit();
