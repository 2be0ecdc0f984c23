// jax-js on its WebAssembly device: the whole training step is one jit-compiled function.

import { readFile } from "node:fs/promises";
import {
  factors,
  flatVectors,
  mlpBatch,
  mlpLayers,
  modelBatch,
  modelParameters,
  oneHot,
} from "../workload.js";
import { models } from "./jax-models.js";

// (v128 v128 v128) -> v128 with f32x4.relaxed_madd: jax-js uses fused multiply-add where this validates.
const RELAXED = Uint8Array.from(
  Buffer.from("0061736d0100000001080160037b7b7b017b030201000a0d010b00200020012002fd85020b", "hex"),
);

export async function open() {
  const jax = await import("@jax-js/jax");
  const { numpy: np, nn, jit, valueAndGrad, tree, init, blockUntilReady } = jax;
  await init("wasm");
  const array = (data, shape) => np.array(data).reshape(shape);

  /** The package's own optimizers are not published; this is their formula, the corrections in f32 like theirs. */
  function adam(learningRate, params, m, v, t, grads) {
    const next = t.add(1);
    const rate = np.divide(learningRate, np.subtract(1, np.power(0.9, next.ref)));
    const correction = np.reciprocal(np.subtract(1, np.power(0.999, next.ref)));
    const m1 = tree.map((m, g) => m.mul(0.9).add(g.mul(0.1)), m, tree.ref(grads));
    const v1 = tree.map((v, g) => v.mul(0.999).add(np.square(g).mul(0.001)), v, grads);
    const update = (p, m, v) => p.sub(m.mul(rate.ref).div(np.sqrt(v.mul(correction.ref)).add(1e-8)));
    const params1 = tree.map(update, params, tree.ref(m1), tree.ref(v1));
    rate.dispose();
    correction.dispose();
    return [params1, m1, v1, next];
  }

  function gemm(c) {
    const { a, b } = factors(c);
    const x = array(a, [c.m, c.k]);
    const y = array(b, [c.k, c.n]);
    const multiply = jit((x, y) => np.dot(x, y));
    let z;
    return {
      async run(count) {
        for (let i = 0; i < count; i++) {
          z?.dispose();
          z = multiply(x.ref, y.ref);
          await blockUntilReady(z);
        }
        return (await z.ref.data())[0];
      },
      close() {
        for (const owned of [x, y, z, multiply]) owned.dispose();
      },
    };
  }

  function mlp(c) {
    const { images, labels, classes, inputs } = mlpBatch(c);
    const params = mlpLayers(c).map((layer) => ({
      kernel: array(layer.kernel, [layer.inputs, layer.outputs]),
      bias: np.array(layer.bias),
    }));
    const forward = (params, x) =>
      params.reduce((h, { kernel, bias }, i) => {
        const z = np.dot(h, kernel).add(bias);
        return i < params.length - 1 ? nn.relu(z) : z;
      }, x);
    return { x: array(images, [c.batch, inputs]), labels, classes, params, forward };
  }

  function model(c) {
    const { input, batch, classes, vocabulary } = c.architecture;
    const { inputs, labels } = modelBatch(c);
    const params = Object.fromEntries(
      modelParameters(c).map(({ name, shape, values }) => [name, array(values, shape)]),
    );
    let x = vocabulary
      ? np.array(Array.from(inputs), { dtype: np.int32 }).reshape([batch, ...input])
      : array(inputs, [batch, ...input]);
    if (input.length === 3) x = np.transpose(x, [0, 3, 1, 2]);
    return { x, labels, classes, params, forward: models(jax)[c.model] };
  }

  function steps(c) {
    const { x, labels, classes, forward, ...start } = c.model ? model(c) : mlp(c);
    const targets = labels.map((set) => array(oneHot(set, classes), [set.length, classes]));
    let { params } = start;
    const zeros = () => tree.map((p) => np.zeros(p.shape), params);
    let [m, v, t] = [zeros(), zeros(), np.array(0)];

    const lossOf = (params, x, target) =>
      np.mean(np.sum(nn.logSoftmax(forward(params, x)).mul(target), -1)).mul(-1);

    const step = jit((params, m, v, t, x, target) => {
      const [loss, grads] = valueAndGrad(lossOf)(tree.ref(params), x, target);
      return [...adam(c.learningRate, params, m, v, t, grads), loss];
    });

    let count = 0;
    let loss;
    return {
      async run(units) {
        for (let i = 0; i < units; i++) {
          loss?.dispose();
          [params, m, v, t, loss] = step(params, m, v, t, x.ref, targets[count++ % 2].ref);
          // Waiting for the loss each step is several times faster than only at the end, where unexecuted work
          // piles up, and somewhat faster than waiting for the weights too.
          await blockUntilReady(loss);
        }
        await blockUntilReady([params, m, v]);
        return (await loss.ref.data())[0];
      },
      close() {
        tree.dispose([params, m, v, t, loss, x, targets]);
        step.dispose();
      },
    };
  }

  function update(c) {
    const vectors = flatVectors(c);
    const zeros = () => np.zeros([c.parameters]);
    let [p, m, v, t] = [np.array(vectors.parameter), zeros(), zeros(), np.array(0)];
    const gradient = np.array(vectors.gradient);
    const step = jit((p, m, v, t, gradient) => adam(c.learningRate, p, m, v, t, gradient));
    return {
      async run(count) {
        for (let i = 0; i < count; i++) {
          [p, m, v, t] = step(p, m, v, t, gradient.ref);
          await blockUntilReady([p, m, v]);
        }
        return (await p.ref.slice([0, 1]).data())[0];
      },
      close() {
        tree.dispose([p, m, v, t, gradient]);
        step.dispose();
      },
    };
  }

  return {
    version: await version(),
    threads: 1, // its threads need the global Worker of browsers
    instructionSet: WebAssembly.validate(RELAXED) ? "relaxed" : "plain",
    suites: { gemm, steps, update },
  };
}

async function version() {
  const file = new URL("../node_modules/@jax-js/jax/package.json", import.meta.url);
  return JSON.parse(await readFile(file, "utf8")).version;
}
