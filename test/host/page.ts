// A page, played by Node: the bundles that pages load, and workers for them. What a real browser refuses is stubbed.
import { Worker } from "node:worker_threads";
import { vi } from "vitest";

const bundle = (family: string) => new URL(`../../build/bundle/${family}/`, import.meta.url).href;

export const page: typeof import("#src/index") = await import(`${bundle("browser")}index.js`);
export const pageData: typeof import("#src/data/index") = await import(`${bundle("browser")}data.js`);
export const slimData: typeof import("#src/data/index") = await import(`${bundle("slim")}data.js`);
export const slim: typeof import("#src/slim") = await import(`${bundle("slim")}index.js`);

interface PageEvent {
  readonly message?: string;
  preventDefault(): void;
}

/** A page's Worker on one of Node's. */
export class PageWorker {
  static readonly started: PageWorker[] = [];
  onmessage?: (event: { data: unknown }) => void;
  onerror?: (event: PageEvent) => void;
  readonly url: string;
  readonly #thread: Worker;

  constructor(url: string | URL, options: { type: string }) {
    if (options.type !== "module") throw new Error("the worker's script is a module");
    this.url = String(url);
    this.#thread = new Worker(new URL("page-worker.js", import.meta.url), { workerData: this.url });
    this.#thread.on("message", (data) => this.onmessage?.({ data }));
    this.#thread.on("error", ({ message }) => this.fail(message));
    PageWorker.started.push(this);
  }

  postMessage(message: unknown): void {
    this.#thread.postMessage(message);
  }

  terminate(): void {
    void this.#thread.terminate();
  }

  /** What a browser does when the script throws; without a message, when it does not load. */
  fail(message?: string): void {
    this.onerror?.({ ...(message !== undefined && { message }), preventDefault() {} });
  }
}

/** Makes the page one with cross-origin isolation, of so many cores. */
export function isolate({ cores = 2, worker = PageWorker as unknown } = {}): void {
  PageWorker.started.length = 0;
  vi.stubGlobal("crossOriginIsolated", true);
  vi.stubGlobal("navigator", { hardwareConcurrency: cores });
  vi.stubGlobal("Worker", worker);
}
