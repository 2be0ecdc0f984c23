// The playground's own training loop in this Node, without a page: the numbers that a browser must come to as well.
import { fileURLToPath } from "node:url";
import { accuracy, adam, createEngine, softmaxCrossEntropy, train } from "../../build/bundle/node/index.js";

const playground = fileURLToPath(new URL("../../playground/", import.meta.url));

/** Trains on a toy set with Adam; gives the history and the weights, and the weights that `train` comes to. */
export async function trainHere({ source, toy, layers, settings }) {
  const { createServer } = await import(`${playground}node_modules/vite/dist/node/index.js`);
  const server = await createServer({
    root: playground,
    server: { middlewareMode: true, ws: false },
    appType: "custom",
    logLevel: "error",
    optimizeDeps: { noDiscovery: true },
    // The package as Node finds it, not as Vite would transform it.
    ssr: { external: ["downhill"] },
  });
  const engine = await createEngine({ numerics: "exact", threads: 1 });
  try {
    const { Run } = await server.ssrLoadModule("/src/train/run.ts");
    const { buildNetwork } = await server.ssrLoadModule("/src/train/network.ts");
    const { toyData } = await server.ssrLoadModule("/src/data/toys.ts");
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
  } finally {
    await engine.close();
    await server.close();
  }
}
