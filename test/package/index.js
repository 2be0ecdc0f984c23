// The packed package where people install it: `npm run test:package`.
//
// Packs once, holds the tarball against what registries and runtimes expect of it, then installs, builds and runs it in
// every consumer of the table. `npm run test:package -- vite` tries only the consumers with that in their name.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

function install() {
  if (existsSync(here("node_modules"))) return;
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: here("."),
    stdio: "inherit",
  });
  if (status !== 0) process.exit(1);
}

install();
const { close } = await import("./browser.js");
const { consumers } = await import("./consumers.js");
const { tryConsumer } = await import("./trial.js");
const { checkTarball } = await import("./tarball.js");
const { checkTypes } = await import("./types.js");
const { checkReadme } = await import("./readme.js");

let passed = 0;
const failures = [];
/** Counts a check and gives its mark; without a reason it went well. */
function check(what, reason) {
  if (reason === undefined) passed++;
  else failures.push(`${what}: ${reason}`);
  return reason === undefined ? "ok" : "FAILED";
}

const wanted = process.argv.slice(2);
const chosen = consumers.filter(
  ({ name }) => wanted.length === 0 || wanted.some((each) => name.toLowerCase().includes(each.toLowerCase())),
);
const print = (cells, widths) =>
  console.log(
    cells
      .map((cell, i) => cell.padEnd(widths[i]))
      .join("  ")
      .trimEnd(),
  );

const checks = [
  ["tarball", checkTarball],
  ["types", checkTypes],
  ["README", checkReadme],
];
for (const [name, found] of checks) {
  if (wanted.length > 0) continue;
  for (const [what, reason] of await found())
    print([name, what, check(`${name}: ${what}`, reason)], [8, 60, 0]);
}

const header = ["consumer", "installs", "builds", "learns", "every room", "threads"];
const widths = [Math.max(...consumers.map(({ name }) => name.length)), 8, 6, 12, 12, 7];
print(header, widths);
for (const consumer of chosen) {
  const trials = await tryConsumer(consumer);
  const marks = header.slice(1).map((trial) => {
    const { shown = "", reason } = trials.get(trial) ?? {};
    if (!trials.has(trial)) return "";
    return check(`${consumer.name}: ${trial}`, reason) === "ok" ? shown : "FAILED";
  });
  print([consumer.name, ...marks], widths);
}
await close();

for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
