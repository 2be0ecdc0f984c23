// Models that are written as TFLite files: the examples', one for each op that has a translation, and random ones.
import * as downhill from "../../../build/bundle/node/index.js";
import * as layers from "../../../build/bundle/node/layers.js";

const { activation, add, defineModel, dense, dropout, flatten, mul, sequential } = downhill;
const { batchNorm, concatenate, conv1d, conv2d, conv2dTranspose, depthwiseConv2d, embedding, residual } =
  layers;

/** By name. */
const ops = { ...downhill };

/** Numbers between −1 and 1, the same for a seed. */
function draws(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * 1;
  };
}

const chain =
  (...all) =>
  (x) =>
    all.reduce((h, layer) => layer(h), x);
/** A model without any parameter has no weights to predict with: every one has a shift. */
const shift = () =>
  downhill.defineLayer("shift", (x, { parameter }) => add(x, parameter("by", [1], downhill.zeros)));
const one = (shape, ...all) => sequential({ input: shape }, shift(), ...all);
const of = (shape, apply) => defineModel({ input: shape }, (x) => apply(shift()(x)));
const image = [9, 11, 3];

const convolution = (channels, size = 3, stride = 1) =>
  chain(conv2d(channels, size, { stride, padding: "same", bias: false }), batchNorm());
const block = (channels) =>
  chain(
    residual(chain(convolution(channels), activation("relu"), convolution(channels))),
    activation("relu"),
  );

/** The networks of the examples, at their sizes but for time. */
const EXAMPLES = {
  mnist: () => one([784], dense(64, { activation: "relu" }), dense(64, { activation: "relu" }), dense(10)),
  cnn: () =>
    one(
      [28, 28, 1],
      conv2d(16, 3, { padding: "same", activation: "relu" }),
      layers.maxPool2d(2),
      conv2d(32, 3, { padding: "same", activation: "relu" }),
      layers.maxPool2d(2),
      flatten(),
      dense(64, { activation: "relu" }),
      dropout(0.3),
      dense(10),
    ),
  resnet: () =>
    one(
      [28, 28, 1],
      convolution(24, 5, 2),
      activation("relu"),
      block(24),
      convolution(48, 3, 2),
      activation("relu"),
      block(48),
      layers.globalAveragePool2d(),
      dense(10),
    ),
  autoencoder: () =>
    one(
      [28, 28, 1],
      conv2d(16, 5, { stride: 2, padding: "same", activation: "relu" }),
      conv2d(32, 5, { stride: 2, padding: "same", activation: "relu" }),
      conv2dTranspose(16, 4, { stride: 2, padding: 1, activation: "relu" }),
      conv2dTranspose(1, 4, { stride: 2, padding: 1 }),
    ),
  "char-lm": () => {
    const table = embedding(60, 32);
    return sequential(
      { input: [16], inputType: "i32" },
      table,
      layers.transformerEncoderBlock({ heads: 4, causal: true, rotary: true }),
      layers.layerNorm(),
      table.attend,
    );
  },
  tabular: () => one([13], dense(32, { activation: "relu" }), dense(3)),
  text: () =>
    defineModel({ input: [12], inputType: "i32" }, (tokens) => {
      const h = dropout(0.3)(embedding(50, 8)(tokens));
      const read = layers.bidirectional(layers.gru(8))(h, { mask: tokens });
      return dense(2)(dropout(0.3)(read));
    }),
};

const ACTIVATIONS = [
  "relu",
  "leakyRelu",
  "elu",
  "selu",
  "gelu",
  "geluTanh",
  "silu",
  "sigmoid",
  "tanh",
  "softplus",
  "hardSigmoid",
  "hardSwish",
  "hardTanh",
  "relu6",
  "softsign",
  "mish",
];
const UNARY = ["abs", "neg", "sign", "square", "exp", "sin", "cos", "floor", "ceil", "round"];
const POSITIVE = ["sqrt", "rsqrt", "log", "reciprocal"];
const BINARY = [
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "minimum",
  "equal",
  "notEqual",
  "greater",
  "greaterEqual",
  "less",
  "lessEqual",
];

