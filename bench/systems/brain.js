// brain.js: plain JavaScript, one sample an update, so it stands only beside the case of batch 1.

import { createRequire } from "node:module";
import { Unable } from "../systems.js";
import { mlpBatch, oneHot } from "../workload.js";

const require = createRequire(import.meta.url);

export async function open() {
  const { NeuralNetwork } = require("brain.js");

  function steps(c) {
    if (c.batch !== 1) throw new Unable("has no mini-batches: it updates after every sample");
    const { images, labels, inputs, classes } = mlpBatch(c);
    // No cross-entropy, and one activation for all layers, the last too: its nearest is ReLU and squared error.
    const net = new NeuralNetwork({
      inputSize: inputs,
      hiddenLayers: c.sizes.slice(1, -1),
      outputSize: classes,
      activation: "relu",
      praxis: "adam",
      learningRate: c.learningRate,
    });
    net.initialize();
    const samples = labels.map((set) => ({ input: images, output: oneHot(set, classes) }));
    let step = 0;
    return {
      note: "squared error, ReLU on the output too, its own random weights",
      run(count) {
        for (let i = 1; i < count; i++) net.trainPattern(samples[step++ % 2]);
        return net.trainPattern(samples[step++ % 2], true);
      },
    };
  }

  return {
    version: require("brain.js/package.json").version,
    threads: 1,
    instructionSet: "none",
    suites: { steps },
  };
}
