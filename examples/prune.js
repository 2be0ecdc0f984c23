// Networks that read handwritten digits lose nine of ten weights, and half of their channels, and hardly any digits.
// An argument trains on so many images only: node examples/prune.js 2000
import {
  accuracy,
  adam,
  createEngine,
  dense,
  evaluate,
  flatten,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { gradualSparsity, keepZeros, pruning, shrink, sparsityOf } from "downhill/compress";
import { mnist } from "downhill/data";
import { conv2d, maxPool2d } from "downhill/layers";
import { linear } from "downhill/optim";

const engine = await createEngine({ threads: 2 });
const count = Number(process.argv[2] ?? 60_000);
const measured = { loss: softmaxCrossEntropy, metrics: [accuracy], engine };
/** Epochs at a step size that falls in a straight line to nothing. */
const trained = (model, data, { epochs, learningRate, wrap = (optimizer) => optimizer, callbacks = [] }) => {
  const steps = epochs * Math.ceil(data.length / 64);
  const optimizer = wrap(adam({ learningRate: linear({ from: learningRate, to: 0, steps }) }));
  return train(model, { ...measured, data, optimizer, batchSize: 64, epochs, seed: 1, callbacks });
};
const percent = async (model, data) => {
  const { metrics } = await evaluate(model, data, measured);
  return 100 * metrics.accuracy;
};

/** Weights by their magnitude, a few at a time while the others learn on. */
async function weights() {
  const { train: all, test } = await mnist();
  const data = all.take(count);
  const unseen = test.take(count);
  const model = sequential(
    { input: [784] },
    dense(128, { activation: "relu" }),
    dense(64, { activation: "relu" }),
    dense(10),
  );
  await trained(model, data, { epochs: 6, learningRate: 2e-3 });
  const before = await percent(model, unseen);
  await trained(model, data, {
    epochs: 8,
    learningRate: 2e-3,
    wrap: keepZeros,
    callbacks: [pruning({ schedule: gradualSparsity({ to: 0.9, end: 4 }) })],
  });
  const after = await percent(model, unseen);
  const zeros = (100 * sparsityOf(model)).toFixed(1);
  console.log(`dense: ${before.toFixed(2)} %; with ${zeros} % of the weights 0: ${after.toFixed(2)} %`);
}

/** The shortest time of several for a thousand images, of both in turn: another program's work troubles both alike. */
async function times(models, images) {
  const least = models.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 10; round++)
    for (const [at, model] of models.entries()) {
      const start = performance.now();
      await model.predict(images, { engine });
      least[at] = Math.min(least[at], performance.now() - start);
    }
  return least;
}

/** Channels by their norm: what is left is a smaller network, not one with zeros. */
async function channels() {
  const { train: all, test } = await mnist({ shape: [28, 28, 1] });
  const data = all.take(count);
  const unseen = test.take(count);
  const model = sequential(
    { input: [28, 28, 1] },
    conv2d(32, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    conv2d(64, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    flatten(),
    dense(128, { activation: "relu" }),
    dense(10),
  );
  await trained(model, data, { epochs: 4, learningRate: 1e-3 });
  const before = await percent(model, unseen);
  const smaller = shrink(model, { ratio: 0.5 });
  const cut = await percent(smaller, unseen);
  await trained(smaller, data, { epochs: 3, learningRate: 1e-3 });
  const after = await percent(smaller, unseen);
  const [slow, fast] = await times([model, smaller], test.take(1000));
  console.log(`convolutions: ${before.toFixed(2)} % with ${model.parameterCount} parameters`);
  console.log(
    `half of the channels: ${after.toFixed(2)} % with ${smaller.parameterCount}, ${cut.toFixed(2)} % at once`,
  );
  console.log(
    `a thousand images: ${slow.toFixed(1)} ms and ${fast.toFixed(1)} ms, ${(slow / fast).toFixed(2)} times as fast`,
  );
}

await weights();
await channels();
await engine.close();
