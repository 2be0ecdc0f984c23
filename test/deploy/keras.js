// Layers models of TensorFlow.js, with random weights, saved as it saves them and imported here: the same outputs.
import { createRequire } from "node:module";
import { dataset } from "../../build/src/data/index.js";
import { adam, createEngine, meanSquaredError, train } from "../../build/src/index.js";
import { fromKeras } from "../../build/src/keras/index.js";
import { check, finish } from "./support/check.js";

// Its own build for Node: the other one names files that Node does not find.
console.log = (
  (log) => (line) =>
    /^(ok|FAIL|\d|all|#)/.test(line) ? log(line) : undefined
)(console.log);
console.warn = () => {};
const tf = createRequire(import.meta.url)("@tensorflow/tfjs");
await tf.setBackend("cpu");
const l = tf.layers;
const EXAMPLES = 3;
const ACCURACY = 1e-5;

const sequence = (...layers) => tf.sequential({ layers });
/** A functional model of one input. */
function graph(shape, body, dtype) {
  const x = tf.input({ shape, dtype });
  return tf.model({ inputs: x, outputs: body(x) });
}
const tokens = (inputDim, outputDim, inputLength, more) =>
  l.embedding({ inputDim, outputDim, inputLength, ...more });
const image = { inputShape: [9, 8, 3] };
const steps = { inputShape: [7, 4] };
const sigmoid = { recurrentActivation: "sigmoid" };

/** Each makes a model; those of tokens say how many there are. */
const cases = {
  "a dense network": () =>
    sequence(
      l.dense({ units: 16, activation: "relu", inputShape: [5] }),
      l.dropout({ rate: 0.3 }),
      l.dense({ units: 7, useBias: false, activation: "tanh" }),
      l.dense({ units: 3, activation: "softmax" }),
    ),
  "convolutions, padded as TensorFlow does": () =>
    sequence(
      l.conv2d({ filters: 6, kernelSize: 3, strides: 2, padding: "same", activation: "relu", ...image }),
      l.conv2d({ filters: 5, kernelSize: [2, 3], useBias: false }),
      l.maxPooling2d({ poolSize: 2 }),
      l.flatten(),
      l.dense({ units: 4 }),
    ),
  "dilated convolutions": () =>
    sequence(
      l.conv2d({ filters: 4, kernelSize: 3, dilationRate: 2, padding: "same", ...image }),
      l.conv2d({ filters: 4, kernelSize: 2, dilationRate: [2, 1] }),
    ),
  "batch normalization": () =>
    sequence(
      l.conv2d({ filters: 6, kernelSize: 3, useBias: false, ...image }),
      l.batchNormalization(),
      l.reLU(),
      l.batchNormalization({ scale: false, epsilon: 0.01, momentum: 0.9 }),
      l.globalAveragePooling2d({}),
      l.batchNormalization({ center: false }),
    ),
  "layer normalization": () =>
    sequence(
      l.dense({ units: 6, inputShape: [4, 5] }),
      l.layerNormalization({ epsilon: 0.01 }),
      l.dense({ units: 3 }),
      l.layerNormalization({ center: false, scale: false }),
    ),
  "transposed convolutions": () =>
    sequence(
      l.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: "same", ...image }),
      l.conv2dTranspose({ filters: 3, kernelSize: [4, 2], strides: [1, 2], padding: "same" }),
      l.conv2dTranspose({ filters: 2, kernelSize: [2, 3], strides: [3, 1], padding: "valid" }),
    ),
  "depthwise and separable convolutions": () =>
    sequence(
      l.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, strides: 2, padding: "same", ...image }),
      l.separableConv2d({
        filters: 7,
        kernelSize: 2,
        depthMultiplier: 3,
        padding: "valid",
        activation: "elu",
      }),
    ),
  "convolutions of sequences": () =>
    sequence(
      l.conv1d({ filters: 6, kernelSize: 3, dilationRate: 2, ...steps }),
      l.conv1d({ filters: 5, kernelSize: 2, strides: 2, padding: "same" }),
      l.conv1d({ filters: 4, kernelSize: 2 }),
    ),
  "pools of images": () =>
    sequence(
      l.averagePooling2d({ poolSize: [3, 2], strides: [2, 1], padding: "same", ...image }),
      l.maxPooling2d({ poolSize: 3, strides: 2, padding: "same" }),
      l.averagePooling2d({ poolSize: 2 }),
    ),
  "pools of sequences": () =>
    sequence(
      l.maxPooling1d({ poolSize: 3, strides: 2, padding: "same", ...steps }),
      l.averagePooling1d({ poolSize: 2, strides: 1 }),
      l.globalMaxPooling1d(),
    ),
  "global pools": () =>
    graph([6, 5, 4], (x) =>
      l.concatenate().apply([l.globalMaxPooling2d({}).apply(x), l.globalAveragePooling2d({}).apply(x)]),
    ),
  "a global mean of a sequence": () => sequence(l.globalAveragePooling1d(steps)),
  "shapes: flat, other, swapped, repeated": () =>
    sequence(
      l.reshape({ targetShape: [4, 3], inputShape: [6, 2] }),
      l.permute({ dims: [2, 1] }),
      l.flatten(),
      l.repeatVector({ n: 3 }),
      l.dense({ units: 2 }),
    ),
  "padding, cropping, repeating pixels": () =>
    sequence(
      l.zeroPadding2d({
        padding: [
          [1, 2],
          [3, 0],
        ],
        ...image,
      }),
      l.cropping2D({
        cropping: [
          [2, 0],
          [1, 1],
        ],
      }),
      l.upSampling2d({ size: [2, 3] }),
      l.conv2d({ filters: 2, kernelSize: 3 }),
    ),
  "activations by name": () =>
    sequence(
      ...[
        "relu6 elu selu softplus softsign sigmoid hardSigmoid swish mish gelu gelu_new tanh linear logSoftmax".split(
          " ",
        ),
      ].flatMap((names) =>
        names.map((activation, k) => l.dense({ units: 6, activation, ...(k === 0 && { inputShape: [5] }) })),
      ),
    ),
  "activations as layers": () =>
    sequence(
      l.dense({ units: 6, inputShape: [4, 5] }),
      l.leakyReLU({ alpha: 0.2 }),
      l.dense({ units: 6 }),
      l.elu(),
      l.dense({ units: 6 }),
      l.prelu({ alphaInitializer: "glorotNormal" }),
      l.thresholdedReLU({ theta: 0.1 }),
      l.dense({ units: 6 }),
      l.reLU({ maxValue: 0.5 }),
      l.activation({ activation: "sigmoid" }),
      l.softmax({ axis: -1 }),
    ),
  "a simple recurrent network": () =>
    sequence(
      l.simpleRNN({ units: 5, returnSequences: true, ...steps }),
      l.simpleRNN({ units: 4, activation: "relu", goBackwards: true }),
    ),
  "a simple recurrent network of another activation": () =>
    sequence(l.simpleRNN({ units: 5, activation: "elu", ...steps })),
  "LSTM with a sigmoid": () =>
    sequence(
      l.lstm({ units: 5, returnSequences: true, ...sigmoid, ...steps }),
      l.lstm({ units: 4, useBias: false, ...sigmoid }),
    ),
  "LSTM with a hard sigmoid": () =>
    sequence(l.lstm({ units: 5, returnSequences: true, goBackwards: true, ...steps }), l.lstm({ units: 4 })),
  "GRU with a sigmoid": () =>
    sequence(
      l.gru({ units: 5, returnSequences: true, ...sigmoid, ...steps }),
      l.gru({ units: 4, useBias: false, goBackwards: true, ...sigmoid }),
    ),
  "GRU with a hard sigmoid": () => sequence(l.gru({ units: 5, activation: "softsign", ...steps })),
  "both directions": () =>
    sequence(
      l.bidirectional({
        layer: l.lstm({ units: 3, returnSequences: true, ...sigmoid }),
        mergeMode: "concat",
        ...steps,
      }),
      l.bidirectional({ layer: l.gru({ units: 4, returnSequences: true }), mergeMode: "sum" }),
      l.bidirectional({ layer: l.simpleRNN({ units: 4, returnSequences: true }), mergeMode: "mul" }),
      l.bidirectional({ layer: l.gru({ units: 3, ...sigmoid }), mergeMode: "ave" }),
    ),
  "each step by itself": () =>
    sequence(
      l.timeDistributed({ layer: l.conv2d({ filters: 3, kernelSize: 2 }), inputShape: [3, 5, 4, 2] }),
      l.timeDistributed({ layer: l.flatten() }),
      l.timeDistributed({ layer: l.dense({ units: 4, activation: "relu" }) }),
      l.lstm({ units: 3, ...sigmoid }),
    ),
  tokens: () =>
    Object.assign(sequence(tokens(11, 6, 8), l.flatten(), l.dense({ units: 3 })), { vocabulary: 11 }),
  "tokens with padding": () =>
    Object.assign(
      sequence(
        tokens(5, 6, 8, { maskZero: true }),
        l.dropout({ rate: 0.1 }),
        l.lstm({ units: 4, returnSequences: true, ...sigmoid }),
        l.gru({ units: 3 }),
      ),
      { vocabulary: 5 },
    ),
  "steps left out by their value": () =>
    Object.assign(
      sequence(
        l.masking({ maskValue: 0, inputShape: [6, 2] }),
        l.timeDistributed({ layer: l.dense({ units: 4 }) }),
        l.lstm({ units: 3, ...sigmoid }),
      ),
      { gaps: true },
    ),
  "a residual block": () =>
    graph([8, 8, 4], (x) => {
      const h = l.conv2d({ filters: 4, kernelSize: 3, padding: "same", activation: "relu" }).apply(x);
      const sum = l.add().apply([x, h]);
      return l.dense({ units: 2 }).apply(l.globalAveragePooling2d({}).apply(sum));
    }),
  "every way to join": () =>
    graph([6], (x) => {
      const [a, b, c] = [0, 1, 2].map(() => l.dense({ units: 5, activation: "tanh" }).apply(x));
      const joined = [
        l.add().apply([a, b, c]),
        l.multiply().apply([a, b]),
        l.average().apply([a, b, c]),
        l.maximum().apply([a, b]),
        l.minimum().apply([b, c]),
      ];
      return l.concatenate({ axis: 1 }).apply(joined);
    }),
  "shared layers": () =>
    graph([5], (x) => {
      const shared = l.dense({ units: 5, activation: "tanh" });
      const twice = shared.apply(shared.apply(x));
      return l.dense({ units: 2 }).apply(l.add().apply([x, twice, shared.apply(twice)]));
    }),
  "models in models, one of them twice": () => {
    const inner = sequence(l.dense({ units: 5, activation: "relu", inputShape: [5] }), l.dense({ units: 5 }));
    const other = graph([5], (x) => l.add().apply([x, l.dense({ units: 5 }).apply(x)]));
    return graph([5], (x) => {
      const once = inner.apply(x);
      return l.concatenate().apply([other.apply(once), inner.apply(once)]);
    });
  },
  "a model that begins with one": () =>
    sequence(sequence(l.conv2d({ filters: 3, kernelSize: 3, ...image }), l.flatten()), l.dense({ units: 2 })),
};

