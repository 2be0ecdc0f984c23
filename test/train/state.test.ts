// The optimizer's state as a file: a training goes on where it was, to the bit, and refuses what is not its own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSafetensors } from "#src/formats/safetensors";
import { writeSafetensors } from "#src/formats/safetensors-writer";
import {
  createEngine,
  createEngineSync,
  createTrainer,
  createTrainerSync,
  dense,
  EngineError,
  sequential,
  softmaxCrossEntropy,
} from "#src/index";
import {
  accumulate,
  adafactor,
  adagrad,
  adam,
  addGradientNoise,
  chain,
  clipByGlobalNorm,
  dAdaptAdam,
  dAdaptSgd,
  dog,
  dowg,
  ema,
  ftrl,
  lamb,
  lars,
  lookahead,
  muonWithAdamW,
  novograd,
  parameterGroups,
  polyakSgd,
  prodigy,
  rprop,
  sam,
  scheduleFreeAdamW,
  sgd,
  shampoo,
  sm3,
  soap,
  sophiaG,
  swa,
  type Transform,
  yogi,
} from "#src/optim/index";
import { bits, classes, classifier, setWeights, weightsOf } from "./setting.ts";

const engine = createEngineSync({ numerics: "exact" });
const batches = [...classes(64).batch(8)];
const directory = mkdtempSync(join(tmpdir(), "downhill-state-"));
afterAll(() => rmSync(directory, { recursive: true }));

function start(optimizer: Transform, model = classifier()) {
  const trainer = createTrainerSync(model, { loss: softmaxCrossEntropy, optimizer, engine });
  return {
    model,
    trainer,
    steps(from: number, to: number) {
      for (const batch of batches.slice(from, to)) trainer.stepSync(batch);
      return bits(weightsOf(model));
    },
  };
}

const optimizers: [string, () => Transform][] = [
  ["sgd without state", () => sgd({ learningRate: 0.1 })],
  ["sgd with momentum", () => sgd({ learningRate: 0.1, momentum: 0.9 })],
  ["adam, by its step", () => adam({ learningRate: (step) => 0.1 / step, amsgrad: "raw" })],
  ["adagrad, which begins at a number", () => adagrad({ initialAccumulator: 0.1 })],
  ["rprop", () => rprop()],
  ["yogi", () => yogi()],
  ["novograd, with a number a tensor", () => novograd({ learningRate: 0.1 })],
  [
    "groups in a chain",
    () =>
      chain(
        clipByGlobalNorm(0.1),
        parameterGroups({ biases: { parameters: "*.bias", optimizer: sgd({ momentum: 0.5 }) } }, adam()),
      ),
  ],
  ["adafactor", () => adafactor({ momentum: 0.9 })],
  ["sm3", () => sm3()],
  ["muonWithAdamW", () => muonWithAdamW()],
  ["ftrl", () => ftrl()],
  ["shampoo", () => shampoo()],
  ["soap, between two turns", () => soap({ every: 3 })],
  ["sophiaG, between two estimates", () => sophiaG({ rho: 2e4, every: 3, beta2: 0.5 })],
  ["scheduleFreeAdamW", () => scheduleFreeAdamW({ warmupSteps: 3 })],
  ["dog", () => dog()],
  ["dowg", () => dowg()],
  ["dAdaptSgd", () => dAdaptSgd()],
  ["dAdaptAdam", () => dAdaptAdam()],
  ["prodigy", () => prodigy()],
  ["polyakSgd", () => polyakSgd()],
  ["lamb", () => lamb()],
  ["lars", () => lars()],
  ["accumulate, in the middle", () => accumulate(adam(), { every: 3 })],
  ["lookahead, between two looks", () => lookahead(adam(), { every: 3 })],
  ["ema", () => ema(adam())],
  ["swa", () => swa(sgd(), { start: 3 })],
  ["sam", () => sam(sgd({ momentum: 0.9 }))],
  ["addGradientNoise", () => chain(addGradientNoise(), adam())],
];

