// The project itself, from its build. The options are those of createEngine; `ceiling` times the register-only
// loop of the same module instead.
import { Unable } from "../systems.js";
import { inputsOf } from "../workload.js";
import { modelOf } from "./downhill-models.js";
import { unitsOf } from "./downhill-units.js";

const build = "../../build/bundle/node/";

/** @type {import("./downhill-units.js").Library} */
export const library = {
  core: () => import(`${build}index.js`),
  data: () => import(`${build}data.js`),
  layers: () => import(`${build}layers.js`),
  optim: () => import(`${build}optim.js`),
  onnx: () => import(`${build}onnx.js`),
  quantize: () => import(`${build}quantize.js`),
  tflite: () => import(`${build}tflite.js`),
  internals: () => import(`${build}internals.js`),
};

export async function open({ ceiling = false, ...options } = {}) {
  const { createEngine } = await library.core();
  const engine = await createEngine({ threads: 1, ...options });
  if (options.wide && !engine.wide) throw new Unable("this Node cannot join vector instructions");
  const { peak, product, ...others } = unitsOf(engine, library);
  return {
    version: process.version,
    threads: engine.threads,
    instructionSet: engine.instructionSet + (engine.wide ? " wide" : ""),
    suites: ceiling ? { gemm: peak, kernels: peak, matrices: peak } : { gemm: product, ...others },
  };
}

/** The first number that a case's model predicts, in exact arithmetic: what every system is held to. */
export async function firstScore(c) {
  const { createEngineSync } = await library.core();
  const engine = createEngineSync({ numerics: "exact" });
  const model = await modelOf(c, engine, library);
  return model.predictSync(inputsOf(c).inputs, { engine })[0];
}
