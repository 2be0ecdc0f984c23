// What is measured: every suite, its cases, and how a result is known to be right.

import { scriptSize, wasmSizes } from "../scripts/sizes.js";
import { architectures } from "./architectures.js";
import { convolutionElement, firstGradientSign, productElement } from "./workload.js";

/** @import { Entry } from "./systems.js" */

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {number} [flops] of one unit of work
 * @property {number} [bytes] that one unit of work must read and write
 * @property {number} [m] gemm: [m, k] · [k, n]
 * @property {number} [k]
 * @property {number} [n]
 * @property {number[]} [sizes] steps: units of each layer, the input's first
 * @property {number} [batch]
 * @property {string} [model] steps: of architectures.js, instead of an MLP
 * @property {import("./architectures.js").Architecture} [architecture] the same
 * @property {number} [learningRate]
 * @property {number} [parameters] update, optimizers: length of the flat vector
 * @property {string} [optimizer] optimizers, matrices: the function of downhill/optim
 * @property {number[]} [shape] matrices: of the parameter
 * @property {Record<string, unknown>} [options] what it is given
 * @property {number} [examples] epoch: in the dataset
 * @property {Convolution} [convolution] kernels
 */

/**
 * @typedef {object} Convolution with "same" padding
 * @property {"forward" | "input" | "weights"} direction of the pass, or of the gradient
 * @property {[number, number, number, number]} x [batch, height, width, channels]
 * @property {[number, number, number, number]} weight [height, width, channels / groups, outputs]
 * @property {number} stride
 * @property {number} groups
 */

/**
 * @typedef {object} Truth
 * @property {number} [wanted] what `wanted` has answered
 * @property {number} [tolerance] of the system
 */

/**
 * @typedef {object} Suite
 * @property {string} title
 * @property {"rate" | "time"} compare ratio columns hold rates ("0.85 of") or times ("5.2 times as long as")
 * @property {boolean} [fresh] one process a measurement
 * @property {(entry: Entry) => boolean} [takes] which systems; by default all that have the suite
 * @property {number} [checkUnits] units of work done before the check
 * @property {() => Promise<string[]>} [facts] lines for below the table, of what is not a time
 * @property {Case[]} cases
 * @property {(c: Case) => Promise<number>} [wanted] the number that is right
 * @property {(c: Case, first: number, last: number, done: number, truth?: Truth) => string | undefined} [check]
 *   given the numbers returned by the first unit and by the last of the `done`: what is wrong, if anything (the conditions are written so that NaN fails)
 */

const learningRate = 1e-3;

const kilobytes = (/** @type {number} */ bytes) => `${(bytes / 1000).toFixed(1)} kB`;

async function describeSizes() {
  const variants = [...wasmSizes()].map(([name, bytes]) => `${name} ${kilobytes(bytes)}`);
  return [
    `WebAssembly: ${variants.join(", ")}. Core JavaScript, minified and zipped: ${kilobytes(await scriptSize())}.`,
  ];
}

/** @returns {Case} */
const product = (/** @type {number} */ m, /** @type {number} */ k, /** @type {number} */ n) => ({
  name: `${m} × ${k} × ${n}`,
  m,
  k,
  n,
  flops: 2 * m * k * n,
});

/** @returns {Case} */
const mlp = (/** @type {number[]} */ sizes, /** @type {number} */ batch) => ({
  name: `MLP ${sizes.join("-")}, batch ${batch}`,
  sizes,
  batch,
  learningRate,
});

/** @returns {Case[]} */
const convolutions = (
  /** @type {string} */ name,
  /** @type {[number, number, number, number]} */ x,
  /** @type {[number, number, number, number]} */ weight,
  { stride = 1, groups = 1 } = {},
) =>
  /** @type {const} */ (["forward", "input", "weights"]).map((direction) => ({
    name: `${name} at ${x[1]} × ${x[2]}, ${direction}`,
    convolution: { direction, x, weight, stride, groups },
    flops:
      2 *
      x[0] *
      Math.ceil(x[1] / stride) *
      Math.ceil(x[2] / stride) *
      weight.reduce((product, n) => product * n, 1),
  }));

