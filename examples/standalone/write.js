// Trains a convolutional network on digits, puts it into bytes, and compiles it to what a page or a server needs to read digits
// without downhill: build/digits.js and build/digits.weights, 105 kB together when zipped.
// An argument trains on so many images only: node examples/standalone/write.js 2000
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import {
  accuracy,
  adam,
  dense,
  evaluate,
  flatten,
  progress,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { mnist } from "downhill/data";
import { conv2d, maxPool2d } from "downhill/layers";
import { quantize } from "downhill/quantize";
import { compileModel } from "downhill/standalone";

const digits = await mnist({ shape: [28, 28, 1] });
const data = digits.train.take(Number(process.argv[2] ?? 20_000));
const model = sequential(
  { input: [28, 28, 1] },
  conv2d(16, 3, { padding: "same", activation: "relu" }),
  maxPool2d(2),
  conv2d(32, 3, { padding: "same", activation: "relu" }),
  maxPool2d(2),
  flatten(),
  dense(64, { activation: "relu" }),
  dense(10),
);
const measured = { loss: softmaxCrossEntropy, metrics: [accuracy] };
await train(model, {
  ...measured,
  data,
  optimizer: adam({ learningRate: 2e-3 }),
  batchSize: 64,
  epochs: 2,
  seed: 1,
  callbacks: [progress()],
});
const { metrics } = await evaluate(model, digits.test.take(data.length), measured);
console.log(`test accuracy ${(100 * (metrics.accuracy ?? 0)).toFixed(2)} % in floats`);

// Weights and activations in bytes; without this line it is a module of floats.
const small = await quantize(model, { calibration: data.take(200) });
const { code, types, weights } = await compileModel(small, {
  name: "digits",
  batchSizes: [1, 10],
  classNames: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
});
const folder = new URL("build/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("digits.js", folder), code);
writeFileSync(new URL("digits.d.ts", folder), types);
writeFileSync(new URL("digits.weights", folder), weights);
const [script, numbers] = [gzipSync(code).length, gzipSync(weights).length];
console.log(
  `digits.js ${code.length} bytes, ${script} zipped; digits.weights ${weights.length}, ${numbers} zipped`,
);
