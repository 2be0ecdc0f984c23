// TensorFlow.js on its WebAssembly or its plain JavaScript backend, trained with its own Adam.

import { createRequire } from "node:module";
import { Unable } from "../systems.js";
import {
  factors,
  flatVectors,
  inputsOf,
  mlpBatch,
  mlpLayers,
  modelBatch,
  modelParameters,
  oneHot,
} from "../workload.js";
import { models } from "./tfjs-models.js";

// On Node the packages are CommonJS bundles. tfjs-layers is loaded because its bundle is what registers the gradients.
const require = createRequire(import.meta.url);

export async function open({ backend }) {
  const tf = require("@tensorflow/tfjs-core");
  require("@tensorflow/tfjs-layers");
  require(`@tensorflow/tfjs-backend-${backend}`);
  await tf.setBackend(backend);
  await tf.ready();

  function gemm(c) {
    const { m, k, n } = c;
    const { a, b } = factors(c);
    const x = tf.tensor2d(a, [m, k]);
    const y = tf.tensor2d(b, [k, n]);
    let z;
    return {
      run(count) {
        for (let i = 0; i < count; i++) {
          z?.dispose();
          z = tf.matMul(x, y);
        }
        return z.dataSync()[0];
      },
      close: () => tf.dispose([x, y, z]),
    };
  }

  function mlp(c) {
    const { images, labels, classes, inputs } = mlpBatch(c);
    const variables = mlpLayers(c).map(({ kernel, bias, ...layer }) => ({
      kernel: tf.variable(tf.tensor2d(kernel, [layer.inputs, layer.outputs])),
      bias: tf.variable(tf.tensor1d(bias)),
    }));
    // Measured against fused.matMul: this form is the faster.
    const forward = (layers, x) =>
      layers.reduce((h, { kernel, bias }, i) => {
        const z = tf.add(tf.matMul(h, kernel), bias);
        return i < layers.length - 1 ? tf.relu(z) : z;
      }, x);
    return { x: tf.tensor2d(images, [c.batch, inputs]), labels, classes, variables, forward };
  }

  function model(c, statistics) {
    const { input, batch, classes } = c.architecture;
    const { inputs, labels } = modelBatch(c);
    const variables = Object.fromEntries(
      modelParameters(c).map(({ name, shape, values }) => [name, tf.variable(tf.tensor(values, shape))]),
    );
    return {
      x: tf.tensor(inputs, [batch, ...input]),
      labels,
      classes,
      variables,
      forward: models(tf, statistics)[c.model],
    };
  }

  function inference(c) {
    const { x, variables, forward } = c.model ? model(c, "running") : mlp(c);
    const { inputs } = inputsOf(c);
    const shape = x.shape;
    x.dispose();
    let scores;
    return {
      run(count) {
        for (let i = 0; i < count; i++)
          scores = tf.tidy(() => forward(variables, tf.tensor(inputs, shape)).dataSync());
        return scores[0];
      },
      close: () => tf.dispose(variables),
    };
  }

  function steps(c) {
    if (c.model === "transformer") throw new Unable("has no gradient of an embedding on this backend");
    const { x, labels, classes, variables, forward } = c.model ? model(c, "batch") : mlp(c);
    const targets = labels.map((set) => tf.tensor2d(oneHot(set, classes), [set.length, classes]));
    const optimizer = tf.train.adam(c.learningRate, 0.9, 0.999, 1e-8);
    // Measured against losses.softmaxCrossEntropy: this form is the faster.
    const lossAt = (target) => () =>
      tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(forward(variables, x)), target), -1)));
    const losses = targets.map(lossAt);
    let step = 0;
    let loss;
    return {
      run(count) {
        for (let i = 0; i < count; i++) {
          loss?.dispose();
          loss = optimizer.minimize(losses[step++ % 2], true);
        }
        return loss.dataSync()[0];
      },
      close() {
        tf.dispose([x, targets, variables, loss]);
        optimizer.dispose();
      },
    };
  }

  function update(c) {
    const vectors = flatVectors(c);
    const parameter = tf.variable(tf.tensor1d(vectors.parameter));
    const gradient = tf.tensor1d(vectors.gradient);
    const optimizer = tf.train.adam(c.learningRate, 0.9, 0.999, 1e-8);
    return {
      run(count) {
        for (let i = 0; i < count; i++) optimizer.applyGradients({ [parameter.name]: gradient });
        return tf.tidy(() => tf.slice(parameter, 0, 1).dataSync()[0]);
      },
      close() {
        tf.dispose([parameter, gradient]);
        optimizer.dispose();
      },
    };
  }

  return {
    version: tf.version_core,
    threads: 1, // the WebAssembly backend turns its threads off on Node
    instructionSet: backend === "wasm" ? "plain" : "none",
    suites: { gemm, steps, inference, update },
  };
}
