// What an engine comes to in surroundings that lack something: how many threads, what it computes, or which error.
import { createEngine, train } from "downhill";
import { mnistFromBytes } from "downhill/data";
import { errorOf } from "../../conformance/errors.js";
import { MODELS, trainingOf } from "../../conformance/models.js";
import { weightsOf } from "../../conformance/suite.js";
import { digits } from "./digits.js";

async function outcome(options) {
  let engine;
  const error = await errorOf(async () => {
    engine = await createEngine({ numerics: "exact", ...options });
  });
  if (!engine) return { error };
  const kind = MODELS.mlp;
  const { images, labels } = await digits();
  const data = mnistFromBytes(images, labels).take(3200);
  const model = kind.define();
  await train(model, { ...trainingOf(kind, data), engine });
  const { threads } = engine;
  await engine.close();
  return { threads, weights: await weightsOf(model) };
}

export const task = async () => ({ auto: await outcome({}), two: await outcome({ threads: 2 }) });
