// What LiteRT makes of a file in Node.
import { liteRt } from "../../../scripts/litert.js";

const { loadAndCompile, runtime, Tensor } = await liteRt(import.meta.url);
const { liteRtWasm } = runtime;
// It knows no sizes that are not said: what runs them is asked directly.
const strict = liteRtWasm.checkTensorBufferCompatible;

/**
 * Outputs of a file for inputs of some shape.
 * @param {Uint8Array} file
 * @param {readonly { values: Float32Array | Int32Array | Int8Array, shape: readonly number[] }[]} batches Run one by one.
 */
export async function runTflite(file, batches) {
  const compiled = await loadAndCompile(file, { accelerator: "wasm" });
  const results = [];
  for (const { values, shape } of batches) {
    const input = new Tensor(values, shape);
    const [output] = await compiled.run([input]);
    results.push(output.toTypedArray());
    input.delete();
    output.delete();
  }
  const [input] = compiled.getInputDetails();
  const [output] = compiled.getOutputDetails();
  compiled.delete();
  return { results, input, output };
}

/** The output of a file whose batch may be resized for another batch: in front of what there was room for. */
export async function runResized(file, batch) {
  liteRtWasm.checkTensorBufferCompatible = () => {};
  try {
    return (await runTflite(file, [batch])).results[0];
  } finally {
    liteRtWasm.checkTensorBufferCompatible = strict;
  }
}
