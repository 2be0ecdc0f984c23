// Trains two networks on handwritten digits and one on letters, and stores them in integers: what that costs, and what it saves.
// Takes how many images and how many letters to train on: node examples/quantize.js 2000 30000
import {
  accuracy,
  adam,
  createEngine,
  dense,
  dropout,
  evaluate,
  flatten,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { mnist } from "downhill/data";
import { conv2d, embedding, layerNorm, maxPool2d, transformerEncoderBlock } from "downhill/layers";
import { linear, warmupCosine } from "downhill/optim";
import { quantizationAware, quantize } from "downhill/quantize";
import { characters, nextTokenDataset, vocabulary } from "downhill/text";
import { mobyDick } from "./data/moby-dick.js";

const [images = 60_000, letters = 100_000] = process.argv.slice(2).map(Number);
const engine = await createEngine({ threads: 2 });
/** @type {Record<string, { before: string, after: string, smaller: string, wanted: string, measured: string }>} */
const summary = {};
const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(2)} %`;

/**
 * The share of examples whose largest score is at their label.
 * @param {Float32Array} scores
 * @param {import("downhill/data").Dataset} examples
 */
function right(scores, examples) {
  const classes = scores.length / examples.length;
  let count = 0;
  for (const [i, { label }] of [...examples].entries()) {
    const row = scores.subarray(classes * i, classes * (i + 1));
    if (row.indexOf(Math.max(...row)) === label) count++;
  }
  return count / examples.length;
}

/**
 * Trains a network, and quantizes it after and while training.
 * @param {string} name
 * @param {import("downhill").Model} model
 * @param {{ train: import("downhill/data").Dataset, test: import("downhill/data").Dataset }} digits
 */
async function read(name, model, digits) {
  // A twelfth is held out: it chooses how ranges are found. The test images are looked at in the end, once.
  const [data, held] = digits.train.take(images).split(11 / 12, { seed: 1 });
  const unseen = digits.test.take(images);
  const common = { engine, data, loss: softmaxCrossEntropy, batchSize: 64, seed: 1 };
  const steps = 4 * Math.ceil(data.length / 64);
  await train(model, {
    ...common,
    optimizer: adam({ learningRate: linear({ from: 2e-3, to: 2e-5, steps }) }),
    epochs: 4,
  });
  console.log(`\n${name}: ${model.parameterCount} parameters`);
  /** @type {{ share: number, quantized: import("downhill/quantize").QuantizedModel } | undefined} */
  let best;
  for (const method of /** @type {const} */ (["minMax", "percentile", "entropy"])) {
    const quantized = await quantize(model, { calibration: data.take(500), method, engine });
    const share = right(await quantized.predict(held, { engine }), held);
    console.log(`  int8, ranges by ${method}: ${percent(share)} of the images held out`);
    if (!best || share > best.share) best = { share, quantized };
  }
  const aware = quantizationAware(model);
  await train(aware, {
    ...common,
    optimizer: adam({ learningRate: linear({ from: 1e-4, to: 1e-6, steps: steps / 2 }) }),
    epochs: 2,
  });
  const trained = await quantize(aware, { engine });

  const measured = { loss: softmaxCrossEntropy, metrics: [accuracy], engine };
  const { accuracy: before = 0 } = (await evaluate(model, unseen, measured)).metrics;
  const floats = model.toBytes().length;
  /** @param {string} how @param {import("downhill/quantize").QuantizedModel} quantized @param {number} points */
  const tell = async (how, quantized, points) => {
    const after = right(await quantized.predict(unseen, { engine }), unseen);
    const bytes = quantized.toBytes().length;
    summary[`${name}, ${how}`] = {
      before: percent(before),
      after: percent(after),
      smaller: `${(floats / bytes).toFixed(2)} times: ${floats}, ${bytes} bytes`,
      wanted: `≤ ${points} points lost, ≥ 3.5 times smaller`,
      measured: `${(100 * (before - after)).toFixed(2)} points lost`,
    };
  };
  if (best) await tell("int8 after training", best.quantized, 0.3);
  await tell("int8, trained for it", trained, 0.1);
}

const layers = [dense(64, { activation: "relu" }), dense(64, { activation: "relu" }), dense(10)];
await read("dense layers", sequential({ input: [784] }, ...layers), await mnist());
const convolutions = sequential(
  { input: [28, 28, 1] },
  conv2d(16, 3, { padding: "same", activation: "relu" }),
  maxPool2d(2),
  conv2d(32, 3, { padding: "same", activation: "relu" }),
  maxPool2d(2),
  flatten(),
  dense(64, { activation: "relu" }),
  dropout(0.3),
  dense(10),
);
await read("convolutions", convolutions, await mnist({ shape: [28, 28, 1] }));

// A transformer that writes on, letter by letter; its weights alone are stored in 8 and in 4 bits.
const [LENGTH, WIDTH, BATCH, EPOCHS] = [64, 64, 16, 4];
const book = (await mobyDick()).slice(0, letters);
const held = Math.floor(0.9 * book.length); // the last tenth is held out
const alphabet = vocabulary([book.slice(0, held)], { tokenizer: characters() });
const [known, unseen] = [alphabet.encode(book.slice(0, held)), alphabet.encode(book.slice(held))];
const windows = nextTokenDataset(known, { length: LENGTH, classes: alphabet.size });
const table = embedding(alphabet.size, WIDTH);
const block = () => transformerEncoderBlock({ heads: 4, causal: true, rotary: true });
const writer = sequential(
  { input: [LENGTH], inputType: "i32" },
  table,
  block(),
  block(),
  layerNorm(),
  table.attend,
);
const total = EPOCHS * Math.ceil(windows.length / BATCH);
await train(writer, {
  engine,
  data: windows,
  loss: softmaxCrossEntropy,
  optimizer: adam({ learningRate: warmupCosine({ peak: 4e-3, warmup: Math.ceil(total / 20), total }) }),
  batchSize: BATCH,
  epochs: EPOCHS,
  seed: 1,
});

/** e to the mean loss of each next letter of what is held out. @param {Float32Array} scores @param {ArrayLike<number>} next */
function perplexity(scores, next) {
  let loss = 0;
  for (let i = 0; i < next.length; i++) {
    const row = scores.subarray(alphabet.size * i, alphabet.size * (i + 1));
    const most = Math.max(...row);
    loss +=
      Math.log(row.reduce((sum, score) => sum + Math.exp(score - most), 0)) + most - (row[next[i] ?? 0] ?? 0);
  }
  return Math.exp(loss / next.length);
}
const count = Math.floor((unseen.length - 1) / LENGTH) * LENGTH;
const [seen, next] = [unseen.slice(0, count), unseen.slice(1, count + 1)];
const plain = perplexity(await writer.predict(seen, { engine }), next);
const floats = writer.toBytes().length;
console.log(`\ntransformer: ${writer.parameterCount} parameters`);
for (const [weights, most] of /** @type {const} */ ([
  ["int8", 1],
  ["int4", 3],
])) {
  const small = await quantize(writer, { weights, activations: "float", engine });
  const now = perplexity(await small.predict(seen, { engine }), next);
  const bytes = small.toBytes().length;
  summary[`transformer, ${weights} weights`] = {
    before: `perplexity ${plain.toFixed(3)}`,
    after: `perplexity ${now.toFixed(3)}`,
    smaller: `${(floats / bytes).toFixed(2)} times: ${floats}, ${bytes} bytes`,
    wanted: `≤ ${most} % more`,
    measured: `${percent(now / plain - 1)} more`,
  };
}
console.table(summary);
await engine.close();
