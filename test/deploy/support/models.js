// Models to export: those of examples/, layers and ops one by one, and networks drawn at random. Their weights are random.
import {
  abs,
  activation,
  add,
  argmax,
  broadcastTo,
  ceil,
  clamp,
  cos,
  defineModel,
  dense,
  div,
  dropout,
  equal,
  equalLabels,
  erf,
  exp,
  flatten,
  floor,
  gather,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  logSoftmax,
  matmul,
  max,
  maximum,
  mean,
  min,
  minimum,
  mul,
  neg,
  norm,
  notEqual,
  oneHot,
  pow,
  reciprocal,
  relu,
  reshape,
  round,
  rsqrt,
  sequential,
  sigmoid,
  sign,
  sin,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  tanh,
  where,
} from "../../../build/src/index.js";
import {
  adaptiveAveragePool2d,
  adaptiveMaxPool2d,
  attention,
  averagePool1d,
  averagePool2d,
  batchMatmul,
  batchNorm,
  bidirectional,
  branches,
  checkpoint,
  concatenate,
  conv1d,
  conv1dTranspose,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  einsum,
  embedding,
  globalAveragePool1d,
  globalAveragePool2d,
  globalMaxPool1d,
  globalMaxPool2d,
  groupNorm,
  gru,
  instanceNorm,
  layerNorm,
  learnedPositions,
  lstm,
  maxPool1d,
  maxPool2d,
  multiHeadAttention,
  pad,
  permute,
  residual,
  resize2d,
  rmsNorm,
  rotary,
  separableConv2d,
  simpleRnn,
  sinusoidalPositions,
  slice,
  transformerDecoderBlock,
  transformerEncoderBlock,
  upsample1d,
  upsample2d,
} from "../../../build/src/layers.js";

/** Numbers between 0 and 1 that follow from a seed. */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Gives a model random weights; what is a variance stays above 0, and no statistic is trivial. */
export async function randomize(model, engine, seed = 1) {
  // Without parameters there is nothing to draw.
  if (model.weights.segments.length === 0) return model;
  await model.initialize({ engine, seed });
  const random = randomFrom(seed);
  const parameters = model.parameters();
  for (const [name, { values }] of parameters)
    for (let k = 0; k < values.length; k++)
      values[k] = /variance$/.test(name) ? 0.5 + random() : values[k] + 0.2 * (random() - 0.5);
  model.setParameters(parameters);
  return model;
}

/** Inputs for so many examples. */
export function inputsFor(model, count, seed, below) {
  const random = randomFrom(seed);
  const size = model.inputShape.reduce((product, each) => product * each, count);
  return model.inputType === "i32"
    ? Int32Array.from({ length: size }, () => Math.floor(random() * below))
    : Float32Array.from({ length: size }, () => 4 * random() - 2);
}

const chain =
  (...layers) =>
  (x) =>
    layers.reduce((h, layer) => layer(h), x);
// Each is made when it is asked for.
const of =
  (input, ...layers) =>
  () => ({ model: sequential({ input }, ...layers) });
const on = (input, body) => () => ({ model: defineModel({ input }, body) });
const tokens = (length, below, body) => () => ({
  model: defineModel({ input: [length], inputType: "i32" }, body),
  below,
});

