// The worker threads of an engine, from start to end. They never keep the process alive.
import { host } from "#host";
import { EngineError } from "../core/errors.ts";
import type { Worker, WorkerTask } from "../host/host.ts";

/** Workers 1 … count − 1; the calling thread is number 0. */
export class Crew {
  readonly size: number;
  /** Set when a worker has ended that nobody told to. */
  failure: EngineError | undefined;
  #workers: Worker[] = [];
  #closing = false;

  private constructor(size: number) {
    this.size = size;
  }

  static async start(module: WebAssembly.Module, memory: WebAssembly.Memory, count: number): Promise<Crew> {
    const crew = new Crew(count - 1);
    // V8 tells a memory's new size to the threads that it knows to have the memory: one that is still beginning
    // would keep the old size, and trap. So nothing may grow before all are there.
    await Promise.all(
      Array.from({ length: crew.size }, (_, at) => crew.#start({ module, memory, index: at + 1, count })),
    );
    if (crew.failure) {
      await crew.close();
      throw crew.failure;
    }
    return crew;
  }

  /** Starts a worker and waits until it has its instance, or has ended. */
  async #start(task: WorkerTask): Promise<void> {
    await new Promise<void>((begun, failed) => {
      const ended = (reason: string) => {
        this.#fail(task.index, reason);
        begun();
      };
      host.startWorker!(task, { message: () => begun(), ended }).then(
        (worker) => this.#workers.push(worker),
        failed,
      );
    });
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
