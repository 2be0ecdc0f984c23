// The numbers that every system computes on: one hash, the same here and in systems/pytorch.py, so that all of
// them start from the same weights and see the same data, and their losses can be compared.

/** @import { Case, Convolution } from "./suites.js" */

/** Wellons, "Prospecting for Hash Functions" (2018), lowbias32. */
function hash32(/** @type {number} */ i) {
  let h = i ^ (i >>> 16);
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Element i of a stream, in [-1, 1). Streams are 2^28 apart, so none overlap. */
const signed = (/** @type {number} */ stream, /** @type {number} */ i) =>
  (hash32(i + stream * 0x1000_0000) >>> 8) / 2 ** 23 - 1;

/** @returns {Float32Array} */
const fill = (/** @type {number} */ count, /** @type {(i: number) => number} */ value) =>
  Float32Array.from({ length: count }, (_, i) => value(i));

/**
 * Makes the numbers of a case once.
 * @template T
 * @param {(c: Case) => T} make
 * @returns {(c: Case) => T}
 */
function once(make) {
  const made = new Map();
  return ({ sizes, batch }) => {
    const key = `${sizes} ${batch}`;
    if (!made.has(key)) made.set(key, make({ sizes, batch }));
    return made.get(key);
  };
}

/** Glorot uniform kernels [in, out] and zero biases. */
export const mlpLayers = once(({ sizes = [] }) => {
  return sizes.slice(1).map((outputs, layer) => {
    const inputs = sizes[layer] ?? 0;
    const limit = Math.sqrt(6 / (inputs + outputs));
    return {
      inputs,
      outputs,
      kernel: fill(inputs * outputs, (i) => signed(layer + 1, i) * limit),
      bias: new Float32Array(outputs),
    };
  });
});

/**
 * Images [batch, inputs] in [0, 1) and two sets of labels [batch] that disagree everywhere. Steps take the sets in
 * turn: a system that ran thousands of steps on one set would end with a loss of zero and be timed on denormals.
 */
export const mlpBatch = once(({ sizes = [], batch = 0 }) => {
  const inputs = sizes[0] ?? 0;
  const classes = sizes.at(-1) ?? 0;
  const labels = Int32Array.from({ length: batch }, (_, i) => hash32(i + 0x8000_0000) % classes);
  return {
    inputs,
    classes,
    images: fill(batch * inputs, (i) => (signed(0, i) + 1) / 2),
    labels: [labels, labels.map((label) => (label + 1) % classes)],
  };
});

/** The first values of an architecture's parameters, in order. */
export const modelParameters = (/** @type {Case} */ { architecture }) =>
  (architecture?.parameters ?? []).map(({ name, shape, limit, value = 0 }, i) => {
    const count = shape.reduce((product, n) => product * n, 1);
    return { name, shape, values: fill(count, (k) => (limit === 0 ? value : signed(i + 1, k) * limit)) };
  });

/** A batch for an architecture: inputs [batch, ...input], in [0, 1) or tokens, and two sets of labels, as for the MLP. */
export function modelBatch(/** @type {Case} */ { architecture }) {
  const { batch, input, classes, vocabulary } = /** @type {import("./architectures.js").Architecture} */ (
    architecture
  );
  const size = input.reduce((product, n) => product * n, 1);
  const count = batch * (vocabulary ? size : 1);
  const labels = Int32Array.from({ length: count }, (_, i) => hash32(i + 0x8000_0000) % classes);
  const inputs = vocabulary
    ? Int32Array.from({ length: batch * size }, (_, i) => hash32(i) % vocabulary)
    : fill(batch * size, (i) => (signed(0, i) + 1) / 2);
  return { inputs, labels: [labels, labels.map((label) => (label + 1) % classes)] };
}

/** What a case predicts from: inputs [batch, ...shape] of one example. */
export function inputsOf(/** @type {Case} */ c) {
  if (c.architecture) return { inputs: modelBatch(c).inputs, shape: c.architecture.input };
  const { images, inputs } = mlpBatch(c);
  return { inputs: images, shape: [inputs] };
}

/** Labels as rows of zeros with a one, [batch, classes]. */
export function oneHot(/** @type {Int32Array} */ labels, /** @type {number} */ classes) {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, i) => {
    rows[i * classes + label] = 1;
  });
  return rows;
}

