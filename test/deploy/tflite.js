// TFLite files in LiteRT: floats make what `predict` makes, integers what the specification's arithmetic makes.
import { createEngine } from "../../build/bundle/node/index.js";
import { toTflite } from "../../build/bundle/node/tflite.js";
import { check, finish } from "./support/check.js";
import { simulate } from "./support/tflite-integers.js";
import { MODELS, prepared } from "./support/tflite-models.js";
import { checkNumbers, readTflite } from "./support/tflite-reader.js";
import { runResized, runTflite } from "./support/tflite-runtime.js";

const engine = await createEngine({ threads: 1 });

/** The largest difference of two results, by their size where that is above 1. */
function apart(got, wanted) {
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [k, value] of wanted.entries()) {
    const difference = Math.abs(value - got[k]) / Math.max(1, Math.abs(value));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

async function attempt(what, work) {
  try {
    await work();
  } catch (error) {
    check(what, false, String(error.message ?? error));
  }
}
const batchOf = (model) => (values) => ({ values, shape: [1, ...model.inputShape] });

for (const name of process.env.INT ? [] : Object.keys(MODELS)) {
  await attempt(name, async () => {
    const { model, inputs } = await prepared(name, engine, 2);
    const file = await toTflite(model, { engine });
    checkNumbers(readTflite(file).model);
    const { results } = await runTflite(file, inputs.map(batchOf(model)));
    const wanted = await model.predict(inputs.map((input) => [...input]), { engine });
    const size = wanted.length / inputs.length;
    const worst = Math.max(...results.map((got, k) => apart(got, wanted.subarray(k * size, (k + 1) * size))));
    check(name, worst <= 1e-5, worst);
  });
}

/** Models of which all is integers, with what is asked for beside. */
const INTEGERS = [
  ["mnist"], ["mnist", { dense: "perTensor" }], ["mnist", { activation: "softmax" }], ["mnist", { activation: "sigmoid" }], ["cnn"], ["resnet"], ["autoencoder"], ["tabular"],
  ["conv same, stride 2"], ["conv padded by 1, stride 2"], ["conv grouped"], ["conv dilated"], ["conv 1 × 1"],
  ["conv reflected"], ["conv1d causal"],
  ["depthwise, stride 2"], ["depthwise, multiplier 2, dilated"], ["separable"], ["transposed same"],
  ["transposed valid"], ["transposed with output padding"], ["max pool, same, stride 2"], ["max pool padded"], ["average pool"], ["average pool, padding counted"],
  ["global pools"],
  ["activation relu6"], ["activation sigmoid"], ["activation tanh"], ["activation leakyRelu"], ["activation elu"], ["activation silu"],
  ["op add"], ["op sub"], ["op mul"], ["moving about"], ["softmax"],
];

for (const [name, asked = {}] of INTEGERS) {
  const what = `8 bits: ${name} ${Object.values(asked).join(" ")}`;
  await attempt(what, async () => {
    const { model, inputs } = await prepared(name, engine, 12);
    const { activation, ...how } = asked;
    const calibration = inputs.map((input) => [...input]);
    const made = (more) => toTflite(model, { engine, activation, quantization: { calibration, ...how, ...more } });
    const file = await made({});
    const { model: read } = readTflite(file);
    checkNumbers(read);
    const [{ operators, tensors }] = read.subgraphs;
    const { scale: [unit] } = tensors[operators.at(-1).inputs[0]].quantization;
    const few = inputs.slice(0, 4);
    const { results } = await runTflite(file, few.map(batchOf(model)));
    const got = results.flatMap((each) => [...each]);
    const differing = (rounding) => {
      const run = simulate(file, { rounding });
      const steps = few.flatMap((each) => [...run(each).values]).map((value, k) => Math.abs(value - got[k]) / unit);
      return { count: steps.filter((each) => !(each < 1e-3)).length, most: Math.max(...steps.map((each) => Number.isFinite(each) ? each : 1e9)) };
    };
    const [fixed, float] = [differing("fixed"), differing("float")];
    check(`${what}: fixed ${fixed.count}, ${fixed.most.toFixed(2)}; float ${float.count}, ${float.most.toFixed(2)} of ${got.length}`, float.most < 1.001, float);
    const floats = activation ? got : await model.predict(calibration.slice(0, 4), { engine });
    const error = Math.max(...Array.from(floats, (value, k) => Math.abs(value - got[k]) / unit));
    console.log(`     largest error ${error.toFixed(1)} steps`);
  });
}
finish();
process.exit();
