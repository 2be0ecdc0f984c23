// Trains on two threads until the second dies, then goes on with a new engine. Prints what happened.
import {
  accuracy,
  adam,
  createEngine,
  createTrainer,
  dense,
  EngineError,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { dataset } from "downhill/data";

const features = 32;
const n = 256;
const inputs = Float32Array.from({ length: n * features }, (_, i) => Math.abs((i * 7919) % 1013) / 507 - 1);
const labels = Int32Array.from({ length: n }, (_, i) => i % 4);
const data = dataset({ inputs: { values: inputs, shape: [features] }, labels, classes: 4 });
const model = sequential({ input: [features] }, dense(64, { activation: "relu" }), dense(4));
const options = { loss: softmaxCrossEntropy, optimizer: adam(), metrics: [accuracy] };

const engine = await createEngine({ threads: 2 });
engine.soloWork = 0;
const began = performance.now();
const error = await train(model, { ...options, data, epochs: 1000, batchSize: 32, engine }).catch(
  (error) => error,
);
const seconds = (performance.now() - began) / 1000;
const again = await createTrainer(model, { ...options, engine })
  .then(
    () => model.predict(inputs, { engine }),
    (error) => error,
  )
  .catch((error) => error);
const { usable } = engine;
await engine.close();
await engine.close();

const next = await createEngine({ threads: 2 });
const scores = await model.predict(inputs, { engine: next });
const run = await train(model, { ...options, data, epochs: 3, batchSize: 32, engine: next });
await next.close();
console.log(
  JSON.stringify({
    typed: error instanceof EngineError,
    message: error.message,
    seconds,
    usable,
    again: again.message,
    againTyped: again instanceof EngineError,
    scores: scores.length,
    finite: scores.every(Number.isFinite),
    losses: run.history.map(({ loss }) => loss),
  }),
);
