// What the worker knows: a network that reads digits, and how well it has done so far. It lies in the isolate's memory.
import {
  accuracy,
  createEngineSync,
  createTrainerSync,
  dense,
  sequential,
  sgd,
  softmax,
  softmaxCrossEntropy,
} from "downhill";

export const PIXELS = 784;
export const CLASSES = 10;

// One thread, and the bits of every other runtime. A little over a megabyte is used; the limit says so if that changes.
const engine = createEngineSync({ numerics: "exact", memoryLimit: 8 * 2 ** 20 });
const model = sequential({ input: [PIXELS] }, dense(32, { activation: "relu" }), dense(CLASSES));
const probabilitiesOf = sequential({ input: [CLASSES] }, (x) => softmax(x));
// Without momentum: the weights are all that there is to keep.
const trainer = createTrainerSync(model, {
  loss: softmaxCrossEntropy,
  metrics: [accuracy],
  optimizer: sgd({ learningRate: 0.05 }),
  seed: 1,
  engine,
});

let seen = 0;
let right = 0;
let lossSum = 0;

/** Bytes 0 … 255 as the network sees them. */
const scaled = (/** @type {ArrayLike<number>} */ pixels) => Float32Array.from(pixels, (byte) => byte / 255);

/**
 * One training step. What it measures is of the network as it was before: whether it would have read the digit right.
 * @param {{ pixels: ArrayLike<number>, label: number }} digit
 */
export function learn({ pixels, label }) {
  const { loss, metrics } = trainer.stepSync({
    inputs: scaled(pixels),
    labels: Int32Array.of(label),
    targets: undefined,
    size: 1,
  });
  seen++;
  right += metrics.accuracy ?? 0;
  lossSum += loss;
  return { loss, right: metrics.accuracy === 1 };
}

/** @param {ArrayLike<number>} pixels */
export function predict(pixels) {
  const scores = model.predictSync(scaled(pixels), { engine });
  const probabilities = [...probabilitiesOf.predictSync(scores, { engine })];
  return { class: probabilities.indexOf(Math.max(...probabilities)), probabilities };
}

/** The weights as the bytes of a safetensors file. */
export const weights = () => /** @type {Uint8Array<ArrayBuffer>} */ (model.toBytes());

/**
 * Takes weights that `weights` gave, here or elsewhere; throws an error of downhill's for any others, and keeps its own.
 * @param {Uint8Array} bytes
 */
export function restore(bytes) {
  const before = model.toBytes();
  model.fromBytes(bytes);
  const finite = [...model.parameters().values()].every(({ values }) => values.every(Number.isFinite));
  if (!finite) model.fromBytes(before);
  return finite;
}

/** How it has done, and the memory that it takes: WebAssembly's grows and never shrinks, so that its size is its peak. */
export const status = () => ({
  seen,
  accuracy: seen > 0 ? right / seen : null,
  loss: seen > 0 ? lossSum / seen : null,
  memory: { used: engine.memoryUsed, peak: engine.memory.buffer.byteLength },
});
