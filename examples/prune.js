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
/** @type {Record<string, { before: string, after: string, wanted: string, measured: string }>} */
const summary = {};
/** @param {number} share */
const text = (share) => `${share.toFixed(2)} %`;
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

/**
 * Some images to train on, a twelfth held out that chooses among models, and the test images, which are looked at once.
 * @param {{ shape?: number[] }} [options]
 */
async function images(options) {
  const digits = await mnist(options);
  const [data, held] = digits.train.take(count).split(11 / 12, { seed: 1 });
  return { data, held, unseen: digits.test.take(count) };
}

/** Weights by their magnitude, a few every so many steps while the others learn on. */
async function weights() {
  const { data, held, unseen } = await images();
  const model = sequential(
    { input: [784] },
    dense(128, { activation: "relu" }),
    dense(64, { activation: "relu" }),
    dense(10),
  );
  await trained(model, data, { epochs: 6, learningRate: 2e-3 });
  const before = await percent(model, unseen);
  const whole = model.parameters();
  const [epochs, steps] = [8, Math.ceil(data.length / 64)];
  let best = { right: 0, learningRate: 0, parameters: whole };
  for (const learningRate of [1e-3, 2e-3]) {
    model.setParameters(whole);
    const schedule = gradualSparsity({ to: 0.9, end: 4 * steps });
    const every = Math.ceil(steps / 10);
    await trained(model, data, { epochs, learningRate, sparse: pruning({ schedule, every }) });
    const right = await percent(model, held);
    console.log(
      `nine of ten weights 0, learning rate ${learningRate}: ${text(right)} of the images held out`,
    );
    if (right > best.right) best = { right, learningRate, parameters: model.parameters() };
  }
  model.setParameters(best.parameters);
  const after = await percent(model, unseen);
  const zeros = (100 * sparsityOf(model)).toFixed(1);
  summary[`dense, ${zeros} % of the weights 0`] = {
    before: text(before),
    after: text(after),
    wanted: "≤ 0.3 points lost",
    measured: `${(before - after).toFixed(2)} points lost`,
  };
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
  const { data, held, unseen } = await images({ shape: [28, 28, 1] });
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
  await trained(model, data, { epochs: 3, learningRate: 1e-3 });
  // The norm that leaves more of what it knew is the one to train further with.
  const ways = [];
  for (const by of /** @type {const} */ (["l1", "l2"])) {
    const cut = shrink(model, { ratio: 0.5, by });
    const right = await percent(cut, held);
    console.log(
      `half of the channels by ${by}: ${text(right)} of the images held out, before further training`,
    );
    ways.push({ cut, right });
  }
  const [{ cut: smaller } = { cut: model }] = ways.toSorted((one, other) => other.right - one.right);
  await trained(smaller, data, { epochs: 3, learningRate: 1e-3 });
  const [before, after] = [await percent(model, unseen), await percent(smaller, unseen)];
  const { first: slow, second: fast } = await times(model, smaller, unseen.take(Math.min(count, 1000)));
  console.log(`convolutions: ${model.parameterCount} parameters, then ${smaller.parameterCount}`);
  summary["convolutions, half of the channels"] = {
    before: text(before),
    after: text(after),
    wanted: "≤ 0.5 points lost",
    measured: `${(before - after).toFixed(2)} points lost`,
  };
  summary[`${Math.min(count, 1000)} images at once`] = {
    before: `${slow.toFixed(1)} ms`,
    after: `${fast.toFixed(1)} ms`,
    wanted: "≥ 1.7 times as fast",
    measured: `${(slow / fast).toFixed(2)} times as fast`,
  };
}

await weights();
await channels();
console.table(summary);
await engine.close();
