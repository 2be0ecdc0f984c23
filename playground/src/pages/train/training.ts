// The training that the page shows: begins it, lets it go on, pauses it, and looks at it now and then.
import { effect, signal, untracked } from "@preact/signals";
import type { TrainingData } from "../../data/training-data.ts";
import { engine } from "../../shell/engine.ts";
import { type Measured, softmaxAt } from "../../train/measure.ts";
import { buildNetwork } from "../../train/network.ts";
import { type EpochNumbers, type LayerNumbers, Run } from "../../train/run.ts";
import {
  batchSize,
  dataState,
  epochs,
  knobs,
  layers,
  layersOf,
  learningRate,
  network,
  optimizer,
  runSettings,
  schedule,
  seed,
} from "./settings.ts";

export type Phase = "ready" | "starting" | "running" | "paused" | "finished" | "failed";

/** What was seen when the training was last looked at. */
export interface Seen {
  readonly history: readonly EpochNumbers[];
  readonly measured: (Measured & { readonly outputs: Float32Array }) | undefined;
  readonly plane: Plane | undefined;
  readonly layers: readonly LayerNumbers[];
}

/** Probabilities of the classes over a square of the plane, row after row from its top. */
export interface Plane {
  readonly cells: number;
  readonly probabilities: Float32Array;
}

export interface Counters {
  readonly epoch: number;
  readonly steps: number;
  readonly loss: number;
  readonly speed: number;
  readonly rate: number;
  readonly threads: number;
}

const NOTHING: Seen = { history: [], measured: undefined, plane: undefined, layers: [] };
const ZERO: Counters = { epoch: 0, steps: 0, loss: Number.NaN, speed: 0, rate: Number.NaN, threads: 0 };

export const phase = signal<Phase>("ready");
export const failure = signal<unknown>(undefined);
export const seen = signal<Seen>(NOTHING);
export const counters = signal<Counters>(ZERO);

/** Cells of a side of the plane. */
const CELLS = 50;
/** Milliseconds between two looks, and least that a look waits for as many times as it took. */
const LOOK = 150;
const SHARE = 4;

/** Share of the time of steps that measuring may take between two looks. */
const MEASURING = 0.5;

/** Epochs a second at most, to see how it goes; 0: as fast as it goes. */
export const pace = signal(0);
export const PACES = [0, 30, 10, 3] as const;

let run: Run | undefined;
/** How often all began anew: what was begun before does not count any more. */
let resets = 0;
/** What is under way; the next waits for it. */
let work: Promise<void> = Promise.resolve();

/** The model as it is trained, if it is. */
export const trained = () => run?.model;

/** Input, timers and painting get their turn. A timer would be held back to 4 ms. */
const breathe = () =>
  new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

const rest = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export function start(): void {
  if (phase.value === "running" || phase.value === "starting") return;
  // Whoever asks for more than was asked for at first gets it.
  if (run?.finished) epochs.value = run.epoch + run.settings.epochs;
  enter("running", goOn);
}

export function pause(): void {
  if (phase.value === "running" || phase.value === "starting") phase.value = "paused";
}

export function step(): void {
  if (phase.value === "running" || phase.value === "starting") return;
  if (run?.finished) epochs.value = run.epoch + 1;
  enter("paused", async (mine) => {
    await mine.step();
    await look(mine);
  });
}

export function reset(): void {
  const old = run;
  run = undefined;
  resets++;
  phase.value = "ready";
  failure.value = undefined;
  seen.value = NOTHING;
  counters.value = ZERO;
  work = work.then(() => old?.close());
}

/** Makes the run where there is none, then has it do something. */
function enter(next: Phase, act: (mine: Run) => Promise<void>): void {
  failure.value = undefined;
  phase.value = run ? next : "starting";
  const before = resets;
  work = work.then(async () => {
    if (resets !== before) return;
    try {
      if (!run) {
        const made = await begin();
        if (!made) return;
        run = made;
        if (phase.value === "starting") phase.value = next;
      }
      if (phase.value === next) await act(run);
    } catch (error) {
      if (resets !== before) return;
      failure.value = error;
      phase.value = "failed";
    }
  });
}

