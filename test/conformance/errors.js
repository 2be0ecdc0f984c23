// The typed errors, provoked: which class was thrown, and that whoever caught it can go on.
import {
  adam,
  createEngine,
  createTrainer,
  DataError,
  DownhillError,
  dense,
  EngineError,
  FormatError,
  MemoryError,
  matmul,
  meanSquaredError,
  NonFiniteError,
  OptionError,
  ShapeError,
  sequential,
  train,
} from "downhill";
import { dataset } from "downhill/data";

const CLASSES = { ShapeError, OptionError, DataError, FormatError, MemoryError, EngineError, NonFiniteError };

/** Name of the class that a promise or a function fails with; "none" where it does not. */
export async function errorOf(work) {
  try {
    await work();
    return "none";
  } catch (error) {
    const [name = "untyped"] =
      Object.entries(CLASSES).find(([, Class]) => error?.constructor === Class) ?? [];
    const told = error instanceof DownhillError && error.name === name && /^\S.*?: \S/.test(error.message);
    return told ? name : `${name}: ${error?.name}: ${error?.message}`;
  }
}

const define = () => sequential({ input: [4] }, dense(3));
const data = dataset({
  inputs: { values: Float32Array.from({ length: 32 }, (_, i) => (i % 7) / 7), shape: [4] },
  targets: { values: new Float32Array(24).fill(0.5), shape: [3] },
});

/** By what was done: the error that it gave. */
export async function provokeErrors(engine) {
  const model = define();
  const options = { data, loss: meanSquaredError, optimizer: adam(), engine, seed: 1 };
  await train(model, options);
  const before = await model.predict(data, { engine });

  const trainer = await createTrainer(model, options);
  const batch = (values) => ({ inputs: values, targets: new Float32Array(3), labels: undefined, size: 1 });
  const small = await createEngine({ threads: 1, memoryLimit: 2 ** 20 });
  const closed = await createEngine({ threads: 1 });
  await closed.close();
  const bytes = model.toBytes();

  const errors = {
    "inputs too short": await errorOf(() => model.predict(new Float32Array(5), { engine })),
    "inner sizes differ": await errorOf(() => sequential({ input: [4] }, (x) => matmul(x, x))),
    "no such number of threads": await errorOf(() => createEngine({ threads: -1 })),
    "no such numerics": await errorOf(() => createEngine({ numerics: "exactly" })),
    "input not finite": await errorOf(() => model.predict([Number.NaN, 0, 0, 0], { engine })),
    "batch not finite": await errorOf(() => trainer.step(batch(new Float32Array(4).fill(Number.NaN)))),
    "no examples": await errorOf(() => dataset({ inputs: { values: [], shape: [4] } })),
    "file cut off": await errorOf(() => model.fromBytes(bytes.subarray(0, bytes.length - 1))),
    "parameters of another model": await errorOf(() => sequential({ input: [4] }, dense(5)).fromBytes(bytes)),
    "more memory than allowed": await errorOf(() =>
      sequential({ input: [1024] }, dense(1024)).predict(new Float32Array(1024), { engine: small }),
    ),
    "engine closed": await errorOf(() => define().predict(new Float32Array(4), { engine: closed })),
    // Numbers that are finite, but whose squares are not.
    "loss not finite": await errorOf(() => trainer.step(batch(new Float32Array(4).fill(1e30)))),
  };
  trainer.close();
  await small.close();

  const after = await model.predict(data, { engine });
  const unharmed = after.every((value, i) => Object.is(value, before[i]));
  return { errors, unharmed };
}