const OPS = {
  ...Object.fromEntries(
    ACTIVATIONS.map((name) => [
      `activation ${name}`,
      () => one([24], dense(24), activation(name), dense(24)),
    ]),
  ),
  ...Object.fromEntries(UNARY.map((name) => [`op ${name}`, () => of([24], (x) => ops[name](mul(x, 2)))])),
  ...Object.fromEntries(
    POSITIVE.map((name) => [`op ${name}`, () => of([24], (x) => ops[name](add(downhill.abs(x), 0.1)))]),
  ),
  ...Object.fromEntries(
    BINARY.map((name) => [
      `op ${name}`,
      () => of([6, 4], (x) => add(ops[name](x, add(layers.slice(x, [0, 0, 0], [x.shape[0], 6, 1]), 2)), 0)),
    ]),
  ),
  "op pow": () => of([24], (x) => downhill.pow(add(downhill.abs(x), 0.1), 1.7)),
  "op clamp": () => of([24], (x) => downhill.clamp(x, -0.3, 0.4)),
  "op where": () => of([24], (x) => downhill.where(downhill.greater(x, 0), mul(x, 3), downhill.square(x))),
  "op elu by 0.3": () => of([24], (x) => downhill.elu(mul(x, 3), 0.3)),
  "conv same, stride 2": () => one(image, conv2d(8, 3, { stride: 2, padding: "same", activation: "relu" })),
  "conv valid, 1 × 5": () => one(image, conv2d(8, [1, 5], { activation: "relu6" })),
  "conv padded by 1, stride 2": () => one([8, 8, 3], conv2d(8, 3, { stride: 2, padding: 1 })),
  "conv padded unlike on its sides": () =>
    one(
      image,
      conv2d(4, 3, {
        padding: [
          [2, 0],
          [0, 1],
        ],
      }),
    ),
  "conv dilated": () => one(image, conv2d(4, 3, { dilation: 2, padding: "same" })),
  "conv grouped": () => one([8, 8, 6], conv2d(9, 3, { groups: 3, padding: "same" })),
  "conv 1 × 1": () => one(image, conv2d(7, 1, { activation: "relu" })),
  "conv reflected": () => one(image, conv2d(4, 3, { padding: 1, paddingMode: "reflect" })),
  "conv beside its edge": () => one(image, conv2d(4, 3, { padding: 2, paddingMode: "edge" })),
  "depthwise, stride 2": () =>
    one(image, depthwiseConv2d(3, { stride: 2, padding: "same", activation: "relu" })),
  "depthwise, multiplier 2, dilated": () =>
    one(image, depthwiseConv2d(3, { multiplier: 2, dilation: 2, padding: "same" })),
  separable: () => one(image, layers.separableConv2d(8, 3, { padding: "same", activation: "relu" })),
  "transposed same": () => one([5, 6, 3], conv2dTranspose(4, 3, { stride: 2, padding: "same" })),
  "transposed valid": () => one([5, 6, 3], conv2dTranspose(4, 3, { stride: 2, activation: "relu" })),
  "transposed with output padding": () =>
    one([5, 6, 3], conv2dTranspose(4, 3, { stride: 3, padding: 1, outputPadding: 2 })),
  "transposed, dilated, grouped": () => one([5, 6, 4], conv2dTranspose(6, 3, { dilation: 2, groups: 2 })),
  "conv1d causal": () => one([20, 3], conv1d(6, 3, { padding: [4, 0], dilation: 2, activation: "relu" })),
  "conv1d transposed": () => one([10, 3], layers.conv1dTranspose(6, 4, { stride: 2, padding: 1 })),
  "batch normalization": () => one(image, conv2d(8, 3), batchNorm(), activation("relu")),
  "group normalization": () => one([6, 6, 8], layers.groupNorm(4)),
  "instance normalization": () => one([6, 6, 5], layers.instanceNorm()),
  "layer normalization": () => one([7, 16], layers.layerNorm()),
  "root mean square normalization": () => one([7, 16], layers.rmsNorm()),
  "max pool, same, stride 2": () => one(image, layers.maxPool2d(3, { stride: 2, padding: "same" })),
  "max pool padded": () => one([8, 8, 3], layers.maxPool2d(3, { stride: 2, padding: 1 })),
  "max pool, last windows cut": () => one(image, layers.maxPool2d(2, { ceilMode: true })),
  "max pool dilated": () => one(image, layers.maxPool2d(2, { dilation: 2, stride: 1 })),
  "max pool of a sequence": () => one([20, 4], layers.maxPool1d(2)),
  "average pool": () => one(image, layers.averagePool2d(3, { stride: 2, padding: "same" })),
  "average pool, padding counted": () =>
    one([8, 8, 3], layers.averagePool2d(3, { stride: 2, padding: 1, countPadding: true })),
  "average pool padded": () => one([8, 8, 3], layers.averagePool2d(3, { stride: 2, padding: 1 })),
  "adaptive average pool": () => one(image, layers.adaptiveAveragePool2d([4, 5])),
  "adaptive max pool": () => one(image, layers.adaptiveMaxPool2d([4, 5])),
  "global pools": () =>
    of(image, (x) => concatenate([layers.globalAveragePool2d()(x), layers.globalMaxPool2d()(x)])),
  "upsampling to the nearest": () => one([5, 6, 3], layers.upsample2d(2)),
  "upsampling by lines": () => one([5, 6, 3], layers.upsample2d([2, 3], { method: "bilinear" })),
  "resizing with aligned corners": () =>
    one([5, 6, 3], layers.resize2d([8, 9], { method: "bilinear", alignCorners: true })),
  "resizing to smaller": () => one([9, 8, 3], layers.resize2d([4, 5])),
  "upsampling of a sequence": () => one([7, 3], layers.upsample1d(3)),
  "moving about": () =>
    of([4, 6, 5], (x) => {
      const n = x.shape[0];
      const turned = layers.permute(x, [0, 2, 3, 1]);
      const box = layers.slice(turned, [0, 1, 2, 0], [n, 3, 3, 4]);
      const wide = layers.pad(
        box,
        [
          [0, 0],
          [1, 0],
          [0, 2],
          [0, 0],
        ],
        0.5,
      );
      return downhill.reshape(wide, [n, -1]);
    }),
  repeated: () => of([4, 1, 3], (x) => mul(downhill.broadcastTo(x, [x.shape[0], 4, 5, 3]), 2)),
  "sums and extremes": () =>
    of([4, 5, 6], (x) =>
      concatenate([
        downhill.sum(x, { axes: [1, 2] }),
        downhill.mean(x, { axes: [1, 3] }),
        downhill.max(x, { axes: [2, 3] }),
        downhill.min(x, { axes: [1, 2] }),
        downhill.reshape(downhill.norm(x, { axes: [1, 2, 3] }), [-1, 1]),
      ]),
    ),
  softmax: () => of([4, 7], (x) => downhill.softmax(mul(x, 5))),
  "log softmax": () => of([4, 7], (x) => downhill.logSoftmax(mul(x, 5))),
  "one-hot": () => defineModel({ input: [6], inputType: "i32" }, (x) => shift()(downhill.oneHot(x, 9))),
  "stacked products": () =>
    of([4, 5], (x) => {
      const y = layers.batchMatmul(x, x, { transposeB: true });
      return layers.batchMatmul(y, layers.batchMatmul(x, x, { transposeA: true }).rank ? x : x);
    }),
  attention: () => one([6, 16], layers.multiHeadAttention(4)),
  "attention, masked by tokens": () =>
    defineModel({ input: [8], inputType: "i32" }, (tokens) => {
      const h = embedding(20, 8)(tokens);
      return layers.attention(h, h, h, { heads: 2, causal: true, mask: tokens });
    }),
  "simple recurrence": () => one([7, 5], layers.simpleRnn(6)),
  "LSTM, every step": () => one([7, 5], layers.lstm(6, { returnSequences: true })),
  "LSTM, backwards": () => one([7, 5], layers.lstm(6, { reverse: true })),
  GRU: () => one([7, 5], layers.gru(6)),
  "next to nothing": () => of([5], (x) => x),
};

