// What a worker thread does: takes part in every run until it is told to end.
import { parentPort, workerData } from "node:worker_threads";
import { STATUS_QUIT } from "../../assembly/abi.ts";
import { instantiate } from "./instance.ts";

/** What the engine gives a worker. */
export interface WorkerTask {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly index: number;
  readonly count: number;
}

const { module, memory, index, count } = workerData as WorkerTask;
const { exports } = instantiate(module, memory);
exports.attach(index, count);
parentPort!.postMessage("begun");
// Each turn returns from wasm, so that the next can begin in optimized code.
while (exports.serve() !== STATUS_QUIT);
