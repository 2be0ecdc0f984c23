// While a run of two threads takes its time, others ask for the model's weights.
import {
  createEngine,
  createEngineSync,
  createTrainer,
  dense,
  meanSquaredError,
  sequential,
  sgd,
} from "downhill";

const slow = await createEngine({ threads: 2, numerics: "exact" });
slow.soloWork = 0;
const other = createEngineSync({ numerics: "exact" });
const model = sequential({ input: [16] }, dense(40), dense(1));
const trainer = await createTrainer(model, { loss: meanSquaredError, optimizer: sgd(), engine: slow });
const inputs = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
const batch = { inputs, targets: new Float32Array(4).fill(1), labels: undefined, size: 4 };
await trainer.step(batch);

const order = [];
const step = trainer.step(batch).then(() => order.push("step"));
await new Promise((resolve) => setTimeout(resolve, 50));
let refused = "";
try {
  model.predictSync(inputs, { engine: other });
} catch ({ name, message }) {
  refused = `${name}: ${message}`;
}
const busy = slow.busy;
const scores = await model.predict(inputs, { engine: other });
order.push("prediction");
await step;
const after = await model.predict(inputs, { engine: slow });
await slow.close();
console.log(JSON.stringify({ busy, refused, order, same: scores.join() === after.join() }));
