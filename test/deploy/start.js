// What `npm start` trains, taken to other runtimes by examples/export.js: they read the same digits.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as ort from "onnxruntime-web";
import { mnist } from "../../build/bundle/node/data.js";
import {
  adam,
  createEngine,
  dense,
  sequential,
  softmaxCrossEntropy,
  train,
} from "../../build/bundle/node/index.js";
import { check, finish } from "./support/check.js";
import { runTflite } from "./support/tflite-runtime.js";

const EXAMPLES = 300;
const folder = mkdtempSync(join(tmpdir(), "downhill-"));
const engine = await createEngine({ threads: 1 });
const digits = await mnist();
const model = sequential(
  { input: [784] },
  dense(64, { activation: "relu" }),
  dense(64, { activation: "relu" }),
  dense(10),
);
await train(model, {
  engine,
  data: digits.train.take(4000),
  loss: softmaxCrossEntropy,
  optimizer: adam({ learningRate: 3e-3 }),
  batchSize: 64,
  epochs: 3,
});
await model.save(join(folder, "digits.safetensors"));

const script = fileURLToPath(new URL("../../examples/export.js", import.meta.url));
const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: "utf8" });
check("the example ends well", status === 0, stderr);

const unseen = digits.test.take(EXAMPLES);
const inputs = Float32Array.from([...unseen].flatMap(({ input }) => [...input]));
const read = (scores) =>
  Array.from({ length: EXAMPLES }, (_, i) => {
    const row = scores.subarray(10 * i, 10 * i + 10);
    return row.indexOf(Math.max(...row));
  });
const own = read(await model.predict(unseen, { engine }));
const right = [...unseen].filter(({ label }, i) => label === own[i]).length;
check(`${right} of ${EXAMPLES} unseen digits are read`, right > 0.85 * EXAMPLES, right);
const agreeing = (other) => other.filter((digit, i) => digit === own[i]).length;

const session = await ort.InferenceSession.create(readFileSync(join(folder, "digits.onnx")));
const { output } = await session.run({ input: new ort.Tensor("float32", inputs, [EXAMPLES, 784]) });
const inOnnx = agreeing(read(output.data));
check("onnxruntime-web reads the same", inOnnx === EXAMPLES, inOnnx);

for (const [name, least] of [
  ["digits.tflite", EXAMPLES],
  ["digits-int8.tflite", 0.98 * EXAMPLES],
]) {
  const batches = Array.from({ length: EXAMPLES }, (_, i) => ({
    values: inputs.slice(784 * i, 784 * i + 784),
    shape: [1, 784],
  }));
  const { results } = await runTflite(readFileSync(join(folder, name)), batches);
  const same = agreeing(read(Float32Array.from(results.flatMap((scores) => [...scores]))));
  check(`LiteRT reads ${same} of ${EXAMPLES} as here, ${name}`, same >= least, same);
}

const { load } = await import(pathToFileURL(join(folder, "digits.js")).href);
const { predict } = await load(readFileSync(join(folder, "digits.weights")));
const standalone = agreeing(read(predict(inputs)));
check("the module of its own reads the same", standalone === EXAMPLES, standalone);

await engine.close();
rmSync(folder, { recursive: true });
finish();