/** A random network of dense layers. */
function randomMlp(seed) {
  const next = draws(seed);
  const pick = (list) => list[Math.floor(((next() + 1) / 2) * list.length) % list.length];
  const width = 3 + Math.floor((next() + 1) * 20);
  const count = 1 + Math.floor((next() + 1) * 2);
  const hidden = Array.from({ length: count }, () =>
    dense(4 + Math.floor((next() + 1) * 20), { activation: pick(ACTIVATIONS) }),
  );
  return one([width], ...hidden, dense(5));
}

/** A random network of convolutions. */
function randomCnn(seed) {
  const next = draws(seed);
  const whole = (least, most) =>
    least + (Math.floor(((next() + 1) / 2) * (most - least + 1)) % (most - least + 1));
  const pick = (list) => list[whole(0, list.length - 1)];
  const body = [];
  for (let k = whole(1, 3); k > 0; k--) {
    const size = whole(1, 4);
    const how = {
      padding: pick(["same", "valid", Math.min(1, size - 1)]),
      activation: pick(["relu", "relu6", "tanh", "silu"]),
    };
    if (next() > 0) body.push(conv2d(whole(1, 9), size, { ...how, stride: whole(1, 2) }));
    else body.push(depthwiseConv2d(size, { ...how, multiplier: whole(1, 2) }));
    if (next() > 0) body.push(batchNorm());
    if (next() > 0.3)
      body.push(
        pick([
          layers.maxPool2d(2, { padding: "same" }),
          layers.averagePool2d(2, { stride: 1, padding: "same" }),
        ]),
      );
  }
  return one([whole(13, 20), whole(13, 20), whole(1, 4)], ...body, flatten(), dense(4));
}

const random = (name, make) =>
  Object.fromEntries(Array.from({ length: 12 }, (_, k) => [`${name} ${k}`, () => make(k + 1)]));

/** By name, how each is made. */
export const MODELS = {
  ...EXAMPLES,
  ...OPS,
  ...random("random dense network", randomMlp),
  ...random("random convolutional network", randomCnn),
};

/** A model with weights that are no special numbers, and examples for it. */
export async function prepared(name, engine, count) {
  const model = MODELS[name]();
  await model.initialize({ seed: 3, engine });
  const next = draws(name.length * 7919 + 1);
  const values = new Map(
    [...model.parameters()].map(([key, { shape, values: before }]) => [
      key,
      {
        shape,
        values: before.map((value) =>
          /variance/i.test(key) ? Math.abs(value) * 0.8 + 0.3 + 0.2 * next() : value + 0.1 * next(),
        ),
      },
    ]),
  );
  model.setParameters(values);
  const size = model.inputShape.reduce((product, n) => product * n, 1);
  const limit = Math.min(model.inputLimit ?? 0, 1000);
  const inputs = Array.from({ length: count }, () =>
    limit > 0
      ? Int32Array.from({ length: size }, () => Math.floor(((next() + 1) / 2) * limit) % limit)
      : Float32Array.from({ length: size }, () => next()),
  );
  return { model, inputs };
}
