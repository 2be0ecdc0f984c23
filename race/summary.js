// A race's result as it is written and shown: thin trajectories, short numbers, null for what is not finite.

/**
 * @import { RaceResult, Trajectory } from "../build/src/race/index.js"
 * @typedef {ReturnType<typeof summarize>} Summary
 */

/** Records of a trajectory that are kept. */
const RECORDS = 200;

const short = (/** @type {number} */ x) => (Number.isFinite(x) ? Number(x.toPrecision(5)) : null);

/** The first and the last records, and some between, denser at the start, where most happens. */
function thin(/** @type {Trajectory} */ trajectory) {
  const last = trajectory.length - 1;
  const places =
    last < RECORDS
      ? trajectory.keys()
      : new Set(Array.from({ length: RECORDS }, (_, i) => Math.round(last * (i / (RECORDS - 1)) ** 2)));
  const kept = [...places].flatMap((place) => trajectory[place] ?? []);
  return {
    step: kept.map(({ step }) => step),
    value: kept.map(({ value }) => short(value)),
    points: kept[0]?.point ? kept.map(({ point }) => [...(point ?? [])].map(short)) : undefined,
  };
}

/**
 * @param {RaceResult} result
 * @param {{ budget: number, seeds: number, seed: number, totalSeconds: number, machine: string }} options
 */
export function summarize({ tasks, entries, profile }, { budget, seeds, seed, totalSeconds, machine }) {
  return {
    budget,
    seeds,
    seed,
    totalSeconds,
    machine,
    tasks,
    profile: profile.map(({ name, area, curve, ratios }) => ({
      name,
      area,
      curve,
      ratios: ratios.map(short),
      solved: ratios.filter(Number.isFinite).length,
    })),
    entries: entries.map(({ task, optimizer, hyper, steps, seconds, runs }) => ({
      task,
      optimizer,
      hyper,
      steps: short(steps),
      seconds: short(seconds),
      runs: runs.map((run) => ({
        seed: run.seed,
        steps: short(run.steps),
        seconds: short(run.seconds),
        final: short(run.final),
        diverged: run.diverged,
        trajectory: thin(run.trajectory),
      })),
    })),
  };
}

/** Heading and lines of the leaderboard, the best first. */
export function tableOf(/** @type {Summary} */ { tasks, entries, profile }) {
  const head = ["", "optimizer", "area", "solved", ...tasks.map(({ name }) => name)];
  const lines = profile.map(({ name, area, solved }, i) => [
    String(i + 1),
    name,
    area.toFixed(2),
    `${solved}/${tasks.length}`,
    ...tasks.map((task) => {
      const steps = entries.find((each) => each.task === task.name && each.optimizer === name)?.steps;
      return steps === null || steps === undefined ? "–" : String(steps);
    }),
  ]);
  return { head, lines };
}
