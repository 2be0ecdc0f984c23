// Trains a small transformer to write Moby-Dick on, character by character, and lets it write.
// Takes how many characters of the book it may read: node examples/char-lm.js 100000
import { adam, createEngine, evaluate, progress, sequential, softmaxCrossEntropy, train } from "downhill";
import { embedding, layerNorm, transformerEncoderBlock } from "downhill/layers";
import { warmupCosine } from "downhill/optim";
import { characters, nextTokenDataset, ngramModel, vocabulary } from "downhill/text";
import { mobyDick } from "./data/moby-dick.js";

const [LENGTH, WIDTH, BATCH, EPOCHS] = [64, 64, 16, 4];
const book = (await mobyDick()).slice(0, Number(process.argv[2] ?? Number.POSITIVE_INFINITY));
const held = Math.floor(0.9 * book.length); // the last tenth is held out
const letters = vocabulary([book.slice(0, held)], { tokenizer: characters() });
const [known, unseen] = [letters.encode(book.slice(0, held)), letters.encode(book.slice(held))];
const windows = nextTokenDataset(known, { length: LENGTH, classes: letters.size });

const table = embedding(letters.size, WIDTH);
const model = sequential(
  { input: [LENGTH], inputType: "i32" },
  table,
  transformerEncoderBlock({ heads: 4, causal: true, rotary: true }),
  transformerEncoderBlock({ heads: 4, causal: true, rotary: true }),
  layerNorm(),
  table.attend, // the same table makes the logits
);
const engine = await createEngine();
console.log(
  `${model.parameterCount} parameters, ${known.length} characters to learn, ${unseen.length} held out, ` +
    `${engine.threads} threads, ${engine.instructionSet} SIMD on Node ${process.versions.node}`,
);

const total = EPOCHS * Math.ceil(windows.length / BATCH);
const run = await train(model, {
  engine,
  data: windows,
  loss: softmaxCrossEntropy,
  optimizer: adam({ learningRate: warmupCosine({ peak: 4e-3, warmup: Math.ceil(total / 20), total }) }),
  batchSize: BATCH,
  epochs: EPOCHS,
  seed: 1,
  callbacks: [progress()],
});
const { loss } = await evaluate(model, nextTokenDataset(unseen, { length: LENGTH }), {
  loss: softmaxCrossEntropy,
});
const counted = ngramModel(known, { order: 3, size: letters.size }).loss(unseen);
console.log(`held out: ${loss.toFixed(3)} nats a character after ${run.seconds.toFixed(0)} s of training`);
console.log(
  `counts of 3 characters in a row: ${counted.toFixed(3)}, chance: ${Math.log(letters.size).toFixed(3)}\n`,
);

// Each next character is drawn from the model's probabilities; a temperature below 1 prefers the likely ones.
const [TEMPERATURE, LETTERS] = [0.7, 400];
let state = 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Knuth and Lewis's: every run writes the same
  return state / 2 ** 32;
};
const written = [...letters.encode("Call me Ishmael. ")];
while (written.length < LETTERS) {
  const seen = written.slice(-LENGTH);
  const window = new Int32Array(LENGTH); // what follows the text is 0; no place sees what follows it
  window.set(seen);
  const logits = await model.predict(window);
  const scores = logits.subarray((seen.length - 1) * letters.size, seen.length * letters.size);
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp((score - most) / TEMPERATURE));
  let left = random() * weights.reduce((a, b) => a + b);
  const drawn = weights.findIndex((weight) => (left -= weight) < 0);
  written.push(drawn < 0 ? scores.indexOf(most) : drawn); // rounding may leave a little of the last
}
console.log(letters.decode(written));
await engine.close();
