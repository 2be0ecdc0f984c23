// The conformance suite from the packed package, on every runtime without a page: `npm run test:runtimes`.
//
// In exact numerics weights, predictions, files and gradients must have one hash everywhere, that of hash.json, and
// the table must be that of HASHES.md. A change that is meant to change the bits renews them:
// `npm run test:runtimes -- --renew`, which writes only if all runtimes agree; say why in the commit, and renew the
// table of the browsers after it. `-- --only=Bun,workerd` runs some. The runtimes are npm packages, installed when they
// are missing.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { install } from "../conformance/installed.js";
import { installPackages } from "../conformance/packages.js";
import { report } from "../conformance/report.js";
import { prepareWorkerd } from "./workerd.js";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
/** A hanging program is ended after so many milliseconds. */
const HANGING = 300_000;

/** Runs a program to its end; one that hangs, prints to stderr or fails gives an `error`. */
function run(command, folder) {
  return new Promise((resolve) => {
    const [binary, ...values] = command;
    const child = spawn(binary, values, { cwd: folder, env: { ...process.env, NODE_OPTIONS: "" } });
    const timer = setTimeout(() => child.kill("SIGKILL"), HANGING);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    child.on("error", (error) => resolve({ error: error.message }));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      // Tests are announced there, and that they have passed.
      stderr = stderr.replace(/^.*\[ (TEST|PASS) \] main:suite.*\n/gm, "");
      const line = stdout.split("\n").find((each) => each.startsWith('{"threads"'));
      if (code === 0 && stderr === "" && line) resolve({ result: JSON.parse(line) });
      else resolve({ error: signal ? `killed by ${signal}` : stderr || `exit code ${code}: ${stdout}` });
    });
  });
}

installPackages(here("."));
const folder = install(["runtimes/program.js", "runtimes/worker.js"]);
await prepareWorkerd(folder);

const all = { threads: true, sync: true, files: true, fast: "relaxed", wide: false };
const node = (name) => here(`node_modules/${name}/bin/node`);
const program = ["runtimes/program.js"];
const RUNTIMES = [
  { name: "Node 20", binary: process.execPath, values: program, abilities: { ...all, fast: "plain" } },
  { name: "Node 22", binary: node("node22"), values: program, abilities: all },
  { name: "Node 24", binary: node("node24"), values: program, abilities: all },
  { name: "Node 26", binary: node("node26"), values: program, abilities: { ...all, wide: true } },
  {
    name: "Deno",
    binary: here("node_modules/.bin/deno"),
    values: ["run", "-A", "--node-modules-dir=manual", ...program],
    abilities: all,
  },
  { name: "Bun", binary: here("node_modules/.bin/bun"), values: program, abilities: all },
  {
    name: "workerd",
    binary: here("node_modules/.bin/workerd"),
    values: ["test", "config.capnp"],
    abilities: { ...all, threads: false, files: false },
  },
];
const only = process.argv
  .find((each) => each.startsWith("--only="))
  ?.slice("--only=".length)
  .split(",");

const outcomes = [];
for (const { name, binary, values, abilities } of RUNTIMES) {
  if (only && !only.includes(name)) continue;
  const { stdout } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  const version = stdout.split("\n")[0];
  outcomes.push({ name, version, abilities, ...(await run([binary, ...values], folder)) });
}
report("Runtimes", outcomes, {
  renews: process.argv.includes("--renew"),
  ownsHashes: true,
  partly: only !== undefined,
});
