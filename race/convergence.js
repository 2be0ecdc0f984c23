// Every first-order optimizer on 784-64-64-10 and all of MNIST: the steps to 95 % of 2000 test images, after the same
// random search for each. Prints the table of docs/race.md; takes some minutes.

import { mnist } from "../build/bundle/esm/data.js";
import { accuracy, dense, sequential, softmaxCrossEntropy } from "../build/bundle/esm/index.js";
import { entrants, race, trainingTask } from "../build/bundle/esm/race.js";

const task = trainingTask({
  name: "MNIST to 95 %",
  target: { of: "accuracy", value: 0.95, better: "higher" },
  maxSteps: 2000,
  model: () =>
    sequential(
      { input: [784] },
      dense(64, { activation: "relu" }),
      dense(64, { activation: "relu" }),
      dense(10),
    ),
  load: async () => {
    const { train, test } = await mnist();
    return { train, test: test.take(2000) };
  },
  loss: softmaxCrossEntropy,
  metrics: [accuracy],
  batchSize: 128,
});

const { entries } = await race({ tasks: [task], optimizers: entrants(), budget: 8, seeds: 1 });
const shown = (/** @type {number | string} */ value) =>
  typeof value === "number" ? Number(value.toPrecision(2)).toString() : value;
console.log("| optimizer | steps to 95 % | with |\n|---|---|---|");
for (const { optimizer, steps, hyper } of entries.toSorted((a, b) => a.steps - b.steps)) {
  const numbers = Object.entries(hyper).map(([name, value]) => `${name} ${shown(value)}`);
  console.log(`| ${optimizer} | ${Number.isFinite(steps) ? steps : "not in 2000"} | ${numbers.join(", ")} |`);
}