/** The architectures of examples/, by the name of the file. */
export function examples() {
  const convolution = (channels, size = 3, stride = 1) =>
    chain(conv2d(channels, size, { stride, padding: "same", bias: false }), batchNorm());
  const block = (channels) =>
    chain(
      residual(chain(convolution(channels), activation("relu"), convolution(channels))),
      activation("relu"),
    );
  const letters = embedding(90, 64);
  return {
    mnist: of([784], dense(64, { activation: "relu" }), dense(64, { activation: "relu" }), dense(10)),
    cnn: of(
      [28, 28, 1],
      conv2d(16, 3, { padding: "same", activation: "relu" }),
      maxPool2d(2),
      conv2d(32, 3, { padding: "same", activation: "relu" }),
      maxPool2d(2),
      flatten(),
      dense(64, { activation: "relu" }),
      dropout(0.3),
      dense(10),
    ),
    resnet: of(
      [28, 28, 1],
      convolution(24, 5, 2),
      activation("relu"),
      block(24),
      convolution(48, 3, 2),
      activation("relu"),
      block(48),
      globalAveragePool2d(),
      dense(10),
    ),
    autoencoder: of(
      [28, 28, 1],
      conv2d(16, 5, { stride: 2, padding: "same", activation: "relu" }),
      conv2d(32, 5, { stride: 2, padding: "same", activation: "relu" }),
      conv2dTranspose(16, 4, { stride: 2, padding: 1, activation: "relu" }),
      conv2dTranspose(1, 4, { stride: 2, padding: 1 }),
    ),
    "char-lm": () => ({
      model: sequential(
        { input: [32], inputType: "i32" },
        letters,
        transformerEncoderBlock({ heads: 4, causal: true, rotary: true }),
        transformerEncoderBlock({ heads: 4, causal: true, rotary: true }),
        layerNorm(),
        letters.attend,
      ),
      below: 90,
    }),
    text: tokens(40, 500, (words) => {
      const h = dropout(0.3)(embedding(500, 32)(words));
      return dense(2)(dropout(0.3)(bidirectional(gru(32))(h, { mask: words })));
    }),
    tabular: of([12], dense(32, { activation: "relu" }), dense(1)),
    replay: of([784], dense(32, { activation: "relu" }), dense(10)),
    edge: of([784], dense(32, { activation: "relu" }), dense(10)),
  };
}

const ACTIVATIONS =
  "relu leakyRelu elu selu gelu geluTanh silu sigmoid tanh softplus hardSigmoid hardSwish hardTanh relu6 softsign mish";
const UNARY = {
  neg,
  abs,
  sign,
  square,
  exp,
  sin,
  cos,
  erf,
  floor,
  ceil,
  round,
  clamp: (x) => clamp(x, -0.5, 0.7),
  sqrt: (x) => sqrt(add(abs(x), 0.1)),
  rsqrt: (x) => rsqrt(add(abs(x), 0.1)),
  reciprocal: (x) => reciprocal(add(abs(x), 0.1)),
  log: (x) => log(add(abs(x), 0.1)),
  pow: (x) => pow(add(abs(x), 0.1), 1.7),
};
const COMPARED = { equal, notEqual, greater, greaterEqual, less, lessEqual };
const PAIRS = { add, sub, mul, div: (a, b) => div(a, add(abs(b), 0.5)), maximum, minimum };

/** A frame is padding where it is below 0 at first. */
const heard = (x) => {
  const [batch, time] = x.shape;
  return greater(reshape(slice(x, [0, 0, 0], [batch, time, 1]), [batch, time]), 0);
};

