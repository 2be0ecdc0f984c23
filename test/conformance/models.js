// The models that must come out alike everywhere, and how each is trained: 200 steps on the digits.
import {
  adam,
  adamW,
  chain,
  clipByGlobalNorm,
  dense,
  dropout,
  flatten,
  sequential,
  sgd,
  softmaxCrossEntropy,
} from "downhill";
import { batchNorm, conv2d, gru, maxPool2d } from "downhill/layers";
import { warmupCosine } from "downhill/optim";

export const STEPS = 200;

/** Between them: matrix products, dropout, convolutions, state, recurrence, schedules, all that is random. */
export const MODELS = {
  mlp: {
    shape: [784],
    batchSize: 128,
    define: () =>
      sequential(
        { input: [784] },
        dense(64, { activation: "relu" }),
        dropout(0.1),
        dense(64, { activation: "relu" }),
        dense(10),
      ),
    optimizer: () => chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 })),
  },
  cnn: {
    shape: [28, 28, 1],
    batchSize: 16,
    define: () =>
      sequential(
        { input: [28, 28, 1] },
        conv2d(8, 3, { activation: "relu" }),
        maxPool2d(2),
        conv2d(16, 3, { stride: 2 }),
        // Of so many channels it goes by minimal filtering.
        conv2d(16, 3, { padding: "same" }),
        batchNorm(),
        flatten(),
        dense(10),
      ),
    // The schedule's cosine is one that the host must not make.
    optimizer: () =>
      sgd({ learningRate: warmupCosine({ peak: 0.05, warmup: 20, total: STEPS }), momentum: 0.9 }),
  },
  gru: {
    // A row of the image is a moment.
    shape: [28, 28],
    batchSize: 16,
    define: () => sequential({ input: [28, 28] }, gru(32), dense(10)),
    optimizer: () => chain(clipByGlobalNorm(1), adamW({ learningRate: 0.02, weightDecay: 0.01 })),
  },
};

/** Options of a training; the data are cut so that whole batches make the epochs and the epochs the steps. */
export function trainingOf({ batchSize, optimizer }, data) {
  const epochs = Math.ceil((STEPS * batchSize) / data.length);
  const examples = (STEPS * batchSize) / epochs;
  if (!Number.isInteger(examples / batchSize))
    throw new Error(`${data.length} digits do not make ${STEPS} steps of ${batchSize}`);
  return {
    data: data.take(examples),
    loss: softmaxCrossEntropy,
    optimizer: optimizer(),
    batchSize,
    epochs,
    seed: 1,
  };
}
