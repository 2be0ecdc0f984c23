// More threads than cores, with pauses: how often do they come to other bits than one thread does? Prints the numbers.
import { setTimeout as pause } from "node:timers/promises";
import { adam, createEngine, dense, sequential, softmaxCrossEntropy, train } from "downhill";
import { dataset } from "downhill/data";

const examples = 40;
const wave = (length) => Float32Array.from({ length }, (_, i) => Math.sin(i * i));
const data = dataset({
  inputs: { values: wave(examples * 6), shape: [6] },
  labels: Array.from({ length: examples }, (_, i) => i % 4),
});

/** What a model comes to by many short steps and by predictions that threads divide unevenly, with pauses between. */
async function course(threads) {
  const engine = await createEngine({ threads, numerics: "exact" });
  engine.soloWork = 0;
  const model = sequential({ input: [6] }, dense(12, { activation: "relu" }), dense(4));
  const large = sequential({ input: [300] }, dense(500), dense(10));
  await model.initialize({ engine, seed: 1 });
  await large.initialize({ engine, seed: 1 });
  const ends = [];
  for (const idle of [0, 15, 30, 5]) {
    await train(model, { data, loss: softmaxCrossEntropy, optimizer: adam(), batchSize: 8, engine });
    await pause(idle);
    ends.push(await model.predict(data, { engine }), await large.predict(wave(300 * 100), { engine }));
    await pause(idle);
  }
  await engine.close();
  return ends.map((end) => new Uint8Array(end.buffer));
}

const alone = await course(1);
const unlike = {};
for (const threads of [2, 4]) {
  const ends = await course(threads);
  unlike[threads] = ends.filter((end, i) => Buffer.compare(end, alone[i]) !== 0).length;
}
console.log(JSON.stringify(unlike));
