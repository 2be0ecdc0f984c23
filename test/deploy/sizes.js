// What a page loads before it can predict, zipped: a compiled model, and the same model in onnxruntime-web and TensorFlow.js.
// The table is that of docs/standalone.md.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { createEngine, dense, dropout, flatten, sequential } from "../../build/src/index.js";
import { conv2d, maxPool2d } from "../../build/src/layers.js";
import { quantize } from "../../build/src/quantize/index.js";
import { compileModel } from "../../build/src/standalone/index.js";
import { check, finish } from "./support/check.js";

const zipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
const file = (path) => readFileSync(new URL(`node_modules/${path}`, import.meta.url));

/** Those of examples/mnist.js and examples/cnn.js. */
const models = {
  "MLP 784-64-64-10": sequential(
    { input: [784] },
    dense(64, { activation: "relu" }),
    dense(64, { activation: "relu" }),
    dense(10),
  ),
  "CNN of examples/cnn.js": sequential(
    { input: [28, 28, 1] },
    conv2d(16, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    conv2d(32, 3, { padding: "same", activation: "relu" }),
    maxPool2d(2),
    flatten(),
    dense(64, { activation: "relu" }),
    dropout(0.3),
    dense(10),
  ),
};

/** What a bundler makes of the imports that predicting needs, minified. */
async function bundled(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    external: ["node:*", "fs", "path", "worker_threads", "perf_hooks", "os"],
    logLevel: "error",
  });
  return outputFiles[0].contents;
}

const others = {
  "onnxruntime-web": {
    script: file("onnxruntime-web/dist/ort.wasm.bundle.min.mjs"),
    wasm: file("onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"),
  },
  "TensorFlow.js": {
    script: await bundled(`
      import "@tensorflow/tfjs-backend-wasm";
      export { setBackend, tensor } from "@tensorflow/tfjs-core";
      export { loadLayersModel } from "@tensorflow/tfjs-layers";`),
    wasm: file("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm"),
  },
};

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
const engine = await createEngine({ threads: 1 });
console.log(
  "| model | in | JavaScript | WebAssembly | weights | together, zipped |\n|---|---|---|---|---|---|",
);
const row = (model, name, script, wasm, weights) => {
  console.log(
    `| ${model} | ${name} | ${kilobytes(script)} | ${kilobytes(wasm)} | ${kilobytes(weights)} | **${kilobytes(script + wasm + weights)}** |`,
  );
  return script + wasm + weights;
};
for (const [name, model] of Object.entries(models)) {
  await model.initialize({ engine, seed: 1 });
  const { code, wasm, weights } = await compileModel(model, { wasm: "beside" });
  const own = row(name, "a compiled model", zipped(code), zipped(wasm.plain), zipped(weights));
  // What is seen here decides scales, and no sizes.
  const calibration = Float32Array.from({ length: 16 * 784 }, (_, i) => ((i * 7919) % 1013) / 1013);
  const small = await compileModel(await quantize(model, { calibration, engine }), { wasm: "beside" });
  const bytes = row(
    name,
    "a compiled model, int8",
    zipped(small.code),
    zipped(small.wasm.plain),
    zipped(small.weights),
  );
  check(`${name}: int8 within 150 kB`, bytes < 150_000, bytes);
  for (const [other, files] of Object.entries(others)) {
    // Its own format for the model holds the same numbers and a little more: that little is left out.
    const whole = row(name, other, zipped(files.script), zipped(files.wasm), zipped(weights));
    check(
      `${name}: code smaller than ${other}'s by ten times and more`,
      whole - zipped(weights) > 10 * (own - zipped(weights)),
      whole,
    );
  }
}
await engine.close();
finish();