const noise = (i) => ((Math.abs(Math.sin(i * 1.7 + 0.3)) * 43758.5453) % 2) - 1;
const sizeOf = (shape) => shape.reduce((product, each) => product * each, 1);

/** Random weights: positive where they are a variance. */
function scatter(model) {
  model.setWeights(
    model.getWeights().map((weight, w) => {
      const variance = model.weights[w].originalName.includes("variance");
      const values = Float32Array.from({ length: weight.size }, (_, i) =>
        variance ? 0.5 + Math.abs(noise(i)) : 0.6 * noise(w * 1000 + i),
      );
      return tf.tensor(values, weight.shape);
    }),
  );
}
async function saved(model) {
  let artifacts;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  const { modelTopology, weightSpecs, weightData } = artifacts;
  const json = {
    format: "layers-model",
    modelTopology,
    weightsManifest: [{ paths: ["weights.bin"], weights: weightSpecs }],
  };
  return { json, bytes: new Uint8Array(weightData), specs: weightSpecs };
}
function difference(a, b) {
  if (a.length !== b.length || a.length === 0) return Number.POSITIVE_INFINITY;
  return a.reduce((most, x, i) => {
    const apart = Math.abs(x - b[i]);
    return apart <= most ? most : Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart;
  }, 0);
}
function inputsOf(model) {
  const shape = model.inputs[0].shape.slice(1);
  const values = Float32Array.from({ length: EXAMPLES * sizeOf(shape) }, (_, i) => noise(i));
  const { vocabulary, gaps } = model;
  // Whole steps of zeros, at the end and between.
  if (gaps)
    for (const step of [1, 5, 6, 9, 10, 11]) values.fill(0, step * shape.at(-1), (step + 1) * shape.at(-1));
  if (vocabulary)
    values.forEach((x, i) => {
      values[i] = Math.floor(((x + 1) / 2) * vocabulary * 0.999);
    });
  return { shape, values, numbers: vocabulary ? Int32Array.from(values) : values };
}

