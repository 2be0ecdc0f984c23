// Races the optimizers and shows who was first: `npm run race -- --help`.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createEngine } from "../build/src/index.js";
import { mnistTask, race, spiralsTask, surfaceTasks } from "../build/src/race/index.js";
import { everyEntrant } from "./entrants.js";
import { leaderboard } from "./leaderboard.js";
import { makePage, readLibrary } from "./page.js";
import { summarize } from "./summary.js";

// The same bits on every machine, and so the same steps.
const engine = await createEngine({ numerics: "exact" });
const tasks = [...surfaceTasks(), spiralsTask({ engine }), mnistTask({ engine })];
const optimizers = everyEntrant();
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
  --from FILE        shows the figures of an earlier race and runs none
  --picture FILE     the page's first map and profile as a PNG, by the chromium on the PATH
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
    from: { type: "string" },
    picture: { type: "string" },
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

/** The page as it is at #picture, on a light background. */
function takePicture(/** @type {string} */ page, /** @type {string} */ file) {
  const { status, error } = spawnSync(
    "chromium",
    [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,500"],
      `--screenshot=${resolve(file)}`,
      `${pathToFileURL(resolve(page))}#picture`,
    ],
    { stdio: "ignore" },
  );
  if (status !== 0) throw error ?? new Error(`race: chromium ended with ${status}`);
  console.log(`wrote ${file}`);
}

async function write(/** @type {string} */ file, /** @type {string} */ text) {
  await mkdir(dirname(resolve(file)), { recursive: true });
  await writeFile(file, text);
  console.log(`wrote ${file}`);
}

/** Races, and tells on a terminal how far it is. */
async function run() {
  const racing = {
    tasks: pick(options.tasks, tasks),
    optimizers: pick(options.optimizers, optimizers),
    budget: Number(options.budget ?? (options.quick ? 3 : 8)),
    seeds: Number(options.seeds ?? (options.quick ? 1 : 3)),
    seed: Number(options.seed),
  };
  const log = (/** @type {string} */ text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
  const began = performance.now();
  const secondsSoFar = () => (performance.now() - began) / 1000;
  const result = await race({
    ...racing,
    onProgress: ({ task, optimizer, done, total }) =>
      log(`${done} of ${total} runs, ${secondsSoFar().toFixed(0)} s: ${task}, ${optimizer}`),
  });
  log("");
  const { model = "unknown" } = cpus()[0] ?? {};
  return summarize(result, {
    ...racing,
    totalSeconds: Math.round(secondsSoFar()),
    machine: `${model}, Node ${process.versions.node}`,
  });
}

async function main() {
  installLibraries();
  const summary = options.from === undefined ? await run() : JSON.parse(await readFile(options.from, "utf8"));
  console.log(await leaderboard(summary));
  const counts = [
    `${summary.tasks.length} tasks`,
    `${summary.profile.length} optimizers`,
    `${summary.budget} trials and ${summary.seeds} ${summary.seeds === 1 ? "run" : "runs"} of each`,
  ];
  console.log(`${counts.join(", ")}: ${summary.totalSeconds} s on ${summary.machine}`);
  if (options.from === undefined) await write(options.json, `${JSON.stringify(summary, undefined, 1)}\n`);
  const raced = tasks.filter(({ name }) => names(summary.tasks).includes(name));
  await write(options.html, makePage(summary, raced, await readLibrary()));
  if (options.picture !== undefined) takePicture(options.html, options.picture);
}

if (options.help) console.log(HELP);
else await main();
