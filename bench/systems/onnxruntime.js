// ONNX Runtime, in WebAssembly or native: the model as the project exports it.
import { inputsOf } from "../workload.js";
import { library } from "./downhill.js";
import { modelOf } from "./downhill-models.js";

/** @param {{ runtime: "web" | "node", threads: number }} options */
export async function open({ runtime, threads }) {
  const ort = await import(`onnxruntime-${runtime}`);
  ort.env.logLevel = "error";
  if (runtime === "web") ort.env.wasm.numThreads = threads;

  async function inference(c) {
    const { createEngine } = await library.core();
    const { toOnnx } = await library.onnx();
    const engine = await createEngine({ threads: 1 });
    const file = await toOnnx(await modelOf(c, engine, library));
    await engine.close();
    const session = await ort.InferenceSession.create(file, {
      executionProviders: [runtime === "web" ? "wasm" : "cpu"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    });
    const [input] = session.inputNames;
    const [output] = session.outputNames;
    const { inputs, shape } = inputsOf(c);
    const type = inputs instanceof Int32Array ? "int32" : "float32";
    let scores;
    return {
      async run(count) {
        for (let i = 0; i < count; i++) {
          // As an application has it: numbers that are not yet a tensor.
          const results = await session.run({
            [input]: new ort.Tensor(type, inputs, [c.batch, ...shape]),
          });
          scores = results[output].data;
        }
        return scores[0];
      },
      close: () => session.release(),
    };
  }

  return {
    version: ort.env.versions[runtime],
    threads,
    instructionSet: runtime === "web" ? "plain" : "native",
    suites: { inference },
  };
}