async function begin(): Promise<Run | undefined> {
  const { data } = dataState.value;
  if (!data) return undefined;
  const { model, error } = buildNetwork(layersOf(), data);
  if (!model) throw error;
  const settings = runSettings();
  const before = resets;
  const made = await Run.begin(model, data, settings, await engine());
  if (resets === before) return made;
  made.close();
  return undefined;
}

async function goOn(mine: Run): Promise<void> {
  let next = performance.now() + LOOK;
  const going = () => run === mine && phase.value === "running";
  const spent = { steps: 0, measuring: 0 };
  while (going() && !mine.finished) {
    const began = performance.now();
    await mine.slice();
    let now = performance.now();
    spent.steps += now - began;
    // The curve of the validation has as many points as can be had for little.
    if (mine.between && spent.measuring < MEASURING * spent.steps) {
      await mine.measure();
      spent.measuring += performance.now() - now;
    }
    if (mine.between && pace.value > 0) await rest(1000 / pace.value - (performance.now() - began));
    now = performance.now();
    // At an epoch's end if there is one soon.
    if (now >= next + (mine.between ? 0 : LOOK)) {
      count(mine);
      await look(mine);
      const after = performance.now();
      next = after + Math.max(LOOK, SHARE * (after - now));
    }
    await breathe();
  }
  if (run !== mine) return;
  await look(mine);
  if (phase.value === "running") phase.value = "finished";
}

function count(mine: Run): void {
  if (run !== mine) return;
  counters.value = {
    epoch: mine.epoch,
    steps: mine.steps,
    loss: mine.lastLoss,
    speed: mine.speed,
    rate: mine.rateAt(mine.steps + 1),
    threads: mine.model.weights.engine?.threads ?? 1,
  };
}

async function look(mine: Run): Promise<void> {
  const measured = await mine.measure();
  const plane = mine.data.axes ? await planeOf(mine) : undefined;
  const numbers = await mine.layers();
  if (run !== mine) return;
  count(mine);
  seen.value = { history: [...mine.history], measured, plane, layers: numbers };
}

/** Half the side of the square of the plane that is shown, about 0. */
export function reachOf({ train, validation }: TrainingData): number {
  let most = 0;
  for (const part of [train, validation]) {
    const [all] = part?.batch("full") ?? [];
    for (const value of all?.inputs ?? []) most = Math.max(most, Math.abs(value));
  }
  return 1.08 * most || 1;
}

async function planeOf({ model, data }: Run): Promise<Plane> {
  const reach = reachOf(data);
  const points = new Float32Array(2 * CELLS * CELLS);
  for (let i = 0; i < CELLS * CELLS; i++) {
    points[2 * i] = (((i % CELLS) + 0.5) / CELLS - 0.5) * 2 * reach;
    points[2 * i + 1] = (0.5 - (Math.floor(i / CELLS) + 0.5) / CELLS) * 2 * reach;
  }
  const probabilities = await model.predict(points);
  const classes = data.names.length;
  for (let at = 0; at < probabilities.length; at += classes) softmaxAt(probabilities, at, classes);
  return { cells: CELLS, probabilities };
}

// What can be changed while it runs.
effect(() => {
  const [rate, most] = [learningRate.value, epochs.value];
  if (!run) return;
  run.learningRate = rate;
  run.epochs = most;
  untracked(() => count(run!));
});

// All else begins anew.
effect(() => {
  for (const each of [dataState, layers, optimizer, knobs, schedule, batchSize, seed, network]) each.value;
  untracked(reset);
});

/** The weights as a file. */
export function download(): void {
  const { model } = run ?? {};
  if (!model) return;
  const url = URL.createObjectURL(
    new Blob([model.toBytes() as BlobPart], { type: "application/octet-stream" }),
  );
  const link = document.createElement("a");
  link.href = url;
  link.download = "downhill.safetensors";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
