// Builds every WebAssembly variant that asconfig.json names, side by side, and only if a source is newer.
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const compiler = join(
  dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")),
  "bin/asc.js",
);
const targets = Object.entries(JSON.parse(readFileSync("asconfig.json", "utf8")).targets);
/** @param {string} target Its module: the second one's begin with its name. */
const entryOf = (target) =>
  target.startsWith("quantized") ? "assembly/quantized/index.ts" : "assembly/index.ts";
const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sources = readdirSync("assembly", { recursive: true }).map((name) => join("assembly", name));
const newest = Math.max(modified("asconfig.json"), ...sources.map(modified));

mkdirSync("build/wasm", { recursive: true });
const builds = targets
  .filter(([, { outFile }]) => modified(outFile) < newest)
  .map(
    ([target]) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [compiler, entryOf(target), "--target", target], {
          stdio: "inherit",
        });
        child.on("exit", (code) =>
          code === 0 ? resolve() : reject(new Error(`asc --target ${target}: exit ${code}`)),
        );
      }),
  );
await Promise.all(builds);
