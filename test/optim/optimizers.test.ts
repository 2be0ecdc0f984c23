// Every optimizer of the table through every check.
import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import type { Batch } from "#src/data/index";
import { readSafetensors, toFloat32 } from "#src/formats/safetensors";
import {
  add,
  constant,
  createEngineSync,
  createTrainer,
  createTrainerSync,
  defineLayer,
  defineModel,
  dense,
  type Model,
  mean,
  meanSquaredError,
  mul,
  sequential,
  softmaxCrossEntropy,
  square,
  sub,
  type Tensor,
} from "#src/index";
import {
  chain,
  clipByGlobalNorm,
  frozen,
  parameterGroups,
  type Schedule,
  sgd,
  type Transform,
} from "#src/optim/index";
import { engineOf, numericsToTest } from "../support/engines.ts";
import { bits, classes, setWeights, spread, weightsOf } from "../train/setting.ts";
import { type Problem, problems, slopeOf, tensorsOf } from "./problems.ts";
import type { Reference } from "./reference.ts";
import { type Row, table } from "./table.ts";

const STEPS = 100;
const engine = createEngineSync({ numerics: "exact" });

interface Run {
  readonly losses: readonly number[];
  readonly weights: ArrayLike<number>;
}
interface Golden {
  readonly shownSteps: readonly number[];
  readonly runs: Readonly<Record<string, Record<Problem["name"], Run & { readonly average?: number[] }>>>;
}
const golden: Golden = JSON.parse(
  readFileSync(new URL("../golden/optimizers.json", import.meta.url), "utf8"),
);

/** Losses at the steps that the golden runs show, and the weights behind the last step. */
function referenceRun(problem: Problem, reference: Reference): Run {
  const theta = Float64Array.from(weightsOf(problem.model()));
  const tensors = tensorsOf(problem).map((place) => ({ ...place, update: reference() }));
  const losses = Array.from({ length: STEPS }, (_, i) => {
    const { loss, gradient } = slopeOf(problem, theta, problem.batches[i % problem.batches.length]!);
    for (const { from, to, update } of tensors)
      update(theta.subarray(from, to), gradient.subarray(from, to), i + 1);
    return loss;
  });
  return { losses: golden.shownSteps.map((step) => losses[step - 1]!), weights: theta };
}

const rateAt = (rate: Schedule) => (step: number) => (typeof rate === "number" ? rate : rate(step));

function wanted({ name, rate, reference }: Row, problem: Problem): Run {
  if (reference) return referenceRun(problem, reference(rateAt(rate)));
  const run = golden.runs[name]?.[problem.name];
  if (!run) throw new Error(`${name}: no golden run: add one to test/golden/optimizers.py`);
  return run;
}

/** Steps a model through batches in turn, and what that came to. */
function descend(model: Model, optimizer: Transform, batches: readonly Batch[], steps: number) {
  const trainer = createTrainerSync(model, { loss: meanSquaredError, optimizer, engine });
  const losses: number[] = [];
  const used: number[] = [];
  const loads = vi.spyOn(engine, "load");
  const loaded: number[] = [];
  for (let step = 0; step < steps; step++) {
    losses.push(trainer.stepSync(batches[step % batches.length]!).loss);
    used.push(engine.memoryUsed);
    loaded.push(loads.mock.calls.length);
  }
  loads.mockRestore();
  trainer.close();
  return { losses, used, loaded, weights: weightsOf(model) };
}

// Relative to the largest number of a vector. The same runs of PyTorch in 32 bits are up to 2.5e-6 from those in 64 (its
// script prints them): 100 steps of a few roundings of 6e-8. So four times that. What the formulas differ by is farther in
// at least one row: a clip of a step later 1e-4, ε before or behind a bias correction 4e-4, a product of one factor more
// 6e-4. No row has a tolerance of its own: where rounding grows, as with steps of a fixed size about a minimum, the row's
// numbers are others.
const TOLERANCE = 1e-5;

function expectClose(what: string, got: ArrayLike<number>, wanted: ArrayLike<number>): void {
  expect(got.length, what).toBe(wanted.length);
  const scale = Math.max(...Array.from(wanted, Math.abs));
  const apart = Math.max(...Array.from(wanted, (value, i) => Math.abs(got[i]! - value)));
  expect(apart / scale, what).toBeLessThan(TOLERANCE);
}

test("every golden run is a row", () => {
  const rows = table.filter(({ reference }) => !reference).map(({ name }) => name);
  expect(Object.keys(golden.runs).sort()).toEqual(rows.sort());
  expect(new Set(table.map(({ name }) => name)).size).toBe(table.length);
});

