// The project's quantized models: int8 weights and activations, calibrated on the inputs that are predicted from.
import { inputsOf } from "../workload.js";
import { library } from "./downhill.js";
import { modelOf } from "./downhill-models.js";

export async function open(options) {
  const { createEngine } = await library.core();
  const { quantize } = await library.quantize();
  const engine = await createEngine(options);

  async function inference(c) {
    const { inputs } = inputsOf(c);
    const model = await modelOf(c, engine, library);
    const small = await quantize(model, {
      weights: "int8",
      activations: "int8",
      calibration: inputs,
      engine,
    });
    await small.prepare({ batchSize: c.batch, engine });
    let scores;
    return {
      async run(count) {
        for (let i = 0; i < count; i++)
          scores =
            engine.threads === 1
              ? small.predictSync(inputs, { engine })
              : await small.predict(inputs, { engine });
        return scores[0];
      },
    };
  }

  return {
    version: process.version,
    threads: engine.threads,
    instructionSet: engine.instructionSet,
    suites: { inference },
  };
}
