// Node, Deno and Bun: files, and worker threads that share memory with the thread that calls.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { EngineError } from "../core/errors.ts";
import type { Host, Variant, WorkerTask } from "./host.ts";

/** The first version of Node whose V8 joins vector operations without known faults. */
const FIRST_WIDE_NODE = 26;

/** The bytes of a module beside this package's files; those of a kind begin with its name. */
export function bytesOf({ instructionSet, shared }: Variant, kind = ""): Buffer<ArrayBuffer> {
  const name = `${kind}${instructionSet}${shared ? "-shared" : ""}.wasm`;
  const file = new URL(`../../wasm/${name}`, import.meta.url);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new EngineError(
      `engine: module: got none at ${file.pathname}, wanted it where the package has it; a bundler leaves it behind: ` +
        "keep downhill out of the bundle, or use downhill/slim",
      { cause },
    );
  }
}

export const moduleOf = (variant: Variant, kind?: string): WebAssembly.Module =>
  new WebAssembly.Module(bytesOf(variant, kind));

export const host: Host = {
  offers: () => true,
  compile: async (variant) => moduleOf(variant),
  compileSync: (variant) => moduleOf(variant),
  bytes: async (variant) => bytesOf(variant),
  isPage: () => false,
  cores: availableParallelism,
  async startWorker(
    task,
    { message, ended },
    // By a name that is right from the sources, too: beside a bundle's shared files lies the worker of pages.
    url = new URL("../../bundle/node/worker.js", import.meta.url),
  ) {
    const { Worker } = await import("node:worker_threads");
    const worker = new Worker(url, { workerData: task });
    worker.on("message", message);
    worker.on("error", (error) => ended(error.message));
    worker.on("exit", (code) => ended(`exit code ${code}`));
    // From its first word on it does not keep the process alive.
    worker.once("message", () => worker.unref());
    return worker;
  },
  async allowWide() {
    // Deno and Bun tell a version of Node too, but have no such flag.
    if ("Deno" in globalThis || "Bun" in globalThis) return false;
    if (Number.parseInt(process.versions.node, 10) < FIRST_WIDE_NODE) return false;
    (await import("node:v8")).setFlagsFromString("--experimental-wasm-revectorize");
    return true;
  },
  files: () => import("node:fs/promises"),
  async bars() {
    try {
      return await import("cli-progress");
    } catch {
      return undefined;
    }
  },
  packageDirectory(name) {
    // Beside this package first, then from the working directory: a linked package has other neighbours.
    for (const from of [import.meta.url, `${process.cwd()}/`]) {
      try {
        return createRequire(from).resolve(`${name}/package.json`).slice(0, -"/package.json".length);
      } catch {
        // Not from here.
      }
    }
    return undefined;
  },
};

/** In a worker: begins what it was started for, with a way to tell its starter something. */
export async function receiveTask(
  begin: (task: WorkerTask, tell: (message: unknown) => void) => void,
): Promise<void> {
  const { parentPort, workerData } = await import("node:worker_threads");
  begin(workerData, (message) => parentPort!.postMessage(message));
}
