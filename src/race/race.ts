// The race: every optimizer is tuned on every task by the same number of random trials, then run from several seeds.
import { NonFiniteError, OptionError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { whole } from "../minimize/range.ts";
import { oneOf } from "../optim/transform.ts";
import { checkRanges, drawHyper, type Hyper, type RaceEntrant } from "./entrant.ts";
import { type Profile, type ProfileOptions, performanceProfile } from "./profile.ts";
import { type RaceRunOptions, type RaceTarget, type RaceTask, reaches, type Trajectory } from "./task.ts";

/** Options of {@link race}. */
export interface RaceOptions extends ProfileOptions {
  readonly tasks: readonly RaceTask[];
  readonly optimizers: readonly RaceEntrant[];
  /** Random trials for each optimizer on each task. Default: 8. */
  readonly budget?: number;
  /** Runs with the best hyperparameters, each from a seed that no trial had. Default: 3. */
  readonly seeds?: number;
  /** Of the draws and of the trials; the runs have the ones after it. Default: 0. */
  readonly seed?: number;
  /** Told of each trial and run when it has ended. */
  readonly onProgress?: (progress: RaceProgress) => void;
}

/** A trial or a run that has just ended. */
export interface RaceProgress {
  readonly task: string;
  readonly optimizer: string;
  readonly kind: "trial" | "run";
  /** Steps to the target; ∞ where it was not reached. */
  readonly steps: number;
  /** Trials and runs of the whole race, ended and in all. */
  readonly done: number;
  readonly total: number;
}

/** What one trial or run came to. */
export interface RaceOutcome {
  readonly hyper: Hyper;
  readonly seed: number;
  /** To the target; ∞ where it was not reached. */
  readonly steps: number;
  readonly seconds: number;
  /** The watched number at the end. */
  readonly final: number;
  /** The numbers stopped being finite. */
  readonly diverged: boolean;
}

/** A run of the best hyper-parameters, with its course. */
export interface RaceRun extends RaceOutcome {
  readonly trajectory: Trajectory;
}

/** One optimizer on one task. */
export interface RaceEntry {
  readonly task: string;
  readonly optimizer: string;
  /** The best trial's. */
  readonly hyper: Hyper;
  readonly trials: readonly RaceOutcome[];
  readonly runs: readonly RaceRun[];
  /** Medians over the runs; ∞ where half of them or more did not reach the target. */
  readonly steps: number;
  readonly seconds: number;
}

/** All that a race has measured: plain data. */
export interface RaceResult {
  readonly tasks: readonly {
    readonly name: string;
    readonly target: RaceTarget;
    readonly maxSteps: number;
  }[];
  /** Task by task, the optimizers in their order. */
  readonly entries: readonly RaceEntry[];
  /** Over steps, the largest area first. */
  readonly profile: readonly Profile[];
}

/**
 * Races optimizers. Each gets `budget` trials on a task, with hyperparameters drawn from its ranges; the best trial is the
 * one with the fewest steps to the target, of equals the one with the best final number; a trial that has taken more steps
 * than the best one before it is cut short. A run that leaves the finite
 * numbers is one that has not reached the target. All but the seconds is the same for the same seed.
 * @throws OptionError for nothing to race, names that come twice, counts, targets and ranges that are none.
 * @example
 * const result = await race({
 *   tasks: [surfaceTask(rosenbrock(), { target: 1e-3, maxSteps: 500 })],
 *   optimizers: entrants().filter(({ name }) => ["sgd", "adam"].includes(name)),
 *   budget: 4,
 * });
 * for (const { name, area } of result.profile) console.log(name, area);
 */
export async function race(options: RaceOptions): Promise<RaceResult> {
  const { tasks, optimizers, onProgress } = checkOptions("race", options, {
    tasks: 0,
    optimizers: 0,
    budget: 0,
    seeds: 0,
    seed: 0,
    onProgress: 0,
    tauMax: 0,
  });
  const budget = whole("race: budget", options.budget ?? 8, 1);
  const seeds = whole("race: seeds", options.seeds ?? 3, 1);
  const seed = whole("race: seed", options.seed ?? 0, 0);
  checkNames("tasks", tasks);
  checkNames("optimizers", optimizers);
  tasks.forEach(checkTask);
  optimizers.forEach(checkRanges);
  // A wrong τ is told of before the work, not after it.
  const { tauMax = 4 } = options;
  performanceProfile(new Map([["", [0]]]), { tauMax });

  const total = tasks.length * optimizers.length * (budget + seeds);
  let done = 0;
  async function tell(task: RaceTask, optimizer: RaceEntrant, kind: "trial" | "run", { steps }: RaceOutcome) {
    onProgress?.({ task: task.name, optimizer: optimizer.name, kind, steps, done: ++done, total });
    // Timers and input get their turn.
    await new Promise((resolve) => setTimeout(resolve));
  }

  const entries: RaceEntry[] = [];
  for (const task of tasks) {
    for (const optimizer of optimizers) {
      const trials: RaceOutcome[] = [];
      let best: RaceOutcome | undefined;
      for (const hyper of drawHyper(optimizer, budget, seed, `${task.name}: ${optimizer.name}`)) {
        // Behind the steps of the best trial another one has lost.
        const maxSteps = Math.max(1, Math.min(task.maxSteps, best?.steps ?? Infinity));
        const { trajectory, ...outcome } = await runOnce(task, optimizer, hyper, seed, {
          maxSteps,
          points: false,
        });
        trials.push(outcome);
        if (!best || isBetter(task.target, outcome, best)) best = outcome;
        await tell(task, optimizer, "trial", outcome);
      }
      const { hyper } = best!;
      const runs: RaceRun[] = [];
      for (let i = 1; i <= seeds; i++) {
        const run = await runOnce(task, optimizer, hyper, seed + i, {
          maxSteps: task.maxSteps,
          points: true,
        });
        runs.push(run);
        await tell(task, optimizer, "run", run);
      }
      entries.push({
        task: task.name,
        optimizer: optimizer.name,
        hyper,
        trials,
        runs,
        steps: median(runs.map(({ steps }) => steps)),
        seconds: median(runs.map(({ seconds }) => seconds)),
      });
    }
  }
  const measures = optimizers.map(
    ({ name }) =>
      [name, entries.filter(({ optimizer }) => optimizer === name).map(({ steps }) => steps)] as const,
  );
  return {
    tasks: tasks.map(({ name, target, maxSteps }) => ({ name, target, maxSteps })),
    entries,
    profile: performanceProfile(new Map(measures), { tauMax }).sort((a, b) => b.area - a.area),
  };
}

async function runOnce(
  task: RaceTask,
  optimizer: RaceEntrant,
  hyper: Hyper,
  seed: number,
  options: RaceRunOptions,
): Promise<RaceRun> {
  let trajectory: Trajectory;
  try {
    trajectory = await task.run(optimizer.make(hyper), seed, options);
  } catch (error) {
    if (!(error instanceof NonFiniteError)) throw error;
    trajectory = [{ step: error.step, value: error.loss, seconds: 0 }];
  }
  const final = trajectory.at(-1)?.value ?? Number.NaN;
  // −∞ would be as low as any target.
  const reached = trajectory.find(({ value }) => Number.isFinite(value) && reaches(task.target, value));
  const { step: steps, seconds } = reached ?? { step: Infinity, seconds: Infinity };
  return { hyper, seed, steps, seconds, final, diverged: !Number.isFinite(final), trajectory };
}

/** Fewer steps, or as many and a better end. */
function isBetter({ better }: RaceTarget, a: RaceOutcome, b: RaceOutcome): boolean {
  if (a.steps !== b.steps) return a.steps < b.steps;
  if (a.diverged || b.diverged) return !a.diverged && b.diverged;
  return better === "lower" ? a.final < b.final : a.final > b.final;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  // Two numbers of an even count, one twice of an odd one.
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

function checkNames(what: string, list: readonly { readonly name: string }[]): void {
  if (!(Array.isArray(list) && list.length > 0))
    throw new OptionError(`race: ${what}: wanted at least one, got ${Array.isArray(list) ? "none" : list}`);
  const names = list.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new OptionError(`race: ${what}: wanted different names, got ${twice} twice`);
}

function checkTask({ name, target, maxSteps }: RaceTask): void {
  whole(`race: ${name}: maxSteps`, maxSteps, 1);
  oneOf(`race: ${name}: target: better`, target.better, ["lower", "higher"]);
  if (!Number.isFinite(target.value))
    throw new OptionError(`race: ${name}: target: wanted a finite number, got ${target.value}`);
}
