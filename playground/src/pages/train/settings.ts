// What is chosen on the page, in signals, and what follows from it: the data and the network.
import { computed, effect, signal } from "@preact/signals";
import type { DrawnDigit } from "../../data/digits.ts";
import { drawnData, readSample, sampleData } from "../../data/digits.ts";
import type { OwnTable } from "../../data/own-table.ts";
import { TOY_NAMES, type ToyName, toyData } from "../../data/toys.ts";
import type { TrainingData } from "../../data/training-data.ts";
import { buildNetwork, type LayerSettings, NEW_LAYERS } from "../../train/network.ts";
import { entryOf, initialKnobs, type OptimizerName } from "../../train/optimizers.ts";
import type { RunSettings } from "../../train/run.ts";
import type { ScheduleName } from "../../train/schedules.ts";

export type Source = ToyName | "mnist" | "csv" | "drawn";
export const isToy = (source: Source): source is ToyName => (TOY_NAMES as string[]).includes(source);

/** A layer with a number of its own, so that the page can move it without making it anew. */
export interface PlacedLayer {
  readonly id: number;
  readonly settings: LayerSettings;
}

export interface TableChoice {
  readonly own: OwnTable;
  readonly answer: string;
  readonly task: "classes" | "numbers";
}

let layersMade = 0;
export const placed = (settings: LayerSettings): PlacedLayer => ({ id: ++layersMade, settings });

const FIRST_NETWORKS = {
  plane: [
    { ...NEW_LAYERS.dense, activation: "gelu" },
    { ...NEW_LAYERS.dense, activation: "gelu" },
  ],
  images: [
    NEW_LAYERS.conv2d,
    NEW_LAYERS.maxPool2d,
    { ...NEW_LAYERS.conv2d, filters: 16 },
    NEW_LAYERS.maxPool2d,
    { ...NEW_LAYERS.dense, units: 32 },
  ],
  table: [{ ...NEW_LAYERS.dense, units: 32 }, NEW_LAYERS.dense],
} as const satisfies Record<string, readonly LayerSettings[]>;
type Family = keyof typeof FIRST_NETWORKS;
const familyOf = (of: Source): Family => (isToy(of) ? "plane" : of === "csv" ? "table" : "images");

export const source = signal<Source>("moons");
export const examples = signal(500);
export const noise = signal(0.3);
export const drawn = signal<readonly DrawnDigit[]>([]);
export const choice = signal<TableChoice | undefined>(undefined);

export const layers = signal<readonly PlacedLayer[]>(FIRST_NETWORKS.plane.map(placed));

export const optimizer = signal<OptimizerName>("adam");
export const knobs = signal<Readonly<Record<string, number>>>(initialKnobs("adam"));
export const learningRate = signal(entryOf("adam").rate);
export const schedule = signal<ScheduleName>("constant");
export const batchSize = signal(32);
export const epochs = signal(200);
export const seed = signal(1);

/** Another set; where it is of another kind, with a network and a length that suit it. */
export function chooseSource(to: Source): void {
  const [before, after] = [familyOf(source.value), familyOf(to)];
  source.value = to;
  if (before === after) return;
  layers.value = FIRST_NETWORKS[after].map(placed);
  epochs.value = { plane: 200, images: 15, table: 100 }[after];
  chooseOptimizer("adam");
  if (after === "images") learningRate.value = 0.003;
}

export function chooseOptimizer(to: OptimizerName): void {
  optimizer.value = to;
  knobs.value = initialKnobs(to);
  learningRate.value = entryOf(to).rate;
}

export interface DataState {
  readonly data?: TrainingData;
  readonly error?: unknown;
  readonly loading?: boolean;
}

export const dataState = signal<DataState>({ loading: true });

let sample: Promise<TrainingData> | undefined;
/** The sample of MNIST, fetched once. */
function mnist(): Promise<TrainingData> {
  sample ??= (async () => {
    const response = await fetch(new URL("digits.bin", document.baseURI));
    if (!response.ok) throw new Error(`digits.bin: got status ${response.status}, wanted the file`);
    return sampleData(await readSample(await response.blob()));
  })().catch((error) => {
    sample = undefined;
    throw error;
  });
  return sample;
}

/** What is chosen as data, or a promise of it; undefined: something is still to be given. */
function chosenData(): TrainingData | Promise<TrainingData> | undefined {
  const from = source.value;
  if (isToy(from)) return toyData(from, { examples: examples.value, noise: noise.value, seed: seed.value });
  if (from === "mnist") return mnist();
  if (from === "drawn") return drawn.value.length < 2 ? undefined : drawnData(drawn.value, seed.value);
  const [chosen, drawnBy] = [choice.value, seed.value];
  if (!chosen) return undefined;
  return import("../../data/own-table.ts").then(({ ownTableData }) =>
    ownTableData(chosen.own, { ...chosen, seed: drawnBy }),
  );
}

effect(() => {
  let current = true;
  const take = (state: DataState) => {
    if (current) dataState.value = state;
  };
  try {
    const wanted = chosenData();
    if (wanted instanceof Promise) {
      dataState.value = { loading: true };
      wanted.then(
        (data) => take({ data }),
        (error) => take({ error }),
      );
    } else take(wanted ? { data: wanted } : {});
  } catch (error) {
    take({ error });
  }
  return () => {
    current = false;
  };
});

/** The network as it is described; its model is there to be looked at, each run makes its own. */
export const network = computed(() => {
  const { data } = dataState.value;
  return data && buildNetwork(layersOf(), data);
});

export const layersOf = (): LayerSettings[] => layers.value.map(({ settings }) => settings);

/** All that a run hangs on. */
export const runSettings = (): RunSettings => ({
  optimizer: optimizer.value,
  knobs: knobs.value,
  learningRate: learningRate.value,
  schedule: schedule.value,
  batchSize: batchSize.value,
  epochs: epochs.value,
  seed: seed.value,
});
