import { createEngine } from "../../build/bundle/node/index.js";
import { toTflite } from "../../build/bundle/node/tflite.js";
import { check, finish } from "./support/check.js";
import { MODELS, prepared } from "./support/tflite-models.js";
import { runTflite, runResized } from "./support/tflite-runtime.js";
const engine = await createEngine({ threads: 1 });
for (const name of Object.keys(MODELS)) {
  try {
    const { model, inputs } = await prepared(name, engine, 2);
    const file = await toTflite(model, { engine });
    const { results } = await runTflite(file, inputs.map((values) => ({ values, shape: [1, ...model.inputShape] })));
    let worst = 0;
    for (const [k, input] of inputs.entries()) {
      const wanted = await model.predict([[...input]], { engine });
      if (wanted.length !== results[k].length) throw new Error(`length ${results[k].length} for ${wanted.length}`);
      for (const [i, value] of wanted.entries()) {
        const d = Math.abs(value - results[k][i]) / Math.max(1, Math.abs(value));
        if (!(d <= worst)) worst = d;
      }
    }
    check(name, worst < 1e-5, worst);
  } catch (error) { check(name, false, String(error.stack).slice(0,300)); }
}
finish();
process.exit();