/** @returns {Case} */
const model = (/** @type {string} */ name) => {
  const architecture = architectures[name];
  const { title, batch } = /** @type {import("./architectures.js").Architecture} */ (architecture);
  return { name: `${title}, batch ${batch}`, model: name, architecture, batch, learningRate };
};

/** A model at one example and at many. @returns {Case[]} */
const predictions = (/** @type {Case} */ c) =>
  [1, 64].map((batch) => ({
    ...c,
    name: c.name.replace(/batch \d+$/, `batch ${batch}`),
    batch,
    ...(c.architecture && { architecture: { ...c.architecture, batch } }),
  }));

/** Each optimizer with the vectors that it reads and writes beside the gradient, which it reads. @type {[string, Record<string, unknown>, number][]} */
const optimizers = [
  ["sgd", {}, 1],
  ["sgd", { momentum: 0.9 }, 2],
  ["sgd", { momentum: 0.9, nesterov: true }, 2],
  ["asgd", {}, 2],
  ["adagrad", {}, 2],
  ["adadelta", {}, 3],
  ["rmsprop", {}, 2],
  ["rmsprop", { centered: true, momentum: 0.9 }, 4],
  ["adam", {}, 3],
  ["adam", { amsgrad: "raw" }, 4],
  ["adamW", {}, 3],
  ["adamax", {}, 3],
  ["nadam", {}, 3],
  ["radam", {}, 3],
  ["adabelief", {}, 3],
  ["yogi", {}, 3],
  ["ademamix", {}, 4],
  ["adopt", {}, 3],
  ["adan", {}, 5],
  ["lion", {}, 2],
  ["signSgd", {}, 1],
  ["rprop", {}, 3],
  ["ftrl", {}, 3],
];

/** @returns {Case[]} */
const updates = (/** @type {number} */ length, /** @type {string} */ size) =>
  optimizers.map(([optimizer, options, vectors]) => ({
    name: `${optimizer}${Object.entries(options).map(([key, value]) => `, ${key} ${value}`)}, ${size}`,
    optimizer,
    options,
    parameters: length,
    bytes: 4 * length * (2 * vectors + 1),
  }));

const small = [784, 64, 64, 10];
const large = [784, 512, 512, 10];
const parameters = 10_000_000;

