// Measures downhill and its peers side by side: `npm run bench -- --help`.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findPython } from "./child.js";
import { describeMachine } from "./machine.js";
import { printTable, updateResults, writeJson } from "./report.js";
import { runSuite } from "./run.js";
import { suites } from "./suites.js";
import { systems } from "./systems.js";

const HELP = `Usage: npm run bench -- [options]

  --suite LIST    of ${Object.keys(suites).join(",")} (all)
  --system LIST   only systems of these names
  --case TEXT     only cases whose name contains it
  --node WHICH    24, 26 or a path: the Node that runs the systems (26)
  --json FILE     write the figures as JSON
  --quick         a look: fewer and shorter rounds

A run of whole suites that is not quick also writes its tables into bench/RESULTS.md.`;

const { values: options } = parseArgs({
  options: {
    suite: { type: "string" },
    system: { type: "string" },
    case: { type: "string" },
    node: { type: "string", default: "26" },
    json: { type: "string" },
    quick: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

function installPeers() {
  if (existsSync(here("node_modules/.package-lock.json"))) return;
  console.log("Installing the peers into bench/node_modules, once.");
  // No scripts: theirs build or download native parts that nothing here uses.
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts"], { cwd: here("."), stdio: "inherit" });
  if (status !== 0) throw new Error("bench: npm ci failed");
}

/** The parts of a list on the command line, each checked against the names that exist. */
function pick(/** @type {string | undefined} */ list, /** @type {string[]} */ names) {
  const picked = list?.split(",") ?? names;
  const unknown = picked.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new Error(`bench: unknown name: got ${unknown}, wanted one of ${names.join(", ")}`);
  return picked;
}

async function main() {
  const suiteNames = pick(options.suite, Object.keys(suites));
  const systemNames = pick(options.system, [...new Set(systems.map(({ name }) => name))]);
  installPeers();
  const node = /^\d+$/.test(options.node) ? here(`node_modules/node-${options.node}/bin/node`) : options.node;
  const settings = {
    ...(options.quick ? { rounds: 3, budgetMs: 100 } : { rounds: 9, budgetMs: 300 }),
    node,
    python: findPython(),
    log: (/** @type {string} */ text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}\r`),
  };
  const machine = describeMachine(node);
  const entries = systems.filter(({ name }) => systemNames.includes(name));
  const whole = !options.quick && !options.case && !options.system;
  const all = [];
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}`);
  for (const name of suiteNames) {
    const suite = { ...suites[name] };
    suite.cases = suite.cases.filter((c) => c.name.includes(options.case ?? ""));
    const rows = await runSuite(name, suite, entries, settings);
    settings.log("");
    await printTable(rows, suite);
    if (whole) await updateResults(new URL("RESULTS.md", import.meta.url), name, suite, rows, machine);
    all.push(...rows);
  }
  if (options.json) await writeJson(options.json, all, machine);
}

if (options.help) console.log(HELP);
else await main();
