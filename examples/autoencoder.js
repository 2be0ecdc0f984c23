// A denoising autoencoder: it is shown digits under noise and trained towards what they were without. At the end some test
// images, what the network sees of them, and what it makes of that.
// An argument trains on so many images only: node examples/autoencoder.js 2000
import { adam, createEngine, evaluate, meanSquaredError, progress, sequential, train } from "downhill";
import { dataset, mnist } from "downhill/data";
import { augment, noise } from "downhill/images";
import { conv2d, conv2dTranspose } from "downhill/layers";

/** @typedef {import("downhill/data").Dataset} Dataset */

const DEVIATION = 0.5;
const digits = await mnist({ shape: [28, 28, 1] });
/** Every image under noise, other noise in every epoch, with the image itself as the target. */
const noisy = (/** @type {Dataset} */ { inputs }) =>
  augment(dataset({ inputs, targets: inputs }), [noise(DEVIATION)], { seed: 1 });

const images = digits.train.take(Number(process.argv[2] ?? 20_000));
const model = sequential(
  { input: [28, 28, 1] },
  conv2d(16, 5, { stride: 2, padding: "same", activation: "relu" }), // [14, 14, 16]
  conv2d(32, 5, { stride: 2, padding: "same", activation: "relu" }), // [7, 7, 32]
  conv2dTranspose(16, 4, { stride: 2, padding: 1, activation: "relu" }), // [14, 14, 16]
  conv2dTranspose(1, 4, { stride: 2, padding: 1 }), // [28, 28, 1]
  // No sigmoid: once all is black under it, its slope is gone, and this rate drives it there.
);
const engine = await createEngine({ threads: 2 });
console.log(
  `${model.parameterCount} parameters, ${images.length} images, ` +
    `${engine.threads} threads, ${engine.instructionSet} SIMD on Node ${process.versions.node}`,
);

const run = await train(model, {
  engine,
  data: noisy(images),
  loss: meanSquaredError,
  optimizer: adam({ learningRate: 2e-3 }),
  batchSize: 64,
  epochs: 4,
  seed: 1,
  callbacks: [progress()],
});
const { loss } = await evaluate(model, noisy(digits.test.take(1000)), { loss: meanSquaredError, engine });
console.log(
  `mean squared error ${loss.toFixed(4)} after ${run.seconds.toFixed(0)} s, ` +
    `of the noise itself ${(DEVIATION ** 2).toFixed(4)}\n`,
);

const shades = " ·:+#@";
const show = (/** @type {ArrayLike<number>} */ pictures, count = 5) => {
  for (let row = 2; row < 26; row += 2) {
    const line = (/** @type {number} */ picture) =>
      Array.from({ length: 24 }, (_, column) => {
        const at = 784 * picture + 28 * row + column + 2;
        const ink = Math.min(1, Math.max(0, ((pictures[at] ?? 0) + (pictures[at + 28] ?? 0)) / 2));
        return shades[Math.round(ink * (shades.length - 1))];
      }).join("");
    console.log(Array.from({ length: count }, (_, picture) => line(picture)).join(" "));
  }
};
for await (const { inputs } of noisy(digits.test.take(5)).batch(5)) {
  show(inputs);
  show(await model.predict(inputs, { engine }));
}
await engine.close();
