// What is measured of the project itself, one function a suite: on Node by downhill.js, in a page by the playground.
import { convolutionNumbers, factors, flatVectors, inputsOf, mlpBatch, modelBatch } from "../workload.js";
import { modelOf } from "./downhill-models.js";

/**
 * @typedef {object} Library the project's entry points, each loaded when it is needed
 * @property {() => Promise<any>} core downhill
 * @property {() => Promise<any>} data downhill/data
 * @property {() => Promise<any>} layers downhill/layers
 * @property {() => Promise<any>} optim downhill/optim
 * @property {() => Promise<any>} internals what is not published
 */

/** Iterations of the register-only loop a call, and its operations an iteration (assembly/kernels/ceiling.ts). */
const ITERATIONS = 100_000;
const OPERATIONS = 96;

/**
 * The suites of an engine, as systems.js describes them.
 * @param {any} engine
 * @param {Library} library
 */
export function unitsOf(engine, library) {
  return { product, kernels, steps, inference, epoch, update, optimizers, matrices, peak };

  /** A model of architectures.js with its initial weights, and a dataset: the batch with either set of labels. */
  async function model(c) {
    const { dataset } = await library.data();
    const { input, classes, vocabulary } = c.architecture;
    const { inputs, labels } = modelBatch(c);
    const Numbers = inputs.constructor;
    const both = new Numbers(2 * inputs.length);
    both.set(inputs);
    both.set(inputs, inputs.length);
    const targets = Int32Array.from([...labels[0], ...labels[1]]);
    const data = dataset({
      inputs: { values: both, shape: input },
      labels: vocabulary ? { values: targets, shape: input } : targets,
      classes,
    });
    return { model: await modelOf(c, engine, library), data };
  }

  async function mlpWithData({ sizes, batch }) {
    const { dataset } = await library.data();
    const { images, labels } = mlpBatch({ sizes, batch });
    const both = new Float32Array(2 * images.length);
    both.set(images);
    both.set(images, images.length);
    const data = dataset({
      inputs: { values: both, shape: [sizes[0]] },
      labels: Int32Array.from([...labels[0], ...labels[1]]),
      classes: sizes.at(-1),
    });
    return { model: await modelOf({ sizes, batch }, engine, library), data };
  }

  /** Many training steps in one call, on a dataset in the engine's memory. */
  async function steps(c) {
    const { adam, softmaxCrossEntropy } = await library.core();
    const { StepRunner } = await library.internals();
    const { batch, learningRate } = c;
    const { model: trained, data } = c.model ? await model(c) : await mlpWithData(c);
    const training = { optimizer: adam({ learningRate }), seed: 0, onNonFinite: "stop" };
    const runner = new StepRunner(
      { engine, model: trained, loss: softmaxCrossEntropy, metrics: [], training },
      data,
    );
    const order = new Int32Array(runner.capacity * batch);
    for (let i = 0; i < order.length; i++) order[i] = i % (2 * batch);
    let done = 0;
    return {
      async run(count) {
        let loss;
        for (let left = count; left > 0; ) {
          const now = Math.min(left, runner.capacity - 1);
          const from = (done % 2) * batch;
          const rows = await runner.run(batch, order.subarray(from, from + now * batch), done + 1);
          loss = rows.at(-1)[0][0];
          done += now;
          left -= now;
        }
        return loss;
      },
      close: () => runner.release(),
    };
  }

  /** Predictions as a user asks for them, numbers in and numbers out. */
  async function inference(c) {
    const model = await modelOf(c, engine, library);
    const { inputs } = inputsOf(c);
    let scores;
    return {
      async run(count) {
        for (let i = 0; i < count; i++)
          scores =
            engine.threads === 1
              ? model.predictSync(inputs, { engine })
              : await model.predict(inputs, { engine });
        return scores[0];
      },
    };
  }

  /** Whole epochs as a user runs them. */
  async function epoch({ sizes, batch, learningRate, examples }) {
    const { sgd, softmaxCrossEntropy, train } = await library.core();
    const { dataset } = await library.data();
    const model = await modelOf({ sizes, batch }, engine, library);
    const { images, labels, classes } = mlpBatch({ sizes, batch: examples });
    // Bytes, as images are.
    const inputs = { values: Uint8Array.from(images, (x) => 255 * x), shape: [sizes[0]], scale: 1 / 255 };
    const data = dataset({ inputs, labels: labels[0], classes });
    const optimizer = sgd({ learningRate });
    return {
      async run(epochs) {
        const { history } = await train(model, {
          data,
          loss: softmaxCrossEntropy,
          optimizer,
          batchSize: batch,
          epochs,
          seed: 1,
          engine,
        });
        return history.at(-1).loss;
      },
    };
  }

  /** Compiles what `say` builds, with its inputs in the region "input"; runs it as often as asked. */
  async function program(say, result) {
    const { compile, Graph } = await library.internals();
    const graph = new Graph();
    const loaded = engine.load(compile({ graph, ...say(graph) }));
    return {
      loaded,
      async run(count) {
        await engine.run(loaded, count);
        return result(loaded);
      },
      close: () => loaded.release(),
    };
  }

  async function product(shape) {
    const { matmul } = await library.core();
    const { m, k, n } = shape;
    const unit = await program(
      (graph) => {
        const a = graph.input("a", [m, k]);
        const b = graph.input("b", [k, n]);
        return {
          placements: new Map([
            [a, { region: "a", offset: 0 }],
            [b, { region: "b", offset: 0 }],
            [matmul(a, b), { region: "c", offset: 0 }],
          ]),
        };
      },
      (loaded) => loaded.floats("c")[0],
    );
    const { a, b } = factors(shape);
    unit.loaded.floats("a", 0, a.length).set(a);
    unit.loaded.floats("b", 0, b.length).set(b);
    return unit;
  }

  async function kernels({ convolution }) {
    const { convolution2d } = await library.layers();
    const { gradients, mul, sum } = await library.core();
    const { direction, x: xShape, weight: weightShape, stride, groups } = convolution;
    const numbers = convolutionNumbers(convolution);
    const unit = await program(
      (graph) => {
        const x = graph.input("x", xShape);
        const weight = graph.input("weight", weightShape);
        const y = convolution2d(x, weight, { stride, groups, padding: "same" });
        const dy = graph.input("dy", y.shape);
        const result =
          direction === "forward" ? y : gradients(sum(mul(y, dy)), [direction === "input" ? x : weight])[0];
        const given = Object.entries({ x, weight, dy });
        return {
          placements: new Map([
            ...given.map(([region, tensor]) => [tensor, { region, offset: 0 }]),
            [result, { region: "result", offset: 0 }],
          ]),
        };
      },
      (loaded) => loaded.floats("result")[0],
    );
    for (const [region, values] of Object.entries(numbers)) {
      if (unit.loaded.program.regions.has(region)) unit.loaded.floats(region, 0, values.length).set(values);
    }
    return unit;
  }

  async function update({ parameters, learningRate }) {
    const { adam } = await library.core();
    const optimizer = adam({ learningRate });
    const unit = await flat(optimizer, [parameters]);
    let step = 0;
    return {
      ...unit,
      async run(count) {
        let first;
        for (let i = 0; i < count; i++) {
          unit.loaded.floats("hyper", 0, optimizer.hyperWords).set(optimizer.hyper(++step));
          first = await unit.run(1);
        }
        return first;
      },
    };
  }

  /** Many updates in one call, with the numbers of a step far on. */
  async function optimizers({ optimizer: name, options, parameters }) {
    const optimizer = (await library.optim())[name](options);
    return farOn(optimizer, await flat(optimizer, [parameters]));
  }

  /** The same over a matrix, whose products count. */
  async function matrices({ optimizer: name, options, shape }) {
    const optimizer = (await library.optim())[name](options);
    const unit = farOn(optimizer, await flat(optimizer, shape));
    return { ...unit, flops: 2 * unit.loaded.program.work };
  }

  function farOn(optimizer, unit) {
    unit.loaded.floats("hyper", 0, optimizer.hyperWords).set(optimizer.hyper(1000));
    return unit;
  }

  /** An optimizer over one parameter. */
  async function flat(optimizer, shape) {
    const { Update } = await library.internals();
    const size = shape.reduce((product, n) => product * n, 1);
    const length = Math.ceil(size / 16) * 16;
    const unit = await program(
      (graph) => {
        const parameter = graph.input("parameters", shape);
        const slope = graph.input("gradients", shape);
        const slopes = [{ name: "all", parameter, slope, offset: 0 }];
        const hyper = { region: "hyper", offset: 0 };
        const loss = graph.input("loss", []);
        const change = new Update(optimizer, { graph, loss, slopes, length, hyper, slopesAt: () => [slope] });
        return {
          placements: new Map([
            [parameter, { region: "parameters", offset: 0 }],
            [slope, { region: "gradients", offset: 0 }],
            ...change.placements,
          ]),
          done: [...change.done],
          before: (emitter) => change.reserve(emitter),
        };
      },
      (loaded) => loaded.floats("parameters")[0],
    );
    const { parameter, gradient } = flatVectors({ parameters: size });
    unit.loaded.floats("parameters", 0, size).set(parameter);
    unit.loaded.floats("gradients", 0, size).set(gradient);
    return unit;
  }

  /** The register-only loop, on every thread that takes part. */
  async function peak() {
    const { compile, Graph, write } = await library.internals();
    const after = (emitter) =>
      emitter.call("ceiling", [ITERATIONS, write(emitter.reserve("sums", "sums", 192))]);
    const loaded = engine.load(compile({ graph: new Graph(), placements: new Map(), after }));
    return {
      flops: ITERATIONS * OPERATIONS,
      async run(count) {
        await engine.run(loaded, count);
      },
      close: () => loaded.release(),
    };
  }
}
