// A convolutional network reads the handwritten digits of MNIST: 99 of 100 test images and more.
// An argument trains on so many images only: node examples/cnn.js 2000
import {
  accuracy,
  adam,
  createEngine,
  dense,
  dropout,
  evaluate,
  flatten,
  progress,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { mnist } from "downhill/data";
import { conv2d, maxPool2d } from "downhill/layers";
import { linear } from "downhill/optim";

const digits = await mnist({ shape: [28, 28, 1] });
const data = digits.train.take(Number(process.argv[2] ?? digits.train.length));
const model = sequential(
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
const engine = await createEngine({ threads: 2 });
console.log(
  `${model.parameterCount} parameters, ${data.length} images, ` +
    `${engine.threads} threads, ${engine.instructionSet} SIMD on Node ${process.versions.node}`,
);

const measured = { loss: softmaxCrossEntropy, metrics: [accuracy], engine };
const [batchSize, epochs] = [64, 6];
const steps = epochs * Math.ceil(data.length / batchSize);
const run = await train(model, {
  ...measured,
  data,
  // The step size falls in a straight line, so that the last epoch settles.
  optimizer: adam({ learningRate: linear({ from: 2e-3, to: 2e-5, steps }) }),
  batchSize,
  epochs,
  seed: 1,
  callbacks: [progress()],
});
// All 10,000, or no more than it was trained on; none of them seen before.
const unseen = digits.test.take(data.length);
const { accuracy: tested = 0 } = (await evaluate(model, unseen, measured)).metrics;
console.log(`test accuracy ${(100 * tested).toFixed(2)} % after ${run.seconds.toFixed(0)} s`);
await engine.close();