const engine = await createEngine({ threads: 1 });
for (const [name, build] of Object.entries(cases)) {
  try {
    const model = build();
    scatter(model);
    const { shape, values, numbers } = inputsOf(model);
    const wanted = await model.predict(tf.tensor(values, [EXAMPLES, ...shape])).data();
    const { json, bytes } = await saved(model);
    const half = Math.floor(bytes.length / 2);
    const imported = fromKeras(JSON.stringify(json), [bytes.subarray(0, half), bytes.subarray(half)]);
    const apart = difference(await imported.predict(numbers, { engine }), wanted);
    check(`${name}: the same outputs`, apart <= ACCURACY, apart);
  } catch (error) {
    check(`${name}: is imported`, false, `${error.stack}`);
  }
}

/** Weights as the converter of TensorFlow.js quantizes them. */
function quantized(specs, bytes, dtype) {
  const parts = [];
  let at = 0;
  const weights = specs.map(({ name, shape }) => {
    const values = new Float32Array(bytes.slice(at, at + 4 * sizeOf(shape)).buffer);
    at += 4 * sizeOf(shape);
    if (dtype === "float16") {
      // By the rounding of TypeScript's own kind is not at hand in every Node: bits are cut off.
      const bits = new Uint32Array(values.buffer);
      const half = (word) => {
        const exponent = ((word >>> 23) & 255) - 112;
        return ((word >>> 16) & 0x8000) | (exponent <= 0 ? 0 : (exponent << 10) | ((word >>> 13) & 1023));
      };
      parts.push(new Uint8Array(Uint16Array.from(bits, half).buffer));
      return { name, shape, dtype: "float32", quantization: { dtype } };
    }
    const levels = dtype === "uint8" ? 255 : 65535;
    const [min, max] = [Math.min(...values), Math.max(...values)];
    const scale = (max - min) / levels || 1;
    const whole = Array.from(values, (x) => Math.round((x - min) / scale));
    parts.push(new Uint8Array((dtype === "uint8" ? Uint8Array : Uint16Array).from(whole).buffer));
    return { name, shape, dtype: "float32", quantization: { dtype, min, scale } };
  });
  return { weights, data: Buffer.concat(parts) };
}
for (const dtype of ["uint8", "uint16", "float16"]) {
  const model = cases["convolutions, padded as TensorFlow does"]();
  scatter(model);
  const { shape, values } = inputsOf(model);
  const { json, bytes, specs } = await saved(model);
  const { weights, data } = quantized(specs, bytes, dtype);
  const there = await tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology: json.modelTopology,
      weightSpecs: weights,
      weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.length),
    }),
  );
  const wanted = await there.predict(tf.tensor(values, [EXAMPLES, ...shape])).data();
  const imported = fromKeras({ ...json, weightsManifest: [{ paths: ["a"], weights }] }, new Uint8Array(data));
  const apart = difference(await imported.predict(values, { engine }), wanted);
  check(`weights in ${dtype}: the same outputs`, apart <= ACCURACY, apart);
}

