// The same training on every supported Node and number of threads: `npm run test:runtimes`.
//
// In exact numerics the weights must have one hash everywhere, that of hash.json. A change that is meant to change
// the bits renews it: `npm run test:runtimes -- --renew`, which writes it only if all runtimes agree; say why in the
// commit. The Nodes are npm packages, installed when they are missing.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const renew = process.argv.includes("--renew");

function install() {
  if (!existsSync(here("node_modules"))) {
    const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: here("."),
      stdio: "inherit",
    });
    if (status !== 0) process.exit(1);
  }
}

/** Runs the program to its end; one that hangs, prints to stderr or fails gives an `error`. */
function conformance(binary) {
  return new Promise((resolve) => {
    const child = spawn(binary, [here("../engine/programs/conformance.js")], {
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), 120_000);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    child.on("error", (error) => resolve({ error: error.message }));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0 && stderr === "") resolve(JSON.parse(stdout));
      else resolve({ error: signal ? `killed by ${signal}` : stderr || `exit code ${code}` });
    });
  });
}

install();
const binaries = [
  process.execPath,
  ...["node22", "node24", "node26"].map((name) => here(`node_modules/${name}/bin/node`)),
];
const results = [];
for (const binary of binaries) results.push(await conformance(binary));

const wanted = JSON.parse(readFileSync(here("hash.json"), "utf8"));
const [first] = results;
if (renew) {
  const all = results.flatMap(({ hashes = {}, predictions }) => [...Object.values(hashes), predictions]);
  if (results.some(({ error }) => error) || new Set(all).size !== 2)
    console.error("not renewed: the runtimes do not agree");
  else {
    Object.assign(wanted, { weights: first.hashes[1], predictions: first.predictions });
    writeFileSync(here("hash.json"), `${JSON.stringify(wanted, null, 2)}\n`);
  }
}

let passed = 0;
const failures = [];
/** Counts a check and gives its mark. */
function check(node, what, good) {
  if (good) passed++;
  else failures.push(`${node}: ${what}`);
  return good ? "ok" : "FAILED";
}

const header = [
  "Node",
  "1 thread",
  "2 threads",
  "3 threads",
  "sync",
  "predict",
  "save, load",
  "errors",
  "fast",
  "wide",
];
const rows = results.map((result, i) => {
  const node = result.node ?? binaries[i];
  if (result.error) {
    check(node, result.error, false);
    return [node, "FAILED"];
  }
  const major = Number.parseInt(node.slice(1), 10);
  const { hashes, narrow, wide } = result;
  const hashed = (key) =>
    `${hashes[key].slice(0, 8)} ${check(node, `weights, ${key}: ${hashes[key]}`, hashes[key] === wanted.weights)}`;
  const set = major >= 22 ? "relaxed" : "plain";
  const wideIsRight = wide.wide === major >= 26 && wide.hash === narrow.hash && wide.loss === narrow.loss;
  return [
    node,
    hashed("1"),
    hashed("2"),
    hashed("3"),
    hashed("sync"),
    check(
      node,
      `predictions: ${result.predictions}`,
      result.predictions === wanted.predictions && result.accuracy > 0.85,
    ),
    check(node, "saved and loaded, the predictions differ", result.savedAndLoaded),
    check(
      node,
      `errors: ${JSON.stringify(result.errors)}`,
      result.errors.shape === true && result.errors.option === true,
    ),
    `${narrow.instructionSet} ${check(node, `instruction set: ${narrow.instructionSet}, wanted ${set}`, narrow.instructionSet === set)}`,
    `${wide.wide} ${check(node, `wide: ${JSON.stringify({ narrow, wide })}`, wideIsRight)}`,
  ];
});

const widths = header.map((name, column) =>
  Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
);
for (const row of [header, ...rows])
  console.log(row.map((cell, column) => cell.padEnd(widths[column])).join("  "));
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
