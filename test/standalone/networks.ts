// Models of every kind of layer that predicts, small, with sizes that do not divide.
import {
  activation,
  add,
  defineModel,
  dense,
  dropout,
  flatten,
  type Model,
  relu,
  sequential,
  softmax,
} from "#src/index";
import {
  averagePool2d,
  batchNorm,
  bidirectional,
  conv1d,
  conv2d,
  conv2dTranspose,
  depthwiseConv2d,
  embedding,
  globalAveragePool1d,
  globalAveragePool2d,
  groupNorm,
  gru,
  layerNorm,
  learnedPositions,
  lstm,
  maxPool2d,
  multiHeadAttention,
  residual,
  resize2d,
  rmsNorm,
  separableConv2d,
  simpleRnn,
  sinusoidalPositions,
  transformerEncoderBlock,
} from "#src/layers";

/** `folded`: scales become part of weights, so that a frozen model has other bits than the model. */
interface Network {
  readonly make: () => Model;
  readonly folded?: true;
}

const image = [9, 7, 3];
const series = [6, 5];
const tokens = { input: [7], inputType: "i32" } as const;
const table = embedding(13, 8);

export const networks: Readonly<Record<string, Network>> = {
  "dense layers": {
    make: () => sequential({ input: [11] }, dense(17, { activation: "relu" }), dropout(0.3), dense(3)),
  },
  "probabilities of odd activations": {
    make: () =>
      sequential({ input: [5] }, dense(9, { activation: "gelu" }), activation("silu"), dense(4), (x) =>
        softmax(x),
      ),
  },
  convolutions: {
    make: () =>
      sequential(
        { input: image },
        conv2d(5, 3, { padding: "same", activation: "relu" }),
        maxPool2d(2),
        conv2d(4, 3, { stride: 2, padding: "same" }),
        flatten(),
        dense(3),
      ),
  },
  "convolutions whose weights are turned beforehand": {
    make: () =>
      sequential(
        { input: [8, 6, 16] },
        conv2d(24, 3, { padding: "same", activation: "relu" }),
        conv2d(16, 3),
      ),
  },
  "batch norms": {
    make: () =>
      sequential({ input: image }, conv2d(4, 3), batchNorm(), relu, flatten(), dense(5), batchNorm()),
    folded: true,
  },
  "a residual network": {
    make: () =>
      sequential(
        { input: [8, 8, 3] },
        conv2d(16, 3, { padding: "same" }),
        residual((x) => conv2d(16, 3, { padding: "same" })(relu(x))),
        globalAveragePool2d(),
        dense(2),
      ),
  },
  "depthwise and separable convolutions": {
    make: () =>
      sequential({ input: image }, depthwiseConv2d(3), separableConv2d(6, 3), averagePool2d(2), flatten()),
  },
  "a transposed convolution": {
    make: () =>
      sequential({ input: [4, 5, 3] }, conv2dTranspose(4, 3, { stride: 2 }), resize2d([5, 5]), flatten()),
  },
  "convolutions of sequences": {
    make: () => sequential({ input: series }, conv1d(4, 3), rmsNorm(), globalAveragePool1d(), dense(2)),
  },
  "norms of groups and layers": {
    make: () => sequential({ input: [5, 4, 6] }, groupNorm(3), conv2d(3, 2), layerNorm(), flatten()),
  },
  "long short-term memory": { make: () => sequential({ input: series }, lstm(7), dense(2)) },
  "gated recurrence, both ways": {
    make: () =>
      sequential({ input: series }, bidirectional(gru(5, { returnSequences: true })), gru(3), dense(2)),
  },
  "a simple recurrence": { make: () => sequential({ input: series }, simpleRnn(6), dense(2)) },
  "tokens in, an embedding's rows out": {
    make: () => sequential(tokens, embedding(13, 4), flatten(), dense(2)),
  },
  "a transformer over tokens": {
    make: () =>
      sequential(
        tokens,
        table,
        transformerEncoderBlock({ heads: 2, causal: true, rotary: true }),
        layerNorm(),
        table.attend,
      ),
  },
  "attention with positions": {
    make: () =>
      sequential({ input: series }, dense(8), sinusoidalPositions(), multiHeadAttention(2), dense(2)),
  },
  "learned positions": { make: () => sequential({ input: series }, learnedPositions(), flatten(), dense(2)) },
  "a function with two branches": {
    make: () => defineModel({ input: [6] }, (x) => add(dense(4)(x), dense(4, { activation: "tanh" })(x))),
  },
  "nothing at all": { make: () => defineModel({ input: [3] }, (x) => x) },
};
