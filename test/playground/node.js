// The playground's own training loop in this Node, without a page: the numbers that a browser must come to as well.
import { accuracy, adam, softmaxCrossEntropy, train } from "../../build/bundle/node/index.js";
import { withSource } from "./source.js";

/** Trains on a toy set with Adam; gives the history and the weights, and the weights that `train` comes to. */
export function trainHere({ source, toy, layers, settings }) {
  return withSource(async (load, engine) => {
    const { Run } = await load("train/run.ts");
    const { buildNetwork } = await load("train/network.ts");
    const { toyData } = await load("data/toys.ts");
    const data = toyData(source, { ...toy, seed: settings.seed });

    const { model } = buildNetwork(layers, data);
    const run = await Run.begin(
      model,
      data,
      { optimizer: "adam", schedule: "constant", ...settings },
      engine,
    );
    while (!run.finished) await run.slice();
    const weights = model.toBytes();
    run.close();

    const { learningRate, knobs, batchSize, epochs, seed } = settings;
    const { model: again } = buildNetwork(layers, data);
    await train(again, {
      data: data.train,
      loss: softmaxCrossEntropy,
      metrics: [accuracy],
      optimizer: adam({ learningRate, ...knobs }),
      batchSize,
      epochs,
      seed,
      engine,
    });
    return { history: run.history, weights, trained: again.toBytes() };
  });
}
