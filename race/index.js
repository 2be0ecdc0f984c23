// Races the optimizers and shows who was first: `npm run race -- --help`.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { entrants, mnistTask, race, spiralsTask, surfaceTasks } from "../build/src/race/index.js";
import { leaderboard } from "./leaderboard.js";
import { makePage, readLibrary } from "./page.js";
import { summarize } from "./summary.js";

const tasks = [...surfaceTasks(), spiralsTask(), mnistTask()];
const optimizers = entrants();
const names = (/** @type {{ name: string }[]} */ list) => list.map(({ name }) => name);
const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

const HELP = `Usage: npm run race -- [options]

  --tasks LIST       of ${names(tasks).join(",")} (all)
  --optimizers LIST  of ${names(optimizers).join(",")} (all)
  --budget N         random trials for each optimizer on each task (8)
  --seeds N          runs with the best hyperparameters (3)
  --seed N           of the draws (0)
  --json FILE        where the figures go (build/race/race.json)
  --html FILE        where the page goes (build/race/race.html)
  --quick            a look: a budget of 3 and one seed`;

const { values: options } = parseArgs({
  options: {
    tasks: { type: "string" },
    optimizers: { type: "string" },
    budget: { type: "string" },
    seeds: { type: "string" },
    seed: { type: "string", default: "0" },
    json: { type: "string", default: here("../build/race/race.json") },
    html: { type: "string", default: here("../build/race/race.html") },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function installLibraries() {
  if (existsSync(here("node_modules/.package-lock.json"))) return;
  console.log("Installing the chart library into race/node_modules, once.");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts"], { cwd: here("."), stdio: "inherit" });
  if (status !== 0) throw new Error("race: npm ci failed");
}

/**
 * Those of a list on the command line, each checked against the names that exist.
 * @template {{ name: string }} T
 * @param {string | undefined} list
 * @param {T[]} all
 * @returns {T[]}
 */
function pick(list, all) {
  const picked = list?.split(",") ?? names(all);
  const unknown = picked.find((name) => !names(all).includes(name));
  if (unknown !== undefined)
    throw new Error(`race: unknown name: got ${unknown}, wanted one of ${names(all).join(", ")}`);
  return all.filter(({ name }) => picked.includes(name));
}

async function write(/** @type {string} */ file, /** @type {string} */ text) {
  await mkdir(dirname(resolve(file)), { recursive: true });
  await writeFile(file, text);
  console.log(`wrote ${file}`);
}

async function main() {
  const racing = {
    tasks: pick(options.tasks, tasks),
    optimizers: pick(options.optimizers, optimizers),
    budget: Number(options.budget ?? (options.quick ? 3 : 8)),
    seeds: Number(options.seeds ?? (options.quick ? 1 : 3)),
    seed: Number(options.seed),
  };
  installLibraries();
  const log = (/** @type {string} */ text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
  const began = performance.now();
  const result = await race({
    ...racing,
    onProgress: ({ task, optimizer, done, total }) => log(`${done} of ${total}: ${task}, ${optimizer}`),
  });
  log("");
  const seconds = (performance.now() - began) / 1000;
  const summary = summarize(result, racing);
  console.log(await leaderboard(summary));
  const counts = [
    `${racing.tasks.length} tasks`,
    `${racing.optimizers.length} optimizers`,
    `${racing.budget} trials and ${racing.seeds} runs of each`,
  ];
  console.log(`${counts.join(", ")}: ${seconds.toFixed(0)} s`);
  await write(options.json, `${JSON.stringify(summary, undefined, 1)}\n`);
  await write(options.html, makePage(summary, racing.tasks, await readLibrary()));
}

if (options.help) console.log(HELP);
else await main();
