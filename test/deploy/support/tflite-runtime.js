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

/**
 * Integers that a file with integers at both ends makes of integers. The interface for JavaScript refuses such files when it
 * loads them ("Element type INT8 is not supported"), so the compiled model below it is asked directly.
 * @param {Uint8Array} file
 * @param {readonly Int8Array[]} inputs Run one by one.
 */
export async function runIntegers(file, inputs) {
  const { liteRtEnvironment } = runtime.getDefaultEnvironment();
  const { LiteRtTensorBuffer, LiteRtTensorBufferType, LiteRtTensorBufferLockMode } = liteRtWasm;
  const at = liteRtWasm._malloc(file.length);
  liteRtWasm.HEAPU8.set(file, at);
  const model = liteRtWasm.loadModel(liteRtEnvironment, at, file.length);
  const compiled = await liteRtWasm.compileModel(liteRtEnvironment, model, {
    accelerator: "wasm",
    cpuOptions: { numThreads: 1 },
    gpuOptions: {},
    webNNOptions: {},
  });
  const type = model.getInputTensorType(0, 0);
  const results = [];
  for (const input of inputs) {
    if (input.length !== type.bytes()) throw new Error(`got ${input.length} bytes, wanted ${type.bytes()}`);
    const buffer = LiteRtTensorBuffer.createManaged(
      liteRtEnvironment,
      LiteRtTensorBufferType.HOST_MEMORY,
      type,
      input.length,
    );
    liteRtWasm.HEAPU8.set(new Uint8Array(input.buffer), buffer.lock(LiteRtTensorBufferLockMode.WRITE));
    buffer.unlock();
    const [output] = await compiled.run(0, [buffer]);
    const from = output.lock(LiteRtTensorBufferLockMode.READ);
    results.push(new Int8Array(liteRtWasm.HEAPU8.slice(from, from + output.packedSize()).buffer));
    output.unlock();
    for (const each of [buffer, output]) each.delete();
  }
  for (const each of [type, compiled, model]) each.delete();
  liteRtWasm._free(at);
  return results;
}
