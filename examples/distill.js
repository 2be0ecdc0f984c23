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
const { train: all, test } = await mnist();
const data = all.take(Number(process.argv[2] ?? 10_000));
const unseen = test.take(data.length);
const measured = { loss: softmaxCrossEntropy, engine };
/**
 * @param {number} epochs
 * @param {number} seed
 */
const plan = (epochs, seed) => ({
  ...measured,
  data,
  optimizer: adam({
    learningRate: linear({ from: 5e-3, to: 0, steps: epochs * Math.ceil(data.length / 64) }),
  }),
  batchSize: 64,
  epochs,
  seed,
});
/** @param {import("downhill").Model} model */
async function percent(model) {
  const { accuracy: share = 0 } = (await evaluate(model, unseen, { ...measured, metrics: [accuracy] }))
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
await train(teacher, plan(6, 1));
console.log(`teacher: ${(await percent(teacher)).toFixed(2)} % with ${teacher.parameterCount} parameters`);

const student = () => sequential({ input: [784] }, dense(32, { activation: "relu" }), dense(10));
const seeds = [1, 2, 3, 4, 5];
let [aloneSum, taughtSum] = [0, 0];
for (const seed of seeds) {
  const [alone, taught] = [student(), student()];
  await train(alone, plan(30, seed));
  await distill(taught, teacher, { ...plan(30, seed), temperature: 4, alpha: 0.9 });
  const [one, other] = [await percent(alone), await percent(taught)];
  aloneSum += one;
  taughtSum += other;
  console.log(`seed ${seed}: alone ${one.toFixed(2)} %, taught ${other.toFixed(2)} %`);
}
const [one, other] = [aloneSum / seeds.length, taughtSum / seeds.length];
console.log(
  `student of ${student().parameterCount} parameters: alone ${one.toFixed(2)} %, taught ${other.toFixed(2)} %`,
);
await engine.close();
