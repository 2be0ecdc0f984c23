// Replays the file of write.js in Node: node examples/replay/node.js [steps]
import { readFileSync } from "node:fs";
import { benchmark } from "./benchmark.js";

const read = (/** @type {string} */ name) => readFileSync(new URL(`build/${name}`, import.meta.url));
const module = new WebAssembly.Module(read("kernels.wasm"));
const steps = Number(process.argv[2] ?? 1000);
// The first time warms up: hot kernels change to their optimized code.
for (let round = 0; round < 3; round++) {
  const { digits, right, losses, milliseconds } = benchmark(module, read("digits.program"), steps);
  console.log(
    `read ${right} of ${digits} digits right; loss ${losses.join(" → ")}; ` +
      `${Math.round((1000 * steps) / milliseconds)} steps a second`,
  );
}
