// Models written as ONNX files and read again: the architectures of all examples, layers and ops one by one, and networks
// drawn from seeds predict what they predicted, at two batch sizes, in both opsets.
import { createEngine } from "../../build/src/index.js";
import { fromOnnx, toOnnx } from "../../build/src/onnx/index.js";
import { check, finish } from "./support/check.js";
import { drawn, examples, inputsFor, pieces, randomize } from "./support/models.js";

/** Of the largest output: the sums of what was folded go in another order. */
const TOLERANCE = 1e-5;
const DRAWN = 24;
const BATCHES = [1, 5];

const engine = await createEngine({ threads: 1 });

function difference(got, wanted) {
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  return wanted.reduce((most, value, k) => Math.max(most, Math.abs(got[k] - value) / scale), 0);
}

async function returns(name, make, opset) {
  try {
    const { model, below = 0 } = make();
    await randomize(model, engine);
    const back = await fromOnnx(await toOnnx(model, { engine, opset }));
    const found = [];
    for (const count of BATCHES) {
      const inputs = inputsFor(model, count, count + 10, below);
      found.push(difference(await back.predict(inputs, { engine }), await model.predict(inputs, { engine })));
    }
    check(
      `opset ${opset}: ${name}`,
      found.every((each) => each <= TOLERANCE),
      found,
    );
  } catch (error) {
    check(`opset ${opset}: ${name}`, false, error.stack ?? String(error));
  }
}

const networks = Array.from({ length: DRAWN }, (_, k) => [`drawn network ${k + 1}`, drawn(k + 1)]);
for (const opset of [17, 21])
  for (const [name, make] of [...Object.entries(examples()), ...Object.entries(pieces()), ...networks])
    await returns(name, make, opset);
await engine.close();
finish();
