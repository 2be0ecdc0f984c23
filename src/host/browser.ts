// Pages and their workers: modules lie as text in files of their own, loaded when they are chosen.
import { EngineError } from "../core/errors.ts";
import { compileBytes } from "./compile.ts";
import type { Host, InstructionSet, Variant, WorkerTask } from "./host.ts";

type Bytes = Promise<{ default: Uint8Array<ArrayBuffer> }>;

/** Written out, for bundlers follow only what they can read; a function each, or they fetch two for one. */
const modules: Record<InstructionSet, Record<"own" | "shared", () => Bytes>> = {
  plain: { own: () => import("#wasm/plain"), shared: () => import("#wasm/plain-shared") },
  relaxed: { own: () => import("#wasm/relaxed"), shared: () => import("#wasm/relaxed-shared") },
};

const bytes = async ({ instructionSet, shared }: Variant) =>
  (await modules[instructionSet][shared ? "shared" : "own"]()).default;

export const host: Host = {
  offers: () => true,
  compile: async (variant) => compileBytes(await bytes(variant)),
  bytes,
  compileSync() {
    throw new EngineError(
      "createEngineSync: got a page, which loads the module with a promise; use createEngine, or downhill/slim after init",
    );
  },
  // Of all threads of a browser, those of its dedicated workers alone may wait.
  isPage: () => !("DedicatedWorkerGlobalScope" in globalThis),
  cores: () =>
    globalThis.crossOriginIsolated && "Worker" in globalThis ? navigator.hardwareConcurrency : undefined,
  async startWorker(task, { message, ended }, url) {
    const worker = url
      ? new Worker(url, { type: "module" })
      : // Bundlers know this form, and take the file along.
        new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => message(data);
    worker.onerror = (event) => {
      // Told to who waits for it, it is no news for the page's own handler.
      event.preventDefault();
      ended(event.message || "its script could not be loaded");
    };
    worker.postMessage(task);
    return worker;
  },
};

/** In a worker: begins what it was started for, with a way to tell its starter something. */
export function receiveTask(begin: (task: WorkerTask, tell: (message: unknown) => void) => void): void {
  globalThis.onmessage = ({ data }) => begin(data, (message) => globalThis.postMessage(message));
}