/** Layers and ops, each by itself or with what it is always with. */
export function pieces() {
  const image = [9, 7, 4];
  const frames = [6, 5];
  const all = {
    "dense on frames": of(frames, dense(3, { activation: "tanh" }), dense(2)),
    "a product of rows, then batch norm": of(frames, dense(3), batchNorm(), dense(2, { bias: false })),
    "batch norm alone": of(image, batchNorm(), batchNorm({ scale: false })),
    "every activation": on([40], (x) =>
      concatenate(ACTIVATIONS.split(" ").map((name) => activation(name)(x))),
    ),
    "every function of one number": on([40], (x) => concatenate(Object.values(UNARY).map((each) => each(x)))),
    "every comparison": on([40], (x) =>
      concatenate(
        Object.values(COMPARED).map((each) =>
          each(
            round(x),
            [...Array(40)].map((_, k) => (k % 3) - 1),
          ),
        ),
      ),
    ),
    "every function of two": on([4, 5], (x) =>
      concatenate(
        Object.values(PAIRS).map((each) => each(x, permute(x, [0, 2, 1]).graph.constant([1, -2, 3, 4, 0.5]))),
      ),
    ),
    where: on([6], (x) => where(greater(x, 0), mul(x, 2), where(x, -1, 0))),
    "axes spread in the middle": on([3, 4], (x) => {
      const [batch] = x.shape;
      const wide = reshape(x, [batch, 3, 1, 4]);
      return add(wide, reshape(x, [batch, 1, 3, 4]));
    }),
    "spread over the batch": on([3], (x) => mul(x, broadcastTo(x.graph.constant([2]), [x.shape[0], 3]))),
    "slices of convolutions": on(image, (x) => {
      const y = conv2d(6, 3)(x);
      return slice(y, [0, 1, 0, 2], [x.shape[0], 4, 3, 3]);
    }),
    "pad by a value": on([3, 4], (x) =>
      pad(
        x,
        [
          [0, 0],
          [1, 2],
          [0, 3],
        ],
        -1.5,
      ),
    ),
    "pad images between convolutions": of(
      image,
      conv2d(3, 2),
      (x) =>
        pad(
          x,
          [
            [0, 0],
            [1, 0],
            [2, 1],
            [0, 2],
          ],
          0.5,
        ),
      conv2d(2, 3),
    ),
    "permute after a convolution": of(image, conv2d(3, 2), (x) => permute(x, [0, 3, 1, 2])),
    "permute between rows": of(frames, (x) => permute(x, [0, 2, 1]), dense(4)),
    "concatenate after convolutions": of(
      image,
      branches(conv2d(3, 1), conv2d(2, 3, { padding: "same" })),
      conv2d(2, 3),
    ),
    "sums over axes": on([3, 4, 5], (x) => {
      const [batch] = x.shape;
      const flat = (y) => reshape(y, [batch, y.size / batch]);
      return concatenate([
        flat(sum(x, { axes: 1 })),
        flat(sum(x, { axes: [1, 3] })),
        flat(mean(x, { axes: [2, 3], keepDims: true })),
        flat(max(x, { axes: -1 })),
        flat(min(x, { axes: [1, 2] })),
        flat(norm(x, { axes: 3 })),
      ]);
    }),
    "sums after convolutions": of(image, conv2d(5, 3), (x) => {
      const flat = (y) => reshape(y, [x.shape[0], y.size / x.shape[0]]);
      return concatenate([
        flat(sum(x, { axes: 3 })),
        flat(max(x, { axes: [1, 2] })),
        flat(mean(x, { axes: 2 })),
      ]);
    }),
    "argmax of scores": on([4, 6], (x) => oneHot(argmax(x), 6)),
    "argmax over another axis": on([4, 6], (x) =>
      gather(x.graph.constant([1, 2, 3, 5], [4, 1]), argmax(x, 1)),
    ),
    "equal labels": tokens(5, 4, (x) => mul(equalLabels(x, argmax(oneHot(x, 4))), 3)),
    "one-hot": tokens(5, 4, (x) => reshape(oneHot(x, 4), [x.shape[0], 20])),
    softmax: of(frames, (x) => softmax(x)),
    "log softmax after a convolution": of(image, conv2d(5, 3), (x) => logSoftmax(x)),
    "softmax after a convolution": of(image, conv2d(5, 3), softmax, conv2d(2, 2)),
    "einsum over two axes": on([3, 4, 5], (x) => einsum("bhwc,bhwd->bcd", x, x)),
    "einsum of stacks": on([3, 4], (x) => einsum("bij,bkj->bik", x, x)),
    "stacked products": on([3, 4], (x) => batchMatmul(x, x, { transposeA: true })),
    "products with turned factors": on([4, 4], (x) =>
      batchMatmul(x, x, { transposeA: true, transposeB: true }),
    ),
    "a product with a constant": on([4], (x) =>
      matmul(
        x,
        x.graph.constant(
          [...Array(12)].map((_, k) => k - 5),
          [4, 3],
        ),
      ),
    ),
    "convolution with a stride": of(image, conv2d(5, 3, { stride: 2, padding: "same" })),
    "convolution with uneven padding": of(
      image,
      conv2d(5, [3, 2], {
        padding: [
          [2, 0],
          [1, 3],
        ],
        stride: [2, 1],
      }),
    ),
    "convolution with dilation": of(image, conv2d(5, 3, { dilation: 2, padding: "same", bias: false })),
    "convolution in groups": of(image, conv2d(6, 3, { groups: 2 }), batchNorm()),
    "convolution by reflection": of(image, conv2d(3, 3, { padding: 2, paddingMode: "reflect" })),
    "convolution by the edge": of(image, conv2d(3, 3, { padding: "same", paddingMode: "edge" })),
    depthwise: of(image, depthwiseConv2d(3, { padding: "same" }), relu, conv2d(2, 1)),
    "depthwise with several outputs": of(image, depthwiseConv2d(3, { multiplier: 3 }), conv2d(2, 3)),
    separable: of(image, separableConv2d(6, 3), activation("silu"), separableConv2d(3, 3)),
    "a pixel's kernel between others": of(image, conv2d(6, 3), conv2d(5, 1), conv2d(2, 3)),
    "convolution along time": of(frames, conv1d(4, 3), activation("gelu"), conv1d(3, 2, { stride: 2 })),
    "causal convolution": of(frames, conv1d(4, 3, { padding: [4, 0], dilation: 2 })),
    "transposed convolution": of(image, conv2dTranspose(3, 3)),
    "transposed, output padding": of(
      image,
      conv2dTranspose(3, 3, { stride: 2, padding: 1, outputPadding: 1 }),
    ),
    "transposed, same, a stride larger than the kernel": of(
      image,
      conv2dTranspose(3, 2, { stride: 3, padding: "same" }),
    ),
    "transposed in groups": of(image, conv2dTranspose(6, 3, { groups: 2, dilation: 2 })),
    "transposed along time": of(frames, conv1dTranspose(4, 3, { stride: 2 })),
    "max pool": of(image, maxPool2d(3, { stride: 2, padding: "same" })),
    "max pool with dilation": of(image, maxPool2d(2, { stride: 1, dilation: 3 })),
    "max pool with dilation and padding": of(
      image,
      maxPool2d([2, 3], { stride: [2, 1], dilation: 2, padding: 1 }),
    ),
    "max pool with dilation, ceil mode": of(image, maxPool2d(2, { stride: 4, dilation: 3, ceilMode: true })),
    "max pool, ceil mode": of(image, maxPool2d(2, { stride: 3, ceilMode: true })),
    "max pool along time": of(frames, maxPool1d(2)),
    "average pool": of(image, averagePool2d(3, { stride: 2, padding: "same" })),
    "average pool, padding counted": of(image, averagePool2d(3, { padding: 1, countPadding: true })),
    "average pool, ceil mode": of(image, averagePool2d(2, { stride: 2, ceilMode: true })),
    "average pool, ceil mode, padding counted": of(
      image,
      averagePool2d(3, { stride: 2, padding: 1, ceilMode: true, countPadding: true }),
    ),
    "average pool along time": of(frames, averagePool1d(2, { stride: 1 })),
    "global pools": of(image, branches(globalAveragePool2d(), globalMaxPool2d()), dense(2)),
    "global pools along time": of(frames, branches(globalAveragePool1d(), globalMaxPool1d())),
    "adaptive average pool": of(image, adaptiveAveragePool2d([4, 3])),
    "adaptive max pool": of(image, adaptiveMaxPool2d([4, 3])),
    "upsample, nearest": of(image, upsample2d(2), conv2d(2, 3)),
    "upsample, lines": of(image, upsample2d(3, { method: "bilinear" })),
    "upsample, corners": of(image, upsample2d(2, { method: "bilinear", alignCorners: true })),
    "upsample along time": of(frames, upsample1d(3)),
    "resize, nearest": of(image, resize2d([5, 11])),
    "resize, lines": of(image, resize2d([5, 11], { method: "bilinear" })),
    "resize, corners": of(image, resize2d([14, 3], { method: "bilinear", alignCorners: true })),
    "layer norm": of(frames, layerNorm(), dense(2), layerNorm({ axes: 2, offset: false })),
    "RMS norm": of(frames, rmsNorm(), rmsNorm({ axes: 2 })),
    "group norm": of(image, groupNorm(2), conv2d(4, 2), groupNorm(4), groupNorm(1, { scale: false })),
    "group norm of rows": of([8], groupNorm(2)),
    "instance norm": of(image, conv2d(4, 3), instanceNorm(), relu),
    embedding: tokens(6, 20, (x) => dense(2)(embedding(20, 5, { padding: 0 })(x))),
    positions: of(frames, learnedPositions(), sinusoidalPositions()),
    rotary: on([5, 12], (x) => rotary(x, { size: 4, columns: 8, start: 3 })),
    attention: on([5, 12], (x) => {
      const part = (from) => slice(x, [0, 0, from], [x.shape[0], 5, 4]);
      return attention(part(0), part(4), part(8), { heads: 2 });
    }),
    "attention, hidden keys": on([5, 4], (x) =>
      attention(x, x, x, { heads: 2, mask: where(heard(x), 0, -Infinity), causal: true }),
    ),
    "attention, a bias of keys": on([5, 4], (x) =>
      attention(x, x, x, {
        mask: reshape(slice(x, [0, 0, 0], [x.shape[0], 5, 1]), [x.shape[0], 5]),
        scale: 0.7,
      }),
    ),
    "attention, tokens as the mask": tokens(6, 3, (x) => {
      const h = embedding(3, 8)(x);
      return multiHeadAttention(2, { rotary: true, valueSize: 3, units: 5 })(h, { mask: x });
    }),
    "attention, causal": of(frames, dense(8), multiHeadAttention(2, { causal: true })),
    "attention to a context": on(frames, (x) =>
      multiHeadAttention(2, { keySize: 3 })(x, { context: slice(x, [0, 1, 0], [x.shape[0], 4, 5]) }),
    ),
    "transformer encoder": of([5, 8], transformerEncoderBlock({ heads: 2 })),
    "transformer decoder": on([5, 8], (x) =>
      transformerDecoderBlock({ heads: 2 })(x, { context: dense(8)(x) }),
    ),
    lstm: of(frames, lstm(7), dense(2)),
    "lstm, all steps, reversed": of(frames, lstm(7, { returnSequences: true, reverse: true })),
    "lstm without bias": of(frames, lstm(4, { bias: false, returnSequences: true }), lstm(3)),
    "lstm, bidirectional": of(
      frames,
      bidirectional(lstm(4, { returnSequences: true })),
      bidirectional(lstm(3), { merge: "sum" }),
    ),
    "lstm with its state": on(frames, (x) => {
      const layer = lstm(4);
      const { state } = layer.withState(slice(x, [0, 0, 0], [x.shape[0], 4, 5]));
      const next = lstm(4, { returnSequences: true }).withState(slice(x, [0, 4, 0], [x.shape[0], 2, 5]), {
        state,
      });
      return concatenate([
        state.hidden,
        state.cell,
        next.state.cell,
        next.state.hidden,
        flatten()(next.output),
      ]);
    }),
    "lstm with a mask": on(frames, (x) => lstm(4)(x, { mask: heard(x) })),
    "lstm with a mask and its state, reversed": on(frames, (x) => {
      const { output, state } = lstm(4, { reverse: true, returnSequences: true }).withState(x, {
        mask: heard(x),
        state: {
          cell:
            slice(dense(4)(x), [0, 0, 0], [x.shape[0], 1, 4]).rank === 3
              ? reshape(slice(dense(4)(x), [0, 0, 0], [x.shape[0], 1, 4]), [x.shape[0], 4])
              : undefined,
        },
      });
      return concatenate([flatten()(output), state.cell]);
    }),
    gru: of(frames, gru(5, { returnSequences: true }), gru(3)),
    "gru without bias, reversed": of(frames, gru(5, { bias: false, reverse: true })),
    "gru with a mask": on(frames, (x) => gru(5, { returnSequences: true })(x, { mask: heard(x) })),
    "simple recurrence": of(
      frames,
      simpleRnn(5, { returnSequences: true }),
      simpleRnn(3, { activation: "relu" }),
    ),
    "simple recurrence with a mask": on(frames, (x) =>
      simpleRnn(3, { activation: "relu" })(x, { mask: heard(x) }),
    ),
    "squeeze and excitation": on(image, (x) => {
      const h = conv2d(6, 3)(x);
      const gates = sigmoid(dense(6)(relu(dense(2)(globalAveragePool2d()(h)))));
      return conv2d(2, 3)(mul(h, reshape(gates, [x.shape[0], 1, 1, 6])));
    }),
    "a checkpoint": of(frames, checkpoint(chain(dense(5), tanh)), dense(2)),
    "a residual that changes width": of(
      image,
      residual(chain(conv2d(6, 3, { padding: "same" }), batchNorm()), { projection: conv2d(6, 1) }),
    ),
    nothing: on([5], (x) => x),
    "nothing but another shape": on([2, 3], (x) => reshape(x, [x.shape[0], 6])),
  };
  return all;
}

