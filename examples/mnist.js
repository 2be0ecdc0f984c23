// Trains a small network on the handwritten digits of MNIST, saves it, loads it back and lets it read some.
import {
  accuracy,
  adam,
  createEngine,
  dense,
  progress,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { mnist } from "downhill/data";

const layers = () => [dense(64, { activation: "relu" }), dense(64, { activation: "relu" }), dense(10)];
const digits = await mnist();
const model = sequential({ input: [784] }, ...layers());
const engine = await createEngine();
console.log(
  `${model.parameterCount} parameters, ${digits.train.length} images, ` +
    `${engine.threads} threads, ${engine.instructionSet} SIMD on Node ${process.versions.node}`,
);

const run = await train(model, {
  engine,
  data: digits.train,
  validation: digits.test,
  loss: softmaxCrossEntropy,
  metrics: [accuracy],
  // The step size falls in a straight line, so that the last epoch settles.
  optimizer: adam({ learningRate: (step) => 3e-3 * Math.max(0.01, 1 - step / 2345) }),
  batchSize: 128,
  epochs: 5,
  seed: 1,
  callbacks: [progress()],
});
const { accuracy: tested = 0 } = run.history.at(-1)?.validation?.metrics ?? {};
console.log(`test accuracy ${(100 * tested).toFixed(2)} % after ${run.seconds.toFixed(1)} s`);

await model.save("digits.safetensors");
const loaded = sequential({ input: [784] }, ...layers());
await loaded.load("digits.safetensors");
console.log("saved digits.safetensors and loaded it back; it reads:\n");

const samples = digits.test.take(6);
const scores = await loaded.predict(samples, { engine });
const images = [...samples].map(({ input }) => input);
const read = images
  .map((_, i) => scores.subarray(10 * i, 10 * i + 10))
  .map((row) => row.indexOf(Math.max(...row)));
const shades = " ·:+#@";
for (let row = 2; row < 26; row += 2) {
  const line = (/** @type {Float32Array} */ image) =>
    Array.from({ length: 24 }, (_, column) => {
      const ink = ((image[row * 28 + column + 2] ?? 0) + (image[row * 28 + column + 30] ?? 0)) / 2;
      return shades[Math.round(ink * (shades.length - 1))];
    }).join("");
  console.log(images.map(line).join(" "));
}
console.log([...samples].map(({ label }, i) => `${read[i]} (is ${label})`.padStart(15).padEnd(24)).join(" "));
await engine.close();
