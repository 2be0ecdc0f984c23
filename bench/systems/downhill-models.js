// The models of the suites by the project's own layers, with their initial weights.
import { mlpLayers, modelParameters } from "../workload.js";

/**
 * The model of a case.
 * @param {any} c
 * @param {any} engine
 * @param {import("./downhill-units.js").Library} library
 */
export async function modelOf(c, engine, library) {
  const core = await library.core();
  if (!c.model) return mlp(c, core);
  const model = models(core, await library.layers())[c.model]();
  await model.initialize({ engine });
  const parameters = model.parameters();
  const trained = model.weights.segments.filter((segment) => segment.trained);
  for (const [i, { shape, values }] of modelParameters(c).entries())
    parameters.set(trained[i].name, { shape, values });
  model.setParameters(parameters);
  return model;
}

function mlp({ sizes, batch }, { sequential, dense }) {
  const layers = mlpLayers({ sizes, batch });
  const model = sequential(
    { input: [sizes[0]] },
    ...layers.map(({ outputs }, i) => dense(outputs, i + 1 < layers.length ? { activation: "relu" } : {})),
  );
  const names = model.weights.segments.map(({ name }) => name);
  model.setParameters(
    new Map(
      layers.flatMap(({ inputs, outputs, kernel, bias }, i) => [
        [names[2 * i], { shape: [inputs, outputs], values: kernel }],
        [names[2 * i + 1], { shape: [outputs], values: bias }],
      ]),
    ),
  );
  return model;
}

/**
 * @param {any} core downhill
 * @param {any} layers downhill/layers
 */
function models({ add, defineModel, dense, flatten, relu, sequential }, layers) {
  const { batchNorm, conv2d, embedding, globalAveragePool2d, gru, layerNorm } = layers;
  const { learnedPositions, lstm, maxPool2d, transformerEncoderBlock } = layers;
  const unit = (filters, size, stride = 1) => {
    // Padded alike on both sides, as PyTorch does; "same" puts more at the end where the stride is 2.
    const padding = (size - 1) / 2;
    const convolution = conv2d(filters, size, { stride, padding, bias: false });
    const norm = batchNorm();
    return (x) => norm(convolution(x));
  };

  return {
    cnn: () =>
      sequential(
        { input: [28, 28, 1] },
        conv2d(16, 3, { padding: "same", activation: "relu" }),
        maxPool2d(2),
        conv2d(32, 3, { padding: "same", activation: "relu" }),
        maxPool2d(2),
        flatten(),
        dense(64, { activation: "relu" }),
        dense(10),
      ),

    residual: () =>
      defineModel({ input: [28, 28, 1] }, (x) => {
        let h = relu(unit(16, 3, 2)(x));
        h = relu(add(h, unit(16, 3)(relu(unit(16, 3)(h)))));
        const inner = unit(32, 3)(relu(unit(32, 3, 2)(h)));
        h = relu(add(unit(32, 1, 2)(h), inner));
        return dense(10)(globalAveragePool2d()(h));
      }),

    lstm: () => sequential({ input: [28, 28] }, lstm(128), dense(10)),

    gru: () => sequential({ input: [28, 28] }, gru(128), dense(10)),

    transformer: () =>
      sequential(
        { input: [64], inputType: "i32" },
        embedding(80, 64),
        learnedPositions(),
        transformerEncoderBlock({ heads: 4, causal: true }),
        transformerEncoderBlock({ heads: 4, causal: true }),
        layerNorm(),
        dense(80),
      ),
  };
}