/** A network drawn from a seed. */
export function drawn(seed) {
  const random = randomFrom(seed * 7919);
  const pick = (items) => items[Math.floor(random() * items.length)];
  const act = () => activation(pick(["relu", "silu", "tanh", "elu", "hardSwish", "leakyRelu"]));
  const size = () => 1 + Math.floor(random() * 6);
  if (random() < 0.5) {
    const layers = [];
    for (let k = 0; k < 3 + Math.floor(random() * 4); k++) {
      const channels = 2 * size();
      layers.push(
        pick([
          () => conv2d(channels, pick([1, 2, 3]), { padding: "same", stride: pick([1, 1, 2]) }),
          () => chain(conv2d(channels, 3, { padding: "same", bias: false }), batchNorm()),
          () => depthwiseConv2d(3, { padding: "same", multiplier: pick([1, 2]) }),
          () => maxPool2d(2, { stride: pick([1, 2]), padding: "same" }),
          () => averagePool2d(2, { stride: 1, padding: "same" }),
          () =>
            residual(chain(conv2d(channels, 3, { padding: "same" }), act()), {
              projection: conv2d(channels, 1),
            }),
          () => upsample2d(2, { method: pick(["nearest", "bilinear"]) }),
          () => instanceNorm(),
          () => layerNorm(),
          () => act(),
        ])(),
      );
    }
    layers.push(pick([() => flatten(), () => globalAveragePool2d(), () => chain((x) => x, act())])());
    return of([6 + size(), 6 + size(), size()], ...layers, dense(3));
  }
  const layers = [];
  for (let k = 0; k < 2 + Math.floor(random() * 3); k++) {
    layers.push(
      pick([
        () => dense(4 * size(), { activation: pick(["relu", "gelu", "tanh"]) }),
        () => conv1d(4 * size(), 2, { padding: "same" }),
        () => lstm(4 * size(), { returnSequences: true, reverse: random() < 0.5 }),
        () => bidirectional(gru(2 * size(), { returnSequences: true })),
        () => chain(dense(8), transformerEncoderBlock({ heads: 2, causal: random() < 0.5 })),
        () => layerNorm(),
        () => chain(learnedPositions(), act()),
        () => ((units) => residual(chain(dense(units), act()), { projection: dense(units) }))(4 * size()),
      ])(),
    );
  }
  return of(
    [3 + size(), 2 * size()],
    ...layers,
    pick([flatten(), globalAveragePool1d(), globalMaxPool1d()]),
    dense(3),
  );
}
