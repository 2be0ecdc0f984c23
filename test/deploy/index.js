// Exported models in other runtimes: `npm run test:deploy`. Every module beside this one is a suite, run in a process of
// its own; it prints a line a check and, at the end, how many have passed. `-- onnx tflite` runs some.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "../conformance/packages.js";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
/** A suite that runs so many milliseconds hangs. */
const HANGING = 900_000;

function run(suite) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [here(`${suite}.js`)], { stdio: ["ignore", "pipe", "inherit"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), HANGING);
    let text = "";
    child.stdout.on("data", (part) => {
      text += part;
      process.stdout.write(part);
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      const [, passed, failed] = text.match(/(\d+) passed, (\d+) failed\s*$/) ?? [];
      const ended = passed !== undefined && code === (failed === "0" ? 0 : 1);
      if (!ended) console.log(`FAIL ${suite}: ended with ${code} before its last check`);
      resolve({ passed: Number(passed ?? 0), failed: Number(failed ?? 0) + Number(!ended) });
    });
  });
}

installPackages(here("."));
const all = readdirSync(here("."))
  .filter((name) => name.endsWith(".js") && name !== "index.js")
  .map((name) => basename(name, ".js"));
const asked = process.argv.slice(2);
const total = { passed: 0, failed: 0 };
for (const suite of all.filter((name) => asked.length === 0 || asked.includes(name))) {
  console.log(`# ${suite}`);
  const { passed, failed } = await run(suite);
  total.passed += passed;
  total.failed += failed;
}
console.log(`all suites: ${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
