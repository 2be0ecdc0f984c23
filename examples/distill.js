// A convolutional network teaches a small dense one to read digits: better than the labels alone do.
// An argument trains on so many images only: node examples/distill.js 2000
import {
  accuracy,
  adam,
  createEngine,
  dense,
  evaluate,
  flatten,
  reshape,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { distill } from "downhill/compress";
import { mnist } from "downhill/data";
import { conv2d, maxPool2d } from "downhill/layers";
import { linear } from "downhill/optim";

const engine = await createEngine({ threads: 2 });
const digits = await mnist();
// A twelfth is held out: it chooses how to teach. The test images are looked at in the end, once.
const [data, held] = digits.train.take(Number(process.argv[2] ?? 60_000)).split(11 / 12, { seed: 1 });
const unseen = digits.test.take(data.length);
const measured = { loss: softmaxCrossEntropy, engine };
/** @param {{ epochs: number, learningRate: number, batchSize: number, seed: number }} options */
const plan = ({ learningRate, ...rest }) => ({
  ...measured,
  ...rest,
  data,
  optimizer: adam({
    learningRate: linear({
      from: learningRate,
      to: 0,
      steps: rest.epochs * Math.ceil(data.length / rest.batchSize),
    }),
  }),
});
/**
 * @param {import("downhill").Model} model
 * @param {import("downhill/data").Dataset} images
 */
async function percent(model, images) {
  const { accuracy: share = 0 } = (await evaluate(model, images, { ...measured, metrics: [accuracy] }))
    .metrics;
  return 100 * share;
}

const teacher = sequential(
  { input: [784] },
  (x) => reshape(x, [-1, 28, 28, 1]),
  conv2d(16, 3, { padding: "same", activation: "relu" }),
  maxPool2d(2),
  conv2d(32, 3, { padding: "same", activation: "relu" }),
  maxPool2d(2),
  flatten(),
  dense(64, { activation: "relu" }),
  dense(10),
);
await train(teacher, plan({ epochs: 4, learningRate: 2e-3, batchSize: 64, seed: 1 }));
// It is asked once, for all students.
const outputs = await teacher.predict(data, { engine });

const student = () => sequential({ input: [784] }, dense(128, { activation: "relu" }), dense(10));
/** @param {number} seed */
const lessons = (seed) => plan({ epochs: 10, learningRate: 3e-3, batchSize: 128, seed });
/**
 * @param {number} seed
 * @param {number} temperature
 */
async function taught(seed, temperature) {
  const model = student();
  await distill(model, teacher, { ...lessons(seed), temperature, alpha: 0.9, outputs });
  return model;
}

let best = { temperature: 4, right: 0 };
for (const temperature of [1, 2, 4]) {
  const right = await percent(await taught(0, temperature), held);
  console.log(`temperature ${temperature}: ${right.toFixed(2)} % of the images held out`);
  if (right > best.right) best = { temperature, right };
}

const pairs = [];
for (const seed of [1, 2, 3, 4, 5]) {
  const alone = student();
  await train(alone, lessons(seed));
  pairs.push({ seed, alone, taught: await taught(seed, best.temperature) });
}

console.log(
  `\n${data.length} images, of which the teacher reads with ${teacher.parameterCount} parameters, a student with ${student().parameterCount}; temperature ${best.temperature}`,
);
console.log(`teacher: ${(await percent(teacher, unseen)).toFixed(2)} % of ${unseen.length} test images`);
/** @type {Record<string, { alone: string, taught: string, wanted: string, measured: string }>} */
const summary = {};
let [aloneSum, taughtSum] = [0, 0];
for (const { seed, ...models } of pairs) {
  const [one, other] = [await percent(models.alone, unseen), await percent(models.taught, unseen)];
  aloneSum += one;
  taughtSum += other;
  summary[`seed ${seed}`] = row(one, other);
}
summary["mean of the seeds"] = row(aloneSum / pairs.length, taughtSum / pairs.length);
console.table(summary);
await engine.close();

/**
 * @param {number} one
 * @param {number} other
 */
function row(one, other) {
  const points = other - one;
  return {
    alone: `${one.toFixed(2)} %`,
    taught: `${other.toFixed(2)} %`,
    wanted: "more than alone",
    measured: `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(2)} points`,
  };
}
