// A trainer that is closed has given its memory back: whoever still holds a part of it hears so, and changes nothing.
import { afterAll, expect, test } from "vitest";
import {
  adam,
  createEngine,
  createEngineSync,
  createTrainer,
  createTrainerSync,
  EngineError,
  softmaxCrossEntropy,
} from "#src/index";
import { ema } from "#src/optim/index";
import { bits, classes, classifier, weightsOf } from "./setting.ts";

const engine = createEngineSync({ numerics: "exact" });
afterAll(() => engine.close());

const data = classes(48);
const [batch] = [...data.batch(16)];
const order = Int32Array.from({ length: 48 }, (_, row) => row);
const options = { loss: softmaxCrossEntropy, optimizer: ema(adam()) };
const CLOSED = /^trainer: it is closed/;

async function refused(work: () => unknown): Promise<void> {
  const error = await (async () => work())().catch((error: unknown) => error);
  expect(error).toBeInstanceOf(EngineError);
  expect((error as EngineError).message).toMatch(CLOSED);
}

test("runners of a closed trainer do not write into what is another's by now", async () => {
  const model = classifier();
  const trainer = createTrainerSync(model, { ...options, engine });
  const runner = trainer.runner(data);
  await runner.run(16, order, 1);
  trainer.close();
  // Takes the holes that have come to be.
  const other = createTrainerSync(classifier(), { ...options, engine });
  for (let step = 0; step < 3; step++) other.stepSync(batch!);
  const [state, weights] = [other.stateToBytes(), weightsOf(model)];
  const late = runner.run(16, order, 4);
  await late.catch(() => {});
  expect(other.stateToBytes()).toEqual(state);
  expect(bits(weightsOf(model))).toEqual(bits(weights));
  await refused(() => late);
  runner.release();
  other.close();
});

test("whatever needs the optimizer's state says that the trainer is closed; the engine goes on", async () => {
  const model = classifier();
  const trainer = createTrainerSync(model, { ...options, engine });
  trainer.stepSync(batch!);
  const state = trainer.stateToBytes();
  trainer.close();
  trainer.close();
  const used = engine.memoryUsed;
  await refused(() => trainer.stepSync(batch!));
  await refused(() => trainer.step(batch!));
  await refused(() => trainer.runner(data).prepare(16));
  await refused(() => trainer.stateToBytes());
  await refused(() => trainer.stateFromBytes(state));
  await refused(() => trainer.average());
  await refused(() => trainer.withAverage(() => {}));
  expect(trainer.steps).toBe(1);
  expect(engine.memoryUsed).toBe(used);
  const next = createTrainerSync(model, { ...options, engine });
  next.stateFromBytes(state);
  expect(next.stepSync(batch!).step).toBe(2);
});

test("a step under way when its trainer closes keeps its memory to its end; those behind it are refused", async () => {
  const engine = await createEngine({ threads: 2, numerics: "exact" });
  engine.soloWork = 0;
  const [model, twin] = [classifier(), classifier()];
  const trainer = await createTrainer(model, { ...options, engine });
  const undisturbed = await createTrainer(twin, { ...options, engine });
  await trainer.step(batch!);
  await undisturbed.step(batch!);
  const wanted = await undisturbed.step(batch!);
  const before = engine.memoryUsed;
  let during = 0;
  const turn = engine.turn.bind(engine);
  engine.turn = <T>(work: Parameters<typeof engine.turn<T>>[0]) =>
    turn((run) =>
      work((loaded, steps) => {
        const running = run(loaded, steps);
        trainer.close();
        during = engine.memoryUsed;
        return running;
      }),
    );
  const [last, waiting] = [trainer.step(batch!), refused(() => trainer.step(batch!))];
  expect(await last).toEqual(wanted);
  await waiting;
  expect(bits(weightsOf(model))).toEqual(bits(weightsOf(twin)));
  expect(during).toBe(before);
  expect(engine.memoryUsed).toBeLessThan(before);
  await engine.close();
});
