// LiteRT in WebAssembly: the model as the project exports it, with floats or with integers of 8 bits.
import { liteRt } from "../../scripts/litert.js";
import { Unable } from "../systems.js";
import { inputsOf } from "../workload.js";
import { library } from "./downhill.js";
import { modelOf } from "./downhill-models.js";

/** @param {{ integers?: boolean }} options */
export async function open({ integers = false }) {
  const { loadAndCompile, Tensor } = await liteRt(import.meta.url);
  const { default: facts } = await import("@litertjs/core/package.json", { with: { type: "json" } });

  async function inference(c) {
    const { createEngine } = await library.core();
    const { toTflite } = await library.tflite();
    const { inputs, shape } = inputsOf(c);
    const engine = await createEngine({ threads: 1 });
    const quantization = integers ? { quantization: { calibration: inputs } } : {};
    const file = await toTflite(await modelOf(c, engine, library), {
      batchSize: c.batch,
      ...quantization,
    }).catch(({ message }) => {
      throw new Unable(message);
    });
    await engine.close();
    const model = await loadAndCompile(file, { accelerator: "wasm" });
    let scores;
    return {
      async run(count) {
        for (let i = 0; i < count; i++) {
          const input = new Tensor(inputs, [c.batch, ...shape]);
          const [output] = await model.run([input]);
          scores = output.toTypedArray();
          input.delete();
          output.delete();
        }
        return scores[0];
      },
      close: () => model.delete(),
    };
  }

  return { version: facts.version, threads: 1, instructionSet: "plain", suites: { inference } };
}
