// The race on a network: the same weights, batches and data for every optimizer, as a page asks for it.
import { dense, type Engine, flatten, sequential, softmaxCrossEntropy } from "downhill";
import { type RaceTask, spiralsTask, trainingTask } from "downhill/race";
import { readSample, sampleData } from "../../data/digits.ts";
import { makeOptimizer } from "../../parts/optimizers.ts";
import type { Options } from "../../parts/options.ts";
import { NETWORK_TARGETS, type NetworkTaskName } from "./network-tasks.ts";

export interface NetworkRace {
  readonly task: NetworkTaskName;
  readonly seed: number;
  readonly entrants: readonly { readonly optimizer: string; readonly options: Options }[];
  /** Where the sample of digits lies. */
  readonly digits: string;
}

/** How one of them ran. */
export interface NetworkUpdate {
  readonly index: number;
  readonly steps: readonly number[];
  readonly losses: readonly number[];
  /** Of work, measurements left out. */
  readonly seconds: number;
  readonly diverged: boolean;
  /** Steps to the target, where it was reached. */
  readonly arrived?: number | undefined;
  /** What its optimizer refused. */
  readonly error?: string;
}

const HIDDEN = 32;

function digitsTask(engine: Engine, url: string): RaceTask {
  const { loss: value, maxSteps } = NETWORK_TARGETS.digits;
  return trainingTask({
    name: "digits",
    target: { of: "loss", value, better: "lower" },
    maxSteps,
    model: () =>
      sequential({ input: [28, 28, 1] }, flatten(), dense(HIDDEN, { activation: "relu" }), dense(10)),
    async load() {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
      const { train, validation } = sampleData(await readSample(await response.blob()));
      return { train, test: validation! };
    },
    loss: softmaxCrossEntropy,
    batchSize: 32,
    every: 10,
    engine,
  });
}

/** Runs them one after the other; each is told when it has ended. */
export async function raceNetworks(
  engine: Engine,
  { task, seed, entrants, digits }: NetworkRace,
  tell: (update: NetworkUpdate) => void,
): Promise<undefined> {
  const { maxSteps } = NETWORK_TARGETS[task];
  const run = task === "spirals" ? spiralsTask({ maxSteps, engine }) : digitsTask(engine, digits);
  for (const [index, { optimizer, options }] of entrants.entries()) {
    try {
      const trajectory = await run.run(makeOptimizer(optimizer, options), seed, { maxSteps, points: false });
      const last = trajectory.at(-1);
      const reached = trajectory.find(({ value }) => value <= run.target.value);
      tell({
        index,
        steps: trajectory.map(({ step }) => step),
        losses: trajectory.map(({ value }) => value),
        seconds: last?.seconds ?? 0,
        diverged: !Number.isFinite(last?.value),
        arrived: reached?.step,
      });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      tell({ index, steps: [], losses: [], seconds: 0, diverged: false, error: text });
    }
  }
}
