// LiteRT in Node, for tests and benchmarks: its loader wants a page or a worker, and its script to be one of them.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compileFunction } from "node:vm";

/**
 * Runs a script as Node runs a module of its own kind, and leaves what it makes where the loader looks for it.
 * @param {string} address
 */
function importScripts(address) {
  const path = fileURLToPath(address);
  const module = { exports: {} };
  const names = ["require", "module", "exports", "__dirname", "__filename"];
  const run = compileFunction(readFileSync(path, "utf8"), names, { filename: path });
  run(createRequire(path), module, module.exports, dirname(path), path);
  // What goes well is not worth a line, and errors are thrown.
  const Module = { wasmBinary: readFileSync(path.replace(/\.js$/, ".wasm")), print() {}, printErr() {} };
  Object.assign(globalThis, { ModuleFactory: module.exports, Module });
}

/**
 * The package's exports, and its runtime, loaded.
 * @param {string} from The address of a module that has the package among its own.
 */
export async function liteRt(from) {
  const entry = createRequire(from).resolve("@litertjs/core");
  const folder = pathToFileURL(`${entry.slice(0, entry.lastIndexOf("@litertjs/core/"))}@litertjs/core/wasm/`);
  Object.assign(globalThis, { self: globalThis, importScripts });
  const core = await import(pathToFileURL(entry).href);
  return { ...core, runtime: await core.loadLiteRt(folder.href) };
}
