// Loss scaling: the inner optimizer's numbers, PyTorch's rule of the scale, and steps that are left out.
import { describe, expect, test } from "vitest";
import {
  add,
  chain,
  clipByGlobalNorm,
  createTrainerSync,
  meanSquaredError,
  mul,
  norm,
  OptionError,
  sub,
  type Tensor,
} from "#src/index";
import { adam, l2, lossScaling, parameterGroups, sam, sgd } from "#src/optim/index";
import { bits, weightsOf } from "../train/setting.ts";
import { batches, checkTransform, engine, inners, line, run } from "./least-squares.ts";

checkTransform(["lossScaling", (inner) => lossScaling(inner), (inner) => inner]);
checkTransform([
  "lossScaling by no power of 2, that grows",
  (inner) => lossScaling(inner, { scale: 1000, every: 3, growth: 1.5 }),
  (inner) => inner,
]);

test.each(inners)("%s: a power of 2 changes no bit, growing or not", (_, inner) => {
  const want = bits(run(chain(l2(0.1), clipByGlobalNorm(0.5), inner())).theta);
  for (const options of [{}, { every: 2 }, { scale: 2 ** -20, every: "never" }] as const) {
    const { theta } = run(lossScaling(chain(l2(0.1), clipByGlobalNorm(0.5), inner()), options));
    expect(bits(theta)).toEqual(want);
  }
});
test("sam inside takes the gradient elsewhere, unscaled", () => {
  const alone = run(sam(sgd({ learningRate: 0.02 }))).theta;
  expect(bits(run(lossScaling(sam(sgd({ learningRate: 0.02 })))).theta)).toEqual(bits(alone));
});

describe("the scale", () => {
  /** Finite, but its gradient is NaN where every target is 0. */
  const fragile = (y: Tensor, target: Tensor) =>
    add(meanSquaredError(y, target), mul(norm(mul(sub(y, target), target)), 0));
  const good = batches[0]!;
  const bad = { ...good, targets: new Float32Array(good.targets!.length) };
  const trainerOf = (options: Parameters<typeof lossScaling>[1], loss = fragile) => {
    const model = line();
    const optimizer = lossScaling(adam(), options);
    return { model, trainer: createTrainerSync(model, { loss, optimizer, engine }) };
  };
  const steps = [good, good, bad, good, good, good, good, bad, bad, good];

  test("follows the rule of GradScaler, from a file of state too", () => {
    // torch.cuda.amp.GradScaler(init_scale=8, growth_interval=2): its update() by hand.
    const wanted = [8, 16, 8, 8, 16, 16, 32, 16, 8, 8];
    let { trainer } = trainerOf({ scale: 8, every: 2 });
    for (const [k, batch] of steps.entries()) {
      trainer.stepSync(batch);
      expect(trainer.state("scale"), `step ${k + 1}`).toEqual(Float32Array.of(wanted[k]!));
      const next = trainerOf({ scale: 8, every: 2 }).trainer;
      next.stateFromBytes(trainer.stateToBytes());
      trainer.close();
      trainer = next;
    }
    expect(trainer.state("skipped")).toEqual(Float32Array.of(3));
  });
  test("stays where it is, but bad steps are left out", () => {
    const { model, trainer } = trainerOf({ scale: 8, every: "never" });
    trainer.stepSync(good);
    const [kept, moments] = [bits(weightsOf(model)), trainer.state("m/dense.weight")];
    trainer.stepSync(bad);
    expect(bits(weightsOf(model))).toEqual(kept);
    expect(trainer.state("m/dense.weight")).toEqual(moments);
    for (const batch of steps) trainer.stepSync(batch);
    expect(trainer.state("scale")).toEqual(Float32Array.of(8));
    expect(trainer.state("skipped")).toEqual(Float32Array.of(4));
  });
  test("that is too large comes down until the gradient is finite", () => {
    const steep = (y: Tensor, target: Tensor) => mul(meanSquaredError(y, target), 1e12);
    const { model, trainer } = trainerOf({ scale: 2 ** 99, backoff: 2 ** -10 }, steep);
    const old = bits(weightsOf(model));
    // 2⁹⁹ and 2⁸⁹ times 10¹² are beyond 32 bits.
    for (let step = 0; step < 2; step++) trainer.stepSync(good);
    expect(bits(weightsOf(model))).toEqual(old);
    trainer.stepSync(good);
    expect(trainer.state("scale")).toEqual(Float32Array.of(2 ** 79));
    expect(trainer.state("skipped")).toEqual(Float32Array.of(2));
    expect(bits(weightsOf(model))).not.toEqual(old);
  });
  test("keeps its bounds", () => {
    const down = trainerOf({ scale: 2 ** -99, backoff: 0.25 }).trainer;
    for (let step = 0; step < 3; step++) down.stepSync(bad);
    expect(down.state("scale")).toEqual(Float32Array.of(2 ** -100));
    const flat = (y: Tensor, target: Tensor) => mul(meanSquaredError(y, target), 1e-6);
    const up = trainerOf({ scale: 2 ** 99, growth: 8, every: 1 }, flat).trainer;
    for (let step = 0; step < 3; step++) up.stepSync(good);
    expect(up.state("scale")).toEqual(Float32Array.of(2 ** 100));
  });
  test("rescues gradients that would vanish on their way", () => {
    // Squares of the residuals' scale are beyond 32 bits on the way back, and are taken out again at its end.
    const faint = (y: Tensor, target: Tensor) => {
      const small = mul(sub(y, target), 2 ** 60);
      return mul(mul(meanSquaredError(small, mul(small, 0)), 2 ** -80), 2 ** -80);
    };
    const moved = (optimizer: ReturnType<typeof sgd>) => {
      const model = line();
      const trainer = createTrainerSync(model, { loss: faint, optimizer, engine });
      const before = weightsOf(model);
      trainer.stepSync(good);
      trainer.close();
      return weightsOf(model).some((x, i) => x !== before[i]);
    };
    const rate = { learningRate: 2 ** 40 };
    expect(moved(sgd(rate))).toBe(false);
    expect(moved(lossScaling(sgd(rate), { scale: 2 ** 40 }))).toBe(true);
  });
});

test("in a group it is refused", () => {
  const optimizer = parameterGroups(
    { biases: { parameters: "*.bias", optimizer: lossScaling(sgd()) } },
    adam(),
  );
  expect(() => createTrainerSync(line(), { loss: meanSquaredError, optimizer, engine })).toThrow(
    "lossScaling: wanted all parameters, got the 1 of a group",
  );
});

test.each([
  ["scale", { scale: 0 }],
  ["scale", { scale: 2 ** 101 }],
  ["every", { every: 0 }],
  ["growth", { growth: 0.5 }],
  ["backoff", { backoff: 1 }],
] as const)("an option out of range is named: %s", (name, options) => {
  expect(() => lossScaling(sgd(), options)).toThrow(OptionError);
  expect(() => lossScaling(sgd(), options)).toThrow(`lossScaling: ${name}: wanted`);
});
