// Table of contents of the measured systems, in the order in which they are printed.
//
// To add a system: write systems/<name>.js and add a row here. The file exports
//
//   export async function open(options) {          // load the library here, not at the top: `start` times it
//     return {
//       version: "1.2.3", threads: 1, instructionSet: "relaxed",
//       suites: { gemm(case) { … }, steps(case) { … }, epoch(case) { … }, … },  // those that it can do
//     };
//   }
//
// where each suite's function (it may be async) sets up one case of suites.js on the numbers of workload.js, and returns
//
//   { run(count), close?(), note?, flops?, bytes? }
//
// `run` (it may be async) does `count` units of work (training steps, products, updates) and returns when all of
// them are finished, with one number that proves it: the last step's loss, the product's first element, the first
// parameter. The suite checks that number; a ceiling, which computes nothing, returns none. Many units in one call
// of the library are welcome. `note` is printed with the row; `flops` and `bytes` replace the case's own. The suite
// `start` needs nothing more: it is `open`, `steps` and `run(1)` in a fresh process.
//
// What a system cannot do it refuses by throwing Unable with the reason, which is printed instead of numbers. A
// system in Python speaks the lines of host.js itself: see systems/pytorch.py.

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} file in systems/
 * @property {Record<string, unknown>} [options] handed to `open`
 * @property {boolean} [reference] gets a column of ratios; where a suite has none, its first system does
 * @property {number} [tolerance] of its numbers, where it computes with few bits
 * @property {string[]} [suites] only these; all that it has if left out
 */

/** @type {Entry[]} */
export const systems = [
  { name: "downhill", file: "downhill.js", reference: true },
  { name: "downhill", file: "downhill.js", options: { threads: 2 } },
  { name: "downhill wide", file: "downhill.js", options: { wide: true } },
  { name: "downhill exact", file: "downhill.js", options: { numerics: "exact" } },
  {
    name: "ceiling",
    file: "downhill.js",
    options: { ceiling: true },
    suites: ["gemm", "kernels", "matrices"],
    reference: true,
  },
  {
    name: "ceiling, plain",
    file: "downhill.js",
    options: { ceiling: true, numerics: "exact" },
    suites: ["gemm"],
    reference: true,
  },
  {
    name: "downhill int8",
    file: "downhill-int8.js",
    options: { threads: 1 },
    suites: ["inference"],
    tolerance: 0.1,
  },
  { name: "plain copy", file: "copy.js", suites: ["update", "optimizers"], reference: true },
  { name: "pytorch", file: "pytorch.py", options: { threads: 1 }, reference: true },
  { name: "pytorch", file: "pytorch.py", options: { threads: 2 } },
  { name: "onnxruntime-web", file: "onnxruntime.js", options: { runtime: "web", threads: 1 } },
  { name: "onnxruntime-web", file: "onnxruntime.js", options: { runtime: "web", threads: 2 } },
  { name: "onnxruntime-node", file: "onnxruntime.js", options: { runtime: "node", threads: 1 } },
  { name: "onnxruntime-node", file: "onnxruntime.js", options: { runtime: "node", threads: 2 } },
  { name: "litert", file: "litert.js" },
  { name: "litert int8", file: "litert.js", options: { integers: true }, tolerance: 0.1 },
  { name: "jax-js", file: "jax-js.js" },
  { name: "tfjs-wasm", file: "tfjs.js", options: { backend: "wasm" } },
  { name: "tfjs-cpu", file: "tfjs.js", options: { backend: "cpu" }, suites: ["steps"] },
  { name: "brain.js", file: "brain.js", suites: ["steps"] },
];

/** Thrown by a system that cannot do a case; the message is the reason. */
export class Unable extends Error {}
