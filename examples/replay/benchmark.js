// What both hosts do with the file: read some digits, then train, and see how long that takes.
import { load } from "./replay.js";

/**
 * @param {WebAssembly.Module} module
 * @param {Uint8Array} file
 * @param {number} steps
 */
export function benchmark(module, file, steps) {
  const { memory, programs, run } = load(module, file);
  const { input, output } = programs.predict.places;
  const { inputs, labels, log } = programs.train.places;
  const [digits, classes] = output.shape;
  // Digits of the training data as the network sees them: 0 … 1.
  const pixels = new Uint8Array(memory.buffer, inputs.address, digits * 784);
  new Float32Array(memory.buffer, input.address, pixels.length).set(
    Float32Array.from(pixels, (pixel) => pixel / 255),
  );
  run("predict");
  const wanted = new Int32Array(memory.buffer, labels.address, digits);
  const right = wanted.filter((label, digit) => {
    const scores = new Float32Array(memory.buffer, output.address + digit * classes * 4, classes);
    return scores.indexOf(Math.max(...scores)) === label;
  }).length;

  const start = performance.now();
  run("train", steps);
  const milliseconds = performance.now() - start;
  const [, columns] = log.shape;
  const losses = new Float32Array(memory.buffer, log.address, steps * columns);
  return { digits, right, losses: [losses[0], losses[(steps - 1) * columns]], milliseconds };
}
