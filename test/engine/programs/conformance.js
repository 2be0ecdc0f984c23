// What every runtime must do alike: trains on the digits with 1, 2 and 3 threads, saves, loads, predicts and
// provokes errors. Prints one line of JSON; exits by itself, since every engine is closed.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  adam,
  chain,
  clipByGlobalNorm,
  createEngine,
  createEngineSync,
  createTrainerSync,
  dense,
  dropout,
  OptionError,
  ShapeError,
  sequential,
  softmaxCrossEntropy,
  train,
} from "downhill";
import { mnist } from "downhill/data";

const STEPS = 200;
const BATCH = 128;

const digits = await mnist();
const data = digits.train.take(STEPS * BATCH);

const define = () =>
  sequential(
    { input: [784] },
    dense(64, { activation: "relu" }),
    dropout(0.1),
    dense(64, { activation: "relu" }),
    dense(10),
  );
const options = { data, loss: softmaxCrossEntropy, batchSize: BATCH, seed: 1 };
const optimizer = () => chain(clipByGlobalNorm(1), adam({ learningRate: 1e-3 }));

/** SHA-256 of floats as little-endian bytes, in the order given. */
function hash(...parts) {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  return sum.digest("hex");
}
const weightsHash = (model) => hash(...[...model.parameters().values()].map(({ values }) => values));

const hashes = {};
const milliseconds = {};
for (const threads of [1, 2, 3]) {
  const engine = await createEngine({ numerics: "exact", threads });
  // Also what is too small to be worth it is shared among the threads.
  engine.soloWork = 0;
  const model = define();
  const run = await train(model, { ...options, optimizer: optimizer(), engine });
  if (run.steps !== STEPS) throw new Error(`${run.steps} steps, wanted ${STEPS}`);
  hashes[threads] = weightsHash(model);
  milliseconds[threads] = Math.round(run.seconds * 1000);
  await engine.close();
}

// The same steps without a promise, each a call of its own.
const alone = createEngineSync({ numerics: "exact" });
const model = define();
const trainer = createTrainerSync(model, { ...options, optimizer: optimizer(), engine: alone });
for (const batch of data.batch(BATCH, { seed: 1, epoch: 1 })) trainer.stepSync(batch);
hashes.sync = weightsHash(model);

const images = digits.test.take(1000);
const scores = model.predictSync(images, { engine: alone });
const right = images.labels.values.filter((label, i) => {
  const row = scores.subarray(i * 10, i * 10 + 10);
  return row.indexOf(Math.max(...row)) === label;
}).length;

const directory = mkdtempSync(join(tmpdir(), "downhill-"));
const path = join(directory, "digits.safetensors");
await model.save(path);
const loaded = define();
await loaded.load(path);
rmSync(directory, { recursive: true });
const again = loaded.predictSync(images, { engine: alone });

const errors = {
  shape: await model
    .predict(new Float32Array(10), { engine: alone })
    .catch((error) => error instanceof ShapeError),
  option: await createEngine({ threads: -1 }).catch((error) => error instanceof OptionError),
};

// Fast numerics: the best instructions there are, and wide mode where V8 allows it. Its flag is set for the whole
// process, so the narrow run comes first. Vectors joined in pairs give the same bits.
const fast = async (settings) => {
  const engine = await createEngine({ threads: 1, ...settings });
  const model = define();
  const { history } = await train(model, { ...options, optimizer: optimizer(), engine });
  const { instructionSet, wide } = engine;
  await engine.close();
  return { instructionSet, wide, loss: history[0].loss, hash: weightsHash(model) };
};
const narrow = await fast({});
const wide = await fast({ wide: true });

console.log(
  JSON.stringify({
    node: process.version,
    hashes,
    milliseconds,
    predictions: hash(scores),
    savedAndLoaded: hash(again) === hash(scores),
    accuracy: right / images.length,
    errors,
    narrow,
    wide,
  }),
);