describe.each(table)("$name: 100 steps as in 64 bits", (row) => {
  test.each(problems)("$name", (problem) => {
    const { losses, weights } = descend(problem.model(), row.make(row.rate), problem.batches, STEPS);
    const exact = wanted(row, problem);
    expectClose(
      "losses",
      golden.shownSteps.map((step) => losses[step - 1]!),
      exact.losses,
    );
    expectClose("weights", weights, exact.weights);
  });
});

test("the average of asgd is PyTorch's: a copy before it starts, a mean from then on", () => {
  for (const { name, make, rate } of table.filter((row) => row.name.startsWith("asgd"))) {
    for (const problem of problems) {
      const trainer = createTrainerSync(problem.model(), {
        loss: meanSquaredError,
        optimizer: make(rate),
        engine,
      });
      for (let step = 0; step < STEPS; step++)
        trainer.stepSync(problem.batches[step % problem.batches.length]!);
      const { tensors } = readSafetensors(trainer.stateToBytes());
      trainer.close();
      const average = trainer.model.weights.segments.flatMap((segment) => [
        ...toFloat32(tensors.get(`asgd average/${segment.name}`)!),
      ]);
      expectClose(name, average, golden.runs[name]![problem.name].average!);
    }
  }
});

const rows = table.flatMap(({ descent, ...row }) => (descent ? [{ ...row, descent }] : []));
/** Rprop has no learning rate: a first step, which is a number. */
const isRprop = (name: string) => name.startsWith("rprop");

/** Falls to 0 over some steps, so that what steps by a sign comes to rest. */
const fallingTo0 = (name: string, from: number, steps: number): Schedule =>
  isRprop(name) ? from : (step) => from * (1 - (step - 1) / steps);

/** y = xw with a row for each of two features, and targets that are the minimum: a parabola in w. */
const MINIMUM = [0.7, -0.4];
const parabola = (noise: (i: number) => number = () => 0): Batch => ({
  inputs: Float32Array.of(1, 0, 0, 1),
  targets: Float32Array.from(MINIMUM, (t, i) => t + noise(i)),
  labels: undefined,
  size: 2,
});
const point = () => {
  const model = sequential({ input: [2] }, dense(1, { bias: false }));
  setWeights(model);
  return model;
};
const distance = (weights: Float32Array) => Math.hypot(...MINIMUM.map((t, i) => weights[i]! - t));

/** (1 − a)² + 100 (b − a²)², Rosenbrock 1960, from (−1.2, 1), where it is 24.2. */
function rosenbrock(): Model {
  const layer = defineLayer("rosenbrock", (x, { parameter }) => {
    const a = parameter("a", [1], constant(-1.2));
    const b = parameter("b", [1], constant(1));
    return add(x, add(square(sub(1, a)), mul(100, square(sub(b, square(a))))));
  });
  return defineModel({ input: [1] }, layer);
}

describe.each(rows)("$name descends", ({ name, make, descent }) => {
  test("to the minimum of a parabola", () => {
    const steps = 200;
    const { weights } = descend(point(), make(fallingTo0(name, descent.bowl, steps)), [parabola()], steps);
    // From 0.92. What is left is what weight decay has moved the minimum by.
    expect(distance(weights)).toBeLessThan(0.02);
  });

  // Rprop is for gradients without noise.
  const takesNoise = !isRprop(name);
  if (takesNoise)
    test("in a noisy parabola", () => {
      const steps = 400;
      const noisy = Array.from({ length: steps }, (_, step) => parabola((i) => spread(100 + 2 * step + i)));
      const { weights } = descend(point(), make(fallingTo0(name, descent.bowl / 3, steps)), noisy, steps);
      // From 0.92, by targets with a deviation of 0.6 each.
      expect(distance(weights)).toBeLessThan(0.3);
    });

  test("into Rosenbrock's valley", () => {
    const steps = 300;
    const optimizer = make(fallingTo0(name, descent.valley, steps));
    const batch = { inputs: Float32Array.of(0), targets: Float32Array.of(0), labels: undefined, size: 1 };
    const loss = (output: Tensor, target: Tensor) => mean(add(output, mul(target, 0)));
    const trainer = createTrainerSync(rosenbrock(), { loss, optimizer, engine });
    const losses = Array.from({ length: steps }, () => trainer.stepSync(batch).loss);
    trainer.close();
    expect(losses[0]).toBeCloseTo(24.2, 4);
    // The valley's floor is 4 where the descent comes down to it.
    expect(losses.at(-1)).toBeLessThan(4.2);
  });
});

const [network] = problems as [Problem, Problem];
const run = (optimizer: Transform, steps = 8) => descend(network.model(), optimizer, network.batches, steps);

