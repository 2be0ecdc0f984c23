// The same points as PyTorch's L-BFGS and SciPy's Nelder–Mead, step by step. See test/golden/lbfgs.py, nelder-mead.py.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as library from "#src/minimize/index";
import { type Bounds, lbfgs, minimizeSync, nelderMead, type Surface } from "#src/minimize/index";

interface Run {
  readonly surface: "rosenbrock" | "beale" | "quadratic" | "sphere";
  readonly surfaceOptions: Record<string, number> | null;
  readonly start: number[];
  readonly options: Record<string, never>;
}
interface LbfgsRun extends Run {
  /** Else it was cut where PyTorch itself depends on the last bit of the start. */
  readonly converged: boolean;
  readonly steps: { point: number[]; value: number }[];
  readonly evaluated: number[][];
}
interface NelderMeadRun extends Run {
  readonly bounds: Bounds | null;
  readonly steps: number[][];
  readonly value: number;
  readonly evaluations: number;
}

function runsOf<R extends Run>(name: string): [string, R][] {
  const { runs } = JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), "utf8"));
  return runs.map((run: R) => [`${run.surface} of ${run.start.length}, ${JSON.stringify(run.options)}`, run]);
}

const surfaceOf = ({ surface, surfaceOptions }: Run): Surface => library[surface](surfaceOptions ?? {});

/** Largest difference, relative for what is above 1. */
function apart(found: ArrayLike<number>, wanted: readonly number[]): number {
  expect(found.length).toBe(wanted.length);
  const differences = wanted.map((each, i) => Math.abs(found[i]! - each) / Math.max(1, Math.abs(each)));
  return Math.max(...differences);
}

// Rounding is magnified by up to 1e5 on the recorded steps; a wrong formula shows from 1e-5 on.
const TOLERANCE = 1e-9;

test.each(runsOf<LbfgsRun>("lbfgs"))("L-BFGS as PyTorch's: %s", (_, run) => {
  const surface = surfaceOf(run);
  const asked: Float64Array[] = [];
  const objective = (point: Float64Array) => {
    asked.push(point);
    return surface.valueAndGradient(point);
  };
  const found = minimizeSync(objective, run.start, lbfgs(run.options), {
    trajectory: true,
    maxSteps: run.converged ? 1000 : run.steps.length,
  });
  expect(found.reason).toBe(run.converged ? "converged" : "steps");
  expect(found.steps).toBe(run.steps.length);
  const worst = Math.max(
    ...run.steps.map(({ point, value }, i) => {
      const step = found.trajectory![i + 1]!;
      return apart([...step.point, step.value], [...point, value]);
    }),
    ...run.evaluated.map((point, i) => apart(asked[i]!, point)),
  );
  expect(worst).toBeLessThan(TOLERANCE);
  // Without a search PyTorch leaves out the evaluation after the last of its steps, that it will not use.
  const cut = run.options.lineSearch === "none" ? 1 : 0;
  expect(asked.length).toBe(run.evaluated.length + cut);
  expect(found.evaluations).toBe(asked.length);
});

test("the runs of L-BFGS are long enough to mean something", () => {
  const runs = runsOf<LbfgsRun>("lbfgs").map(([, run]) => run);
  expect(runs.reduce((sum, { steps }) => sum + steps.length, 0)).toBeGreaterThan(500);
  expect(runs.filter(({ converged }) => converged).length).toBeGreaterThanOrEqual(10);
});

test.each(runsOf<NelderMeadRun>("nelder-mead"))("Nelder–Mead as SciPy's: %s", (_, run) => {
  const found = minimizeSync(surfaceOf(run), run.start, nelderMead(run.options), {
    trajectory: true,
    ...(run.bounds && { bounds: run.bounds }),
  });
  expect(found.reason).toBe("converged");
  expect([found.steps, found.evaluations]).toEqual([run.steps.length, run.evaluations]);
  const worst = Math.max(...run.steps.map((point, i) => apart(found.trajectory![i + 1]!.point, point)));
  expect(worst).toBeLessThan(TOLERANCE);
  expect(apart([found.value], [run.value])).toBeLessThan(TOLERANCE);
});