/** The factors [m, k] and [k, n] of a product; in [0, 1), so that no element of it is a difference near zero. */
export function factors(/** @type {Case} */ { m = 0, k = 0, n = 0 }) {
  return {
    a: fill(m * k, (i) => (signed(0, i) + 1) / 2),
    b: fill(k * n, (i) => (signed(1, i) + 1) / 2),
  };
}

/** Element [0, 0] of the product, in f64; the factors themselves are exact in f32. */
export function productElement(/** @type {Case} */ { k = 0, n = 0 }) {
  let sum = 0;
  for (let i = 0; i < k; i++) {
    sum += ((signed(0, i) + 1) / 2) * ((signed(1, i * n) + 1) / 2);
  }
  return sum;
}

const positive = (/** @type {number} */ stream, /** @type {number} */ i) => (signed(stream, i) + 1) / 2;

/** Pixels of "same" padding before an axis. */
const before = (/** @type {number} */ size, /** @type {number} */ kernel, /** @type {number} */ stride) =>
  Math.floor(Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size) / 2);

/** Input, weight and the gradient of the output; in [0, 1), so that no sum is a difference near zero. */
export function convolutionNumbers(/** @type {Convolution} */ { x, weight, stride }) {
  const size = (/** @type {number[]} */ shape) => shape.reduce((product, n) => product * n, 1);
  const outputs = x[0] * Math.ceil(x[1] / stride) * Math.ceil(x[2] / stride) * weight[3];
  return {
    x: fill(size(x), (i) => positive(0, i)),
    weight: fill(size(weight), (i) => positive(1, i)),
    dy: fill(outputs, (i) => positive(2, i)),
  };
}

/** The first element of what a direction computes, in f64. */
export function convolutionElement(/** @type {Convolution} */ { direction, x, weight, stride, groups }) {
  const [images, height, width, channels] = x;
  const [kernelHeight, kernelWidth, groupChannels, outputs] = weight;
  const [down, across] = [Math.ceil(height / stride), Math.ceil(width / stride)];
  const [top, left] = [before(height, kernelHeight, stride), before(width, kernelWidth, stride)];
  const range = (/** @type {number} */ n) => Array.from({ length: n }, (_, k) => k);
  const xAt = (/** @type {number[]} */ [n = 0, y = 0, z = 0, c = 0]) =>
    y < 0 || z < 0 || y >= height || z >= width
      ? 0
      : positive(0, ((n * height + y) * width + z) * channels + c);
  const wAt = (/** @type {number[]} */ [ky = 0, kx = 0, c = 0, o = 0]) =>
    positive(1, ((ky * kernelWidth + kx) * groupChannels + c) * outputs + o);
  const dyAt = (/** @type {number[]} */ [n = 0, y = 0, z = 0, o = 0]) =>
    positive(2, ((n * down + y) * across + z) * outputs + o);
  let sum = 0;
  if (direction === "weights") {
    for (const n of range(images))
      for (const y of range(down))
        for (const z of range(across)) sum += xAt([n, y * stride - top, z * stride - left]) * dyAt([n, y, z]);
    return sum;
  }
  for (const ky of range(kernelHeight)) {
    for (const kx of range(kernelWidth)) {
      if (direction === "forward") {
        for (const c of range(groupChannels)) sum += xAt([0, ky - top, kx - left, c]) * wAt([ky, kx, c]);
        continue;
      }
      const [y, z] = [(top - ky) / stride, (left - kx) / stride];
      if (y < 0 || z < 0 || !Number.isInteger(y) || !Number.isInteger(z)) continue;
      for (const o of range(outputs / groups)) sum += dyAt([0, y, z, o]) * wAt([ky, kx, 0, o]);
    }
  }
  return sum;
}

/** The flat vectors [parameters] of the update; the gradient stays the same at every step. */
export function flatVectors(/** @type {Case} */ { parameters = 0 }) {
  return {
    parameter: fill(parameters, (i) => signed(0, i)),
    gradient: fill(parameters, (i) => signed(1, i)),
  };
}

/** Which way the update pushes parameter 0. */
export const firstGradientSign = () => Math.sign(signed(1, 0));
