// Where the pages Race, Bench and Learn compute: a thread that may wait, with an engine of its own.
import { createEngine, type Engine } from "downhill";
import type { Answer, Request, Work, WorkKind } from "./work.ts";

let shared: Promise<Engine> | undefined;
/** The same bits on every machine: what is drawn can be compared. */
const engine = () => (shared ??= createEngine({ threads: 1, numerics: "exact" }));

type Doing = {
  readonly [Kind in WorkKind]: (
    given: Work[Kind]["given"],
    tell: (update: Work[Kind]["update"]) => void,
  ) => Promise<Work[Kind]["result"]>;
};

/** What is not needed is not loaded. */
const doing: Doing = {
  walk: async (given) => (await import("./descents.ts")).walk(await engine(), given),
  rate: async ({ key, ...given }) => (await import("./descents.ts")).findRate(await engine(), given, key),
  network: async (given, tell) =>
    (await import("../pages/race/networks.ts")).raceNetworks(await engine(), given, tell),
  bench: async (given, tell) => (await import("../pages/bench/measure.ts")).measure(given, tell),
};

const post = (answer: Answer) => postMessage(answer);

/** One after the other: an engine has one memory. */
let last: Promise<unknown> = Promise.resolve();

addEventListener("message", ({ data: { id, kind, given } }: MessageEvent<Request>) => {
  last = last.then(async () => {
    try {
      const work = doing[kind] as (given: unknown, tell: (update: unknown) => void) => Promise<unknown>;
      post({ id, result: await work(given, (update) => post({ id, update })) });
    } catch (error) {
      post({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
});
