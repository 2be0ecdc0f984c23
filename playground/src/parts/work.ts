// What a page asks of its worker, and the worker's answers: an engine may wait there, and the page stays free.
import type { BenchSetting, BenchUpdate } from "../pages/bench/measure.ts";
import type { BenchResult } from "../pages/bench/result.ts";
import type { NetworkRace, NetworkUpdate } from "../pages/race/networks.ts";
import type { Path, Walk } from "./descents.ts";

/** Each kind of work: what is given, what is told meanwhile, what comes of it. */
export interface Work {
  readonly walk: { readonly given: Walk; readonly update: never; readonly result: Path };
  readonly rate: {
    readonly given: Walk & { readonly key: string };
    readonly update: never;
    readonly result: number;
  };
  readonly network: {
    readonly given: NetworkRace;
    readonly update: NetworkUpdate;
    readonly result: undefined;
  };
  readonly bench: {
    readonly given: BenchSetting;
    readonly update: BenchUpdate;
    readonly result: BenchResult;
  };
}
export type WorkKind = keyof Work;

export interface Request {
  readonly id: number;
  readonly kind: WorkKind;
  readonly given: unknown;
}

export type Answer =
  | { readonly id: number; readonly update: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  tell(update: unknown): void;
}

/** A worker that is started at the first request, and again at the first one after `stop`. */
export class Workshop {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  /** Requests are answered one after the other. @throws Error with the message of what went wrong in the worker. */
  ask<Kind extends WorkKind>(
    kind: Kind,
    given: Work[Kind]["given"],
    onUpdate: (update: Work[Kind]["update"]) => void = () => {},
  ): Promise<Work[Kind]["result"]> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        resolve: resolve as (result: unknown) => void,
        reject,
        tell: onUpdate as (update: unknown) => void,
      });
      try {
        this.#worker ??= this.#start();
        this.#worker.postMessage({ id, kind, given } satisfies Request);
      } catch (error) {
        this.#fail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** Ends the worker in the middle of its work; what was asked for is never answered. */
  stop(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#waiting.clear();
  }

  #start(): Worker {
    const worker = new Worker(new URL("./engine.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.#waiting.get(data.id);
      if ("update" in data) {
        waiting?.tell(data.update);
        return;
      }
      this.#waiting.delete(data.id);
      if ("error" in data) waiting?.reject(new Error(data.error));
      else waiting?.resolve(data.result);
    };
    worker.onerror = (event) => this.#fail(new Error(event.message || "the worker could not be started"));
    return worker;
  }

  #fail(error: Error): void {
    const all = [...this.#waiting.values()];
    this.stop();
    for (const { reject } of all) reject(error);
  }
}
