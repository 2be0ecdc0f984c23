// Trains a recurrent network to tell spam from other mail, by the words of the mails of the SpamAssassin corpus.
// Takes how many mails to read: node examples/text.js 500
import {
  accuracy,
  adam,
  createEngine,
  defineModel,
  dense,
  dropout,
  evaluate,
  progress,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { bidirectional, embedding, gru } from "downhill/layers";
import { precision, recall } from "downhill/losses";
import { linear } from "downhill/optim";
import { spamAssassin, textDataset, vocabulary } from "downhill/text";

const LENGTH = 128; // words of a mail; what is longer is cut
const [BATCH, EPOCHS] = [32, 4];
const limit = Number(process.argv[2] ?? Number.POSITIVE_INFINITY);
const mails = await spamAssassin({ limit, seed: 1 });
const words = vocabulary(mails.train.texts, { size: 6000, minimumCount: 2 });
const as = { vocabulary: words, length: LENGTH, classes: 2 };
const known = textDataset(mails.train.texts, mails.train.labels, as);
const unseen = textDataset(mails.test.texts, mails.test.labels, as);

// Words are numbers from 1; 0 fills short mails up, and is passed over.
const model = defineModel({ input: [LENGTH], inputType: "i32" }, (tokens) => {
  const h = dropout(0.3)(embedding(words.size, 32)(tokens));
  const read = bidirectional(gru(32))(h, { mask: tokens });
  return dense(2)(dropout(0.3)(read));
});
const engine = await createEngine();
console.log(
  `${model.parameterCount} parameters, ${words.size} words, ${known.length} mails to learn, ${unseen.length} held out, ` +
    `${engine.threads} threads, ${engine.instructionSet} SIMD on Node ${process.versions.node}`,
);

const steps = EPOCHS * Math.ceil(known.length / BATCH);
const run = await train(model, {
  engine,
  data: known,
  loss: softmaxCrossEntropy,
  metrics: [accuracy],
  optimizer: adam({ learningRate: linear({ from: 3e-3, to: 6e-5, steps }) }),
  batchSize: BATCH,
  epochs: EPOCHS,
  seed: 1,
  callbacks: [progress()],
});

const { metrics } = await evaluate(model, unseen, {
  loss: softmaxCrossEntropy,
  metrics: [accuracy, precision(), recall()],
  engine,
});
const percent = (share = 0) => `${(100 * share).toFixed(2)} %`;
console.log(
  `held out: accuracy ${percent(metrics.accuracy)} after ${run.seconds.toFixed(0)} s of training\n` +
    `precision ${percent(metrics.precision)} of what it calls spam, recall ${percent(metrics.recall)} of what is spam`,
);
await engine.close();
