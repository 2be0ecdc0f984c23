// Trains a small network on digits and writes what a host needs to go on without downhill: build/digits.program, with the
// programs "predict" and "train" and all their memory, and build/kernels.wasm.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { adam, createEngine, createTrainer, dense, sequential, softmaxCrossEntropy } from "downhill";
import { mnist } from "downhill/data";
import { predictionProgram, trainingProgram, writePrograms } from "downhill/replay";

const model = sequential(
  { input: [784] },
  dense(64, { activation: "relu" }),
  dense(64, { activation: "relu" }),
  dense(10),
);
const engine = await createEngine({ numerics: "exact", threads: 1 });
const options = { loss: softmaxCrossEntropy, optimizer: adam({ learningRate: 1e-3 }), engine };
const batchSize = 128;
const data = (await mnist()).train.take(100 * batchSize);

const trainer = await createTrainer(model, options);
for (let epoch = 0; epoch < 3; epoch++)
  for (const batch of data.batch(batchSize, { seed: 1, epoch })) await trainer.step(batch);

// The steps to come are the trainer's next ones: the file brings along the optimizer's state and a part of the digits.
const state = trainer.stateToBytes();
const file = writePrograms({
  predict: predictionProgram(model, { batchSize: 100 }),
  train: await trainingProgram(model, {
    ...options,
    data: data.take(10 * batchSize),
    batchSize,
    steps: 1000,
    state,
  }),
});
const target = (/** @type {string} */ name) => fileURLToPath(new URL(`build/${name}`, import.meta.url));
mkdirSync(target(""), { recursive: true });
writeFileSync(target("digits.program"), file);
copyFileSync(createRequire(import.meta.url).resolve("downhill/wasm/plain.wasm"), target("kernels.wasm"));
console.log(`digits.program: ${file.length} bytes, after ${trainer.steps} steps`);
await engine.close();