describe.each(rows)("$name", ({ name, make, rate }) => {
  const plain = run(make(rate));

  test("compiles nothing and allocates nothing after the first step", () => {
    expect(new Set(plain.loaded)).toEqual(new Set([1]));
    expect(new Set(plain.used).size).toBe(1);
  });

  // Rprop's is only where its steps begin.
  const stepsByRate = !isRprop(name);
  if (stepsByRate)
    test("changes no bit with a learning rate of 0", () => {
      expect(bits(run(make(0)).weights)).toEqual(bits(weightsOf(network.model())));
      expect(bits(plain.weights)).not.toEqual(bits(weightsOf(network.model())));
    });

  test("takes a clipped gradient", () => {
    const above = run(chain(clipByGlobalNorm(1e30), make(rate)));
    expect(bits(above.weights)).toEqual(bits(plain.weights));
    const { losses } = run(chain(clipByGlobalNorm(0.05), make(rate)), 40);
    const mean = (some: number[]) => some.reduce((sum, loss) => sum + loss, 0) / some.length;
    expect(mean(losses.slice(-4))).toBeLessThan(mean(losses.slice(0, 4)));
  });

  test("beside another group, it does what it does for all, and so does the other", () => {
    const other = sgd({ learningRate: 0.3 });
    const groups = parameterGroups({ biases: { parameters: "*.bias", optimizer: other } }, make(rate));
    // The first step's gradient is the same for all.
    const [both, mine, others] = [groups, make(rate), other].map((optimizer) => run(optimizer, 1).weights);
    const expected = mine!.slice();
    for (const { from, to } of tensorsOf(network).filter((_, i) => i % 2 === 1))
      expected.set(others!.subarray(from, to), from);
    expect(bits(both!)).toEqual(bits(expected));
  });

  test("in groups, it does what it does for all", () => {
    const groups = parameterGroups({ biases: { parameters: "*.bias", optimizer: make(rate) } }, make(rate));
    expect(bits(run(groups).weights)).toEqual(bits(plain.weights));
  });

  test("leaves frozen parameters as they are, and no others", () => {
    const optimizer = parameterGroups({ first: { parameters: "dense.*", optimizer: frozen() } }, make(rate));
    const [before, after] = [weightsOf(network.model()), run(optimizer, 7).weights];
    const first = tensorsOf(network)[1]!.to;
    expect(bits(after.subarray(0, first))).toEqual(bits(before.subarray(0, first)));
    for (let i = first; i < after.length; i++) expect(after[i], `element ${i}`).not.toBe(before[i]);
  });

  test("goes on from its state to the bit", () => {
    const options = { loss: meanSquaredError, engine };
    const model = network.model();
    const first = createTrainerSync(model, { ...options, optimizer: make(rate) });
    for (let step = 0; step < 3; step++) first.stepSync(network.batches[step % 4]!);
    const state = first.stateToBytes();
    first.close();
    const second = createTrainerSync(model, { ...options, optimizer: make(rate) });
    second.stateFromBytes(state);
    for (let step = 3; step < 8; step++) second.stepSync(network.batches[step % 4]!);
    second.close();
    expect(bits(weightsOf(model))).toEqual(bits(plain.weights));
  });
});

// A clip above every norm changes no bit, but takes the whole gradient at once: so every update behind it stands by
// itself, over a gradient in memory, while one without it joins the product that makes its gradient.
describe.each(numericsToTest)(
  "joined to its gradient's maker, by any number of threads, %s: the bits of one by itself",
  (numerics) => {
    const data = classes(26, 20);
    async function train(optimizer: Transform, batch: number, threads: number): Promise<Int32Array> {
      const model = sequential({ input: [20] }, dense(300, { activation: "tanh" }), dense(37), dense(4));
      setWeights(model);
      const engine = await engineOf(threads, numerics);
      const trainer = await createTrainer(model, { loss: softmaxCrossEntropy, optimizer, engine });
      for (const each of [...data.batch(batch)].slice(0, 2)) await trainer.step(each);
      trainer.close();
      return bits(weightsOf(model));
    }
    test.each(rows)("$name", async ({ make, rate }) => {
      for (const [batch, counts] of [
        [1, [1, 3]],
        [13, [1, 2, 3, 4]],
      ] as const) {
        const alone = await train(chain(clipByGlobalNorm(1e30), make(rate)), batch, 1);
        for (const threads of counts) {
          const joined = await train(make(rate), batch, threads);
          const same = joined.every((value, i) => value === alone[i]);
          expect(same, `batch ${batch}, ${threads} threads`).toBe(true);
        }
      }
    });
  },
);
