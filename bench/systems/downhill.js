// The project itself, from its build. The options are those of createEngine; `ceiling` times the register-only
// loop of the same module instead.
import { Unable } from "../systems.js";
import { unitsOf } from "./downhill-units.js";

const build = "../../build/bundle/node/";

/** @type {import("./downhill-units.js").Library} */
const library = {
  core: () => import(`${build}index.js`),
  data: () => import(`${build}data.js`),
  layers: () => import(`${build}layers.js`),
  optim: () => import(`${build}optim.js`),
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
