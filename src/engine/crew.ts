// The worker threads of an engine, from start to end. They never keep the process alive.
import type { Worker } from "node:worker_threads";
import { EngineError } from "../core/errors.ts";
import type { WorkerTask } from "./worker.ts";

/** Waits until a worker has its instance, or has ended. */
const begun = (worker: Worker): Promise<void> =>
  new Promise((resolve) => {
    worker.once("message", () => resolve());
    worker.once("exit", () => resolve());
  });

/** Workers 1 … count − 1; the calling thread is number 0. */
export class Crew {
  readonly #workers: Worker[];
  /** Set when a worker has ended that nobody told to. */
  failure: EngineError | undefined;
  #closing = false;

  constructor(workers: Worker[]) {
    this.#workers = workers;
    for (const [index, worker] of workers.entries()) {
      worker.on("error", (error) => this.#fail(index + 1, error.message));
      worker.on("exit", (code) => this.#fail(index + 1, `exit code ${code}`));
    }
  }

  static async start(module: WebAssembly.Module, memory: WebAssembly.Memory, count: number): Promise<Crew> {
    const threads = await import("node:worker_threads");
    const workers = Array.from({ length: count - 1 }, (_, index) => {
      const workerData: WorkerTask = { module, memory, index: index + 1, count };
      return new threads.Worker(new URL("./worker.js", import.meta.url), { workerData });
    });
    const crew = new Crew(workers);
    // V8 tells a memory's new size to the threads that it knows to have the memory: one that is still beginning
    // would keep the old size, and trap. So nothing may grow before all are there.
    await Promise.all(workers.map(begun));
    if (crew.failure) {
      await crew.close();
      throw crew.failure;
    }
    for (const worker of workers) worker.unref();
    return crew;
  }

  get size(): number {
    return this.#workers.length;
  }

  /** Ends every worker, also one that no longer listens. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #fail(index: number, reason: string): void {
    if (this.#closing) return;
    this.failure ??= new EngineError(`engine: worker ${index} ended during its work: ${reason}`);
  }
}
