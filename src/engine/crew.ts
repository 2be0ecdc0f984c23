// The threads of an engine, and the life of a run among them. Workers never keep the process alive.
//
// The control words name a program and how many steps. The run then goes one of three ways, with the same bits:
// - alone: the calling thread does everything, being the only one, or the work too little to be worth waking others.
// - together: the calling thread is number 0, the workers are the others; they wait for each other at barriers.
// - watched: the calling thread may not wait, for it is a page's. All numbers are workers; number 0 tells how it ended.
// A page has to breathe, too: alone, it goes an instruction at a time and looks at the clock.
import { host } from "#host";
import { STATUS_HALTED, STATUS_WAITING } from "../../assembly/abi.ts";
import { EngineError } from "../core/errors.ts";
import type { Worker, WorkerTask } from "../host/host.ts";
import type { Instance } from "../host/instance.ts";

/** What a run came to. */
export interface RunResult {
  /** Steps that were done; fewer than asked for where a guard stopped. */
  readonly steps: number;
  readonly halted: boolean;
}

/** What all workers are given, and where their script lies if not at its usual place. */
interface Beginning extends Omit<WorkerTask, "index" | "count"> {
  readonly url?: string | URL | undefined;
}

/** Milliseconds that a page is kept busy at a time, but for an instruction that takes longer. */
const SLICE = 10;

/** Waits until the event loop has turned; a timer would take 4 ms in a page. */
const nextTask = () =>
  new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });

export class Crew {
  readonly threads: number;
  /** Set when a worker has ended that nobody told to. */
  failure: EngineError | undefined;
  /** What the workers were started with. */
  begun: Beginning | undefined;
  readonly #exports: Instance["exports"];
  readonly #workers: Worker[] = [];
  #watched: { resolve(result: RunResult): void; reject(error: EngineError): void } | undefined;
  #breathed = 0;
  #closing = false;

  /** Of the calling thread alone, until workers are started. */
  constructor(instance: Instance, threads = 1) {
    this.#exports = instance.exports;
    this.threads = threads;
  }

  /** Starts the workers: all threads, or all but the calling one. @throws EngineError where one cannot begin. */
  async start(begun: Beginning): Promise<void> {
    this.begun = begun;
    const { url, ...shared } = begun;
    const first = host.isPage() ? 0 : 1;
    const tasks = Array.from({ length: this.threads - first }, (_, at) => {
      return { ...shared, index: first + at, count: this.threads };
    });
    // V8 tells a memory's new size to the threads that it knows to have the memory: one that is still beginning
    // would keep the old size, and trap. So nothing may grow before all are there.
    await Promise.all(tasks.map((task) => this.#start(task, url)));
    if (!this.failure) return;
    await this.close();
    throw this.failure;
  }

  /** Starts a worker and waits until it has its instance, or has ended. */
  #start(task: WorkerTask, url?: string | URL): Promise<void> {
    return new Promise((settle) => {
      let begun = false;
      const message = (result: unknown) => {
        // A task of the page's own begins with it.
        this.#breathed = performance.now();
        if (begun) this.#watched?.resolve(result as RunResult);
        begun = true;
        settle();
      };
      const ended = (reason: string) => {
        const when = begun ? "ended during its work" : "could not begin, see createEngine's workerUrl";
        this.#fail(`engine: worker ${task.index} ${when}: ${reason}`);
        settle();
      };
      host.startWorker!(task, { message, ended }, url).then(
        (worker) => this.#workers.push(worker),
        (error) => ended(error.message),
      );
    });
  }

  /** Has what the control words name run. */
  async run({ little }: { little: boolean }): Promise<RunResult> {
    const alone = little || this.#workers.length === 0;
    if (!alone && this.#workers.length === this.threads) {
      return new Promise((resolve, reject) => {
        this.#watched = { resolve, reject };
        this.#exports.wake();
      });
    }
    this.#begin(alone ? 1 : this.threads);
    if (!alone) this.#exports.wake();
    let status = this.#go();
    while (status === STATUS_WAITING) {
      // Brings the news of a worker's death, too.
      await this.#breathe();
      if (this.failure) throw this.failure;
      status = this.#go();
    }
    return this.#result(status);
  }

  /** Lets a page in that has been kept busy for long: by a run, or by many short ones, each begun by the end of another. */
  async rest(): Promise<void> {
    if (host.isPage() && this.#isDue()) await this.#breathe();
  }

  /** Goes on until the end, a barrier that takes long, or a page's next breath. */
  #go(): number {
    if (!host.isPage()) return this.#exports.proceed();
    while (!this.#isDue()) {
      const status = this.#exports.proceedBy(1);
      if (status !== STATUS_WAITING) return status;
    }
    return STATUS_WAITING;
  }

  #isDue(): boolean {
    return performance.now() - this.#breathed >= SLICE;
  }

  async #breathe(): Promise<void> {
    await nextTask();
    this.#breathed = performance.now();
  }

  /** The same without a promise, for one thread. */
  runSync(): RunResult {
    this.#begin(1);
    return this.#result(this.#exports.proceed());
  }

  /** Ends every worker, also one that no longer listens. */
  async close(): Promise<void> {
    this.dismiss();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  /** Tells the workers to end; answers how many there are. */
  dismiss(): number {
    this.#closing = true;
    if (this.#workers.length > 0) this.#exports.dismiss();
    return this.#workers.length;
  }

  #begin(threads: number): void {
    this.#exports.attach(0, threads);
    this.#exports.begin();
  }

  #result(status: number): RunResult {
    return { steps: this.#exports.stepsDone(), halted: status === STATUS_HALTED };
  }

  #fail(reason: string): void {
    if (this.#closing) return;
    this.failure ??= new EngineError(reason);
    this.#watched?.reject(this.failure);
  }
}
