// Trains on two threads; with CLOSE the engine is closed, without it the program simply ends.
import { createEngine, createTrainer, dense, meanSquaredError, sequential, sgd } from "downhill";

let ended = 0;
process.on("worker", (worker) => worker.on("exit", () => ended++));
const engine = await createEngine({ threads: 2 });
engine.soloWork = 0;
const model = sequential({ input: [16] }, dense(1));
const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer: sgd(), engine });
const batch = {
  inputs: new Float32Array(64).fill(0.5),
  targets: new Float32Array(4).fill(1),
  labels: undefined,
  size: 4,
};
for (let step = 0; step < 100; step++) await trainer.step(batch);
if (process.env.CLOSE) await engine.close();
console.log(JSON.stringify({ steps: trainer.steps, threads: engine.threads, ended }));
