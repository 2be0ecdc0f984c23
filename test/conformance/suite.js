// What must be alike wherever the library runs. Portable: it knows of nothing but the packed package and what every
// runtime has, and tells what it has found; what was to be found, verdict.js knows.
import { createEngine, createEngineSync, createTrainerSync, train } from "downhill";
import { mnistFromBytes } from "downhill/data";
import { errorOf, provokeErrors } from "./errors.js";
import { checkGradients } from "./gradients.js";
import { MODELS, STEPS, trainingOf } from "./models.js";

/** Digits of the file that are trained on; the others are predicted. */
const TRAINED = 3200;

/** SHA-256 of arrays as little-endian bytes, in the order given. */
async function hash(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** SHA-256 of what a model has learnt. */
export const weightsOf = (model) => hash(...[...model.parameters().values()].map(({ values }) => values));

function accuracyOf(scores, labels) {
  const right = labels.filter((label, i) => {
    const row = scores.subarray(i * 10, i * 10 + 10);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

/** Trains on an engine; answers with hashes of what came of it. */
async function trainOn(engine, kind, { digits, images }) {
  const model = kind.define();
  const options = trainingOf(kind, digits);
  const run = await train(model, { ...options, engine });
  if (run.steps !== STEPS) throw new Error(`${run.steps} steps, wanted ${STEPS}`);
  const scores = await model.predict(images, { engine });
  return {
    model,
    scores,
    weights: await weightsOf(model),
    predictions: await hash(scores),
    loss: run.history.at(-1).loss,
    milliseconds: Math.round(run.seconds * 1000),
  };
}

/** The same steps without a promise, each a call of its own. */
async function trainSync(kind, { digits, images }) {
  const engine = createEngineSync({ numerics: "exact" });
  const model = kind.define();
  const { data, epochs, ...options } = trainingOf(kind, digits);
  const trainer = createTrainerSync(model, { ...options, engine });
  for (let epoch = 1; epoch <= epochs; epoch++)
    for (const batch of data.batch(options.batchSize, { seed: 1, epoch })) trainer.stepSync(batch);
  const scores = model.predictSync(images, { engine });
  return { weights: await weightsOf(model), predictions: await hash(scores) };
}

/** Whether models that take a trained one's weights, from bytes and from a file, predict as it does. */
async function saveAndLoad(kind, model, predictions, { images, engine, path }) {
  const same = async (copy) => (await hash(await copy.predict(images, { engine }))) === predictions;
  const fromBytes = kind.define();
  fromBytes.fromBytes(model.toBytes());
  const result = { bytes: await same(fromBytes) };
  if (path === undefined) return { ...result, file: await errorOf(() => model.save("digits.safetensors")) };
  await model.save(path);
  const fromFile = kind.define();
  await fromFile.load(path);
  return { ...result, file: await same(fromFile) };
}

/** One model in exact numerics, for every number of threads and without promises. */
async function checkModel(name, engines, surroundings) {
  const kind = MODELS[name];
  const data = mnistFromBytes(surroundings.images, surroundings.labels, { shape: kind.shape });
  const parts = { digits: data.slice(0, TRAINED), images: data.slice(TRAINED) };
  const weights = {};
  const predictions = {};
  const milliseconds = {};
  let first;
  for (const [threads, engine] of engines) {
    if (typeof engine === "string") {
      weights[threads] = engine;
      continue;
    }
    const trained = await trainOn(engine, kind, parts);
    first ??= { ...trained, engine };
    weights[threads] = trained.weights;
    predictions[threads] = trained.predictions;
    milliseconds[threads] = trained.milliseconds;
  }
  const refused = await errorOf(async () => {
    const sync = await trainSync(kind, parts);
    weights.sync = sync.weights;
    predictions.sync = sync.predictions;
  });
  weights.sync ??= refused;
  const { engine, model, scores, loss } = first;
  return {
    weights,
    predictions,
    milliseconds,
    loss,
    accuracy: accuracyOf(scores, parts.images.labels.values),
    file: await hash(model.toBytes()),
    saved: await saveAndLoad(kind, model, first.predictions, { ...surroundings, ...parts, engine }),
  };
}

/** The best instructions there are, and wide mode where the runtime allows it. */
async function checkFast(surroundings) {
  const data = mnistFromBytes(surroundings.images, surroundings.labels);
  const parts = { digits: data.slice(0, TRAINED), images: data.slice(TRAINED) };
  const fast = async (settings) => {
    const engine = await createEngine({ threads: 1, ...settings });
    const { weights, loss } = await trainOn(engine, MODELS.mlp, parts);
    const { instructionSet, wide } = engine;
    await engine.close();
    return { instructionSet, wide, loss, weights };
  };
  // Wide mode is one of the whole process, so the narrow run comes first.
  const narrow = await fast({});
  return { narrow, wide: await fast({ wide: true }) };
}

/**
 * Trains, saves, loads, predicts, checks gradients and provokes errors; gives a record that can be JSON.
 * @param {object} surroundings
 * @param {readonly number[]} surroundings.threads Numbers of threads to try; 1 is the first of them.
 * @param {Uint8Array} surroundings.images An IDX file of at least 3,201 digits.
 * @param {Uint8Array} surroundings.labels The IDX file of their labels.
 * @param {string} [surroundings.path] Where a file may be written; without it, saving must be refused.
 * @param {(stage: string) => void} [surroundings.tell] Is told what is begun.
 */
export async function conformance(surroundings) {
  const { threads, tell = () => {} } = surroundings;
  const engines = new Map();
  for (const count of threads) {
    tell(`engine of ${count}`);
    const refused = await errorOf(async () => {
      const engine = await createEngine({ numerics: "exact", threads: count });
      // Also what is too small to be worth it is shared among the threads.
      engine.soloWork = 0;
      engines.set(count, engine);
    });
    if (!engines.has(count)) engines.set(count, refused);
  }
  const models = {};
  for (const name of Object.keys(MODELS)) {
    tell(name);
    models[name] = await checkModel(name, engines, surroundings);
  }
  const engine = engines.get(1);
  tell("gradients");
  const gradients = await checkGradients(engine);
  tell("errors");
  const errors = await provokeErrors(engine);
  for (const each of engines.values()) if (typeof each !== "string") await each.close();
  tell("fast");
  const fast = await checkFast(surroundings);
  return {
    threads: [...engines].map(([, each]) => (typeof each === "string" ? each : each.threads)),
    models,
    gradients: {
      hash: await hash(...Object.values(gradients).map(({ gradient }) => gradient)),
      errors: Object.fromEntries(Object.entries(gradients).map(([name, { error }]) => [name, error])),
    },
    ...errors,
    ...fast,
  };
}
