// Every optimizer of the table through every check.
import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import {
  type Batch,
} from "#src/data/index";
import {
  createEngineSync,
  createTrainer,
  createTrainerSync,
  dense,
  type Engine,
  meanSquaredError,
  type Model,
  sequential,
  softmaxCrossEntropy,
} from "#src/index";
import { chain, clipByGlobalNorm, frozen, parameterGroups, type Schedule, type Transform } from "#src/optim/index";
import { engineOf, numericsToTest } from "../support/engines.ts";
import { bits, classes, numbers, setWeights, spread, weightsOf } from "../train/setting.ts";
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
const golden: Golden = JSON.parse(readFileSync(new URL("../golden/optimizers.json", import.meta.url), "utf8"));

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
// script prints them): 100 steps of a few roundings of 6e-8. So four times that, and a wrong bias correction or a
// misplaced ε of any row is over ten times as far. No row has a tolerance of its own: where rounding grows, as in a step
// of fixed size about a minimum, the row's numbers are others.
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
    expectClose("losses", golden.shownSteps.map((step) => losses[step - 1]!), exact.losses);
    expectClose("weights", weights, exact.weights);
  });
});
