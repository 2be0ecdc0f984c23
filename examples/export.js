// Takes the network that `npm start` has trained to where others run it: an ONNX file, a TFLite file, one of integers of
// 8 bits, and a module of its own. An argument names the folder of digits.safetensors, in which the files are written.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dense, sequential } from "downhill";
import { mnist } from "downhill/data";
import { toOnnx } from "downhill/onnx";
import { compileModel } from "downhill/standalone";
import { toTflite } from "downhill/tflite";

const folder = process.argv[2] ?? ".";
const model = sequential(
  { input: [784] },
  dense(64, { activation: "relu" }),
  dense(64, { activation: "relu" }),
  dense(10),
);
await model.load(join(folder, "digits.safetensors"));

const calibration = (await mnist()).train.take(500);
const classNames = Array.from("0123456789");
const { code, weights } = await compileModel(model, { classNames });
const files = {
  "digits.onnx": await toOnnx(model, { activation: "softmax", classNames }),
  "digits.tflite": await toTflite(model, { activation: "softmax" }),
  "digits-int8.tflite": await toTflite(model, { activation: "softmax", quantization: { calibration } }),
  "digits.js": code,
  "digits.weights": weights,
};
for (const [name, contents] of Object.entries(files)) {
  await writeFile(join(folder, name), contents);
  console.log(`${name.padEnd(20)} ${contents.length} bytes`);
}
