// What the tests of training share: weights, data and models that are small, deterministic and not symmetric.

import { type Batch, type Dataset, dataset } from "#src/data/index";
import {
  accuracy,
  dense,
  type Engine,
  type Layer,
  type Model,
  sequential,
  sgd,
  softmaxCrossEntropy,
} from "#src/index";

/** Wellons, "Prospecting for Hash Functions" (2018), lowbias32: the same bits in every language. */
function hash(i: number): number {
  let h = i >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The i-th of some numbers spread evenly over −1 ≤ u < 1, exact in 32-bit floats. */
export const spread = (i: number): number => (hash(i) >>> 8) / 2 ** 23 - 1;

export const numbers = (count: number, from = 0, scale = 1): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => spread(from + i) * scale);

/** Gives a model weights that depend on nothing but their places and `from`. */
export function setWeights(model: Model, from = 1000): void {
  let at = from;
  const values = model.weights.segments.map(({ name, shape, size }) => {
    const numbersOf = numbers(size, at, 0.5);
    at += size;
    return [name, { shape, values: numbersOf }] as const;
  });
  model.setParameters(new Map(values));
}

/** All weights, one after the other. */
export function weightsOf(model: Model): Float32Array {
  return Float32Array.from([...model.parameters().values()].flatMap(({ values }) => [...values]));
}

/** The bits of floats: what bitwise equality compares, NaN and −0 included. */
export const bits = (values: Float32Array): Int32Array =>
  new Int32Array(values.buffer, values.byteOffset, values.length);

/** features → 12 → 4, with ReLU between; with weights. */
export function classifier(features = 6, ...between: Layer[]): Model {
  const model = sequential({ input: [features] }, dense(12, { activation: "relu" }), ...between, dense(4));
  setWeights(model);
  return model;
}

/** Examples of four classes that a classifier can tell apart for the most part. */
export function classes(n: number, features = 6): Dataset {
  const inputs = numbers(n * features, 77);
  const labels = Int32Array.from({ length: n }, (_, i) => {
    const [a, b] = inputs.subarray(i * features, i * features + 2) as unknown as [number, number];
    return (a > 0 ? 2 : 0) + (b > 0 ? 1 : 0);
  });
  return dataset({ inputs: { values: inputs, shape: [features] }, labels, classes: 4 });
}

/** How the tests of callbacks train a classifier: 40 examples, three steps an epoch. */
export const training = (engine: Engine) => ({
  loss: softmaxCrossEntropy,
  metrics: [accuracy],
  optimizer: sgd({ learningRate: 0.1 }),
  engine,
  data: classes(40),
  batchSize: 16,
  seed: 1,
});

/** features → 9 → 2, with tanh between; with weights. */
export function regressor(features = 5): Model {
  const model = sequential({ input: [features] }, dense(9, { activation: "tanh" }), dense(2));
  setWeights(model);
  return model;
}

/** Examples whose targets are smooth functions of the inputs. */
export function curve(n: number, features = 5): Dataset {
  const inputs = numbers(n * features, 5);
  const targets = Float32Array.from({ length: n * 2 }, (_, i) => {
    const x = inputs[(i >> 1) * features]!;
    const y = inputs[(i >> 1) * features + 1]!;
    return i % 2 === 0 ? x * y : x - y * y;
  });
  return dataset({ inputs: { values: inputs, shape: [features] }, targets: { values: targets, shape: [2] } });
}

/** Some rows of a dataset as one batch. */
export function batchOf(data: Dataset, rows: ArrayLike<number>): Batch {
  const [batch] = data.subset(rows).batch("full");
  return batch!;
}