/** @type {Record<string, Suite>} */
export const suites = {
  gemm: {
    title: "Matrix product, [m, k] · [k, n], f32",
    compare: "rate",
    checkUnits: 1,
    cases: [
      product(128, 128, 128),
      product(256, 256, 256),
      product(384, 384, 384),
      product(512, 512, 512),
      product(1024, 1024, 1024),
      product(128, 784, 64),
      product(128, 64, 64),
      product(128, 784, 512),
      product(128, 512, 512),
    ],
    check(c, _first, last) {
      const wanted = productElement(c);
      if (!(Math.abs(last - wanted) <= 1e-4 * wanted)) return `first element is ${last}, not ${wanted}`;
    },
  },
  kernels: {
    title: "Convolution and its gradients with respect to input and weight, batch 64, channels in → out, f32",
    compare: "rate",
    checkUnits: 1,
    takes: ({ name, options = {} }) =>
      ["downhill", "ceiling"].includes(name) &&
      Object.entries(options).every(
        ([key, value]) => key === "ceiling" || (key === "threads" && value === 2),
      ),
    cases: [
      ...convolutions("3 × 3, 1 → 16", [64, 28, 28, 1], [3, 3, 1, 16]),
      ...convolutions("3 × 3, 16 → 32", [64, 14, 14, 16], [3, 3, 16, 32]),
      ...convolutions("3 × 3, 32 → 32", [64, 14, 14, 32], [3, 3, 32, 32]),
      ...convolutions("3 × 3, 64 → 64", [64, 14, 14, 64], [3, 3, 64, 64]),
      ...convolutions("3 × 3, 64 depthwise", [64, 14, 14, 64], [3, 3, 1, 64], { groups: 64 }),
      ...convolutions("3 × 3, 32 → 64, stride 2", [64, 28, 28, 32], [3, 3, 32, 64], { stride: 2 }),
      ...convolutions("1 × 1, 64 → 64", [64, 14, 14, 64], [1, 1, 64, 64]),
    ],
    check({ convolution }, _first, last) {
      const wanted = convolutionElement(/** @type {Convolution} */ (convolution));
      if (!(Math.abs(last - wanted) <= 1e-4 * wanted)) return `first element is ${last}, not ${wanted}`;
    },
  },
  steps: {
    title: "One training step: forward, gradient, Adam; ReLU, mean softmax cross-entropy, f32, resident data",
    compare: "time",
    checkUnits: 50,
    cases: [
      mlp(small, 128),
      mlp(small, 32),
      mlp(small, 1),
      mlp(large, 128),
      ...Object.keys(architectures).map(model),
    ],
    check(_c, first, last, done) {
      if (!(last < first)) return `does not train: loss ${first} at first, ${last} after ${done} steps`;
    },
  },
  inference: {
    title: "One prediction, numbers in and numbers out",
    compare: "time",
    checkUnits: 1,
    cases: [mlp(small, 1), ...Object.keys(architectures).map(model)].flatMap(predictions),
    wanted: async (c) => {
      const { firstScore } = await import("./systems/downhill.js");
      return firstScore(c);
    },
    check(_c, _first, last, _done, { wanted = 0, tolerance = 1e-4 } = {}) {
      if (!(Math.abs(last - wanted) <= tolerance * Math.max(1, Math.abs(wanted))))
        return `the first score is ${last}, not ${wanted}`;
    },
  },
  epoch: {
    title: "One epoch of train(), plain SGD, a step for each single example, f32",
    compare: "time",
    checkUnits: 2,
    cases: [
      { ...mlp(small, 1), name: "MLP 784-64-64-10, 60,000 steps", learningRate: 0.01, examples: 60_000 },
    ],
    check(_c, first, last, done) {
      if (!(last < first))
        return `does not train: loss ${first} in the first epoch, ${last} in epoch ${done}`;
    },
  },
  update: {
    title: "Adam over one flat vector",
    compare: "rate",
    checkUnits: 4,
    cases: [
      {
        name: "Adam, 10 million parameters",
        parameters,
        learningRate,
        bytes: 7 * 4 * parameters, // reads parameter, gradient, two moments; writes all but the gradient
      },
    ],
    // A constant gradient moves each parameter by the learning rate a step: both moments' corrections cancel.
    check(c, first, last, done) {
      const wanted = first - firstGradientSign() * c.learningRate * (done - 1);
      if (!(Math.abs(last - wanted) <= 1e-5)) return `parameter 0 is ${last}, not ${wanted}`;
    },
  },
  optimizers: {
    title: "One update by each optimizer over one flat vector",
    compare: "rate",
    checkUnits: 3,
    takes: ({ name, options = {} }) =>
      ["plain copy", "pytorch"].includes(name)
        ? options.threads !== 2
        : name === "downhill" && options.threads === undefined,
    cases: [...updates(55_000, "55 thousand"), ...updates(parameters, "10 million")],
    check(_c, first, last) {
      if (!(Number.isFinite(last) && last !== first)) return `parameter 0 was ${first}, and is ${last}`;
    },
  },
  matrices: {
    title: "One update of a matrix by the optimizers that are made of matrix products",
    compare: "rate",
    checkUnits: 2,
    takes: ({ name, options = {} }) =>
      ["downhill", "ceiling"].includes(name) && Object.keys(options).every((key) => key === "ceiling"),
    cases: [
      { name: "muon, 512 × 512", optimizer: "muon", shape: [512, 512] },
      { name: "muon, 784 × 64", optimizer: "muon", shape: [784, 64] },
      { name: "shampoo, 256 × 256", optimizer: "shampoo", shape: [256, 256] },
      // Between two turns of its basis, which take most of a step every tenth time.
      { name: "soap, 256 × 256", optimizer: "soap", shape: [256, 256] },
    ],
    check(_c, first, last) {
      if (!(Number.isFinite(last) && last !== first)) return `parameter 0 was ${first}, and is ${last}`;
    },
  },
  start: {
    title: "From import to the first finished training step, a fresh process each time",
    compare: "time",
    fresh: true,
    cases: [mlp(small, 128)],
    facts: describeSizes,
  },
};
