// Learns from a table of people what they earn (a regression) and what they do (a classification), and prints beside it what
// scikit-learn's networks reach. Takes how many networks to train for each: node examples/tabular.js 2
import { readFile } from "node:fs/promises";
import {
  accuracy,
  adam,
  createEngine,
  dense,
  evaluate,
  glorotUniform,
  meanSquaredError,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { rSquared } from "downhill/losses";
import { csvRows, fitEncoder, readTable } from "downhill/tables";
import { wages } from "./data/wages.js";

// Made by test/golden/tabular.py, which also chose the numbers of epochs, by the rows to learn from alone.
const sklearn = JSON.parse(await readFile(new URL("../test/golden/tabular.json", import.meta.url), "utf8"));
const tasks = {
  regression: {
    columns: { target: { wage: /** @type {const} */ ("standardize") } },
    loss: meanSquaredError,
    metric: rSquared, // 0 for who says the mean wage to all, 1 for who knows
  },
  classification: {
    columns: { label: "occupation" },
    loss: softmaxCrossEntropy,
    metric: accuracy,
  },
};
const networks = Number(process.argv[2] ?? 50);
const table = await readTable(csvRows(wages));
const known = table.filter((_, i) => i % 5 !== 4);
const unseen = table.filter((_, i) => i % 5 === 4);
const engine = await createEngine({ threads: 1 }); // for networks as small as these, more do not pay
console.log(
  `${known.length} people to learn from, ${unseen.length} held out; means ± standard deviations, here of ${networks} ` +
    `networks, of scikit-learn ${sklearn["scikit-learn"]} of ${sklearn.networks}`,
);

for (const [name, { columns, loss, metric }] of Object.entries(tasks)) {
  const { epochs, mean, deviation } = sklearn[name];
  const encoder = await fitEncoder(known, { ...columns, scaling: "standardize" });
  const [data, test] = [encoder.dataset(known), encoder.dataset(unseen)];
  const outputs = encoder.classes?.length ?? 1;
  const scores = [];
  for (let seed = 1; seed <= networks; seed++) {
    // Weights start as scikit-learn's do, which is narrower than what dense gives a layer with relu.
    const hidden = dense(32, { activation: "relu", initializer: glorotUniform });
    const model = sequential({ input: [encoder.width] }, hidden, dense(outputs));
    const optimizer = adam({ learningRate: 3e-3 });
    const { history } = await train(model, { engine, data, loss, optimizer, batchSize: 32, epochs, seed });
    const { metrics } = await evaluate(model, test, { engine, loss, metrics: [metric] });
    scores.push(metrics[metric.name] ?? Number.NaN);
    if (seed % 10 === 0)
      console.log(`${name}: ${seed} networks, the last with loss ${history.at(-1)?.loss.toFixed(3)}`);
  }
  const average = scores.reduce((a, b) => a + b) / networks;
  const spread = Math.sqrt(scores.reduce((sum, score) => sum + (score - average) ** 2, 0) / networks);
  console.log(
    `${name}: ${metric.name} ${average.toFixed(3)} ± ${spread.toFixed(3)}, ` +
      `scikit-learn ${mean.toFixed(3)} ± ${deviation.toFixed(3)}\n`,
  );
}
await engine.close();
