// The models of ../architectures.js by the project's own layers.

/**
 * @param {any} core downhill
 * @param {any} layers downhill/layers
 */
export function models({ add, defineModel, dense, flatten, relu, sequential }, layers) {
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
