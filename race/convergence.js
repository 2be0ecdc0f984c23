// Every first-order optimizer on 784-64-64-10 and all of MNIST: the steps to 95 % of the 10,000 test images. Prints the
// table of docs/race.md: `node race/convergence.js --help`.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { createEngine } from "../build/src/index.js";
import { mnistTask, race } from "../build/src/race/index.js";
import { everyEntrant } from "./entrants.js";

/**
 * @import { Transform } from "../build/src/optim/index.js"
 * @import { Hyper, RaceEntrant, RaceTask } from "../build/src/race/index.js"
 * @typedef {{ optimizer: string, hyper: Hyper, steps: number | null, final: number, seconds: number }} Row
 * @typedef {{ budget: typeof BUDGET, machine: string, rows: Row[] }} Report
 */

/** What every optimizer gets. */
const BUDGET = {
  /** Told apart by their accuracy at the end, on some of the test images: those that are hopeless end here. */
  trials: { count: 8, steps: 120, testImages: 1000 },
  /** The best trials go on to the target, on more images, each for no longer than the best before it. */
  finalists: { count: 3, steps: 3000, testImages: 2000 },
  /** The best finalist, from a seed of its own, on all images: the row. */
  run: { steps: 3000, testImages: 10_000 },
  accuracy: 0.95,
};

/** What is made for the gradient of all examples takes them so, fewer of them: 128 at a time, signs are noise. */
const WHOLE = { rprop: { trainImages: 20_000, batchSize: 20_000, trialSteps: 40, maxSteps: 200 } };

const HELP = `Usage: node race/convergence.js [options]

  --optimizers LIST  of ${everyEntrant()
    .map(({ name }) => name)
    .join(",")} (all)
  --json FILE        where the rows are kept, to go on from and to print again`;

const { values: options } = parseArgs({
  options: {
    optimizers: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

/**
 * The report so far, where an earlier run of the same budget has left one.
 * @returns {Report}
 */
function readReport() {
  const machine = `${cpus()[0]?.model ?? "unknown"}, Node ${process.versions.node}`;
  if (options.json === undefined || !existsSync(options.json)) return { budget: BUDGET, machine, rows: [] };
  const report = JSON.parse(readFileSync(options.json, "utf8"));
  if (JSON.stringify(report.budget) !== JSON.stringify(BUDGET))
    throw new Error(`${options.json}: has rows of another budget: move it away`);
  return report;
}

/** @typedef {{ steps: number, final: number }} Reached */

/**
 * Trains to the target; ∞ steps where that is missed.
 * @param {RaceTask} task
 * @param {Transform} optimizer
 * @param {{ seed: number, maxSteps: number }} limits
 * @returns {Promise<Reached>}
 */
async function stepsTo(task, optimizer, { seed, maxSteps }) {
  const { step = 0, value = Number.NaN } =
    (await task.run(optimizer, seed, { maxSteps, points: false })).at(-1) ?? {};
  return { steps: value >= task.target.value ? step : Infinity, final: value };
}

/** @returns {Promise<(entrant: RaceEntrant) => Promise<Row>>} */
async function prepare() {
  // The same bits on every machine, and so the same steps.
  const engine = await createEngine({ threads: 1, numerics: "exact" });
  const { trials, finalists, run, accuracy } = BUDGET;
  return async (entrant) => {
    const {
      trialSteps = trials.steps,
      maxSteps: most = Infinity,
      ...data
    } = Object.entries(WHOLE).find(([name]) => name === entrant.name)?.[1] ?? { trainImages: 60_000 };
    const task = (/** @type {number} */ accuracy, { steps = 0, testImages = 0, every = 20 }) =>
      mnistTask({ engine, accuracy, testImages, every, ...data, maxSteps: Math.min(steps, most) });
    // Nobody tells all images right, so a trial takes all of its steps.
    const trialTask = task(1, { ...trials, steps: trialSteps, every: trialSteps });
    const finalTask = task(accuracy, finalists);
    const runTask = task(accuracy, run);
    const began = performance.now();
    const { entries } = await race({
      tasks: [trialTask],
      optimizers: [entrant],
      budget: trials.count,
      seeds: 1,
    });
    const ranked = (entries[0]?.trials ?? [])
      .filter(({ diverged }) => !diverged)
      .toSorted((a, b) => b.final - a.final)
      .slice(0, finalists.count);
    let best = { hyper: ranked[0]?.hyper ?? {}, steps: Infinity, final: 0 };
    for (const { hyper } of ranked) {
      const maxSteps = Math.min(finalists.steps, best.steps, most);
      const reached = await stepsTo(finalTask, entrant.make(hyper), { seed: 0, maxSteps });
      if (reached.steps < best.steps || (best.steps === Infinity && reached.final > best.final))
        best = { hyper, ...reached };
    }
    const { steps, final } = await stepsTo(runTask, entrant.make(best.hyper), {
      seed: 1,
      maxSteps: Math.min(run.steps, most),
    });
    return {
      optimizer: entrant.name,
      hyper: best.hyper,
      steps: Number.isFinite(steps) ? steps : null,
      final,
      seconds: Math.round((performance.now() - began) / 1000),
    };
  };
}

const describe = (/** @type {Row} */ { optimizer, steps, final, hyper }) => {
  const numbers = Object.entries(hyper).map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`);
  const reached = steps ?? `not in ${BUDGET.run.steps}: ${(100 * final).toFixed(1)} %`;
  return `| ${optimizer} | ${reached} | ${numbers.join(", ")} |`;
};

async function main() {
  const report = readReport();
  const wanted = options.optimizers?.split(",");
  const missing = everyEntrant().filter(
    ({ name }) =>
      (wanted?.includes(name) ?? true) && !report.rows.some(({ optimizer }) => optimizer === name),
  );
  const measure = missing.length > 0 ? await prepare() : undefined;
  for (const entrant of missing) {
    const row = await measure?.(entrant);
    if (!row) continue;
    report.rows.push(row);
    console.error(`${report.rows.length}: ${describe(row)} ${row.seconds} s`);
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, undefined, 1)}\n`);
  }
  console.log(`${report.machine}\n\n| optimizer | steps to 95 % | with |\n|---|---|---|`);
  for (const row of report.rows.toSorted(
    (a, b) => (a.steps ?? Infinity) - (b.steps ?? Infinity) || b.final - a.final,
  ))
    console.log(describe(row));
}

if (options.help) console.log(HELP);
else await main();