test.each(optimizers)("%s goes on to the bit", (_, optimizer) => {
  const whole = start(optimizer()).steps(0, 8);
  const first = start(optimizer());
  first.steps(0, 4);
  const [weights, state] = [first.model.toBytes(), first.trainer.stateToBytes()];
  const second = start(optimizer());
  second.model.fromBytes(weights);
  second.trainer.stateFromBytes(state);
  expect(second.trainer.steps).toBe(4);
  expect(second.steps(4, 8)).toEqual(whole);
  // Into a trainer that has gone on already, too.
  first.steps(4, 6);
  first.model.fromBytes(weights);
  first.trainer.stateFromBytes(state);
  expect(first.steps(4, 8)).toEqual(whole);
});

test("state before the first step is state too", () => {
  const fresh = start(adagrad({ initialAccumulator: 0.5 }));
  const { tensors } = readSafetensors(fresh.trainer.stateToBytes());
  expect([...tensors.keys()]).toContain("adagrad sum/dense.weight");
  expect([...tensors.values()].every(({ values }) => [...values].every((value) => value === 0.5))).toBe(true);
});

test("through a file", async () => {
  const path = join(directory, "state.safetensors");
  const first = start(adam());
  first.steps(0, 3);
  await first.trainer.saveState(path);
  const second = start(adam());
  await second.trainer.loadState(path);
  expect(second.trainer.stateToBytes()).toEqual(first.trainer.stateToBytes());
});

test("what is not its own is refused, and changes nothing", () => {
  const giver = start(adam());
  giver.steps(0, 2);
  const bytes = giver.trainer.stateToBytes();
  const { tensors, metadata } = readSafetensors(bytes);
  const changed = (change: (all: Map<string, unknown>, about: Map<string, string>) => void) => {
    const [all, about] = [new Map(tensors), new Map(metadata)];
    change(all, about);
    return writeSafetensors(all as never, about);
  };
  const taker = start(adam());
  taker.steps(0, 1);
  const before = taker.trainer.stateToBytes();
  const weight = "adam m/dense.weight";
  const other = sequential({ input: [6] }, dense(7), dense(4));
  setWeights(other);
  const cases: [string, Uint8Array, string][] = [
    ["FormatError", giver.model.toBytes(), "state: format: got downhill, wanted downhill optimizer state"],
    [
      "FormatError",
      start(sgd({ momentum: 0.9 })).trainer.stateToBytes(),
      "state: optimizer: got that of sgd, wanted that of adam",
    ],
    [
      "FormatError",
      changed((_, about) => about.set("steps", "-1")),
      "state: steps: got -1, wanted an integer ≥ 0",
    ],
    ["ShapeError", changed((all) => all.delete(weight)), `state: ${weight} [6, 12] is missing`],
    [
      "ShapeError",
      changed((all) => all.set("adam m/dense_9.weight", tensors.get(weight))),
      "state: the optimizer keeps no adam m/dense_9.weight for this model",
    ],
    [
      "ShapeError",
      start(adam(), other).trainer.stateToBytes(),
      `state: ${weight}: got [6, 7], wanted [6, 12]`,
    ],
  ];
  for (const [name, given, message] of cases) {
    let error: unknown;
    try {
      taker.trainer.stateFromBytes(given);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ name, message });
  }
  expect(taker.trainer.stateToBytes()).toEqual(before);
});

test("a run under way has it to itself", async () => {
  const two = await createEngine({ threads: 2 });
  two.soloWork = 0;
  const model = classifier();
  const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer: adam(), engine: two });
  await trainer.step(batches[0]!);
  const state = trainer.stateToBytes();
  // Whether a run naps just now depends on the machine, so the answer is set.
  Object.defineProperty(two, "busy", { value: true, configurable: true });
  for (const use of [() => trainer.stateToBytes(), () => trainer.stateFromBytes(state)]) {
    expect(use).toThrow(new EngineError("trainer: a run is under way: wait for its step"));
  }
  Reflect.deleteProperty(two, "busy");
  expect(trainer.stateToBytes()).toEqual(state);
  await two.close();
});
