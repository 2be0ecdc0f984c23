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
/**
 * Epochs at a step size that falls in a straight line to nothing.
 * @param {import("downhill").Model} model
 * @param {import("downhill/data").Dataset} data
 * @param {{ epochs: number, learningRate: number, sparse?: import("downhill").Callback }} plan
 */
function trained(model, data, { epochs, learningRate, sparse }) {
  const steps = epochs * Math.ceil(data.length / 64);
  const optimizer = adam({ learningRate: linear({ from: learningRate, to: 0, steps }) });
  return train(model, {
    ...measured,
    data,
    optimizer: sparse ? keepZeros(optimizer) : optimizer,
    batchSize: 64,
    epochs,
    seed: 1,
    callbacks: sparse ? [sparse] : [],
  });
}
/**
 * @param {import("downhill").Model} model
 * @param {import("downhill/data").Dataset} data
 */
async function percent(model, data) {
  const { accuracy: share = 0 } = (await evaluate(model, data, measured)).metrics;
  return 100 * share;
}

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
    sparse: pruning({ schedule: gradualSparsity({ to: 0.9, end: 4 }) }),
  });
  const after = await percent(model, unseen);
  const zeros = (100 * sparsityOf(model)).toFixed(1);
  console.log(`dense: ${before.toFixed(2)} %; with ${zeros} % of the weights 0: ${after.toFixed(2)} %`);
}

/**
 * The shortest time of several for some images, of both in turn: another program's work troubles both alike.
 * @param {import("downhill").Model} one
 * @param {import("downhill").Model} other
 * @param {import("downhill/data").Dataset} images
 */
async function times(one, other, images) {
  let [first, second] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < 10; round++) {
    const start = performance.now();
    await one.predict(images, { engine });
    const middle = performance.now();
    await other.predict(images, { engine });
    first = Math.min(first, middle - start);
    second = Math.min(second, performance.now() - middle);
  }
  return { first, second };
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
  const { first: slow, second: fast } = await times(model, smaller, test.take(Math.min(count, 1000)));
  console.log(`convolutions: ${before.toFixed(2)} % with ${model.parameterCount} parameters`);
  console.log(
    `half of the channels: ${after.toFixed(2)} % with ${smaller.parameterCount}, ${cut.toFixed(2)} % at once`,
  );
  console.log(
    `${Math.min(count, 1000)} images: ${slow.toFixed(1)} ms and ${fast.toFixed(1)} ms, ${(slow / fast).toFixed(2)} times as fast`,
  );
}

await weights();
await channels();
await engine.close();