// The same model goes on learning, and the same way.
{
  const model = sequence(
    l.dense({ units: 8, activation: "tanh", inputShape: [4] }),
    l.batchNormalization({ momentum: 0.8 }),
    l.dense({ units: 2 }),
  );
  scatter(model);
  const { json, bytes } = await saved(model);
  const imported = fromKeras(json, bytes);
  const inputs = Float32Array.from({ length: 16 * 4 }, (_, i) => noise(i));
  const targets = Float32Array.from({ length: 16 * 2 }, (_, i) => noise(i + 500));
  const [x, y] = [tf.tensor(inputs, [16, 4]), tf.tensor(targets, [16, 2])];
  model.compile({ optimizer: tf.train.adam(0.01, 0.9, 0.999, 1e-8), loss: "meanSquaredError" });
  await model.fit(x, y, { epochs: 10, batchSize: 16, shuffle: false, verbose: 0 });
  await train(imported, {
    data: dataset({ inputs: { values: inputs, shape: [4] }, targets: { values: targets, shape: [2] } }),
    loss: meanSquaredError,
    optimizer: adam({ learningRate: 0.01, epsilon: 1e-8 }),
    batchSize: 16,
    epochs: 10,
    engine,
  });
  const apart = difference(await imported.predict(inputs, { engine }), await model.predict(x).data());
  // Ten steps of Adam, whose first ones go by the gradient's sign alone, on either side in floats of 32 bits.
  check("ten more steps of training: the same outputs", apart <= 1e-4, apart);
}
engine.close();
finish();
