// LiteRT in Node: its loader wants a page or a worker, and its script to be one of them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { compileFunction } from "node:vm";

const folder = new URL("../node_modules/@litertjs/core/wasm/", import.meta.url);

/** Runs a script as Node runs a module of its own kind, and leaves what it makes where the loader looks for it. */
function importScripts(address) {
  const path = fileURLToPath(address);
  const module = { exports: {} };
  const names = ["require", "module", "exports", "__dirname", "__filename"];
  const run = compileFunction(readFileSync(path, "utf8"), names, { filename: path });
  run(createRequire(path), module, module.exports, dirname(path), path);
  globalThis.ModuleFactory = module.exports;
  // What goes well is not worth a line, and errors are thrown.
  globalThis.Module = {
    wasmBinary: readFileSync(path.replace(/\.js$/, ".wasm")),
    print() {},
    printErr() {},
  };
}

// It asks for a graphics adapter, and is loud where there is no navigator to ask.
Object.assign(globalThis, { self: globalThis, importScripts });
const { loadAndCompile, loadLiteRt, Tensor } = await import("@litertjs/core");
const { liteRtWasm } = await loadLiteRt(folder.href);
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
